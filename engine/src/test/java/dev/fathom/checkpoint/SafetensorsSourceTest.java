package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.fathom.tensor.DType;
import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Bf16Matrix;
import dev.fathom.tensor.WeightMatrix.F16Matrix;
import dev.fathom.tensor.WeightMatrix.F32Matrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import dev.fathom.tensor.WeightMatrix.Int8Matrix;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsSourceTest {
    @TempDir
    Path folder;

    private SafetensorsSource open() {
        return SafetensorsSource.open(CheckpointFiles.folder(folder), 2, 4);
    }

    private SafetensorsSource open(SafetensorsWriter writer) {
        writer.write(folder.resolve("model.safetensors"));
        return open();
    }

    private static void refused(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call).isInstanceOf(CheckpointException.class).hasMessageContainingAll(parts);
    }

    private static float[] counted(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = i % 16;
        }
        return values;
    }

    private static List<Float> elements(WeightMatrix matrix) {
        List<Float> values = new ArrayList<>();
        for (int row = 0; row < matrix.rows(); row++) {
            for (int col = 0; col < matrix.cols(); col++) {
                values.add(matrix.get(row, col));
            }
        }
        return values;
    }

    @Test
    void givesMatricesInTheirStoredFormat() {
        SafetensorsWriter writer = new SafetensorsWriter()
                .add("pad", "U8", List.of(1), new byte[1]) // makes all that follow unaligned
                .addF32("a", List.of(1, 2), 1.5f, -2)
                .addBf16("b", List.of(2, 1), 3, 4)
                .addF16("c", List.of(1, 2), 0.5f, 6);
        try (SafetensorsSource source = open(writer)) {
            WeightMatrix a = source.matrix("a", 1, 2);
            WeightMatrix b = source.matrix("b", 2, 1);
            WeightMatrix c = source.matrix("c", 1, 2);
            assertThat(a).isInstanceOf(F32Matrix.class);
            assertThat(b).isInstanceOf(Bf16Matrix.class);
            assertThat(c).isInstanceOf(F16Matrix.class);
            assertThat(elements(a)).containsExactly(1.5f, -2f);
            assertThat(elements(b)).containsExactly(3f, 4f);
            assertThat(elements(c)).containsExactly(0.5f, 6f);
            assertThat(((F32Matrix) a).data().isReadOnly()).isTrue(); // a view of the file; copies can be written
            assertThat(source.totalBytes()).isEqualTo(1 + 8 + 4 + 4);
            assertThat(source.contains("a")).isTrue();
            assertThat(source.contains("z")).isFalse();
            assertThat(source.shape("b")).containsExactly(2L, 1L);
            assertThat(source.names()).containsExactlyInAnyOrder("pad", "a", "b", "c");
        }
    }

    @Test
    void convertsVectorsToFloat() {
        SafetensorsWriter writer = new SafetensorsWriter()
                .addF32("a", List.of(3), 1, 2, 3)
                .addBf16("b", List.of(3), 4, 5, 6)
                .addF16("c", List.of(3), 7, 8, 9)
                .addFp8("d", List.of(3), 1, 2, 3);
        try (SafetensorsSource source = open(writer)) {
            assertThat(source.vector("a", 3).toArray()).containsExactly(1, 2, 3);
            assertThat(source.vector("b", 3).toArray()).containsExactly(4, 5, 6);
            Tensor c = source.vector("c", 3);
            assertThat(c.toArray()).containsExactly(7, 8, 9);
            assertThat(c.rows()).isEqualTo(1);
            for (String name : List.of("a", "b", "c")) {
                assertThat(source.vector(name, 3).data().isReadOnly()).isTrue();
            }
            refused(() -> source.vector("d", 3), "d: dtype F8_E4M3");
        }
    }

    /** 5 x 9 in blocks of 2 x 4: ragged at both edges; the scale of block (r, c) is 10^r * 2^c. */
    private static SafetensorsWriter ragged(boolean bf16Scales) {
        float[] scales = {1, 2, 4, 10, 20, 40, 100, 200, 400};
        SafetensorsWriter writer = new SafetensorsWriter().addFp8("x.weight", List.of(5, 9), counted(45));
        return bf16Scales
                ? writer.addBf16("x.weight_scale_inv", List.of(3, 3), scales)
                : writer.addF32("x.weight_scale_inv", List.of(3, 3), scales);
    }

    @Test
    void joinsFp8WeightWithItsScales() {
        for (boolean bf16 : new boolean[] {false, true}) {
            try (SafetensorsSource source = open(ragged(bf16))) {
                WeightMatrix matrix = source.matrix("x.weight", 5, 9);
                assertThat(matrix).isInstanceOf(Fp8BlockMatrix.class);
                assertThat(matrix.get(0, 3)).isEqualTo(3f);
                assertThat(matrix.get(1, 4)).isEqualTo(2f * 13);
                assertThat(matrix.get(4, 8)).isEqualTo(400f * (44 % 16));
                source.requireAllUsed();
            }
        }
    }

    @Test
    void refusesFp8WithoutOrWithOtherScales() {
        try (SafetensorsSource source = open(new SafetensorsWriter().addFp8("x.weight", List.of(2, 4), counted(8)))) {
            refused(
                    () -> source.matrix("x.weight", 2, 4),
                    "x.weight",
                    "neither scales of blocks, x.weight_scale_inv, nor of rows, x.weight_scale");
        }
        SafetensorsWriter wrong = new SafetensorsWriter()
                .addFp8("x.weight", List.of(4, 8), counted(32))
                .addF32("x.weight_scale_inv", List.of(1, 2), 1, 2);
        try (SafetensorsSource source = open(wrong)) {
            refused(() -> source.matrix("x.weight", 4, 8), "x.weight_scale_inv: shape [1, 2]", "config says [2, 2]");
        }
    }

    private static byte[] codes(int count) {
        byte[] codes = new byte[count];
        for (int i = 0; i < count; i++) {
            codes[i] = (byte) (3 * i - 128);
        }
        return codes;
    }

    @Test
    void readsInt8WithAScaleForEachRow() {
        float[] scales = {0.5f, 2, -3};
        for (List<Integer> shape : List.of(List.of(3, 1), List.of(3))) {
            SafetensorsWriter writer = new SafetensorsWriter()
                    .add("x.weight", "I8", List.of(3, 40), codes(120))
                    .addBf16("x.weight_scale", shape, scales);
            try (SafetensorsSource source = open(writer)) {
                assertThat(source.stores(DType.I8)).isTrue();
                assertThat(source.stores(DType.F8_E4M3)).isFalse();
                WeightMatrix whole = source.matrix("x.weight", 3, 40);
                assertThat(whole).isInstanceOf(Int8Matrix.class);
                for (int row = 0; row < 3; row++) {
                    assertThat(whole.get(row, 39)).isEqualTo(codes(120)[40 * row + 39] * scales[row]);
                }
                WeightMatrix last = source.matrix("x.weight", 3, 40, new Shard(Shard.Axis.ROWS, 2, 3));
                assertThat(elements(last)).isEqualTo(elements(whole).subList(80, 120));
                WeightMatrix right = source.matrix("x.weight", 3, 40, new Shard(Shard.Axis.COLS, 1, 2));
                assertThat(right.get(2, 0)).isEqualTo(whole.get(2, 20));
                source.requireAllUsed();
            }
        }
    }

    @Test
    void readsInt8InBlocks() throws IOException {
        new SafetensorsWriter()
                .add("x.weight", "I8", List.of(5, 70), codes(350))
                .addF32("x.weight_scale_inv", List.of(2, 3), counted(6))
                .write(folder.resolve("model.safetensors"));
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 4, 32)) {
            WeightMatrix matrix = source.matrix("x.weight", 5, 70);
            assertThat(matrix.get(4, 69)).isEqualTo(codes(350)[349] * counted(6)[5]);
            assertThat(matrix.get(3, 32)).isEqualTo(codes(350)[3 * 70 + 32] * counted(6)[1]);
            refused(
                    () -> source.matrix("x.weight", 5, 70, new Shard(Shard.Axis.COLS, 0, 2)),
                    "35 columns each",
                    "INT8 block of 32");
            source.requireAllUsed();
        }
        try (SafetensorsSource source = SafetensorsSource.open(CheckpointFiles.folder(folder), 4, 24)) {
            refused(() -> source.matrix("x.weight", 5, 70), "INT8 blocks of 4x24", "multiple of 32 columns");
        }
    }

    @Test
    void refusesInt8WithoutOrWithOtherScales() {
        SafetensorsWriter none = new SafetensorsWriter().add("x.weight", "I8", List.of(2, 4), codes(8));
        try (SafetensorsSource source = open(none)) {
            refused(() -> source.matrix("x.weight", 2, 4), "is I8 but has neither scales of rows, x.weight_scale,");
            refused(() -> source.vector("x.weight", 8), "x.weight: shape [2, 4]");
        }
        SafetensorsWriter wrong = new SafetensorsWriter()
                .add("x.weight", "I8", List.of(2, 4), codes(8))
                .addF32("x.weight_scale", List.of(3, 1), 1, 2, 3);
        try (SafetensorsSource source = open(wrong)) {
            refused(() -> source.matrix("x.weight", 2, 4), "x.weight_scale: shape [3, 1]", "config says [2, 1]");
        }
    }

    @Test
    void shardsRowsAsViewsAndColumnsAsCopies() {
        try (SafetensorsSource source = open(new SafetensorsWriter().addBf16("w", List.of(4, 6), counted(24)))) {
            List<Float> whole = elements(source.matrix("w", 4, 6));
            List<Float> rows = new ArrayList<>();
            for (int rank = 0; rank < 2; rank++) {
                WeightMatrix part = source.matrix("w", 4, 6, new Shard(Shard.Axis.ROWS, rank, 2));
                assertThat(((Bf16Matrix) part).data().isReadOnly()).isTrue();
                rows.addAll(elements(part));
            }
            assertThat(rows).isEqualTo(whole);
            for (int rank = 0; rank < 3; rank++) {
                WeightMatrix part = source.matrix("w", 4, 6, new Shard(Shard.Axis.COLS, rank, 3));
                assertThat(part.rows()).isEqualTo(4);
                assertThat(part.cols()).isEqualTo(2);
                for (int row = 0; row < 4; row++) {
                    for (int col = 0; col < 2; col++) {
                        assertThat(part.get(row, col)).isEqualTo(whole.get(6 * row + 2 * rank + col));
                    }
                }
            }
            refused(() -> source.matrix("w", 4, 6, new Shard(Shard.Axis.ROWS, 0, 3)), "4 rows", "among 3 ranks");
            refused(() -> source.matrix("w", 4, 6, new Shard(Shard.Axis.COLS, 0, 4)), "6 columns", "among 4 ranks");
        }
    }

    @Test
    void shardsFp8AtBlockBorders() {
        SafetensorsWriter writer = new SafetensorsWriter()
                .addFp8("x.weight", List.of(4, 8), counted(32))
                .addF32("x.weight_scale_inv", List.of(2, 2), 1, 2, 3, 4);
        try (SafetensorsSource source = open(writer)) {
            WeightMatrix whole = source.matrix("x.weight", 4, 8);
            WeightMatrix lower = source.matrix("x.weight", 4, 8, new Shard(Shard.Axis.ROWS, 1, 2));
            WeightMatrix right = source.matrix("x.weight", 4, 8, new Shard(Shard.Axis.COLS, 1, 2));
            assertThat(elements(lower)).isEqualTo(elements(whole).subList(16, 32));
            for (int row = 0; row < 4; row++) {
                for (int col = 0; col < 4; col++) {
                    assertThat(right.get(row, col)).isEqualTo(whole.get(row, col + 4));
                }
            }
            refused(
                    () -> source.matrix("x.weight", 4, 8, new Shard(Shard.Axis.ROWS, 0, 4)),
                    "x.weight",
                    "1 rows each",
                    "FP8 block of 2");
            refused(
                    () -> source.matrix("x.weight", 4, 8, new Shard(Shard.Axis.COLS, 0, 4)),
                    "x.weight",
                    "2 columns each",
                    "FP8 block of 4");
        }
    }

    @Test
    void refusesWrongShapeWrongTypeAndMissingTensor() {
        SafetensorsWriter writer = new SafetensorsWriter()
                .addF32("gate", List.of(2, 4), counted(8))
                .addF32("empty", List.of(0, 4))
                .add("ids", "I64", List.of(1, 1), new byte[8]);
        try (SafetensorsSource source = open(writer)) {
            String file = folder.resolve("model.safetensors").toString();
            refused(() -> source.matrix("gate", 4, 2), "gate: shape [2, 4] in " + file + ", config says [4, 2]");
            refused(() -> source.vector("gate", 8), "gate: shape [2, 4]", "config says [8]");
            refused(() -> source.matrix("ids", 1, 1), "ids: dtype I64 in " + file + " is not served");
            refused(() -> source.matrix("absent", 1, 1), "absent is missing in " + folder, "3 tensors in 1 file)");
            refused(() -> source.matrix("empty", 0, 4), "empty: shape [0, 4]", "is empty");
        }
    }

    @Test
    void namesTensorsThatNobodyRead() {
        SafetensorsWriter writer = new SafetensorsWriter();
        for (int i = 0; i < 8; i++) {
            writer.addF32("t" + i, List.of(1), i);
        }
        try (SafetensorsSource source = open(writer.addF32("model.layers.6.x", List.of(1), 1))) {
            source.ignore("model.layers.6.");
            source.vector("t0", 1);
            refused(source::requireAllUsed, "7 tensors", "t1, t2, t3, t4, t5 and 2 more");
            for (int i = 1; i < 7; i++) {
                source.vector("t" + i, 1);
            }
            refused(source::requireAllUsed, "1 tensor that", "t7;");
            source.vector("t7", 1);
            source.requireAllUsed();
        }
    }
}
