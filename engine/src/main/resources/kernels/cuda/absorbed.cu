// Absorbed attention by Hopper's asynchronous tensor-core instructions (wgmma): as attend_latent, for up to 64 heads of a row, which a
// block takes together over a run of its keys.
//
// Keys come in tiles of 64, two of which are in shared memory: one is copied while the other is multiplied. A tile is nine blocks of
// 64 columns, rows of 128 bytes swizzled as wgmma wants them; its first eight are the values as well. The first warp group multiplies
// queries and keys and makes shares, which lie in shared memory; then both multiply them with half of the values' columns each.

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

static const int ABSORBED_HEADS = 64, LATENT_BLOCKS = LATENT_KEY / STAGE_COLUMNS;
static const u32 LATENT_TILE = LATENT_BLOCKS * COLUMN_BLOCK;

#define NAMES_128                                                                                                 \
    NAMES_64 ", "                                                                                                 \
             "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
             "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
             "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
             "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define NUMBERS_128(d) NUMBERS_32(d, 0), NUMBERS_32(d, 32), NUMBERS_32(d, 64), NUMBERS_32(d, 96)

/* 64 rows times 64 keys, 16 columns; the first step begins anew. */
__device__ inline void multiply_tile(float* sum, u64 queries, u64 keys, int add) {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %34, 0;"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" NAMES_32 "}, %32, %33, p, 1, 1, 0, 0;}"
                 : NUMBERS_32(sum, 0) : "l"(queries), "l"(keys), "r"(add));
}

/* Shares of 16 keys times 256 columns of their values, which are turned. */
__device__ inline void multiply_half(float* sum, u64 shares, u64 values) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {" NAMES_128 "}, %128, %129, 1, 1, 1, 0, 1;"
                 : NUMBERS_128(sum) : "l"(shares), "l"(values));
}

/* Queries of up to 64 heads as BF16, zeros where there is no head. */
__device__ inline void load_queries(u32 to, const Queries& q, long row, long firstHead) {
    const float* from = q.query + row * q.row + firstHead * q.head;
    bool fours = (q.row | q.head) % 4 == 0 && (long) q.query % 16 == 0;
    for (int i = threadIdx.x; i < ABSORBED_HEADS * LATENT_PIECES; i += FLASH_THREADS) {
        int head = i / LATENT_PIECES, piece = i % LATENT_PIECES;
        float v[8] = {};
        if (firstHead + head < q.heads) {
            const float* at = from + head * q.head + piece * 8;
            if (fours) {
                *(float4*) v = *(const float4*) at;
                *(float4*) (v + 4) = *(const float4*) (at + 4);
            } else {
#pragma unroll
                for (int k = 0; k < 8; k++) {
                    v[k] = at[k];
                }
            }
        }
        u32 place = to + piece / 8 * COLUMN_BLOCK + head * STAGE_BYTES + ((piece ^ head) % 8 << 4);
        asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(place), "r"(round_to_bf16(v[0], v[1])),
                     "r"(round_to_bf16(v[2], v[3])), "r"(round_to_bf16(v[4], v[5])), "r"(round_to_bf16(v[6], v[7])) : "memory");
    }
}

KERNEL __launch_bounds__(FLASH_THREADS, 1) attend_absorbed(const u8* rows, Queries q, double scale, float* partial, long runs,
        long runLength, float* out, long outRow, long outHead) {
    in_turn();
    u32 base = (shared_address(memory) + 1023) & ~1023u, queries = base + 2 * LATENT_TILE, shares = queries + LATENT_TILE;
    float* keeps = (float*) (memory + (shares + ABSORBED_HEADS * STAGE_BYTES - shared_address(memory)));    // [heads]
    float* totals = keeps + ABSORBED_HEADS;
    long row = blockIdx.x, firstHead = (long) blockIdx.y * ABSORBED_HEADS, from = blockIdx.z * runLength;
    int keys = (int) min(runLength, q.seen[row] - from);
    if (keys <= 0) {
        return;
    }
    const int* slotsOfRow = q.slots + q.first[row] + from;
    // Eight threads copy a key's row, 128 bytes at a time, and later that of the key 32 further.
    int thread = threadIdx.x, lane = thread % 32, key = thread / 8, part = thread % 8;
    int group = __shfl_sync(0xffffffffu, thread / 128, 0), tiles = (keys + FLASH_KEYS - 1) / FLASH_KEYS;
    int slots[2];
    auto find = [&](int tile) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            slots[half] = slotsOfRow[min(tile * FLASH_KEYS + half * 32 + key, keys - 1)];
        }
    };
    find(0);
    auto load = [&](int tile) {
        if (tile < tiles) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const u8* at = rows + (long) slots[half] * LATENT_ROW + part * 16;
                u32 to = base + tile % 2 * LATENT_TILE + (half * 32 + key) * STAGE_BYTES + ((part ^ key) % 8 << 4);
#pragma unroll
                for (int block = 0; block < LATENT_BLOCKS; block++) {
                    copy_later(to + block * COLUMN_BLOCK, at + block * STAGE_BYTES);
                }
            }
            find(tile + 1);
        }
        end_of_copies();
    };
    load(0);
    load_queries(queries, q, row, firstHead);
    float scaling = (float) (scale * 1.4426950408889634);    // exponentials are powers of two
    float values[128] = {};
    float top[2] = {-INFINITY_F, -INFINITY_F}, sum[2] = {};
    int head = thread % 128 / 32 * 16 + lane / 4;    // and eight further
    for (int tile = 0; tile < tiles; tile++) {
        wait_for_copies<0>();
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncthreads();
        load(tile + 1);
        u32 keysAt = base + tile % 2 * LATENT_TILE;
        if (group == 0) {
            float scores[32];
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
            for (int step = 0; step < LATENT_KEY / 16; step++) {
                u32 block = step / 4 * COLUMN_BLOCK;
                multiply_tile(scores, matrix_descriptor(queries + block) + step % 4 * 2, matrix_descriptor(keysAt + block) + step % 4 * 2,
                              step > 0);
            }
            asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
            asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
            float best[2] = {top[0], top[1]};
#pragma unroll
            for (int i = 0; i < 32; i++) {
                bool there = tile * FLASH_KEYS + i / 4 * 8 + lane % 4 * 2 + i % 2 < keys;
                scores[i] = there ? scores[i] : -INFINITY_F;
                best[i % 4 / 2] = fmaxf(best[i % 4 / 2], scores[i]);
            }
#pragma unroll
            for (int half = 0; half < 2; half++) {
                best[half] = fmaxf(best[half], __shfl_xor_sync(0xffffffffu, best[half], 1));
                best[half] = fmaxf(best[half], __shfl_xor_sync(0xffffffffu, best[half], 2));
                float keep = power_of_two((top[half] - best[half]) * scaling);
                top[half] = best[half];
                sum[half] *= keep;
                if (lane % 4 == 0) {
                    keeps[head + 8 * half] = keep;
                }
            }
#pragma unroll
            for (int i = 0; i < 32; i += 2) {
                int half = i % 4 / 2;
                float p = power_of_two(fmaf(scores[i], scaling, -best[half] * scaling));
                float other = power_of_two(fmaf(scores[i + 1], scaling, -best[half] * scaling));
                u32 pair = round_to_bf16(p, other);
                sum[half] += __uint_as_float(pair << 16) + __uint_as_float(pair & 0xffff0000u);
                int at = head + 8 * half;
                u32 place = shares + at * STAGE_BYTES + ((i / 4 ^ at) % 8 << 4) + lane % 4 * 4;
                asm volatile("st.shared.b32 [%0], %1;" ::"r"(place), "r"(pair) : "memory");
            }
            asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        }
        __syncthreads();
        float keep[2] = {keeps[head], keeps[head + 8]};
#pragma unroll
        for (int i = 0; i < 128; i++) {
            values[i] *= keep[i % 4 / 2];
        }
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (int step = 0; step < FLASH_KEYS / 16; step++) {
            multiply_half(values, matrix_descriptor(shares) + step * 2,
                          turned_descriptor(keysAt + group * 4 * COLUMN_BLOCK) + step * (16 * STAGE_BYTES >> 4));
        }
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    }
    if (group == 0) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            sum[half] += __shfl_xor_sync(0xffffffffu, sum[half], 1);
            sum[half] += __shfl_xor_sync(0xffffffffu, sum[half], 2);
            long at = firstHead + head + 8 * half;
            if (lane % 4 == 0) {
                totals[head + 8 * half] = sum[half];
                if (runs > 1 && at < q.heads) {
                    float* end = partial + ((row * q.heads + at) * runs + blockIdx.z) * (LATENT + 2) + LATENT;
                    end[0] = top[half] * (float) scale;
                    end[1] = sum[half];
                }
            }
        }
    }
    __syncthreads();
#pragma unroll
    for (int half = 0; half < 2; half++) {
        long at = firstHead + head + 8 * half;
        if (at < q.heads) {
            float* to = runs > 1 ? partial + ((row * q.heads + at) * runs + blockIdx.z) * (LATENT + 2) : out + row * outRow + at * outHead;
            float share = runs > 1 ? 1 : 1 / totals[head + 8 * half];
            bool pairs = (long) to % 8 == 0;
#pragma unroll
            for (int n = 0; n < 32; n++) {
                float2 v = make_float2(values[4 * n + 2 * half] * share, values[4 * n + 2 * half + 1] * share);
                float* own = to + group * 256 + n * 8 + lane % 4 * 2;
                if (pairs) {
                    *(float2*) own = v;
                } else {
                    own[0] = v.x;
                    own[1] = v.y;
                }
            }
        }
    }
}

#endif
