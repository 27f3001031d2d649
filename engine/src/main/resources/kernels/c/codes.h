/*
 * Vectors of codes of eight bits: dot products of four columns at a time for LANES weight rows, and how rows that lie one after the
 * other become lanes. All sums of products are exact.
 */
#ifndef FATHOM_CODES_H
#define FATHOM_CODES_H

#include "lanes.h"

#if defined(__AVX512VNNI__) || defined(__AVXVNNI__)
/* The instruction takes one factor unsigned: weights are kept 128 larger than they are. */
#define BIAS 128
#else
#define BIAS 0
#endif

#if LANES == 16

/* sum + w . x of the four columns in each lane. */
ALWAYS ints dot4(ints sum, bytes w, bytes x) {
#ifdef __AVX512VNNI__
    return _mm512_dpbusd_epi32(sum, w, x);
#else
    /* |w| times x with the sign of w: at most 2 * 128 * 127 for two columns, which fits 16 bits. */
    bytes turned = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(w), _mm512_setzero_si512(), x);
    bytes pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(w), turned);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}

ALWAYS bytes load_codes(const uint8_t *p) { return _mm512_load_si512(p); }
ALWAYS void store_codes(uint8_t *p, bytes v) { _mm512_store_si512(p, v); }
ALWAYS bytes and_bytes(bytes a, bytes b) { return _mm512_and_si512(a, b); }
ALWAYS bytes or_bytes(bytes a, bytes b) { return _mm512_or_si512(a, b); }
ALWAYS floats to_floats(ints v) { return _mm512_cvtepi32_ps(v); }
/* To nearest, ties to even. */
ALWAYS ints to_ints(floats v) { return _mm512_cvtps_epi32(v); }
/* The low byte of each lane. */
ALWAYS void store_low_bytes(int8_t *p, ints v) { _mm_storeu_si128((__m128i *) p, _mm512_cvtepi32_epi8(v)); }
ALWAYS ints max_ints(ints a, ints b) { return _mm512_max_epi32(a, b); }
ALWAYS int largest_int(ints v) { return _mm512_reduce_max_epi32(v); }
ALWAYS int sum_of_ints(ints v) { return _mm512_reduce_add_epi32(v); }
ALWAYS ints widen_signed(const int8_t *p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) p)); }

/* The 16-bit floats in the lower halves of the lanes. */
ALWAYS floats low_halves(ints v) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v)); }

/* Four bytes of each of LANES rows. */
ALWAYS ints four_bytes(const uint8_t *first, long stride) {
    ints numbers = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_i32gather_epi32(_mm512_mullo_epi32(numbers, _mm512_set1_epi32((int) stride)), first, 1);
}

#define ROWS_FROM(k)                                                                                      \
    _mm512_inserti32x4(                                                                                   \
        _mm512_inserti32x4(_mm512_inserti32x4(_mm512_castsi128_si512(sixteen(first + (k) * stride)),      \
                                              sixteen(first + (4 + (k)) * stride), 1),                    \
                           sixteen(first + (8 + (k)) * stride), 2),                                       \
        sixteen(first + (12 + (k)) * stride), 3)
#define LOW4(a, b) _mm512_unpacklo_epi32(a, b)
#define HIGH4(a, b) _mm512_unpackhi_epi32(a, b)
#define LOW8(a, b) _mm512_unpacklo_epi64(a, b)
#define HIGH8(a, b) _mm512_unpackhi_epi64(a, b)

#elif !defined(__aarch64__)

ALWAYS ints dot4(ints sum, bytes w, bytes x) {
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(sum, w, x);
#else
    bytes pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}

ALWAYS bytes load_codes(const uint8_t *p) { return _mm256_load_si256((const __m256i *) p); }
ALWAYS void store_codes(uint8_t *p, bytes v) { _mm256_store_si256((__m256i *) p, v); }
ALWAYS bytes and_bytes(bytes a, bytes b) { return _mm256_and_si256(a, b); }
ALWAYS bytes or_bytes(bytes a, bytes b) { return _mm256_or_si256(a, b); }
ALWAYS floats to_floats(ints v) { return _mm256_cvtepi32_ps(v); }
ALWAYS ints to_ints(floats v) { return _mm256_cvtps_epi32(v); }
ALWAYS __m128i narrow_to_16(ints v) {
    return _mm_packs_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}
ALWAYS void store_low_bytes(int8_t *p, ints v) {
    __m128i words = narrow_to_16(v);
    _mm_storel_epi64((__m128i *) p, _mm_packs_epi16(words, words));
}
ALWAYS ints max_ints(ints a, ints b) { return _mm256_max_epi32(a, b); }
ALWAYS int largest_int(ints v) {
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
ALWAYS int sum_of_ints(ints v) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}
ALWAYS ints widen_signed(const int8_t *p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) p)); }

ALWAYS floats low_halves(ints v) {
    ints low = and_ints(v, all_ints(0xFFFF));
    return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1)));
}

ALWAYS ints four_bytes(const uint8_t *first, long stride) {
    ints numbers = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_i32gather_epi32((const int *) first, _mm256_mullo_epi32(numbers, all_ints((int) stride)), 1);
}

#define ROWS_FROM(k)                                                             \
    _mm256_inserti128_si256(_mm256_castsi128_si256(sixteen(first + (k) * stride)), \
                            sixteen(first + (4 + (k)) * stride), 1)
#define LOW4(a, b) _mm256_unpacklo_epi32(a, b)
#define HIGH4(a, b) _mm256_unpackhi_epi32(a, b)
#define LOW8(a, b) _mm256_unpacklo_epi64(a, b)
#define HIGH8(a, b) _mm256_unpackhi_epi64(a, b)

#endif

#ifndef __aarch64__
/* For each byte, at most 15, a byte of the table. */
ALWAYS bytes looked_up(const int8_t table[16], bytes indexes) {
    __m128i entries = _mm_loadu_si128((const __m128i *) table);
#if LANES == 16
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(entries), indexes);
#else
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), indexes);
#endif
}

ALWAYS __m128i sixteen(const uint8_t *p) { return _mm_loadu_si128((const __m128i *) p); }

#endif

/* Four columns of x in every lane. */
ALWAYS bytes all_quads(const int8_t *x) {
    int32_t four;
    __builtin_memcpy(&four, x, sizeof four);
    return all_ints(four);
}

/* 16 bytes of each of LANES rows: lane i of out[c] has bytes 4 c to 4 c + 3 of row i. */
ALWAYS void sixteen_bytes(const uint8_t *first, long stride, bytes out[4]) {
    /* Rows k, 4 + k, 8 + k, ... in quarters (halves with AVX2), then four by four. */
    bytes a = ROWS_FROM(0), b = ROWS_FROM(1), c = ROWS_FROM(2), d = ROWS_FROM(3);
    bytes ab = LOW4(a, b), cd = LOW4(c, d), AB = HIGH4(a, b), CD = HIGH4(c, d);
    out[0] = LOW8(ab, cd);
    out[1] = HIGH8(ab, cd);
    out[2] = LOW8(AB, CD);
    out[3] = HIGH8(AB, CD);
}

#endif
