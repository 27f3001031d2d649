// y = x Wᵀ for many rows of x that are BF16 already, by Hopper's asynchronous tensor-core instructions (wgmma), which take both
// matrices from shared memory. BF16 weights whose rows are whole stages of 64 columns.
//
// A block of WG warp groups has 64 * M * WG weight rows and N rows of x at a time. Sixteen bytes at a time are copied to shared
// memory while earlier stages are multiplied; a stage is 64 columns of all rows. Rows of 128 bytes are swizzled as the
// instruction wants it: piece p of row r lies at p ^ r % 8.

/* What a launch gives beside what kernels declare. */
extern __shared__ __align__(1024) u8 memory[];

__device__ inline u32 shared_address(const void* at) {
    return (u32) __cvta_generic_to_shared(at);
}

__device__ inline void copy_later(u32 to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

__device__ inline void end_of_copies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int LEFT> __device__ inline void wait_for_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory");
}

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

static const int STAGE_BYTES = 128;    // of a row
static const int STAGE_COLUMNS = 64;

/* Rows of 128 swizzled bytes, groups of eight rows one behind the other. */
__device__ inline u64 matrix_descriptor(u32 address) {
    return (u64) ((address & 0x3ffff) >> 4) | 1ull << 16 | 64ull << 32 | 1ull << 62;
}

#define NUMBERS_4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define NUMBERS_8(d, i) NUMBERS_4(d, i), NUMBERS_4(d, i + 4)
#define NUMBERS_16(d, i) NUMBERS_8(d, i), NUMBERS_8(d, i + 8)
#define NUMBERS_32(d, i) NUMBERS_16(d, i), NUMBERS_16(d, i + 16)
#define NAMES_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define NAMES_16 NAMES_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define NAMES_32 NAMES_16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define NAMES_64                                                                                          \
    NAMES_32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, " \
             "%50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

/* 64 weight rows times N rows of x, 16 columns. */
template <int N> struct Tiles;

#define TILES(N, NAMES, A, B, ...)                                                                                \
    template <> struct Tiles<N> {                                                                                 \
        __device__ static void multiply_add(float* sum, u64 weights, u64 x) {                                     \
            asm volatile("wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" NAMES "}, " A ", " B ", 1, 1, 1, 0, 0;" \
                         : __VA_ARGS__                                                                            \
                         : "l"(weights), "l"(x));                                                                 \
        }                                                                                                         \
    };

TILES(16, NAMES_8, "%8", "%9", NUMBERS_8(sum, 0))
TILES(32, NAMES_16, "%16", "%17", NUMBERS_16(sum, 0))
TILES(64, NAMES_32, "%32", "%33", NUMBERS_32(sum, 0))
TILES(128, NAMES_64, "%64", "%65", NUMBERS_32(sum, 0), NUMBERS_32(sum, 32))

/* With GATED, M is 2: gate and up, and y is BF16, as the next weight takes it. With SPLIT, as many warp groups as it says have the
   same rows and every so many'th stage, each in memory of its own; their sums are added in order: for weights of so few rows
   that there are fewer blocks than multiprocessors. */
template <int N, int M, int WG, bool GATED, int SPLIT>
__device__ void matrix(const Weight& w, const Groups& g, const Companion& up) {
    // Two of them are multiplied or just have been, the others are on their way.
    static const int STAGES = SPLIT > 1 ? (SPLIT == 2 || N <= 32 ? 4 : 3) : N > 32 ? 4 : N * 64 * M * WG > 32 * 64 ? 5 : 6;
    static const int THREADS_HERE = 128 * WG, STEP = THREADS_HERE / 8;
    static const int ROWS = 64 * M * WG, OUTPUTS_HERE = GATED ? 64 * WG : ROWS;
    static const int WEIGHT_COPIES = ROWS / STEP, X_COPIES = (N + STEP - 1) / STEP;
    static const u32 STAGE = (ROWS + N) * STAGE_BYTES;
    int split = SPLIT > 1 ? threadIdx.x / 128 : 0, thread = SPLIT > 1 ? threadIdx.x % 128 : threadIdx.x;
    u32 base = ((shared_address(memory) + 1023) & ~1023u) + split * STAGES * STAGE;
    Part part = part_of(g);
    long output = (long) blockIdx.x * OUTPUTS_HERE;
    int piece = thread % 8, row = thread / 8, group = thread / 128;
    u32 place = row * STAGE_BYTES + ((piece ^ (row % 8)) << 4);    // STEP is a multiple of 8
    int blocks = (int) (w.cols / STAGE_COLUMNS - split + SPLIT - 1) / SPLIT;
    const u8* weights[WEIGHT_COPIES];
#pragma unroll
    for (int i = 0; i < WEIGHT_COPIES; i++) {
        int at = row + i * STEP;
        int tile = at / 64;
        long wanted = GATED ? output + tile / M * 64 + at % 64 : output + at;
        const u8* data = GATED && tile % M == 1 ? up.data : w.data;
        weights[i] = data + part.weight * g.dataBytes + (part.weight * g.rows + min(wanted, w.rows - 1)) * w.cols * 2 + piece * 16;
    }
    for (long from = (long) blockIdx.y * N; from < part.count; from += (long) gridDim.y * N) {
        const u8* x[X_COPIES];
#pragma unroll
        for (int i = 0; i < X_COPIES; i++) {
            // Rows that are not there are the last one again; what they give is not stored.
            long token = part.first + min(from + row + i * STEP, part.count - 1);
            x[i] = (const u8*) ((const u16*) g.x + part.group * g.xGroup + x_row(g, token) * g.xRow) + piece * 16;
        }
        auto load = [&](int block) {
            u32 to = base + block % STAGES * STAGE + place;
            long column = (long) (block * SPLIT + split) * STAGE_BYTES;
#pragma unroll
            for (int i = 0; i < WEIGHT_COPIES; i++) {
                copy_later(to + i * STEP * STAGE_BYTES, weights[i] + column);
            }
#pragma unroll
            for (int i = 0; i < X_COPIES; i++) {
                if (N % STEP == 0 || row + i * STEP < N) {
                    copy_later(to + (ROWS + i * STEP) * STAGE_BYTES, x[i] + column);
                }
            }
        };
        float sum[M][N / 2];
#pragma unroll
        for (int m = 0; m < M; m++) {
#pragma unroll
            for (int i = 0; i < N / 2; i++) {
                sum[m][i] = 0;
            }
        }
        __syncthreads();
#pragma unroll
        for (int block = 0; block < STAGES - 2; block++) {
            if (block < blocks) {
                load(block);
            }
            end_of_copies();
        }
        for (int block = 0; block < blocks; block++) {
            wait_for_copies<STAGES - 3>();
            asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
            if (SPLIT > 1) {
                asm volatile("bar.sync %0, 128;" ::"r"(1 + split) : "memory");
            } else {
                __syncthreads();
            }
            u32 stage = base + block % STAGES * STAGE;
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
            u64 rows = matrix_descriptor(stage + group * M * 64 * STAGE_BYTES), other = matrix_descriptor(stage + ROWS * STAGE_BYTES);
#pragma unroll
            for (int k = 0; k < STAGE_COLUMNS / 16; k++) {
#pragma unroll
                for (int m = 0; m < M; m++) {
                    Tiles<N>::multiply_add(sum[m], rows + m * (64 * STAGE_BYTES >> 4) + 2 * k, other + 2 * k);
                }
            }
            asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
            // Before this block's everything is done, in all warps: they have passed the barrier above. So its stage is free.
            asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
            if (block + STAGES - 2 < blocks) {
                load(block + STAGES - 2);
            }
            end_of_copies();
        }
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
        if (SPLIT > 1) {
            wait_for_copies<0>();
            __syncthreads();
            float* others = (float*) memory;    // [SPLIT - 1][N / 2][128]
#pragma unroll
            for (int i = 0; i < N / 2; i++) {
                if (split > 0) {
                    others[((split - 1) * (N / 2) + i) * 128 + thread] = sum[0][i];
                }
            }
            __syncthreads();
#pragma unroll
            for (int i = 0; i < N / 2; i++) {
#pragma unroll
                for (int other = 0; other < SPLIT - 1; other++) {
                    sum[0][i] += others[(other * (N / 2) + i) * 128 + thread];
                }
            }
            if (split > 0) {
                continue;
            }
        }
        int quarter = threadIdx.x % 32 / 4, pair = threadIdx.x % 4 * 2, warp = threadIdx.x % 128 / 32;
#pragma unroll
        for (int m = 0; m < (GATED ? 1 : M); m++) {
#pragma unroll
            for (int i = 0; i < N / 2; i++) {
                long o = output + (GATED ? group : group * M + m) * 64 + warp * 16 + quarter + i % 4 / 2 * 8;
                long token = from + i / 4 * 8 + pair + i % 2;
                if (o < w.rows && token < part.count) {
                    long at = part.group * g.yGroup + (part.first + token) * g.yRow + o;
                    if (GATED) {
                        ((u16*) g.y)[at] = float_to_bf16(silu(sum[0][i]) * sum[M - 1][i]);
                    } else {
                        g.y[at] = sum[m][i];
                    }
                }
            }
        }
    }
}

#define MATRIX(SIZE, N, M, WG, SPLIT)                                                                              \
    KERNEL __launch_bounds__(128 * WG * SPLIT, 1) matrix_##SIZE##_##N(Weight weight, Groups groups) {              \
        in_turn();                                                                                                 \
        matrix<N, M, WG, false, SPLIT>(weight, groups, Companion{});                                               \
    }
#define GATED_MATRIX(SIZE, N, WG)                                                                                  \
    KERNEL __launch_bounds__(128 * WG, 1) gated_matrix_##SIZE##_##N(Weight weight, Groups groups, Companion up) {  \
        in_turn();                                                                                                 \
        matrix<N, 2, WG, true, 1>(weight, groups, up);                                                             \
    }

MATRIX(small, 16, 1, 1, 1)
MATRIX(small, 32, 1, 1, 1)
MATRIX(small, 64, 1, 1, 1)
MATRIX(small, 128, 1, 1, 1)
MATRIX(split, 16, 1, 1, 4)
MATRIX(split, 32, 1, 1, 4)
MATRIX(split, 64, 1, 1, 4)
MATRIX(split, 128, 1, 1, 2)
MATRIX(large, 128, 2, 2, 1)
GATED_MATRIX(small, 16, 1)
GATED_MATRIX(small, 32, 1)
GATED_MATRIX(small, 64, 1)
GATED_MATRIX(large, 128, 2)

#endif
