/* Routed experts. The layouts of the two structs are also in CExperts.java: eight bytes a field. */
#include "elementary.h"
#include "fp8.h"

/* Rows of a weight in a unit: even one token keeps all threads busy. */
#define UNIT 64

struct expert {
    struct fp8 gate; /* [inner, hidden] */
    struct fp8 up; /* [inner, hidden] */
    struct fp8 down; /* [hidden, inner] */
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
    float *packed; /* [assignments, padded hidden], panels of each expert */
    float *middle; /* [assignments, padded inner], panels of each expert */
    float *down; /* [assignments, hidden] */
    float *out; /* [tokens, hidden] */
    struct workspace *spaces; /* one for each thread */
};

static long take(struct experts *a) { return __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED); }

/* A unit is an expert. */
void fathom_experts_pack(struct experts *a, int thread) {
    long hidden = a->all->gate.cols;
    (void) thread;
    for (long unit = take(a); unit < a->active_count; unit = take(a)) {
        long start = a->start[a->active[unit]];
        long count = a->start[a->active[unit] + 1] - start;
        for (long r = 0; r < count; r++) {
            long first = r / HEIGHT * HEIGHT;
            pack_row(a->x + a->token[start + r] * hidden, hidden,
                     a->packed + (start + first) * padded(hidden) + (r - first) * LANES, least(HEIGHT, count - first));
        }
    }
}

/* A unit is an expert's rows [from, from + UNIT) of gate and up: silu(gate x) * up x, packed for the third weight. */
static void gate_up(const struct experts *a, long number, long from, struct workspace *space) {
    const struct expert *expert = &a->all[number];
    long hidden = expert->gate.cols;
    long inner = expert->gate.rows;
    long to = least(inner, from + UNIT);
    long start = a->start[number];
    long count = a->start[number + 1] - start;
    float gates[ROWS][UNIT], ups[ROWS][UNIT];
    for (long first = 0; first < count; first += ROWS) {
        long rows = least(ROWS, count - first);
        const float *x = a->packed + (start + first) * padded(hidden);
        product(&expert->gate, from, to, x, rows, gates[0], UNIT, space);
        product(&expert->up, from, to, x, rows, ups[0], UNIT, space);
        for (long r = 0; r < rows; r++) {
            long panel = first + r / HEIGHT * HEIGHT;
            long height = least(HEIGHT, count - panel);
            float *middle = a->middle + (start + panel) * padded(inner) + (first + r - panel) * LANES;
            for (long i = from; i < to; i += LANES) {
                floats value = mul(silu(load(gates[r] + i - from)), load(ups[r] + i - from));
                store(middle + height * i, value);
                if (to - i < LANES) {
                    store(middle + height * i, zeros());
                    store_first(middle + height * i, to - i, value);
                }
            }
        }
    }
}

void fathom_experts_gate_up(struct experts *a, int thread) {
    long blocks = (a->all->gate.rows + UNIT - 1) / UNIT;
    for (long unit = take(a); unit < a->active_count * blocks; unit = take(a)) {
        gate_up(a, a->active[unit / blocks], unit % blocks * UNIT, &a->spaces[thread]);
    }
}

/* A unit is UNIT rows of an expert's third weight. */
void fathom_experts_down(struct experts *a, int thread) {
    long hidden = a->all->down.rows;
    long inner = a->all->down.cols;
    long blocks = (hidden + UNIT - 1) / UNIT;
    for (long unit = take(a); unit < a->active_count * blocks; unit = take(a)) {
        long number = a->active[unit / blocks];
        long from = unit % blocks * UNIT;
        long start = a->start[number];
        product(&a->all[number].down, from, least(hidden, from + UNIT), a->middle + start * padded(inner),
                a->start[number + 1] - start, a->down + start * hidden + from, hidden, &a->spaces[thread]);
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
