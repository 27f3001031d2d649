package dev.fathom.kernels;

import dev.fathom.tensor.LazyMemory;
import dev.fathom.tensor.StepScratch;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * Every operation a model may call. The scalar backend defines what each means; {@code KernelContractTest} holds all
 * backends to it. Calls come from one thread, the one that runs the step; later operations and {@link #download} see what
 * earlier ones did. Shapes are checked on entry: {@link IllegalArgumentException} names the argument.
 *
 * <p>Operations work on memory that the backend gives out ({@link #allocate}, {@link #place}). Backends on the host take all
 * native memory. A device has memory of its own, which the host does not read or write but through {@link #upload} and {@link
 * #download} (decision 014); arrays of ints come from the host always.
 *
 * <p>Products with weights of small integers take x rounded: {@link RoundedInput} says which and how.
 *
 * <p>Every operation is batch-invariant: the numbers of a row (or of a sequence, for attention) do not depend on what
 * other rows are in the same call, bit for bit.
 */
public interface KernelBackend extends AutoCloseable {
    /** The name {@code --kernel-backend} takes. */
    String name();

    /** One line for the start banner: what it runs on, and which operations fall back to a slower backend. */
    String description();

    /** Called once by the thread that makes all calls from now on: a backend that binds its threads binds this one. */
    default void bindCaller() {}

    /** Bytes of the backend's own memory; empty where it works in the machine's. */
    default OptionalLong memoryBytes() {
        return OptionalLong.empty();
    }

    /**
     * Before weights are placed.
     *
     * @param weightBytes  that all of them take
     * @param placed       told how many bytes have been placed so far; never called where {@link #place} copies nothing
     * @throws KernelException with numbers, if they do not fit
     */
    default void beginPlacing(long weightBytes, LongConsumer placed) {}

    /** The formats of caches that operations read and write. */
    default Set<KvFormat> cacheFormats() {
        return EnumSet.allOf(KvFormat.class);
    }

    /** Zeroed memory for tensors and caches, at least 64-byte aligned, freed when {@code arena} closes. */
    default MemorySegment allocate(long bytes, Arena arena) {
        return LazyMemory.allocate(bytes, arena);
    }

    /** A weight where operations read it: itself, or a copy that lives as long as the backend. */
    default WeightMatrix place(WeightMatrix weight) {
        return weight;
    }

    /** As {@link #place(WeightMatrix)}, for weights that are rows. */
    default Tensor place(Tensor weight) {
        return weight;
    }

    /**
     * Keys that attention over expanded keys and values is given at a time, where the model's options leave it open: as many as
     * pay, for they are scratch memory.
     *
     * @param numbersOfKey  floats of a key and its value, of all heads
     */
    default int keysAtOnce(int numbersOfKey) {
        return 1024;
    }

    /**
     * A step begins: arrays of ints that operations are given do not change until the next one begins.
     *
     * @param rows  tokens of the step; a device may record small steps, and play back those that come again
     */
    default void beginStep(int rows) {}

    /** @param numbers  as many as {@code to} has */
    default void upload(float[] numbers, Tensor to) {
        to.copyFrom(numbers);
    }

    /** The same numbers where the host reads them, once all operations before are done; valid until the next call. */
    default Tensor download(Tensor tensor) {
        return tensor;
    }

    LinearKernel bind(WeightMatrix weight);

    /** The first half of an MLP; bit for bit what two linear maps and {@link #siluMul} give, where a row gives the same bits always. */
    default GatedKernel bindGated(WeightMatrix gate, WeightMatrix up) {
        OpShapes.bindGated(gate, up);
        LinearKernel first = bind(gate);
        LinearKernel second = bind(up);
        return (x, out, scratch) -> {
            long mark = scratch.mark();
            Tensor raised = scratch.f32(out.rows(), out.cols());
            first.apply(x, out);
            second.apply(x, raised);
            siluMul(out, raised, out);
            scratch.release(mark);
        };
    }

    /**
     * @param stacked  [heads * outputs, inputs]: head h owns rows [h * outputs, (h + 1) * outputs)
     */
    HeadsKernel bindHeads(WeightMatrix stacked, int heads);

    /** Whether {@link #bindHeads} takes FP8 blocks better than float32: a quarter of the memory, and no slower. */
    default boolean keepsHeadsInFp8() {
        return false;
    }

    /** @param experts equal shapes; all gates of one format, as are all ups and all downs; gate and up both round x, or neither */
    ExpertsKernel bindExperts(List<ExpertWeights> experts);

    /** Sets every number. */
    default void fill(Tensor tensor, float value) {
        tensor.fill(value);
    }

    /**
     * out[i] = x[rows[i]].
     *
     * @param rows  each in [0, x.rows)
     * @param out   [rows, width]; must not overlap x
     */
    default void gatherRows(Tensor x, int[] rows, Tensor out) {
        OpShapes.gatherRows(x, rows, out);
        for (int i = 0; i < rows.length; i++) {
            out.rows(i, 1).copyFrom(x.rows(rows[i], 1));
        }
    }

    /** Copies each row of {@code from} into the same row of {@code to}, from a column on. */
    default void copyColumns(Tensor from, Tensor to, int firstColumn) {
        OpShapes.copyColumns(from, to, firstColumn);
        for (int row = 0; row < from.rows(); row++) {
            MemorySegment.copy(
                    from.data(), from.offset(row, 0), to.data(), to.offset(row, firstColumn), 4L * from.cols());
        }
    }

    /**
     * Rows of an embedding table as float32.
     *
     * @param table  [vocabulary, hidden], placed
     * @param ids    [tokens], each in [0, vocabulary)
     * @param out    [tokens, hidden]
     */
    void embed(WeightMatrix table, int[] ids, Tensor out);

    /**
     * out = x / sqrt(mean(x²) + epsilon) * weight, row by row.
     *
     * @param x       [tokens, width]
     * @param weight  [1, width]
     * @param out     [tokens, width]; may be x
     */
    void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out);

    /** x += delta, both [tokens, width]. */
    void add(Tensor x, Tensor delta);

    /** x += delta, then {@link #rmsNorm} of x; out must not be x. */
    default void addRmsNorm(Tensor x, Tensor delta, Tensor weight, float epsilon, Tensor out) {
        add(x, delta);
        rmsNorm(x, weight, epsilon, out);
    }

    /**
     * Adds one vector to every row.
     *
     * @param x     [tokens, width]
     * @param bias  [1, width]
     */
    void addBias(Tensor x, Tensor bias);

    /** out = silu(gate) * up, all [tokens, width]; out may be gate. silu(v) = v / (1 + exp(-v)). */
    void siluMul(Tensor gate, Tensor up, Tensor out);

    /**
     * Rotates interleaved pairs: (a, b) at (2i, 2i + 1) becomes (a cos - b sin, a sin + b cos).
     *
     * @param x    heads {@code width} wide, width even
     * @param cos  [tokens, width / 2]
     * @param sin  [tokens, width / 2]
     * @param out  same width and heads; may be x
     */
    void rope(HeadView x, Tensor cos, Tensor sin, HeadView out);

    /**
     * Rotates pairs of halves: (a, b) at (i, i + width / 2) becomes (a cos - b sin, a sin + b cos). Otherwise as {@link
     * #rope}.
     */
    void ropeHalves(HeadView x, Tensor cos, Tensor sin, HeadView out);

    /**
     * Writes step rows into the latent cache: the latent part normalised, the rope part rotated, both rounded to the
     * cache's format.
     *
     * @param latent      [tokens, latentWidth + ropeWidth], kv_a_proj's output
     * @param normWeight  [1, latentWidth], kv_a_layernorm
     * @param cos         [tokens, ropeWidth / 2]
     * @param sin         [tokens, ropeWidth / 2]
     * @param slots       [tokens], distinct, each in [0, kv.slots)
     */
    void storeLatent(
            Tensor latent,
            Tensor normWeight,
            float epsilon,
            Tensor cos,
            Tensor sin,
            int[] slots,
            PagedKv kv,
            int layer);

    /**
     * Reads positions [from, from + count) of one sequence back as float32.
     *
     * @param slots     slot of each position of the sequence
     * @param latent    [count, latentWidth]
     * @param ropeKeys  [count, ropeWidth]
     */
    void loadLatent(PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys);

    /**
     * Absorbed MLA attention straight over the latent cache, causal: a row at position p sees positions 0..p of its
     * sequence. score = (q · [latent | ropeKey]) * scale; out = sum of softmax(score) * latent.
     *
     * @param query  [tokens], heads latentWidth + ropeWidth wide: latent part first, rope part rotated
     * @param batch  the step's rows; slots of every position
     * @param scale  softmax scale, YaRN factor included (dimensionless)
     * @param out    [tokens], the same number of heads, latentWidth wide, overwritten
     * @see "DeepSeek-V2, arXiv 2405.04434, section 2.1.2"
     */
    void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out);

    /**
     * {@link #attendLatent} of rows that see no more than what was chosen for each.
     *
     * @param chosen  by {@link #keyIndex}, as many rows as {@code query} has
     */
    default void attendChosen(HeadView query, RowChoice chosen, PagedKv kv, int layer, float scale, HeadView out) {
        attendLatent(query, chosen.batch(), kv, layer, scale, out);
    }

    /**
     * Expanded attention of one sequence's rows over one chunk of its keys, merged into what earlier chunks gave: causal
     * by position, a key of a later position than the query is not seen. A row that sees no key of the chunk is left
     * as it is.
     *
     * @param query          [n] rows, heads nopeWidth + ropeWidth wide: nope part first, rope part rotated; row r is at
     *                       position firstQuery + r
     * @param keysValues     [keys], the same heads, nopeWidth + valueWidth wide: kv_b_proj's output; row k is at
     *                       position firstKey + k
     * @param ropeKeys       [keys, ropeWidth], shared by all heads, rotated
     * @param out            [n], heads valueWidth wide: the normalised sum so far; before the first chunk anything
     * @param logSumExp      [n, heads]: natural log of the sum of exp(score) so far; before the first chunk negative
     *                       infinity
     */
    void attendExpanded(
            HeadView query,
            int firstQuery,
            HeadView keysValues,
            Tensor ropeKeys,
            int firstKey,
            float scale,
            HeadView out,
            Tensor logSumExp);

    /**
     * Writes step rows into a cache of keys and values: a row is the keys of all heads, then their values, each number
     * rounded to the cache's format.
     *
     * @param keys    [tokens], already rotated
     * @param values  [tokens], the same number of heads; both together as wide as the cache's rows
     * @param slots   [tokens], distinct, each in [0, kv.slots)
     */
    void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer);

    /**
     * Grouped-query attention straight over a cache of keys and values, causal: a row at position p sees positions 0..p
     * of its sequence. The cache has rowWidth / (query width + out width) heads; as many query heads share each, in
     * order: of 8 query heads and 2 cached ones, 0 to 3 read the first. score = (q · key) * scale; out = sum of
     * softmax(score) * value.
     *
     * @param query  [tokens], heads as wide as a key, rotated
     * @param batch  the step's rows; slots of every position
     * @param scale  softmax scale (dimensionless)
     * @param out    [tokens], the same number of heads, as wide as a value, overwritten
     * @see "GQA, arXiv 2305.13245"
     */
    void attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, float scale, HeadView out);

    /**
     * Chooses experts: scores by {@code rule.scoring}; the bias counts for choosing only, never for the weight; groups
     * first, then experts within them; ties go to the lower index.
     *
     * @param logits          [tokens, experts]
     * @param correctionBias  [1, experts], zeros where the model has none
     */
    ExpertPlan route(Tensor logits, Tensor correctionBias, RouterRule rule);

    /**
     * {@link #route}, then {@link ExpertsKernel#apply}: a device does both without the host knowing the choice.
     *
     * @param experts  bound to this backend
     */
    default void applyExperts(
            ExpertsKernel experts,
            Tensor x,
            Tensor logits,
            Tensor correctionBias,
            RouterRule rule,
            Tensor out,
            StepScratch scratch) {
        experts.apply(x, route(logits, correctionBias, rule), out, scratch);
    }

    /**
     * Chooses a token for each of some rows of logits, where they lie.
     *
     * @param logits   [any, vocabulary]
     * @param rows     which of them
     * @param choices  how, for each of {@code rows}
     * @param chooser  for what the host computes of it
     * @return ids, or {@link TokenChooser#NOT_FINITE} for rows by which nothing can be chosen
     */
    default int[] chooseTokens(Tensor logits, int[] rows, List<TokenChoice> choices, TokenChooser chooser) {
        OpShapes.chooseTokens(logits, rows, choices);
        int[] ids = new int[rows.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = chooser.choose(logits, rows[i], choices.get(i));
        }
        return ids;
    }

    /**
     * What sparse attention needs beyond the operations above.
     *
     * @throws KernelException if the backend has none
     */
    default KeyIndex keyIndex() {
        throw new KernelException("the " + name()
                + " backend has no index of keys, which sparse attention (DeepSeek-V3.2) chooses its tokens by");
    }

    /** Stops the worker threads, frees a device. */
    @Override
    void close();
}
