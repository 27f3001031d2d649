package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A checkpoint as a folder of safetensors, in the form that its format is published in. */
final class ConvertedFolder {
    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int HEADER_ALIGNMENT = 8;

    private final CheckpointFiles files;
    private final TargetFormat format;
    private final List<List<ConvertedTensor>> shards;

    /** @param shardBytes  most bytes of a shard, except that every one holds a tensor */
    ConvertedFolder(CheckpointFiles files, TargetFormat format, PublishedWeights weights, long shardBytes) {
        this.files = files;
        this.format = format;
        List<ConvertedTensor> tensors = new ArrayList<>();
        weights.shapes()
                .forEach((name, shape) -> tensors.add(new ConvertedTensor(
                        name, shape, encoding(name, shape, weights), published -> published.rows(name))));
        shards = shards(tensors, shardBytes);
    }

    private Encoding encoding(String name, List<Long> shape, PublishedWeights weights) {
        if (shape.size() == 1) {
            // The router's correction is published in float32, whatever its numbers are.
            return !name.endsWith("e_score_correction_bias") && isBf16(weights.vector(name))
                    ? Encoding.BF16
                    : Encoding.F32;
        }
        return switch (format) {
            case BF16 -> Encoding.BF16;
            case FP8 -> isProjection(name) ? Encoding.FP8 : Encoding.BF16;
            // Attention takes kv_b_proj apart and would decode it to float32.
            case INT8 -> isProjection(name) && !name.endsWith(".kv_b_proj.weight") ? Encoding.INT8 : Encoding.BF16;
            case Q8_0 -> throw new IllegalArgumentException("Q8_0 is written as GGUF");
        };
    }

    /** What DeepSeek publishes in FP8: linear layers, but not the router, the head, or what leads into the MTP layer. */
    static boolean isProjection(String name) {
        return name.contains("_proj")
                && name.endsWith(".weight")
                && !name.endsWith("eh_proj.weight")
                && !name.endsWith("weights_proj.weight");
    }

    private static boolean isBf16(float[] numbers) {
        for (float number : numbers) {
            if (Float.floatToRawIntBits(Codecs.bf16ToFloat(Codecs.floatToBf16(number)))
                    != Float.floatToRawIntBits(number)) {
                return false;
            }
        }
        return true;
    }

    private static List<List<ConvertedTensor>> shards(List<ConvertedTensor> tensors, long shardBytes) {
        List<List<ConvertedTensor>> shards = new ArrayList<>();
        long bytes = Long.MAX_VALUE;
        for (ConvertedTensor tensor : tensors) {
            long more = tensor.bytes() + tensor.scaleBytes();
            if (bytes > shardBytes - more) {
                shards.add(new ArrayList<>());
                bytes = 0;
            }
            shards.getLast().add(tensor);
            bytes += more;
        }
        return shards;
    }

    long bytes() {
        return shards.stream()
                .flatMap(List::stream)
                .mapToLong(tensor -> tensor.bytes() + tensor.scaleBytes())
                .sum();
    }

    /**
     * Writes all files.
     *
     * @param open  the weights, opened anew for every shard, so that no copy of an earlier one stays in memory
     */
    void write(Path folder, Supplier<PublishedWeights> open, LongConsumer written) throws IOException {
        ObjectNode index = JSON.createObjectNode();
        index.putObject("metadata").put("total_size", bytes());
        ObjectNode fileOf = index.putObject("weight_map");
        for (int i = 0; i < shards.size(); i++) {
            String name = "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
            try (PublishedWeights weights = open.get();
                    FileChannel file = FileChannel.open(
                            folder.resolve(name), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                TensorWriter out = new TensorWriter(file, written);
                new TensorWriter(file, bytes -> {}).write(header(shards.get(i)));
                for (ConvertedTensor tensor : shards.get(i)) {
                    out.write(tensor, weights);
                }
                file.force(true);
            }
            for (ConvertedTensor tensor : shards.get(i)) {
                fileOf.put(tensor.name(), name);
                tensor.scaleName().ifPresent(scales -> fileOf.put(scales, name));
            }
        }
        Files.write(folder.resolve(ShardIndex.INDEX), pretty(index));
        Files.write(
                folder.resolve("config.json"),
                pretty(new ConvertedConfig(files.read("config.json"), files.describe("config.json")).json(format)));
        for (String name : files.list()) {
            if (isKept(name)) {
                Files.write(folder.resolve(name), files.read(name));
            }
        }
    }

    /** Tokenizer, templates, licence and the like. */
    private static boolean isKept(String name) {
        return !name.equals("config.json")
                && !name.equals(ShardIndex.INDEX)
                && !name.endsWith(".safetensors")
                && !name.endsWith(".bin")
                && !name.endsWith(".pt")
                && !name.endsWith(".gguf");
    }

    private static byte[] pretty(ObjectNode node) {
        return JSON.writerWithDefaultPrettyPrinter().writeValueAsBytes(node);
    }

    private static ByteBuffer header(List<ConvertedTensor> tensors) {
        ObjectNode header = JSON.createObjectNode();
        header.putObject("__metadata__").put("format", "pt"); // transformers insists on it
        long at = 0;
        for (ConvertedTensor tensor : tensors) {
            at = entry(header, tensor.name(), tensor.encoding().dtype(), tensor.shape(), at, tensor.bytes());
            String scales = tensor.scaleName().orElse("");
            if (!scales.isEmpty()) {
                List<Long> shape =
                        List.of(tensor.blocks(), (long) tensor.encoding().scales(tensor.cols()));
                at = entry(header, scales, "F32", shape, at, tensor.scaleBytes());
            }
        }
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        int padded = Math.ceilDiv(json.length, HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
        ByteBuffer bytes = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(padded).put(json);
        while (bytes.hasRemaining()) {
            bytes.put((byte) ' ');
        }
        return bytes.flip();
    }

    private static long entry(ObjectNode header, String name, String dtype, List<Long> shape, long at, long bytes) {
        ObjectNode entry = header.putObject(name).put("dtype", dtype);
        var dimensions = entry.putArray("shape");
        shape.forEach(dimensions::add);
        entry.putArray("data_offsets").add(at).add(at + bytes);
        return at + bytes;
    }
}
