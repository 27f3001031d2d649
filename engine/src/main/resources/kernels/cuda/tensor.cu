// y = x Wᵀ on tensor cores, for BF16 and FP8 weights whose rows are whole chunks of 128 columns; of BF16 the last may be half of one.
//
// Both are exact in BF16. With three PARTS a float of x is cut into three BF16 numbers whose sum it is, so that products are
// exact and sums are float32's: the results are those of the kernels of linear.cu up to the order of sums, at a third of the
// tensor cores' rate. With one, x is rounded to BF16.
//
// A block of WARPS warps takes 16 * O weight rows and 8 * N rows of x; warp w takes chunks w, w + WARPS ... of the columns, and
// the warps' sums are added in order. An output's sum never depends on O, N or the other rows of x.

static const int CHUNK = 128;

/* What one thread multiplies in a step of 16 columns: four numbers of rows g and g + 8, g being a quarter of its lane. */
struct Pairs {
    u32 low;     // the first two
    u32 high;    // the other two
};

/* BF16: a thread holds 8 numbers of every 32 columns of a row. */
struct Bf16Tile {
    static const int COLUMNS = 32;
    static const int STEPS = 2;
    static const bool HALF = true;    // the last chunk may be half of one
    static const bool SCALED = false;
    __device__ static const uint4* at(const u8* row, long col, int t) { return (const uint4*) (row + 2 * (col + 8 * t)); }
    __device__ static long row_bytes(const Weight& w) { return 2 * w.cols; }
    __device__ static Pairs step(const uint4& raw, int s) {
        return s == 0 ? Pairs{raw.x, raw.y} : Pairs{raw.z, raw.w};
    }
};

/* Two codes, each in the upper byte of a half, as BF16: moved in place they are the value times 2^-120. No NaN. */
__device__ inline u32 e4m3_to_bf16(u32 codes) {
    u32 moved = (codes & 0x80008000u) | (codes >> 4 & 0x07f007f0u);
    u32 value;
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(value) : "r"(moved), "r"(0x7b807b80u), "r"(0x80008000u));
    return value;
}

/* FP8: 16 numbers of every 64 columns. */
struct Fp8Tile {
    static const int COLUMNS = 64;
    static const int STEPS = 4;
    static const bool HALF = false;
    static const bool SCALED = true;
    __device__ static const uint4* at(const u8* row, long col, int t) { return (const uint4*) (row + col + 16 * t); }
    __device__ static long row_bytes(const Weight& w) { return w.cols; }
    __device__ static Pairs step(const uint4& raw, int s) {
        u32 word = s == 0 ? raw.x : s == 1 ? raw.y : s == 2 ? raw.z : raw.w;
        return Pairs{e4m3_to_bf16(__byte_perm(word, 0, 0x1404)), e4m3_to_bf16(__byte_perm(word, 0, 0x3424))};
    }
};

/* The upper halves of two floats. */
__device__ inline u32 upper(float first, float second) {
    return __byte_perm(__float_as_uint(first), __float_as_uint(second), 0x7632);
}

__device__ inline float cut(float value) {
    return __uint_as_float(__float_as_uint(value) & 0xffff0000u);
}

/* Four floats as PARTS times four BF16 numbers: one rounds, of three each difference is exact. */
template <int PARTS> __device__ inline void split(float4 v, Pairs* parts) {
    if (PARTS == 1) {
        parts[0] = Pairs{round_to_bf16(v.x, v.y), round_to_bf16(v.z, v.w)};
    }
#pragma unroll
    for (int part = 0; part < PARTS && PARTS > 1; part++) {
        parts[part] = Pairs{upper(v.x, v.y), upper(v.z, v.w)};
        v = make_float4(v.x - cut(v.x), v.y - cut(v.y), v.z - cut(v.z), v.w - cut(v.w));
    }
}

__device__ inline void multiply_add(float* sum, const Pairs& upperRows, const Pairs& lowerRows, const Pairs& x) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(upperRows.low), "r"(lowerRows.low), "r"(upperRows.high), "r"(lowerRows.high), "r"(x.low), "r"(x.high));
}

__device__ inline float silu(float v) {
    return v / (1 + expf(-v));
}

/* Where a gate's companion lies: weights and scales of the same shape. */
struct Companion {
    const u8* data;
    const float* scales;
};

/* Asks memory for the weight rows of a block, which do not depend on the launch before: they are on their way while that ends. */
template <class F> __device__ inline void ask_for_weight(const u8* data, const Weight& w, const Groups& g, int outputs, long block) {
    if (g.weights || g.starts) {
        return; // which rows, the launch before decides
    }
    long first = block * outputs;
    const u8* from = data + blockIdx.z * g.dataBytes + (blockIdx.z * g.rows + first) * F::row_bytes(w);
    long bytes = min((long) outputs, w.rows - first) * F::row_bytes(w);
    for (long at = 128l * threadIdx.x; at < bytes; at += 128l * blockDim.x) {
        asm volatile("prefetch.global.L2 [%0];" ::"l"(from + at));
    }
}

/* Waits for the launch before. With GATED, y = silu(x Wᵀ) * x Uᵀ: the second eight rows of a block are the companion's. */
template <class F, int PARTS, int WARPS, int O, int N, bool GATED>
__device__ void tensor_linear(const Weight& w, const Groups& g, const Companion& up, long block) {
    static_assert(!GATED || O == 1, "a gate has one companion");
    __shared__ float sums[WARPS][8 * N][16 * O + 1];
    int warp = threadIdx.x / 32, row = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    static const int OUTPUTS_HERE = GATED ? 8 : 16 * O;
    long output = block * OUTPUTS_HERE;
    bool aligned = ((long) g.x | 4 * g.xRow | 4 * g.xGroup) % 16 == 0;
    const u8* rows[O][2];
    const float* scales[O][2];
    uint4 raw[CHUNK / F::COLUMNS][O][2];
    auto locate = [&](long weight) {
#pragma unroll
        for (int o = 0; o < O; o++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                long at = weight * g.rows + min(output + (GATED ? 0 : 16 * o + 8 * half) + row, w.rows - 1);
                const u8* data = GATED && half == 1 ? up.data : w.data;
                const float* blocks = GATED && half == 1 ? up.scales : w.scales;
                rows[o][half] = data + weight * g.dataBytes + at * F::row_bytes(w);
                scales[o][half] = F::SCALED ? blocks + weight * g.scaleCount + at / w.blockRows * w.scaleCols : 0;
            }
        }
    };
    auto fetch = [&](long chunk) {
#pragma unroll
        for (int b = 0; b < CHUNK / F::COLUMNS; b++) {
#pragma unroll
            for (int o = 0; o < O; o++) {
                bool there = chunk < w.cols && (!F::HALF || chunk + b * F::COLUMNS < w.cols);
                raw[b][o][0] = there ? *F::at(rows[o][0], chunk + b * F::COLUMNS, t) : make_uint4(0, 0, 0, 0);
                raw[b][o][1] = there ? *F::at(rows[o][1], chunk + b * F::COLUMNS, t) : make_uint4(0, 0, 0, 0);
            }
        }
    };
    // Weights that the launch before does not choose come while that ends.
    bool chosen = g.weights || g.starts;
    if (!chosen) {
        locate(blockIdx.z);
        fetch(warp * CHUNK);
    }
    in_turn();
    Part part = part_of(g);
    if (chosen) {
        locate(part.weight);
        fetch(warp * CHUNK);
    }
    for (long from = (long) blockIdx.y * 8 * N, first = from; from < part.count; from += (long) gridDim.y * 8 * N) {
        const float* x[N];
        bool there[N];
#pragma unroll
        for (int n = 0; n < N; n++) {
            long token = from + 8 * n + row;
            there[n] = token < part.count;
            x[n] = g.x + part.group * g.xGroup + (there[n] ? x_row(g, part.first + token) : 0) * g.xRow;
        }
        float total[O][N][4] = {};
        for (long chunk = (long) warp * CHUNK; chunk < w.cols; chunk += WARPS * CHUNK) {
            if (chunk > warp * CHUNK || from > first) {
                fetch(chunk);
            }
            float inner[O][N][4] = {};
#pragma unroll
            for (int b = 0; b < CHUNK / F::COLUMNS; b++) {
#pragma unroll
                for (int s = 0; s < F::STEPS; s++) {
                    Pairs weights[O][2];
#pragma unroll
                    for (int o = 0; o < O; o++) {
                        weights[o][0] = F::step(raw[b][o][0], s);
                        weights[o][1] = F::step(raw[b][o][1], s);
                    }
                    long col = chunk + b * F::COLUMNS + t * (F::COLUMNS / 4) + 4 * s;
#pragma unroll
                    for (int n = 0; n < N; n++) {
                        float4 v = make_float4(0, 0, 0, 0);
                        if (there[n] && (!F::HALF || col < w.cols)) {
                            v = aligned ? *(const float4*) (x[n] + col)
                                        : make_float4(x[n][col], x[n][col + 1], x[n][col + 2], x[n][col + 3]);
                        }
                        Pairs parts[PARTS];
                        split<PARTS>(v, parts);
#pragma unroll
                        for (int p = 0; p < PARTS; p++) {
#pragma unroll
                            for (int o = 0; o < O; o++) {
                                multiply_add(F::SCALED ? inner[o][n] : total[o][n], weights[o][0], weights[o][1], parts[p]);
                            }
                        }
                    }
                }
            }
            if (F::SCALED) {
#pragma unroll
                for (int o = 0; o < O; o++) {
                    float upperScale = scales[o][0][chunk / CHUNK], lowerScale = scales[o][1][chunk / CHUNK];
#pragma unroll
                    for (int n = 0; n < N; n++) {
#pragma unroll
                        for (int i = 0; i < 4; i++) {
                            total[o][n][i] = fmaf(inner[o][n][i], i < 2 ? upperScale : lowerScale, total[o][n][i]);
                        }
                    }
                }
            }
        }
        __syncthreads();
#pragma unroll
        for (int o = 0; o < O; o++) {
#pragma unroll
            for (int n = 0; n < N; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    sums[warp][8 * n + 2 * t + i % 2][16 * o + 8 * (i / 2) + row] = total[o][n][i];
                }
            }
        }
        __syncthreads();
        for (int i = threadIdx.x; i < OUTPUTS_HERE * 8 * N; i += WARPS * 32) {
            int o = i % OUTPUTS_HERE, n = i / OUTPUTS_HERE;
            if (output + o < w.rows && from + n < part.count) {
                float sum[GATED ? 2 : 1];
#pragma unroll
                for (int which = 0; which < (GATED ? 2 : 1); which++) {
                    sum[which] = sums[0][n][o + 8 * which];
#pragma unroll
                    for (int other = 1; other < WARPS; other++) {
                        sum[which] += sums[other][n][o + 8 * which];
                    }
                }
                g.y[part.group * g.yGroup + (part.first + from + n) * g.yRow + output + o] =
                        GATED ? silu(sum[0]) * sum[GATED] : sum[0];
            }
        }
    }
}

#define TENSOR(NAME, F, PARTS, WARPS, O, N)                                                                       \
    KERNEL __launch_bounds__(WARPS * 32) tensor_##NAME##_##PARTS##_##N(Weight weight, Groups groups) {            \
        if (N == 1) {                                                                                             \
            ask_for_weight<F>(weight.data, weight, groups, 16 * O, blockIdx.x);                                   \
        }                                                                                                         \
        tensor_linear<F, PARTS, WARPS, O, N, false>(weight, groups, Companion{}, blockIdx.x);                     \
    }
#define GATED(NAME, F, PARTS, WARPS, N)                                                                           \
    KERNEL __launch_bounds__(WARPS * 32) gated_##NAME##_##PARTS##_##N(Weight weight, Groups groups, Companion up) { \
        if (N == 1) {                                                                                             \
            ask_for_weight<F>(weight.data, weight, groups, 8, blockIdx.x);                                        \
            ask_for_weight<F>(up.data, weight, groups, 8, blockIdx.x);                                            \
        }                                                                                                         \
        tensor_linear<F, PARTS, WARPS, 1, N, true>(weight, groups, up, blockIdx.x);                               \
    }

TENSOR(BF16, Bf16Tile, 3, 4, 1, 1)
TENSOR(BF16, Bf16Tile, 3, 4, 2, 4)
TENSOR(FP8, Fp8Tile, 3, 4, 1, 1)
TENSOR(FP8, Fp8Tile, 3, 4, 2, 4)

TENSOR(BF16, Bf16Tile, 1, 8, 1, 1)
TENSOR(BF16, Bf16Tile, 1, 4, 2, 4)
TENSOR(FP8, Fp8Tile, 1, 8, 1, 1)
TENSOR(FP8, Fp8Tile, 1, 4, 2, 4)

GATED(BF16, Bf16Tile, 1, 8, 1)
GATED(BF16, Bf16Tile, 1, 4, 4)
GATED(FP8, Fp8Tile, 1, 8, 1)
GATED(FP8, Fp8Tile, 1, 4, 4)

/* Two weights that do not wait for each other, in one launch: the first has so many blocks, the second those behind. */
#define PAIR(NAME, F)                                                                                             \
    KERNEL __launch_bounds__(256) pair_##NAME(Weight weight, Groups groups, Weight other, Groups others, long blocks) { \
        bool second = blockIdx.x >= blocks;                                                                       \
        Weight w = second ? other : weight;                                                                       \
        Groups g = second ? others : groups;                                                                      \
        long block = second ? blockIdx.x - blocks : blockIdx.x;                                                   \
        ask_for_weight<F>(w.data, w, g, 16, block);                                                               \
        tensor_linear<F, 1, 8, 1, 1, false>(w, g, Companion{}, block);                                            \
    }

PAIR(BF16, Bf16Tile)
PAIR(FP8, Fp8Tile)

/* Sets found to 1 where a code is NaN, which the kernels above do not know. */
KERNEL find_nan(const u8* codes, long count, int* found) {
    in_turn();
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        if ((codes[i] & 0x7f) == 0x7f) {
            *found = 1;
        }
    }
}
