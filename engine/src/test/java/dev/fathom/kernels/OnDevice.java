package dev.fathom.kernels;

import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A backend with memory of its own, behind host tensors: what an operation takes is copied there, what it wrote comes back. So
 * the contract, which looks at every number, is one for all backends.
 */
public final class OnDevice implements KernelBackend {
    private final KernelBackend inner;
    private final Arena arena = Arena.ofShared();
    private final StepScratch scratch;
    private final IdentityHashMap<PagedKv, PagedKv> caches = new IdentityHashMap<>();
    private Map<Place, Pair> tensors = new HashMap<>();

    public OnDevice(KernelBackend inner) {
        this.inner = inner;
        scratch = new StepScratch(1 << 20, inner::allocate);
    }

    private record Place(long address, int rows, int cols) {}

    private record Pair(Tensor host, Tensor device) {}

    private void begin() {
        scratch.reset();
        tensors = new HashMap<>();
        inner.beginStep(1);
    }

    private Tensor on(Tensor host) {
        Place place = new Place(host.data().address(), host.rows(), host.cols());
        return tensors.computeIfAbsent(place, missing -> {
                    Tensor device = scratch.f32(host.rows(), host.cols());
                    inner.upload(host.toArray(), device);
                    return new Pair(host, device);
                })
                .device();
    }

    private HeadView on(HeadView view) {
        return new HeadView(on(view.tensor()), view.heads(), view.stride(), view.offset(), view.width());
    }

    private void back(Tensor host) {
        host.copyFrom(inner.download(on(host)));
    }

    /** The cache there; whoever writes to it calls {@link #back(PagedKv)}. */
    private PagedKv on(PagedKv host) {
        return caches.computeIfAbsent(host, missing -> {
            List<MemorySegment> layers = host.layers().stream().map(this::on).toList();
            return new PagedKv(host.shape(), host.format(), host.slots(), layers, List.of());
        });
    }

    /** A copy of bytes, as so many floats. */
    private MemorySegment on(MemorySegment layer) {
        float[] numbers = new float[(int) ((layer.byteSize() + 3) / 4)];
        MemorySegment.ofArray(numbers).copyFrom(layer);
        MemorySegment device = inner.allocate(4L * numbers.length, arena);
        inner.upload(numbers, new Tensor(device, 1, numbers.length));
        return device;
    }

    private void back(PagedKv host) {
        for (int layer = 0; layer < host.layers().size(); layer++) {
            MemorySegment device = on(host).layer(layer);
            MemorySegment read = inner.download(new Tensor(device, 1, (int) (device.byteSize() / 4)))
                    .data();
            MemorySegment to = host.layer(layer);
            MemorySegment.copy(read, 0, to, 0, to.byteSize());
        }
    }

    @Override
    public String name() {
        return inner.name();
    }

    @Override
    public String description() {
        return inner.description();
    }

    @Override
    public Set<KvFormat> cacheFormats() {
        return inner.cacheFormats();
    }

    @Override
    public LinearKernel bind(WeightMatrix weight) {
        LinearKernel kernel = inner.bind(weight);
        return new LinearKernel() {
            @Override
            public int rows() {
                return kernel.rows();
            }

            @Override
            public int cols() {
                return kernel.cols();
            }

            @Override
            public void apply(Tensor x, Tensor y) {
                OpShapes.linear(rows(), cols(), x, y); // copies do not overlap
                begin();
                kernel.apply(on(x), on(y));
                back(y);
            }
        };
    }

    @Override
    public HeadsKernel bindHeads(WeightMatrix stacked, int heads) {
        HeadsKernel kernel = inner.bindHeads(stacked, heads);
        return (x, y) -> {
            begin();
            kernel.apply(on(x), on(y));
            back(y.tensor());
        };
    }

    @Override
    public GatedKernel bindGated(WeightMatrix gate, WeightMatrix up) {
        GatedKernel kernel = inner.bindGated(gate, up);
        return (x, y, ignored) -> {
            begin();
            kernel.apply(on(x), on(y), scratch);
            back(y);
        };
    }

    private final class Experts implements ExpertsKernel {
        final ExpertsKernel kernel;

        Experts(ExpertsKernel kernel) {
            this.kernel = kernel;
        }

        @Override
        public void apply(Tensor x, ExpertPlan plan, Tensor out, StepScratch ignored) {
            begin();
            kernel.apply(on(x), plan, on(out), scratch);
            back(out);
        }
    }

    @Override
    public ExpertsKernel bindExperts(List<ExpertWeights> experts) {
        return new Experts(inner.bindExperts(experts));
    }

    @Override
    public void applyExperts(
            ExpertsKernel experts,
            Tensor x,
            Tensor logits,
            Tensor correctionBias,
            RouterRule rule,
            Tensor out,
            StepScratch ignored) {
        begin();
        inner.applyExperts(((Experts) experts).kernel, on(x), on(logits), on(correctionBias), rule, on(out), scratch);
        back(out);
    }

    @Override
    public void fill(Tensor tensor, float value) {
        begin();
        inner.fill(on(tensor), value);
        back(tensor);
    }

    @Override
    public void gatherRows(Tensor x, int[] rows, Tensor out) {
        begin();
        inner.gatherRows(on(x), rows, on(out));
        back(out);
    }

    @Override
    public void copyColumns(Tensor from, Tensor to, int firstColumn) {
        begin();
        inner.copyColumns(on(from), on(to), firstColumn);
        back(to);
    }

    @Override
    public void embed(WeightMatrix table, int[] ids, Tensor out) {
        begin();
        inner.embed(inner.place(table), ids, on(out));
        back(out);
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        begin();
        inner.rmsNorm(on(x), on(weight), epsilon, on(out));
        back(out);
    }

    @Override
    public void addRmsNorm(Tensor x, Tensor delta, Tensor weight, float epsilon, Tensor out) {
        begin();
        inner.addRmsNorm(on(x), on(delta), on(weight), epsilon, on(out));
        back(x);
        back(out);
    }

    @Override
    public void add(Tensor x, Tensor delta) {
        begin();
        inner.add(on(x), on(delta));
        back(x);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        begin();
        inner.addBias(on(x), on(bias));
        back(x);
    }

    @Override
    public void siluMul(Tensor gate, Tensor up, Tensor out) {
        begin();
        inner.siluMul(on(gate), on(up), on(out));
        back(out);
    }

    @Override
    public void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        begin();
        inner.rope(on(x), on(cos), on(sin), on(out));
        back(out.tensor());
    }

    @Override
    public void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        begin();
        inner.ropeHalves(on(x), on(cos), on(sin), on(out));
        back(out.tensor());
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
        begin();
        inner.storeLatent(on(latent), on(normWeight), epsilon, on(cos), on(sin), slots, on(kv), layer);
        back(kv);
    }

    @Override
    public void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        begin();
        inner.loadLatent(on(kv), layer, slots, from, count, on(latent), on(ropeKeys));
        back(latent);
        back(ropeKeys);
    }

    @Override
    public void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        begin();
        inner.attendLatent(on(query), batch, on(kv), layer, scale, on(out));
        back(out.tensor());
    }

    /** What was chosen there, and what the host reads of it. */
    private record Choice(RowChoice there, AttentionBatch batch) implements RowChoice {}

    @Override
    public KeyIndex keyIndex() {
        KeyIndex index = inner.keyIndex();
        return new KeyIndex() {
            @Override
            public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor out) {
                begin();
                index.layerNorm(on(x), on(weight), on(bias), epsilon, on(out));
                back(out);
            }

            @Override
            public void roundRotated(HeadView x) {
                begin();
                index.roundRotated(on(x));
                back(x.tensor());
            }

            @Override
            public void store(Tensor keys, int[] slots, PagedKv kv, int layer) {
                begin();
                index.store(on(keys), slots, on(kv), layer);
                back(kv);
            }

            @Override
            public RowChoice choose(
                    HeadView query, Tensor weights, AttentionBatch batch, PagedKv kv, int layer, int count) {
                begin();
                RowChoice chosen = index.choose(on(query), on(weights), batch, on(kv), layer, count);
                return new Choice(chosen, chosen.batch());
            }
        };
    }

    @Override
    public void attendChosen(HeadView query, RowChoice chosen, PagedKv kv, int layer, float scale, HeadView out) {
        begin();
        inner.attendChosen(on(query), ((Choice) chosen).there(), on(kv), layer, scale, on(out));
        back(out.tensor());
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
        begin();
        inner.attendExpanded(
                on(query), firstQuery, on(keysValues), on(ropeKeys), firstKey, scale, on(out), on(logSumExp));
        back(out.tensor());
        back(logSumExp);
    }

    @Override
    public void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        begin();
        inner.storeKeysValues(on(keys), on(values), slots, on(kv), layer);
        back(kv);
    }

    @Override
    public void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out) {
        begin();
        inner.attendGrouped(on(query), batch, on(kv), layer, scale, on(out));
        back(out.tensor());
    }

    @Override
    public int[] chooseTokens(Tensor logits, int[] rows, List<TokenChoice> choices, TokenChooser chooser) {
        begin();
        return inner.chooseTokens(on(logits), rows, choices, chooser);
    }

    @Override
    public ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        begin();
        return inner.route(on(logits), on(correctionBias), rule);
    }

    @Override
    public void close() {
        scratch.close();
        arena.close();
        inner.close();
    }
}
