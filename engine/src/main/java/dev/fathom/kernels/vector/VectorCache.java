package dev.fathom.kernels.vector;

import static dev.fathom.kernels.vector.Lanes.COUNT;
import static dev.fathom.kernels.vector.Lanes.F32;
import static dev.fathom.kernels.vector.Lanes.I16;
import static dev.fathom.kernels.vector.Lanes.LE;

import dev.fathom.kernels.Fp8Row;
import dev.fathom.kernels.HeadView;
import dev.fathom.kernels.KvFormat;
import dev.fathom.kernels.PagedKv;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** Rows of the key-value cache, one at a time. */
final class VectorCache {
    private VectorCache() {}

    /** Normalises, rotates and stores one row of a latent cache; cos and sin are [ropeWidth / 2]. */
    static void storeLatent(
            MemorySegment row,
            MemorySegment normWeight,
            float epsilon,
            MemorySegment cos,
            MemorySegment sin,
            PagedKv kv,
            MemorySegment slot,
            Workspace workspace) {
        int latent = kv.shape().latentWidth();
        int rope = kv.shape().ropeWidth();
        MemorySegment buffer = workspace.plain.atLeast(4L * (latent + 3L * rope));
        MemorySegment ready = buffer.asSlice(0, 4L * (latent + rope));
        VectorRows.normalize(row.asSlice(0, 4L * latent), normWeight, latent, epsilon, ready.asSlice(0, 4L * latent));
        if (rope > 0) {
            MemorySegment cosines = buffer.asSlice(4L * (latent + rope), 4L * rope);
            MemorySegment sines = buffer.asSlice(4L * (latent + 2L * rope), 4L * rope);
            VectorRows.spread(cos, sin, rope, cosines, sines);
            VectorRows.rotate(row, 4L * latent, cosines, sines, rope, ready, 4L * latent);
        }
        write(kv, ready, latent + rope, slot);
    }

    /** Row {@code token} of keys and values into a slot. */
    static void storeKeysValues(
            HeadView keys, HeadView values, int token, PagedKv kv, MemorySegment slot, Workspace workspace) {
        int width = kv.shape().rowWidth();
        MemorySegment row = workspace.plain.atLeast(4L * width);
        long place = 0;
        for (HeadView view : new HeadView[] {keys, values}) {
            for (int head = 0; head < view.heads(); head++) {
                long from = view.tensor().offset(token, view.column(head));
                MemorySegment.copy(view.tensor().data(), from, row, place, 4L * view.width());
                place += 4L * view.width();
            }
        }
        write(kv, row, width, slot);
    }

    /** Rounds a whole row. */
    static void write(PagedKv kv, MemorySegment from, int count, MemorySegment to) {
        switch (kv.format()) {
            case F32 -> MemorySegment.copy(from, 0, to, 0, 4L * count);
            case BF16 -> toBf16(from, count, to);
            case FP8_E4M3 -> Fp8Rows.write(new Fp8Row(kv.shape()), from, to);
        }
    }

    /** Round to nearest, ties to even; NaN stays NaN. */
    static void toBf16(MemorySegment from, int count, MemorySegment to) {
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            bf16(FloatVector.fromMemorySegment(F32, from, 4L * i, LE)).intoMemorySegment(to, 2L * i, LE);
        }
        if (whole < count) {
            VectorMask<Float> tail = F32.indexInRange(whole, count);
            bf16(FloatVector.fromMemorySegment(F32, from, 4L * whole, LE, tail))
                    .intoMemorySegment(to, 2L * whole, LE, I16.indexInRange(whole, count));
        }
    }

    private static ShortVector bf16(FloatVector v) {
        IntVector bits = v.reinterpretAsInts();
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        IntVector rounded = bits.add(0x7FFF)
                .add(odd)
                .blend(bits.or(0x400000), v.test(VectorOperators.IS_NAN).cast(Lanes.I32));
        return (ShortVector) rounded.lanewise(VectorOperators.LSHR, 16).convertShape(VectorOperators.I2S, I16, 0);
    }

    static void fromBf16(MemorySegment from, int count, MemorySegment to) {
        int whole = count & -COUNT;
        for (int i = 0; i < whole; i += COUNT) {
            Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, from, 2L * i, LE))
                    .intoMemorySegment(to, 4L * i, LE);
        }
        if (whole < count) {
            VectorMask<Short> tail = I16.indexInRange(whole, count);
            Bf16Tiles.decode(ShortVector.fromMemorySegment(I16, from, 2L * whole, LE, tail))
                    .intoMemorySegment(to, 4L * whole, LE, F32.indexInRange(whole, count));
        }
    }

    /**
     * Positions [from, to) of a sequence as key panels: four keys interleaved, for each vector of columns key 0, 1, 2, 3;
     * columns padded with zeros. Keys that fill up the last panel repeat the last one.
     *
     * @param column  of the row, where keys begin
     * @param width   of a key
     */
    static void expand(
            PagedKv kv,
            int layer,
            int[] slots,
            int from,
            int to,
            int column,
            int width,
            MemorySegment panels,
            Workspace workspace) {
        long panelBytes = 16L * Lanes.padded(width);
        int last = to - 1;
        for (int k = from; k < to; k += 4) {
            long row0 = slots[k] * kv.rowBytes();
            long row1 = slots[Math.min(k + 1, last)] * kv.rowBytes();
            long row2 = slots[Math.min(k + 2, last)] * kv.rowBytes();
            long row3 = slots[Math.min(k + 3, last)] * kv.rowBytes();
            long place = (k - from) / 4 * panelBytes;
            if (kv.format() == KvFormat.BF16 && width % Lanes.COUNT == 0) {
                long skipped = 2L * column;
                Bf16Tiles.expandFour(
                        kv.layer(layer),
                        row0 + skipped,
                        row1 + skipped,
                        row2 + skipped,
                        row3 + skipped,
                        width,
                        panels,
                        place);
            } else {
                expandRow(kv, layer, row0, column, width, panels, place, workspace);
                expandRow(kv, layer, row1, column, width, panels, place + Lanes.BYTES, workspace);
                expandRow(kv, layer, row2, column, width, panels, place + 2L * Lanes.BYTES, workspace);
                expandRow(kv, layer, row3, column, width, panels, place + 3L * Lanes.BYTES, workspace);
            }
        }
    }

    private static void expandRow(
            PagedKv kv,
            int layer,
            long row,
            int column,
            int width,
            MemorySegment panels,
            long place,
            Workspace workspace) {
        MemorySegment data = kv.layer(layer);
        switch (kv.format()) {
            case F32 -> F32Tiles.expandRow(data, row + 4L * column, width, panels, place);
            case BF16 -> Bf16Tiles.expandRow(data, row + 2L * column, width, panels, place);
            case FP8_E4M3 -> {
                MemorySegment plain = workspace.plain.atLeast(4L * width);
                Fp8Rows.decode(new Fp8Row(kv.shape()), data, row, column, width, plain);
                F32Tiles.expandRow(plain, 0, width, panels, place);
            }
        }
    }

    /**
     * Values of positions [from, to) of a sequence, as {@link WeightedSum} reads them.
     *
     * @param column  of the row, where values begin
     * @param width   of a value
     */
    static void packValues(
            PagedKv kv,
            int layer,
            int[] slots,
            int from,
            int to,
            int column,
            int width,
            MemorySegment values,
            Workspace workspace) {
        MemorySegment data = kv.layer(layer);
        int k = from;
        if (kv.format() == KvFormat.BF16 && width % Lanes.COUNT == 0) {
            long skipped = 2L * column;
            for (; k + 4 <= to; k += 4) {
                long at0 = slots[k] * kv.rowBytes() + skipped;
                long at1 = slots[k + 1] * kv.rowBytes() + skipped;
                long at2 = slots[k + 2] * kv.rowBytes() + skipped;
                long at3 = slots[k + 3] * kv.rowBytes() + skipped;
                WeightedSum.packFourBf16(data, at0, at1, at2, at3, width, values, k - from);
            }
        }
        for (; k < to; k++) {
            long row = slots[k] * kv.rowBytes();
            switch (kv.format()) {
                case F32 -> WeightedSum.pack(data, row + 4L * column, width, values, k - from);
                case BF16 -> WeightedSum.packBf16(data, row + 2L * column, width, values, k - from);
                case FP8_E4M3 -> {
                    MemorySegment plain = workspace.plain.atLeast(4L * width);
                    Fp8Rows.decode(new Fp8Row(kv.shape()), data, row, column, width, plain);
                    WeightedSum.pack(plain, 0, width, values, k - from);
                }
            }
        }
    }

    /** The row of a slot of a latent cache, its two parts apart, into row {@code to} of the tensors. */
    static void loadRow(PagedKv kv, int layer, int slot, int to, Tensor latent, Tensor ropeKeys) {
        int width = kv.shape().latentWidth();
        int rope = kv.shape().ropeWidth();
        long row = slot * kv.rowBytes();
        load(kv, layer, row, 0, width, latent.data().asSlice(4L * to * width, 4L * width));
        load(kv, layer, row, width, rope, ropeKeys.data().asSlice(4L * to * rope, 4L * rope));
    }

    /** Columns [column, column + count) of a stored row as float32. */
    private static void load(PagedKv kv, int layer, long row, int column, int count, MemorySegment to) {
        MemorySegment data = kv.layer(layer);
        switch (kv.format()) {
            case F32 -> MemorySegment.copy(data, row + 4L * column, to, 0, 4L * count);
            case BF16 -> fromBf16(data.asSlice(row + 2L * column, 2L * count), count, to);
            case FP8_E4M3 -> Fp8Rows.decode(new Fp8Row(kv.shape()), data, row, column, count, to);
        }
    }
}
