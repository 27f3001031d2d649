/* Functions of one number. There is no library to take them from, and all must give the same bits everywhere. */
#ifndef FATHOM_ELEMENTARY_H
#define FATHOM_ELEMENTARY_H

#include "lanes.h"

/*
 * e to the power of each lane, for x up to 88: relative error below 2e-7 from -87 up, zero below that; NaN stays NaN. Range
 * reduction by ln 2 in two pieces, polynomial of degree 5 on the rest (Cephes, expf).
 */
ALWAYS floats exponential(floats x) {
    floats v = if_less(x, all(-87), all(-87), x);
    floats shifted = fused(v, all(1.442695f), all(12582912));
    floats n = sub(shifted, all(12582912));
    floats r = fused(n, all(-0x1.63p-1f), v);
    r = fused(n, all(0.00021219444f), r);
    floats p = fused(r, all(0.00019875691f), all(0.0013981999f));
    p = fused(p, r, all(0.008333452f));
    p = fused(p, r, all(0.041665796f));
    p = fused(p, r, all(0.16666666f));
    p = fused(p, r, all(0.5f));
    p = add(fused(p, mul(r, r), r), all(1));
    floats power = as_floats(add_ints(as_ints(p), shift_left(as_ints(shifted), 23)));
    return if_nan(x, x, if_less(x, all(-87), zeros(), power));
}

/* v / (1 + exp(-v)), by the exponential of -|v|, which cannot overflow. */
ALWAYS floats silu(floats v) {
    floats e = exponential(as_floats(or_ints(as_ints(v), all_ints((int) 0x80000000))));
    return divide(mul(v, if_less(v, zeros(), e, all(1))), add(e, all(1)));
}

/* The natural logarithm of a normal positive number: relative error below 1e-9. Infinity and NaN stay what they are. */
ALWAYS double logarithm(double x) {
    union {
        double value;
        int64_t bits;
    } m = {x};
    if (!(x < __builtin_inf())) {
        return x;
    }
    /* x = 2^n m, m from sqrt(1/2) to sqrt(2) */
    int64_t n = (m.bits - 0x3FE6A09E667F3BCD) >> 52;
    m.bits -= n * (1L << 52);
    /* ln m = 2 artanh s, s at most 0.172: the first term left out is below 1e-11 of the sum */
    double s = (m.value - 1) / (m.value + 1);
    double t = s * s;
    double series = 1 + t * (1.0 / 3 + t * (1.0 / 5 + t * (1.0 / 7 + t * (1.0 / 9 + t * (1.0 / 11 + t / 13)))));
    return (double) n * 0.6931471805599453 + 2 * s * series;
}

#endif
