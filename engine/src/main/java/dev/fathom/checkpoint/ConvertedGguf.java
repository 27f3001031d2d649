package dev.fathom.checkpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * A DeepSeek checkpoint as one GGUF file in llama.cpp's layout: kv_b_proj in two, experts of a layer stacked, norms and
 * router in float32.
 *
 * @see "ggml, docs/gguf.md"
 */
final class ConvertedGguf {
    private static final int ALIGNMENT = 32;
    private static final int VERSION = 3;

    private final byte[] head;
    private final List<ConvertedTensor> tensors;

    ConvertedGguf(CheckpointFiles files, HfConfig config, PublishedWeights weights) {
        tensors = new GgufTensors(config, weights).list();
        GgufPairs pairs = new GgufPairs();
        new GgufModelPairs(config).addTo(pairs);
        new GgufTokenizerPairs(files, config).addTo(pairs);
        head = head(pairs);
    }

    long bytes() {
        long bytes = head.length;
        for (ConvertedTensor tensor : tensors) {
            bytes += aligned(tensor.bytes());
        }
        return bytes;
    }

    void write(Path target, Supplier<PublishedWeights> open, LongConsumer written) throws IOException {
        try (FileChannel file = FileChannel.open(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            TensorWriter out = new TensorWriter(file, written);
            out.write(ByteBuffer.wrap(head));
            for (ConvertedTensor tensor : tensors) {
                try (PublishedWeights weights = open.get()) {
                    out.write(tensor, weights);
                }
                out.write(ByteBuffer.allocate((int) (aligned(tensor.bytes()) - tensor.bytes())));
            }
            file.force(true);
        }
    }

    private byte[] head(GgufPairs pairs) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        bytes.writeBytes(GgufPairs.little(20)
                .putInt(VERSION)
                .putLong(tensors.size())
                .putLong(pairs.count())
                .array());
        bytes.writeBytes(pairs.bytes());
        long at = 0;
        for (ConvertedTensor tensor : tensors) {
            List<Long> shape = tensor.shape();
            bytes.writeBytes(GgufPairs.string(tensor.name()));
            bytes.writeBytes(GgufPairs.little(4).putInt(shape.size()).array());
            for (long dimension : shape.reversed()) { // innermost first
                bytes.writeBytes(GgufPairs.little(8).putLong(dimension).array());
            }
            int type = GgufType.valueOf(tensor.encoding().dtype()).id();
            bytes.writeBytes(GgufPairs.little(12).putInt(type).putLong(at).array());
            at += aligned(tensor.bytes());
        }
        bytes.writeBytes(new byte[(int) (aligned(bytes.size()) - bytes.size())]);
        return bytes.toByteArray();
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }
}
