/* Products with weights of every format, compiled once for all that need them. */
#include "along.h"
#include "dense.h"
#include "fp8.h"
#include "product.h"

void prepare(const struct weight *w, const float *values, long from, long to, uint8_t *prepared, long r, long count) {
    long format = w->format;
    long first = r / panel_rows(format) * panel_rows(format);
    long height = least(panel_rows(format), count - first);
    uint8_t *panel = prepared + first * prepared_bytes(format, w->cols);
#if defined(AMX) || defined(PAIRS)
    if (is_tiled(format) || is_paired(format)) {
        pair_row(values, from, to, panel, r - first, height);
        return;
    }
#endif
    switch (format) {
        case FP8:
        case F32:
        case BF16:
        case F16:
            pack_row(values, to - from, (float *) panel + height * from + (r - first) * LANES, height);
            break;
        default:
            round_row(values, to - from, format == INT8 ? w->block_columns : GROUP_COLUMNS,
                      (struct group *) panel + height * (from / GROUP_COLUMNS) + r - first, height);
            break;
    }
}

static long row_bytes(const struct weight *w) {
    switch (w->format) {
        case FP8: return w->cols;
        case F32:
        case BF16:
        case F16: return w->cols * number_bytes((int) w->format);
        default: return block_row_bytes(w);
    }
}

const uint8_t *row_at(const struct weight *w, long row) {
    return row < w->rows ? w->codes + row * row_bytes(w) : 0;
}

void product(const struct weight *w, long from, long to, const uint8_t *then, const void *x, long m, float *y,
             long y_stride, union space *space) {
#ifdef AMX
    if (is_tiled(w->format)) {
        tiled_product(w, from, to, then, x, m, y, y_stride, &space->tiles);
        return;
    }
#endif
#ifdef PAIRS
    if (is_paired(w->format)) {
        paired_product(w, from, to, then, x, m, y, y_stride, &space->pairs);
        return;
    }
#endif
    struct workspace *floats = &space->floats;
    switch (w->format) {
        case FP8:
            if (m <= HEIGHT) {
                few_rows_fp8(w, from, to, then, x, m, y, y_stride);
            } else {
                many_rows(w, expand_fp8, from, to, x, m, y, y_stride, floats);
            }
            break;
        case F32: product_of_numbers(F32, expand_f32, w, from, to, then, x, m, y, y_stride, floats); break;
        case BF16: product_of_numbers(BF16, expand_bf16, w, from, to, then, x, m, y, y_stride, floats); break;
        case F16: product_of_numbers(F16, expand_f16, w, from, to, then, x, m, y, y_stride, floats); break;
        default: codes(w, from, to, then, x, m, y, y_stride, &space->codes); break;
    }
}
