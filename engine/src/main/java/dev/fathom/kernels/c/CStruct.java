package dev.fathom.kernels.c;

import dev.fathom.kernels.HeadView;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A C struct of eight-byte fields, written from front to back; the first field is the counter of units. */
final class CStruct {
    private final MemorySegment memory;
    private long at;

    /** @param fields at most so many, the counter included */
    CStruct(CTeam team, int fields) {
        memory = team.allocate(8L * fields);
    }

    MemorySegment memory() {
        return memory;
    }

    /** Begins with the field after the counter. */
    CStruct begin() {
        at = 8;
        return this;
    }

    CStruct put(long value) {
        memory.set(ValueLayout.JAVA_LONG, at, value);
        at += 8;
        return this;
    }

    CStruct put(double value) {
        return put(Double.doubleToRawLongBits(value));
    }

    /** Where a tensor is. */
    CStruct put(String name, Tensor tensor) {
        return put(CTeam.address(tensor, name));
    }

    /** {@code struct weight} of weight.h. */
    CStruct put(WeightMatrix weight) {
        WeightStruct.write(weight, memory, at);
        at += WeightStruct.BYTES;
        return this;
    }

    /** {@code struct heads} of storage.h: strides count floats. */
    CStruct put(String name, HeadView view) {
        return put(CTeam.address(view.tensor(), name) + 4L * view.column(0))
                .put(view.tensor().cols())
                .put(view.stride());
    }
}
