/* Absorbed MLA attention, straight over the latent cache. The layouts of the structs are also in CAttention.java: eight bytes a field. */
#include "attention.h"

/*
 * Positions of a run of the latent cache, counted from the first. Every run has a softmax of its own, and runs are merged in order,
 * whether one thread takes them all or many take one each: the bits are the same.
 */
#define RUN 256

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
    int64_t format; /* of storage.h */
    double scale;
    float *spaces;
    int64_t space_floats; /* of each thread */
    float *parts; /* what each run gives, where a unit is one run; else null */
    int64_t runs; /* that parts has room for, of each head of each row */
};

/* A row's sum over some keys, not yet divided by the sum of its exponentials. */
struct attended {
    float *values;
    struct softmax *state;
};

/* Of a run: its values, then its softmax. */
ALWAYS long part_floats(const struct attend_latent *a) { return padded(a->width) + LANES; }

ALWAYS struct attended part_at(const struct attend_latent *a, long row, long head, long run) {
    float *values = a->parts + ((row * a->heads + head) * a->runs + run) * part_floats(a);
    struct attended part = {values, (struct softmax *) (values + padded(a->width))};
    return part;
}

ALWAYS void expand_rows(const int format, const struct attend_latent *a, const int32_t *slots, long from, long to,
                        struct space space) {
    long width = a->width + a->rope;
    long columns = padded(width);
    long each = stored_bytes(format, a->width, a->rope);
    for (long k = 0; k < to - from || k % TALL != 0; k++) {
        const uint8_t *row = a->cache + slots[least(from + k, to - 1)] * each;
        float *key = space.keys + k / TALL * TALL * columns + k % TALL * LANES;
        for (long i = 0; i < width; i += LANES) {
            floats v = read_row(row, format, a->width, a->rope, i);
            store(key + TALL * i, v);
            if (i < a->width) {
                store(value_at(space.values, k, i), v);
            }
        }
    }
}

/* Positions [from, to) as key panels and as values. Keys that fill up the last panel repeat the last one. */
static void expand_cache(const struct attend_latent *a, const int32_t *slots, long from, long to, struct space space) {
    switch (a->format) {
        case F32_ROWS: expand_rows(F32_ROWS, a, slots, from, to, space); break;
        case BF16_ROWS: expand_rows(BF16_ROWS, a, slots, from, to, space); break;
        default: expand_rows(FP8_ROWS, a, slots, from, to, space); break;
    }
}

/* Rows [row, row_end) of a sequence, heads [head, head + heads). */
struct pairs {
    const struct sequence *sequence;
    long row, row_end, head, heads;
};

static void pack_queries(const struct attend_latent *a, struct pairs p, struct space space) {
    long columns = padded(a->width + a->rope);
    for (long r = p.row; r < p.row_end; r++) {
        for (long h = 0; h < p.heads; h++) {
            long first = h / HEIGHT * HEIGHT;
            float *panel = space.queries + ((r - p.row) * p.heads + first) * columns + (h - first) * LANES;
            pack_row(head_at(&a->query, p.sequence->row + r, p.head + h), a->width + a->rope, panel,
                     least(HEIGHT, p.heads - first));
        }
    }
}

/*
 * What positions [from, to), one run, give each pair that sees any of them.
 * out: of the first pair; heads are head_stride, rows row_stride numbers apart
 */
static void attend_over_run(const struct attend_latent *a, struct pairs p, long from, long to, float *out, long head_stride,
                            long row_stride, struct softmax *states, struct space space) {
    long width = a->width;
    long columns = padded(width + a->rope);
    float scores[HEIGHT * KEYS];
    for (long pair = 0; pair < (p.row_end - p.row) * p.heads; pair++) {
        float *row = out + pair / p.heads * row_stride + pair % p.heads * head_stride;
        for (long i = 0; i < width; i += LANES) {
            store_some(row + i, width - i, zeros());
        }
        states[pair] = softmax_from(-__builtin_inff());
    }
    for (long block = from; block < to; block += KEYS) {
        long end = least(to, block + KEYS);
        expand_cache(a, p.sequence->slots, block, end, space);
        for (long r = p.row; r < p.row_end; r++) {
            long seen = least(end, p.sequence->position + r + 1) - block;
            for (long h = 0; h < p.heads && seen > 0; h += HEIGHT) {
                long height = least(HEIGHT, p.heads - h);
                long pair = (r - p.row) * p.heads + h;
                float *values = out + (r - p.row) * row_stride + h * head_stride;
                multiply(height, space.queries + pair * columns, columns, space.keys, seen, scores);
                for (long i = 0; i < height; i++) {
                    soften(scores + i * KEYS, seen, (float) a->scale, &states[pair + i]);
                    if (states[pair + i].keep != 1) {
                        scale_row(values + i * head_stride, width, states[pair + i].keep);
                    }
                }
                add_values(height, scores, 0, seen, space.values, width, values, head_stride);
            }
        }
    }
}

/* Adds what a later run gave. */
static void merge(struct attended sum, struct attended later, long width) {
    float maximum = later.state->maximum > sum.state->maximum ? later.state->maximum : sum.state->maximum;
    floats keep = exponential(all(sum.state->maximum - maximum));
    floats share = exponential(all(later.state->maximum - maximum));
    for (long i = 0; i < width; i += LANES) {
        floats kept = mul(load_some(sum.values + i, width - i), keep);
        store_some(sum.values + i, width - i, fused(load_some(later.values + i, width - i), share, kept));
    }
    sum.state->sum = first_of(fused(all(later.state->sum), share, mul(all(sum.state->sum), keep)));
    sum.state->maximum = maximum;
}

/* All runs, one after the other. */
static void attend_over_cache(const struct attend_latent *a, struct pairs p, struct space space) {
    long width = a->width;
    long columns = padded(width + a->rope);
    long longest = p.sequence->position + p.row_end;
    struct softmax states[PAIRS], later[PAIRS];
    pack_queries(a, p, space);
    attend_over_run(a, p, 0, least(longest, RUN), head_at(&a->out, p.sequence->row + p.row, p.head), a->out.head, a->out.row,
                    states, space);
    for (long from = RUN; from < longest; from += RUN) {
        attend_over_run(a, p, from, least(longest, from + RUN), space.run, columns, columns * p.heads, later, space);
        for (long pair = 0; pair < (p.row_end - p.row) * p.heads; pair++) {
            long row = p.row + pair / p.heads;
            if (from <= p.sequence->position + row) {
                struct attended sum = {head_at(&a->out, p.sequence->row + row, p.head + pair % p.heads), states + pair};
                struct attended part = {space.run + pair * columns, later + pair};
                merge(sum, part, width);
            }
        }
    }
    for (long pair = 0; pair < (p.row_end - p.row) * p.heads; pair++) {
        scale_row(head_at(&a->out, p.sequence->row + p.row + pair / p.heads, p.head + pair % p.heads), width,
                  1 / states[pair].sum);
    }
}

/* One run, kept for fathom_merge_runs. */
static void attend_over_part(const struct attend_latent *a, struct pairs p, long run, struct space space) {
    long from = run * RUN;
    struct softmax states[PAIRS];
    if (from >= p.sequence->position + p.row_end) {
        return;
    }
    pack_queries(a, p, space);
    float *out = part_at(a, p.sequence->row + p.row, p.head, run).values;
    long stride = a->runs * part_floats(a);
    attend_over_run(a, p, from, least(p.sequence->position + p.row_end, from + RUN), out, stride, a->heads * stride, states,
                    space);
    for (long pair = 0; pair < (p.row_end - p.row) * p.heads; pair++) {
        *part_at(a, p.sequence->row + p.row + pair / p.heads, p.head + pair % p.heads, run).state = states[pair];
    }
}

ALWAYS long runs_of(const struct sequence *s) { return (s->position + s->rows + RUN - 1) / RUN; }

/*
 * A unit is a few heads of a few rows of one sequence, with all runs or with one: it expands each block of the cache once for all
 * of them.
 */
void fathom_attend_latent(struct attend_latent *a, int thread) {
    struct space space = space_at(a->spaces, a->space_floats, thread, padded(a->width + a->rope));
    long groups = (a->heads + a->heads_each - 1) / a->heads_each;
    for (long unit = take(&a->next); unit < a->units; unit = take(&a->next)) {
        const struct sequence *s = a->sequences;
        while (s[1].first_unit <= unit) {
            s++;
        }
        long local = unit - s->first_unit;
        long runs = a->parts != 0 ? runs_of(s) : 1;
        long row = local / runs / groups * a->rows_each;
        long head = local / runs % groups * a->heads_each;
        struct pairs p = {s, row, least(s->rows, row + a->rows_each), head, least(a->heads_each, a->heads - head)};
        if (a->parts != 0) {
            attend_over_part(a, p, local % runs, space);
        } else {
            attend_over_cache(a, p, space);
        }
    }
}

/* A unit is a head of a row: its runs are merged, in order. */
void fathom_merge_runs(struct attend_latent *a, int thread) {
    (void) thread;
    const struct sequence *s = a->sequences;
    for (long unit = take(&a->next); unit < a->units; unit = take(&a->next)) {
        long row = unit / a->heads;
        long head = unit % a->heads;
        while (row >= s->row + s->rows) {
            s++;
        }
        long runs = (s->position + row - s->row) / RUN + 1;
        struct attended sum = part_at(a, row, head, 0);
        for (long run = 1; run < runs; run++) {
            merge(sum, part_at(a, row, head, run), a->width);
        }
        float *out = head_at(&a->out, row, head);
        for (long i = 0; i < a->width; i += LANES) {
            store_some(out + i, a->width - i, load(sum.values + i));
        }
        scale_row(out, a->width, 1 / sum.state->sum);
    }
}
