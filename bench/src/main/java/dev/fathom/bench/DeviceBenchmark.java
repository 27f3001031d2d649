package dev.fathom.bench;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.GpuOptions;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.cuda.CudaBackend;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * A GPU's operations one by one at DeepSeek-V3's sizes: linear maps and experts in FP8 and BF16, both attention forms. Several
 * calls are queued and waited for together, so that neither launching nor waiting counts.
 *
 * <p>{@code DeviceBenchmark [exact] [attention]}: with float32's accuracy; attention alone
 */
public final class DeviceBenchmark implements AutoCloseable {
    private static final Path KERNEL_CACHE = Path.of("bench", "target", "kernel-cache");
    private static final int[] ROWS = {1, 16, 128, 1024, 4096};
    private static final int EXPERTS = 32;
    private static final int TOP_K = 8;
    private static final int HIDDEN = 7168;
    private static final int EXPERT_WIDTH = 2048;
    private static final int PAGE = 64;
    private static final int CALLS = 10;
    private static final int RUNS = 3;

    private final KernelBackend kernels;
    private final PrintStream out = System.out;
    private final Arena arena = Arena.ofShared();
    private final Arena host = Arena.ofShared();
    private final BenchData data = new BenchData(host);
    private final StepScratch scratch;
    private final Tensor one;

    private DeviceBenchmark(KernelBackend kernels) {
        this.kernels = kernels;
        scratch = new StepScratch(1 << 20, kernels::allocate);
        one = tensor(1, 1);
    }

    public static void main(String[] arguments) {
        List<String> words = List.of(arguments);
        GpuOptions options = words.contains("exact") ? GpuOptions.EXACT : GpuOptions.USUAL;
        PrintStream progress = System.out;
        try (KernelBackend kernels = CudaBackend.open(new KernelCache(KERNEL_CACHE), options, progress::print);
                DeviceBenchmark benchmark = new DeviceBenchmark(kernels)) {
            System.out.println(kernels.description());
            if (!words.contains("attention")) {
                benchmark.products();
            }
            benchmark.attention();
        }
    }

    private void products() {
        linear("F8_E4M3", "o_proj", 7168, 16384);
        linear("F8_E4M3", "dense gate", 18432, HIDDEN);
        linear("BF16", "o_proj", 7168, 16384);
        experts("F8_E4M3");
        experts("BF16");
    }

    private void attention() {
        decodeAttention(128, 64, 4096, 4096);
        decodeAttention(16, 128, 4096, 4096);
        decodeAttention(16, 128, 1, 4096);
        decodeAttention(16, 128, 528, 528);
        decodeAttention(16, 1, 4096, 4096);
        prefillAttention(16, 8192);
    }

    private Tensor tensor(int rows, int cols) {
        return new Tensor(kernels.allocate(Tensor.byteSize(rows, cols), arena), rows, cols);
    }

    private Tensor filled(int rows, int cols) {
        Tensor tensor = tensor(rows, cols);
        kernels.upload(data.tensor(rows, cols).toArray(), tensor);
        return tensor;
    }

    /** Seconds of one call, the best of a few runs of several. */
    private double seconds(Runnable call) {
        double best = Double.MAX_VALUE;
        for (int run = 0; run <= RUNS; run++) {
            kernels.beginStep(Integer.MAX_VALUE);
            // A step's batch is sent with its first layer.
            call.run();
            kernels.download(one);
            long start = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                call.run();
            }
            kernels.download(one);
            best = run == 0 ? best : Math.min(best, (System.nanoTime() - start) / 1e9 / CALLS);
        }
        return best;
    }

    private void print(String what, double seconds, double operations, double bytes) {
        out.printf(
                Locale.ROOT,
                "%-44s %9.1f us %8.1f TFLOP/s %8.0f GB/s%n",
                what,
                seconds * 1e6,
                operations / seconds / 1e12,
                bytes / seconds / 1e9);
    }

    private void linear(String format, String name, int rows, int cols) {
        LinearKernel linear = kernels.bind(data.weight(format, rows, cols));
        double bytes = (double) rows * cols * (format.equals("BF16") ? 2 : 1);
        for (int m : ROWS) {
            Tensor x = filled(m, cols);
            Tensor y = tensor(m, rows);
            String what = format + " " + name + " " + rows + " x " + cols + ", m = " + m;
            print(what, seconds(() -> linear.apply(x, y)), 2.0 * m * rows * cols, bytes);
        }
    }

    private void experts(String format) {
        ExpertWeights one = new ExpertWeights(
                data.weight(format, EXPERT_WIDTH, HIDDEN),
                data.weight(format, EXPERT_WIDTH, HIDDEN),
                data.weight(format, HIDDEN, EXPERT_WIDTH));
        ExpertsKernel kernel = kernels.bindExperts(Collections.nCopies(EXPERTS, one));
        double bytesOfOne = 3.0 * EXPERT_WIDTH * HIDDEN * (format.equals("BF16") ? 2 : 1);
        for (int m : ROWS) {
            int[] chosen = IntStream.range(0, m * TOP_K)
                    .map(i -> (i / TOP_K * 5 + i % TOP_K * 4) % EXPERTS)
                    .toArray();
            float[] weights = new float[m * TOP_K];
            ExpertPlan plan = ExpertPlan.of(m, TOP_K, EXPERTS, chosen, weights);
            Tensor x = filled(m, HIDDEN);
            Tensor y = tensor(m, HIDDEN);
            double seconds = seconds(() -> kernel.apply(x, plan, y, scratch));
            long used = IntStream.of(chosen).distinct().count();
            String what = format + " " + EXPERTS + " experts, 8 of them for each of m = " + m;
            print(what, seconds, 2.0 * m * TOP_K * 3 * EXPERT_WIDTH * HIDDEN, used * bytesOfOne);
        }
    }

    /** Sequences of {@code shortest} to {@code context} tokens; pages were dealt as they are to sequences that grow together. */
    private void decodeAttention(int heads, int sequences, int shortest, int context) {
        KvShape shape = new KvShape(1, 512, 64);
        PagedKv kv =
                PagedKv.allocate(shape, KvFormat.BF16, sequences * Math.ceilDiv(context, PAGE) * PAGE, arena, kernels);
        int[] start = IntStream.rangeClosed(0, sequences).toArray();
        int[] lengths = new int[sequences];
        Arrays.setAll(lengths, i -> context - (context - shortest) * i / sequences);
        int[][] slots = new int[sequences][];
        for (int i = 0; i < sequences; i++) {
            int sequence = i;
            slots[i] = IntStream.range(0, lengths[i])
                    .map(position -> (position / PAGE * sequences + sequence) * PAGE + position % PAGE)
                    .toArray();
        }
        AttentionBatch batch = new AttentionBatch(start, lengths, slots);
        HeadView query = HeadView.of(filled(sequences, heads * shape.rowWidth()), heads);
        HeadView result = HeadView.of(tensor(sequences, heads * 512), heads);
        double seconds = seconds(() -> kernels.attendLatent(query, batch, kv, 0, 0.1f, result));
        double pairs = Arrays.stream(lengths).sum();
        String each = shortest < context ? shortest + " to " + context : "" + context;
        print(
                "MLA decode, " + heads + " heads, " + sequences + " x " + each,
                seconds,
                2 * pairs * heads * (576 + 512),
                pairs * 1152);
    }

    private void prefillAttention(int heads, int tokens) {
        HeadView query = HeadView.of(filled(tokens, heads * 192), heads);
        HeadView keysValues = HeadView.of(filled(tokens, heads * 256), heads);
        Tensor ropeKeys = filled(tokens, 64);
        HeadView result = HeadView.of(tensor(tokens, heads * 128), heads);
        Tensor logSumExp = tensor(tokens, heads);
        double seconds = seconds(() -> {
            kernels.fill(logSumExp, Float.NEGATIVE_INFINITY);
            kernels.attendExpanded(query, 0, keysValues, ropeKeys, 0, 0.07f, result, logSumExp);
        });
        double pairs = (double) tokens * (tokens + 1) / 2;
        print("MLA prefill, " + heads + " heads, " + tokens, seconds, 2 * pairs * heads * 320, 0);
    }

    @Override
    public void close() {
        scratch.close();
        arena.close();
        host.close();
    }
}
