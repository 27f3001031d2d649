package dev.fathom.checkpoint;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/** Encodes tensors on all processors and appends them to a file, a stretch of rows after the other. */
final class TensorWriter {
    /** Encoded bytes that are in memory at a time, if a block of rows is not larger. */
    private static final long STRETCH_BYTES = 32L << 20;

    private final FileChannel file;
    private final LongConsumer written;

    /** @param written  told how many bytes were just written */
    TensorWriter(FileChannel file, LongConsumer written) {
        this.file = file;
        this.written = written;
    }

    /** Writes a tensor, and its scales after it. */
    void write(ConvertedTensor tensor, PublishedWeights weights) throws IOException {
        RowReader rows = tensor.rows().open(weights);
        int cols = Math.toIntExact(tensor.cols());
        int perBlock = tensor.encoding().rowsPerBlock();
        long blockBytes = perBlock * tensor.encoding().bytes(cols);
        int blocks = Math.toIntExact(tensor.blocks());
        int stretch = Math.clamp(STRETCH_BYTES / blockBytes, 1, blocks);
        float[][] scales = new float[blocks][tensor.encoding().scales(cols)];
        try (Arena arena = Arena.ofShared()) {
            MemorySegment buffer = arena.allocate(Math.multiplyExact(stretch, blockBytes), 64);
            for (int from = 0; from < blocks; from += stretch) {
                int first = from;
                int count = Math.min(stretch, blocks - from);
                IntStream.range(0, count)
                        .parallel()
                        .forEach(i ->
                                encode(tensor, rows, first + i, buffer.asSlice(i * blockBytes), scales[first + i]));
                long rowsDone =
                        Math.min((long) (first + count) * perBlock, tensor.rowCount()) - (long) first * perBlock;
                write(buffer.asSlice(0, rowsDone * tensor.encoding().bytes(cols))
                        .asByteBuffer());
            }
        }
        if (tensor.scaleBytes() > 0) {
            ByteBuffer bytes =
                    ByteBuffer.allocate(Math.toIntExact(tensor.scaleBytes())).order(ByteOrder.LITTLE_ENDIAN);
            for (float[] block : scales) {
                for (float scale : block) {
                    bytes.putFloat(scale);
                }
            }
            write(bytes.flip());
        }
    }

    private static void encode(ConvertedTensor tensor, RowReader rows, int block, MemorySegment to, float[] scales) {
        int perBlock = tensor.encoding().rowsPerBlock();
        long first = (long) block * perBlock;
        int count = (int) Math.min(perBlock, tensor.rowCount() - first);
        float[][] numbers = new float[count][Math.toIntExact(tensor.cols())];
        for (int i = 0; i < count; i++) {
            rows.read(first + i, numbers[i]);
        }
        tensor.encoding().encode(numbers, to, scales);
    }

    void write(ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            written.accept(file.write(bytes));
        }
    }
}
