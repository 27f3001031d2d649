// y = x Wᵀ for any format: the numbers of a row of the weight are decoded where they are multiplied.
//
// A block of THREADS threads takes OUTPUTS rows of a weight and up to T rows of x at a time; each thread sums V neighbours in
// every V * THREADS columns, then the threads' sums are added in a fixed order. Which columns a thread takes depends on the
// weight alone, so a row of x gives the same bits whatever else is there.

static const int THREADS = 128;
static const int OUTPUTS = 4;

/* Groups: the experts of a layer, or the heads of a projection; 1 for a plain weight. */
struct Groups {
    long dataBytes;      // from one group's weight to the next
    long scaleCount;
    long rows;           // or, where they are parts of one matrix: rows from one to the next
    const float* x;
    long xRow;
    long xGroup;
    float* y;
    long yRow;
    long yGroup;
    long count;          // rows of x, of each group
    const int* starts;   // or null: group g has rows [starts[g], starts[g + 1]) of the list below
    const int* list;     // or null: which row of x each is
    const int* weights;  // or null: group g has row g of the list alone, and weight weights[g]
};

/* What a block works on: rows [first, first + count) of the list. */
struct Part {
    long group;
    long weight;
    long first;
    long count;
};

__device__ inline Part part_of(const Groups& g) {
    long group = blockIdx.z;
    if (g.weights) {
        return Part{group, g.weights[group], group, 1};
    }
    long first = g.starts ? g.starts[group] : 0;
    return Part{group, group, first, g.starts ? g.starts[group + 1] - first : g.count};
}

__device__ inline long x_row(const Groups& g, long row) {
    return g.list ? g.list[row] : row;
}

template <class F, int V, int T>
__device__ void linear(const Weight& w, const Groups& g) {
    __shared__ float sums[THREADS / 32][OUTPUTS * T];
    Part part = part_of(g);
    long output = (long) blockIdx.x * OUTPUTS;
    bool aligned = ((long) g.x | 4 * g.xRow | 4 * g.xGroup) % 16 == 0;
    const u8* rows[OUTPUTS];
    const float* scales[OUTPUTS];
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) {
        // The last block's missing rows are its last row over again.
        long row = part.weight * g.rows + min(output + o, w.rows - 1);
        rows[o] = w.data + part.weight * g.dataBytes + row * F::row_bytes(w);
        scales[o] = w.scaleCols == 0 ? 0 : w.scales + part.weight * g.scaleCount + row / w.blockRows * w.scaleCols;
    }
    for (long from = (long) blockIdx.y * T; from < part.count; from += (long) gridDim.y * T) {
        const float* x[T];
#pragma unroll
        for (int t = 0; t < T; t++) {
            x[t] = g.x + part.group * g.xGroup + x_row(g, part.first + min(from + t, part.count - 1)) * g.xRow;
        }
        float sum[OUTPUTS][T];
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) {
#pragma unroll
            for (int t = 0; t < T; t++) {
                sum[o][t] = 0;
            }
        }
#pragma unroll 2
        for (long col = (long) threadIdx.x * V; col < w.cols; col += THREADS * V) {
            float numbers[OUTPUTS][V];
#pragma unroll
            for (int o = 0; o < OUTPUTS; o++) {
                if (V == 1) {
                    numbers[o][0] = F::get(w, rows[o], scales[o], col);
                } else {
                    F::template load<V>(w, rows[o], scales[o], col, numbers[o]);
                }
            }
#pragma unroll
            for (int t = 0; t < T; t++) {
                float v[V];
                if (V > 1 && aligned) {
#pragma unroll
                    for (int i = 0; i < V; i += 4) {
                        *(float4*) (v + i) = *(const float4*) (x[t] + col + i);
                    }
                } else {
#pragma unroll
                    for (int i = 0; i < V; i++) {
                        v[i] = x[t][col + i];
                    }
                }
#pragma unroll
                for (int i = 0; i < V; i++) {
#pragma unroll
                    for (int o = 0; o < OUTPUTS; o++) {
                        sum[o][t] = fmaf(numbers[o][i], v[i], sum[o][t]);
                    }
                }
            }
        }
        __syncthreads();
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) {
#pragma unroll
            for (int t = 0; t < T; t++) {
                float s = sum[o][t];
                for (int distance = 16; distance > 0; distance /= 2) {
                    s += __shfl_xor_sync(0xffffffffu, s, distance);
                }
                if (threadIdx.x % 32 == 0) {
                    sums[threadIdx.x / 32][o * T + t] = s;
                }
            }
        }
        __syncthreads();
        int o = threadIdx.x / T, t = threadIdx.x % T;
        if (o < OUTPUTS && output + o < w.rows && from + t < part.count) {
            float s = sums[0][o * T + t] + sums[1][o * T + t] + (sums[2][o * T + t] + sums[3][o * T + t]);
            g.y[part.group * g.yGroup + (part.first + from + t) * g.yRow + output + o] = s;
        }
    }
}

#define LINEAR(F, V, T)                                                                            \
    KERNEL __launch_bounds__(THREADS) linear_##F##_##V##_##T(Weight weight, Groups groups) { in_turn();       \
        linear<F, V, T>(weight, groups);                                                           \
    }
#define LINEARS(F, V) LINEAR(F, V, 1) LINEAR(F, V, 8)

LINEARS(F32, 1)
LINEARS(F32, 4)
LINEARS(BF16, 1)
LINEARS(BF16, 8)
LINEARS(F16, 1)
LINEARS(F16, 8)
LINEARS(FP8, 1)
LINEARS(FP8, 8)
LINEARS(INT8, 1)
LINEARS(INT8, 8)
LINEARS(Q4_0, 1)
LINEARS(Q4_1, 1)
LINEARS(AWQ, 1)
LINEARS(IQ4_NL, 1)
LINEARS(IQ4_XS, 1)
LINEARS(Q2_K, 1)
LINEARS(Q5_0, 1)
LINEARS(Q5_1, 1)
LINEARS(Q8_0, 1)
LINEARS(Q3_K, 1)
LINEARS(Q4_K, 1)
LINEARS(Q5_K, 1)
LINEARS(Q6_K, 1)
