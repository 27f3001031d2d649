/*
 * y = x Wt for a few rows of E4M3 weights with one scale for each block of 128 columns and block_rows rows. Every weight is
 * value * scale rounded once to float32, and each (row of x, output) pair has one accumulator of LANES lanes that takes
 * the columns in order: the same numbers whatever the number of rows.
 */
#ifndef FATHOM_FP8_H
#define FATHOM_FP8_H

#include "lanes.h"

#define BLOCK 128
/* Weight rows in a tile. */
#define TALL 4
/* Columns taken at a time: 18 KiB for a panel of x, in the first-level cache while the tiles of OUTPUTS rows go by. */
#define COLUMNS 768
/* Weight rows expanded together: 192 KiB of float32, in the second-level cache; x comes from farther away once for all. */
#define OUTPUTS 64
/* Rows of x that meet them, a multiple of HEIGHT: their sums wait in 528 KiB. */
#define ROWS 132
/* Up to so many rows of x stay in the second-level cache whole: each expanded tile is used up before the next is made. */
#define FEW 48

/* Rows past the last are read as the last; whoever stores leaves them out. */
struct fp8 {
    const uint8_t *codes;
    const float *scales;
    int64_t rows, cols, block_rows;
};

/* What a thread needs: expanded tiles, and the sums of a tile after the other, each [ROWS, TALL, LANES]. */
struct workspace {
    float tiles[OUTPUTS / TALL][TALL * COLUMNS];
    float sums[OUTPUTS / TALL][ROWS * TALL * LANES];
};

/* --- one code --- */

/* Sign at bit 31, exponent and mantissa at bits 26 to 20. */
ALWAYS ints placed(ints codes) { return and_ints(shift_left(codes, 20), all_ints((int) 0x87F00000)); }

/*
 * A code that is neither zero nor subnormal nor NaN is a float that is its value times 2^-120. The others would be
 * float subnormals, which processors multiply in microcode.
 */
ALWAYS floats plain(const uint8_t *codes, floats scale120) { return mul(as_floats(placed(widen(codes))), scale120); }

/*
 * Any code. Exponent field 0 read as 2^-7 (1 + m / 8) instead of 2^-9 m: twice that minus 2^-6 is right there, and nowhere
 * else smaller than the value.
 */
ALWAYS floats exact(const uint8_t *codes, floats scale) {
    ints bits = placed(widen(codes));
    ints magnitude = and_ints(bits, all_ints(0x07F00000));
    ints normal = add_ints(magnitude, all_ints(120 << 23));
    ints finite = min_ints(normal, as_ints(fused(as_floats(normal), all(2), all(-0x1p-6f))));
    ints value = if_equal(magnitude, all_ints(0x07F00000), all_ints(0x7FC00000), finite);
    return mul(as_floats(or_ints(value, and_ints(bits, all_ints((int) 0x80000000)))), scale);
}

/* Doubling a code drops its sign; plus 2, NaN, zero and the subnormals are 0 to 16 and all others 18 to 254. */
ALWAYS bytes marked(const uint8_t *codes) {
    bytes next = add_bytes(load_bytes(codes), all_bytes(1));
    return add_bytes(next, next);
}

/* --- a block: at most 128 columns of TALL rows --- */

struct block {
    const uint8_t *codes[TALL];
    float scale[TALL];
};

ALWAYS struct block block_at(const struct fp8 *w, long row, long column) {
    struct block block;
    long scale_cols = (w->cols + BLOCK - 1) / BLOCK;
    for (int r = 0; r < TALL; r++) {
        long at = least(row + r, w->rows - 1);
        block.codes[r] = w->codes + at * w->cols + column;
        block.scale[r] = w->scales[at / w->block_rows * scale_cols + column / BLOCK];
    }
    return block;
}

/* Whether all codes of a whole block are plain, and the scales too: times 2^120 they stay finite. */
ALWAYS int is_plain(const struct block *block) {
    bytes lowest = all_bytes(255);
    int finite = 1;
    for (int r = 0; r < TALL; r++) {
        finite &= block->scale[r] < 0x1p7f && block->scale[r] > -0x1p7f;
        for (int i = 0; i < BLOCK; i += BYTES) {
            lowest = min_bytes(lowest, marked(block->codes[r] + i));
        }
    }
    return finite && !any_below(lowest, 18);
}

/* The rows below this one come next: asked for now, they are there then. */
ALWAYS void ask_for(const struct fp8 *w, const struct block *block) {
    for (int r = 0; r < TALL; r++) {
        for (int i = 0; i < BLOCK; i += 64) {
            _mm_prefetch((const char *) block->codes[r] + TALL * w->cols + i, _MM_HINT_T0);
        }
    }
}

/* A vector of codes of which the last are missing: zeros stand for them. */
ALWAYS void fill(uint8_t codes[LANES], const uint8_t *from, long count) {
    for (long i = 0; i < LANES; i++) {
        codes[i] = i < count ? from[i] : 0;
    }
}

/* --- expanded to float32 --- */

/* panel: [columns / LANES, TALL, LANES] */
static void expand(const struct fp8 *w, long row, long from, long to, float *panel) {
    for (long column = from; column < to; column += BLOCK, panel += TALL * BLOCK) {
        struct block block = block_at(w, row, column);
        long count = least(BLOCK, to - column);
        ask_for(w, &block);
        if (count == BLOCK && is_plain(&block)) {
            for (int r = 0; r < TALL; r++) {
                floats scale = all(block.scale[r] * 0x1p120f);
#pragma GCC unroll 8
                for (int i = 0; i < BLOCK; i += LANES) {
                    store(panel + TALL * i + r * LANES, plain(block.codes[r] + i, scale));
                }
            }
            continue;
        }
        for (int r = 0; r < TALL; r++) {
            floats scale = all(block.scale[r]);
            for (long i = 0; i < count; i += LANES) {
                uint8_t last[LANES];
                const uint8_t *codes = block.codes[r] + i;
                if (count - i < LANES) {
                    fill(last, codes, count - i);
                    codes = last;
                }
                store(panel + TALL * i + r * LANES, exact(codes, scale));
            }
        }
    }
}

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
            _mm_prefetch((const char *) (here + 8 * TALL * LANES), _MM_HINT_T0); /* from the second-level cache */
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

ALWAYS void store_sums(__m128 values, long count, float *y) {
    float buffer[TALL];
    _mm_storeu_ps(buffer, values);
    for (long o = 0; o < count; o++) {
        y[o] = buffer[o];
    }
}

/* --- one row of x, straight from the codes --- */

static void one_row(const struct fp8 *w, long from, long to, const float *x, float *y) {
    for (long row = from; row < to; row += TALL) {
        floats s[TALL] = {zeros(), zeros(), zeros(), zeros()};
        for (long column = 0; column < w->cols; column += BLOCK) {
            struct block block = block_at(w, row, column);
            long count = least(BLOCK, w->cols - column);
            ask_for(w, &block);
            if (count == BLOCK && is_plain(&block)) {
                floats scale[TALL];
                for (int r = 0; r < TALL; r++) {
                    scale[r] = all(block.scale[r] * 0x1p120f);
                }
#pragma GCC unroll 8
                for (int i = 0; i < BLOCK; i += LANES) {
                    floats u = load(x + column + i);
#pragma GCC unroll 4
                    for (int r = 0; r < TALL; r++) {
                        s[r] = fused(u, plain(block.codes[r] + i, scale[r]), s[r]);
                    }
                }
                continue;
            }
            for (long i = 0; i < count; i += LANES) {
                long left = count - i;
                floats u = left < LANES ? load_first(x + column + i, left) : load(x + column + i);
                for (int r = 0; r < TALL; r++) {
                    uint8_t last[LANES];
                    const uint8_t *codes = block.codes[r] + i;
                    if (left < LANES) {
                        fill(last, codes, left);
                        codes = last;
                    }
                    s[r] = fused(u, exact(codes, all(block.scale[r])), s[r]);
                }
            }
        }
        store_sums(sums(s[0], s[1], s[2], s[3]), least(TALL, to - row), y + row - from);
    }
}

/* --- many rows of x --- */

/*
 * Outputs [from, to), at most OUTPUTS, of rows [first, last), at most ROWS, of m.
 * panels: for each HEIGHT rows, [padded cols / LANES, rows, LANES]; the last panel has the rows that are left
 */
static void outputs(const struct fp8 *w, long from, long to, const float *panels, long m, long first, long last,
                    float *y, long y_stride, struct workspace *space) {
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

/* Rows [from, to) of the weight; column 0 of y is weight row from. One row of x need not be padded. */
static void product(const struct fp8 *w, long from, long to, const float *panels, long m, float *y, long y_stride,
                    struct workspace *space) {
    if (m == 1) {
        one_row(w, from, to, panels, y);
        return;
    }
    long together = m <= FEW ? TALL : OUTPUTS;
    for (long first = 0; first < m; first += ROWS) {
        for (long row = from; row < to; row += together) {
            outputs(w, row, least(to, row + together), panels, m, first, least(m, first + ROWS), y + row - from,
                    y_stride, space);
        }
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

#endif
