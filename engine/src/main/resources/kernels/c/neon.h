/*
 * The lanes of 64-bit Arm: 8, in two registers of 128 bits, with dot products of bytes (Armv8.2). The same names and the same
 * additions as AVX2's, so that both give the same bits.
 */
#ifndef FATHOM_NEON_H
#define FATHOM_NEON_H

#include <arm_neon.h>

#define LANES 8
/* Rows of x in a tile: 12 accumulators, 3 vectors of x and one of weights, two registers each, in 32. */
#define HEIGHT 3

typedef struct {
    float32x4_t a, b;
} floats;
typedef struct {
    int32x4_t a, b;
} ints;
typedef float32x4_t four_floats;

ALWAYS floats both(float32x4_t a, float32x4_t b) { return (floats) {a, b}; }
ALWAYS ints both_ints(int32x4_t a, int32x4_t b) { return (ints) {a, b}; }

ALWAYS floats all(float v) { return both(vdupq_n_f32(v), vdupq_n_f32(v)); }
ALWAYS floats zeros(void) { return all(0); }
ALWAYS floats load(const float *p) { return both(vld1q_f32(p), vld1q_f32(p + 4)); }
ALWAYS void store(float *p, floats v) {
    vst1q_f32(p, v.a);
    vst1q_f32(p + 4, v.b);
}

ALWAYS floats load_first(const float *p, long n) {
    float lanes[LANES] = {0};
    for (long i = 0; i < n; i++) {
        lanes[i] = p[i];
    }
    return load(lanes);
}
ALWAYS void store_first(float *p, long n, floats v) {
    float lanes[LANES];
    store(lanes, v);
    for (long i = 0; i < n; i++) {
        p[i] = lanes[i];
    }
}

ALWAYS floats add(floats x, floats y) { return both(vaddq_f32(x.a, y.a), vaddq_f32(x.b, y.b)); }
ALWAYS floats sub(floats x, floats y) { return both(vsubq_f32(x.a, y.a), vsubq_f32(x.b, y.b)); }
ALWAYS floats mul(floats x, floats y) { return both(vmulq_f32(x.a, y.a), vmulq_f32(x.b, y.b)); }
ALWAYS floats divide(floats x, floats y) { return both(vdivq_f32(x.a, y.a), vdivq_f32(x.b, y.b)); }
ALWAYS floats fused(floats x, floats y, floats z) { return both(vfmaq_f32(z.a, x.a, y.a), vfmaq_f32(z.b, x.b, y.b)); }

ALWAYS ints all_ints(int v) { return both_ints(vdupq_n_s32(v), vdupq_n_s32(v)); }
ALWAYS ints and_ints(ints x, ints y) { return both_ints(vandq_s32(x.a, y.a), vandq_s32(x.b, y.b)); }
ALWAYS ints or_ints(ints x, ints y) { return both_ints(vorrq_s32(x.a, y.a), vorrq_s32(x.b, y.b)); }
ALWAYS ints xor_ints(ints x, ints y) { return both_ints(veorq_s32(x.a, y.a), veorq_s32(x.b, y.b)); }
ALWAYS ints add_ints(ints x, ints y) { return both_ints(vaddq_s32(x.a, y.a), vaddq_s32(x.b, y.b)); }
ALWAYS ints min_ints(ints x, ints y) { return both_ints(vminq_s32(x.a, y.a), vminq_s32(x.b, y.b)); }
ALWAYS ints max_ints(ints x, ints y) { return both_ints(vmaxq_s32(x.a, y.a), vmaxq_s32(x.b, y.b)); }
ALWAYS ints shift_left(ints v, int bits) {
    return both_ints(vshlq_s32(v.a, vdupq_n_s32(bits)), vshlq_s32(v.b, vdupq_n_s32(bits)));
}
ALWAYS int32x4_t shifted_right(int32x4_t v, int bits) {
    return vreinterpretq_s32_u32(vshlq_u32(vreinterpretq_u32_s32(v), vdupq_n_s32(-bits)));
}
ALWAYS ints shift_right(ints v, int bits) { return both_ints(shifted_right(v.a, bits), shifted_right(v.b, bits)); }
ALWAYS ints if_equal(ints x, ints y, ints yes, ints no) {
    return both_ints(vbslq_s32(vceqq_s32(x.a, y.a), yes.a, no.a), vbslq_s32(vceqq_s32(x.b, y.b), yes.b, no.b));
}
ALWAYS floats as_floats(ints v) { return both(vreinterpretq_f32_s32(v.a), vreinterpretq_f32_s32(v.b)); }
ALWAYS ints as_ints(floats v) { return both_ints(vreinterpretq_s32_f32(v.a), vreinterpretq_s32_f32(v.b)); }

/* Comparisons are false where either side is NaN. */
ALWAYS floats if_less(floats x, floats y, floats yes, floats no) {
    return both(vbslq_f32(vcltq_f32(x.a, y.a), yes.a, no.a), vbslq_f32(vcltq_f32(x.b, y.b), yes.b, no.b));
}
ALWAYS floats if_nan(floats v, floats yes, floats no) {
    return both(vbslq_f32(vceqq_f32(v.a, v.a), no.a, yes.a), vbslq_f32(vceqq_f32(v.b, v.b), no.b, yes.b));
}
ALWAYS floats larger(floats x, floats y) { return if_less(y, x, x, y); }

ALWAYS float32x4_t even_negated(float32x4_t v) {
    const uint32_t signs[4] = {0x80000000u, 0, 0x80000000u, 0};
    return vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(v), vld1q_u32(signs)));
}
ALWAYS floats fused_less_more(floats x, floats y, floats z) {
    return fused(x, y, both(even_negated(z.a), even_negated(z.b)));
}
ALWAYS floats swapped(floats v) { return both(vrev64q_f32(v.a), vrev64q_f32(v.b)); }
ALWAYS floats doubled(floats v) { return both(vzip1q_f32(v.a, v.a), vzip2q_f32(v.a, v.a)); }

ALWAYS floats to_floats(ints v) { return both(vcvtq_f32_s32(v.a), vcvtq_f32_s32(v.b)); }
ALWAYS ints to_ints(floats v) { return both_ints(vcvtnq_s32_f32(v.a), vcvtnq_s32_f32(v.b)); }

ALWAYS ints widened(int16x8_t v) { return both_ints(vmovl_s16(vget_low_s16(v)), vmovl_high_s16(v)); }
ALWAYS ints widen_signed(const int8_t *p) { return widened(vmovl_s8(vld1_s8(p))); }
ALWAYS ints widen(const uint8_t *p) { return widen_signed((const int8_t *) p); }
ALWAYS uint16x8_t eight_words(const uint8_t *p) { return vreinterpretq_u16_u8(vld1q_u8(p)); }
ALWAYS ints widen_unsigned(const uint8_t *p) {
    uint16x8_t v = eight_words(p);
    return both_ints(vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(v))), vreinterpretq_s32_u32(vmovl_high_u16(v)));
}
ALWAYS floats from_halves(uint16x8_t v) {
    float16x8_t halves = vreinterpretq_f16_u16(v);
    return both(vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves));
}
ALWAYS floats widen_halves(const uint8_t *p) { return from_halves(eight_words(p)); }
ALWAYS floats from_e4m3(const uint8_t *p) {
    int16x8_t words = vshlq_n_s16(vmovl_s8(vld1_s8((const int8_t *) p)), 7);
    return from_halves(vandq_u16(vreinterpretq_u16_s16(words), vdupq_n_u16(0xBFFF)));
}
ALWAYS int16x8_t low_words(ints v) { return vmovn_high_s32(vmovn_s32(v.a), v.b); }
ALWAYS floats low_halves(ints v) { return from_halves(vreinterpretq_u16_s16(low_words(v))); }
ALWAYS void store_narrow(uint8_t *p, ints v) { vst1q_u8(p, vreinterpretq_u8_s16(low_words(v))); }
ALWAYS void store_low_bytes(int8_t *p, ints v) { vst1_s8(p, vmovn_s16(low_words(v))); }

ALWAYS float first_of(floats v) { return vgetq_lane_f32(v.a, 0); }
ALWAYS int largest_int(ints v) { return vmaxvq_s32(vmaxq_s32(v.a, v.b)); }
ALWAYS int sum_of_ints(ints v) { return vaddvq_s32(vaddq_s32(v.a, v.b)); }

ALWAYS four_floats sums(floats w, floats x, floats y, floats z) {
    return vaddq_f32(vpaddq_f32(vpaddq_f32(w.a, x.a), vpaddq_f32(y.a, z.a)),
                     vpaddq_f32(vpaddq_f32(w.b, x.b), vpaddq_f32(y.b, z.b)));
}
ALWAYS float first_of_four(four_floats v) { return vgetq_lane_f32(v, 0); }
ALWAYS void store_four(float *p, four_floats v) { vst1q_f32(p, v); }

ALWAYS double square_root(double v) { return vget_lane_f64(vsqrt_f64(vdup_n_f64(v)), 0); }

/* --- bytes --- */

typedef ints bytes;
#define BYTES 32

ALWAYS uint8x16_t as_bytes(int32x4_t v) { return vreinterpretq_u8_s32(v); }
ALWAYS bytes both_bytes(uint8x16_t a, uint8x16_t b) {
    return both_ints(vreinterpretq_s32_u8(a), vreinterpretq_s32_u8(b));
}
ALWAYS bytes load_bytes(const uint8_t *p) { return both_bytes(vld1q_u8(p), vld1q_u8(p + 16)); }
ALWAYS bytes load_codes(const uint8_t *p) { return load_bytes(p); }
ALWAYS void store_codes(uint8_t *p, bytes v) {
    vst1q_u8(p, as_bytes(v.a));
    vst1q_u8(p + 16, as_bytes(v.b));
}
ALWAYS bytes all_bytes(int v) { return both_bytes(vdupq_n_u8((uint8_t) v), vdupq_n_u8((uint8_t) v)); }
ALWAYS bytes add_bytes(bytes x, bytes y) {
    return both_bytes(vaddq_u8(as_bytes(x.a), as_bytes(y.a)), vaddq_u8(as_bytes(x.b), as_bytes(y.b)));
}
ALWAYS bytes min_bytes(bytes x, bytes y) {
    return both_bytes(vminq_u8(as_bytes(x.a), as_bytes(y.a)), vminq_u8(as_bytes(x.b), as_bytes(y.b)));
}
ALWAYS bytes and_bytes(bytes x, bytes y) { return and_ints(x, y); }
ALWAYS bytes or_bytes(bytes x, bytes y) { return or_ints(x, y); }
ALWAYS int any_below(bytes v, int limit) { return vminvq_u8(vminq_u8(as_bytes(v.a), as_bytes(v.b))) < limit; }

/* Both factors are signed: BIAS is 0. */
ALWAYS ints dot4(ints sum, bytes w, bytes x) {
    return both_ints(vdotq_s32(sum.a, vreinterpretq_s8_s32(w.a), vreinterpretq_s8_s32(x.a)),
                     vdotq_s32(sum.b, vreinterpretq_s8_s32(w.b), vreinterpretq_s8_s32(x.b)));
}

ALWAYS bytes looked_up(const int8_t table[16], bytes indexes) {
    uint8x16_t entries = vreinterpretq_u8_s8(vld1q_s8(table));
    return both_bytes(vqtbl1q_u8(entries, as_bytes(indexes.a)), vqtbl1q_u8(entries, as_bytes(indexes.b)));
}

ALWAYS int32_t four_bytes_at(const uint8_t *p) {
    int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return four;
}
ALWAYS ints four_bytes(const uint8_t *first, long stride) {
    int32_t rows[LANES];
    for (int i = 0; i < LANES; i++) {
        rows[i] = four_bytes_at(first + i * stride);
    }
    return both_ints(vld1q_s32(rows), vld1q_s32(rows + 4));
}

ALWAYS int32x4_t sixteen(const uint8_t *p) { return vreinterpretq_s32_u8(vld1q_u8(p)); }
#define ROWS_FROM(k) both_ints(sixteen(first + (k) * stride), sixteen(first + (4 + (k)) * stride))
#define OF_EACH(f, x, y) both_ints(f((x).a, (y).a), f((x).b, (y).b))
#define OF_PAIRS(f, x, y)                                                                                       \
    both_ints(vreinterpretq_s32_s64(f(vreinterpretq_s64_s32((x).a), vreinterpretq_s64_s32((y).a))),             \
              vreinterpretq_s32_s64(f(vreinterpretq_s64_s32((x).b), vreinterpretq_s64_s32((y).b))))
#define LOW4(x, y) OF_EACH(vzip1q_s32, x, y)
#define HIGH4(x, y) OF_EACH(vzip2q_s32, x, y)
#define LOW8(x, y) OF_PAIRS(vzip1q_s64, x, y)
#define HIGH8(x, y) OF_PAIRS(vzip2q_s64, x, y)

#endif
