// Operations on rows without a weight matrix. A block takes a row, or a thread a number.

/* out[r] = x[r] / sqrt(mean of squares + epsilon) * weight; out may be x. One block a row. */
KERNEL rms_norm(const float* x, const float* weight, double epsilon, float* out, long width) {
    __shared__ double sums[32];
    const float* from = x + blockIdx.x * width;
    float* to = out + blockIdx.x * width;
    double squares = 0;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        double v = from[i];
        squares += v * v;
    }
    double factor = 1 / sqrt(block_sum(squares, sums) / width + epsilon);
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        to[i] = (float) (from[i] * factor * weight[i]);
    }
}

KERNEL add(float* x, const float* delta, long count) {
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        x[i] += delta[i];
    }
}

KERNEL add_bias(float* x, const float* bias, long count, long width) {
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        x[i] += bias[i % width];
    }
}

KERNEL fill(float* x, double value, long count) {
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        x[i] = (float) value;
    }
}

/* out may be gate. */
KERNEL silu_mul(const float* gate, const float* up, float* out, long count) {
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        float g = gate[i];
        out[i] = g / (1 + expf(-g)) * up[i];
    }
}

/* out[r] = x[rows[r]]. One block a row. */
KERNEL gather_rows(const float* x, const int* rows, float* out, long width) {
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        out[blockIdx.x * width + i] = x[rows[blockIdx.x] * width + i];
    }
}

/* Each row of from becomes a part of to's. One block a row. */
KERNEL copy_columns(const float* from, long width, float* to, long toWidth, long column) {
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        to[blockIdx.x * toWidth + column + i] = from[blockIdx.x * width + i];
    }
}

/* Pair i is at (i * step, i * step + distance) of each head. One block a row; out may be x. */
KERNEL rotate(const float* x, long xRow, long xHead, const float* cosines, const float* sines, float* out, long outRow,
              long outHead, long heads, long pairs, long step, long distance) {
    const float* from = x + blockIdx.x * xRow;
    float* to = out + blockIdx.x * outRow;
    for (long i = threadIdx.x; i < heads * pairs; i += blockDim.x) {
        long head = i / pairs, pair = i % pairs;
        float a = from[head * xHead + pair * step], b = from[head * xHead + pair * step + distance];
        float c = cosines[blockIdx.x * pairs + pair], s = sines[blockIdx.x * pairs + pair];
        to[head * outHead + pair * step] = (float) ((double) a * c - (double) b * s);
        to[head * outHead + pair * step + distance] = (float) ((double) a * s + (double) b * c);
    }
}

/* Rows of an embedding table. One block a row. */
template <class F> __device__ void embed(const Weight& table, const int* ids, float* out) {
    long id = ids[blockIdx.x];
    const u8* row = table.data + id * F::row_bytes(table);
    const float* scales = table.scales + (table.scaleCols == 0 ? 0 : id / table.blockRows * table.scaleCols);
    for (long i = threadIdx.x; i < table.cols; i += blockDim.x) {
        out[blockIdx.x * table.cols + i] = F::get(table, row, scales, i);
    }
}

#define EMBED(F)                                                             \
    KERNEL embed_##F(Weight table, const int* ids, float* out) {             \
        embed<F>(table, ids, out);                                           \
    }

EMBED(F32)
EMBED(BF16)
EMBED(F16)
EMBED(FP8)
EMBED(Q4_0)
EMBED(Q5_0)
EMBED(Q8_0)
EMBED(Q4_K)
EMBED(Q5_K)
EMBED(Q6_K)
