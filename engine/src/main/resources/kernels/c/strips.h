/*
 * Strips of LANES rows of weights of a few bits, unpacked to bytes, four columns of each row in a lane; and the formats whose
 * blocks have 32 columns.
 */
#ifndef FATHOM_STRIPS_H
#define FATHOM_STRIPS_H

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

/* What is added to every number of a group, or of a run of 16 columns. */
ALWAYS void put_minimum(const struct strip *s, long at, floats minimum) { store(s->to->minima[at][s->v], minimum); }

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

ALWAYS void unpack_q8_0(struct strip *s) {
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

ALWAYS void unpack_q4_0(struct strip *s) {
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

ALWAYS void unpack_q5_0(struct strip *s) {
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

ALWAYS void unpack_q4_1(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 20) {
        bytes q[4];
        ask(s->ahead, s->lines);
        ints head = four_bytes(at, s->stride);
        put_scale(s, b, low_halves(head));
        put_minimum(s, b, low_halves(shift_right(head, 16)));
        sixteen_bytes(at + 4, s->stride, q);
        for (int c = 0; c < 4; c++) {
            put_unsigned(s, 8 * b + c, lower(q[c]));
            put_unsigned(s, 8 * b + 4 + c, upper(q[c]));
        }
    }
}

ALWAYS void unpack_q5_1(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 24) {
        bytes q[4];
        ask(s->ahead, s->lines);
        ints head = four_bytes(at, s->stride);
        ints fifth = four_bytes(at + 4, s->stride);
        put_scale(s, b, low_halves(head));
        put_minimum(s, b, low_halves(shift_right(head, 16)));
        sixteen_bytes(at + 8, s->stride, q);
        for (int c = 0; c < 4; c++) {
            put_unsigned(s, 8 * b + c, or_bytes(lower(q[c]), as_fifth(shift_right(fifth, 4 * c))));
            put_unsigned(s, 8 * b + 4 + c, or_bytes(upper(q[c]), as_fifth(shift_right(fifth, 16 + 4 * c))));
        }
    }
}

/* Codes less their zero point: -15 to 15. */
ALWAYS void unpack_awq(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 19) {
        bytes q[4];
        ask(s->ahead, s->lines);
        ints head = four_bytes(at, s->stride);
        ints zero = and_ints(shift_right(head, 16), all_ints(15));
        ints zeros = or_ints(zero, shift_left(zero, 8));
        zeros = or_ints(zeros, shift_left(zeros, 16));
        bytes less = add_bytes(xor_ints(zeros, all_ints(-1)), all_bytes(1));
        put_scale(s, b, low_halves(head));
        sixteen_bytes(at + 3, s->stride, q);
        for (int c = 0; c < 4; c++) {
            put_codes(s, 8 * b + c, add_bytes(lower(q[c]), less), 0);
            put_codes(s, 8 * b + 4 + c, add_bytes(upper(q[c]), less), 0);
        }
    }
}

/* Of IQ4_NL and IQ4_XS: sixteen numbers that are denser around zero. */
static const int8_t steps[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

ALWAYS void unpack_iq4_nl(struct strip *s) {
    const uint8_t *at = s->first;
    for (long b = 0; b < s->blocks; b++, at += 18) {
        bytes q[4];
        ask(s->ahead, s->lines);
        put_scale(s, b, low_halves(four_bytes(at, s->stride)));
        sixteen_bytes(at + 2, s->stride, q);
        for (int c = 0; c < 4; c++) {
            put_codes(s, 8 * b + c, looked_up(steps, lower(q[c])), 0);
            put_codes(s, 8 * b + 4 + c, looked_up(steps, upper(q[c])), 0);
        }
    }
}

/*
 * INT8: rows of bytes, whole groups of them; scales lie elsewhere.
 * row, from: where the strip begins
 */
ALWAYS void unpack_int8(const struct weight *w, long row, long from, struct strip *s) {
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

#endif
