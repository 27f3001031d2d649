package dev.fathom.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Block formats of GGUF files, by the names they have there, and AWQ's: each row is cut into blocks of columns, and a block holds its
 * scales and its small integers side by side. What {@link #get} computes defines the format: every product in it is exact
 * in float32 (a half-precision scale times at most 13 bits), so that a value is rounded at most once, when a minimum is
 * subtracted or added.
 *
 * @see "ggml, ggml-common.h, block_q4_0 and those after it"
 */
public enum BlockFormat {
    /** d (half), 16 bytes: column i in the low half of byte i, column i + 16 in its high half. w = d (q - 8). */
    Q4_0(32, 18) {
        @Override
        float get(MemorySegment data, long at, int i) {
            return half(data, at) * (nibble(data, at + 2, i) - 8);
        }
    },
    /** d and m (halves), then as Q4_0. w = d q + m. */
    Q4_1(32, 20) {
        @Override
        float get(MemorySegment data, long at, int i) {
            return half(data, at) * nibble(data, at + 4, i) + half(data, at + 2);
        }
    },
    /** d (half), the zero point in the low half of a byte, then as Q4_0. w = d (q - zero). Not of GGUF: see checkpoint.AwqReader. */
    AWQ(32, 19) {
        @Override
        float get(MemorySegment data, long at, int i) {
            return half(data, at) * (nibble(data, at + 3, i) - halfByte(data, at + 2, 0));
        }
    },
    /** d (half), then as Q4_0, but q is one of sixteen steps that are denser around zero. w = d step[q]. */
    IQ4_NL(32, 18) {
        @Override
        float get(MemorySegment data, long at, int i) {
            return half(data, at) * STEPS[nibble(data, at + 2, i)];
        }
    },
    /**
     * d (half), the upper two bits of eight groups' scales in 16 bits, their lower four in 4 bytes, then each group of 32
     * columns as IQ4_NL's, without d. w = d (scale - 32) step[q].
     */
    IQ4_XS(256, 136) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int group = i / 32;
            int upper = data.get(Codecs.LE_SHORT, at + 2) >> (2 * group) & 3;
            int scale = (halfByte(data, at + 4 + group / 2, group % 2) | upper << 4) - 32;
            return half(data, at) * scale * STEPS[nibble(data, at + 8 + 16L * group, i % 32)];
        }
    },
    /** d (half), 32 fifth bits, then as Q4_0. w = d (q - 16). */
    Q5_0(32, 22) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int fifth = data.get(Codecs.LE_INT, at + 2) >>> i & 1;
            return half(data, at) * ((nibble(data, at + 6, i) | fifth << 4) - 16);
        }
    },
    /** d and m (halves), 32 fifth bits, then as Q4_0. w = d q + m. */
    Q5_1(32, 24) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int fifth = data.get(Codecs.LE_INT, at + 4) >>> i & 1;
            return half(data, at) * (nibble(data, at + 8, i) | fifth << 4) + half(data, at + 2);
        }
    },
    /** d (half), 32 signed bytes. w = d q. */
    Q8_0(32, 34) {
        @Override
        float get(MemorySegment data, long at, int i) {
            return half(data, at) * data.get(ValueLayout.JAVA_BYTE, at + 2 + i);
        }

        @Override
        void get(MemorySegment data, long at, float[] to, int first) {
            float scale = half(data, at);
            for (int i = 0; i < 32; i++) {
                to[first + i] = scale * data.get(ValueLayout.JAVA_BYTE, at + 2 + i);
            }
        }
    },
    /**
     * 16 bytes for 16 columns each, their scale in the low half, their minimum in the high half; 64 bytes of two bits, d and
     * dmin (halves). Of each 128 columns, column c is in byte c % 32, bits 2 (c / 32) and up. w = d scale q - dmin minimum.
     */
    Q2_K(256, 84) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int q = data.get(ValueLayout.JAVA_BYTE, at + 16 + i / 128 * 32L + i % 32) >> (i % 128 / 32 * 2) & 3;
            float scale = half(data, at + 80) * halfByte(data, at + i / 16, 0);
            return scale * q - half(data, at + 82) * halfByte(data, at + i / 16, 1);
        }
    },
    /**
     * 32 bytes of third bits, 64 bytes of low two bits, 12 bytes of 6-bit scales of 16 columns each, d (half). Of each 128
     * columns, column c has its low bits in byte c % 32, bits 2 (c / 32) and up; its third bit is bit (column / 32) of byte
     * c % 32. w = d (scale - 32) (q - 4).
     */
    Q3_K(256, 110) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int c = i % 128;
            int low = data.get(ValueLayout.JAVA_BYTE, at + 32 + i / 128 * 32L + c % 32) >> (c / 32 * 2) & 3;
            int third = data.get(ValueLayout.JAVA_BYTE, at + i % 32) >> (i / 32) & 1;
            int run = i / 16;
            int scale = halfByte(data, at + 96 + run % 8, run / 8)
                    | (data.get(ValueLayout.JAVA_BYTE, at + 104 + run % 4) >> (run / 4 * 2) & 3) << 4;
            return half(data, at + 108) * (scale - 32) * ((low | third << 2) - 4);
        }
    },
    /**
     * d and dmin (halves), 12 bytes of 6-bit scales and minima of eight groups of 32 columns, 128 bytes: of each 64
     * columns the first 32 in the low halves of 32 bytes, the others in the high halves. w = d scale q - dmin minimum.
     */
    Q4_K(256, 144) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int q = halfByte(data, at + 16 + i / 64 * 32L + i % 32, i / 32 % 2);
            return scaled(data, at, i / 32, q);
        }
    },
    /** As Q4_K with 32 bytes of fifth bits before the low four: bit g of byte c belongs to group g, column c of it. */
    Q5_K(256, 176) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int q = halfByte(data, at + 48 + i / 64 * 32L + i % 32, i / 32 % 2);
            int fifth = data.get(ValueLayout.JAVA_BYTE, at + 16 + i % 32) >> (i / 32) & 1;
            return scaled(data, at, i / 32, q | fifth << 4);
        }
    },
    /**
     * 128 bytes of low four bits, 64 bytes of upper two, 16 signed scales of 16 columns each, d (half). Of each 128
     * columns, column c has its low bits in byte c % 64 (low half for c < 64) and its upper bits in byte c % 32, bits
     * 2 (c / 32) and up. w = d scale (q - 32).
     */
    Q6_K(256, 210) {
        @Override
        float get(MemorySegment data, long at, int i) {
            int c = i % 128;
            int low = halfByte(data, at + i / 128 * 64L + c % 64, c / 64);
            int high = data.get(ValueLayout.JAVA_BYTE, at + 128 + i / 128 * 32L + c % 32) >> (c / 32 * 2) & 3;
            int scale = data.get(ValueLayout.JAVA_BYTE, at + 192 + i / 16);
            return half(data, at + 208) * scale * ((low | high << 4) - 32);
        }
    };

    /** Of IQ4_NL and IQ4_XS. */
    private static final byte[] STEPS = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    private final int columns;
    private final int bytes;

    BlockFormat(int columns, int bytes) {
        this.columns = columns;
        this.bytes = bytes;
    }

    /** Columns of a block; a row has a whole number of blocks. */
    public int columns() {
        return columns;
    }

    /** Bytes of a block. */
    public int bytes() {
        return bytes;
    }

    /** Bytes of a row of {@code cols} columns, a multiple of {@link #columns}. */
    public long rowBytes(int cols) {
        return (long) cols / columns * bytes;
    }

    /**
     * One number of a block.
     *
     * @param at  byte offset of the block
     * @param i   in [0, columns)
     */
    abstract float get(MemorySegment data, long at, int i);

    /** All numbers of a block, into {@code to} from {@code first} on. */
    void get(MemorySegment data, long at, float[] to, int first) {
        for (int i = 0; i < columns; i++) {
            to[first + i] = get(data, at, i);
        }
    }

    private static float half(MemorySegment data, long at) {
        return Float.float16ToFloat(data.get(Codecs.LE_SHORT, at));
    }

    /** Of 32 columns in 16 bytes. */
    private static int nibble(MemorySegment data, long at, int i) {
        return halfByte(data, at + i % 16, i / 16);
    }

    private static int halfByte(MemorySegment data, long at, int upper) {
        return data.get(ValueLayout.JAVA_BYTE, at) >> (4 * upper) & 15;
    }

    /** For Q4_K and Q5_K: d scale q - dmin minimum, of one of the eight groups. */
    private static float scaled(MemorySegment data, long at, int group, int q) {
        float scale = half(data, at) * packedScale(data, at + 4, group, 0);
        float minimum = half(data, at + 2) * packedScale(data, at + 4, group, 1);
        return scale * q - minimum;
    }

    /**
     * Six bits of twelve bytes. Groups 0 to 3 have scales in the lower six bits of bytes 0 to 3 and minima in those of
     * bytes 4 to 7; groups 4 to 7 have their lower four bits in the halves of bytes 8 to 11 and their upper two where
     * those of groups 0 to 3 leave room.
     */
    private static int packedScale(MemorySegment data, long at, int group, int minimum) {
        int low = data.get(ValueLayout.JAVA_BYTE, at + group % 4 + 4L * minimum) & 0xFF;
        if (group < 4) {
            return low & 63;
        }
        return halfByte(data, at + 8 + group % 4, minimum) | low >> 6 << 4;
    }
}
