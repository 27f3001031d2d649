/* Expanded MLA attention, over one chunk of keys and values. The layout of the struct is also in CAttention.java: eight bytes a field. */
#include "attention.h"

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
