package dev.fathom.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A weight [rows, cols] as stored, row-major: rows are outputs, cols are inputs of y = x Wᵀ. A new format is a new case
 * here, and every backend's {@code bind} stops compiling until it says what it does with it.
 */
public sealed interface WeightMatrix {
    int rows();

    int cols();

    /** Bytes that one full pass over the weight reads, scales included. */
    long bytes();

    /** One element as float32, decoded: the definition of the format. Slow; for checks and for small copies. */
    float get(int row, int col);

    /**
     * The numbers that {@link #get} gives of one row, faster.
     *
     * @param to  of cols numbers
     */
    default void row(int row, float[] to) {
        for (int i = 0; i < to.length; i++) {
            to[i] = get(row, i);
        }
    }

    record F32Matrix(MemorySegment data, int rows, int cols) implements WeightMatrix {
        public F32Matrix {
            checkSize(data, rows, cols, 4);
        }

        @Override
        public long bytes() {
            return 4L * rows * cols;
        }

        @Override
        public float get(int row, int col) {
            return data.get(Tensor.F32, 4 * ((long) row * cols + col));
        }
    }

    record Bf16Matrix(MemorySegment data, int rows, int cols) implements WeightMatrix {
        public Bf16Matrix {
            checkSize(data, rows, cols, 2);
        }

        @Override
        public long bytes() {
            return 2L * rows * cols;
        }

        @Override
        public float get(int row, int col) {
            return Codecs.bf16ToFloat(data.get(Codecs.LE_SHORT, 2 * ((long) row * cols + col)));
        }

        @Override
        public void row(int row, float[] to) {
            long first = (long) row * cols;
            for (int i = 0; i < to.length; i++) {
                to[i] = Codecs.bf16ToFloat(data.get(Codecs.LE_SHORT, 2 * (first + i)));
            }
        }
    }

    record F16Matrix(MemorySegment data, int rows, int cols) implements WeightMatrix {
        public F16Matrix {
            checkSize(data, rows, cols, 2);
        }

        @Override
        public long bytes() {
            return 2L * rows * cols;
        }

        @Override
        public float get(int row, int col) {
            return Float.float16ToFloat(data.get(Codecs.LE_SHORT, 2 * ((long) row * cols + col)));
        }
    }

    /**
     * DeepSeek's block format: w[r, c] = e4m3[r, c] * scales[r / blockRows, c / blockCols], the product taken in
     * float32. Edge blocks may be partial.
     *
     * @param data    rows * cols bytes of E4M3 (no infinities; 0x7F and 0xFF are NaN)
     * @param scales  [ceil(rows / blockRows), ceil(cols / blockCols)] float32, named {@code weight_scale_inv} in files
     * @see "DeepSeek-V3, arXiv 2412.19437, section 3.3.2"
     */
    record Fp8BlockMatrix(MemorySegment data, Tensor scales, int rows, int cols, int blockRows, int blockCols)
            implements WeightMatrix {
        public Fp8BlockMatrix {
            checkSize(data, rows, cols, 1);
            checkScales(scales, rows, cols, blockRows, blockCols);
        }

        @Override
        public long bytes() {
            return (long) rows * cols + Tensor.byteSize(scales.rows(), scales.cols());
        }

        @Override
        public float get(int row, int col) {
            float value = Codecs.e4m3ToFloat(data.get(ValueLayout.JAVA_BYTE, (long) row * cols + col));
            return value * scales.get(row / blockRows, col / blockCols);
        }

        @Override
        public void row(int row, float[] to) {
            long first = (long) row * cols;
            for (int from = 0; from < to.length; from += blockCols) {
                float scale = scales.get(row / blockRows, from / blockCols);
                for (int i = from; i < Math.min(to.length, from + blockCols); i++) {
                    to[i] = Codecs.e4m3ToFloat(data.get(ValueLayout.JAVA_BYTE, first + i)) * scale;
                }
            }
        }
    }

    /**
     * Whole numbers with scales: w[r, c] = code[r, c] * scales[r / blockRows, c / blockCols], the product rounded to
     * float32. A scale for each row is {@code blockRows} 1 and {@code blockCols} cols. Products take x rounded, all columns
     * of a block together.
     *
     * @param data       rows * cols signed bytes
     * @param scales     [ceil(rows / blockRows), ceil(cols / blockCols)] float32
     * @param blockCols  cols or more, or a multiple of {@value #COLUMN_UNIT}
     */
    record Int8Matrix(MemorySegment data, Tensor scales, int rows, int cols, int blockRows, int blockCols)
            implements WeightMatrix {
        /** Columns that kernels take together, so that blocks end where these do. */
        public static final int COLUMN_UNIT = 32;

        public Int8Matrix {
            checkSize(data, rows, cols, 1);
            checkScales(scales, rows, cols, blockRows, blockCols);
            if (blockCols < cols && blockCols % COLUMN_UNIT != 0) {
                throw new IllegalArgumentException(
                        "INT8 blocks must be a multiple of " + COLUMN_UNIT + " columns wide, got " + blockCols);
            }
        }

        @Override
        public long bytes() {
            return (long) rows * cols + Tensor.byteSize(scales.rows(), scales.cols());
        }

        @Override
        public float get(int row, int col) {
            return data.get(ValueLayout.JAVA_BYTE, (long) row * cols + col)
                    * scales.get(row / blockRows, col / blockCols);
        }
    }

    /**
     * A weight in one of GGUF's block formats.
     *
     * @param data  rows * cols / format.columns() blocks, row by row
     * @param cols  a multiple of {@code format.columns()}
     */
    record BlockMatrix(BlockFormat format, MemorySegment data, int rows, int cols) implements WeightMatrix {
        public BlockMatrix {
            if (rows <= 0 || cols <= 0 || cols % format.columns() != 0) {
                throw new IllegalArgumentException("a " + format + " weight has rows of whole blocks of "
                        + format.columns() + ", got [" + rows + ", " + cols + "]");
            }
            long wanted = Math.multiplyExact(format.rowBytes(cols), rows);
            if (data.byteSize() != wanted) {
                throw new IllegalArgumentException("a [" + rows + ", " + cols + "] weight of " + format
                        + " blocks needs " + wanted + " bytes, the segment has " + data.byteSize());
            }
        }

        @Override
        public long bytes() {
            return format.rowBytes(cols) * rows;
        }

        @Override
        public float get(int row, int col) {
            long block = format.rowBytes(cols) * row + (long) col / format.columns() * format.bytes();
            return format.get(data, block, col % format.columns());
        }

        @Override
        public void row(int row, float[] to) {
            long block = format.rowBytes(cols) * row;
            for (int from = 0; from < to.length; from += format.columns(), block += format.bytes()) {
                format.get(data, block, to, from);
            }
        }
    }

    private static void checkScales(Tensor scales, int rows, int cols, int blockRows, int blockCols) {
        int scaleRows = Math.ceilDiv(rows, blockRows);
        int scaleCols = Math.ceilDiv(cols, blockCols);
        if (scales.rows() != scaleRows || scales.cols() != scaleCols) {
            throw new IllegalArgumentException("a [" + rows + ", " + cols + "] weight in blocks of " + blockRows + "x"
                    + blockCols + " needs scales [" + scaleRows + ", " + scaleCols + "], got [" + scales.rows() + ", "
                    + scales.cols() + "]");
        }
    }

    private static void checkSize(MemorySegment data, int rows, int cols, int elementBytes) {
        long wanted = Math.multiplyExact((long) elementBytes * rows, cols);
        if (rows <= 0 || cols <= 0 || data.byteSize() != wanted) {
            throw new IllegalArgumentException("a [" + rows + ", " + cols + "] weight of " + elementBytes
                    + "-byte elements needs " + wanted + " bytes, the segment has " + data.byteSize());
        }
    }
}
