/*
 * Few rows of x with weights of a few bits: along the rows of the weight, as they are stored, 32 columns at a time. A dot product of
 * a run is eight sums of four columns, added up as integers, so the result is what tiles of unpacked rows give, to the bit; nothing is
 * transposed or stored on the way, and memory is the limit.
 */
#ifndef FATHOM_ALONG_H
#define FATHOM_ALONG_H

#include "blocks.h"

#ifdef __aarch64__

/* Not written for Arm, where nothing could be measured. */
static void codes(const struct weight *w, long from, long to, const uint8_t *then, const struct group *x, long m, float *y,
                  long y_stride, struct code_space *space) {
    many_codes(w, from, to, then, x, m, y, y_stride, space);
}

#else

/* Up to so many rows of x, with blocks of 256 columns one; with more, unpacking once for all is faster. */
#define ALONG 3

typedef __m256i codes32; /* of 32 columns of a row */

ALWAYS codes32 every(int v) { return _mm256_set1_epi8((char) v); }
ALWAYS codes32 load32(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *) p); }
/* The lower, or the upper, half of each byte. */
ALWAYS codes32 nibbles(codes32 v, int upper) {
    return _mm256_and_si256(upper ? _mm256_srli_epi16(v, 4) : v, every(15));
}
/* The lower halves of 16 bytes, then the upper ones. */
ALWAYS codes32 both_nibbles(const uint8_t *p) {
    __m128i v = sixteen(p);
    return nibbles(_mm256_inserti128_si256(_mm256_castsi128_si256(v), _mm_srli_epi16(v, 4), 1), 0);
}
/* Bit i of 32 as bit 4 of byte i. */
ALWAYS codes32 spread_bits(const uint8_t *p) {
    int32_t bits;
    __builtin_memcpy(&bits, p, sizeof bits);
#if LANES == 16
    return _mm256_maskz_mov_epi8((__mmask32) bits, every(16));
#else
    codes32 order = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    codes32 own = _mm256_set1_epi64x((long long) 0x8040201008040201);
    codes32 mine = _mm256_and_si256(_mm256_shuffle_epi8(_mm256_set1_epi32(bits), order), own);
    return _mm256_and_si256(_mm256_cmpeq_epi8(mine, own), every(16));
#endif
}

/* Groups of a block that share bytes, and so are decoded side by side. */
ALWAYS int groups_abreast(const int format) { return format == Q6_K ? 4 : format == Q4_K || format == Q5_K ? 2 : 1; }

/*
 * Group first + k of a block as int8.h wants codes: BIAS added, but not to those with minima.
 * first: a multiple of groups_abreast
 */
ALWAYS codes32 codes_at(const int format, const uint8_t *block, int first, int k) {
    switch (format) {
        case Q8_0: return _mm256_add_epi8(load32(block + 2), every(BIAS));
        case Q4_0: return _mm256_add_epi8(both_nibbles(block + 2), every(BIAS - 8));
        case Q5_0:
            return _mm256_add_epi8(_mm256_or_si256(both_nibbles(block + 6), spread_bits(block + 2)), every(BIAS - 16));
        case Q4_K: return nibbles(load32(block + 16 + 16 * first), k);
        case Q5_K: {
            codes32 fifth = _mm256_and_si256(_mm256_srl_epi16(load32(block + 16), _mm_cvtsi32_si128(first + k)), every(1));
            return _mm256_or_si256(nibbles(load32(block + 48 + 16 * first), k), _mm256_slli_epi16(fifth, 4));
        }
        default: { /* Q6_K */
            codes32 two = load32(block + 128 + 8 * first);
            two = k < 2 ? _mm256_slli_epi16(two, 4 - 2 * k) : _mm256_srli_epi16(two, 2 * k - 4);
            codes32 low = nibbles(load32(block + 16 * first + 32 * (k % 2)), k / 2);
            return _mm256_add_epi8(_mm256_or_si256(low, _mm256_and_si256(two, every(48))), every(BIAS - 32));
        }
    }
}

ALWAYS __m256i dots(codes32 w, codes32 x) {
#if LANES == 16 && defined(__AVX512VNNI__)
    return _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, x);
#elif LANES == 8 && defined(__AVXVNNI__)
    return _mm256_dpbusd_avx_epi32(_mm256_setzero_si256(), w, x);
#else
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
#endif
}

/* In each half, the sums of that half of four vectors. */
ALWAYS __m256i half_sums(const __m256i d[4]) {
    __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(d[0], d[1]), _mm256_unpackhi_epi32(d[0], d[1]));
    __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(d[2], d[3]), _mm256_unpackhi_epi32(d[2], d[3]));
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
}

/* The lower halves, or the upper ones, of vectors of four rows each, side by side: a lane for each row. */
ALWAYS ints side_by_side(const __m256i sums[LANES / 4], int upper) {
#if LANES == 16
    __m256i a = upper ? _mm256_permute2x128_si256(sums[0], sums[1], 0x31) : _mm256_permute2x128_si256(sums[0], sums[1], 0x20);
    __m256i b = upper ? _mm256_permute2x128_si256(sums[2], sums[3], 0x31) : _mm256_permute2x128_si256(sums[2], sums[3], 0x20);
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
#else
    return upper ? _mm256_permute2x128_si256(sums[0], sums[1], 0x31) : _mm256_permute2x128_si256(sums[0], sums[1], 0x20);
#endif
}

/* The 16-bit floats at the beginning of LANES rows. */
ALWAYS floats halves_at(const uint8_t *first, long stride) {
    int16_t bits[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++) {
        __builtin_memcpy(bits + i, first + i * stride, sizeof bits[i]);
    }
    __m128i low = _mm_setr_epi16(bits[0], bits[1], bits[2], bits[3], bits[4], bits[5], bits[6], bits[7]);
#if LANES == 16
    __m128i high = _mm_setr_epi16(bits[8], bits[9], bits[10], bits[11], bits[12], bits[13], bits[14], bits[15]);
    return _mm512_cvtph_ps(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1));
#else
    return _mm256_cvtph_ps(low);
#endif
}

/* Numbers of one or more rows of x that meet the codes of a group of LANES weight rows. */
struct sums_along {
    floats s[ALONG];
};

/*
 * Adds the products with a group.
 * first, stride: its block in LANES rows; k: which group from group number from on
 * x: height rows of it; scales, minima: of its runs
 */
ALWAYS void add_group(const int format, const int height, const uint8_t *first, long stride, int from, const int k,
                      const struct group *x, const floats scales[2], floats minimum, struct sums_along *to) {
    const enum runs runs = block_shape(format).runs;
    __m256i sums[ALONG][LANES / 4];
#pragma GCC unroll 4
    for (int four = 0; four < LANES / 4; four++) {
        const uint8_t *at = first + 4 * four * stride;
        codes32 w[4] = {codes_at(format, at, from, k), codes_at(format, at + stride, from, k),
                        codes_at(format, at + 2 * stride, from, k), codes_at(format, at + 3 * stride, from, k)};
#pragma GCC unroll 3
        for (int r = 0; r < height; r++) {
            codes32 u = load32((const uint8_t *) x[r].codes);
            __m256i d[4] = {dots(w[0], u), dots(w[1], u), dots(w[2], u), dots(w[3], u)};
            sums[r][four] = half_sums(d);
        }
    }
#pragma GCC unroll 3
    for (int r = 0; r < height; r++) {
        ints low = side_by_side(sums[r], 0), high = side_by_side(sums[r], 1);
        floats of_x = all(x[r].scale);
        floats s = to->s[r];
        if (runs == HALF_GROUPS) {
            s = fused(to_floats(add_ints(low, all_ints(x[r].half_start[0]))), mul(of_x, scales[0]), s);
            s = fused(to_floats(add_ints(high, all_ints(x[r].half_start[1]))), mul(of_x, scales[1]), s);
        } else {
            ints start = all_ints(runs == GROUPS ? x[r].start : 0);
            s = fused(to_floats(add_ints(add_ints(low, high), start)), mul(of_x, scales[0]), s);
        }
        to->s[r] = runs == GROUPS_WITH_MINIMA ? fused(all(x[r].moment), minimum, s) : s;
    }
}

/* Products of LANES weight rows of blocks of 32 columns with height rows of x. */
ALWAYS struct sums_along rows_of_32(const int format, const int height, const uint8_t *first, long stride, long groups,
                                    const struct group *x, struct ahead *ahead) {
    const long bytes = block_shape(format).bytes;
    struct sums_along sums;
    for (int r = 0; r < height; r++) {
        sums.s[r] = zeros();
    }
    for (long g = 0; g < groups; g++, first += bytes, x += height) {
        ask(ahead, LANES * bytes / 64 + 1);
        floats scales[2] = {halves_at(first, stride)};
        add_group(format, height, first, stride, 0, 0, x, scales, zeros(), &sums);
    }
    return sums;
}

/* The same of blocks of 256 columns, with one row of x. */
ALWAYS struct sums_along rows_of_256(const int format, const uint8_t *first, long stride, long groups, const struct group *x,
                                     struct ahead *ahead, struct unpacked *scales) {
    const struct block_shape shape = block_shape(format);
    const int runs = shape.runs == HALF_GROUPS ? 2 : 1;
    struct strip strip = {first, stride, ahead, 0, 1, scales, 0};
    struct sums_along sums = {{zeros()}};
    for (long b = 0; b < groups / 8; b++, first += shape.bytes, x += 8) {
        if (format == Q6_K) {
            put_q6_scales(&strip, first, 0);
        } else {
            put_k_scales(&strip, first, 0);
        }
#pragma GCC unroll 1
        for (int from = 0; from < 8; from += groups_abreast(format)) {
            ask(ahead, LANES * shape.bytes * groups_abreast(format) / 8 / 64 + 1);
#pragma GCC unroll 4
            for (int k = 0; k < groups_abreast(format); k++) {
                int g = from + k;
                floats own[2] = {load(scales->scales[runs * g][0]), load(scales->scales[runs * g + runs - 1][0])};
                floats minimum = shape.runs == GROUPS_WITH_MINIMA ? load(scales->minima[g][0]) : zeros();
                add_group(format, 1, first, stride, from, k, x + g, own, minimum, &sums);
            }
        }
    }
    return sums;
}

/*
 * Rows [from, to) of the weight, which has LANES or more; column 0 of y is weight row from. The last rows are multiplied together
 * with some before them, whose results are dropped.
 */
ALWAYS void along(const int format, const int height, const struct weight *w, long from, long to, const uint8_t *then,
                  const struct group *x, float *y, long y_stride, struct unpacked *scales) {
    const struct block_shape shape = block_shape(format);
    long stride = w->cols / shape.columns * shape.bytes;
    for (long row = from; row < to; row += LANES) {
        long below = row + LANES;
        long first = least(row, w->rows - LANES);
        const uint8_t *next = below < to ? w->codes + below * stride : then;
        long ask_rows = next == 0 ? 0 : below < to ? least(LANES, to - below) : LANES;
        struct ahead ahead = {next, next + ask_rows * stride, 0};
        const uint8_t *start = w->codes + first * stride;
        struct sums_along sums = shape.columns == 32
                                     ? rows_of_32(format, height, start, stride, groups_of(w->cols), x, &ahead)
                                     : rows_of_256(format, start, stride, groups_of(w->cols), x, &ahead, scales);
#pragma GCC unroll 3
        for (int r = 0; r < height; r++) {
            float values[LANES];
            store(values, sums.s[r]);
            for (long i = row - first; i < LANES && first + i < to; i++) {
                y[r * y_stride + first + i - from] = values[i];
            }
        }
    }
}

/* With up to ALONG rows of x. */
ALWAYS void few_along(const int format, const struct weight *w, long from, long to, const uint8_t *then,
                      const struct group *x, long m, float *y, long y_stride) {
    switch (m) {
        case 1: along(format, 1, w, from, to, then, x, y, y_stride, 0); break;
        case 2: along(format, 2, w, from, to, then, x, y, y_stride, 0); break;
        case 3: along(format, 3, w, from, to, then, x, y, y_stride, 0); break;
    }
}

/* As many_codes, along the rows where that is faster. */
static void codes(const struct weight *w, long from, long to, const uint8_t *then, const struct group *x, long m, float *y,
                  long y_stride, struct code_space *space) {
    struct unpacked *scales = &space->unpacked;
    if (m <= ALONG && w->rows >= LANES) {
        switch (w->format) {
            case Q8_0: few_along(Q8_0, w, from, to, then, x, m, y, y_stride); return;
            case Q4_0: few_along(Q4_0, w, from, to, then, x, m, y, y_stride); return;
            case Q5_0: few_along(Q5_0, w, from, to, then, x, m, y, y_stride); return;
            default: break;
        }
    }
    if (m == 1 && w->rows >= LANES) {
        switch (w->format) {
            case Q4_K: along(Q4_K, 1, w, from, to, then, x, y, y_stride, scales); return;
            case Q5_K: along(Q5_K, 1, w, from, to, then, x, y, y_stride, scales); return;
            case Q6_K: along(Q6_K, 1, w, from, to, then, x, y, y_stride, scales); return;
            default: break;
        }
    }
    many_codes(w, from, to, then, x, m, y, y_stride, space);
}

#endif

#endif
