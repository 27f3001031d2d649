package dev.fathom.bench;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.StepScratch;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * Prefill and decode speed of the model itself, without server and scheduler: load time and resident memory, then
 * tokens per second by batch size, the median of several runs each.
 *
 * <p>{@code ModelBenchmark (nano | FOLDER) [backend=vector] [threads=0] [prompt=512] [generate=64] [runs=5]}
 */
public final class ModelBenchmark implements AutoCloseable {
    private static final int[] BATCHES = {1, 8, 32};
    private static final int DECODE_CONTEXT = 128;

    private final LoadedModel loaded;
    private final Arena arena = Arena.ofShared();
    private final PagedKv kv;
    private final StepScratch scratch = new StepScratch(1 << 20);
    private final SplittableRandom random = new SplittableRandom(1);
    private final int slotsEach;

    private ModelBenchmark(LoadedModel loaded, int prompt, int generate) {
        this.loaded = loaded;
        this.slotsEach = Math.max(prompt, DECODE_CONTEXT) + generate;
        this.kv = PagedKv.allocate(
                loaded.model().kvShape(), KvFormat.BF16, slotsEach * BATCHES[BATCHES.length - 1], arena);
        fill(kv);
    }

    /** The contexts to decode after: normal numbers, as speed depends on there being some, not on which. */
    private void fill(PagedKv cache) {
        for (MemorySegment layer : cache.layers()) {
            for (long at = 0; at < layer.byteSize(); at += 2) {
                layer.set(Codecs.LE_SHORT, at, Codecs.floatToBf16((float) random.nextGaussian()));
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        String model = arguments.length > 0 ? arguments[0] : "nano";
        String backend = arguments.length > 1 ? arguments[1] : "vector";
        int threads = integer(arguments, 2, 0);
        int prompt = integer(arguments, 3, 512);
        int generate = integer(arguments, 4, 64);
        int runs = integer(arguments, 5, 5);
        LoadOptions options = LoadOptions.EMBEDDED.withKernelBackend(backend).withThreads(threads);
        if (!model.equals("nano")) {
            options = options.withModelPath(Path.of(model)).withSkipTokenizer(true);
        }
        try (LoadedModel loaded = ModelLoader.load(options, LoadProgress.none());
                ModelBenchmark benchmark = new ModelBenchmark(loaded, prompt, generate)) {
            benchmark.run(prompt, generate, runs, System.out);
        }
    }

    private static int integer(String[] arguments, int index, int otherwise) {
        return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
    }

    private void run(int prompt, int generate, int runs, PrintStream out) throws IOException {
        double seconds = loaded.loadTime().toNanos() / 1e9;
        out.printf(
                Locale.ROOT,
                "%s: %.3f GB in %.2f s (%.2f GB/s), resident %.2f GB; %s%n",
                loaded.modelName(),
                loaded.weightBytes() / 1e9,
                seconds,
                loaded.weightBytes() / 1e9 / seconds,
                residentBytes() / 1e9,
                loaded.kernels().description());
        double[] prefills = new double[runs];
        prefill(prompt);
        for (int i = 0; i < runs; i++) {
            prefills[i] = prompt / prefill(prompt);
        }
        out.printf(Locale.ROOT, "prefill %4d tokens: %8.1f tokens/s%n", prompt, median(prefills));
        for (int batch : BATCHES) {
            double[] rates = new double[runs];
            decode(batch, generate);
            for (int i = 0; i < runs; i++) {
                rates[i] = (double) batch * generate / decode(batch, generate);
            }
            out.printf(Locale.ROOT, "decode, batch %2d:    %8.1f tokens/s%n", batch, median(rates));
        }
        out.printf(Locale.ROOT, "resident after the runs: %.2f GB%n", residentBytes() / 1e9);
    }

    /** Seconds for one step that computes {@code tokens} prompt tokens of one sequence. */
    private double prefill(int tokens) {
        int[] ids = random.ints(tokens, 3, loaded.model().vocabularySize()).toArray();
        return step(ids, 1, tokens, tokens);
    }

    /** Seconds for {@code generate} steps of one token for each sequence, after a context of 128 tokens. */
    private double decode(int batch, int generate) {
        double seconds = 0;
        for (int i = 0; i < generate; i++) {
            int[] ids = random.ints(batch, 3, loaded.model().vocabularySize()).toArray();
            seconds += step(ids, batch, 1, DECODE_CONTEXT + i + 1);
        }
        return seconds;
    }

    private double step(int[] ids, int batch, int queries, int context) {
        int[] queryStart = new int[batch + 1];
        int[] contextLength = new int[batch];
        int[][] slots = new int[batch][context];
        int[] outputRows = new int[batch];
        for (int sequence = 0; sequence < batch; sequence++) {
            queryStart[sequence + 1] = queryStart[sequence] + queries;
            contextLength[sequence] = context;
            outputRows[sequence] = queryStart[sequence + 1] - 1;
            for (int position = 0; position < context; position++) {
                slots[sequence][position] = sequence * slotsEach + position;
            }
        }
        long start = System.nanoTime();
        StepOutput output = loaded.model()
                .forward(new StepContext(
                        ids,
                        new AttentionBatch(queryStart, contextLength, slots),
                        outputRows,
                        kv,
                        loaded.kernels(),
                        Communicator.single(),
                        scratch));
        if (Float.isNaN(output.logits().get(0, 0))) {
            throw new IllegalStateException("the model gave NaN");
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        scratch.reset();
        return seconds;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }

    /** Resident set of this process, as Linux reports it; 0 elsewhere. */
    private static long residentBytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) {
            return 0;
        }
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmRSS:")) {
                return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
            }
        }
        return 0;
    }

    @Override
    public void close() {
        scratch.close();
        arena.close();
    }
}
