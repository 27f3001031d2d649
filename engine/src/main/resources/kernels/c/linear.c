/* Linear maps. The layouts of the structs are also in CLinear.java and CHeads.java: eight bytes a field. */
#include "product.h"
#include "storage.h"

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

/*
 * Whether products run on the processor's matrix tiles, for which Linux is asked here, once a process and before threads use them: 1
 * or 0; or minus the error that Linux gave.
 */
int64_t fathom_tiles(void) {
#ifdef AMX
    long result = 158; /* arch_prctl(ARCH_REQ_XCOMP_PERM, tile data) */
    __asm__ volatile("syscall" : "+a"(result) : "D"(0x1023L), "S"(18L) : "rcx", "r11", "memory");
    return result < 0 ? result : 1;
#else
    return 0;
#endif
}

/* Whether products with BF16 are dot products of pairs: 1 or 0. */
int64_t fathom_pairs(void) { return is_paired(BF16); }

/* A unit is a panel of rows of x. */
void fathom_prepare(struct linear *a, int thread) {
    long cols = a->weight.cols;
    long height = panel_rows(a->weight.format);
    (void) thread;
    for (;;) {
        long first = height * __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        if (first >= a->m) {
            return;
        }
        for (long r = first; r < least(a->m, first + height); r++) {
            prepare(&a->weight, a->x + r * cols, 0, cols, a->prepared, r, a->m);
        }
    }
}

/* A unit is some weight rows. It is taken while the one before is multiplied, which asks memory for it. */
void fathom_linear(struct linear *a, int thread) {
    const struct weight *w = &a->weight;
    const void *x = a->prepared != 0 ? (const void *) a->prepared : a->x;
    long from = a->unit * __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
    while (from < w->rows) {
        long next = a->unit * __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        product(w, from, least(w->rows, from + a->unit), row_at(w, next), x, a->m, a->y + from, w->rows,
                &a->spaces[thread]);
        from = next;
    }
}

/* One map for each head: head h has the weight rows [h * outputs, (h + 1) * outputs). */
struct heads_linear {
    int64_t next; /* the first unit that no thread has taken */
    struct weight weight;
    int64_t heads, m;
    struct heads x; /* as wide as weight.cols */
    struct heads y;
    uint8_t *prepared; /* m rows for each head */
    union space *spaces; /* one for each thread */
};

/* A unit is a head. */
void fathom_heads(struct heads_linear *a, int thread) {
    const struct weight *w = &a->weight;
    long outputs = w->rows / a->heads;
    long head = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
    while (head < a->heads) {
        long next = __atomic_fetch_add(&a->next, 1, __ATOMIC_RELAXED);
        uint8_t *prepared = a->prepared + head * a->m * prepared_bytes(w->format, w->cols);
        for (long r = 0; r < a->m; r++) {
            prepare(w, head_at(&a->x, r, head), 0, w->cols, prepared, r, a->m);
        }
        product(w, head * outputs, (head + 1) * outputs, row_at(w, next * outputs), prepared, a->m,
                head_at(&a->y, 0, head), a->y.row, &a->spaces[thread]);
        head = next;
    }
}
