package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Operations on rows without a weight matrix. */
abstract class RowsContract extends LinearContract {
    private static final int[] WIDTHS = {1, 2, LANES - 1, LANES, LANES + 1, 2 * LANES + 3, 64, 130, 576, 4098};

    @ParameterizedTest
    @EnumSource
    void embedsRowsExactly(Format format) {
        for (int cols : new int[] {1, LANES + 1, 130, 576}) {
            WeightMatrix table = weight(format, 11, cols);
            int[] ids = {10, 0, 3, 3};
            Tensor out = tensor(4, cols);
            kernels.embed(table, ids, out);
            for (int t = 0; t < ids.length; t++) {
                for (int i = 0; i < cols; i++) {
                    assertThat(out.get(t, i)).isEqualTo(table.get(ids[t], i));
                }
            }
        }
    }

    @Test
    void fillsGathersAndCopies() {
        for (int width : WIDTHS) {
            Tensor x = gaussian(5, width);
            int[] rows = {4, 0, 4, 2};
            Tensor gathered = tensor(4, width);
            kernels.gatherRows(x, rows, gathered);
            for (int i = 0; i < rows.length; i++) {
                assertSameBits(gathered.rows(i, 1), x.rows(rows[i], 1), "row " + rows[i]);
            }
            Tensor wide = tensor(5, width + 7);
            kernels.copyColumns(x, wide, 3);
            HeadView copied = new HeadView(wide, 1, width + 7, 3, width);
            assertRestUntouched(copied);
            for (int t = 0; t < 5; t++) {
                for (int i = 0; i < width; i++) {
                    assertThat(wide.get(t, 3 + i)).isEqualTo(x.get(t, i));
                }
            }
            kernels.fill(x.rows(1, 3), Float.NEGATIVE_INFINITY);
            assertThat(x.rows(1, 3).toArray()).containsOnly(Float.NEGATIVE_INFINITY);
            assertThat(x.rows(0, 1).toArray()).doesNotContain(Float.NEGATIVE_INFINITY);
            assertThat(x.rows(4, 1).toArray()).doesNotContain(Float.NEGATIVE_INFINITY);
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.gatherRows(tensor(2, 8), new int[] {0, 2}, tensor(2, 8)))
                .withMessageContaining("rows[1] = 2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.copyColumns(tensor(2, 8), tensor(2, 9), 2))
                .withMessageContaining("8 columns from 2 on do not fit in 9");
    }

    @Test
    void normalizesByTheRootMeanSquare() {
        for (int width : WIDTHS) {
            for (double size : new double[] {1, 1e-3, 1e15, 0}) {
                Tensor x = gaussian(5, width, size);
                Tensor weight = gaussian(1, width);
                Tensor out = tensor(5, width);
                kernels.rmsNorm(x, weight, 1e-6f, out);
                for (int t = 0; t < 5; t++) {
                    double factor = inverseRms(x, t, width);
                    for (int i = 0; i < width; i++) {
                        double expected = x.get(t, i) * factor * weight.get(0, i);
                        // The sum of n squares is off by n roundings at most, its inverse root by half of that.
                        double bound = (width / 2.0 + 4) * U * Math.abs(expected) + TINY;
                        assertWithin(out.get(t, i), expected, bound, "width " + width + " [" + t + ", " + i + "]");
                    }
                }
                Tensor alone = tensor(1, width);
                kernels.rmsNorm(x.rows(3, 1), weight, 1e-6f, alone);
                assertSameBits(alone, out.rows(3, 1), "a row alone");
                kernels.rmsNorm(x, weight, 1e-6f, x);
                assertSameBits(x, out, "in place");
            }
        }
    }

    static double inverseRms(Tensor x, int row, int width) {
        double squares = 0;
        for (int i = 0; i < width; i++) {
            squares += (double) x.get(row, i) * x.get(row, i);
        }
        return 1 / Math.sqrt(squares / width + 1e-6f);
    }

    @Test
    void addsExactly() {
        for (int width : WIDTHS) {
            Tensor x = gaussian(3, width);
            Tensor delta = gaussian(3, width);
            Tensor before = tensor(3, width);
            before.copyFrom(x);
            kernels.add(x, delta);
            for (int t = 0; t < 3; t++) {
                for (int i = 0; i < width; i++) {
                    assertThat(x.get(t, i)).isEqualTo(before.get(t, i) + delta.get(t, i));
                }
            }
        }
    }

    /** Bit for bit what adding first and normalising then gives. */
    @Test
    void addsAndNormalisesAtOnce() {
        for (int width : WIDTHS) {
            Tensor x = gaussian(3, width);
            Tensor delta = gaussian(3, width);
            Tensor weight = gaussian(1, width);
            Tensor sum = tensor(3, width);
            sum.copyFrom(x);
            Tensor expected = tensor(3, width);
            kernels.add(sum, delta);
            kernels.rmsNorm(sum, weight, 1e-6f, expected);
            Tensor out = tensor(3, width);
            kernels.addRmsNorm(x, delta, weight, 1e-6f, out);
            assertSameBits(x, sum, "sum");
            assertSameBits(out, expected, "normalised");
        }
    }

    @Test
    void addsABiasToEveryRowExactly() {
        for (int width : WIDTHS) {
            Tensor x = gaussian(3, width);
            Tensor bias = gaussian(1, width);
            Tensor before = tensor(3, width);
            before.copyFrom(x);
            kernels.addBias(x, bias);
            for (int t = 0; t < 3; t++) {
                for (int i = 0; i < width; i++) {
                    assertThat(x.get(t, i)).isEqualTo(before.get(t, i) + bias.get(0, i));
                }
            }
        }
    }

    @Test
    void multipliesTheSiluOfTheGateWithUp() {
        for (int width : WIDTHS) {
            Tensor gate = gaussian(4, width, 8);
            Tensor up = gaussian(4, width);
            checkSilu(gate, up);
        }
        float[] edges = {
            0f,
            -0f,
            1e-40f,
            -1e-40f,
            1e-20f,
            -1f,
            1f,
            20f,
            -20f,
            -60f,
            -86.9f,
            -87.1f,
            -88f,
            88f,
            89f,
            -104f,
            -1000f,
            1000f,
            1e30f,
            -1e30f,
            Float.MAX_VALUE,
            -Float.MAX_VALUE,
            Float.MIN_VALUE
        };
        Tensor gate = tensor(1, edges.length);
        gate.copyFrom(edges);
        Tensor up = tensor(1, edges.length);
        up.fill(0.75f);
        checkSilu(gate, up);
        gate.set(0, 3, Float.NaN);
        Tensor out = tensor(1, edges.length);
        kernels.siluMul(gate, up, out);
        assertThat(out.get(0, 3)).isNaN();
    }

    private void checkSilu(Tensor gate, Tensor up) {
        Tensor out = tensor(gate.rows(), gate.cols());
        kernels.siluMul(gate, up, out);
        for (int t = 0; t < gate.rows(); t++) {
            for (int i = 0; i < gate.cols(); i++) {
                double g = gate.get(t, i);
                double expected = g / (1 + Math.exp(-g)) * up.get(t, i);
                // Exponential, sum, quotient and two products: 12 roundings. Far below zero an exponential under
                // 1.7e-38
                // may be taken for zero.
                double bound = 12 * U * Math.abs(expected) + (g < -87 && g > -1e3 ? 1.7e-38 * -g : 0) + TINY;
                assertWithin(out.get(t, i), expected, bound, "silu of " + g);
            }
        }
        Tensor alone = tensor(1, gate.cols());
        int last = gate.rows() - 1;
        kernels.siluMul(gate.rows(last, 1), up.rows(last, 1), alone);
        assertSameBits(alone, out.rows(last, 1), "a row alone");
        Tensor inPlace = tensor(gate.rows(), gate.cols());
        inPlace.copyFrom(gate);
        kernels.siluMul(inPlace, up, inPlace);
        assertSameBits(inPlace, out, "in place");
    }

    /** {@link KernelBackend#rope} or {@link KernelBackend#ropeHalves}. */
    @FunctionalInterface
    private interface Rotation {
        void apply(HeadView x, Tensor cos, Tensor sin, HeadView out);
    }

    @Test
    void rotatesInterleavedPairs() {
        for (int width : new int[] {2, LANES - 2, LANES, LANES + 2, 64, 66}) {
            checkRotation(kernels::rope, width, 2, 1);
        }
    }

    @Test
    void rotatesPairsOfHalves() {
        for (int width : new int[] {2, LANES - 2, LANES, 2 * LANES, 2 * LANES + 2, 64, 66, 128}) {
            checkRotation(kernels::ropeHalves, width, 1, width / 2);
        }
    }

    /** Pair i is at (i * step, i * step + distance). */
    private void checkRotation(Rotation rotation, int width, int step, int distance) {
        for (int heads : new int[] {1, 3}) {
            Tensor cos = gaussian(5, width / 2);
            Tensor sin = gaussian(5, width / 2);
            HeadView x = new HeadView(gaussian(5, heads * (width + 7)), heads, width + 7, 3, width);
            HeadView out = new HeadView(tensor(5, heads * (width + 1) + 4), heads, width + 1, 4, width);
            rotation.apply(x, cos, sin, out);
            for (int t = 0; t < 5; t++) {
                for (int h = 0; h < heads; h++) {
                    for (int i = 0; i < width / 2; i++) {
                        int in = x.column(h) + i * step;
                        int to = out.column(h) + i * step;
                        double a = x.tensor().get(t, in);
                        double b = x.tensor().get(t, in + distance);
                        double c = cos.get(t, i);
                        double s = sin.get(t, i);
                        double bound = 2 * U * (Math.abs(a * c) + Math.abs(b * s));
                        assertWithin(out.tensor().get(t, to), a * c - b * s, bound, "first of pair " + i);
                        bound = 2 * U * (Math.abs(a * s) + Math.abs(b * c));
                        assertWithin(out.tensor().get(t, to + distance), a * s + b * c, bound, "second of pair " + i);
                    }
                }
            }
            assertRestUntouched(out);
            HeadView alone = new HeadView(tensor(1, out.tensor().cols()), heads, width + 1, 4, width);
            rotation.apply(x.rows(2, 1), cos.rows(2, 1), sin.rows(2, 1), alone);
            assertSameBits(alone.tensor(), out.tensor().rows(2, 1), "a row alone");
            rotation.apply(x, cos, sin, x);
            for (int h = 0; h < heads; h++) {
                for (int i = 0; i < width; i++) {
                    assertThat(x.tensor().get(4, x.column(h) + i))
                            .isEqualTo(out.tensor().get(4, out.column(h) + i));
                }
            }
        }
    }

    @Test
    void refusesRowsOfWrongShapes() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.embed(weight(Format.F32, 4, 8), new int[] {1, 4}, tensor(2, 8)))
                .withMessageContaining("ids[1] = 4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.embed(weight(Format.F32, 4, 8), new int[] {1}, tensor(1, 7)))
                .withMessageContaining("out");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.rmsNorm(tensor(2, 8), tensor(1, 7), 1e-6f, tensor(2, 8)))
                .withMessageContaining("weight");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.add(tensor(2, 8), tensor(3, 8)))
                .withMessageContaining("delta");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.addBias(tensor(2, 8), tensor(2, 8)))
                .withMessageContaining("bias");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.siluMul(tensor(2, 8), tensor(2, 7), tensor(2, 8)))
                .withMessageContaining("up");
        HeadView odd = HeadView.of(tensor(2, 9), 3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.rope(odd, tensor(2, 1), tensor(2, 1), odd))
                .withMessageContaining("even");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.ropeHalves(odd, tensor(2, 1), tensor(2, 1), odd))
                .withMessageContaining("even");
        HeadView even = HeadView.of(tensor(2, 12), 3);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.rope(even, tensor(2, 2), tensor(2, 1), even))
                .withMessageContaining("sin");
        PagedKv kv = PagedKv.allocate(new KvShape(2, 4, 2), KvFormat.BF16, 8, arena);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.storeLatent(
                        tensor(1, 6), tensor(1, 4), 1e-6f, tensor(1, 1), tensor(1, 1), new int[] {8}, kv, 0))
                .withMessageContaining("slots[0] = 8");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.storeLatent(
                        tensor(1, 6), tensor(1, 4), 1e-6f, tensor(1, 1), tensor(1, 1), new int[] {1}, kv, 2))
                .withMessageContaining("layer");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.loadLatent(kv, 0, new int[] {1, 2}, 1, 2, tensor(2, 4), tensor(2, 2)))
                .withMessageContaining("from, count");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.loadLatent(kv, 0, new int[] {1, 2}, 0, 2, tensor(2, 4), tensor(2, 3)))
                .withMessageContaining("ropeKeys");
    }
}
