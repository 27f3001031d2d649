/*
 * Weights of a few bits, as GGUF files keep them (BlockFormat.java describes each format), unpacked to bytes: LANES rows at a
 * time, four columns of each row in a lane.
 */
#ifndef FATHOM_BLOCKS_H
#define FATHOM_BLOCKS_H

#include "int8.h"

/* The longest columns of CODE_COLUMNS in a row: Q8_0's. */
#define MOST_ROW_BYTES (CODE_COLUMNS / 32 * 34)

struct code_space {
    struct unpacked unpacked;
    uint8_t rows[LANES][MOST_ROW_BYTES]; /* copies of rows, where there are fewer than LANES */
};

/* LANES rows of a weight, from some block on. */
struct strip {
    const uint8_t *first;
    long stride; /* bytes from row to row */
    struct ahead *ahead;
    long lines; /* to ask for with each block */
    long blocks;
    struct unpacked *to;
    int v; /* which vector of the tile */
};

/* Puts codes of columns quad * 4 and three more into the tile; offset is what they are too large by. */
ALWAYS void put_codes(const struct strip *s, long quad, bytes codes, int offset) {
    store_codes(s->to->codes[quad][s->v], add_bytes(codes, all_bytes(BIAS - offset)));
}

/* The same for codes with a minimum to subtract, which are not negative. */
ALWAYS void put_unsigned(const struct strip *s, long quad, bytes codes) { store_codes(s->to->codes[quad][s->v], codes); }

ALWAYS void put_scale(const struct strip *s, long run, floats scale) { store(s->to->scales[run][s->v], scale); }

/* The lower and the upper half of each byte. */
ALWAYS bytes lower(bytes v) { return and_bytes(v, all_bytes(15)); }
ALWAYS bytes upper(bytes v) { return and_bytes(shift_right(v, 4), all_bytes(15)); }

/* Four bits as bit 4 of four bytes. */
ALWAYS bytes as_fifth(ints bits) {
    ints n = and_ints(bits, all_ints(15));
    ints spread = or_ints(or_ints(n, shift_left(n, 7)), or_ints(shift_left(n, 14), shift_left(n, 21)));
    return shift_left(and_ints(spread, all_ints(0x01010101)), 4);
}

/* --- blocks of 32 columns --- */

static void unpack_q8_0(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 34) {
        bytes q[4];
        ask(s->ahead, s->lines);
        put_scale(s, b, low_halves(four_bytes(at, s->stride)));
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            sixteen_bytes(at + 2 + 16 * half, s->stride, q);
            for (int c = 0; c < 4; c++) {
                put_codes(s, 8 * b + 4 * half + c, q[c], 0);
            }
        }
    }
}

static void unpack_q4_0(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 18) {
        bytes q[4];
        ask(s->ahead, s->lines);
        put_scale(s, b, low_halves(four_bytes(at, s->stride)));
        sixteen_bytes(at + 2, s->stride, q);
        for (int c = 0; c < 4; c++) {
            put_codes(s, 8 * b + c, lower(q[c]), 8);
            put_codes(s, 8 * b + 4 + c, upper(q[c]), 8);
        }
    }
}

static void unpack_q5_0(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 22) {
        bytes q[4];
        ask(s->ahead, s->lines);
        ints fifth = four_bytes(at + 2, s->stride);
        put_scale(s, b, low_halves(four_bytes(at, s->stride)));
        sixteen_bytes(at + 6, s->stride, q);
        for (int c = 0; c < 4; c++) {
            put_codes(s, 8 * b + c, or_bytes(lower(q[c]), as_fifth(shift_right(fifth, 4 * c))), 16);
            put_codes(s, 8 * b + 4 + c, or_bytes(upper(q[c]), as_fifth(shift_right(fifth, 16 + 4 * c))), 16);
        }
    }
}

/*
 * INT8: rows of bytes, whole groups of them; scales lie elsewhere.
 * row, from: where the strip begins
 */
static void unpack_int8(const struct weight *w, long row, long from, struct strip *s) {
    const uint8_t *at = s->first;
    long columns = (w->cols + w->block_columns - 1) / w->block_columns;
    long column = -1;
    float scales[LANES];
    for (long b = 0; b < s->blocks; b++, at += 32) {
        bytes q[4];
        ask(s->ahead, s->lines);
        if ((from + 32 * b) / w->block_columns != column) {
            column = (from + 32 * b) / w->block_columns;
            for (long i = 0; i < LANES; i++) {
                scales[i] = w->scales[least(row + i, w->rows - 1) / w->block_rows * columns + column];
            }
        }
        put_scale(s, b, load(scales));
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            sixteen_bytes(at + 16 * half, s->stride, q);
            for (int c = 0; c < 4; c++) {
                put_codes(s, 8 * b + 4 * half + c, q[c], 0);
            }
        }
    }
}

/* --- blocks of 256 columns --- */

/* Four groups' scales or minima, a byte each, times what they share. */
ALWAYS void put_four(float (*to)[WIDE][LANES], int v, ints numbers, floats unit) {
    for (int i = 0; i < 4; i++) {
        store(to[i][v], mul(to_floats(and_ints(shift_right(numbers, 8 * i), all_ints(63))), unit));
    }
}

/* Of a block of Q4_K or Q5_K. */
ALWAYS void put_k_scales(const struct strip *s, const uint8_t *at, long block) {
    bytes head[4];
    sixteen_bytes(at, s->stride, head);
    floats d = low_halves(head[0]);
    floats minimum = sub(zeros(), low_halves(shift_right(head[0], 16)));
    float (*scales)[WIDE][LANES] = s->to->scales + 8 * block;
    float (*minima)[WIDE][LANES] = s->to->minima + 8 * block;
    ints two = all_ints(0x30303030), four = all_ints(0x0F0F0F0F);
    put_four(scales, s->v, head[1], d);
    put_four(scales + 4, s->v, or_ints(and_ints(head[3], four), and_ints(shift_right(head[1], 2), two)), d);
    put_four(minima, s->v, head[2], minimum);
    put_four(minima + 4, s->v, or_ints(and_ints(shift_right(head[3], 4), four), and_ints(shift_right(head[2], 2), two)),
             minimum);
}

static void unpack_q4_k(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 144) {
        put_k_scales(s, at, b);
        ask(s->ahead, s->lines);
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            bytes q[4];
            sixteen_bytes(at + 16 + 16 * i, s->stride, q);
            long quad = 64 * b + i / 2 * 16 + i % 2 * 4;
            for (int c = 0; c < 4; c++) {
                put_unsigned(s, quad + c, lower(q[c]));
                put_unsigned(s, quad + 8 + c, upper(q[c]));
            }
        }
    }
}

static void unpack_q5_k(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 176) {
        put_k_scales(s, at, b);
        ask(s->ahead, s->lines);
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            bytes fifth[4];
            sixteen_bytes(at + 16 + 16 * half, s->stride, fifth);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                bytes q[4];
                sixteen_bytes(at + 48 + 32 * i + 16 * half, s->stride, q);
                long quad = 64 * b + 16 * i + 4 * half;
                for (int c = 0; c < 4; c++) {
                    bytes even = and_bytes(shift_left(shift_right(fifth[c], 2 * i), 4), all_bytes(16));
                    bytes odd = and_bytes(shift_left(shift_right(fifth[c], 2 * i + 1), 4), all_bytes(16));
                    put_unsigned(s, quad + c, or_bytes(lower(q[c]), even));
                    put_unsigned(s, quad + 8 + c, or_bytes(upper(q[c]), odd));
                }
            }
        }
    }
}

static void unpack_q6_k(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 210) {
        bytes scales[4];
        ask(s->ahead, s->lines);
        floats d = low_halves(shift_right(four_bytes(at + 206, s->stride), 16));
        sixteen_bytes(at + 192, s->stride, scales);
        for (int run = 0; run < 16; run++) {
            ints byte = and_ints(shift_right(scales[run / 4], run % 4 * 8), all_ints(255));
            /* Two's complement: 128 is added and taken away. */
            ints number = add_ints(xor_ints(byte, all_ints(128)), all_ints(-128));
            put_scale(s, 16 * b + run, mul(to_floats(number), d));
        }
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            bytes high[2][4];
            sixteen_bytes(at + 128 + 32 * half, s->stride, high[0]);
            sixteen_bytes(at + 144 + 32 * half, s->stride, high[1]);
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++) {
                bytes q[4];
                sixteen_bytes(at + 64 * half + 16 * i, s->stride, q);
                long quad = 64 * b + 32 * half + 4 * i;
                for (int c = 0; c < 4; c++) {
                    ints bits = shift_right(high[i % 2][c], i / 2 * 2);
                    bytes first = and_bytes(shift_left(bits, 4), all_bytes(48));
                    bytes second = and_bytes(bits, all_bytes(48));
                    put_codes(s, quad + c, or_bytes(lower(q[c]), first), 32);
                    put_codes(s, quad + 16 + c, or_bytes(upper(q[c]), second), 32);
                }
            }
        }
    }
}

/* --- weights of every format --- */

struct block_shape {
    long columns, bytes;
    enum runs runs;
};

ALWAYS struct block_shape block_shape(long format) {
    switch (format) {
        case Q4_0: return (struct block_shape) {32, 18, GROUPS};
        case Q5_0: return (struct block_shape) {32, 22, GROUPS};
        case Q4_K: return (struct block_shape) {256, 144, GROUPS_WITH_MINIMA};
        case Q5_K: return (struct block_shape) {256, 176, GROUPS_WITH_MINIMA};
        case Q6_K: return (struct block_shape) {256, 210, HALF_GROUPS};
        case INT8: return (struct block_shape) {32, 32, GROUPS};
        default: return (struct block_shape) {32, 34, GROUPS}; /* Q8_0 */
    }
}

static long block_row_bytes(const struct weight *w) {
    struct block_shape shape = block_shape(w->format);
    return w->cols / shape.columns * shape.bytes;
}

/*
 * Columns [from, to) of LANES rows from row on, in vector v of the tile.
 * lines: to ask for with each block
 */
static void unpack(const struct weight *w, long row, long from, long to, struct ahead *ahead, long lines, int v,
                   struct code_space *space) {
    struct block_shape shape = block_shape(w->format);
    long row_bytes = block_row_bytes(w);
    long blocks = (to - from) / shape.columns;
    const uint8_t *first = w->codes + row * row_bytes + from / shape.columns * shape.bytes;
    struct strip s = {first, row_bytes, ahead, lines, blocks, &space->unpacked, v};
    if (w->rows - row < LANES) {
        for (long i = 0; i < LANES; i++) {
            __builtin_memcpy(space->rows[i], first + least(i, w->rows - row - 1) * row_bytes, (size_t) (blocks * shape.bytes));
        }
        s.first = space->rows[0];
        s.stride = MOST_ROW_BYTES;
    }
    switch (w->format) {
        case Q8_0: unpack_q8_0(&s); break;
        case Q4_0: unpack_q4_0(&s); break;
        case Q5_0: unpack_q5_0(&s); break;
        case Q4_K: unpack_q4_k(&s); break;
        case Q5_K: unpack_q5_k(&s); break;
        case Q6_K: unpack_q6_k(&s); break;
        case INT8: unpack_int8(w, row, from, &s); break;
    }
}

/*
 * Rows [from, to) of the weight; column 0 of y is weight row from.
 * then: rows to ask for while the last of these are multiplied, or 0
 * x: for each HEIGHT rows, [groups, rows]; the last rows are those that are left
 */
static void many_codes(const struct weight *w, long from, long to, const uint8_t *then, const struct group *x, long m,
                       float *y, long y_stride, struct code_space *space) {
    struct block_shape shape = block_shape(w->format);
    long row_bytes = block_row_bytes(w);
    long groups = groups_of(w->cols);
    for (long row = from; row < to; row += ABREAST) {
        long below = row + ABREAST;
        const uint8_t *next = below < to ? w->codes + below * row_bytes : then;
        long ask_rows = next == 0 ? 0 : below < to ? least(ABREAST, to - below) : ABREAST;
        struct ahead ahead = {next, next + ask_rows * row_bytes, 0};
        for (long column = 0; column < w->cols; column += CODE_COLUMNS) {
            long end = least(w->cols, column + CODE_COLUMNS);
            /* Unpacking is as much work as multiplying with some sixteen rows of x. */
            long lines = LANES * shape.bytes / 4 / (16 + m) + 1;
            for (int v = 0; v < WIDE && row + v * LANES < to; v++) {
                unpack(w, row + v * LANES, column, end, &ahead, lines, v, space);
            }
            ahead.lines_each = ABREAST * shape.bytes * GROUP_COLUMNS / shape.columns / 64 * HEIGHT / (16 + m) + 1;
            for (long r = 0; r < m; r += HEIGHT) {
                long height = least(HEIGHT, m - r);
                add_runs(shape.runs, height, x + r * groups + height * (column / GROUP_COLUMNS), &space->unpacked,
                         groups_of(end - column), column == 0, y + r * y_stride + row - from, y_stride, to - row, &ahead);
            }
        }
    }
}

#endif
