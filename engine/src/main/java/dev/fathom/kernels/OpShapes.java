package dev.fathom.kernels;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.util.List;

/**
 * The shapes every operation of {@link KernelBackend} takes, checked on entry by all backends alike. Each method throws
 * {@link IllegalArgumentException} that names the operation and the argument.
 */
public final class OpShapes {
    private OpShapes() {}

    public static void linear(int rows, int cols, Tensor x, Tensor y) {
        shape("linear", "x", x, x.rows(), cols);
        shape("linear", "y", y, x.rows(), rows);
        apart("linear", "y", x, y);
    }

    public static void bindHeads(WeightMatrix stacked, int heads) {
        if (heads < 1 || stacked.rows() % heads != 0) {
            throw new IllegalArgumentException(
                    "bindHeads: heads: " + heads + " do not divide stacked's " + stacked.rows() + " rows");
        }
    }

    public static void bindGated(WeightMatrix gate, WeightMatrix up) {
        if (gate.rows() != up.rows() || gate.cols() != up.cols()) {
            throw new IllegalArgumentException("bindGated: up is [" + up.rows() + ", " + up.cols() + "], gate ["
                    + gate.rows() + ", " + gate.cols() + "]; they must be alike");
        }
    }

    public static void heads(int heads, int outputs, int inputs, HeadView x, HeadView y) {
        headView("heads", "x", x, x.rows(), heads, inputs);
        headView("heads", "y", y, x.rows(), heads, outputs);
    }

    public static void bindExperts(List<ExpertWeights> experts) {
        if (experts.isEmpty()) {
            throw new IllegalArgumentException("bindExperts: experts: none given");
        }
        ExpertWeights first = experts.getFirst();
        if (RoundedInput.group(first.gate()) != RoundedInput.group(first.up())) {
            throw new IllegalArgumentException("bindExperts: experts: number 0 is " + describe(first)
                    + "; gate and up must both have weights of small integers, or neither, and in groups of one width");
        }
        for (int e = 0; e < experts.size(); e++) {
            ExpertWeights expert = experts.get(e);
            if (!alike(expert.gate(), first.gate())
                    || !alike(expert.up(), first.up())
                    || !alike(expert.down(), first.down())) {
                throw new IllegalArgumentException("bindExperts: experts: number " + e + " is " + describe(expert)
                        + ", number 0 is " + describe(first)
                        + "; all experts must have the same shapes and formats");
            }
        }
    }

    /** Whether two weights have one shape and one format. */
    private static boolean alike(WeightMatrix one, WeightMatrix other) {
        return one.rows() == other.rows()
                && one.cols() == other.cols()
                && format(one).equals(format(other));
    }

    private static String describe(ExpertWeights expert) {
        return "gate " + describe(expert.gate()) + ", up " + describe(expert.up()) + ", down "
                + describe(expert.down());
    }

    private static String format(WeightMatrix weight) {
        return switch (weight) {
            case BlockMatrix blocks -> blocks.format().name();
            case Int8Matrix codes -> "INT8 in blocks of " + codes.blockRows() + "x" + codes.blockCols();
            default -> weight.getClass().getSimpleName();
        };
    }

    private static String describe(WeightMatrix weight) {
        return format(weight) + " [" + weight.rows() + ", " + weight.cols() + "]";
    }

    public static void experts(int experts, int hidden, Tensor x, ExpertPlan plan, Tensor out) {
        shape("experts", "x", x, plan.tokens(), hidden);
        shape("experts", "out", out, plan.tokens(), hidden);
        apart("experts", "out", x, out);
        if (plan.experts() != experts) {
            throw new IllegalArgumentException(
                    "experts: plan: routes to " + plan.experts() + " experts, there are " + experts);
        }
    }

    public static void upload(float[] numbers, Tensor to) {
        if (numbers.length != (long) to.rows() * to.cols()) {
            throw new IllegalArgumentException(
                    "upload: to: [" + to.rows() + ", " + to.cols() + "] for " + numbers.length + " numbers");
        }
    }

    public static void gatherRows(Tensor x, int[] rows, Tensor out) {
        shape("gatherRows", "out", out, rows.length, x.cols());
        apart("gatherRows", "out", x, out);
        for (int i = 0; i < rows.length; i++) {
            if (rows[i] < 0 || rows[i] >= x.rows()) {
                throw new IllegalArgumentException(
                        "gatherRows: rows[" + i + "] = " + rows[i] + " is outside [0, " + x.rows() + ")");
            }
        }
    }

    public static void copyColumns(Tensor from, Tensor to, int firstColumn) {
        shape("copyColumns", "to", to, from.rows(), to.cols());
        if (firstColumn < 0 || firstColumn > to.cols() - from.cols()) {
            throw new IllegalArgumentException("copyColumns: firstColumn: " + from.cols() + " columns from "
                    + firstColumn + " on do not fit in " + to.cols());
        }
    }

    public static void embed(WeightMatrix table, int[] ids, Tensor out) {
        shape("embed", "out", out, ids.length, table.cols());
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] < 0 || ids[i] >= table.rows()) {
                throw new IllegalArgumentException(
                        "embed: ids[" + i + "] = " + ids[i] + " is outside [0, " + table.rows() + ")");
            }
        }
    }

    public static void rmsNorm(Tensor x, Tensor weight, Tensor out) {
        shape("rmsNorm", "weight", weight, 1, x.cols());
        shape("rmsNorm", "out", out, x.rows(), x.cols());
    }

    public static void add(Tensor x, Tensor delta) {
        shape("add", "delta", delta, x.rows(), x.cols());
    }

    public static void addBias(Tensor x, Tensor bias) {
        shape("addBias", "bias", bias, 1, x.cols());
    }

    public static void siluMul(Tensor gate, Tensor up, Tensor out) {
        shape("siluMul", "up", up, gate.rows(), gate.cols());
        shape("siluMul", "out", out, gate.rows(), gate.cols());
    }

    /** Of either pairing. */
    public static void rope(HeadView x, Tensor cos, Tensor sin, HeadView out) {
        if (x.width() % 2 != 0) {
            throw new IllegalArgumentException("rope: x: heads must have an even width, got " + x.width());
        }
        shape("rope", "cos", cos, x.rows(), x.width() / 2);
        shape("rope", "sin", sin, x.rows(), x.width() / 2);
        headView("rope", "out", out, x.rows(), x.heads(), x.width());
    }

    public static void storeLatent(
            Tensor latent, Tensor normWeight, Tensor cos, Tensor sin, int[] slots, PagedKv kv, int layer) {
        KvShape shape = kv.shape();
        layer("storeLatent", kv, layer);
        shape("storeLatent", "latent", latent, slots.length, shape.rowWidth());
        shape("storeLatent", "normWeight", normWeight, 1, shape.latentWidth());
        shape("storeLatent", "cos", cos, slots.length, shape.ropeWidth() / 2);
        shape("storeLatent", "sin", sin, slots.length, shape.ropeWidth() / 2);
        slots("storeLatent", slots, 0, slots.length, kv);
    }

    public static void loadLatent(
            PagedKv kv, int layer, int[] slots, int from, int count, Tensor latent, Tensor ropeKeys) {
        layer("loadLatent", kv, layer);
        if (from < 0 || count < 0 || from > slots.length - count) {
            throw new IllegalArgumentException("loadLatent: from, count: positions [" + from + ", " + (from + count)
                    + ") of a sequence of " + slots.length + " slots");
        }
        shape("loadLatent", "latent", latent, count, kv.shape().latentWidth());
        shape("loadLatent", "ropeKeys", ropeKeys, count, kv.shape().ropeWidth());
        slots("loadLatent", slots, from, count, kv);
    }

    public static void attendLatent(HeadView query, AttentionBatch batch, PagedKv kv, int layer, HeadView out) {
        attendLatentShapes(query, batch, kv, layer, out);
        slots("attendLatent", batch, kv);
    }

    /** As {@link #attendLatent}, for who checks {@link #slots} of a batch once for all layers. */
    public static void attendLatentShapes(HeadView query, AttentionBatch batch, PagedKv kv, int layer, HeadView out) {
        layer("attendLatent", kv, layer);
        headView(
                "attendLatent",
                "query",
                query,
                batch.tokens(),
                query.heads(),
                kv.shape().rowWidth());
        headView(
                "attendLatent",
                "out",
                out,
                batch.tokens(),
                query.heads(),
                kv.shape().latentWidth());
    }

    /** Every position of the batch has a slot of the cache. */
    public static void slots(String op, AttentionBatch batch, PagedKv kv) {
        for (int i = 0; i < batch.sequences(); i++) {
            slots(op, batch.slots()[i], 0, batch.contextLength()[i], kv);
        }
    }

    /** @return the width of a value */
    public static int attendExpanded(
            HeadView query, HeadView keysValues, Tensor ropeKeys, HeadView out, Tensor logSumExp) {
        int nope = query.width() - ropeKeys.cols();
        int value = keysValues.width() - nope;
        if (nope < 0 || value < 1) {
            throw new IllegalArgumentException("attendExpanded: keysValues: heads " + keysValues.width()
                    + " wide leave no room for keys " + query.width() + " wide of which " + ropeKeys.cols()
                    + " are rope, and values");
        }
        headView("attendExpanded", "keysValues", keysValues, ropeKeys.rows(), query.heads(), nope + value);
        headView("attendExpanded", "out", out, query.rows(), query.heads(), value);
        shape("attendExpanded", "logSumExp", logSumExp, query.rows(), query.heads());
        return value;
    }

    public static void storeKeysValues(HeadView keys, HeadView values, int[] slots, PagedKv kv, int layer) {
        layer("storeKeysValues", kv, layer);
        headView("storeKeysValues", "keys", keys, slots.length, keys.heads(), keys.width());
        headView("storeKeysValues", "values", values, slots.length, keys.heads(), values.width());
        if (cachedHeads("storeKeysValues", kv, keys.width(), values.width()) != keys.heads()) {
            throw new IllegalArgumentException("storeKeysValues: keys: " + keys.heads() + " heads of keys "
                    + keys.width() + " and values " + values.width() + " wide do not fill a row of "
                    + kv.shape().rowWidth() + " numbers");
        }
        slots("storeKeysValues", slots, 0, slots.length, kv);
    }

    /** @return heads in the cache */
    public static int attendGrouped(HeadView query, AttentionBatch batch, PagedKv kv, int layer, HeadView out) {
        int cached = attendGroupedShapes(query, batch, kv, layer, out);
        slots("attendGrouped", batch, kv);
        return cached;
    }

    /**
     * As {@link #attendGrouped}, for who checks {@link #slots} of a batch once for all layers.
     *
     * @return heads in the cache
     */
    public static int attendGroupedShapes(HeadView query, AttentionBatch batch, PagedKv kv, int layer, HeadView out) {
        layer("attendGrouped", kv, layer);
        headView("attendGrouped", "query", query, batch.tokens(), query.heads(), query.width());
        headView("attendGrouped", "out", out, batch.tokens(), query.heads(), out.width());
        int cached = cachedHeads("attendGrouped", kv, query.width(), out.width());
        if (query.heads() % cached != 0) {
            throw new IllegalArgumentException(
                    "attendGrouped: query: " + query.heads() + " heads cannot share the cache's " + cached + " evenly");
        }
        return cached;
    }

    public static void layerNorm(Tensor x, Tensor weight, Tensor bias, Tensor out) {
        shape("layerNorm", "weight", weight, 1, x.cols());
        shape("layerNorm", "bias", bias, 1, x.cols());
        shape("layerNorm", "out", out, x.rows(), x.cols());
    }

    public static void storeIndex(Tensor keys, int[] slots, PagedKv index, int layer) {
        layer("storeIndex", index, layer);
        shape("storeIndex", "keys", keys, slots.length, index.shape().rowWidth());
        slots("storeIndex", slots, 0, slots.length, index);
    }

    public static void choose(
            HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count) {
        chooseShapes(query, weights, batch, index, layer, count);
        slots("choose", batch, index);
    }

    /** As {@link #choose}, for who checks {@link #slots} of a batch once for all layers. */
    public static void chooseShapes(
            HeadView query, Tensor weights, AttentionBatch batch, PagedKv index, int layer, int count) {
        layer("choose", index, layer);
        headView(
                "choose",
                "query",
                query,
                batch.tokens(),
                query.heads(),
                index.shape().rowWidth());
        shape("choose", "weights", weights, batch.tokens(), query.heads());
        if (count < 1) {
            throw new IllegalArgumentException("choose: count: must be positive, got " + count);
        }
    }

    public static void chooseTokens(Tensor logits, int[] rows, List<TokenChoice> choices) {
        if (rows.length != choices.size()) {
            throw new IllegalArgumentException(
                    "chooseTokens: choices: " + choices.size() + " for " + rows.length + " rows");
        }
        for (int i = 0; i < rows.length; i++) {
            if (rows[i] < 0 || rows[i] >= logits.rows()) {
                throw new IllegalArgumentException("chooseTokens: rows[" + i + "] = " + rows[i]
                        + " is outside of logits' " + logits.rows() + " rows");
            }
        }
    }

    private static int cachedHeads(String op, PagedKv kv, int keyWidth, int valueWidth) {
        int width = keyWidth + valueWidth;
        if (kv.shape().ropeWidth() != 0 || kv.shape().rowWidth() % width != 0) {
            throw new IllegalArgumentException(op + ": kv: rows of " + kv.shape() + " do not hold keys " + keyWidth
                    + " and values " + valueWidth + " wide");
        }
        return kv.shape().rowWidth() / width;
    }

    public static void route(Tensor logits, Tensor correctionBias, RouterRule rule) {
        shape("route", "logits", logits, logits.rows(), rule.experts());
        shape("route", "correctionBias", correctionBias, 1, rule.experts());
    }

    private static void shape(String op, String argument, Tensor tensor, int rows, int cols) {
        if (tensor.rows() != rows || tensor.cols() != cols) {
            throw new IllegalArgumentException(op + ": " + argument + ": expected [" + rows + ", " + cols + "], got ["
                    + tensor.rows() + ", " + tensor.cols() + "]");
        }
    }

    private static void headView(String op, String argument, HeadView view, int rows, int heads, int width) {
        if (view.rows() != rows || view.heads() != heads || view.width() != width) {
            throw new IllegalArgumentException(op + ": " + argument + ": expected " + rows + " rows of " + heads
                    + " heads " + width + " wide, got " + view.rows() + " rows of " + view.heads() + " heads "
                    + view.width() + " wide");
        }
    }

    private static void apart(String op, String argument, Tensor x, Tensor y) {
        if (x.rows() > 0 && x.data().asOverlappingSlice(y.data()).isPresent()) {
            throw new IllegalArgumentException(op + ": " + argument + ": overlaps x");
        }
    }

    private static void layer(String op, PagedKv kv, int layer) {
        if (layer < 0 || layer >= kv.shape().layers()) {
            throw new IllegalArgumentException(
                    op + ": layer: " + layer + " is outside [0, " + kv.shape().layers() + ")");
        }
    }

    private static void slots(String op, int[] slots, int from, int count, PagedKv kv) {
        for (int i = from; i < from + count; i++) {
            if (slots[i] < 0 || slots[i] >= kv.slots()) {
                throw new IllegalArgumentException(
                        op + ": slots[" + i + "] = " + slots[i] + " is outside [0, " + kv.slots() + ")");
            }
        }
    }
}
