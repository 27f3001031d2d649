// y = x Wᵀ on tensor cores, for BF16 and FP8 weights whose rows are whole chunks of 128 columns.
//
// Both are exact in BF16. A float of x is cut into three BF16 numbers whose sum it is, so that products are exact and sums
// are float32's: the results are those of the kernels of linear.cu up to the order of sums, at a third of the tensor cores' rate.
//
// A block of four warps takes 16 * O weight rows and 8 * N rows of x; warp w takes chunks w, w + 4 ... of the columns, and the
// four sums are added in order. An output's sum never depends on O, N or the other rows of x.

static const int WARPS = 4;
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

/* Four floats as three times four BF16 numbers; each difference is exact. */
__device__ inline void split(float4 v, Pairs* parts) {
#pragma unroll
    for (int part = 0; part < 3; part++) {
        parts[part] = Pairs{upper(v.x, v.y), upper(v.z, v.w)};
        v = make_float4(v.x - cut(v.x), v.y - cut(v.y), v.z - cut(v.z), v.w - cut(v.w));
    }
}

__device__ inline void multiply_add(float* sum, const Pairs& upperRows, const Pairs& lowerRows, const Pairs& x) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(upperRows.low), "r"(lowerRows.low), "r"(upperRows.high), "r"(lowerRows.high), "r"(x.low), "r"(x.high));
}

template <class F, int O, int N> __device__ void tensor_linear(const Weight& w, const Groups& g) {
    __shared__ float sums[WARPS][8 * N][16 * O + 1];
    Part part = part_of(g);
    int warp = threadIdx.x / 32, row = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    long output = (long) blockIdx.x * 16 * O;
    bool aligned = ((long) g.x | 4 * g.xRow | 4 * g.xGroup) % 16 == 0;
    const u8* rows[O][2];
    const float* scales[O][2];
#pragma unroll
    for (int o = 0; o < O; o++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            long at = part.weight * g.rows + min(output + 16 * o + 8 * half + row, w.rows - 1);
            rows[o][half] = w.data + part.weight * g.dataBytes + at * F::row_bytes(w);
            scales[o][half] = F::SCALED ? w.scales + part.weight * g.scaleCount + at / w.blockRows * w.scaleCols : 0;
        }
    }
    for (long from = (long) blockIdx.y * 8 * N; from < part.count; from += (long) gridDim.y * 8 * N) {
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
            uint4 raw[CHUNK / F::COLUMNS][O][2];
#pragma unroll
            for (int b = 0; b < CHUNK / F::COLUMNS; b++) {
#pragma unroll
                for (int o = 0; o < O; o++) {
                    raw[b][o][0] = *F::at(rows[o][0], chunk + b * F::COLUMNS, t);
                    raw[b][o][1] = *F::at(rows[o][1], chunk + b * F::COLUMNS, t);
                }
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
                        if (there[n]) {
                            v = aligned ? *(const float4*) (x[n] + col)
                                        : make_float4(x[n][col], x[n][col + 1], x[n][col + 2], x[n][col + 3]);
                        }
                        Pairs parts[3];
                        split(v, parts);
#pragma unroll
                        for (int p = 0; p < 3; p++) {
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
        for (int i = threadIdx.x; i < 16 * O * 8 * N; i += WARPS * 32) {
            int o = i % (16 * O), n = i / (16 * O);
            if (output + o < w.rows && from + n < part.count) {
                float sum = sums[0][n][o];
#pragma unroll
                for (int other = 1; other < WARPS; other++) {
                    sum += sums[other][n][o];
                }
                g.y[part.group * g.yGroup + (part.first + from + n) * g.yRow + output + o] = sum;
            }
        }
    }
}

#define TENSOR(NAME, F, O, N)                                                                     \
    KERNEL __launch_bounds__(WARPS * 32) tensor_##NAME##_##N(Weight weight, Groups groups) {      \
        tensor_linear<F, O, N>(weight, groups);                                                   \
    }

TENSOR(BF16, Bf16Tile, 1, 1)
TENSOR(BF16, Bf16Tile, 2, 4)
TENSOR(FP8, Fp8Tile, 1, 1)
TENSOR(FP8, Fp8Tile, 2, 4)

/* Sets found to 1 where a code is NaN, which the kernels above do not know. */
KERNEL find_nan(const u8* codes, long count, int* found) {
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        if ((codes[i] & 0x7f) == 0x7f) {
            *found = 1;
        }
    }
}
