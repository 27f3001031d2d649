/*
 * What the index of keys thinks of each key, and the keys it likes best: those that sparse attention looks at. The layout of the structs is also in CKeyIndex.java: eight
 * bytes a field.
 */
#include "storage.h"

/* Keys of a unit: queries are packed once for all units that a thread takes of a row. */
#define UNIT 256
/* Vectors of heads that a tile's sums take: heads lie in the lanes, so that only the end of a key adds lanes up. */
#define HEADS_TALL 4
/* Keys of a tile, so many as a tile has rows of x elsewhere: the sums stay in registers. */
#define TOGETHER HEIGHT
/* Keys that are asked for before they are needed. */
#define AHEAD (2 * TOGETHER)

/* A row that has to choose. */
struct index_row {
    int64_t row;
    int64_t seen; /* keys it sees */
    const int32_t *slots; /* of each of them */
};

struct index_scores {
    int64_t next; /* the first unit that no thread has taken */
    int64_t units, units_each; /* of each row, of the longest */
    const struct index_row *rows;
    int64_t heads, width;
    struct heads query;
    const float *weights; /* [all rows, heads] */
    const uint8_t *keys; /* [slots, width] */
    int64_t bf16;
    float *scores; /* of each row that chooses, units_each * UNIT numbers */
    float *spaces;
    int64_t space_floats; /* of each thread */
    int64_t count; /* keys that each row chooses, fewer than it sees */
    int32_t *chosen; /* slots, [rows that choose, count] */
};

/* What a thread needs, one after the other; CKeyIndex.java knows how much. */
struct index_space {
    float *queries; /* [groups of heads, width, HEADS_TALL, LANES] */
    float *weights; /* [groups of heads, HEADS_TALL, LANES] */
    float *keys; /* [TOGETHER, padded width] */
};

ALWAYS long group_heads(void) { return HEADS_TALL * LANES; }
ALWAYS long head_groups(long heads) { return (heads + group_heads() - 1) / group_heads(); }

static void pack_row_of_queries(const struct index_scores *a, long row, struct index_space space) {
    for (long at = 0; at < head_groups(a->heads) * group_heads(); at++) {
        float *queries = space.queries + at / group_heads() * a->width * group_heads() + at % group_heads();
        const float *query = at < a->heads ? head_at(&a->query, row, at) : 0;
        for (long i = 0; i < a->width; i++) {
            queries[i * group_heads()] = query ? query[i] : 0;
        }
        space.weights[at] = query ? a->weights[row * a->heads + at] : 0;
    }
}

/* v in the first n lanes, which may be none or more than there are; zeros elsewhere, also for what is no number. */
ALWAYS floats only_first(floats v, long n) {
    float lanes[LANES];
    if (n >= LANES) {
        return v;
    }
    store(lanes, v);
    for (long l = n < 0 ? 0 : n; l < LANES; l++) {
        lanes[l] = 0;
    }
    return load(lanes);
}

/* weight * max(0, query . key) of a group's heads for some keys, added to what earlier heads gave; left: heads that there are. */
ALWAYS void score_group(const int count, const float *keys, long stride, long width, const float *queries,
                        const float *weights, long left, floats *totals) {
    floats s[TOGETHER][HEADS_TALL];
#pragma GCC unroll 6
    for (int k = 0; k < count; k++) {
#pragma GCC unroll 4
        for (int h = 0; h < HEADS_TALL; h++) {
            s[k][h] = zeros();
        }
    }
    for (long i = 0; i < width; i++) {
        floats key[TOGETHER];
#pragma GCC unroll 6
        for (int k = 0; k < count; k++) {
            key[k] = all(keys[k * stride + i]);
        }
#pragma GCC unroll 4
        for (int h = 0; h < HEADS_TALL; h++) {
            floats query = load(queries + (i * HEADS_TALL + h) * LANES);
#pragma GCC unroll 6
            for (int k = 0; k < count; k++) {
                s[k][h] = fused(key[k], query, s[k][h]);
            }
        }
    }
#pragma GCC unroll 6
    for (int k = 0; k < count; k++) {
#pragma GCC unroll 4
        for (int h = 0; h < HEADS_TALL; h++) {
            floats part = mul(larger(zeros(), s[k][h]), load(weights + h * LANES));
            totals[k] = add(totals[k], left >= group_heads() ? part : only_first(part, left - h * LANES));
        }
    }
}

ALWAYS void score_some(const int count, const struct index_scores *a, struct index_space space, float *scores) {
    long stride = padded(a->width);
    floats totals[TOGETHER];
#pragma GCC unroll 6
    for (int k = 0; k < count; k++) {
        totals[k] = zeros();
    }
    for (long g = 0; g < head_groups(a->heads); g++) {
        score_group(count, space.keys, stride, a->width, space.queries + g * a->width * group_heads(),
                    space.weights + g * group_heads(), a->heads - g * group_heads(), totals);
    }
#pragma GCC unroll 6
    for (int k = 0; k < count; k++) {
        scores[k] = sum(totals[k]);
    }
}

static void score_keys(const struct index_scores *a, const struct index_row *r, long from, long to,
                       struct index_space space, float *scores) {
    long each = (a->bf16 ? 2 : 4) * a->width;
    long stride = padded(a->width);
    for (long first = from; first < to; first += TOGETHER) {
        long count = least(TOGETHER, to - first);
        for (long k = 0; k < count; k++) {
            const uint8_t *key = a->keys + r->slots[first + k] * each;
            const uint8_t *later = a->keys + r->slots[least(to - 1, first + k + AHEAD)] * each;
            for (long byte = 0; byte < each; byte += 64) {
                ask_near(later + byte);
            }
            for (long i = 0; i < a->width; i += LANES) {
                store(space.keys + k * stride + i, read(stored_at(key, (int) a->bf16, i), (int) a->bf16, a->width - i));
            }
        }
        if (count == TOGETHER) {
            score_some(TOGETHER, a, space, scores + first);
        } else {
            for (long k = 0; k < count; k++) {
                struct index_space one = space;
                one.keys += k * stride;
                score_some(1, a, one, scores + first + k);
            }
        }
    }
}

/* A unit is up to UNIT keys for a row. */
void fathom_index_scores(struct index_scores *a, int thread) {
    long packed = head_groups(a->heads) * group_heads();
    struct index_space space;
    space.queries = a->spaces + a->space_floats * thread;
    space.weights = space.queries + packed * a->width;
    space.keys = space.weights + packed;
    long last = -1;
    for (long unit = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED); unit < a->units;
         unit = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED)) {
        long at = unit / a->units_each;
        const struct index_row *r = a->rows + at;
        long from = unit % a->units_each * UNIT;
        if (from >= r->seen) {
            continue;
        }
        if (at != last) {
            pack_row_of_queries(a, r->row, space);
            last = at;
        }
        score_keys(a, r, from, least(r->seen, from + UNIT), space, a->scores + at * a->units_each * UNIT);
    }
}

/* --- the largest scores --- */

/* The smallest score that is chosen is found by its bits, from the upper ones to the lowest, in three passes. */
#define BITS 11
#define BUCKETS (1 << BITS)

/* Unsigned numbers in the order of the scores: zeros are equal whatever their sign, and NaN is larger than every number. */
ALWAYS uint32_t order_of(float score) {
    float signless = score + 0.0f;
    uint32_t bits;
    __builtin_memcpy(&bits, &signless, sizeof bits);
    if (score != score) {
        return 0xFFC00000u;
    }
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}

/* Numbers with the known upper bits, counted by the bits from shift on. */
static void count_buckets(const uint32_t *orders, long seen, uint32_t known, uint32_t upper, int shift, int32_t *buckets) {
    for (int b = 0; b < BUCKETS; b++) {
        buckets[b] = 0;
    }
    for (long i = 0; i < seen; i++) {
        if ((orders[i] & known) == upper) {
            buckets[orders[i] >> shift & (BUCKETS - 1)]++;
        }
    }
}

static void choose_largest(const struct index_row *r, float *scores, long count, int32_t *chosen) {
    static const int shifts[] = {32 - BITS, 32 - 2 * BITS, 0}; /* the last two overlap in a bit, which is known by then */
    uint32_t *orders = (uint32_t *) scores; /* in their place */
    int32_t buckets[BUCKETS];
    uint32_t smallest = 0, known = 0;
    long missing = count;
    for (long i = 0; i < r->seen; i++) {
        uint32_t order = order_of(scores[i]);
        __builtin_memcpy(scores + i, &order, sizeof order);
    }
    for (int pass = 0; pass < 3; pass++) {
        count_buckets(orders, r->seen, known, smallest, shifts[pass], buckets);
        uint32_t bucket = BUCKETS - 1;
        while (buckets[bucket] < missing) {
            missing -= buckets[bucket--];
        }
        smallest |= bucket << shifts[pass];
        known = ~0u << shifts[pass];
    }
    /* Of those equal to the smallest, the first ones. */
    for (long i = 0, filled = 0; filled < count; i++) {
        long equal = orders[i] == smallest && missing > 0;
        chosen[filled] = r->slots[i];
        filled += orders[i] > smallest || equal;
        missing -= equal;
    }
}

/* A unit is a row; its scores are gone then. */
void fathom_index_largest(struct index_scores *a, int thread) {
    (void) thread;
    for (long at = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED); at < a->units;
         at = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED)) {
        choose_largest(a->rows + at, a->scores + at * a->units_each * UNIT, a->count, a->chosen + at * a->count);
    }
}
