package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeMap;

/** Writes small safetensors files for tests, right ones and wrong ones. */
final class SafetensorsWriter {
    private final List<String> entries = new ArrayList<>();
    private final List<String> names = new ArrayList<>();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();

    SafetensorsWriter add(String name, String dtype, List<Integer> shape, byte[] bytes) {
        int begin = data.size();
        data.writeBytes(bytes);
        names.add(name);
        entries.add("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin
                + "," + data.size() + "]}");
        return this;
    }

    SafetensorsWriter addF32(String name, List<Integer> shape, float... values) {
        ByteBuffer buffer = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putFloat(value);
        }
        return add(name, "F32", shape, buffer.array());
    }

    SafetensorsWriter addBf16(String name, List<Integer> shape, float... values) {
        ByteBuffer buffer = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putShort(Codecs.floatToBf16(value));
        }
        return add(name, "BF16", shape, buffer.array());
    }

    SafetensorsWriter addF16(String name, List<Integer> shape, float... values) {
        ByteBuffer buffer = ByteBuffer.allocate(2 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            buffer.putShort(Float.floatToFloat16(value));
        }
        return add(name, "F16", shape, buffer.array());
    }

    SafetensorsWriter addFp8(String name, List<Integer> shape, float... values) {
        byte[] codes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            codes[i] = Codecs.floatToE4m3(values[i]);
        }
        return add(name, "F8_E4M3", shape, codes);
    }

    byte[] bytes() {
        return raw("{\"__metadata__\":{\"format\":\"pt\"}," + String.join(",", entries) + "}", data.toByteArray());
    }

    /** A file with any header text and any data. */
    static byte[] raw(String header, byte[] data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        byte[] length = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .array();
        byte[] file = Arrays.copyOf(length, 8 + json.length + data.length);
        System.arraycopy(json, 0, file, 8, json.length);
        System.arraycopy(data, 0, file, 8 + json.length, data.length);
        return file;
    }

    void write(Path file) {
        try {
            Files.write(file, bytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes shards and their index into {@code folder}. */
    static void writeShards(Path folder, SafetensorsWriter... shards) throws IOException {
        TreeMap<String, String> fileOf = new TreeMap<>();
        for (int i = 0; i < shards.length; i++) {
            String file = String.format("model-%05d-of-%05d.safetensors", i + 1, shards.length);
            shards[i].write(folder.resolve(file));
            shards[i].names.forEach(name -> fileOf.put(name, file));
        }
        StringBuilder index = new StringBuilder("{\"metadata\":{\"total_size\":1},\"weight_map\":{");
        fileOf.forEach((name, file) ->
                index.append('"').append(name).append("\":\"").append(file).append("\",\n"));
        index.setLength(index.length() - 2);
        Files.writeString(folder.resolve("model.safetensors.index.json"), index.append("}}"));
    }
}
