/*
 * y = x Wt in float32 for a few rows of a weight: rows are expanded to float32, or are packed so already, and meet packed rows of
 * x in tiles. Each (row of x, output) pair has one accumulator of LANES lanes that takes the columns in order: the same numbers
 * whatever the number of rows.
 */
#ifndef FATHOM_TILES_H
#define FATHOM_TILES_H

#include "weight.h"

/* Weight rows in a tile. */
#define TALL 4
/* Columns taken at a time: 18 KiB for a panel of x, in the first-level cache while the tiles of OUTPUTS rows go by. */
#define COLUMNS 768
/* Weight rows expanded together: 192 KiB of float32, in the second-level cache; x comes from farther away once for all. */
#define OUTPUTS 64
/* Rows of x that meet them, a multiple of every format's panel: their sums wait in 576 KiB. */
#define ROWS 144
/* Up to so many rows of x stay in the second-level cache whole: each expanded tile is used up before the next is made. */
#define FEW 48

/* What a thread needs: expanded tiles, and the sums of a tile after the other, each [ROWS, TALL, LANES]. */
struct workspace {
    float tiles[OUTPUTS / TALL][TALL * COLUMNS];
    float sums[OUTPUTS / TALL][ROWS * TALL * LANES];
};

/* Columns [from, to) of TALL weight rows from row on as float32: [columns / LANES, TALL, LANES], zeros behind the last column. */
typedef void expander(const struct weight *w, long row, long from, long to, float *panel);

/*
 * sums [height, TALL] of LANES lanes += products, or = products where there is nothing yet. The loops over rows unroll, and the
 * sums stay in registers.
 */
ALWAYS void tile(const int height, const float *x, const float *w, long columns, int fresh, float *sums) {
    floats s[HEIGHT][TALL];
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            s[r][o] = fresh ? zeros() : load(sums + (r * TALL + o) * LANES);
        }
    }
    for (long i = 0; i < columns; i += LANES) {
#if HEIGHT == 6
        floats v[TALL];
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            const float *here = w + TALL * i + o * LANES;
            v[o] = load(here);
            ask_near(here + 8 * TALL * LANES); /* from the second-level cache */
        }
#pragma GCC unroll 6
        for (int r = 0; r < height; r++) {
            floats u = load(x + height * i + r * LANES);
#pragma GCC unroll 4
            for (int o = 0; o < TALL; o++) {
                s[r][o] = fused(u, v[o], s[r][o]);
            }
        }
#else
        floats u[HEIGHT];
#pragma GCC unroll 3
        for (int r = 0; r < height; r++) {
            u[r] = load(x + height * i + r * LANES);
        }
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            floats v = load(w + TALL * i + o * LANES);
#pragma GCC unroll 3
            for (int r = 0; r < height; r++) {
                s[r][o] = fused(u[r], v, s[r][o]);
            }
        }
#endif
    }
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            store(sums + (r * TALL + o) * LANES, s[r][o]);
        }
    }
}

static void add_products(long height, const float *x, const float *w, long columns, int fresh, float *sums) {
    switch (height) {
        case 1: tile(1, x, w, columns, fresh, sums); break;
        case 2: tile(2, x, w, columns, fresh, sums); break;
        case 3: tile(3, x, w, columns, fresh, sums); break;
#if HEIGHT == 6
        case 4: tile(4, x, w, columns, fresh, sums); break;
        case 5: tile(5, x, w, columns, fresh, sums); break;
        case 6: tile(6, x, w, columns, fresh, sums); break;
#endif
    }
}

ALWAYS void store_sums(four_floats values, long count, float *y) {
    float buffer[TALL];
    store_four(buffer, values);
    for (long o = 0; o < count; o++) {
        y[o] = buffer[o];
    }
}

/* One row into a panel of some height: vectors of the row are height vectors apart. The last one is filled up with zeros. */
ALWAYS void pack_row(const float *row, long columns, float *panel, long height) {
    long i = 0;
    for (; i + LANES <= columns; i += LANES) {
        store(panel + height * i, load(row + i));
    }
    if (i < columns) {
        store(panel + height * i, load_first(row + i, columns - i));
    }
}

/* --- many rows of x --- */

/*
 * Outputs [from, to), at most OUTPUTS, of rows [first, last), at most ROWS, of m.
 * panels: for each HEIGHT rows, [padded cols / LANES, rows, LANES]; the last panel has the rows that are left
 */
static void outputs(const struct weight *w, expander *expand, long from, long to, const float *panels, long m,
                    long first, long last, float *y, long y_stride, struct workspace *space) {
    long columns = padded(w->cols);
    long tiles = (to - from + TALL - 1) / TALL;
    for (long column = 0; column < w->cols; column += COLUMNS) {
        long end = least(w->cols, column + COLUMNS);
        for (long t = 0; t < tiles; t++) {
            expand(w, from + t * TALL, column, end, space->tiles[t]);
        }
        for (long r = first; r < last; r += HEIGHT) {
            long height = least(HEIGHT, m - r);
            for (long t = 0; t < tiles; t++) {
                add_products(height, panels + r * columns + height * column, space->tiles[t], padded(end - column),
                             column == 0, space->sums[t] + (r - first) * TALL * LANES);
            }
        }
    }
    for (long r = first; r < last; r++) {
        for (long t = 0; t < tiles; t++) {
            const float *s = space->sums[t] + (r - first) * TALL * LANES;
            store_sums(sums(load(s), load(s + LANES), load(s + 2 * LANES), load(s + 3 * LANES)),
                       least(TALL, to - from - t * TALL), y + r * y_stride + t * TALL);
        }
    }
}

/* Rows [from, to) of the weight; column 0 of y is weight row from. */
static void many_rows(const struct weight *w, expander *expand, long from, long to, const float *panels, long m, float *y,
                      long y_stride, struct workspace *space) {
    long together = m <= FEW ? TALL : OUTPUTS;
    for (long first = 0; first < m; first += ROWS) {
        for (long row = from; row < to; row += together) {
            outputs(w, expand, row, least(to, row + together), panels, m, first, least(m, first + ROWS),
                    y + row - from, y_stride, space);
        }
    }
}

#endif
