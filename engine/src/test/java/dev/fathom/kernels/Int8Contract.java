package dev.fathom.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What INT8 weights have of their own; the linear and the experts' contracts go through them too. */
abstract class Int8Contract extends BlockContract {
    @Test
    void multipliesInt8InBlocksOfAllSizes() {
        for (int[] block : new int[][] {{1, 32}, {3, 96}, {7, 64}, {128, 256}, {1000, 544}, {16, 4096}}) {
            for (int m : new int[] {1, 2, 7, 40}) {
                Int8Matrix weight = int8(50, 2080, block[0], block[1], 1);
                check(weight, gaussian(m, 2080), "blocks of " + block[0] + "x" + block[1] + ", " + m + " rows");
            }
        }
    }

    @Test
    void multipliesTheLargestAndTheSmallestCodes() {
        for (byte code : new byte[] {127, -128}) {
            Int8Matrix weight = int8(40, 640, 1, 640, 1);
            weight.data().fill(code);
            Tensor x = tensor(3, 640);
            for (int c = 0; c < 640; c++) {
                x.set(0, c, 3);
                x.set(1, c, -3);
                x.set(2, c, random.nextBoolean() ? 3 : -3);
            }
            check(weight, x, "all codes " + code);
        }
    }

    /** A row with 127 in one column, which is code 127 with scale 1, picks single weights. */
    @Test
    void decodesInt8Exactly() {
        for (int[] block : new int[][] {{1, 256}, {4, 32}}) {
            Int8Matrix weight = int8(6, 256, block[0], block[1], 1);
            LinearKernel linear = kernels.bind(weight);
            Tensor y = tensor(1, 6);
            for (int i = 0; i < 256; i++) {
                Tensor x = tensor(1, 256);
                x.fill(0);
                x.set(0, i, 127);
                linear.apply(x, y);
                for (int o = 0; o < 6; o++) {
                    double wanted = 127.0 * weight.get(o, i);
                    assertWithin(y.get(0, o), wanted, 2 * U * Math.abs(wanted), "[" + o + ", " + i + "]");
                }
            }
        }
    }

    @Test
    void givesNotANumberForInt8WithBrokenRowsOrScales() {
        for (float planted : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            for (int m : new int[] {1, 3}) {
                Int8Matrix weight = int8(9, 512, 1, 512, 1);
                Tensor x = gaussian(m, 512);
                x.set(m - 1, 300, planted);
                Tensor y = tensor(m, 9);
                kernels.bind(weight).apply(x, y);
                for (int o = 0; o < 9; o++) {
                    assertThat(y.get(m - 1, o)).isNaN();
                    assertThat(m == 1 || Float.isFinite(y.get(0, o))).isTrue();
                }
                weight.scales().set(2, 0, Float.NaN);
                kernels.bind(weight).apply(gaussian(m, 512), y);
                for (int o = 0; o < 9; o++) {
                    assertThat(Float.isNaN(y.get(m - 1, o))).isEqualTo(o == 2);
                }
            }
        }
    }

    @Test
    void addsUpInt8ExpertsOfWholeGroups() {
        for (int[] shape : new int[][] {{256, 128}, {512, 192}, {64, 96}}) {
            for (int[] block : new int[][] {{1, 1 << 20}, {128, 128}, {32, 32}}) {
                List<ExpertWeights> experts = new ArrayList<>();
                for (int e = 0; e < 7; e++) {
                    experts.add(new ExpertWeights(
                            int8(shape[1], shape[0], block[0], block[1], 1),
                            int8(shape[1], shape[0], block[0], block[1], 1),
                            int8(shape[0], shape[1], block[0], block[1], 1)));
                }
                checkExperts(experts, "INT8 in blocks of " + block[0] + "x" + block[1]);
            }
        }
    }

    @Test
    void refusesInt8ExpertsThatRoundTheirInputUnlike() {
        ExpertWeights mixed =
                new ExpertWeights(int8(64, 256, 1, 256, 1), int8(64, 256, 128, 128, 1), int8(256, 64, 1, 64, 1));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.bindExperts(List.of(mixed)))
                .withMessageContaining("in groups of one width");
    }

    @Test
    void embedsInt8() {
        Int8Matrix table = int8(11, 96, 1, 96, 1);
        table.data().set(ValueLayout.JAVA_BYTE, 0, (byte) -128);
        int[] ids = {10, 0, 3, 3};
        Tensor out = tensor(4, 96);
        kernels.embed(table, ids, out);
        for (int t = 0; t < ids.length; t++) {
            for (int i = 0; i < 96; i++) {
                assertThat(out.get(t, i)).isEqualTo(table.get(ids[t], i));
            }
        }
    }
}
