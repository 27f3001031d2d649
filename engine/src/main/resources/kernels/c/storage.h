/* Rows of numbers as the latent cache and embedding tables keep them, and rows of heads. */
#ifndef FATHOM_STORAGE_H
#define FATHOM_STORAGE_H

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

#endif
