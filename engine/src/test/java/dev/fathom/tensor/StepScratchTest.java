package dev.fathom.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class StepScratchTest {
    @Test
    void givesAlignedPiecesThatDoNotOverlap() {
        try (StepScratch scratch = new StepScratch(256)) {
            Tensor first = scratch.f32(3, 5);
            Tensor second = scratch.f32(100, 7);
            first.fill(1);
            second.fill(2);
            assertThat(first.toArray()).containsOnly(1);
            assertThat(first.data().address() % 64).isZero();
            assertThat(second.data().address() % 64).isZero();
        }
    }

    @Test
    void usesMemoryAgainAfterRelease() {
        try (StepScratch scratch = new StepScratch(256)) {
            scratch.bytes(64);
            long mark = scratch.mark();
            MemorySegment before = scratch.bytes(128);
            scratch.release(mark);
            assertThat(scratch.bytes(128).address()).isEqualTo(before.address());
        }
    }

    @Test
    void peakCountsOnlyWhatIsInUseAtOnceAlsoWhileItGrows() {
        try (StepScratch scratch = new StepScratch(64)) {
            for (int layer = 0; layer < 50; layer++) {
                long mark = scratch.mark();
                scratch.bytes(1024);
                scratch.bytes(2048);
                scratch.release(mark);
            }
            assertThat(scratch.peakBytes()).isLessThan(3 * 3072);
        }
    }

    @Test
    void givesOnePieceOfMemoryForALikeStepAfterReset() {
        try (StepScratch scratch = new StepScratch(64)) {
            scratch.bytes(1000);
            scratch.bytes(3000);
            scratch.reset();
            assertThat(scratch.peakBytes()).isZero();
            MemorySegment first = scratch.bytes(1000);
            MemorySegment second = scratch.bytes(3000);
            assertThat(second.address() - first.address()).isEqualTo(1024);
        }
    }

    @Test
    void refusesAMarkThatWasNeverReached() {
        try (StepScratch scratch = new StepScratch(64)) {
            assertThatThrownBy(() -> scratch.release(64)).isInstanceOf(IllegalArgumentException.class);
        }
    }
}
