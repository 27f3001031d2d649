package dev.fathom.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.fathom.checkpoint.CheckpointException;
import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.text.TokenizerException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What people have in their folders when something went wrong. Each case begins with a whole checkpoint, breaks one thing, and
 * wants one sentence that says which file, what is wrong with it, and what to do. How long that took is printed beside it.
 */
class BrokenCheckpointTest {
    private static final LoadOptions ONE_THREAD =
            LoadOptions.EMBEDDED.withKernelBackend("scalar").withThreads(1);

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource({"dev.fathom.load.BrokenCheckpoints#configurations", "dev.fathom.load.BrokenCheckpoints#files"})
    void saysInOneSentenceWhatIsWrongAndWhatToDo(BrokenCheckpoints.Case broken) throws IOException {
        start(broken.start());
        broken.damage().to(folder);
        refused(
                ONE_THREAD.withModelPath(folder).withSkipTokenizer(broken.start() == BrokenCheckpoints.Start.TINY),
                broken.said());
    }

    private static void refused(LoadOptions options, List<String> said) {
        long start = System.nanoTime();
        Throwable thrown = catchThrowable(
                () -> ModelLoader.load(options, LoadProgress.none()).close());
        double seconds = (System.nanoTime() - start) / 1e9;
        assertThat(thrown).isInstanceOfAny(CheckpointException.class, TokenizerException.class);
        System.out.printf(Locale.ROOT, "  %.3f s: %s%n", seconds, thrown.getMessage());
        assertThat(thrown.getMessage())
                .contains(said)
                .doesNotContain("\n", "java.", "Exception", "[Source")
                .hasSizeLessThan(500);
    }

    private void start(BrokenCheckpoints.Start start) throws IOException {
        switch (start) {
            case TINY -> {
                for (String name : List.of("config.json", BrokenCheckpoints.WEIGHTS)) {
                    try (InputStream in = getClass().getResourceAsStream("/golden/tiny-deepseek-v3/" + name)) {
                        Files.copy(Objects.requireNonNull(in), folder.resolve(name));
                    }
                }
            }
            case NANO -> {
                try (Stream<Path> embedded = Files.list(nano())) {
                    for (Path file : embedded.toList()) {
                        Files.createSymbolicLink(folder.resolve(file.getFileName()), file);
                    }
                }
            }
        }
    }

    private static Path nano() {
        try {
            Path config =
                    Path.of(Objects.requireNonNull(BrokenCheckpointTest.class.getResource("/models/nano/config.json"))
                            .toURI());
            return Objects.requireNonNull(config.getParent());
        } catch (URISyntaxException e) {
            throw new UncheckedIOException(new IOException(e));
        }
    }

    @ParameterizedTest
    @MethodSource("dev.fathom.load.BrokenCheckpoints#paths")
    void saysInOneSentenceWhatIsWrongWithAPath(BrokenCheckpoints.Case broken) throws IOException {
        broken.damage().to(folder);
        Path path = Stream.of("model.gguf", "model.safetensors", "nowhere")
                .map(folder::resolve)
                .filter(file -> Files.exists(file) || file.endsWith("nowhere"))
                .findFirst()
                .orElseThrow();
        refused(ONE_THREAD.withModelPath(path), broken.said());
    }
}
