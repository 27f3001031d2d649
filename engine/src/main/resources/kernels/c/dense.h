/* Weights that are plain numbers: float32, BF16 (the upper half of one) and F16. Decoding is exact. */
#ifndef FATHOM_DENSE_H
#define FATHOM_DENSE_H

#include "tiles.h"

/* Up to so many rows of x read the weights as they are stored, panel after panel: those of TALL rows stay in the first-level cache. */
#define STRAIGHT 48

ALWAYS long number_bytes(const int format) { return format == F32 ? 4 : 2; }

/* Number i of a weight row. */
ALWAYS const uint8_t *number_at(const struct weight *w, const int format, long row, long i) {
    return w->codes + (least(row, w->rows - 1) * w->cols + i) * number_bytes(format);
}

ALWAYS floats read_lanes(const int format, const uint8_t *numbers) {
    switch (format) {
        case F32: return load((const float *) numbers);
        case F16: return widen_halves(numbers);
        default: return as_floats(shift_left(widen_unsigned(numbers), 16));
    }
}

/* LANES numbers of which so many are left: zeros stand for the others. */
ALWAYS floats read_some(const int format, const uint8_t *numbers, long left) {
    uint8_t last[4 * LANES] = {0};
    if (left < LANES) {
        for (long i = 0; i < left * number_bytes(format); i++) {
            last[i] = numbers[i];
        }
        numbers = last;
    }
    return read_lanes(format, numbers);
}

/* --- a few rows of x, straight from the stored numbers --- */

/*
 * Sums of TALL outputs for a panel of x. Memory is asked for the TALL rows that come next in the order they lie in, which is how it
 * is fastest, and spread over this work; with several passes (one for each panel of x) each asks for its part.
 * distance: bytes from these rows to those that come next
 */
ALWAYS void straight(const int height, const int format, const struct weight *w, long row, long distance, const float *x,
                     long pass, long passes, four_floats *out) {
    const long line = 64 / number_bytes(format);
    const uint8_t *from[TALL];
    floats s[HEIGHT][TALL];
#pragma GCC unroll 4
    for (int o = 0; o < TALL; o++) {
        from[o] = number_at(w, format, row + o, 0);
#pragma GCC unroll 6
        for (int r = 0; r < height; r++) {
            s[r][o] = zeros();
        }
    }
    const char *next = (const char *) from[0] + distance + pass * (w->cols / line) * (TALL * 64 / passes);
    long i = 0;
    for (; i + line <= w->cols; i += line, next += TALL * 64 / passes) {
        for (long part = 0; part < TALL * 64 / passes; part += 64) {
            ask_far(next + part);
        }
#pragma GCC unroll 4
        for (long at = i; at < i + line; at += LANES) {
            floats u[HEIGHT];
#pragma GCC unroll 6
            for (int r = 0; r < height; r++) {
                u[r] = load(x + height * at + r * LANES);
            }
#pragma GCC unroll 4
            for (int o = 0; o < TALL; o++) {
                floats v = read_lanes(format, from[o] + at * number_bytes(format));
#pragma GCC unroll 6
                for (int r = 0; r < height; r++) {
                    s[r][o] = fused(u[r], v, s[r][o]);
                }
            }
        }
    }
    for (; i < w->cols; i += LANES) {
        long left = w->cols - i;
#pragma GCC unroll 4
        for (int o = 0; o < TALL; o++) {
            floats v = read_some(format, from[o] + i * number_bytes(format), left);
#pragma GCC unroll 6
            for (int r = 0; r < height; r++) {
                /* A panel of one row may be the row itself. */
                floats u = height == 1 ? load_some(x + i, left) : load(x + height * i + r * LANES);
                s[r][o] = fused(u, v, s[r][o]);
            }
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
        out[r] = sums(s[r][0], s[r][1], s[r][2], s[r][3]);
    }
}

ALWAYS void straight_panel(long height, const int format, const struct weight *w, long row, long distance, const float *x,
                           long pass, long passes, four_floats *out) {
    switch (height) {
        case 1: straight(1, format, w, row, distance, x, pass, passes, out); break;
        case 2: straight(2, format, w, row, distance, x, pass, passes, out); break;
        case 3: straight(3, format, w, row, distance, x, pass, passes, out); break;
#if HEIGHT == 6
        case 4: straight(4, format, w, row, distance, x, pass, passes, out); break;
        case 5: straight(5, format, w, row, distance, x, pass, passes, out); break;
        case 6: straight(6, format, w, row, distance, x, pass, passes, out); break;
#endif
    }
}

ALWAYS void few_rows(const int format, const struct weight *w, long from, long to, const uint8_t *then, const float *panels,
                     long m, float *y, long y_stride) {
    long passes = (m + HEIGHT - 1) / HEIGHT;
    long row_bytes = w->cols * number_bytes(format);
    for (long row = from; row < to; row += TALL) {
        long distance = row + TALL < to ? TALL * row_bytes : then == 0 ? 0 : then - number_at(w, format, row, 0);
        for (long pass = 0; pass < passes; pass++) {
            long first = pass * HEIGHT;
            long height = least(HEIGHT, m - first);
            four_floats out[HEIGHT];
            straight_panel(height, format, w, row, distance, panels + first * padded(w->cols), pass, passes, out);
            for (long r = 0; r < height; r++) {
                store_sums(out[r], least(TALL, to - row), y + (first + r) * y_stride + row - from);
            }
        }
    }
}

/* --- more rows: expanded to float32 --- */

ALWAYS void expand_numbers(const int format, const struct weight *w, long row, long from, long to, float *panel) {
    for (int o = 0; o < TALL; o++) {
        const uint8_t *numbers = number_at(w, format, row + o, from);
        long ahead = TALL * w->cols * number_bytes(format);
        for (long i = 0; i < to - from; i += LANES) {
            const uint8_t *here = numbers + i * number_bytes(format);
            ask_near(here + ahead);
            store(panel + TALL * i + o * LANES, read_some(format, here, to - from - i));
        }
    }
}

static void expand_f32(const struct weight *w, long row, long from, long to, float *panel) {
    expand_numbers(F32, w, row, from, to, panel);
}

static void expand_bf16(const struct weight *w, long row, long from, long to, float *panel) {
    expand_numbers(BF16, w, row, from, to, panel);
}

static void expand_f16(const struct weight *w, long row, long from, long to, float *panel) {
    expand_numbers(F16, w, row, from, to, panel);
}

/* --- any number of rows --- */

/*
 * Rows [from, to) of a weight of a format that expand expands; column 0 of y is weight row from.
 * then: rows to ask for while the last of these are multiplied, or 0
 */
ALWAYS void product_of_numbers(const int format, expander *expand, const struct weight *w, long from, long to,
                               const uint8_t *then, const float *x, long m, float *y, long y_stride, struct workspace *space) {
    if (m <= STRAIGHT) {
        few_rows(format, w, from, to, then, x, m, y, y_stride);
    } else {
        many_rows(w, expand, from, to, x, m, y, y_stride, space);
    }
}

#endif
