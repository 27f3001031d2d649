package dev.fathom.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Writes GGUF files for tests, right ones and wrong ones. */
final class GgufWriter {
    private static final int ALIGNMENT = 32;

    private final ByteArrayOutputStream pairs = new ByteArrayOutputStream();
    private final ByteArrayOutputStream infos = new ByteArrayOutputStream();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private final List<String> keys = new ArrayList<>();
    private final List<String> tensors = new ArrayList<>();
    private int version = 3;

    GgufWriter version(int number) {
        version = number;
        return this;
    }

    GgufWriter u32(String key, long value) {
        return pair(key, 4, little(4).putInt((int) value).array());
    }

    GgufWriter f32(String key, double value) {
        return pair(key, 6, little(4).putFloat((float) value).array());
    }

    GgufWriter flag(String key, boolean value) {
        return pair(key, 7, new byte[] {(byte) (value ? 1 : 0)});
    }

    GgufWriter text(String key, String value) {
        return pair(key, 8, string(value));
    }

    GgufWriter texts(String key, List<String> values) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(little(12).putInt(8).putLong(values.size()).array());
        values.forEach(value -> bytes.writeBytes(string(value)));
        return pair(key, 9, bytes.toByteArray());
    }

    GgufWriter i32s(String key, int... values) {
        byte[] bytes = new byte[12 + 4 * values.length];
        ByteBuffer numbers = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        numbers.putInt(5).putLong(values.length);
        Arrays.stream(values).forEach(numbers::putInt);
        return pair(key, 9, bytes);
    }

    /** A pair with any value type and any bytes. */
    GgufWriter pair(String key, int type, byte[] value) {
        keys.add(key);
        pairs.writeBytes(string(key));
        pairs.writeBytes(little(4).putInt(type).array());
        pairs.writeBytes(value);
        return this;
    }

    /** @param shape outermost dimension first */
    GgufWriter tensor(String name, GgufType type, List<Integer> shape, byte[] bytes) {
        int id = idOf(type);
        info(name, id, shape.reversed().stream().mapToLong(Integer::longValue).toArray(), data.size());
        data.writeBytes(bytes);
        data.writeBytes(new byte[-data.size() & (ALIGNMENT - 1)]);
        return this;
    }

    GgufWriter f32s(String name, List<Integer> shape, float... values) {
        byte[] bytes = new byte[4 * values.length];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(values);
        return tensor(name, GgufType.F32, shape, bytes);
    }

    /** A description with any numbers and no data. */
    GgufWriter info(String name, int type, long[] dimensions, long offset) {
        tensors.add(name);
        infos.writeBytes(string(name));
        infos.writeBytes(little(4).putInt(dimensions.length).array());
        for (long dimension : dimensions) {
            infos.writeBytes(little(8).putLong(dimension).array());
        }
        infos.writeBytes(little(12).putInt(type).putLong(offset).array());
        return this;
    }

    byte[] bytes() {
        ByteArrayOutputStream file = new ByteArrayOutputStream();
        file.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        file.writeBytes(little(20)
                .putInt(version)
                .putLong(tensors.size())
                .putLong(keys.size())
                .array());
        file.writeBytes(pairs.toByteArray());
        file.writeBytes(infos.toByteArray());
        file.writeBytes(new byte[-file.size() & (ALIGNMENT - 1)]);
        file.writeBytes(data.toByteArray());
        return file.toByteArray();
    }

    private static int idOf(GgufType type) {
        for (int id = 0; id < 64; id++) {
            if (GgufType.of(id).filter(type::equals).isPresent()) {
                return id;
            }
        }
        throw new IllegalArgumentException(type + " has no number");
    }

    static byte[] string(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return little(8 + bytes.length).putLong(bytes.length).put(bytes).array();
    }

    static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
