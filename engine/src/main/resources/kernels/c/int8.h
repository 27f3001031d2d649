/*
 * y = x Wt by dot products of bytes. Both factors are small integers with scales: x is rounded to 127 steps of the largest number of
 * each group of 32 columns, or of as many as share a scale of INT8; weights are as stored, unpacked to bytes if they have fewer bits.
 * Columns that share both scales, at most 32, are a run; its dot product is exact. Each (row of x, output) pair has one float32 accumulator that takes the runs in order:
 *
 *     y = fused(dot, round(x scale * w scale), y), and where weights have a minimum to subtract:
 *     y = fused(round(x scale * sum of the x codes that share the minimum), -minimum, y)
 *
 * which is the same for any number of rows and on any processor.
 */
#ifndef FATHOM_INT8_H
#define FATHOM_INT8_H

#include "codes.h"
#include "weight.h"

/* Columns of x that a group has; with INT8 several of them have one scale. */
#define GROUP_COLUMNS 32
/* Vectors of outputs in a tile. */
#define WIDE 2
/* Outputs in a tile. */
#define ABREAST (WIDE * LANES)
/* Columns unpacked at a time, a multiple of every block: 16 KiB with AVX-512, in the first-level cache beside some rows of x. */
#define CODE_COLUMNS 512

/* A group of a row of x. A group with a number that is not finite has the scale NaN and codes 0. */
struct group {
    int8_t codes[GROUP_COLUMNS];
    float scale;
    float moment; /* scale * sum of codes */
    int32_t start; /* what a dot product begins with, because of BIAS */
    int32_t half_start[2]; /* the same for runs of 16 columns */
    float half_moments[2]; /* as moment, of runs of 16 columns */
    int32_t unused;
};

/* How a format divides a group into runs, and whether it has minima. */
enum runs { GROUPS, GROUPS_WITH_MINIMA, HALF_GROUPS, HALF_GROUPS_WITH_MINIMA };

/* Some columns of ABREAST weight rows. */
struct unpacked {
    _Alignas(64) uint8_t codes[CODE_COLUMNS / 4][WIDE][4 * LANES]; /* BIAS added, but not to those with minima */
    float scales[CODE_COLUMNS / 16][WIDE][LANES]; /* of each run */
    float minima[CODE_COLUMNS / 16][WIDE][LANES]; /* of each group, or run of 16 columns, negative */
};

ALWAYS long groups_of(long columns) { return (columns + GROUP_COLUMNS - 1) / GROUP_COLUMNS; }

/* --- rows of x --- */

/* The bits of the largest magnitude: of a NaN or an infinity where there is one. */
static int32_t largest_bits(const float *x, long columns) {
    ints most = all_ints(0);
    for (long i = 0; i < columns; i += LANES) {
        most = max_ints(most, and_ints(as_ints(load_some(x + i, columns - i)), all_ints(0x7FFFFFFF)));
    }
    return largest_int(most);
}

/*
 * A group whose scale would be subnormal counts as zeros.
 * bits: of the largest magnitude of all columns with its scale
 */
static void round_group(const float *x, int32_t bits, struct group *group) {
    union {
        int32_t bits;
        float value;
    } largest = {bits};
    int finite = largest.bits < 0x7F800000;
    int some = finite && largest.value >= 127 * 0x1p-126f;
    floats steps = all(some ? 127 / largest.value : 0);
    int32_t halves[2] = {0, 0};
    for (int i = 0; i < GROUP_COLUMNS; i += LANES) {
        ints codes = some ? to_ints(mul(load(x + i), steps)) : all_ints(0);
        store_low_bytes(group->codes + i, codes);
        halves[i / 16] += sum_of_ints(codes);
    }
    group->scale = some ? largest.value / 127 : finite ? 0 : __builtin_nanf("");
    group->moment = group->scale * (float) (halves[0] + halves[1]);
    group->start = -BIAS * (halves[0] + halves[1]);
    group->half_start[0] = -BIAS * halves[0];
    group->half_start[1] = -BIAS * halves[1];
    group->half_moments[0] = group->scale * (float) halves[0];
    group->half_moments[1] = group->scale * (float) halves[1];
}

/*
 * Columns of a row into its groups, which are height groups apart.
 * x: the first of some columns with one scale
 * together: so many columns have one, a multiple of a group's, or all
 */
static void round_row(const float *x, long columns, long together, struct group *groups, long height) {
    int32_t bits = 0;
    for (long i = 0; i < columns; i += GROUP_COLUMNS) {
        float last[GROUP_COLUMNS] = {0};
        if (i % together == 0) {
            bits = largest_bits(x + i, least(together, columns - i));
        }
        const float *here = x + i;
        if (columns - i < GROUP_COLUMNS) {
            for (long k = 0; k < columns - i; k++) {
                last[k] = here[k];
            }
            here = last;
        }
        round_group(here, bits, groups + i / GROUP_COLUMNS * height);
    }
}

/* --- tiles --- */

/*
 * Memory that will be read soon, asked for line by line, which is how it is fastest, and spread over other work: the processor
 * waits for a few lines at a time only.
 */
struct ahead {
    const uint8_t *next, *end;
    long lines_each; /* with each group of a tile */
};

ALWAYS void ask(struct ahead *ahead, long lines) {
    for (; lines > 0 && ahead->next < ahead->end; lines--, ahead->next += 64) {
        ask_far(ahead->next);
    }
}

ALWAYS floats load_left(const float *p, long left) { return left > 0 ? load_some(p, left) : zeros(); }
ALWAYS void store_left(float *p, long left, floats v) {
    if (left > 0) {
        store_some(p, left, v);
    }
}

/*
 * Of columns that share a minimum.
 * which: 0 for a group, 1 and 2 for its halves
 */
ALWAYS void add_minima(const int height, floats s[HEIGHT][WIDE], const struct group *x, const int which,
                       const float (*minima)[LANES]) {
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
        floats moment = all(which == 0 ? x[r].moment : x[r].half_moments[which - 1]);
#pragma GCC unroll 2
        for (int v = 0; v < WIDE; v++) {
            s[r][v] = fused(moment, load(minima[v]), s[r][v]);
        }
    }
}

/* y += products, or = products where there is nothing yet, of the outputs that are left. The loops over rows unroll. */
ALWAYS void code_tile(const int height, const enum runs runs, const struct group *x, const struct unpacked *w,
                      long groups, int fresh, float *y, long y_stride, long left, struct ahead *ahead) {
    const int run = runs == HALF_GROUPS || runs == HALF_GROUPS_WITH_MINIMA ? 16 : GROUP_COLUMNS;
    floats s[HEIGHT][WIDE];
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < WIDE; v++) {
            s[r][v] = fresh ? zeros() : load_left(y + r * y_stride + v * LANES, left - v * LANES);
        }
    }
    const uint8_t *codes = w->codes[0][0];
    const float *scales = w->scales[0][0];
    for (long g = 0; g < groups; g++, x += height) {
        ask(ahead, ahead->lines_each);
#pragma GCC unroll 2
        for (int from = 0; from < GROUP_COLUMNS; from += run, scales += ABREAST) {
            ints d[HEIGHT][WIDE];
#pragma GCC unroll 6
            for (int r = 0; r < height; r++) {
#pragma GCC unroll 2
                for (int v = 0; v < WIDE; v++) {
                    d[r][v] = all_ints(runs == GROUPS ? x[r].start : runs == HALF_GROUPS ? x[r].half_start[from / 16] : 0);
                }
            }
#pragma GCC unroll 8
            for (int i = 0; i < run; i += 4, codes += WIDE * BYTES) {
                bytes u[WIDE];
#pragma GCC unroll 2
                for (int v = 0; v < WIDE; v++) {
                    u[v] = load_codes(codes + v * BYTES);
                }
#pragma GCC unroll 6
                for (int r = 0; r < height; r++) {
                    bytes quad = all_quads(x[r].codes + from + i);
#pragma GCC unroll 2
                    for (int v = 0; v < WIDE; v++) {
                        d[r][v] = dot4(d[r][v], u[v], quad);
                    }
                }
            }
#pragma GCC unroll 6
            for (int r = 0; r < height; r++) {
                floats scale = all(x[r].scale);
#pragma GCC unroll 2
                for (int v = 0; v < WIDE; v++) {
                    s[r][v] = fused(to_floats(d[r][v]), mul(scale, load(scales + v * LANES)), s[r][v]);
                }
            }
            if (runs == HALF_GROUPS_WITH_MINIMA) {
                add_minima(height, s, x, 1 + from / 16, w->minima[2 * g + from / 16]);
            }
        }
        if (runs == GROUPS_WITH_MINIMA) {
            add_minima(height, s, x, 0, w->minima[g]);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 2
        for (int v = 0; v < WIDE; v++) {
            store_left(y + r * y_stride + v * LANES, left - v * LANES, s[r][v]);
        }
    }
}

ALWAYS void add_code_products(const enum runs runs, long height, const struct group *x, const struct unpacked *w,
                              long groups, int fresh, float *y, long y_stride, long left, struct ahead *ahead) {
    switch (height) {
        case 1: code_tile(1, runs, x, w, groups, fresh, y, y_stride, left, ahead); break;
        case 2: code_tile(2, runs, x, w, groups, fresh, y, y_stride, left, ahead); break;
        case 3: code_tile(3, runs, x, w, groups, fresh, y, y_stride, left, ahead); break;
#if HEIGHT == 6
        case 4: code_tile(4, runs, x, w, groups, fresh, y, y_stride, left, ahead); break;
        case 5: code_tile(5, runs, x, w, groups, fresh, y, y_stride, left, ahead); break;
        case 6: code_tile(6, runs, x, w, groups, fresh, y, y_stride, left, ahead); break;
#endif
    }
}

static void add_runs(enum runs runs, long height, const struct group *x, const struct unpacked *w, long groups, int fresh,
                     float *y, long y_stride, long left, struct ahead *ahead) {
    switch (runs) {
        case GROUPS: add_code_products(GROUPS, height, x, w, groups, fresh, y, y_stride, left, ahead); break;
        case GROUPS_WITH_MINIMA:
            add_code_products(GROUPS_WITH_MINIMA, height, x, w, groups, fresh, y, y_stride, left, ahead);
            break;
        case HALF_GROUPS: add_code_products(HALF_GROUPS, height, x, w, groups, fresh, y, y_stride, left, ahead); break;
        case HALF_GROUPS_WITH_MINIMA:
            add_code_products(HALF_GROUPS_WITH_MINIMA, height, x, w, groups, fresh, y, y_stride, left, ahead);
            break;
    }
}

#endif
