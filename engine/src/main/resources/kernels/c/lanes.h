/*
 * One vector of float32 lanes, as wide as the target has: 16 with AVX-512 (F, BW, DQ, VL), 8 with AVX2, FMA and F16C and with
 * NEON. Kernels use these names only, so that each is written once. Every operation rounds once, and no function depends on the
 * compiler's mood: the build passes -ffp-contract=off.
 */
#ifndef FATHOM_LANES_H
#define FATHOM_LANES_H

#include <stddef.h>
#include <stdint.h>

#define ALWAYS static inline __attribute__((always_inline))

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#include "neon.h"

#else

#include <immintrin.h>

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

#define LANES 16
/* Rows of x in a tile: 24 accumulators, 4 vectors of weights and one of x in 32 registers. */
#define HEIGHT 6

typedef __m512 floats;
typedef __m512i ints;

ALWAYS floats zeros(void) { return _mm512_setzero_ps(); }
ALWAYS floats all(float v) { return _mm512_set1_ps(v); }
ALWAYS floats load(const float *p) { return _mm512_loadu_ps(p); }
ALWAYS void store(float *p, floats v) { _mm512_storeu_ps(p, v); }

/* The first n lanes, 0 < n < LANES; the others are zero, or are not written. */
ALWAYS floats load_first(const float *p, long n) { return _mm512_maskz_loadu_ps((__mmask16) ((1u << n) - 1), p); }
ALWAYS void store_first(float *p, long n, floats v) { _mm512_mask_storeu_ps(p, (__mmask16) ((1u << n) - 1), v); }

ALWAYS floats add(floats a, floats b) { return _mm512_add_ps(a, b); }
ALWAYS floats sub(floats a, floats b) { return _mm512_sub_ps(a, b); }
ALWAYS floats mul(floats a, floats b) { return _mm512_mul_ps(a, b); }
ALWAYS floats divide(floats a, floats b) { return _mm512_div_ps(a, b); }
/* a * b + c, rounded once. */
ALWAYS floats fused(floats a, floats b, floats c) { return _mm512_fmadd_ps(a, b, c); }
/* a * b - c in even lanes, a * b + c in odd ones, rounded once. */
ALWAYS floats fused_less_more(floats a, floats b, floats c) { return _mm512_fmaddsub_ps(a, b, c); }
/* The larger; b where either is NaN. */
ALWAYS floats larger(floats a, floats b) { return _mm512_max_ps(a, b); }
/* Even lanes and the odd ones after them trade places. */
ALWAYS floats swapped(floats v) { return _mm512_permute_ps(v, 0xB1); }
/* Each lane of the first half twice. */
ALWAYS floats doubled(floats v) {
    return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), v);
}
/* yes where a < b, no elsewhere, also where either is NaN. */
ALWAYS floats if_less(floats a, floats b, floats yes, floats no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}
/* yes where v is NaN. */
ALWAYS floats if_nan(floats v, floats yes, floats no) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), no, yes);
}

ALWAYS ints all_ints(int v) { return _mm512_set1_epi32(v); }
ALWAYS ints and_ints(ints a, ints b) { return _mm512_and_si512(a, b); }
ALWAYS ints or_ints(ints a, ints b) { return _mm512_or_si512(a, b); }
ALWAYS ints xor_ints(ints a, ints b) { return _mm512_xor_si512(a, b); }
ALWAYS ints add_ints(ints a, ints b) { return _mm512_add_epi32(a, b); }
ALWAYS ints min_ints(ints a, ints b) { return _mm512_min_epi32(a, b); }
ALWAYS ints shift_left(ints v, int bits) { return _mm512_slli_epi32(v, (unsigned) bits); }
/* Zeros come in. */
ALWAYS ints shift_right(ints v, int bits) { return _mm512_srli_epi32(v, (unsigned) bits); }
ALWAYS ints if_equal(ints a, ints b, ints yes, ints no) {
    return _mm512_mask_blend_epi32(_mm512_cmpeq_epi32_mask(a, b), no, yes);
}
ALWAYS floats as_floats(ints v) { return _mm512_castsi512_ps(v); }
ALWAYS ints as_ints(floats v) { return _mm512_castps_si512(v); }

/* LANES signed bytes as ints. */
ALWAYS ints widen(const uint8_t *p) { return _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *) p)); }
/* LANES unsigned 16-bit numbers as ints. */
ALWAYS ints widen_unsigned(const uint8_t *p) { return _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *) p)); }
/* LANES IEEE half floats. */
ALWAYS floats widen_halves(const uint8_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p)); }
/* LANES ints of at most 16 bits, stored as such. */
ALWAYS void store_narrow(uint8_t *p, ints v) { _mm256_storeu_si256((__m256i *) p, _mm512_cvtepi32_epi16(v)); }

/* LANES codes of E4M3, none of them NaN, times 2^-8: such a code is an IEEE half without one bit of the exponent. */
ALWAYS floats from_e4m3(const uint8_t *p) {
    __m256i words = _mm256_slli_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *) p)), 7);
    return _mm512_cvtph_ps(_mm256_and_si256(words, _mm256_set1_epi16((short) 0xBFFF)));
}

/* Bytes: 4 * LANES of them. */
typedef __m512i bytes;
#define BYTES 64
ALWAYS bytes load_bytes(const uint8_t *p) { return _mm512_loadu_si512(p); }
ALWAYS bytes all_bytes(int v) { return _mm512_set1_epi8((char) v); }
ALWAYS bytes add_bytes(bytes a, bytes b) { return _mm512_add_epi8(a, b); }
ALWAYS bytes min_bytes(bytes a, bytes b) { return _mm512_min_epu8(a, b); }
/* Whether any byte of v, unsigned, is below the limit. */
ALWAYS int any_below(bytes v, int limit) { return _mm512_cmplt_epu8_mask(v, all_bytes(limit)) != 0; }

ALWAYS float first_of(floats v) { return _mm512_cvtss_f32(v); }

/* Halves of v added, then as with AVX2. */
ALWAYS __m256 halved(floats v) { return _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1)); }

#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#define LANES 8
/* Rows of x in a tile: 12 accumulators, 3 vectors of x and one of weights in 16 registers. */
#define HEIGHT 3

typedef __m256 floats;
typedef __m256i ints;

ALWAYS floats zeros(void) { return _mm256_setzero_ps(); }
ALWAYS floats all(float v) { return _mm256_set1_ps(v); }
ALWAYS floats load(const float *p) { return _mm256_loadu_ps(p); }
ALWAYS void store(float *p, floats v) { _mm256_storeu_ps(p, v); }

ALWAYS __m256i first(long n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int) n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
ALWAYS floats load_first(const float *p, long n) { return _mm256_maskload_ps(p, first(n)); }
ALWAYS void store_first(float *p, long n, floats v) { _mm256_maskstore_ps(p, first(n), v); }

ALWAYS floats add(floats a, floats b) { return _mm256_add_ps(a, b); }
ALWAYS floats sub(floats a, floats b) { return _mm256_sub_ps(a, b); }
ALWAYS floats mul(floats a, floats b) { return _mm256_mul_ps(a, b); }
ALWAYS floats divide(floats a, floats b) { return _mm256_div_ps(a, b); }
ALWAYS floats fused(floats a, floats b, floats c) { return _mm256_fmadd_ps(a, b, c); }
ALWAYS floats fused_less_more(floats a, floats b, floats c) { return _mm256_fmaddsub_ps(a, b, c); }
ALWAYS floats larger(floats a, floats b) { return _mm256_max_ps(a, b); }
ALWAYS floats swapped(floats v) { return _mm256_permute_ps(v, 0xB1); }
ALWAYS floats doubled(floats v) {
    return _mm256_permutevar8x32_ps(v, _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3));
}
ALWAYS floats if_less(floats a, floats b, floats yes, floats no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
ALWAYS floats if_nan(floats v, floats yes, floats no) {
    return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(v, v, _CMP_UNORD_Q));
}

ALWAYS ints all_ints(int v) { return _mm256_set1_epi32(v); }
ALWAYS ints and_ints(ints a, ints b) { return _mm256_and_si256(a, b); }
ALWAYS ints or_ints(ints a, ints b) { return _mm256_or_si256(a, b); }
ALWAYS ints xor_ints(ints a, ints b) { return _mm256_xor_si256(a, b); }
ALWAYS ints add_ints(ints a, ints b) { return _mm256_add_epi32(a, b); }
ALWAYS ints min_ints(ints a, ints b) { return _mm256_min_epi32(a, b); }
ALWAYS ints shift_left(ints v, int bits) { return _mm256_slli_epi32(v, bits); }
ALWAYS ints shift_right(ints v, int bits) { return _mm256_srli_epi32(v, bits); }
ALWAYS ints if_equal(ints a, ints b, ints yes, ints no) {
    return _mm256_blendv_epi8(no, yes, _mm256_cmpeq_epi32(a, b));
}
ALWAYS floats as_floats(ints v) { return _mm256_castsi256_ps(v); }
ALWAYS ints as_ints(floats v) { return _mm256_castps_si256(v); }

ALWAYS ints widen(const uint8_t *p) { return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *) p)); }
ALWAYS ints widen_unsigned(const uint8_t *p) { return _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *) p)); }
ALWAYS floats widen_halves(const uint8_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p)); }
ALWAYS void store_narrow(uint8_t *p, ints v) {
    __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128((__m128i *) p, packed);
}

ALWAYS floats from_e4m3(const uint8_t *p) {
    __m128i words = _mm_slli_epi16(_mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *) p)), 7);
    return _mm256_cvtph_ps(_mm_and_si128(words, _mm_set1_epi16((short) 0xBFFF)));
}

typedef __m256i bytes;
#define BYTES 32
ALWAYS bytes load_bytes(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *) p); }
ALWAYS bytes all_bytes(int v) { return _mm256_set1_epi8((char) v); }
ALWAYS bytes add_bytes(bytes a, bytes b) { return _mm256_add_epi8(a, b); }
ALWAYS bytes min_bytes(bytes a, bytes b) { return _mm256_min_epu8(a, b); }
ALWAYS int any_below(bytes v, int limit) {
    return _mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_max_epu8(v, all_bytes(limit)), v)) != -1;
}

ALWAYS float first_of(floats v) { return _mm256_cvtss_f32(v); }

ALWAYS __m256 halved(floats v) { return v; }

#else
#error "the kernels need AVX2, FMA and F16C, or AVX-512 F, BW, DQ and VL, or 64-bit Arm with dot products"
#endif

typedef __m128 four_floats;
ALWAYS float first_of_four(four_floats v) { return _mm_cvtss_f32(v); }
ALWAYS void store_four(float *p, four_floats v) { _mm_storeu_ps(p, v); }

/* The sums of the lanes of four vectors, each by the same additions: halves, then neighbours, then pairs. */
ALWAYS four_floats sums(floats a, floats b, floats c, floats d) {
    __m256 ab = _mm256_hadd_ps(halved(a), halved(b));
    __m256 cd = _mm256_hadd_ps(halved(c), halved(d));
    __m256 abcd = _mm256_hadd_ps(ab, cd);
    return _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
}

/* Without a call of the C library, which sets errno. */
ALWAYS double square_root(double v) { return _mm_cvtsd_f64(_mm_sqrt_pd(_mm_set1_pd(v))); }

#endif

/* The sum of all lanes, by the same additions. */
ALWAYS float sum(floats v) { return first_of_four(sums(v, v, v, v)); }

/* Asks for memory that will be read: into the first-level cache, or the second-level one. */
ALWAYS void ask_near(const void *p) { __builtin_prefetch(p, 0, 3); }
ALWAYS void ask_far(const void *p) { __builtin_prefetch(p, 0, 2); }

/* The next lanes of a row of which so many numbers are left; those beyond are zero, or are not written. */
ALWAYS floats load_some(const float *p, long left) { return left < LANES ? load_first(p, left) : load(p); }
ALWAYS void store_some(float *p, long left, floats v) {
    if (left < LANES) {
        store_first(p, left, v);
    } else {
        store(p, v);
    }
}

ALWAYS long least(long a, long b) { return a < b ? a : b; }
ALWAYS long padded(long columns) { return (columns + LANES - 1) & -LANES; }

#endif
