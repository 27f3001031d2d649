/* Both forms of MLA attention. The layouts of the structs are also in CAttention.java: eight bytes a field. */
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
    float *values; /* [groups of columns, KEYS, GROUP, LANES] */
};

ALWAYS struct space space_at(float *spaces, long floats_each, int thread, long columns) {
    struct space space;
    space.queries = spaces + floats_each * thread;
    space.keys = space.queries + PAIRS * columns;
    space.values = space.keys + KEYS * columns;
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
            _mm_storeu_ps(scores + r * KEYS + k,
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

/* --- absorbed: straight over the latent cache --- */

struct sequence {
    int64_t first_unit;
    int64_t row; /* the first of its rows */
    int64_t rows;
    int64_t position; /* of the first row */
    const int32_t *slots; /* of each position */
};

struct attend_latent {
    int64_t next; /* the first unit that no thread has taken */
    int64_t units;
    const struct sequence *sequences; /* first units ascend; one more stands behind the last */
    int64_t heads, heads_each, rows_each; /* of a unit; together at most PAIRS */
    struct heads query, out;
    int64_t width, rope; /* a row of the cache is width + rope numbers */
    const uint8_t *cache;
    int64_t bf16; /* 1, or 0 for float32 */
    double scale;
    float *spaces;
    int64_t space_floats; /* of each thread */
};

/* Positions [from, to) as key panels and as values. Keys that fill up the last panel repeat the last one. */
static void expand_cache(const struct attend_latent *a, const int32_t *slots, long from, long to, struct space space) {
    long width = a->width + a->rope;
    long columns = padded(width);
    int bf16 = (int) a->bf16;
    for (long k = 0; k < to - from || k % TALL != 0; k++) {
        const void *row = stored_at(a->cache, bf16, slots[least(from + k, to - 1)] * width);
        float *key = space.keys + k / TALL * TALL * columns + k % TALL * LANES;
        for (long i = 0; i < width; i += LANES) {
            floats v = read(stored_at(row, bf16, i), bf16, width - i);
            store(key + TALL * i, v);
            if (i < a->width) {
                store(value_at(space.values, k, i), v);
            }
        }
    }
}

/* Rows [row, row_end) of a sequence, heads [head, head + heads). */
static void attend_over_cache(const struct attend_latent *a, const struct sequence *s, long row, long row_end, long head,
                              long heads, struct space space) {
    long width = a->width;
    long columns = padded(width + a->rope);
    float scale = (float) a->scale;
    struct softmax states[PAIRS];
    float scores[HEIGHT * KEYS];
    for (long r = row; r < row_end; r++) {
        for (long h = 0; h < heads; h++) {
            long first = h / HEIGHT * HEIGHT;
            float *panel = space.queries + ((r - row) * heads + first) * columns + (h - first) * LANES;
            pack_row(head_at(&a->query, s->row + r, head + h), width + a->rope, panel, least(HEIGHT, heads - first));
            float *out = head_at(&a->out, s->row + r, head + h);
            for (long i = 0; i < width; i += LANES) {
                store_some(out + i, width - i, zeros());
            }
            states[(r - row) * heads + h] = softmax_from(-__builtin_inff());
        }
    }
    long longest = s->position + row_end;
    for (long block = 0; block < longest; block += KEYS) {
        long end = least(longest, block + KEYS);
        expand_cache(a, s->slots, block, end, space);
        for (long r = row; r < row_end; r++) {
            long seen = least(end, s->position + r + 1) - block;
            for (long h = 0; h < heads && seen > 0; h += HEIGHT) {
                long height = least(HEIGHT, heads - h);
                long pair = (r - row) * heads + h;
                float *out = head_at(&a->out, s->row + r, head + h);
                multiply(height, space.queries + pair * columns, columns, space.keys, seen, scores);
                for (long i = 0; i < height; i++) {
                    soften(scores + i * KEYS, seen, scale, &states[pair + i]);
                    if (states[pair + i].keep != 1) {
                        scale_row(out + i * a->out.head, width, states[pair + i].keep);
                    }
                }
                add_values(height, scores, 0, seen, space.values, width, out, a->out.head);
            }
        }
    }
    for (long r = row; r < row_end; r++) {
        for (long h = 0; h < heads; h++) {
            scale_row(head_at(&a->out, s->row + r, head + h), width, 1 / states[(r - row) * heads + h].sum);
        }
    }
}

/* A unit is a few heads of a few rows of one sequence: it expands each block of the cache once for all of them. */
void fathom_attend_latent(struct attend_latent *a, int thread) {
    struct space space = space_at(a->spaces, a->space_floats, thread, padded(a->width + a->rope));
    long groups = (a->heads + a->heads_each - 1) / a->heads_each;
    for (long unit = take(&a->next); unit < a->units; unit = take(&a->next)) {
        const struct sequence *s = a->sequences;
        while (s[1].first_unit <= unit) {
            s++;
        }
        long local = unit - s->first_unit;
        long row = local / groups * a->rows_each;
        long head = local % groups * a->heads_each;
        attend_over_cache(a, s, row, least(s->rows, row + a->rows_each), head, least(a->heads_each, a->heads - head),
                          space);
    }
}

/* --- expanded: over one chunk of keys and values --- */

struct attend_expanded {
    int64_t next;
    int64_t rows, heads;
    struct heads query, keys_values, out;
    int64_t nope, rope, value; /* widths: a query is nope + rope numbers, a key likewise, keys_values nope + value */
    int64_t keys;
    const float *rope_keys; /* [keys, rope] */
    int64_t first; /* position of the first query less that of the first key */
    double scale;
    float *log_sum_exp; /* [rows, heads] */
    float *spaces;
    int64_t space_floats; /* of each thread */
};

/* Keys of the chunk that a row sees. */
ALWAYS long seen_by(const struct attend_expanded *a, long row) {
    long seen = a->first + row + 1;
    return seen < 0 ? 0 : least(seen, a->keys);
}

/* Keys [from, to) of a head as panels, each [nope | rope], and their values. */
static void pack_keys(const struct attend_expanded *a, long head, long from, long to, struct space space) {
    long columns = padded(a->nope + a->rope);
    for (long k = 0; k < to - from || k % TALL != 0; k++) {
        /* Keys that fill up the last panel repeat the last one; their scores are not used. */
        long at = least(from + k, to - 1);
        const float *row = head_at(&a->keys_values, at, head);
        const float *rope = a->rope_keys + at * a->rope;
        float *key = space.keys + k / TALL * TALL * columns + k % TALL * LANES;
        pack_row(row, a->nope, key, TALL);
        if (a->nope % LANES == 0) {
            pack_row(rope, a->rope, key + TALL * a->nope, TALL);
        } else {
            if (padded(a->nope) < columns) {
                store(key + TALL * (columns - LANES), zeros());
            }
            for (long i = 0; i < a->rope; i++) {
                long column = a->nope + i;
                key[TALL * (column & -LANES) + column % LANES] = rope[i];
            }
        }
        for (long i = 0; i < a->value && k < to - from; i += LANES) {
            store(value_at(space.values, k, i), load_some(row + a->nope + i, a->value - i));
        }
    }
}

/* Adds keys [block, end) to a tile of rows; states and queries are those of the tile. */
static void add_keys(const struct attend_expanded *a, long head, long row, long height, long block, long end,
                     const float *queries, struct softmax *states, struct space space) {
    long columns = padded(a->nope + a->rope);
    float scores[HEIGHT * KEYS];
    float *out = head_at(&a->out, row, head);
    multiply(height, queries, columns, space.keys, least(end, seen_by(a, row + height - 1)) - block, scores);
    for (long i = 0; i < height; i++) {
        long count = least(end, seen_by(a, row + i)) - block;
        if (count > 0) {
            soften(scores + i * KEYS, count, (float) a->scale, &states[i]);
            if (states[i].keep != 1) {
                scale_row(out + i * a->out.row, a->value, states[i].keep);
            }
        }
    }
    /* Rows of a tile see different numbers of keys at the diagonal: what all see goes together, the rest row by row. */
    long common = least(end, seen_by(a, row)) - block;
    if (common > 0) {
        add_values(height, scores, 0, common, space.values, a->value, out, a->out.row);
    } else {
        common = 0;
    }
    for (long i = 0; i < height; i++) {
        long count = least(end, seen_by(a, row + i)) - block;
        if (count > common) {
            add_values(1, scores + i * KEYS, common, count, space.values, a->value, out + i * a->out.row, a->out.row);
        }
    }
}

/* Rows [row, row + rows) of a head. */
static void attend_over_chunk(const struct attend_expanded *a, long row, long rows, long head, struct space space) {
    long columns = padded(a->nope + a->rope);
    long longest = seen_by(a, row + rows - 1);
    struct softmax states[PAIRS];
    for (long r = 0; r < rows; r++) {
        long first = r / HEIGHT * HEIGHT;
        pack_row(head_at(&a->query, row + r, head), a->nope + a->rope,
                 space.queries + first * columns + (r - first) * LANES, least(HEIGHT, rows - first));
        float before = a->log_sum_exp[(row + r) * a->heads + head];
        states[r] = softmax_from(before);
        float *out = head_at(&a->out, row + r, head);
        for (long i = 0; i < a->value && before == -__builtin_inff() && seen_by(a, row + r) > 0; i += LANES) {
            store_some(out + i, a->value - i, zeros());
        }
    }
    for (long block = 0; block < longest; block += KEYS) {
        long end = least(longest, block + KEYS);
        pack_keys(a, head, block, end, space);
        for (long r = 0; r < rows; r += HEIGHT) {
            long height = least(HEIGHT, rows - r);
            if (seen_by(a, row + r + height - 1) > block) {
                add_keys(a, head, row + r, height, block, end, space.queries + r * columns, states + r, space);
            }
        }
    }
    for (long r = 0; r < rows; r++) {
        if (seen_by(a, row + r) > 0) {
            scale_row(head_at(&a->out, row + r, head), a->value, 1 / states[r].sum);
            a->log_sum_exp[(row + r) * a->heads + head] = (float) (states[r].maximum + logarithm(states[r].sum));
        }
    }
}

/* A unit is one head of PAIRS rows: it packs each block of keys and values once for all of them. */
void fathom_attend_expanded(struct attend_expanded *a, int thread) {
    struct space space = space_at(a->spaces, a->space_floats, thread, padded(a->nope + a->rope));
    long chunks = (a->rows + PAIRS - 1) / PAIRS;
    for (long unit = take(&a->next); unit < chunks * a->heads; unit = take(&a->next)) {
        /* Last rows first: they see the most keys. */
        long row = (chunks - 1 - unit / a->heads) * PAIRS;
        attend_over_chunk(a, row, least(PAIRS, a->rows - row), unit % a->heads, space);
    }
}
