package dev.fathom.checkpoint;

import dev.fathom.tensor.Codecs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** How the numbers of a converted tensor are stored. Rows are encoded by themselves, or with those of their block. */
enum Encoding {
    F32("F32", 1) {
        @Override
        long bytes(long cols) {
            return 4 * cols;
        }

        @Override
        void encode(float[][] rows, MemorySegment to, float[] scales) {
            each(rows, 4, (number, at) -> to.set(LE_FLOAT, at, number));
        }
    },
    BF16("BF16", 1) {
        @Override
        long bytes(long cols) {
            return 2 * cols;
        }

        @Override
        void encode(float[][] rows, MemorySegment to, float[] scales) {
            each(rows, 2, (number, at) -> to.set(Codecs.LE_SHORT, at, Codecs.floatToBf16(number)));
        }
    },
    /** E4M3; a block's largest number is code 448. */
    FP8("F8_E4M3", 128) {
        @Override
        long bytes(long cols) {
            return cols;
        }

        @Override
        int scales(long cols) {
            return Math.toIntExact(Math.ceilDiv(cols, rowsPerBlock()));
        }

        @Override
        void encode(float[][] rows, MemorySegment to, float[] scales) {
            int cols = rows[0].length;
            for (int block = 0; block < scales.length; block++) {
                int from = block * rowsPerBlock();
                int end = Math.min(cols, from + rowsPerBlock());
                float largest = 0;
                for (float[] row : rows) {
                    largest = Math.max(largest, largest(row, from, end));
                }
                float scale = largest / Codecs.E4M3_MAX;
                scales[block] = scale;
                for (int r = 0; r < rows.length; r++) {
                    for (int c = from; c < end; c++) {
                        byte code = scale == 0 ? 0 : Codecs.floatToE4m3(rows[r][c] / scale);
                        to.set(ValueLayout.JAVA_BYTE, (long) r * cols + c, code);
                    }
                }
            }
        }
    },
    /** A row's largest number is code 127. */
    INT8("I8", 1) {
        @Override
        long bytes(long cols) {
            return cols;
        }

        @Override
        int scales(long cols) {
            return 1;
        }

        @Override
        void encode(float[][] rows, MemorySegment to, float[] scales) {
            float scale = largest(rows[0], 0, rows[0].length) / 127;
            scales[0] = scale;
            each(rows, 1, (number, at) -> {
                byte code = scale == 0 ? 0 : (byte) Math.rint(number / scale);
                to.set(ValueLayout.JAVA_BYTE, at, code);
            });
        }
    },
    /** Bit for bit as ggml's quantize_row_q8_0_ref: halves are rounded away from zero. */
    Q8_0("Q8_0", 1) {
        @Override
        long bytes(long cols) {
            return cols / Q8_COLUMNS * (2 + Q8_COLUMNS);
        }

        @Override
        void encode(float[][] rows, MemorySegment to, float[] scales) {
            float[] row = rows[0];
            long at = 0;
            for (int block = 0; block < row.length; block += Q8_COLUMNS) {
                float scale = largest(row, block, block + Q8_COLUMNS) / 127;
                float inverse = scale == 0 ? 0 : 1 / scale;
                to.set(Codecs.LE_SHORT, at, Float.floatToFloat16(scale));
                at += 2;
                for (int i = block; i < block + Q8_COLUMNS; i++) {
                    double number = row[i] * inverse;
                    to.set(ValueLayout.JAVA_BYTE, at++, (byte)
                            (Math.signum(number) * Math.floor(Math.abs(number) + 0.5)));
                }
            }
        }
    };

    /** Columns of a block of Q8_0. */
    static final int Q8_COLUMNS = 32;

    private static final ValueLayout.OfFloat LE_FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

    private final String dtype;
    private final int rowsPerBlock;

    Encoding(String dtype, int rowsPerBlock) {
        this.dtype = dtype;
        this.rowsPerBlock = rowsPerBlock;
    }

    /** The name that a safetensors header has for it, or a GGUF file. */
    String dtype() {
        return dtype;
    }

    /** Rows that are encoded together. */
    int rowsPerBlock() {
        return rowsPerBlock;
    }

    /** Of a row of {@code cols} numbers. */
    abstract long bytes(long cols);

    /** Scales of a block of rows that are stored apart; 0 where there are none. */
    int scales(long cols) {
        return 0;
    }

    /**
     * Encodes a block of rows.
     *
     * @param rows    at most {@link #rowsPerBlock}
     * @param scales  gets {@link #scales} numbers
     */
    abstract void encode(float[][] rows, MemorySegment to, float[] scales);

    private interface NumberWriter {
        void write(float number, long at);
    }

    private static void each(float[][] rows, int bytes, NumberWriter writer) {
        long at = 0;
        for (float[] row : rows) {
            for (float number : row) {
                writer.write(number, at);
                at += bytes;
            }
        }
    }

    /** NaN if there is one. */
    private static float largest(float[] numbers, int from, int to) {
        float largest = 0;
        for (int i = from; i < to; i++) {
            largest = Math.max(largest, Math.abs(numbers[i]));
        }
        return largest;
    }
}
