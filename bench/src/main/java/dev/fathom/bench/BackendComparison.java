package dev.fathom.bench;

import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.KvShape;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.c.CBackend;
import dev.fathom.kernels.c.CKernels;
import dev.fathom.kernels.c.CpuTarget;
import dev.fathom.kernels.vector.VectorBackend;
import dev.fathom.tensor.DType;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * The vector backend against the C backend on weights and in attention, call by call in turn, so that both have the same neighbours on a
 * shared machine: medians, bytes of weights and multiply-adds per second, and the ratio.
 *
 * <p>{@code BackendComparison CACHE_FOLDER [threads=2] [target=widest] [seconds for each line=4] [index]}: the last word leaves out all but the
 * index of keys.
 */
public final class BackendComparison implements AutoCloseable {
    /** Larger than the caches that a virtual machine can call its own. */
    private static final long WORKING_SET_BYTES = 1L << 30;

    private static final int EXPERTS = 16;
    private static final int TOP_K = 8;
    /** A weight read by few rows is limited by memory, one read by many by arithmetic. */
    private static final int MANY_ROWS = 64;

    /** Keys that DeepSeek-V3.2's index chooses. */
    private static final int CHOSEN = 2048;

    private static final float SCALE = 0.07f;

    private final Arena arena = Arena.ofShared();
    private final BenchData data = new BenchData(arena);
    private final StepScratch scratch = new StepScratch(1 << 20);
    private final List<KernelBackend> backends = new ArrayList<>();
    private final double seconds;

    private BackendComparison(Path cache, CpuTarget target, int threads, double seconds) {
        this.seconds = seconds;
        backends.add(new VectorBackend(threads));
        backends.add(CBackend.open(new KernelCache(cache), target, threads, System.out::print));
        backends.forEach(backend -> System.out.println(backend.description()));
    }

    public static void main(String[] arguments) {
        int threads = arguments.length > 1 ? Integer.parseInt(arguments[1]) : 2;
        CpuTarget target = arguments.length > 2
                ? CpuTarget.ofLabel(arguments[2]).orElseThrow()
                : CKernels.target(CpuTarget.CPU_INFO);
        double seconds = arguments.length > 3 ? Double.parseDouble(arguments[3]) : 4;
        try (var comparison = new BackendComparison(Path.of(arguments[0]), target, threads, seconds)) {
            comparison.index(1, 4096);
            comparison.index(1, 16384);
            comparison.index(64, 4096);
            if (arguments.length > 4 && arguments[4].equals("index")) {
                return;
            }
            for (DType format : List.of(DType.F8_E4M3, DType.BF16, DType.F32)) {
                for (int[] shape : new int[][] {{7168, 2048}, {2048, 7168}}) {
                    comparison.linear(format, shape[0], shape[1], 1, 2, 8, 32, 256);
                }
                comparison.experts(format, 1, 8, 256);
            }
            comparison.heads(16, 1, 16, 64);
            for (int heads : new int[] {16, 128}) {
                comparison.latentAttention(heads, 1, 4096);
                comparison.latentAttention(heads, 8, 1024);
                comparison.expandedAttention(heads, 512);
            }
        }
    }

    private void linear(DType format, int outputs, int inputs, int... rows) {
        WeightMatrix first = data.weight(format, outputs, inputs);
        int copies = (int) (WORKING_SET_BYTES / first.bytes());
        List<List<LinearKernel>> kernels = List.of(new ArrayList<>(), new ArrayList<>());
        for (int i = 0; i < copies; i++) {
            WeightMatrix weight = i == 0 ? first : data.weight(format, outputs, inputs);
            for (int b = 0; b < 2; b++) {
                kernels.get(b).add(backends.get(b).bind(weight));
            }
        }
        for (int m : rows) {
            Tensor x = data.tensor(m, inputs);
            Tensor y = data.tensor(m, outputs);
            compare(
                    String.format(Locale.ROOT, "%s linear %d x %d, %3d rows", format, outputs, inputs, m),
                    first.bytes(),
                    (long) m * outputs * inputs,
                    m >= MANY_ROWS,
                    (backend, call) -> kernels.get(backend).get(call % copies).apply(x, y));
        }
    }

    private void experts(DType format, int... tokens) {
        int hidden = 7168;
        int inner = 2048;
        List<ExpertWeights> weights = new ArrayList<>();
        for (int e = 0; e < EXPERTS; e++) {
            weights.add(new ExpertWeights(
                    data.weight(format, inner, hidden),
                    data.weight(format, inner, hidden),
                    data.weight(format, hidden, inner)));
        }
        long bytes = 3 * weights.getFirst().gate().bytes();
        List<ExpertsKernel> kernels =
                backends.stream().map(backend -> backend.bindExperts(weights)).toList();
        for (int m : tokens) {
            int[] chosen = new int[m * TOP_K];
            float[] routing = new float[m * TOP_K];
            Arrays.setAll(chosen, i -> (i / TOP_K * 5 + 2 * (i % TOP_K)) % EXPERTS);
            Arrays.fill(routing, 0.3f);
            ExpertPlan plan = ExpertPlan.of(m, TOP_K, EXPERTS, chosen, routing);
            int active = (int) Arrays.stream(chosen).distinct().count();
            Tensor x = data.tensor(m, hidden);
            Tensor out = data.tensor(m, hidden);
            compare(
                    String.format(Locale.ROOT, "%s experts %d x %d, %3d tokens", format, hidden, inner, m),
                    active * bytes,
                    3L * m * TOP_K * hidden * inner,
                    m >= MANY_ROWS,
                    (backend, call) -> kernels.get(backend).apply(x, plan, out, scratch));
        }
    }

    /** From queries into the latent space, at DeepSeek's widths. */
    private void heads(int heads, int... rows) {
        WeightMatrix stacked = data.weight(DType.BF16, heads * 512, 128);
        List<HeadsKernel> kernels = backends.stream()
                .map(backend -> backend.bindHeads(stacked, heads))
                .toList();
        for (int m : rows) {
            HeadView x = HeadView.of(data.tensor(m, heads * 128), heads);
            HeadView y = HeadView.of(data.tensor(m, heads * 512), heads);
            compare(
                    String.format(Locale.ROOT, "%d heads 512 x 128, %3d rows", heads, m),
                    stacked.bytes(),
                    m * stacked.bytes() / 2,
                    m >= MANY_ROWS,
                    (backend, call) -> kernels.get(backend).apply(x, y));
        }
    }

    /** One new token of each sequence over the latent cache, at DeepSeek's widths. */
    private void latentAttention(int heads, int sequences, int context) {
        KvShape shape = new KvShape(1, 512, 64);
        PagedKv kv = PagedKv.allocate(shape, KvFormat.BF16, sequences * context, arena);
        WeightMatrix numbers = data.weight(DType.BF16, kv.slots(), shape.rowWidth());
        MemorySegment.copy(((Bf16Matrix) numbers).data(), 0, kv.layer(0), 0, numbers.bytes());
        int[][] slots = new int[sequences][context];
        for (int i = 0; i < sequences * context; i++) {
            slots[i % sequences][i / sequences] = i;
        }
        int[] lengths = new int[sequences];
        Arrays.fill(lengths, context);
        AttentionBatch batch =
                new AttentionBatch(IntStream.rangeClosed(0, sequences).toArray(), lengths, slots);
        HeadView query = HeadView.of(data.tensor(sequences, heads * shape.rowWidth()), heads);
        HeadView out = HeadView.of(data.tensor(sequences, heads * shape.latentWidth()), heads);
        compare(
                String.format(Locale.ROOT, "absorbed %3d heads, %d x %4d keys", heads, sequences, context),
                numbers.bytes(),
                (long) heads * sequences * context * (shape.rowWidth() + shape.latentWidth()),
                true,
                (backend, call) -> backends.get(backend).attendLatent(query, batch, kv, 0, SCALE, out));
    }

    /** What so many rows of one sequence choose of the keys they see, at DeepSeek-V3.2's widths. */
    private void index(int rows, int context) {
        int heads = 64;
        int width = 128;
        PagedKv kv = PagedKv.allocate(new KvShape(1, 512, 64, width), KvFormat.BF16, context, arena)
                .index();
        WeightMatrix numbers = data.weight(DType.BF16, context, width);
        MemorySegment.copy(((Bf16Matrix) numbers).data(), 0, kv.layer(0), 0, numbers.bytes());
        int[][] slots = {IntStream.range(0, context).toArray()};
        AttentionBatch batch = new AttentionBatch(new int[] {0, rows}, new int[] {context}, slots);
        HeadView query = HeadView.of(data.tensor(rows, heads * width), heads);
        Tensor weights = data.tensor(rows, heads);
        compare(
                String.format(Locale.ROOT, "index of keys, %2d rows over %5d keys", rows, context),
                numbers.bytes(),
                (long) rows * context * heads * width,
                true,
                (backend, call) -> backends.get(backend).keyIndex().choose(query, weights, batch, kv, 0, CHOSEN));
    }

    /** New tokens over as many keys before them, at DeepSeek's widths. */
    private void expandedAttention(int heads, int rows) {
        HeadView query = HeadView.of(data.tensor(rows, heads * 192), heads);
        HeadView keysValues = HeadView.of(data.tensor(rows, heads * 256), heads);
        HeadView out = HeadView.of(data.tensor(rows, heads * 128), heads);
        Tensor ropeKeys = data.tensor(rows, 64);
        Tensor logSumExp = data.tensor(rows, heads);
        compare(
                String.format(Locale.ROOT, "expanded %3d heads, %d x %d keys", heads, rows, rows),
                4L * rows * heads * 256,
                (long) rows * rows * heads * 320,
                true,
                (backend, call) -> {
                    logSumExp.fill(Float.NEGATIVE_INFINITY);
                    backends.get(backend).attendExpanded(query, rows, keysValues, ropeKeys, 0, SCALE, out, logSumExp);
                });
    }

    @FunctionalInterface
    private interface Operation {
        void run(int backend, int call);
    }

    private void compare(String name, long bytes, long multiplyAdds, boolean arithmetic, Operation operation) {
        List<List<Double>> times = List.of(new ArrayList<>(), new ArrayList<>());
        double warmUp = seconds / 2;
        double spent = 0;
        for (int call = 0; spent < seconds + warmUp || call < 6; call++) {
            for (int backend = 0; backend < 2; backend++) {
                long start = System.nanoTime();
                operation.run(backend, call);
                double time = (System.nanoTime() - start) / 1e9;
                spent += time;
                if (spent > warmUp) {
                    times.get(backend).add(time);
                }
            }
        }
        double vector = median(times.get(0));
        double c = median(times.get(1));
        double work = arithmetic ? 2e-9 * multiplyAdds : 1e-9 * bytes;
        System.out.printf(
                Locale.ROOT,
                "%-38s vector %6.1f, c %6.1f %s: %.2f times as fast%n",
                name,
                work / vector,
                work / c,
                arithmetic ? "GFLOP/s" : "GB/s",
                vector / c);
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().toList().get(values.size() / 2);
    }

    @Override
    public void close() {
        backends.forEach(KernelBackend::close);
        scratch.close();
        arena.close();
    }
}
