/*
 * y = x Wt by the processor's matrix tiles (AMX): weights are multiplied as BF16 and x is rounded to BF16; products and sums are
 * float32. A tile of weights is 16 rows of 32 columns, one of x 16 rows of as many; each (row of x, output) pair takes the columns in
 * order, two by two, whatever rows and outputs are beside it.
 */
#ifndef FATHOM_AMX_H
#define FATHOM_AMX_H

#include "fp8.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512BF16__)
#define AMX 1

/* Rows of weights, and of x, in a tile. */
#define SIDE 16
/* Columns in a tile. */
#define DEEP 32
/* Bytes of a whole tile, of weights or sums. */
#define TILE 1024
/* Columns of FP8 decoded at a time: 128 KiB of BF16, in the second-level cache. A multiple of BLOCK. */
#define CHUNK 2048
/* Rows that are asked for before they are decoded. */
#define ROWS_AHEAD 4
/* Bytes of each of 32 rows that are asked for before they are multiplied as they are stored: 8 KiB in all. */
#define BYTES_AHEAD 256
/* Rows of x that meet them: their sums wait in 64 KiB. */
#define MEETING 512

/* What a thread needs: two tiles high of weights, the sums of two by two tiles for each two panels of x, and such sums of a block. */
struct tile_space {
    uint8_t weights[2 * CHUNK / DEEP][TILE];
    float sums[MEETING / (2 * SIDE)][4][SIDE * SIDE];
    float products[4][SIDE * SIDE];
} __attribute__((aligned(64)));

/* The compiler knows neither what tile instructions read nor what they write. */
ALWAYS void fence(void) { __asm__ volatile("" ::: "memory"); }

ALWAYS long deep(long columns) { return (columns + DEEP - 1) & -DEEP; }

/* --- x: panels of up to SIDE rows, for each two columns their numbers of all rows --- */

ALWAYS long paired_bytes(long columns) { return 2 * deep(columns); }

/* LANES numbers to BF16, each pair in a lane: the lower half of the lanes. */
ALWAYS __m256i rounded_pairs(const float *values, long left) {
    return (__m256i) _mm512_cvtneps_pbh(left > 0 ? load_some(values, left) : zeros());
}

/*
 * Columns [from, to) of row r of a panel of so many. from is a multiple of DEEP; behind the last column come zeros.
 * values: of column from on
 */
static void pair_row(const float *values, long from, long to, uint8_t *panel, long r, long height) {
    uint32_t *pairs = (uint32_t *) panel + from / 2 * height + r;
    for (long i = 0; i < deep(to - from); i += LANES, pairs += LANES / 2 * height) {
        __m256i rounded = rounded_pairs(values + i, to - from - i);
        if (height == 1) {
            _mm256_storeu_si256((__m256i *) pairs, rounded);
            continue;
        }
        uint32_t lanes[LANES / 2];
        _mm256_storeu_si256((__m256i *) lanes, rounded);
        for (int pair = 0; pair < LANES / 2; pair++) {
            pairs[pair * height] = lanes[pair];
        }
    }
}

/* --- weights: tiles of BF16, for each DEEP columns those of the first SIDE rows and of the next --- */

ALWAYS uint8_t *tile_at(struct tile_space *space, long row, long column) {
    return space->weights[column / DEEP * 2 + row / SIDE] + row % SIDE * 64;
}

/* Where a product ends, and rows to ask for while its last are multiplied, or 0. */
struct turn {
    long limit;
    const uint8_t *then;
};

/* How far off the row is of which a part is asked for while the one given, which lies here, is copied. */
ALWAYS long way_ahead(long row, const uint8_t *here, long row_bytes, const struct turn *turn) {
    long ahead = row + ROWS_AHEAD;
    return ahead < turn->limit ? ROWS_AHEAD * row_bytes
        : turn->then == 0      ? 0
                               : turn->then + (ahead - turn->limit) * row_bytes - here;
}

/* Rows [row, row + 2 SIDE), columns [from, to). */
static void tile_bf16(const struct weight *w, long row, const struct turn *turn, long from, long to,
                      struct tile_space *space) {
    for (long r = 0; r < 2 * SIDE; r++) {
        const uint8_t *numbers = w->codes + (least(row + r, w->rows - 1) * w->cols + from) * 2;
        long ahead = way_ahead(row + r, numbers - from * 2, w->cols * 2, turn);
        for (long i = 0; i < to - from; i += DEEP) {
            long left = to - from - i;
            _mm_prefetch((const char *) numbers + 2 * i + ahead, _MM_HINT_T1);
            __mmask32 mask = left < DEEP ? (1u << left) - 1 : 0xFFFFFFFF;
            _mm512_store_si512(tile_at(space, r, i), _mm512_maskz_loadu_epi16(mask, numbers + 2 * i));
        }
    }
}

/*
 * DEEP codes of E4M3 as BF16, exactly. Exponent field 0 is 2^-9 times the mantissa, the largest magnitude NaN; all others need 120
 * added to their exponent.
 */
ALWAYS __m512i bf16_of_e4m3(__m256i codes) {
    const __m512i subnormals = _mm512_set_epi16(
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x3C60, 0x3C40, 0x3C20, 0x3C00,
        0x3BC0, 0x3B80, 0x3B00, 0);
    __m512i wide = _mm512_cvtepu8_epi16(codes);
    __m512i magnitude = _mm512_and_si512(wide, _mm512_set1_epi16(0x7F));
    __m512i sign = _mm512_slli_epi16(_mm512_andnot_si512(_mm512_set1_epi16(0x7F), wide), 8);
    __m512i value = _mm512_add_epi16(_mm512_slli_epi16(magnitude, 4), _mm512_set1_epi16(120 << 7));
    value = _mm512_mask_permutexvar_epi16(value, _mm512_cmplt_epu16_mask(magnitude, _mm512_set1_epi16(8)), magnitude,
                                          subnormals);
    value = _mm512_mask_mov_epi16(value, _mm512_cmpeq_epi16_mask(magnitude, _mm512_set1_epi16(0x7F)),
                                  _mm512_set1_epi16(0x7FC0));
    return _mm512_or_si512(value, sign);
}

static void tile_fp8(const struct weight *w, long row, const struct turn *turn, long from, long to,
                     struct tile_space *space) {
    for (long r = 0; r < 2 * SIDE; r++) {
        const uint8_t *codes = w->codes + least(row + r, w->rows - 1) * w->cols + from;
        long ahead = way_ahead(row + r, codes - from, w->cols, turn);
        for (long i = 0; i < to - from; i += DEEP) {
            long left = to - from - i;
            _mm_prefetch((const char *) codes + i + ahead, _MM_HINT_T1);
            __mmask32 mask = left < DEEP ? (1u << left) - 1 : 0xFFFFFFFF;
            _mm512_store_si512(tile_at(space, r, i), bf16_of_e4m3(_mm256_maskz_loadu_epi8(mask, codes + i)));
        }
    }
}

/* --- products --- */

/* Tiles 0 and 1 are sums of the first weights with both panels of x, 2 and 3 of the next; 4 and 5 weights, 6 and 7 x. */
static void shape_tiles(long left, long right) {
    struct {
        uint8_t palette, start, unused[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int tile = 0; tile < 8; tile++) {
        long x = tile % 2 == 0 ? left : right;
        int weights = tile == 4 || tile == 5;
        shape.rows[tile] = weights || x > 0 ? SIDE : 0;
        shape.row_bytes[tile] = (uint16_t) (weights ? 64 : 4 * x);
    }
    fence();
    _tile_loadconfig(&shape);
}

/* Two panels of x, of left and right rows; the second may be empty. */
struct panels {
    const uint8_t *left_at, *right_at;
    long left, right;
};

/* Two tiles high of weights: where the first columns are, bytes from there to the next DEEP columns, and from row to row. */
struct source {
    const uint8_t *upper, *lower;
    long step, stride;
};

/* What is asked for with each tile of products, so that memory works while the tiles do: count lines, then as many step bytes on. */
struct wish {
    const uint8_t *at, *turn, *then; /* at turn it goes on with then */
    long count, stride, step;
};

ALWAYS void grant(struct wish *wish) {
    for (long i = 0; i < wish->count; i++) {
        _mm_prefetch((const char *) wish->at + i * wish->stride, _MM_HINT_T1);
    }
    wish->at += wish->step;
    wish->at = wish->at == wish->turn ? wish->then : wish->at;
}

/* sums, rows of SIDE, += products of some tiles, or = products where there is nothing yet. */
static void add_tiles(struct source weights, struct panels x, long column, long tiles, int fresh,
                      float sums[4][SIDE * SIDE], struct wish *wish) {
    const uint8_t *left = x.left_at + 2 * column * x.left;
    const uint8_t *right = x.right_at + 2 * column * x.right;
    fence();
    if (x.right == 0) {
        if (fresh) {
            _tile_zero(0);
            _tile_zero(2);
        } else {
            _tile_loadd(0, sums[0], 64);
            _tile_loadd(2, sums[2], 64);
        }
        for (long t = 0; t < tiles; t++) {
            grant(wish);
            _tile_loadd(6, left + t * 64 * x.left, 4 * x.left);
            _tile_loadd(4, weights.upper + t * weights.step, weights.stride);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, weights.lower + t * weights.step, weights.stride);
            _tile_dpbf16ps(2, 5, 6);
        }
        _tile_stored(0, sums[0], 64);
        _tile_stored(2, sums[2], 64);
        fence();
        return;
    }
    if (fresh) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, sums[0], 64);
        _tile_loadd(1, sums[1], 64);
        _tile_loadd(2, sums[2], 64);
        _tile_loadd(3, sums[3], 64);
    }
    for (long t = 0; t < tiles; t++) {
        grant(wish);
        _tile_loadd(6, left + t * 64 * x.left, 4 * x.left);
        _tile_loadd(4, weights.upper + t * weights.step, weights.stride);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, weights.lower + t * weights.step, weights.stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_loadd(7, right + t * 64 * x.right, 4 * x.right);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums[0], 64);
    _tile_stored(1, sums[1], 64);
    _tile_stored(2, sums[2], 64);
    _tile_stored(3, sums[3], 64);
    fence();
}

/* Tiles in a thread's space, from a column of the chunk on. */
ALWAYS struct source source_in(struct tile_space *space, long column) {
    struct source source = {tile_at(space, 0, column), tile_at(space, SIDE, column), 2 * TILE, 64};
    return source;
}

/* The same for FP8: the products of each block by themselves, then times the block's scale. */
static void add_scaled_tiles(const struct weight *w, long row, struct panels x, long column, long end, int fresh,
                             float sums[4][SIDE * SIDE], struct tile_space *space, struct wish *wish) {
    long scale_cols = (w->cols + BLOCK - 1) / BLOCK;
    for (long block = column; block < end; block += BLOCK) {
        add_tiles(source_in(space, block - column), x, block, deep(least(BLOCK, end - block)) / DEEP, 1, space->products,
                  wish);
        for (long r = 0; r < 2 * SIDE; r++) {
            long at = least(row + r, w->rows - 1);
            floats scale = all(w->scales[at / w->block_rows * scale_cols + block / BLOCK]);
            for (long side = 0; side < (x.right > 0 ? 2 : 1); side++) {
                float *sum = sums[r / SIDE * 2 + side] + r % SIDE * SIDE;
                const float *product = space->products[r / SIDE * 2 + side] + r % SIDE * SIDE;
                floats before = fresh && block == column ? zeros() : load(sum);
                store(sum, fused(load(product), scale, before));
            }
        }
    }
}

/* Sums of SIDE outputs, of which count there are, for some rows of x, turned into rows of y. */
static void store_tile(const float *sums, long rows, long count, float *y, long y_stride) {
    const __m512i every = _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                                             _mm512_set1_epi32(SIDE));
    for (long r = 0; r < rows; r++) {
        store_some(y + r * y_stride, count, _mm512_i32gather_ps(every, sums + r, 4));
    }
}

/* Rows of x from r on, of those before m. */
ALWAYS struct panels panels_at(const struct weight *w, const uint8_t *x, long r, long m) {
    long row_bytes = paired_bytes(w->cols);
    struct panels panels = {x + r * row_bytes, x + (r + SIDE) * row_bytes, least(SIDE, m - r), 0};
    panels.right = panels.left < SIDE ? 0 : least(SIDE, m - r - SIDE);
    return panels;
}

/* Lines that nobody waits for: those of x, which are there. */
ALWAYS struct wish no_wish(const uint8_t *x) {
    struct wish wish = {x, x, x, 0, 0, 0};
    return wish;
}

/*
 * BF16 weights as they are stored: whole tiles of them. The first rows of x wait for memory, and ask a little ahead; those after them
 * find the weights in the cache, and ask for the rows that come next.
 */
static void add_stored(const struct weight *w, long row, const struct turn *turn, const uint8_t *x, long m, long first,
                       long last, struct tile_space *space) {
    long bytes = 2 * w->cols;
    const uint8_t *rows = w->codes + row * bytes;
    const uint8_t *below = row + 2 * SIDE < turn->limit ? rows + 2 * SIDE * bytes : turn->then != 0 ? turn->then : rows;
    struct source weights = {rows, rows + SIDE * bytes, 2 * DEEP, bytes};
    struct wish near = {rows + BYTES_AHEAD, rows + bytes, below, 2 * SIDE, bytes, 64};
    struct wish next = {below, below + 2 * SIDE * bytes, below, 8, 64, 8 * 64};
    long shaped = -1;
    for (long r = first; r < last; r += 2 * SIDE) {
        struct panels panels = panels_at(w, x, r, m);
        if (shaped != panels.left + panels.right) {
            shaped = panels.left + panels.right;
            shape_tiles(panels.left, panels.right);
        }
        add_tiles(weights, panels, 0, w->cols / DEEP, 1, space->sums[(r - first) / (2 * SIDE)], r == first ? &near : &next);
    }
}

/* Weights that are decoded first, or whose rows or columns end inside a tile. */
static void add_decoded(const struct weight *w, long row, const struct turn *turn, const uint8_t *x, long m, long first,
                        long last, struct tile_space *space) {
    struct wish wish = no_wish(x);
    long shaped = -1;
    for (long column = 0; column < w->cols; column += CHUNK) {
        long to = least(w->cols, column + CHUNK);
        if (w->format == FP8) {
            tile_fp8(w, row, turn, column, to, space);
        } else {
            tile_bf16(w, row, turn, column, to, space);
        }
        for (long r = first; r < last; r += 2 * SIDE) {
            struct panels panels = panels_at(w, x, r, m);
            if (shaped != panels.left + panels.right) {
                shaped = panels.left + panels.right;
                shape_tiles(panels.left, panels.right);
            }
            float(*sums)[SIDE * SIDE] = space->sums[(r - first) / (2 * SIDE)];
            if (w->format == FP8) {
                add_scaled_tiles(w, row, panels, column, to, column == 0, sums, space, &wish);
            } else {
                add_tiles(source_in(space, 0), panels, column, deep(to - column) / DEEP, column == 0, sums, &wish);
            }
        }
    }
}

/* Outputs [row, end), at most 2 SIDE, of rows [first, last), at most MEETING, of m. */
static void tiled_outputs(const struct weight *w, long row, long end, const struct turn *turn, const uint8_t *x, long m,
                          long first, long last, float *y, long y_stride, struct tile_space *space) {
    if (w->format == BF16 && w->cols % DEEP == 0 && row + 2 * SIDE <= w->rows) {
        add_stored(w, row, turn, x, m, first, last, space);
    } else {
        add_decoded(w, row, turn, x, m, first, last, space);
    }
    for (long r = first; r < last; r += SIDE) {
        for (long o = row; o < end; o += SIDE) {
            const float *sums = space->sums[(r - first) / (2 * SIDE)][(o - row) / SIDE * 2 + (r - first) / SIDE % 2];
            store_tile(sums, least(SIDE, last - r), least(SIDE, end - o), y + r * y_stride + o - row, y_stride);
        }
    }
}

/*
 * Rows [from, to) of a weight; column 0 of y is weight row from.
 * then: rows to ask for while the last of these are multiplied, or 0
 * x: m rows in panels of SIDE
 */
static void tiled_product(const struct weight *w, long from, long to, const uint8_t *then, const uint8_t *x, long m, float *y,
                          long y_stride, struct tile_space *space) {
    for (long first = 0; first < m; first += MEETING) {
        struct turn turn = {to, m - first > MEETING ? 0 : then};
        for (long row = from; row < to; row += 2 * SIDE) {
            tiled_outputs(w, row, least(to, row + 2 * SIDE), &turn, x, m, first, least(m, first + MEETING), y + row - from,
                          y_stride, space);
        }
    }
    _tile_release();
}

#endif
#endif
