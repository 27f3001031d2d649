package dev.fathom.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class TensorTest {
    private static Tensor counted(int rows, int cols) {
        float[] values = new float[rows * cols];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        Tensor tensor = new Tensor(Arena.ofAuto().allocate(4L * values.length), rows, cols);
        tensor.copyFrom(values);
        return tensor;
    }

    @Test
    void readsAndWritesRowMajor() {
        Tensor tensor = counted(2, 3);
        assertThat(tensor.get(1, 0)).isEqualTo(3);
        tensor.set(1, 2, 9);
        assertThat(tensor.toArray()).containsExactly(0, 1, 2, 3, 4, 9);
        assertThat(tensor.offset(1, 2)).isEqualTo(20);
    }

    @Test
    void viewsRowsWithoutCopying() {
        Tensor tensor = counted(4, 3);
        Tensor rows = tensor.rows(1, 2);
        rows.set(0, 0, -1);
        assertThat(rows.rows()).isEqualTo(2);
        assertThat(tensor.get(1, 0)).isEqualTo(-1);
        assertThat(tensor.rows(4, 0).toArray()).isEmpty();
    }

    @Test
    void refusesIndicesOutside() {
        Tensor tensor = counted(2, 3);
        assertThatThrownBy(() -> tensor.get(2, 0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.get(0, 3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.set(-1, 0, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> tensor.rows(1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    void refusesSegmentThatIsTooSmall() {
        MemorySegment memory = Arena.ofAuto().allocate(23);
        assertThatThrownBy(() -> new Tensor(memory, 2, 3)).hasMessageContaining("needs 24 bytes, the segment has 23");
        assertThatThrownBy(() -> new Tensor(memory, -1, 3)).hasMessageContaining("must not be negative");
        assertThatThrownBy(() -> Tensor.byteSize(Integer.MAX_VALUE, Integer.MAX_VALUE))
                .isInstanceOf(ArithmeticException.class);
    }

    @Test
    void copiesOnlyWhatFits() {
        Tensor tensor = counted(2, 3);
        Tensor copy = counted(2, 3);
        copy.fill(0);
        copy.copyFrom(tensor);
        assertThat(copy.toArray()).isEqualTo(tensor.toArray());
        assertThatThrownBy(() -> copy.copyFrom(counted(3, 2))).hasMessageContaining("cannot copy [3, 2] into [2, 3]");
        assertThatThrownBy(() -> copy.copyFrom(new float[5])).hasMessageContaining("expected 6 numbers, got 5");
    }

    @Test
    void fillsItselfAndNothingElse() {
        Tensor tensor = counted(3, 2);
        tensor.rows(1, 1).fill(7);
        assertThat(tensor.toArray()).containsExactly(0, 1, 7, 7, 4, 5);
        tensor.rows(1, 1).fill(0);
        assertThat(tensor.toArray()).containsExactly(0, 1, 0, 0, 4, 5);
    }
}
