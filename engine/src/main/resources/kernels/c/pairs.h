/*
 * BF16 weights by dot products of pairs, where the processor has them but no matrix tiles: one instruction multiplies 32 columns, twice
 * what a float32 multiply-add takes. x is rounded to BF16 before, as for tiles. Each (row of x, output) pair has one accumulator of
 * LANES lanes that takes the columns in order: the same numbers whatever the number of rows. The instruction takes numbers below
 * 2^-126 for zeros.
 */
#ifndef FATHOM_PAIRS_H
#define FATHOM_PAIRS_H

#include "tiles.h"

#if defined(__AVX512BF16__) && !defined(__AMX_BF16__)
#define PAIRS 1

/* Columns in a vector of pairs, and bytes of one. */
#define DEEP 32
#define DEEP_BYTES 64
/* Columns taken at a time: 24 KiB for a panel of x, in the first-level cache while the packed tiles of OUTPUTS rows go by. */
#define PAIRED_COLUMNS 2048
/* Up to so many rows of x read the weights as they are stored. */
#define UNPACKED 48

/* What a thread needs: packed weights, 256 KiB, and the sums of a tile after the other, each [ROWS, TALL, LANES]. */
struct pair_space {
    uint8_t tiles[OUTPUTS / TALL][2 * TALL * PAIRED_COLUMNS];
    float sums[OUTPUTS / TALL][ROWS * TALL * LANES];
} __attribute__((aligned(64)));

ALWAYS long paired_bytes(long columns) { return 2 * ((columns + DEEP - 1) & -DEEP); }

/* --- x: panels of up to HEIGHT rows, for each DEEP columns those of every row --- */

/* LANES numbers to BF16: to nearest, ties to even. */
ALWAYS void store_rounded(uint8_t *to, floats v) { _mm256_storeu_si256((__m256i *) to, (__m256i) _mm512_cvtneps_pbh(v)); }

/*
 * Columns [from, to) of row r of a panel of so many. from is a multiple of DEEP; behind the last column come zeros.
 * values: of column from on
 */
static void pair_row(const float *values, long from, long to, uint8_t *panel, long r, long height) {
    uint8_t *pairs = panel + (from / DEEP * height + r) * DEEP_BYTES;
    for (long i = 0; i < to - from; i += DEEP, pairs += DEEP_BYTES * height) {
        long left = to - from - i;
        store_rounded(pairs, load_some(values + i, left));
        store_rounded(pairs + DEEP_BYTES / 2, left > LANES ? load_some(values + i + LANES, left - LANES) : zeros());
    }
}

/* --- products --- */

/* A vector of pairs of which so many columns are left: zeros stand for the others. */
ALWAYS __m512i read_pairs(const uint8_t *numbers, long left) {
    return _mm512_maskz_loadu_epi16(left < DEEP ? (1u << left) - 1 : 0xFFFFFFFF, numbers);
}

/* Where each of TALL weight rows begins, and bytes from its first DEEP columns to the next. */
struct tall_rows {
    const uint8_t *at[TALL];
    long step;
};

/* Memory to ask for: so many bytes with each DEEP columns. */
struct asked {
    const uint8_t *next;
    long each;
};

/* s += products of so many columns. x: [columns / DEEP, height, DEEP] */
ALWAYS void add_pairs(const int height, struct tall_rows w, const uint8_t *x, long columns, struct asked asked,
                      floats s[HEIGHT][TALL]) {
    for (long left = columns; left > 0; left -= DEEP, x += DEEP_BYTES * height) {
        for (long part = 0; part < asked.each; part += 64) {
            ask_far(asked.next + part);
        }
        asked.next += asked.each;
        __m512bh v[TALL];
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            v[o] = (__m512bh) read_pairs(w.at[o], left);
            w.at[o] += w.step;
        }
#pragma GCC unroll 6
        for (int r = 0; r < height; r++) {
            __m512bh u = (__m512bh) _mm512_loadu_si512(x + DEEP_BYTES * r);
#pragma GCC unroll 4
            for (int o = 0; o < TALL; o++) {
                s[r][o] = _mm512_dpbf16_ps(s[r][o], v[o], u);
            }
        }
    }
}

ALWAYS void clear(const int height, floats s[HEIGHT][TALL]) {
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            s[r][o] = zeros();
        }
    }
}

ALWAYS void sum_rows(const int height, floats s[HEIGHT][TALL], four_floats *out) {
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
        out[r] = sums(s[r][0], s[r][1], s[r][2], s[r][3]);
    }
}

/* --- a few rows of x, straight from the stored numbers --- */

ALWAYS const uint8_t *pairs_at(const struct weight *w, long row) { return w->codes + least(row, w->rows - 1) * w->cols * 2; }

/*
 * Sums of TALL outputs for one row of x. Weight rows are read one after the other: memory is fastest as one stream, and finds
 * by itself what comes next.
 */
ALWAYS four_floats single(const struct weight *w, long row, const uint8_t *x) {
    floats s[TALL];
#pragma GCC unroll 4
    for (int o = 0; o < TALL; o++) {
        const uint8_t *at = pairs_at(w, row + o);
        s[o] = zeros();
        for (long i = 0; i < w->cols; i += DEEP) {
            __m512bh u = (__m512bh) _mm512_loadu_si512(x + 2 * i);
            s[o] = _mm512_dpbf16_ps(s[o], (__m512bh) read_pairs(at + 2 * i, w->cols - i), u);
        }
    }
    return sums(s[0], s[1], s[2], s[3]);
}

/* Sums of TALL outputs for a panel of x: weight rows beside each other. */
ALWAYS void beside(const int height, const struct weight *w, long row, const uint8_t *x, struct asked asked, four_floats *out) {
    struct tall_rows rows = {{pairs_at(w, row), pairs_at(w, row + 1), pairs_at(w, row + 2), pairs_at(w, row + 3)}, DEEP_BYTES};
    floats s[HEIGHT][TALL];
    clear(height, s);
    add_pairs(height, rows, x, w->cols, asked, s);
    sum_rows(height, s, out);
}

static void panel_of_pairs(long height, const struct weight *w, long row, const uint8_t *x, struct asked asked, four_floats *out) {
    switch (height) {
        case 1: beside(1, w, row, x, asked, out); break;
        case 2: beside(2, w, row, x, asked, out); break;
        case 3: beside(3, w, row, x, asked, out); break;
        case 4: beside(4, w, row, x, asked, out); break;
        case 5: beside(5, w, row, x, asked, out); break;
        case 6: beside(6, w, row, x, asked, out); break;
    }
}

/* With several panels of x each asks for its part of the rows that come next, in the order they lie in. */
static void few_rows_of_pairs(const struct weight *w, long from, long to, const uint8_t *then, const uint8_t *x, long m, float *y,
                              long y_stride) {
    long passes = (m + HEIGHT - 1) / HEIGHT;
    long each = TALL * DEEP_BYTES / passes;
    for (long row = from; row < to; row += TALL) {
        long count = least(TALL, to - row);
        if (m == 1) {
            store_sums(single(w, row, x), count, y + row - from);
            continue;
        }
        const uint8_t *here = pairs_at(w, row);
        const uint8_t *next = row + TALL < to ? here + TALL * 2 * w->cols : then == 0 ? here : then;
        for (long pass = 0; pass < passes; pass++) {
            long first = pass * HEIGHT;
            long height = least(HEIGHT, m - first);
            struct asked asked = {next + pass * (w->cols / DEEP) * each, each};
            four_floats out[HEIGHT];
            panel_of_pairs(height, w, row, x + first * paired_bytes(w->cols), asked, out);
            for (long r = 0; r < height; r++) {
                store_sums(out[r], count, y + (first + r) * y_stride + row - from);
            }
        }
    }
}

/* --- more rows: weights packed --- */

/* Columns [from, to) of TALL weight rows: [columns / DEEP, TALL, DEEP], zeros behind the last column. */
static void pack_pairs(const struct weight *w, long row, long from, long to, uint8_t *tile) {
    for (int o = 0; o < TALL; o++) {
        const uint8_t *numbers = pairs_at(w, row + o) + 2 * from;
        uint8_t *at = tile + o * DEEP_BYTES;
        for (long i = 0; i < to - from; i += DEEP, at += TALL * DEEP_BYTES) {
            _mm512_storeu_si512(at, read_pairs(numbers + 2 * i, to - from - i));
        }
    }
}

/* Columns [from, to) of the weight's. */
struct part {
    long from, to, cols;
};

/* What earlier columns gave waits in before; the last ones make sums. */
ALWAYS void packed(const int height, const uint8_t *tile, const uint8_t *x, struct part part, float *before, four_floats *out) {
    struct tall_rows rows = {{tile, tile + DEEP_BYTES, tile + 2 * DEEP_BYTES, tile + 3 * DEEP_BYTES}, TALL * DEEP_BYTES};
    struct asked nothing = {tile, 0};
    floats s[HEIGHT][TALL];
    /* Unrolled, as all loops over sums, or they would lie in memory. */
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            s[r][o] = part.from > 0 ? load(before + (r * TALL + o) * LANES) : zeros();
        }
    }
    add_pairs(height, rows, x + height * 2 * part.from, part.to - part.from, nothing, s);
    if (part.to == part.cols) {
        sum_rows(height, s, out);
        return;
    }
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            store(before + (r * TALL + o) * LANES, s[r][o]);
        }
    }
}

static void packed_panel(long height, const uint8_t *tile, const uint8_t *x, struct part part, float *before, four_floats *out) {
    switch (height) {
        case 1: packed(1, tile, x, part, before, out); break;
        case 2: packed(2, tile, x, part, before, out); break;
        case 3: packed(3, tile, x, part, before, out); break;
        case 4: packed(4, tile, x, part, before, out); break;
        case 5: packed(5, tile, x, part, before, out); break;
        case 6: packed(6, tile, x, part, before, out); break;
    }
}

/* Outputs [from, to), at most OUTPUTS, of rows [first, last), at most ROWS, of m. */
static void packed_outputs(const struct weight *w, long from, long to, const uint8_t *x, long m, long first, long last, float *y,
                           long y_stride, struct pair_space *space) {
    long tiles = (to - from + TALL - 1) / TALL;
    for (long column = 0; column < w->cols; column += PAIRED_COLUMNS) {
        struct part part = {column, least(w->cols, column + PAIRED_COLUMNS), w->cols};
        for (long t = 0; t < tiles; t++) {
            pack_pairs(w, from + t * TALL, part.from, part.to, space->tiles[t]);
        }
        for (long r = first; r < last; r += HEIGHT) {
            long height = least(HEIGHT, m - r);
            for (long t = 0; t < tiles; t++) {
                four_floats out[HEIGHT];
                packed_panel(height, space->tiles[t], x + r * paired_bytes(w->cols), part,
                             space->sums[t] + (r - first) * TALL * LANES, out);
                for (long i = 0; part.to == w->cols && i < height; i++) {
                    store_sums(out[i], least(TALL, to - from - t * TALL), y + (r + i) * y_stride + t * TALL);
                }
            }
        }
    }
}

/* --- any number of rows --- */

/*
 * Rows [from, to) of a weight; column 0 of y is weight row from.
 * then: rows to ask for while the last of these are multiplied, or 0
 * x: m rows in panels of HEIGHT
 */
static void paired_product(const struct weight *w, long from, long to, const uint8_t *then, const uint8_t *x, long m, float *y,
                           long y_stride, struct pair_space *space) {
    if (m <= UNPACKED) {
        few_rows_of_pairs(w, from, to, then, x, m, y, y_stride);
        return;
    }
    for (long first = 0; first < m; first += ROWS) {
        for (long row = from; row < to; row += OUTPUTS) {
            packed_outputs(w, row, least(to, row + OUTPUTS), x, m, first, least(m, first + ROWS), y + row - from, y_stride,
                           space);
        }
    }
}

#endif
#endif
