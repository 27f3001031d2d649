package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import dev.fathom.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads the head of a GGUF file from front to back; every step is checked against what is left of it. */
final class GgufCursor {
    private static final ValueLayout.OfLong LE_LONG =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble LE_DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** A chat template has some kilobytes, a token a few bytes. */
    private static final int MAX_TEXT_BYTES = 16 << 20;

    /** All numbers and texts of the metadata: vocabularies have up to 0.3 million tokens and 0.6 million merges. */
    private static final long MAX_VALUES = 1 << 24;

    private final MemorySegment file;
    private final String where;
    private long at;
    private long valuesLeft = MAX_VALUES;

    GgufCursor(MemorySegment file, String where) {
        this.file = file;
        this.where = where;
    }

    String where() {
        return where;
    }

    long at() {
        return at;
    }

    long left() {
        return file.byteSize() - at;
    }

    int u8(String what) {
        return file.get(ValueLayout.JAVA_BYTE, step(1, what)) & 0xFF;
    }

    int u16(String what) {
        return file.get(Codecs.LE_SHORT, step(2, what)) & 0xFFFF;
    }

    int i32(String what) {
        return file.get(Codecs.LE_INT, step(4, what));
    }

    long u32(String what) {
        return i32(what) & 0xFFFFFFFFL;
    }

    long i64(String what) {
        return file.get(LE_LONG, step(8, what));
    }

    float f32(String what) {
        return file.get(Tensor.F32, step(4, what));
    }

    double f64(String what) {
        return file.get(LE_DOUBLE, step(8, what));
    }

    /**
     * A number of things that follow.
     *
     * @param least  bytes that each of them takes at the least
     * @throws CheckpointException if they cannot all lie in what is left of the file
     */
    int count(long least, String what) {
        long count = i64(what);
        if (count < 0 || count > left() / least || count > Integer.MAX_VALUE) {
            throw new CheckpointException(where + ": " + what + " is " + Long.toUnsignedString(count)
                    + ", more than the " + left()
                    + " bytes left in the file can hold; the file is damaged or cut short,"
                    + " download it again.");
        }
        return (int) count;
    }

    /** Counts values against a limit, before memory is taken for them. */
    void spend(long values, String what) {
        valuesLeft -= values;
        if (valuesLeft < 0) {
            throw new CheckpointException(where + ": " + what + " makes more than " + MAX_VALUES
                    + " values of metadata, which no model needs; the file is damaged, download it again.");
        }
    }

    String text(String what) {
        int length = count(1, "the length of " + what);
        if (length > MAX_TEXT_BYTES) {
            throw new CheckpointException(where + ": " + what + " has " + length + " bytes, at most " + MAX_TEXT_BYTES
                    + " are read; the file is damaged, download it again.");
        }
        byte[] bytes = file.asSlice(step(length, what), length).toArray(ValueLayout.JAVA_BYTE);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new CheckpointException(
                    where + ": " + what + " is not UTF-8; the file is damaged, download it again.", e);
        }
    }

    private long step(long bytes, String what) {
        if (bytes > left()) {
            throw new CheckpointException(where + " ends at byte " + file.byteSize() + ", inside " + what
                    + ": the download is cut short, download it again.");
        }
        long from = at;
        at += bytes;
        return from;
    }
}
