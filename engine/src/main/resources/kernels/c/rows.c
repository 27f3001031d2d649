/* Operations on rows without a weight matrix. The layouts of the structs are also in CRows.java: eight bytes a field. */
#include "elementary.h"
#include "storage.h"

/* A unit of every operation here is a row. */
#define EACH_ROW(a, r) \
    for (long r = __atomic_fetch_add(&(a)->next, 1, __ATOMIC_RELAXED); r < (a)->rows; \
         r = __atomic_fetch_add(&(a)->next, 1, __ATOMIC_RELAXED))

/* --- rows of one width --- */

struct rows {
    int64_t next; /* the first row that no thread has taken */
    int64_t rows, width;
    const float *x;
    const float *other; /* of all rows [width], or of each [rows, width] */
    float *out; /* may be x */
    double epsilon;
};

/* 1 / sqrt(mean of squares + epsilon) */
ALWAYS float inverse_rms(const float *x, long width, double epsilon) {
    floats even = zeros(), odd = zeros();
    long i = 0;
    for (; i + 2 * LANES <= width; i += 2 * LANES) {
        floats a = load(x + i), b = load(x + i + LANES);
        even = fused(a, a, even);
        odd = fused(b, b, odd);
    }
    for (; i < width; i += LANES) {
        floats a = load_some(x + i, width - i);
        even = fused(a, a, even);
    }
    double mean = (double) sum(add(even, odd)) / (double) width;
    return (float) (1 / square_root(mean + epsilon));
}

/* other: [width] */
void fathom_rms_norm(struct rows *a, int thread) {
    (void) thread;
    EACH_ROW(a, r) {
        const float *x = a->x + r * a->width;
        floats factor = all(inverse_rms(x, a->width, a->epsilon));
        for (long i = 0; i < a->width; i += LANES) {
            long left = a->width - i;
            floats v = mul(mul(load_some(x + i, left), factor), load_some(a->other + i, left));
            store_some(a->out + r * a->width + i, left, v);
        }
    }
}

/* other: [rows, width] */
void fathom_add(struct rows *a, int thread) {
    (void) thread;
    EACH_ROW(a, r) {
        for (long at = r * a->width, end = at + a->width; at < end; at += LANES) {
            store_some(a->out + at, end - at, add(load_some(a->x + at, end - at), load_some(a->other + at, end - at)));
        }
    }
}

/* x: gate; other: up [rows, width] */
void fathom_silu_mul(struct rows *a, int thread) {
    (void) thread;
    EACH_ROW(a, r) {
        for (long at = r * a->width, end = at + a->width; at < end; at += LANES) {
            floats v = mul(silu(load_some(a->x + at, end - at)), load_some(a->other + at, end - at));
            store_some(a->out + at, end - at, v);
        }
    }
}

/* --- rotation --- */

/* The next lanes of a row of interleaved pairs, width - i of them left; number i / 2 of cos and sin belongs to the first pair. */
ALWAYS floats rotated(const float *x, const float *cos, const float *sin, long i, long width) {
    long left = width - i;
    long pairs = least(left, LANES) / 2;
    floats v = load_some(x + i, left);
    floats c = doubled(load_first(cos + i / 2, pairs));
    floats s = doubled(load_first(sin + i / 2, pairs));
    return fused_less_more(v, c, mul(swapped(v), s));
}

struct rope {
    int64_t next;
    int64_t rows, heads, width;
    struct heads x;
    const float *cos, *sin; /* [rows, width / 2] */
    struct heads out; /* may be x */
};

void fathom_rope(struct rope *a, int thread) {
    (void) thread;
    EACH_ROW(a, r) {
        const float *cos = a->cos + r * (a->width / 2);
        const float *sin = a->sin + r * (a->width / 2);
        for (long h = 0; h < a->heads; h++) {
            const float *x = head_at(&a->x, r, h);
            float *out = head_at(&a->out, r, h);
            for (long i = 0; i < a->width; i += LANES) {
                store_some(out + i, a->width - i, rotated(x, cos, sin, i, a->width));
            }
        }
    }
}

/* --- stored rows --- */

struct store_latent {
    int64_t next;
    int64_t rows, latent, rope; /* widths */
    uint8_t *cache; /* [slots] rows of latent + rope numbers */
    int64_t format; /* of storage.h */
    const int32_t *slots; /* [rows] */
    const float *x; /* [rows, latent + rope] */
    const float *norm; /* [latent] */
    double epsilon;
    const float *cos, *sin; /* [rows, rope / 2] */
};

/* The latent part in FP8, a group after the other. */
static void store_groups(const struct store_latent *a, const float *x, floats factor, uint8_t *slot) {
    float group[FP8_GROUP];
    for (long from = 0; from < a->latent; from += FP8_GROUP) {
        long count = least(FP8_GROUP, a->latent - from);
        for (long i = 0; i < count; i += LANES) {
            long left = count - i;
            store(group + i, mul(mul(load_some(x + from + i, left), factor), load_some(a->norm + from + i, left)));
        }
        write_fp8(slot + from, slot + fp8_scale_at(a->latent, from), group, count);
    }
}

void fathom_store_latent(struct store_latent *a, int thread) {
    int format = (int) a->format;
    int bf16 = format != F32_ROWS;
    long each = stored_bytes(format, a->latent, a->rope);
    (void) thread;
    EACH_ROW(a, r) {
        const float *x = a->x + r * (a->latent + a->rope);
        uint8_t *slot = a->cache + a->slots[r] * each;
        floats factor = all(inverse_rms(x, a->latent, a->epsilon));
        if (format == FP8_ROWS) {
            store_groups(a, x, factor, slot);
        } else {
            for (long i = 0; i < a->latent; i += LANES) {
                long left = a->latent - i;
                floats v = mul(mul(load_some(x + i, left), factor), load_some(a->norm + i, left));
                write(stored_at(slot, bf16, i), bf16, left, v);
            }
        }
        uint8_t *rope = format == FP8_ROWS ? slot + fp8_rope_at(a->latent) : stored_at(slot, bf16, a->latent);
        const float *cos = a->cos + r * (a->rope / 2);
        const float *sin = a->sin + r * (a->rope / 2);
        for (long i = 0; i < a->rope; i += LANES) {
            floats v = rotated(x + a->latent, cos, sin, i, a->rope);
            write(stored_at(rope, bf16, i), bf16, a->rope - i, v);
        }
    }
}

/* Stored rows by number, in two parts that go to two places; the second may be empty. */
struct load_rows {
    int64_t next;
    int64_t rows, first, second; /* widths */
    const uint8_t *stored; /* [any] rows of first + second numbers */
    int64_t format; /* of storage.h */
    const int32_t *numbers; /* [rows] */
    float *first_out; /* [rows, first] */
    float *second_out; /* [rows, second] */
};

void fathom_load_rows(struct load_rows *a, int thread) {
    int format = (int) a->format;
    long each = stored_bytes(format, a->first, a->second);
    (void) thread;
    EACH_ROW(a, r) {
        const uint8_t *row = a->stored + a->numbers[r] * each;
        for (long i = 0; i < a->first; i += LANES) {
            store_some(a->first_out + r * a->first + i, a->first - i, read_row(row, format, a->first, a->second, i));
        }
        for (long i = 0; i < a->second; i += LANES) {
            floats v = read_row(row, format, a->first, a->second, a->first + i);
            store_some(a->second_out + r * a->second + i, a->second - i, v);
        }
    }
}
