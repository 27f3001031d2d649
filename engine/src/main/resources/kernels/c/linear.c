/* Linear maps. The layout of struct linear is also in CLinear.java: eight bytes a field. */
#include "fp8.h"

struct linear {
    int64_t next; /* the first unit that no thread has taken */
    struct fp8 weight;
    const float *x; /* [m, weight.cols] */
    int64_t m;
    float *panels; /* x packed, for more than one row */
    float *y; /* [m, weight.rows] */
    int64_t unit; /* weight rows */
    struct workspace *spaces; /* one for each thread */
};

int64_t fathom_workspace_bytes(void) { return sizeof(struct workspace); }

/* A unit is a panel. */
void fathom_pack(struct linear *a, int thread) {
    long cols = a->weight.cols;
    (void) thread;
    for (;;) {
        long first = HEIGHT * __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        if (first >= a->m) {
            return;
        }
        long height = least(HEIGHT, a->m - first);
        for (long i = 0; i < height; i++) {
            pack_row(a->x + (first + i) * cols, cols, a->panels + first * padded(cols) + i * LANES, height);
        }
    }
}

/* A unit is some weight rows. */
void fathom_linear(struct linear *a, int thread) {
    const struct fp8 *w = &a->weight;
    const float *x = a->m == 1 ? a->x : a->panels;
    for (;;) {
        long from = a->unit * __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        if (from >= w->rows) {
            return;
        }
        product(w, from, least(w->rows, from + a->unit), x, a->m, a->y + from, w->rows, &a->spaces[thread]);
    }
}
