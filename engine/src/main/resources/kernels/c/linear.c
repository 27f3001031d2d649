/* Linear maps. The layout of struct linear is also in CLinear.java: eight bytes a field. */
#include "product.h"

struct linear {
    int64_t next; /* the first unit that no thread has taken */
    struct weight weight;
    const float *x; /* [m, weight.cols] */
    int64_t m;
    uint8_t *prepared; /* x as the weight's format wants it; null where that is x itself */
    float *y; /* [m, weight.rows] */
    int64_t unit; /* weight rows */
    union space *spaces; /* one for each thread */
};

int64_t fathom_workspace_bytes(void) { return sizeof(union space); }

/* A unit is a row of x. */
void fathom_prepare(struct linear *a, int thread) {
    long cols = a->weight.cols;
    (void) thread;
    for (;;) {
        long r = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        if (r >= a->m) {
            return;
        }
        prepare(a->weight.format, a->x + r * cols, 0, cols, cols, a->prepared, r, a->m);
    }
}

/* A unit is some weight rows. */
void fathom_linear(struct linear *a, int thread) {
    const struct weight *w = &a->weight;
    const void *x = a->prepared != 0 ? (const void *) a->prepared : a->x;
    for (;;) {
        long from = a->unit * __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        if (from >= w->rows) {
            return;
        }
        product(w, from, least(w->rows, from + a->unit), x, a->m, a->y + from, w->rows, &a->spaces[thread]);
    }
}
