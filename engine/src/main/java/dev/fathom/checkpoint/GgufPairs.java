package dev.fathom.checkpoint;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes the metadata of a GGUF file: keys with typed values. */
final class GgufPairs {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private int count;

    GgufPairs whole(String key, long value) {
        return pair(
                key, GgufValueType.U32, little(4).putInt(Math.toIntExact(value)).array());
    }

    GgufPairs number(String key, double value) {
        return pair(key, GgufValueType.F32, little(4).putFloat((float) value).array());
    }

    GgufPairs flag(String key, boolean value) {
        return pair(key, GgufValueType.FLAG, new byte[] {(byte) (value ? 1 : 0)});
    }

    GgufPairs text(String key, String value) {
        return pair(key, GgufValueType.TEXT, string(value));
    }

    GgufPairs texts(String key, List<String> values) {
        ByteArrayOutputStream array = new ByteArrayOutputStream();
        array.writeBytes(
                little(12).putInt(GgufValueType.TEXT).putLong(values.size()).array());
        values.forEach(value -> array.writeBytes(string(value)));
        return pair(key, GgufValueType.ARRAY, array.toByteArray());
    }

    GgufPairs wholes(String key, int[] values) {
        ByteArrayOutputStream array = new ByteArrayOutputStream();
        array.writeBytes(
                little(12).putInt(GgufValueType.I32).putLong(values.length).array());
        for (int value : values) {
            array.writeBytes(little(4).putInt(value).array());
        }
        return pair(key, GgufValueType.ARRAY, array.toByteArray());
    }

    int count() {
        return count;
    }

    byte[] bytes() {
        return bytes.toByteArray();
    }

    /** Length and UTF-8. */
    static byte[] string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        return little(8 + utf8.length).putLong(utf8.length).put(utf8).array();
    }

    static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private GgufPairs pair(String key, int type, byte[] value) {
        bytes.writeBytes(string(key));
        bytes.writeBytes(little(4).putInt(type).array());
        bytes.writeBytes(value);
        count++;
        return this;
    }

    /** Numbers of types. @see "ggml, docs/gguf.md" */
    private static final class GgufValueType {
        static final int U32 = 4;
        static final int I32 = 5;
        static final int F32 = 6;
        static final int FLAG = 7;
        static final int TEXT = 8;
        static final int ARRAY = 9;

        private GgufValueType() {}
    }
}
