package dev.fathom.model.deepseek;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class AbsorbedProjectionsTest {
    private static final long SEED = 20251123;

    /** Heads of 3 + 2 rows: they begin inside FP8 blocks of 4 x 4. */
    private static final MlaConfig CONFIG = new MlaConfig(3, 0, 6, 3, 2, 2);

    @Test
    void copiesEveryFormatExactly() {
        System.out.println("seed " + SEED);
        try (Arena arena = Arena.ofShared()) {
            for (WeightMatrix kvB : matrices(arena)) {
                WeightMatrix keys = AbsorbedProjections.keysTransposed(kvB, CONFIG, arena);
                WeightMatrix values = AbsorbedProjections.values(kvB, CONFIG, arena);
                assertThat(List.of(keys.rows(), keys.cols())).containsExactly(18, 3);
                assertThat(List.of(values.rows(), values.cols())).containsExactly(6, 6);
                for (int head = 0; head < 3; head++) {
                    for (int latent = 0; latent < 6; latent++) {
                        for (int row = 0; row < 3; row++) {
                            assertThat(keys.get(head * 6 + latent, row)).isEqualTo(kvB.get(head * 5 + row, latent));
                        }
                        for (int row = 0; row < 2; row++) {
                            assertThat(values.get(head * 2 + row, latent))
                                    .isEqualTo(kvB.get(head * 5 + 3 + row, latent));
                        }
                    }
                }
            }
        }
    }

    /** Heads of 4 + 8 rows, blocks of 4 x 2. */
    @Test
    void keepsFp8WhereHeadsBeginWithBlocks() {
        System.out.println("seed " + SEED);
        MlaConfig config = new MlaConfig(3, 0, 6, 4, 2, 8);
        try (Arena arena = Arena.ofShared()) {
            Random random = new Random(SEED);
            MemorySegment codes = arena.allocate(36 * 6);
            for (int i = 0; i < 36 * 6; i++) {
                codes.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt(0x7F));
            }
            Tensor scales = new Tensor(arena.allocate(4 * 27), 9, 3);
            for (int i = 0; i < 27; i++) {
                scales.set(i / 3, i % 3, random.nextFloat());
            }
            var kvB = new WeightMatrix.Fp8BlockMatrix(codes, scales, 36, 6, 4, 2);
            assertThat(AbsorbedFp8.fits(kvB, config)).isTrue();
            assertThat(AbsorbedFp8.fits(kvB, CONFIG)).isFalse();
            WeightMatrix keys = AbsorbedFp8.keysTransposed(kvB, config, arena);
            WeightMatrix values = AbsorbedFp8.values(kvB, config, arena);
            WeightMatrix decodedKeys = AbsorbedProjections.keysTransposed(kvB, config, arena);
            WeightMatrix decodedValues = AbsorbedProjections.values(kvB, config, arena);
            requireEqual(keys, decodedKeys);
            requireEqual(values, decodedValues);
            assertThat(decodedKeys.bytes() + decodedValues.bytes()).isGreaterThan(2 * (keys.bytes() + values.bytes()));
        }
    }

    private static void requireEqual(WeightMatrix actual, WeightMatrix expected) {
        assertThat(List.of(actual.rows(), actual.cols())).containsExactly(expected.rows(), expected.cols());
        for (int row = 0; row < expected.rows(); row++) {
            for (int col = 0; col < expected.cols(); col++) {
                assertThat(actual.get(row, col)).isEqualTo(expected.get(row, col));
            }
        }
    }

    @Test
    void keepsTwoByteFormatsAndDecodesFp8() {
        try (Arena arena = Arena.ofShared()) {
            List<Class<?>> formats = matrices(arena).stream()
                    .<Class<?>>map(kvB ->
                            AbsorbedProjections.values(kvB, CONFIG, arena).getClass())
                    .toList();
            assertThat(formats)
                    .containsExactly(
                            WeightMatrix.F32Matrix.class,
                            WeightMatrix.Bf16Matrix.class,
                            WeightMatrix.F16Matrix.class,
                            WeightMatrix.F32Matrix.class);
        }
    }

    /** kv_b_proj [15, 6] in each format, of finite random numbers. */
    private static List<WeightMatrix> matrices(Arena arena) {
        Random random = new Random(SEED);
        MemorySegment floats = arena.allocate(4 * 90);
        MemorySegment halves = arena.allocate(2 * 90);
        MemorySegment bytes = arena.allocate(90);
        for (int i = 0; i < 90; i++) {
            floats.set(Tensor.F32, 4L * i, (float) random.nextGaussian());
            halves.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) random.nextInt(0x3000));
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt(0x7F));
        }
        Tensor scales = new Tensor(arena.allocate(4 * 8), 4, 2);
        for (int i = 0; i < 8; i++) {
            scales.set(i / 2, i % 2, random.nextFloat());
        }
        return List.of(
                new WeightMatrix.F32Matrix(floats, 15, 6),
                new WeightMatrix.Bf16Matrix(halves, 15, 6),
                new WeightMatrix.F16Matrix(halves, 15, 6),
                new WeightMatrix.Fp8BlockMatrix(bytes, scales, 15, 6, 4, 4));
    }
}
