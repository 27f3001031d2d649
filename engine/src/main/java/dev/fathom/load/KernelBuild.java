package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.c.CKernels;
import dev.fathom.kernels.c.CpuTarget;
import java.nio.file.Path;
import java.util.function.Consumer;

/** Compiles kernels without loading a model. */
public final class KernelBuild {
    private KernelBuild() {}

    /**
     * The name of the best target that runs here.
     *
     * @throws CheckpointException if there is none
     */
    public static String bestTarget() {
        try {
            return CKernels.target(CpuTarget.CPU_INFO).label();
        } catch (KernelException e) {
            throw new CheckpointException("Nothing to compile: " + e.getMessage() + ".", e);
        }
    }

    /** @throws CheckpointException if there is no target of that name */
    public static void requireTarget(String label) {
        target(label);
    }

    private static CpuTarget target(String label) {
        return CpuTarget.ofLabel(label)
                .orElseThrow(() -> new CheckpointException(
                        "There is no target named \"" + label + "\"; give " + CpuTarget.labels() + "."));
    }

    /**
     * Sees to it that a target's kernels are in the cache.
     *
     * @param progress  gets pieces of text while something is compiled
     * @return the library
     * @throws CheckpointException if that cannot be done
     */
    public static Path build(Path folder, String label, Consumer<String> progress) {
        try {
            return CKernels.prepare(new KernelCache(folder), target(label), progress)
                    .library();
        } catch (KernelException e) {
            throw new CheckpointException("The kernels for " + label + " cannot be had: " + e.getMessage() + ".", e);
        }
    }
}
