/* Products with weights of every format, compiled once for all that need them. */
#include "fp8.h"
#include "product.h"

void prepare(long format, const float *values, long from, long to, long columns, uint8_t *prepared, long r, long count) {
    long first = r / HEIGHT * HEIGHT;
    long height = least(HEIGHT, count - first);
    uint8_t *panel = prepared + first * prepared_bytes(format, columns);
    switch (format) {
        case FP8: pack_row(values, to - from, (float *) panel + height * from + (r - first) * LANES, height); break;
        default:
            round_row(values, to - from, (struct group *) panel + height * (from / GROUP_COLUMNS) + r - first, height);
            break;
    }
}

void product(const struct weight *w, long from, long to, const void *x, long m, float *y, long y_stride,
             union space *space) {
    switch (w->format) {
        case FP8:
            if (m <= HEIGHT) {
                few_rows_fp8(w, from, to, x, m, y, y_stride);
            } else {
                many_rows(w, expand_fp8, from, to, x, m, y, y_stride, &space->floats);
            }
            break;
        default: many_codes(w, from, to, x, m, y, y_stride, &space->codes); break;
    }
}
