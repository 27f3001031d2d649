package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.kernels.CpuBinding;
import dev.fathom.kernels.KernelBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackendsTest {
    private static final LoadOptions ONE_THREAD = LoadOptions.EMBEDDED.withThreads(1);
    private static final LoadOptions CPU = ONE_THREAD.withKernelBackend("cpu");

    @TempDir
    private Path folder;

    private final StringBuilder said = new StringBuilder();

    private KernelBackend open(LoadOptions options) {
        return Backends.open(options, new LoadProgress() {
            @Override
            public void advance(long bytesDone, long bytesTotal) {}

            @Override
            public void say(String text) {
                said.append(text);
            }
        });
    }

    @Test
    @Tag("slow")
    void prefersCompiledKernelsAndTellsWhichOperationsTheyServe() {
        try (KernelBackend kernels = open(CPU.withKernelCache(folder))) {
            if (kernels.name().equals("c")) {
                assertThat(said.toString()).startsWith("Compiling kernels for ").endsWith(" s\n");
                assertThat(kernels.description())
                        .startsWith("c: attention, rows, the index, linear maps and experts in C (a")
                        .contains("weights of other formats fall back to vector: Java Vector API", "1 thread");
            } else {
                assertThat(said.toString()).startsWith("No C kernels, the Java Vector API serves: there ");
            }
        }
    }

    @Test
    void compilesNothingWhereThereIsNoFolderForIt() {
        try (KernelBackend kernels = open(ONE_THREAD)) {
            assertThat(kernels.name()).isEqualTo("vector");
            assertThat(said).isEmpty();
        }
        assertThatThrownBy(() -> open(ONE_THREAD.withKernelBackend("c")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("--kernel-cache-dir");
    }

    @Test
    void takesAThreadForEachProcessorItIsBoundTo() {
        CpuBinding first = CpuBinding.parse("0");
        LoadOptions bound = LoadOptions.EMBEDDED.withCpuBinding(first);
        try (KernelBackend kernels = open(bound)) {
            assertThat(kernels.description()).contains(" on 1 thread ");
        }
        assertThatThrownBy(() -> open(bound.withThreads(2)))
                .isInstanceOf(CheckpointException.class)
                .hasMessage("--threads 2 needs as many processors to be bound to, and [0] are given.");
        assertThatThrownBy(() -> open(bound.withCpuBinding(CpuBinding.parse("1023"))))
                .isInstanceOf(CheckpointException.class)
                .hasMessageMatching("Kernel threads cannot be bound: this process may run on .*, not on \\[1023]\\.");
    }

    @Test
    void opensTheGpuOrSaysWhyThereIsNone() {
        assertThatThrownBy(() -> open(ONE_THREAD.withKernelBackend("cuda")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("--device cuda needs a folder for compiled kernels");
        LoadOptions options = ONE_THREAD.withKernelBackend("cuda").withKernelCache(folder);
        try (KernelBackend kernels = open(options)) {
            assertThat(kernels.description()).startsWith("cuda: ");
            assertThat(kernels.memoryBytes()).isPresent();
        } catch (CheckpointException e) {
            assertThat(e).hasMessageMatching("--device cuda cannot be had: [a-zA-Z]+ .*; use --device cpu\\.");
        }
    }

    @Test
    void takesTheCpuWhereAGpuIsNotWanted() {
        try (KernelBackend kernels = open(CPU)) {
            assertThat(kernels.name()).isEqualTo("vector");
            assertThat(kernels.memoryBytes()).isEmpty();
        }
    }

    @Test
    void fallsBackWithOneSentenceUnlessCIsDemanded() throws IOException {
        Path file = Files.writeString(folder.resolve("file"), "no folder");
        LoadOptions options = CPU.withKernelCache(file);
        try (KernelBackend kernels = open(options)) {
            assertThat(kernels.name()).isEqualTo("vector");
            assertThat(said.toString())
                    .startsWith("No C kernels, the Java Vector API serves: ")
                    .endsWith(".\n")
                    .hasLineCount(1);
        }
        assertThatThrownBy(() -> open(options.withKernelBackend("c")))
                .isInstanceOf(CheckpointException.class)
                .hasMessageStartingWith("--kernel-backend c cannot be had: ");
    }
}
