package dev.fathom.kernels.cuda;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * x as tensor cores take it: rounded to BF16, or as FP8 codes. The last two that were rounded are kept, because several weights are
 * multiplied with one x. One is dropped as soon as a launch is given memory that overlaps with its x, to read or to write.
 */
final class Roundings {
    private final CudaRows rows;
    private final boolean enabled;
    private final Slot[] bf16;
    private final Slot[] fp8;

    /** @param enabled  whether products take rounded x at all */
    Roundings(CudaDevice device, CudaRows rows, Launch launch, boolean enabled) {
        this.rows = rows;
        this.enabled = enabled;
        bf16 = new Slot[] {new Slot(device), new Slot(device)};
        fp8 = new Slot[] {new Slot(device), new Slot(device)};
        launch.beforeTouching(this::drop);
    }

    /** Where x is, and what of it. */
    private record Source(long address, long count, long width, boolean byChunk) {
        boolean overlaps(long from, long bytes) {
            return from < address + 4 * count * width && address < from + bytes;
        }
    }

    private static final class Slot {
        final Workspace memory;

        @Nullable
        Source source;

        long at;

        Slot(CudaDevice device) {
            memory = new Workspace(device);
        }
    }

    /** Nothing is kept from here on. */
    void forget() {
        for (int i = 0; i < 2; i++) {
            bf16[i].source = null;
            fp8[i].source = null;
        }
    }

    private void drop(long address, long bytes) {
        for (int i = 0; i < 2; i++) {
            drop(bf16[i], address, bytes);
            drop(fp8[i], address, bytes);
        }
    }

    private static void drop(Slot slot, long address, long bytes) {
        if (slot.source != null && slot.source.overlaps(address, bytes)) {
            slot.source = null;
        }
    }

    /** The slot that has it, which comes first then. */
    private static @Nullable Slot find(Slot[] slots, Source source) {
        if (!source.equals(slots[0].source)) {
            if (!source.equals(slots[1].source)) {
                return null;
            }
            swap(slots);
        }
        return slots[0];
    }

    private static void swap(Slot[] slots) {
        Slot first = slots[0];
        slots[0] = slots[1];
        slots[1] = first;
    }

    /** The slot that was not used last, which comes first then, with so many bytes. */
    private static Slot take(Slot[] slots, long bytes) {
        swap(slots);
        slots[0].source = null;
        slots[0].at = slots[0].memory.take(bytes);
        return slots[0];
    }

    private static Source source(Tensor x) {
        return new Source(DeviceMemory.address(x, "x"), x.rows(), x.cols(), false);
    }

    /** Address of BF16 numbers [rows, heads, width]; valid until the next call but one. */
    long toBf16(HeadView x) {
        boolean whole = x.heads() * x.width() == x.tensor().cols() && (x.heads() == 1 || x.stride() == x.width());
        Source source = source(x.tensor());
        Slot slot = whole ? find(bf16, source) : null;
        if (slot == null) {
            slot = take(bf16, 2L * x.rows() * x.heads() * x.width());
            rows.toBf16(x, slot.at);
            slot.source = whole ? source : null;
        }
        return slot.at;
    }

    /** Where an operation is to leave {@code out} as BF16 too; 0 where nobody would take it. {@link #keep} comes after it. */
    long beside(Tensor out) {
        if (!enabled || !CudaMatrices.suit(out.rows()) || out.cols() % 4 != 0) {
            return 0;
        }
        return take(bf16, 2L * out.rows() * out.cols()).at;
    }

    /** The operation that {@link #beside} was asked for has been launched. */
    void keep(Tensor out, long at) {
        if (at != 0) {
            bf16[0].source = source(out);
        }
    }

    /**
     * Rows of x as FP8.
     *
     * @param codes   address of [rows, width]
     * @param scales  address of [rows, width / 128] floats
     */
    record Quantized(long codes, long scales) {}

    /**
     * Valid until the next call but one.
     *
     * @param x        address of [count, width] floats
     * @param byChunk  whether scales are [width / 128, rows] instead
     */
    Quantized toFp8(long x, long count, long width, boolean byChunk) {
        Source source = new Source(x, count, width, byChunk);
        Slot slot = find(fp8, source);
        if (slot == null) {
            slot = take(fp8, count * width + 4 * count * (width / 128));
            rows.toFp8(x, width, count, new Quantized(slot.at, slot.at + count * width), byChunk);
            slot.source = source;
        }
        return new Quantized(slot.at, slot.at + count * width);
    }
}
