package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConversionTest {
    private static final long SHARD = 4_000_000;

    @TempDir
    Path folder;

    private static CheckpointFiles nano() {
        return CheckpointFiles.resources(
                ConversionTest.class.getClassLoader(), "models/nano/", Bf16NanoCheckpoint.FP8_FILES);
    }

    private CheckpointFiles convert(CheckpointFiles from, TargetFormat to, String name) {
        Path target = folder.resolve(name);
        new Conversion(from, to, target).run(SHARD, LoadProgress.none());
        return to == TargetFormat.Q8_0 ? GgufCheckpoint.open(target) : CheckpointFiles.folder(target);
    }

    private static HfConfig config(CheckpointFiles files) {
        return HfConfig.parse(files.read("config.json"), files.describe("config.json"));
    }

    private static PublishedWeights weights(CheckpointFiles files) {
        return PublishedWeights.open(files, config(files));
    }

    @Test
    void writesAFolderThatIsComplete() throws IOException {
        CheckpointFiles bf16 = convert(nano(), TargetFormat.BF16, "bf16");
        assertThat(bf16.list()).contains("tokenizer.json", "tokenizer_config.json", "generation_config.json");
        assertThat(bf16.read("tokenizer.json")).isEqualTo(nano().read("tokenizer.json"));
        assertThat(config(bf16).has("quantization_config")).isFalse();
        assertThat(config(bf16).integer("hidden_size")).isEqualTo(384);
        List<String> shards = bf16.list().stream()
                .filter(name -> name.endsWith(".safetensors"))
                .toList();
        assertThat(shards)
                .hasSizeBetween(12, 16)
                .allMatch(name -> name.endsWith("-of-%05d.safetensors".formatted(shards.size())));
        for (String shard : shards) {
            assertThat(Files.size(folder.resolve("bf16").resolve(shard))).isLessThan(SHARD + 100_000);
        }
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).as("nothing unfinished").containsExactly(folder.resolve("bf16"));
        }
    }

    @Test
    @Tag("slow")
    void changesNoNumberWhereTheNewFormatHoldsIt() {
        CheckpointFiles bf16 =
                convert(CheckpointFiles.folder(Bf16NanoCheckpoint.folder()), TargetFormat.Q8_0, "a.gguf");
        assertSame(convert(bf16, TargetFormat.BF16, "b"), bf16, 0x1p-8);
        CheckpointFiles fp8 = convert(CheckpointFiles.folder(Bf16NanoCheckpoint.folder()), TargetFormat.FP8, "fp8");
        assertSame(convert(fp8, TargetFormat.BF16, "plain"), fp8, 0x1p-8);
    }

    /** Every tensor under the same name and in the same shape, every number within a share of it. */
    private static void assertSame(CheckpointFiles a, CheckpointFiles b, double share) {
        try (PublishedWeights first = weights(a);
                PublishedWeights second = weights(b)) {
            assertThat(first.shapes()).isEqualTo(second.shapes());
            first.shapes().forEach((name, shape) -> {
                long rows = shape.size() == 1 ? 1 : shape.getFirst();
                float[] x = new float[shape.getLast().intValue()];
                float[] y = new float[x.length];
                for (long row = 0; row < rows; row += Math.max(1, rows / 7)) {
                    first.rows(name).read(row, x);
                    second.rows(name).read(row, y);
                    for (int i = 0; i < x.length; i++) {
                        if (Math.abs(x[i] - y[i]) > Math.abs(y[i]) * share) {
                            throw new AssertionError(
                                    name + "[" + row + ", " + i + "] is " + x[i] + ", expected " + y[i]);
                        }
                    }
                }
            });
        }
    }

    @Test
    void writesTheSameBytesAgain() throws IOException {
        convert(nano(), TargetFormat.INT8, "one");
        convert(nano(), TargetFormat.INT8, "two");
        for (String name : CheckpointFiles.folder(folder.resolve("one")).list()) {
            assertThat(Files.mismatch(
                            folder.resolve("one").resolve(name),
                            folder.resolve("two").resolve(name)))
                    .as(name)
                    .isEqualTo(-1);
        }
    }

    @Test
    @Tag("slow")
    void refusesWhatWouldLoseOrOverwrite() throws IOException {
        Path there = Files.createDirectory(folder.resolve("there"));
        assertRefused(nano(), TargetFormat.BF16, there, "exists already, and is not overwritten");
        assertRefused(nano(), TargetFormat.FP8, folder.resolve("x"), "is fp8 already.");
        assertRefused(nano(), TargetFormat.Q8_0, folder.resolve("x"), "whose name ends in .gguf.");
        assertRefused(nano(), TargetFormat.INT8, folder.resolve("x.gguf"), "is written as a folder.");
        assertRefused(
                CheckpointFiles.folder(Bf16NanoCheckpoint.folder()),
                TargetFormat.BF16,
                folder.resolve("x"),
                "is bf16 already.");
        CheckpointFiles int8 = convert(nano(), TargetFormat.INT8, "int8");
        assertRefused(int8, TargetFormat.INT8, folder.resolve("x"), "is int8 already.");
        CheckpointFiles gguf = convert(int8, TargetFormat.Q8_0, "nano.gguf");
        assertRefused(gguf, TargetFormat.Q8_0, folder.resolve("x.gguf"), "is q8_0 already.");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).hasSize(3);
        }
    }

    private static void assertRefused(CheckpointFiles from, TargetFormat to, Path target, String sentence) {
        assertThatThrownBy(() -> new Conversion(from, to, target).run(SHARD, LoadProgress.none()))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(sentence);
    }

    @Test
    void leavesNothingWhereItIsInterrupted() throws IOException {
        Conversion conversion = new Conversion(nano(), TargetFormat.BF16, folder.resolve("x"));
        assertThatThrownBy(() -> conversion.run(SHARD, (done, total) -> {
                    if (done > total / 3) {
                        conversion.abandon();
                    }
                }))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("interrupted");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void tellsHowFarItIs() {
        long[] last = new long[2];
        long bytes = new Conversion(nano(), TargetFormat.INT8, folder.resolve("x")).run(SHARD, (done, total) -> {
            assertThat(done).isBetween(last[0], total);
            last[0] = done;
            last[1] = total;
        });
        assertThat(last).containsExactly(bytes, bytes);
    }
}
