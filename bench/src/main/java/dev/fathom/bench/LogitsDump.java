package dev.fathom.bench;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import dev.fathom.load.WeightOptions;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The logits at every position of a text, for comparison with another program's: {@code bench/agreement} calls it.
 *
 * <p>{@code LogitsDump MODEL IDS OUT [quantization=none] [cache=BF16] [backend=auto]}: IDS is a file of token ids, one a line; OUT gets
 * float32 [tokens, vocabulary], little-endian.
 */
public final class LogitsDump {
    private LogitsDump() {}

    public static void main(String[] arguments) {
        Path model = Path.of(arguments[0]);
        int[] ids = read(Path.of(arguments[1]));
        String quantization = word(arguments, 3, "none");
        KvFormat format = KvFormat.valueOf(word(arguments, 4, "BF16"));
        LoadOptions options = LoadOptions.EMBEDDED
                .withModelPath(model)
                .withSkipTokenizer(true)
                .withKernelBackend(word(arguments, 5, "auto"))
                .withKernelCache(Path.of("bench", "target", "kernel-cache"))
                .withWeights(new WeightOptions(quantization.equals("none") ? null : quantization, false, false));
        try (LoadedModel loaded = ModelLoader.load(options, LoadProgress.none());
                Arena arena = Arena.ofShared();
                StepScratch scratch = new StepScratch(1 << 20, loaded.kernels()::allocate)) {
            PagedKv kv = PagedKv.allocate(loaded.model().kvShape(), format, ids.length, arena, loaded.kernels());
            int[] positions = IntStream.range(0, ids.length).toArray();
            AttentionBatch batch =
                    new AttentionBatch(new int[] {0, ids.length}, new int[] {ids.length}, new int[][] {positions});
            loaded.kernels().beginStep(ids.length);
            StepOutput output = loaded.model()
                    .forward(new StepContext(
                            ids, batch, positions, kv, loaded.kernels(), Communicator.single(), scratch));
            write(loaded.kernels().download(output.logits()), Path.of(arguments[2]));
            System.out.println(loaded.kernels().description());
            System.out.println(loaded.kernels().name() + ", cache in " + format);
        }
    }

    private static String word(String[] arguments, int index, String otherwise) {
        return arguments.length > index ? arguments[index] : otherwise;
    }

    private static int[] read(Path file) {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.mapToInt(Integer::parseInt).toArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void write(Tensor logits, Path file) {
        long bytes = Tensor.byteSize(logits.rows(), logits.cols());
        try (FileChannel out = FileChannel.open(
                file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.TRUNCATE_EXISTING)) {
            out.write(logits.data().asSlice(0, bytes).asByteBuffer());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
