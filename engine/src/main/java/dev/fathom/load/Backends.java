package dev.fathom.load;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.scalar.ScalarBackend;
import dev.fathom.kernels.vector.VectorBackend;

/** Kernel backends by the names {@code --kernel-backend} takes. */
final class Backends {
    private static final String VECTOR_MODULE = "jdk.incubator.vector";

    private Backends() {}

    /** @param threads 0 is one for each processor */
    static KernelBackend open(String name, int threads) {
        int count = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        return switch (name) {
            case "auto" -> vectorThere() ? new VectorBackend(count) : new ScalarBackend(count);
            case "vector" -> {
                if (!vectorThere()) {
                    throw new CheckpointException("--kernel-backend vector needs the JVM flag --add-modules="
                            + VECTOR_MODULE + "; the fathom launcher passes it.");
                }
                yield new VectorBackend(count);
            }
            case "scalar" -> new ScalarBackend(count);
            default ->
                throw new CheckpointException(
                        "There is no kernel backend named \"" + name + "\"; give auto, vector or scalar.");
        };
    }

    private static boolean vectorThere() {
        return ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
    }
}
