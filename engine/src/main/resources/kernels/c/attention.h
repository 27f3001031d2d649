/* What both forms of MLA attention are made of: scores, the online softmax, sums of values. */
#ifndef FATHOM_ATTENTION_H
#define FATHOM_ATTENTION_H

#include "elementary.h"
#include "storage.h"
#include "tiles.h"

/*
 * Keys in a block: their float32 copy (147 KiB for 576 columns) stays in the second-level cache. Blocks are counted from the
 * first key: what a row gets does not depend on the rows beside it.
 */
#define KEYS 64
/* (row, head) pairs of a unit: enough that expanding the keys is a small part of the work. */
#define PAIRS 64
/* Columns of the values that are summed together, so many vectors. */
#define GROUP 4

/* What a thread needs, one after the other; CAttention.java knows how much. */
struct space {
    float *queries; /* panels of up to HEIGHT rows, PAIRS rows together: [columns / LANES, rows, LANES] */
    float *keys; /* [KEYS / TALL, columns / LANES, TALL, LANES] */
    float *run; /* [PAIRS, columns]: what a later run gives, before it is merged */
    float *values; /* [groups of columns, KEYS, GROUP, LANES] */
};

ALWAYS struct space space_at(float *spaces, long floats_each, int thread, long columns) {
    struct space space;
    space.queries = spaces + floats_each * thread;
    space.keys = space.queries + PAIRS * columns;
    space.run = space.keys + KEYS * columns;
    space.values = space.run + PAIRS * columns;
    return space;
}

ALWAYS long take(int64_t *next) { return __atomic_fetch_add(next, 1, __ATOMIC_RELAXED); }

/* --- scores --- */

/* Of height queries for the first keys, and up to three unspecified ones behind them. scores: [height, KEYS] */
static void multiply(long height, const float *queries, long columns, const float *keys, long count, float *scores) {
    float products[HEIGHT * TALL * LANES];
    for (long k = 0; k < count; k += TALL) {
        add_products(height, queries, keys + k * columns, columns, 1, products);
        for (long r = 0; r < height; r++) {
            const float *p = products + r * TALL * LANES;
            store_four(scores + r * KEYS + k,
                       sums(load(p), load(p + LANES), load(p + 2 * LANES), load(p + 3 * LANES)));
        }
    }
}

/* --- the online softmax --- */

/* Of a row: the largest score and the sum of exponentials so far, and what earlier results must be multiplied by. */
struct softmax {
    float maximum, sum, keep;
};

/* Before the first key, where the log of the sum of exponentials is negative infinity, or going on from a normalised result. */
ALWAYS struct softmax softmax_from(float log_sum_exp) {
    struct softmax state = {log_sum_exp, log_sum_exp == -__builtin_inff() ? 0 : 1, 1};
    return state;
}

ALWAYS float largest(floats v) {
    float lanes[LANES];
    store(lanes, v);
    float result = lanes[0];
    for (int i = 1; i < LANES; i++) {
        result = lanes[i] > result ? lanes[i] : result;
    }
    return result;
}

/*
 * Turns the first scores of a row, at least one, into exp(score * scale - maximum) with the maximum so far; up to the next
 * whole vector zeros follow. A NaN is no maximum, but it makes the sum NaN.
 */
static void soften(float *scores, long count, float scale, struct softmax *state) {
    floats factor = all(scale);
    floats most = all(-__builtin_inff());
    for (long i = count; i < padded(count); i++) {
        scores[i] = -__builtin_inff();
    }
    for (long i = 0; i < count; i += LANES) {
        most = larger(mul(load(scores + i), factor), most);
    }
    float before = state->maximum;
    float here = largest(most);
    float maximum = here > before ? here : before;
    floats total = zeros();
    for (long i = 0; i < count; i += LANES) {
        floats p = exponential(fused(load(scores + i), factor, all(-maximum)));
        total = add(total, p);
        store(scores + i, p);
    }
    state->keep = before == -__builtin_inff() ? 0 : first_of(exponential(all(before - maximum)));
    state->sum = state->sum * state->keep + sum(total);
    state->maximum = maximum;
}

static void scale_row(float *row, long width, float factor) {
    for (long i = 0; i < width; i += LANES) {
        store_some(row + i, width - i, mul(load_some(row + i, width - i), all(factor)));
    }
}

/* --- values weighted by probabilities --- */

/* Puts a key's value into its place among the block's. */
ALWAYS float *value_at(float *values, long key, long column) {
    return values + (column / (GROUP * LANES) * KEYS + key) * GROUP * LANES + column % (GROUP * LANES);
}

/*
 * out[r] += sum over keys [from, to) of p[r, key] * value[key] for some vectors of columns, the last of which may have fewer left.
 * Every number takes the keys in order.
 */
ALWAYS void weigh(const int height, const int vectors, const float *p, long from, long to, const float *values, float *out,
                  long stride, long left) {
    floats s[HEIGHT][GROUP];
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            s[r][i] = load_some(out + r * stride + i * LANES, left - i * LANES);
        }
    }
    for (long k = from; k < to; k++) {
        floats share[HEIGHT];
#pragma GCC unroll 6
        for (int r = 0; r < height; r++) {
            share[r] = all(p[r * KEYS + k]);
        }
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            floats v = load(values + (k * GROUP + i) * LANES);
#pragma GCC unroll 6
            for (int r = 0; r < height; r++) {
                s[r][i] = fused(v, share[r], s[r][i]);
            }
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < height; r++) {
#pragma GCC unroll 4
        for (int i = 0; i < vectors; i++) {
            store_some(out + r * stride + i * LANES, left - i * LANES, s[r][i]);
        }
    }
}

static void add_group(long height, const float *p, long from, long to, const float *values, float *out, long stride) {
    const long all_left = GROUP * LANES;
    switch (height) {
        case 1: weigh(1, GROUP, p, from, to, values, out, stride, all_left); break;
        case 2: weigh(2, GROUP, p, from, to, values, out, stride, all_left); break;
        case 3: weigh(3, GROUP, p, from, to, values, out, stride, all_left); break;
#if HEIGHT == 6
        case 4: weigh(4, GROUP, p, from, to, values, out, stride, all_left); break;
        case 5: weigh(5, GROUP, p, from, to, values, out, stride, all_left); break;
        case 6: weigh(6, GROUP, p, from, to, values, out, stride, all_left); break;
#endif
    }
}

/* p: [height, KEYS]; out: rows stride apart */
static void add_values(long height, const float *p, long from, long to, float *values, long width, float *out,
                       long stride) {
    long column = 0;
    for (; column + GROUP * LANES <= width; column += GROUP * LANES) {
        add_group(height, p, from, to, value_at(values, 0, column), out + column, stride);
    }
    for (; column < width; column += LANES) {
        for (long r = 0; r < height; r++) {
            weigh(1, 1, p + r * KEYS, from, to, value_at(values, 0, column), out + r * stride + column, stride,
                  width - column);
        }
    }
}

#endif
