package dev.fathom.kernels.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Buffers of one part of an operation, 64-byte aligned and off the heap (a vector load from a heap array nearly always
 * crosses a cache line). They grow to the largest ever asked for. Parts never share one.
 */
final class Workspace {
    /** Sixteen numbers to pass lanes through. */
    final float[] lanes = new float[16];
    /** Keys of a block that each row of a tile sees. */
    final int[] seen = new int[4];
    /** Accumulators of one tile. */
    final MemorySegment tile;

    /** Scales of two weight rows of 1,024 columns, for formats that pack them. */
    final MemorySegment scales;

    /** Four weight rows as float32. */
    final Buffer weights;
    /** Accumulators of a block of outputs. */
    final Buffer accumulators;
    /** Packed rows of x, or queries. */
    final Buffer rows;
    /** A few rows before or after they are packed. */
    final Buffer plain;
    /** An expert's gate outputs. */
    final Buffer gate;
    /** An expert's up outputs. */
    final Buffer up;
    /** Packed keys of a block. */
    final Buffer keys;
    /** Packed values of a block. */
    final Buffer values;
    /** Scores of a tile of queries. */
    final Buffer scores;
    /** Weighted sums of rows, while they are not yet results. */
    final Buffer sums;
    /** Running maximum, sum and last factor of each row's softmax. */
    final Buffer softmax;

    Workspace(Arena arena) {
        tile = arena.allocate(4L * Tiles.ROW_BYTES, 64);
        scales = arena.allocate(2L * BlockTiles.ROW_SCALES, 64);
        weights = new Buffer(arena);
        accumulators = new Buffer(arena);
        rows = new Buffer(arena);
        plain = new Buffer(arena);
        gate = new Buffer(arena);
        up = new Buffer(arena);
        keys = new Buffer(arena);
        values = new Buffer(arena);
        scores = new Buffer(arena);
        sums = new Buffer(arena);
        softmax = new Buffer(arena);
    }

    /** Memory that grows when asked for more. */
    static final class Buffer {
        private final Arena arena;
        private MemorySegment memory = MemorySegment.NULL;

        Buffer(Arena arena) {
            this.arena = arena;
        }

        /** At least {@code bytes} bytes, content unspecified; what an earlier call gave is void. */
        MemorySegment atLeast(long bytes) {
            if (memory.byteSize() < bytes) {
                // Sizes double, so what is outgrown is less than what is in use; it stays until the arena closes.
                memory = arena.allocate(Math.max(bytes, 2 * memory.byteSize()), 64);
            }
            return memory;
        }
    }
}
