/* Products with weights of every format: rows of x are prepared as the format wants them, then multiplied. */
#ifndef FATHOM_PRODUCT_H
#define FATHOM_PRODUCT_H

#include "amx.h"
#include "blocks.h"
#include "pairs.h"
#include "tiles.h"

/* What a thread needs, for one product at a time. */
union space {
    struct workspace floats;
    struct code_space codes;
#ifdef AMX
    struct tile_space tiles;
#endif
#ifdef PAIRS
    struct pair_space pairs;
#endif
};

/* Whether a format's products run on the processor's matrix tiles. */
ALWAYS int is_tiled(long format) {
#ifdef AMX
    return format == BF16 || format == FP8;
#else
    (void) format;
    return 0;
#endif
}

/* Whether a format's products are dot products of pairs of BF16. */
ALWAYS int is_paired(long format) {
#ifdef PAIRS
    return format == BF16;
#else
    (void) format;
    return 0;
#endif
}

/* Bytes of a prepared row of x. Row r of some begins r times as far on if it is the first of its panel. */
ALWAYS long prepared_bytes(long format, long columns) {
#if defined(AMX) || defined(PAIRS)
    if (is_tiled(format) || is_paired(format)) {
        return paired_bytes(columns);
    }
#endif
    switch (format) {
        case FP8:
        case F32:
        case BF16:
        case F16: return 4 * padded(columns);
        default: return (long) sizeof(struct group) * groups_of(columns);
    }
}

/* Rows of x in a panel: one thread prepares them. */
ALWAYS long panel_rows(long format) {
#ifdef AMX
    if (is_tiled(format)) {
        return SIDE;
    }
#endif
    (void) format;
    return HEIGHT;
}

/* For the other files only. */
#define HIDDEN __attribute__((visibility("hidden")))

/* Whether a whole row is wanted at a time, because more of its columns have one scale than a unit of experts makes. */
ALWAYS int wants_rows(const struct weight *w) { return w->format == INT8; }

/*
 * Columns [from, to) of row r of count rows into the prepared rows. from is a multiple of 64, and so is to or it is the last; or
 * they are all columns, where the weight wants rows.
 * values: of column from on
 */
HIDDEN void prepare(const struct weight *w, const float *values, long from, long to, uint8_t *prepared, long r, long count);

/* Where a weight row is stored; 0 behind the last. */
HIDDEN const uint8_t *row_at(const struct weight *w, long row);

/*
 * Rows [from, to) of the weight times m prepared rows; column 0 of y is weight row from. A single row may come without
 * being prepared where the format takes floats.
 * then: rows of a weight as wide that this thread multiplies next: asked for while the last of these are; 0 if there are none
 */
HIDDEN void product(const struct weight *w, long from, long to, const uint8_t *then, const void *x, long m, float *y,
                    long y_stride, union space *space);

#endif
