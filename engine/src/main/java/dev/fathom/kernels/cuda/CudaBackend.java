package dev.fathom.kernels.cuda;

import dev.fathom.comm.Communicator;
import dev.fathom.kernels.AttentionBatch;
import dev.fathom.kernels.ExpertPlan;
import dev.fathom.kernels.ExpertWeights;
import dev.fathom.kernels.ExpertsKernel;
import dev.fathom.kernels.GatedKernel;
import dev.fathom.kernels.GpuOptions;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.HeadsKernel;
import dev.fathom.kernels.KernelBackend;
import dev.fathom.kernels.KernelCache;
import dev.fathom.kernels.KernelException;
import dev.fathom.kernels.KeyIndex;
import dev.fathom.kernels.LinearKernel;
import dev.fathom.kernels.OpShapes;
import dev.fathom.kernels.PagedKv;
import dev.fathom.kernels.RouterRule;
import dev.fathom.kernels.RowChoice;
import dev.fathom.kernels.TokenChoice;
import dev.fathom.kernels.TokenChooser;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/** Every operation on one NVIDIA GPU. Operations go into one stream, in whose order they happen; nothing here waits for it but {@link #download}. */
public final class CudaBackend implements KernelBackend {
    /** Of expanded keys and values in a step's scratch memory. */
    private static final long MOST_EXPANDED_BYTES = 256 << 20;

    private final CudaDevice device;
    private final CudaKernels kernels;
    private final GpuOptions options;
    private final CudaGraphs graphs;
    private final Arena arena = Arena.ofShared();
    private final Launch launch;
    private final Staging staging;
    private final CheckedSlots checked = new CheckedSlots();
    private final CudaRows rows;
    private final Roundings roundings;
    private final @Nullable LibraryProducts library;
    private final CudaCache cache;
    private final CudaAttention attention;
    private final CudaKeyIndex index;
    private final CudaRouter router;
    private final CudaChoice choice;
    private final CudaWeights weights;

    private CudaBackend(CudaDevice device, CudaKernels kernels, GpuOptions options) {
        this.device = device;
        this.kernels = kernels;
        this.options = options;
        graphs = new CudaGraphs(device);
        launch = new Launch(device, graphs, arena);
        staging = new Staging(device, launch);
        rows = new CudaRows(kernels, launch, staging);
        roundings = new Roundings(device, rows, launch, !options.exact() && device.capability() == 90);
        library = options.exact()
                ? null
                : LibraryProducts.find(device, Nvrtc.USUAL_FOLDERS).orElse(null);
        cache = new CudaCache(kernels, launch, staging);
        attention = new CudaAttention(
                device,
                kernels,
                launch,
                staging,
                checked,
                options.exact() ? null : new FlashAttention(device, kernels, launch, rows));
        index = new CudaKeyIndex(device, kernels, launch, staging, checked, cache);
        router = new CudaRouter(kernels, launch);
        choice = new CudaChoice(device, kernels, launch, staging);
        weights = new CudaWeights(
                device, new CudaWeights.Means(kernels, launch, staging, rows, roundings, library), !options.exact());
    }

    /** Whether NVIDIA's driver is installed; there may be no device that it serves. */
    public static boolean driverThere() {
        return CudaDriver.isThere(CudaDriver.LIBRARY);
    }

    /**
     * Opens the first device.
     *
     * @param progress  gets pieces of text while kernels are compiled
     * @throws KernelException if there is no device, or the kernels cannot be had
     */
    public static CudaBackend open(KernelCache cache, GpuOptions options, Consumer<String> progress) {
        CudaDevice device = CudaDevice.open(CudaDriver.LIBRARY);
        boolean opened = false;
        try {
            CudaBackend backend = new CudaBackend(device, CudaKernels.load(cache, device, progress), options);
            opened = true;
            return backend;
        } finally {
            if (!opened) {
                device.close();
            }
        }
    }

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public String description() {
        return String.format(
                Locale.ROOT,
                "cuda: %s, %.0f GiB, %d multiprocessors, %s, %s (%s)",
                device.name(),
                device.totalBytes() / 0x1p30,
                device.multiprocessors(),
                options.exact() ? "float32-exact" : "BF16 on tensor cores",
                library == null ? "own products" : "large products by " + library.name(),
                kernels.builtBy());
    }

    @Override
    public OptionalLong memoryBytes() {
        return OptionalLong.of(device.totalBytes());
    }

    @Override
    public void beginPlacing(long weightBytes, LongConsumer placed) {
        device.requireRoom(weightBytes, options.memoryFraction());
        device.weights().onProgress(placed);
    }

    /** Whatever was to be placed has been. */
    @Override
    public void bindCaller() {
        device.weights().rest();
    }

    @Override
    public MemorySegment allocate(long bytes, Arena owner) {
        return device.allocate(bytes, owner);
    }

    @Override
    public WeightMatrix place(WeightMatrix weight) {
        return DeviceMatrix.copy(weight, device);
    }

    @Override
    public Tensor place(Tensor weight) {
        return DeviceMatrix.copy(weight, device);
    }

    /** By powers of two: chunks begin at multiples of it, whatever a step holds. */
    @Override
    public int keysAtOnce(int numbersOfKey) {
        long fitting = MOST_EXPANDED_BYTES / (4L * numbersOfKey);
        return Math.clamp(Long.highestOneBit(Math.max(1, fitting)), 1024, 16384);
    }

    @Override
    public void beginStep(int rows) {
        launch.record(rows <= options.mostGraphRows());
        staging.forget();
        checked.forget();
        roundings.forget();
    }

    /**
     * Profiles a step: its launches are recorded, made once, and then timed.
     *
     * @param step  begins with {@link #beginStep} and ends with {@link #download}
     */
    public StepProfile profile(Runnable step) {
        return Profiler.profile(step, device, graphs, launch);
    }

    @Override
    public void upload(float[] numbers, Tensor to) {
        OpShapes.upload(numbers, to);
        long bytes = 4L * numbers.length;
        long sent = staging.send(
                bytes, memory -> MemorySegment.copy(numbers, 0, memory, ValueLayout.JAVA_FLOAT, 0, numbers.length));
        rows.copyColumns(new Tensor(DeviceMemory.at(sent, bytes), to.rows(), to.cols()), to, 0);
    }

    @Override
    public Tensor download(Tensor tensor) {
        return staging.fetch(tensor);
    }

    @Override
    public LinearKernel bind(WeightMatrix weight) {
        return linear(weight).plain();
    }

    private CudaLinear linear(WeightMatrix weight) {
        return weights.linear(DeviceMatrix.of(place(weight)), 1);
    }

    @Override
    public GatedKernel bindGated(WeightMatrix gate, WeightMatrix up) {
        OpShapes.bindGated(gate, up);
        return new CudaGated(linear(gate), linear(up), rows, roundings);
    }

    @Override
    public HeadsKernel bindHeads(WeightMatrix stacked, int heads) {
        OpShapes.bindHeads(stacked, heads);
        return linear(stacked).perHead(heads);
    }

    @Override
    public boolean keepsHeadsInFp8() {
        return true;
    }

    @Override
    public ExpertsKernel bindExperts(List<ExpertWeights> experts) {
        OpShapes.bindExperts(experts);
        return new CudaExperts(experts, new CudaExperts.CudaStack(device, weights), rows, router, staging);
    }

    @Override
    public void fill(Tensor tensor, float value) {
        rows.fill(tensor, value);
    }

    @Override
    public void gatherRows(Tensor x, int[] which, Tensor out) {
        rows.gatherRows(x, which, out);
    }

    @Override
    public void copyColumns(Tensor from, Tensor to, int firstColumn) {
        rows.copyColumns(from, to, firstColumn);
    }

    @Override
    public void embed(WeightMatrix table, int[] ids, Tensor out) {
        rows.embed(table, ids, out);
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        long rounded = roundings.beside(out);
        rows.rmsNorm(x, weight, epsilon, out, rounded);
        roundings.keep(out, rounded);
    }

    @Override
    public void addRmsNorm(Tensor x, Tensor delta, Tensor weight, float epsilon, Tensor out) {
        long rounded = roundings.beside(out);
        rows.addRmsNorm(x, delta, weight, epsilon, out, rounded);
        roundings.keep(out, rounded);
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        rows.add(x, delta);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        rows.addBias(x, bias);
    }

    @Override
    public void siluMul(Tensor gate, Tensor up, Tensor out) {
        rows.siluMul(gate, up, out, 0);
    }

    @Override
    public void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rows.rope(x, cos, sin, out);
    }

    @Override
    public void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        rows.ropeHalves(x, cos, sin, out);
    }

    @Override
    public void storeLatent(
            Tensor latent,
            Tensor normWeight,
            float epsilon,
            Tensor cos,
            Tensor sin,
            int[] slots,
            PagedKv kv,
            int layer) {
        cache.storeLatent(latent, normWeight, epsilon, cos, sin, slots, kv, layer);
    }

    @Override
    public void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        cache.loadLatent(kv, layer, slots, from, count, latent, ropeKeys);
    }

    @Override
    public void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        attention.attendLatent(query, batch, kv, layer, scale, out);
    }

    @Override
    public KeyIndex keyIndex() {
        return index;
    }

    @Override
    public void attendChosen(HeadView query, RowChoice chosen, PagedKv kv, int layer, float scale, HeadView out) {
        if (chosen instanceof CudaKeyIndex.Chosen mine) {
            attention.attendChosen(query, mine, kv, layer, scale, out);
        } else {
            attendLatent(query, chosen.batch(), kv, layer, scale, out);
        }
    }

    @Override
    public void attendExpanded(
            HeadView query,
            int firstQuery,
            HeadView keysValues,
            Tensor ropeKeys,
            int firstKey,
            float scale,
            HeadView out,
            Tensor logSumExp) {
        attention.attendExpanded(query, firstQuery, keysValues, ropeKeys, firstKey, scale, out, logSumExp);
    }

    @Override
    public void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        cache.storeKeysValues(keys, values, slots, kv, layer);
    }

    @Override
    public void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        attention.attendGrouped(query, batch, kv, layer, scale, out);
    }

    @Override
    public ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        return router.plan(logits, correctionBias, rule, device, staging);
    }

    @Override
    public void applyExperts(
            ExpertsKernel experts,
            Tensor x,
            Tensor logits,
            Tensor correctionBias,
            RouterRule rule,
            Tensor out,
            StepScratch scratch) {
        if (!(experts instanceof CudaExperts mine)) {
            throw new IllegalArgumentException("applyExperts: experts: bound to another backend");
        }
        mine.apply(x, logits, correctionBias, rule, out, scratch);
    }

    @Override
    public int[] chooseTokens(Tensor logits, int[] rows, List<TokenChoice> choices, TokenChooser chooser) {
        return choice.choose(logits, rows, choices, chooser);
    }

    /**
     * Collectives with the GPUs of other ranks.
     *
     * @throws KernelException if NVIDIA's library of collectives is not there, or says why not
     */
    public Communicator communicator(NcclRank place) {
        return new NcclCommunicator(Nccl.open(Nccl.LIBRARY), device, launch, place);
    }

    /** An id for the ranks of a new communicator, made by one of them and given to the others. */
    public static byte[] newRanks() {
        return Nccl.open(Nccl.LIBRARY).newId();
    }

    @Override
    public void close() {
        staging.close();
        graphs.close();
        if (library != null) {
            library.close();
        }
        kernels.close();
        device.close();
        arena.close();
    }
}
