/*
 * E4M3 weights with one scale for each block of 128 columns and block_rows rows. Every weight is value * scale rounded once to
 * float32.
 */
#ifndef FATHOM_FP8_H
#define FATHOM_FP8_H

#include "tiles.h"

#define BLOCK 128

/* --- one code --- */

/* Sign at bit 31, exponent and mantissa at bits 26 to 20. */
ALWAYS ints placed(ints codes) { return and_ints(shift_left(codes, 20), all_ints((int) 0x87F00000)); }

/*
 * A code that is neither zero nor subnormal nor NaN is a float that is its value times 2^-120. The others would be
 * float subnormals, which processors multiply in microcode.
 */
ALWAYS floats plain(const uint8_t *codes, floats scale120) { return mul(as_floats(placed(widen(codes))), scale120); }

/*
 * Any code but NaN. It is an IEEE half of its value times 2^-8, subnormals included, and processors convert those at full
 * speed.
 */
ALWAYS floats halves(const uint8_t *codes, floats scale256) { return mul(from_e4m3(codes), scale256); }

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

ALWAYS struct block block_at(const struct weight *w, long row, long column) {
    struct block block;
    long scale_cols = (w->cols + BLOCK - 1) / BLOCK;
    for (int r = 0; r < TALL; r++) {
        long at = least(row + r, w->rows - 1);
        block.codes[r] = w->codes + at * w->cols + column;
        block.scale[r] = w->scales[at / w->block_rows * scale_cols + column / BLOCK];
    }
    return block;
}

/* What is known of a whole block: nothing yet; that all its codes are plain; that none is NaN; that some may be. */
enum kind { UNKNOWN, PLAIN, HALVES, EXACT };

/* Scales count, too: times 2^120 they must stay finite. */
static int look(const struct block *block) {
    bytes lowest = all_bytes(255);
    int finite = 1;
    for (int r = 0; r < TALL; r++) {
        finite &= block->scale[r] < 0x1p7f && block->scale[r] > -0x1p7f;
        for (int i = 0; i < BLOCK; i += BYTES) {
            lowest = min_bytes(lowest, marked(block->codes[r] + i));
        }
    }
    return !finite || any_below(lowest, 2) ? EXACT : any_below(lowest, 18) ? HALVES : PLAIN;
}

/* Found out when the block is first read, and kept. Threads that find out at the same time find the same. */
ALWAYS int kind_of(const struct weight *w, long row, long column, const struct block *block) {
    uint8_t *kept = w->kinds + row / TALL * ((w->cols + BLOCK - 1) / BLOCK) + column / BLOCK;
    int kind = __atomic_load_n(kept, __ATOMIC_RELAXED);
    if (__builtin_expect(kind == UNKNOWN, 0)) {
        kind = look(block);
        __atomic_store_n(kept, (uint8_t) kind, __ATOMIC_RELAXED);
    }
    return kind;
}

/* A vector of codes of a block of that kind; scale is what block_scale made of it. */
ALWAYS floats decoded(int kind, const uint8_t *codes, floats scale) {
    return kind == PLAIN ? plain(codes, scale) : kind == HALVES ? halves(codes, scale) : exact(codes, scale);
}

ALWAYS floats block_scale(int kind, float scale) {
    return all(kind == PLAIN ? scale * 0x1p120f : kind == HALVES ? scale * 0x1p8f : scale);
}

/* The rows that come next lie so far from these: asked for now, they are there then. */
ALWAYS void ask_for(const struct block *block, long distance) {
    for (int r = 0; r < TALL; r++) {
        for (int i = 0; i < BLOCK; i += 64) {
            ask_near(block->codes[r] + distance + i);
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

ALWAYS void expand_block(int kind, const struct block *block, float *panel) {
    for (int r = 0; r < TALL; r++) {
        floats scale = block_scale(kind, block->scale[r]);
#pragma GCC unroll 8
        for (int i = 0; i < BLOCK; i += LANES) {
            store(panel + TALL * i + r * LANES, decoded(kind, block->codes[r] + i, scale));
        }
    }
}

/* panel: [columns / LANES, TALL, LANES] */
static void expand_fp8(const struct weight *w, long row, long from, long to, float *panel) {
    for (long column = from; column < to; column += BLOCK, panel += TALL * BLOCK) {
        struct block block = block_at(w, row, column);
        long count = least(BLOCK, to - column);
        ask_for(&block, TALL * w->cols);
        if (count == BLOCK) {
            switch (kind_of(w, row, column, &block)) {
                case PLAIN: expand_block(PLAIN, &block, panel); break;
                case HALVES: expand_block(HALVES, &block, panel); break;
                default: expand_block(EXACT, &block, panel); break;
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

/* --- a panel of x, straight from the codes: fewer rows than it takes to pay for expanded tiles --- */

/* x: [BLOCK / LANES, height, LANES] */
ALWAYS void add_block(int kind, const int height, const struct block *block, const float *x, floats s[HEIGHT][TALL]) {
    floats scale[TALL];
    for (int o = 0; o < TALL; o++) {
        scale[o] = block_scale(kind, block->scale[o]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < BLOCK; i += LANES) {
        floats v[TALL];
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            v[o] = decoded(kind, block->codes[o] + i, scale[o]);
        }
#pragma GCC unroll 6
        for (int r = 0; r < height; r++) {
            floats u = load(x + height * i + r * LANES);
#pragma GCC unroll 4
            for (int o = 0; o < TALL; o++) {
                s[r][o] = fused(u, v[o], s[r][o]);
            }
        }
    }
}

/* The columns of a block that is not whole. A single row of x ends with its last column, packed rows have zeros there. */
ALWAYS void add_rest(const int height, const struct block *block, long count, const float *x, floats s[HEIGHT][TALL]) {
    for (long i = 0; i < count; i += LANES) {
        long left = count - i;
        for (int o = 0; o < TALL; o++) {
            uint8_t last[LANES];
            const uint8_t *codes = block->codes[o] + i;
            if (left < LANES) {
                fill(last, codes, left);
                codes = last;
            }
            floats v = exact(codes, all(block->scale[o]));
#pragma GCC unroll 6
            for (int r = 0; r < height; r++) {
                const float *here = x + height * i + r * LANES;
                s[r][o] = fused(height == 1 ? load_some(here, left) : load(here), v, s[r][o]);
            }
        }
    }
}

ALWAYS void panel_fp8(const int height, const struct weight *w, long from, long to, const uint8_t *then, const float *x,
                      float *y, long y_stride) {
    for (long row = from; row < to; row += TALL) {
        const uint8_t *here = w->codes + row * w->cols;
        long distance = row + TALL < to ? TALL * w->cols : then == 0 ? 0 : then - here;
        floats s[HEIGHT][TALL];
        for (int r = 0; r < height; r++) {
            for (int o = 0; o < TALL; o++) {
                s[r][o] = zeros();
            }
        }
        for (long column = 0; column < w->cols; column += BLOCK) {
            struct block block = block_at(w, row, column);
            const float *columns = x + height * column;
            ask_for(&block, distance);
            if (w->cols - column < BLOCK) {
                add_rest(height, &block, w->cols - column, columns, s);
                break;
            }
            switch (kind_of(w, row, column, &block)) {
                case PLAIN: add_block(PLAIN, height, &block, columns, s); break;
                case HALVES: add_block(HALVES, height, &block, columns, s); break;
                default: add_block(EXACT, height, &block, columns, s); break;
            }
        }
        for (int r = 0; r < height; r++) {
            store_sums(sums(s[r][0], s[r][1], s[r][2], s[r][3]), least(TALL, to - row), y + r * y_stride + row - from);
        }
    }
}

/*
 * At most HEIGHT rows of x: one as it is, more as a panel.
 * then: rows to ask for while the last of these are multiplied, or 0
 */
static void few_rows_fp8(const struct weight *w, long from, long to, const uint8_t *then, const float *x, long m, float *y,
                         long y_stride) {
    switch (m) {
        case 1: panel_fp8(1, w, from, to, then, x, y, y_stride); break;
        case 2: panel_fp8(2, w, from, to, then, x, y, y_stride); break;
        case 3: panel_fp8(3, w, from, to, then, x, y, y_stride); break;
#if HEIGHT == 6
        case 4: panel_fp8(4, w, from, to, then, x, y, y_stride); break;
        case 5: panel_fp8(5, w, from, to, then, x, y, y_stride); break;
        case 6: panel_fp8(6, w, from, to, then, x, y, y_stride); break;
#endif
    }
}

#endif
