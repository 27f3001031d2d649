package dev.fathom.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.fathom.tensor.WeightMatrix;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** FP8 weights whose scales are not float32 numbers for each block. */
class Fp8ScalesTest {
    @TempDir
    Path folder;

    private SafetensorsSource open(SafetensorsWriter writer) {
        writer.write(folder.resolve("model.safetensors"));
        return SafetensorsSource.open(CheckpointFiles.folder(folder), 2, 4);
    }

    /** 0, 1, ... 15. */
    private static float[] counted() {
        float[] values = new float[16];
        for (int i = 0; i < 16; i++) {
            values[i] = i;
        }
        return values;
    }

    @Test
    void readsScalesThatArePowersOfTwo() {
        SafetensorsWriter writer = new SafetensorsWriter()
                .addFp8("a", List.of(2, 8), counted())
                .add("a_scale_inv", "F8_E8M0", List.of(1, 2), new byte[] {(byte) 128, 124});
        try (SafetensorsSource source = open(writer)) {
            WeightMatrix a = source.matrix("a", 2, 8);
            assertThat(a).isInstanceOf(Fp8BlockMatrix.class);
            assertThat(a.get(0, 3)).isEqualTo(6f);
            assertThat(a.get(1, 7)).isEqualTo(15f / 8);
            source.requireAllUsed();
        }
    }

    @Test
    void readsFp8WithAScaleForEachRowOrForAll() {
        SafetensorsWriter writer = new SafetensorsWriter()
                .addFp8("rows.weight", List.of(2, 8), counted())
                .addF32("rows.weight_scale", List.of(2, 1), 2, 0.5f)
                .addFp8("all.weight", List.of(2, 8), counted())
                .addF32("all.weight_scale", List.of(1), 3)
                .addF32("all.input_scale", List.of(1), 7);
        try (SafetensorsSource source = open(writer)) {
            WeightMatrix rows = source.matrix("rows.weight", 2, 8);
            assertThat(rows.get(0, 3)).isEqualTo(6f);
            assertThat(rows.get(1, 7)).isEqualTo(7.5f);
            WeightMatrix lower = source.matrix("rows.weight", 2, 8, new Shard(Shard.Axis.ROWS, 1, 2));
            assertThat(lower.get(0, 7)).isEqualTo(7.5f);
            WeightMatrix all = source.matrix("all.weight", 2, 8);
            assertThat(all.get(1, 7)).isEqualTo(45f);
            source.requireAllUsed();
        }
    }
}
