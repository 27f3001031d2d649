/*
 * Weights of a few bits, as GGUF files keep them (BlockFormat.java describes each format), unpacked to bytes: LANES rows at a
 * time, four columns of each row in a lane.
 */
#ifndef FATHOM_BLOCKS_H
#define FATHOM_BLOCKS_H

#include "strips.h"

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

ALWAYS void unpack_q2_k(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 84) {
        bytes head[4];
        ask(s->ahead, s->lines);
        ints both = four_bytes(at + 80, s->stride);
        floats d = low_halves(both);
        floats minimum = sub(zeros(), low_halves(shift_right(both, 16)));
        sixteen_bytes(at, s->stride, head);
        for (int run = 0; run < 16; run++) {
            ints byte = shift_right(head[run / 4], run % 4 * 8);
            put_scale(s, 16 * b + run, mul(to_floats(and_ints(byte, all_ints(15))), d));
            put_minimum(s, 16 * b + run, mul(to_floats(and_ints(shift_right(byte, 4), all_ints(15))), minimum));
        }
        for (int i = 0; i < 4; i++) {
            bytes q[4];
            sixteen_bytes(at + 16 + 16 * i, s->stride, q);
            for (int j = 0; j < 4; j++) {
                long quad = 64 * b + i / 2 * 32 + 8 * j + i % 2 * 4;
                for (int c = 0; c < 4; c++) {
                    put_unsigned(s, quad + c, and_bytes(shift_right(q[c], 2 * j), all_bytes(3)));
                }
            }
        }
    }
}

ALWAYS void unpack_iq4_xs(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 136) {
        ask(s->ahead, s->lines);
        ints head = four_bytes(at, s->stride);
        ints low = four_bytes(at + 4, s->stride);
        floats d = low_halves(head);
        for (int g = 0; g < 8; g++) {
            bytes q[4];
            ints two = and_ints(shift_right(head, 16 + 2 * g), all_ints(3));
            ints number = or_ints(and_ints(shift_right(low, 4 * g), all_ints(15)), shift_left(two, 4));
            put_scale(s, 8 * b + g, mul(to_floats(add_ints(number, all_ints(-32))), d));
            sixteen_bytes(at + 8 + 16 * g, s->stride, q);
            for (int c = 0; c < 4; c++) {
                put_codes(s, 64 * b + 8 * g + c, looked_up(steps, lower(q[c])), 0);
                put_codes(s, 64 * b + 8 * g + 4 + c, looked_up(steps, upper(q[c])), 0);
            }
        }
    }
}

ALWAYS void unpack_q3_k(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 110) {
        ask(s->ahead, s->lines);
        floats d = low_halves(shift_right(four_bytes(at + 106, s->stride), 16));
        ints low[2] = {four_bytes(at + 96, s->stride), four_bytes(at + 100, s->stride)};
        ints high = four_bytes(at + 104, s->stride);
        for (int run = 0; run < 16; run++) {
            ints four = and_ints(shift_right(low[run / 4 % 2], run % 4 * 8 + run / 8 * 4), all_ints(15));
            ints two = and_ints(shift_right(high, run % 4 * 8 + run / 4 * 2), all_ints(3));
            ints number = add_ints(or_ints(four, shift_left(two, 4)), all_ints(-32));
            put_scale(s, 16 * b + run, mul(to_floats(number), d));
        }
        for (int half = 0; half < 2; half++) {
            bytes third[4];
            sixteen_bytes(at + 16 * half, s->stride, third);
            for (int n = 0; n < 2; n++) {
                bytes q[4];
                sixteen_bytes(at + 32 + 32 * n + 16 * half, s->stride, q);
                for (int j = 0; j < 4; j++) {
                    long quad = 64 * b + 32 * n + 8 * j + 4 * half;
                    for (int c = 0; c < 4; c++) {
                        bytes two = and_bytes(shift_right(q[c], 2 * j), all_bytes(3));
                        bytes one = shift_left(and_bytes(shift_right(third[c], 4 * n + j), all_bytes(1)), 2);
                        put_codes(s, quad + c, or_bytes(two, one), 4);
                    }
                }
            }
        }
    }
}

ALWAYS void unpack_q4_k(struct strip *s) {
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

ALWAYS void unpack_q5_k(struct strip *s) {
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

/* Of a block of Q6_K. */
ALWAYS void put_q6_scales(const struct strip *s, const uint8_t *at, long block) {
    bytes scales[4];
    floats d = low_halves(shift_right(four_bytes(at + 206, s->stride), 16));
    sixteen_bytes(at + 192, s->stride, scales);
    for (int run = 0; run < 16; run++) {
        ints byte = and_ints(shift_right(scales[run / 4], run % 4 * 8), all_ints(255));
        /* Two's complement: 128 is added and taken away. */
        ints number = add_ints(xor_ints(byte, all_ints(128)), all_ints(-128));
        put_scale(s, 16 * block + run, mul(to_floats(number), d));
    }
}

ALWAYS void unpack_q6_k(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 210) {
        ask(s->ahead, s->lines);
        put_q6_scales(s, at, b);
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
        case Q4_1: return (struct block_shape) {32, 20, GROUPS_WITH_MINIMA};
        case Q5_1: return (struct block_shape) {32, 24, GROUPS_WITH_MINIMA};
        case AWQ: return (struct block_shape) {32, 19, GROUPS};
        case IQ4_NL: return (struct block_shape) {32, 18, GROUPS};
        case Q2_K: return (struct block_shape) {256, 84, HALF_GROUPS_WITH_MINIMA};
        case IQ4_XS: return (struct block_shape) {256, 136, GROUPS};
        case Q3_K: return (struct block_shape) {256, 110, HALF_GROUPS};
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
        case Q4_1: unpack_q4_1(&s); break;
        case Q5_1: unpack_q5_1(&s); break;
        case AWQ: unpack_awq(&s); break;
        case IQ4_NL: unpack_iq4_nl(&s); break;
        case IQ4_XS: unpack_iq4_xs(&s); break;
        case Q2_K: unpack_q2_k(&s); break;
        case Q3_K: unpack_q3_k(&s); break;
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
static __attribute__((noinline)) void many_codes(const struct weight *w, long from, long to, const uint8_t *then,
                                                 const struct group *x, long m, float *y, long y_stride,
                                                 struct code_space *space) {
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
