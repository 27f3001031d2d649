package dev.fathom.model.deepseek;

import dev.fathom.tensor.Tensor;
import dev.fathom.tensor.WeightMatrix.Fp8BlockMatrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.stream.IntStream;

/**
 * The halves of an FP8 kv_b_proj as FP8: where heads begin with blocks, cutting and transposing moves whole blocks, and a
 * block's codes keep their scale.
 */
final class AbsorbedFp8 {
    private AbsorbedFp8() {}

    /** Whether no block reaches into two heads, nor into the key and the value of one. */
    static boolean fits(Fp8BlockMatrix kvB, MlaConfig config) {
        return config.nopeHeadDim() % kvB.blockRows() == 0
                && config.valueHeadDim() % kvB.blockRows() == 0
                && config.kvLoraRank() % kvB.blockCols() == 0;
    }

    /** [heads * kvLora, nope]. */
    static Fp8BlockMatrix keysTransposed(Fp8BlockMatrix kvB, MlaConfig config, Arena arena) {
        int latent = config.kvLoraRank();
        int nope = config.nopeHeadDim();
        int rows = Math.multiplyExact(config.heads(), latent);
        MemorySegment codes = arena.allocate(Math.multiplyExact((long) rows, nope), 64);
        int blocksDown = latent / kvB.blockCols();
        int blocksAcross = nope / kvB.blockRows();
        Tensor scales = tensor(config.heads() * blocksDown, blocksAcross, arena);
        IntStream.range(0, config.heads()).parallel().forEach(head -> {
            int firstRow = head * config.expandedHeadDim();
            for (int i = 0; i < latent; i++) {
                for (int k = 0; k < nope; k++) {
                    byte code = kvB.data().get(ValueLayout.JAVA_BYTE, (long) (firstRow + k) * latent + i);
                    codes.set(ValueLayout.JAVA_BYTE, ((long) head * latent + i) * nope + k, code);
                }
            }
            for (int down = 0; down < blocksDown; down++) {
                for (int across = 0; across < blocksAcross; across++) {
                    float scale = kvB.scales().get(firstRow / kvB.blockRows() + across, down);
                    scales.set(head * blocksDown + down, across, scale);
                }
            }
        });
        return new Fp8BlockMatrix(codes, scales, rows, nope, kvB.blockCols(), kvB.blockRows());
    }

    /** [heads * value, kvLora]. */
    static Fp8BlockMatrix values(Fp8BlockMatrix kvB, MlaConfig config, Arena arena) {
        int latent = config.kvLoraRank();
        int value = config.valueHeadDim();
        int rows = Math.multiplyExact(config.heads(), value);
        MemorySegment codes = arena.allocate(Math.multiplyExact((long) rows, latent), 64);
        int blocks = value / kvB.blockRows();
        Tensor scales = tensor(config.heads() * blocks, latent / kvB.blockCols(), arena);
        long bytes = (long) value * latent;
        IntStream.range(0, config.heads()).parallel().forEach(head -> {
            int firstRow = head * config.expandedHeadDim() + config.nopeHeadDim();
            MemorySegment.copy(kvB.data(), (long) firstRow * latent, codes, head * bytes, bytes);
            scales.rows(head * blocks, blocks).copyFrom(kvB.scales().rows(firstRow / kvB.blockRows(), blocks));
        });
        return new Fp8BlockMatrix(codes, scales, rows, latent, kvB.blockRows(), kvB.blockCols());
    }

    private static Tensor tensor(int rows, int cols, Arena arena) {
        return new Tensor(arena.allocate(Tensor.byteSize(rows, cols), 64), rows, cols);
    }
}
