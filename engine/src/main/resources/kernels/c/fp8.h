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
ALWAYS void ask_for(const struct weight *w, const struct block *block) {
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
static void expand_fp8(const struct weight *w, long row, long from, long to, float *panel) {
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

/* --- one row of x, straight from the codes --- */

static void one_row_fp8(const struct weight *w, long from, long to, const float *x, float *y) {
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

#endif
