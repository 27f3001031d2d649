// y = x Wᵀ for many rows of x that are FP8, as the weight is: both meet on Hopper's FP8 tensor cores. W has a scale for each block
// of 128 by 128 numbers, x one for each 128 numbers of a row; sums of 128 are multiplied by both scales and added in float32.

/* Each 128 numbers of a row as E4M3 codes times a power of two, the smallest with which all fit. One block a row. */
KERNEL to_fp8(const float* x, long width, u8* codes, float* scales, long scaleRow, long scaleChunk) {
#if __CUDA_ARCH__ >= 890    // nobody asks older chips
    in_turn();
    int lane = threadIdx.x % 32;
    for (long chunk = threadIdx.x / 32; chunk < width / 128; chunk += blockDim.x / 32) {
        float4 v = ((const float4*) (x + blockIdx.x * width + chunk * 128))[lane];
        float largest = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
        for (int distance = 16; distance > 0; distance /= 2) {
            largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
        }
        // 448 is the largest code. Between 2^-100 and 2^100 the scale and its inverse are normal numbers.
        int power = (int) ((__float_as_uint(largest * (1.0f / 448)) + 0x7fffffu) >> 23) - 127;
        power = max(-100, min(100, power));
        float inverse = __int_as_float((127 - power) << 23);
        float numbers[4] = {v.x * inverse, v.y * inverse, v.z * inverse, v.w * inverse};
        ((u32*) (codes + blockIdx.x * width + chunk * 128))[lane] =
                two_to_e4m3(numbers[0], numbers[1]) | two_to_e4m3(numbers[2], numbers[3]) << 16;
        if (lane == 0) {
            scales[blockIdx.x * scaleRow + chunk * scaleChunk] = __int_as_float((127 + power) << 23);
        }
    }
#endif
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

/* 64 weight rows times N rows of x, 32 columns; the first of a chunk begins anew. */
template <int N> struct Codes;

#define CODES(N, NAMES, A, B, C, ...)                                                                             \
    template <> struct Codes<N> {                                                                                 \
        __device__ static void multiply(float* sum, u64 weights, u64 x, int add) {                                \
            asm volatile("{.reg .pred p; setp.ne.b32 p, " C ", 0;"                                                \
                         "wgmma.mma_async.sync.aligned.m64n" #N "k32.f32.e4m3.e4m3 {" NAMES "}, " A ", " B ", p, 1, 1;}" \
                         : __VA_ARGS__                                                                            \
                         : "l"(weights), "l"(x), "r"(add));                                                       \
        }                                                                                                         \
    };

CODES(32, NAMES_16, "%16", "%17", "%18", NUMBERS_16(sum, 0))
CODES(64, NAMES_32, "%32", "%33", "%34", NUMBERS_32(sum, 0))
CODES(128, NAMES_64, "%64", "%65", "%66", NUMBERS_32(sum, 0), NUMBERS_32(sum, 32))

/* A block has 128 * M weight rows and N rows of x; with GATED, M is 2 and 128 are of each weight. A stage is 128 columns of all rows
   and x's scales. */
template <int M, int N, int STAGES, bool GATED>
__device__ void quantized(const Weight& w, const Groups& g, const float* xScales, const Companion& up) {
    static const int THREADS_HERE = 256, STEP = THREADS_HERE / 8, ROWS = 128 * M;
    static const int OUTPUTS_HERE = GATED ? 128 : ROWS, WEIGHT_COPIES = ROWS / STEP, X_COPIES = N / STEP;
    static const u32 STAGE = (ROWS + N) * STAGE_BYTES;
    u32 base = (shared_address(memory) + 1023) & ~1023u;
    float* scalesOfX = (float*) (memory + (base - shared_address(memory)) + STAGES * STAGE);    // [STAGES][N]
    Part part = part_of(g);
    long output = (long) blockIdx.x * OUTPUTS_HERE;
    int piece = threadIdx.x % 8, row = threadIdx.x / 8, group = threadIdx.x / 128;
    u32 place = row * STAGE_BYTES + ((piece ^ (row % 8)) << 4);
    int blocks = (int) (w.cols / CHUNK);
    const u8* weights[WEIGHT_COPIES];
#pragma unroll
    for (int i = 0; i < WEIGHT_COPIES; i++) {
        int at = row + i * STEP, tile = at / 64;
        long wanted = GATED ? output + tile / M * 64 + at % 64 : output + at;
        const u8* data = GATED && tile % M == 1 ? up.data : w.data;
        weights[i] = data + part.weight * g.dataBytes + (part.weight * g.rows + min(wanted, w.rows - 1)) * w.cols + piece * 16;
    }
    const float* scales[M];
#pragma unroll
    for (int m = 0; m < M; m++) {
        long first = min(output + (GATED ? group : group * M + m) * 64, w.rows - 1);
        const float* all = GATED && m == 1 ? up.scales : w.scales;
        scales[m] = all + part.weight * g.scaleCount + (part.weight * g.rows + first) / w.blockRows * w.scaleCols;
    }
    for (long from = (long) blockIdx.y * N; from < part.count; from += (long) gridDim.y * N) {
        const u8* x[X_COPIES];
#pragma unroll
        for (int i = 0; i < X_COPIES; i++) {
            long token = x_row(g, part.first + min(from + row + i * STEP, part.count - 1));
            x[i] = (const u8*) g.x + token * g.xRow + piece * 16;
        }
        const float* scaleOfMine = xScales + x_row(g, part.first + min(from + threadIdx.x % N, part.count - 1)) * blocks;
        auto load = [&](int block) {
            if (block < blocks) {
                u32 to = base + block % STAGES * STAGE + place;
                long column = (long) block * STAGE_BYTES;
#pragma unroll
                for (int i = 0; i < WEIGHT_COPIES; i++) {
                    copy_later(to + i * STEP * STAGE_BYTES, weights[i] + column);
                }
#pragma unroll
                for (int i = 0; i < X_COPIES; i++) {
                    copy_later(to + (ROWS + i * STEP) * STAGE_BYTES, x[i] + column);
                }
                if (threadIdx.x < N) {
                    u32 scaleAt = shared_address(scalesOfX + block % STAGES * N + threadIdx.x);
                    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(scaleAt), "l"(scaleOfMine + block) : "memory");
                }
            }
            end_of_copies();
        };
        float total[M][N / 2] = {};
        float sum[M][N / 2];
        int pair = threadIdx.x % 4 * 2;
        auto step = [&](int block) {
            wait_for_copies<STAGES - 3>();
            asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
            __syncthreads();
            u32 stage = base + block % STAGES * STAGE;
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
            u64 rows = matrix_descriptor(stage + group * M * 64 * STAGE_BYTES), other = matrix_descriptor(stage + ROWS * STAGE_BYTES);
#pragma unroll
            for (int k = 0; k < 4; k++) {
#pragma unroll
                for (int m = 0; m < M; m++) {
                    Codes<N>::multiply(sum[m], rows + m * (64 * STAGE_BYTES >> 4) + 2 * k, other + 2 * k, k > 0);
                }
            }
            asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
            load(block + STAGES - 2);
            float weightScale[M];
#pragma unroll
            for (int m = 0; m < M; m++) {
                weightScale[m] = scales[m][block];
            }
            const float* own = scalesOfX + block % STAGES * N;
            asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
            for (int j = 0; j < N / 8; j++) {
                float2 s = *(const float2*) (own + j * 8 + pair);
#pragma unroll
                for (int m = 0; m < M; m++) {
                    // The product of both scales might be too small a number.
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        total[m][4 * j + i] = fmaf(sum[m][4 * j + i] * (i % 2 ? s.y : s.x), weightScale[m], total[m][4 * j + i]);
                    }
                }
            }
        };
        __syncthreads();
#pragma unroll
        for (int block = 0; block < STAGES - 2; block++) {
            load(block);
        }
        for (int block = 0; block < blocks; block++) {
            step(block);
        }
        int quarter = threadIdx.x % 32 / 4, warp = threadIdx.x % 128 / 32;
#pragma unroll
        for (int m = 0; m < (GATED ? 1 : M); m++) {
#pragma unroll
            for (int i = 0; i < N / 2; i++) {
                long o = output + (GATED ? group : group * M + m) * 64 + warp * 16 + quarter + i % 4 / 2 * 8;
                long token = from + i / 4 * 8 + pair + i % 2;
                if (o < w.rows && token < part.count) {
                    float value = GATED ? silu(total[0][i]) * total[M - 1][i] : total[m][i];
                    g.y[part.group * g.yGroup + (part.first + token) * g.yRow + o] = value;
                }
            }
        }
    }
}

#define QUANTIZED(N, STAGES)                                                                                       \
    KERNEL __launch_bounds__(256, 1) quantized_##N(Weight weight, Groups groups, const float* scales) {            \
        in_turn();                                                                                                 \
        quantized<1, N, STAGES, false>(weight, groups, scales, Companion{});                                       \
    }

#define QUANTIZED_GATED(N, STAGES)                                                                                 \
    KERNEL __launch_bounds__(256, 1) quantized_gated_##N(Weight weight, Groups groups, const float* scales, Companion up) { \
        in_turn();                                                                                                 \
        quantized<2, N, STAGES, true>(weight, groups, scales, up);                                                 \
    }

// Of 32 rows two blocks fit on a multiprocessor.
QUANTIZED(32, 5)
QUANTIZED(64, 8)
QUANTIZED(128, 6)
QUANTIZED_GATED(32, 3)
QUANTIZED_GATED(64, 4)

#endif
