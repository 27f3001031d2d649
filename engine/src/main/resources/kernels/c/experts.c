/* Routed experts. The layouts of the two structs are also in CExperts.java: eight bytes a field. */
#include "elementary.h"
#include "product.h"

/* Rows of a weight in a unit: even one token keeps all threads busy. */
#define UNIT 64

struct expert {
    struct weight gate; /* [inner, hidden] */
    struct weight up; /* [inner, hidden] */
    struct weight down; /* [hidden, inner] */
};

/* Assignments are sorted by expert; start[e] is the first of expert e. */
struct experts {
    int64_t next; /* the first unit that no thread has taken */
    const struct expert *all;
    const int32_t *active; /* experts that have assignments */
    int64_t active_count;
    const int32_t *start; /* [experts + 1] */
    const int32_t *token; /* [assignments] */
    const float *weight; /* [assignments] */
    const int32_t *of_token; /* [tokens, top_k]: its assignments, ascending */
    int64_t top_k;
    int64_t tokens;
    const float *x; /* [tokens, hidden] */
    uint8_t *prepared; /* x of each assignment, prepared for gate and up, which want it alike */
    uint8_t *middle; /* silu(gate x) * up x of each assignment, prepared for down */
    float *down; /* [assignments, hidden] */
    float *out; /* [tokens, hidden] */
    union space *spaces; /* one for each thread */
    float *floats; /* silu(gate x) * up x of each assignment, where down wants rows; else null */
};

static long take(struct experts *a) { return __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED); }

/* A unit is an expert. */
void fathom_experts_prepare(struct experts *a, int thread) {
    long hidden = a->all->gate.cols;
    long format = a->all->gate.format;
    (void) thread;
    for (long unit = take(a); unit < a->active_count; unit = take(a)) {
        long start = a->start[a->active[unit]];
        long count = a->start[a->active[unit] + 1] - start;
        for (long r = 0; r < count; r++) {
            prepare(&a->all->gate, a->x + a->token[start + r] * hidden, 0, hidden,
                    a->prepared + start * prepared_bytes(format, hidden), r, count);
        }
    }
}

/* UNIT rows of an expert; expert null stands for none. */
struct unit {
    const struct expert *expert;
    long from;
};

/* The next unit that no thread has taken, of weights with so many rows. */
static struct unit take_rows(struct experts *a, long rows) {
    long blocks = (rows + UNIT - 1) / UNIT;
    long number = take(a);
    struct unit unit = {0, number % blocks * UNIT};
    if (number < a->active_count * blocks) {
        unit.expert = &a->all[a->active[number / blocks]];
    }
    return unit;
}

/*
 * A unit's rows of gate and up: silu(gate x) * up x, prepared for the third weight.
 * then: rows of gate that come next, or 0
 */
static void gate_up(const struct experts *a, struct unit unit, const uint8_t *then, union space *space) {
    const struct expert *expert = unit.expert;
    long number = expert - a->all;
    long from = unit.from;
    long hidden = expert->gate.cols;
    long inner = expert->gate.rows;
    long to = least(inner, from + UNIT);
    long start = a->start[number];
    long count = a->start[number + 1] - start;
    long format = expert->down.format;
    uint8_t *middle = a->middle + start * prepared_bytes(format, inner);
    float gates[ROWS][UNIT], ups[ROWS][UNIT];
    for (long first = 0; first < count; first += ROWS) {
        long rows = least(ROWS, count - first);
        const uint8_t *x = a->prepared + (start + first) * prepared_bytes(expert->gate.format, hidden);
        product(&expert->gate, from, to, row_at(&expert->up, from), x, rows, gates[0], UNIT, space);
        product(&expert->up, from, to, first + rows < count ? row_at(&expert->gate, from) : then, x, rows, ups[0], UNIT,
                space);
        for (long r = 0; r < rows; r++) {
            for (long i = 0; i < to - from; i += LANES) {
                store(gates[r] + i, mul(silu(load(gates[r] + i)), load(ups[r] + i)));
            }
            if (wants_rows(&expert->down)) {
                float *row = a->floats + (start + first + r) * inner;
                for (long i = from; i < to; i += LANES) {
                    store_some(row + i, to - i, load(gates[r] + i - from));
                }
            } else {
                prepare(&expert->down, gates[r], from, to, middle, first + r, count);
            }
        }
    }
}

/* A unit is taken while the one before is multiplied, which asks memory for it. */
void fathom_experts_gate_up(struct experts *a, int thread) {
    struct unit unit = take_rows(a, a->all->gate.rows);
    while (unit.expert != 0) {
        struct unit next = take_rows(a, a->all->gate.rows);
        gate_up(a, unit, next.expert == 0 ? 0 : row_at(&next.expert->gate, next.from), &a->spaces[thread]);
        unit = next;
    }
}

/* A unit is an expert, whose third weight wants rows. */
void fathom_experts_middle(struct experts *a, int thread) {
    long inner = a->all->gate.rows;
    (void) thread;
    for (long unit = take(a); unit < a->active_count; unit = take(a)) {
        const struct weight *down = &a->all[a->active[unit]].down;
        long start = a->start[a->active[unit]];
        long count = a->start[a->active[unit] + 1] - start;
        for (long r = 0; r < count; r++) {
            prepare(down, a->floats + (start + r) * inner, 0, inner,
                    a->middle + start * prepared_bytes(down->format, inner), r, count);
        }
    }
}

/* As gate and up, with the third weight. */
void fathom_experts_down(struct experts *a, int thread) {
    long hidden = a->all->down.rows;
    long inner = a->all->down.cols;
    struct unit unit = take_rows(a, hidden);
    while (unit.expert != 0) {
        struct unit next = take_rows(a, hidden);
        const struct weight *down = &unit.expert->down;
        long number = unit.expert - a->all;
        long start = a->start[number];
        product(down, unit.from, least(hidden, unit.from + UNIT),
                next.expert == 0 ? 0 : row_at(&next.expert->down, next.from),
                a->middle + start * prepared_bytes(down->format, inner), a->start[number + 1] - start,
                a->down + start * hidden + unit.from, hidden, &a->spaces[thread]);
        unit = next;
    }
}

/* A unit is a token: out = sum of weight * down over its experts, ascending. */
void fathom_experts_sum(struct experts *a, int thread) {
    long hidden = a->all->down.rows;
    (void) thread;
    for (long token = take(a); token < a->tokens; token = take(a)) {
        const int32_t *assignments = a->of_token + token * a->top_k;
        for (long i = 0; i < hidden; i += LANES) {
            long left = hidden - i;
            floats sum = zeros();
            for (long k = 0; k < a->top_k; k++) {
                const float *down = a->down + assignments[k] * hidden + i;
                sum = fused(load_some(down, left), all(a->weight[assignments[k]]), sum);
            }
            store_some(a->out + token * hidden + i, left, sum);
        }
    }
}
