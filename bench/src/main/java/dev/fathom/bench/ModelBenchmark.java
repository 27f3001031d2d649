package dev.fathom.bench;

import dev.fathom.checkpoint.LoadProgress;
import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.TokenChoice;
import dev.fathom.kernels.TokenChooser;
import dev.fathom.kernels.cuda.CudaBackend;
import dev.fathom.kernels.cuda.StepProfile;
import dev.fathom.load.LoadOptions;
import dev.fathom.load.LoadedModel;
import dev.fathom.load.ModelLoader;
import dev.fathom.load.WeightOptions;
import dev.fathom.model.StepContext;
import dev.fathom.model.StepOutput;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Prefill and decode speed of the model itself, without server and scheduler: the forward pass and the choice of the likeliest
 * token, made where the server makes it. Load time and resident memory, then
 * tokens per second for each case, the median of several runs, which go around all cases.
 *
 * <p>{@code ModelBenchmark (nano | MODEL) [backend=auto] [threads=0] [runs=5] [CASE ...]}, a case being {@code pp512}
 * (prefill of 512 tokens), {@code tg64} (64 decode steps of one sequence), {@code tg64x16} (of 16 sequences), each also
 * {@code @4096} (after a context of 4,096 tokens; {@code @128} where decode says nothing). {@code kv=FP8_E4M3} among the cases
 * is the cache's format ({@code kv=BF16,FP8_E4M3}: both in turn), {@code quantization=w8a8_int8} (or {@code fp8}) what plain
 * weights are quantized to at load; {@code weights=random} needs no weights beside config.json; {@code pages=huge} asks for
 * weights in pages of 2 MiB; {@code profile} says on a GPU where a step of each case spends its
 * time, kernel by kernel.
 */
public final class ModelBenchmark implements AutoCloseable {
    private static final List<String> USUAL = List.of("pp512", "tg64", "tg64x8", "tg64x32");
    private static final String QUANTIZATION = "quantization=";
    private static final String RANDOM = "weights=random";
    private static final String HUGE_PAGES = "pages=huge";
    private static final String PROFILE = "profile";
    private static final int DECODE_CONTEXT = 128;
    private static final double SHORTEST_ROUND_SECONDS = 0.5;
    /** Of the time that passes: less than this share spent compiling. */
    private static final double IDLE_JIT = 0.02;

    private static final long LONGEST_WARM_UP_NANOS = 60_000_000_000L;
    private static final Path KERNEL_CACHE = Path.of("bench", "target", "kernel-cache");
    private static final Pattern CASE = Pattern.compile("(pp|tg)(\\d+)(?:x(\\d+))?(?:@(\\d+))?");

    /**
     * What is timed.
     *
     * @param tokens   prompt tokens, or decode steps
     * @param batch    sequences
     * @param context  tokens in the cache before
     */
    private record Case(String name, boolean prefill, int tokens, int batch, int context) {
        static Case parse(String name) {
            Matcher matcher = CASE.matcher(name);
            if (!matcher.matches()) {
                throw new IllegalArgumentException(name + " is no case such as pp512, tg64, tg64x16 or pp512@4096");
            }
            boolean prefill = matcher.group(1).equals("pp");
            int context = matcher.group(4) != null ? Integer.parseInt(matcher.group(4)) : prefill ? 0 : DECODE_CONTEXT;
            int batch = matcher.group(3) != null ? Integer.parseInt(matcher.group(3)) : 1;
            return new Case(name, prefill, Integer.parseInt(matcher.group(2)), batch, context);
        }

        int slots() {
            return batch * (context + tokens);
        }
    }

    private static final int FILLED_AT_ONCE = 1024;
    private static final String CACHE = "kv=";

    private final LoadedModel loaded;
    private final Arena arena = Arena.ofShared();
    private final PagedKv kv;
    private final StepScratch scratch;
    private final TokenChooser chooser = new TokenChooser();
    private final SplittableRandom random = new SplittableRandom(1);

    private ModelBenchmark(LoadedModel loaded, KvFormat format, List<Case> cases) {
        this.loaded = loaded;
        int slots = cases.stream().mapToInt(Case::slots).max().orElse(1);
        this.scratch = new StepScratch(1 << 20, loaded.kernels()::allocate);
        this.kv = PagedKv.allocate(loaded.model().kvShape(), format, slots, arena, loaded.kernels());
        for (int layer = 0; layer < kv.shape().layers(); layer++) {
            fill(layer);
        }
    }

    /** The contexts to decode after: normal numbers, as speed depends on there being some, not on which. */
    private void fill(int layer) {
        KernelBackend kernels = loaded.kernels();
        for (int from = 0; from < kv.slots(); from += FILLED_AT_ONCE) {
            int count = Math.min(FILLED_AT_ONCE, kv.slots() - from);
            int[] slots = IntStream.range(from, from + count).toArray();
            kernels.beginStep(count);
            kernels.storeLatent(
                    normal(count, kv.shape().rowWidth()),
                    normal(1, kv.shape().latentWidth()),
                    1e-6f,
                    normal(count, kv.shape().ropeWidth() / 2),
                    normal(count, kv.shape().ropeWidth() / 2),
                    slots,
                    kv,
                    layer);
            if (kv.shape().indexWidth() > 0) {
                Tensor keys = normal(count, kv.shape().indexWidth());
                kernels.keyIndex().store(keys, slots, kv.index(), layer);
            }
            kernels.download(scratch.f32(1, 1)); // what is above has been read
            scratch.reset();
        }
    }

    private Tensor normal(int rows, int cols) {
        Tensor tensor = scratch.f32(rows, cols);
        float[] numbers = new float[rows * cols];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (float) random.nextGaussian();
        }
        loaded.kernels().upload(numbers, tensor);
        return tensor;
    }

    public static void main(String[] arguments) throws IOException {
        String model = arguments.length > 0 ? arguments[0] : "nano";
        String backend = arguments.length > 1 ? arguments[1] : "auto";
        int threads = integer(arguments, 2, 0);
        int runs = integer(arguments, 3, 5);
        List<String> words = arguments.length > 4 ? List.of(arguments).subList(4, arguments.length) : List.of();
        List<KvFormat> formats = Arrays.stream(
                        option(words, CACHE).orElse("BF16").split(","))
                .map(KvFormat::valueOf)
                .toList();
        Optional<String> quantization = option(words, QUANTIZATION);
        List<String> given = words.stream()
                .filter(word -> !word.startsWith(CACHE) && !word.startsWith(QUANTIZATION))
                .filter(word -> !List.of(RANDOM, HUGE_PAGES, PROFILE).contains(word))
                .toList();
        List<String> names = given.isEmpty() ? USUAL : given;
        List<Case> cases = names.stream().map(Case::parse).toList();
        LoadOptions options = LoadOptions.EMBEDDED
                .withKernelBackend(backend)
                .withKernelCache(KERNEL_CACHE)
                .withThreads(threads);
        options = options.withWeights(
                new WeightOptions(quantization.orElse(null), words.contains(RANDOM), words.contains(HUGE_PAGES)));
        if (!model.equals("nano")) {
            options = options.withModelPath(Path.of(model)).withSkipTokenizer(true);
        }
        try (LoadedModel loaded = ModelLoader.load(options, LoadProgress.none())) {
            printLoaded(loaded, System.out);
            List<ModelBenchmark> benchmarks = formats.stream()
                    .map(format -> new ModelBenchmark(loaded, format, cases))
                    .toList();
            run(benchmarks, cases, runs, System.out);
            if (words.contains(PROFILE)) {
                benchmarks.getFirst().profile(cases, System.out);
            }
            benchmarks.forEach(ModelBenchmark::close);
        }
    }

    private static Optional<String> option(List<String> words, String name) {
        return words.stream()
                .filter(word -> word.startsWith(name))
                .map(word -> word.substring(name.length()))
                .findFirst();
    }

    private static int integer(String[] arguments, int index, int otherwise) {
        return arguments.length > index ? Integer.parseInt(arguments[index]) : otherwise;
    }

    private static void printLoaded(LoadedModel loaded, PrintStream out) throws IOException {
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
    }

    /** Every case of every benchmark once, then again: what slows the machine down for a while slows all of them. */
    private static void run(List<ModelBenchmark> benchmarks, List<Case> cases, int runs, PrintStream out)
            throws IOException {
        double[][][] rates = new double[cases.size()][benchmarks.size()][runs];
        benchmarks.forEach(benchmark -> benchmark.warmUp(cases));
        for (int run = 0; run < runs; run++) {
            for (int i = 0; i < cases.size(); i++) {
                Case one = cases.get(i);
                for (int b = 0; b < benchmarks.size(); b++) {
                    rates[i][b][run] = (double) one.batch()
                            * one.tokens()
                            / benchmarks.get(b).seconds(one);
                }
            }
        }
        for (int i = 0; i < cases.size(); i++) {
            for (int b = 0; b < benchmarks.size(); b++) {
                String each = Arrays.stream(rates[i][b])
                        .mapToObj(rate -> String.format(Locale.ROOT, "%.1f", rate))
                        .collect(Collectors.joining(" "));
                out.printf(
                        Locale.ROOT,
                        "%-14s %10.1f tokens/s (runs: %s)%n",
                        cases.get(i).name()
                                + (benchmarks.size() > 1
                                        ? "/" + benchmarks.get(b).kv.format()
                                        : ""),
                        median(rates[i][b]),
                        each);
            }
        }
        out.printf(Locale.ROOT, "resident after the runs: %.2f GB%n", residentBytes() / 1e9);
    }

    /** Every case twice, and again until the JIT has little left to do: its threads take processors from the kernels. */
    private void warmUp(List<Case> cases) {
        CompilationMXBean jit = ManagementFactory.getCompilationMXBean();
        long start = System.nanoTime();
        for (int round = 0; System.nanoTime() - start < LONGEST_WARM_UP_NANOS; round++) {
            long compiled = jit.getTotalCompilationTime();
            double seconds = 0;
            for (Case one : cases) {
                double own = 0;
                do {
                    own += seconds(one);
                } while (own < SHORTEST_ROUND_SECONDS);
                seconds += own;
            }
            if (round > 0 && jit.getTotalCompilationTime() - compiled < 1e3 * seconds * IDLE_JIT) {
                return;
            }
        }
    }

    private double seconds(Case one) {
        if (one.prefill()) {
            return step(ids(one.batch() * one.tokens()), one.batch(), one.tokens(), one.context() + one.tokens());
        }
        double seconds = 0;
        for (int i = 0; i < one.tokens(); i++) {
            seconds += step(ids(one.batch()), one.batch(), 1, one.context() + i + 1);
        }
        return seconds;
    }

    private int[] ids(int count) {
        return random.ints(count, 3, loaded.model().vocabularySize()).toArray();
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
                slots[sequence][position] = sequence * context + position;
            }
        }
        long start = System.nanoTime();
        loaded.kernels().beginStep(ids.length);
        StepOutput output = loaded.model()
                .forward(new StepContext(
                        ids,
                        new AttentionBatch(queryStart, contextLength, slots),
                        outputRows,
                        kv,
                        loaded.kernels(),
                        Communicator.single(),
                        scratch));
        int[] rows = IntStream.range(0, batch).toArray();
        int[] chosen = loaded.kernels()
                .chooseTokens(output.logits(), rows, Collections.nCopies(batch, TokenChoice.LARGEST), chooser);
        if (Arrays.stream(chosen).anyMatch(id -> id < 0)) {
            throw new IllegalStateException("the model gave logits that are not finite");
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        scratch.reset();
        return seconds;
    }

    private void profile(List<Case> cases, PrintStream out) {
        if (!(loaded.kernels() instanceof CudaBackend cuda)) {
            throw new IllegalArgumentException("profile: only a GPU's steps are recorded, and this one ran on "
                    + loaded.kernels().description());
        }
        for (Case one : cases) {
            int queries = one.prefill() ? one.tokens() : 1;
            StepProfile profile =
                    cuda.profile(() -> step(ids(one.batch() * queries), one.batch(), queries, one.context() + queries));
            out.printf(Locale.ROOT, "%n%s, one step:%n%s", one.name(), profile.table());
        }
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
