/* Rows of numbers as the latent cache and embedding tables keep them, and rows of heads. */
#ifndef FATHOM_STORAGE_H
#define FATHOM_STORAGE_H

#include "codes.h"
#include "lanes.h"

/* The same numbers of every head of every row: those of head h of row r are from first + r * row + h * head on. */
struct heads {
    float *first;
    int64_t row, head;
};

ALWAYS float *head_at(const struct heads *view, long row, long head) {
    return view->first + row * view->row + head * view->head;
}

/* LANES numbers, of which so many are left: zeros stand for the others. BF16 is the upper half of a float32. */
ALWAYS floats read(const void *from, int bf16, long left) {
    if (!bf16) {
        return load_some(from, left);
    }
    uint8_t last[2 * LANES] = {0};
    if (left < LANES) {
        for (long i = 0; i < 2 * left; i++) {
            last[i] = ((const uint8_t *) from)[i];
        }
        from = last;
    }
    return as_floats(shift_left(widen_unsigned(from), 16));
}

/* BF16: to nearest, ties to even; NaN stays NaN. */
ALWAYS void write(void *to, int bf16, long left, floats v) {
    if (!bf16) {
        store_some(to, left, v);
        return;
    }
    ints bits = as_ints(v);
    ints odd = and_ints(shift_right(bits, 16), all_ints(1));
    ints rounded = add_ints(add_ints(bits, all_ints(0x7FFF)), odd);
    ints quiet = or_ints(bits, all_ints(0x400000));
    ints upper = shift_right(as_ints(if_nan(v, as_floats(quiet), as_floats(rounded))), 16);
    if (left >= LANES) {
        store_narrow(to, upper);
        return;
    }
    uint8_t last[2 * LANES];
    store_narrow(last, upper);
    for (long i = 0; i < 2 * left; i++) {
        ((uint8_t *) to)[i] = last[i];
    }
}

/* Number i of a stored row. */
ALWAYS uint8_t *stored_at(const void *row, int bf16, long i) { return (uint8_t *) row + (bf16 ? 2 : 4) * i; }

/* --- rows of a cache: latent numbers, then rope numbers --- */

/* As CRows.java numbers them. FP8 is [latent codes | a float32 scale for each FP8_GROUP of them | rope part in BF16]. */
#define F32_ROWS 0
#define BF16_ROWS 1
#define FP8_ROWS 2
#define FP8_GROUP 128

ALWAYS long fp8_scale_at(long latent, long i) { return latent + 4 * (i / FP8_GROUP); }
ALWAYS long fp8_rope_at(long latent) { return latent + 4 * ((latent + FP8_GROUP - 1) / FP8_GROUP); }

ALWAYS long stored_bytes(int format, long latent, long rope) {
    return format == FP8_ROWS ? fp8_rope_at(latent) + 2 * rope : (format == BF16_ROWS ? 2 : 4) * (latent + rope);
}

/* Some codes of a group, of which so many are left; a scale that is NaN says that the group held a number that is not finite. */
ALWAYS floats read_fp8(const uint8_t *codes, const uint8_t *scale_at, long left) {
    float scale;
    __builtin_memcpy(&scale, scale_at, sizeof scale);
    uint8_t last[LANES] = {0};
    if (left < LANES) {
        for (long i = 0; i < left; i++) {
            last[i] = codes[i];
        }
        codes = last;
    }
    return mul(from_e4m3(codes), all(scale * 0x1p8f));
}

/* LANES numbers of a row from number i on, zeros behind its end. i is a multiple of LANES, or in the rope part. */
ALWAYS floats read_row(const uint8_t *row, const int format, long latent, long rope, long i) {
    if (format != FP8_ROWS) {
        return read(stored_at(row, format, i), format, latent + rope - i);
    }
    const uint8_t *rope_part = row + fp8_rope_at(latent);
    if (i >= latent) {
        return read(rope_part + 2 * (i - latent), 1, latent + rope - i);
    }
    floats v = read_fp8(row + i, row + fp8_scale_at(latent, i), latent - i);
    if (latent - i < LANES && rope > 0) {
        float lanes[LANES];
        store(lanes, v);
        floats next = read(rope_part, 1, rope);
        float others[LANES];
        store(others, next);
        for (long l = latent - i; l < LANES; l++) {
            lanes[l] = others[l - (latent - i)];
        }
        v = load(lanes);
    }
    return v;
}

/* The nearest codes of numbers that are not NaN, ties to even, saturating; each as a signed byte. */
ALWAYS ints e4m3_codes(floats v) {
    ints bits = as_ints(v);
    ints sign = and_ints(shift_right(bits, 24), all_ints(0x80));
    floats magnitude = as_floats(and_ints(bits, all_ints(0x7FFFFFFF)));
    magnitude = if_less(all(448), magnitude, all(448), magnitude);
    ints odd = and_ints(shift_right(as_ints(magnitude), 20), all_ints(1));
    ints rounded = add_ints(add_ints(as_ints(magnitude), all_ints(0x7FFFF)), odd);
    ints normal = add_ints(shift_right(rounded, 20), all_ints(-(120 << 3)));
    /* 2^14 more: the lowest bit is worth 2^-9, the step of subnormals. */
    ints subnormal = add_ints(as_ints(add(magnitude, all(0x1p14f))), all_ints(-0x46800000));
    ints code = as_ints(if_less(magnitude, all(0x1p-6f), as_floats(subnormal), as_floats(normal)));
    return add_ints(xor_ints(or_ints(code, sign), all_ints(0x80)), all_ints(-0x80));
}

/* A group of at most FP8_GROUP numbers, with zeros up to the next whole vector. */
ALWAYS void write_fp8(uint8_t *codes, uint8_t *scale_at, const float *numbers, long count) {
    floats most = zeros(), odd = zeros();
    for (long i = 0; i < count; i += LANES) {
        floats v = load(numbers + i);
        most = larger(as_floats(and_ints(as_ints(v), all_ints(0x7FFFFFFF))), most);
        odd = add(odd, mul(v, zeros())); /* NaN where a number is not finite */
    }
    float lanes[LANES];
    store(lanes, most);
    float largest = 0;
    for (int i = 0; i < LANES; i++) {
        largest = lanes[i] > largest ? lanes[i] : largest;
    }
    float scale = largest / 448 + sum(odd);
    __builtin_memcpy(scale_at, &scale, sizeof scale);
    floats divisor = all(scale == 0 ? 1 : scale);
    for (long i = 0; i < count; i += LANES) {
        int8_t some[LANES];
        store_low_bytes(some, e4m3_codes(divide(load(numbers + i), divisor)));
        __builtin_memcpy(codes + i, some, (size_t) least(LANES, count - i));
    }
}

#endif
