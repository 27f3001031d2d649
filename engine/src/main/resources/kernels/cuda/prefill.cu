// Attention over expanded keys and values by Hopper's asynchronous tensor-core instructions (wgmma): as attend_flash, for many rows.
//
// A block has 128 rows of queries of one head, 64 for each of two warp groups, whose queries stay in registers. Keys come in tiles of
// 64, three of which are in shared memory: while a tile's scores become shares, the values of the tile before are added up, and the
// tile after it is copied. A tile is five blocks of 64 columns, rows of 128 bytes swizzled as wgmma wants them: keys' own part, what
// heads share of them, values.

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)

static const int TILES_THERE = 3;
static const u32 COLUMN_BLOCK = FLASH_KEYS * STAGE_BYTES, TILE_BYTES = 5 * COLUMN_BLOCK;

/* 64 rows of queries times 64 keys, 16 columns; the first step begins anew. */
__device__ inline void multiply_keys(float* sum, const u32* q, u64 keys, int add) {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %37, 0;"
                 "wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {" NAMES_32 "}, {%32, %33, %34, %35}, %36, p, 1, 1, 0;}"
                 : NUMBERS_32(sum, 0)
                 : "r"(q[0]), "r"(q[1]), "r"(q[2]), "r"(q[3]), "l"(keys), "r"(add));
}

/* Shares of 16 keys times their values, 128 columns: a key's numbers lie beside each other, so the matrix is turned. */
__device__ inline void multiply_values(float* sum, const u32* shares, u64 values) {
    asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" NAMES_64 "}, {%64, %65, %66, %67}, %68, 1, 1, 1, 1;"
                 : NUMBERS_32(sum, 0), NUMBERS_32(sum, 32)
                 : "r"(shares[0]), "r"(shares[1]), "r"(shares[2]), "r"(shares[3]), "l"(values));
}

/* Turned: groups of eight keys lie 1024 bytes apart, the other 64 columns a block of columns. */
__device__ inline u64 turned_descriptor(u32 address) {
    return (u64) ((address & 0x3ffff) >> 4) | (u64) (COLUMN_BLOCK >> 4) << 16 | 64ull << 32 | 1ull << 62;
}

__device__ inline float power_of_two(float v) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(v));
    return result;
}

KERNEL __launch_bounds__(ROWS_THREADS, 1) attend_prefill(const u16* query, long rows, long firstQuery, const u16* keysValues,
        const u16* ropeKeys, long keys, long firstKey, double scale, float* out, long outRow, long outHead, float* logSumExp,
        long heads) {
    in_turn();
    u32 base = (shared_address(memory) + 1023) & ~1023u, queries = base + TILES_THERE * TILE_BYTES;
    int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    long head = blockIdx.y;
    // Late rows see more keys: they begin first.
    long firstRow = (gridDim.x - 1 - blockIdx.x) * (long) FLASH_ROWS;
    long most = min(keys, firstQuery + min(firstRow + FLASH_ROWS, rows) - firstKey);
    if (most <= 0) {
        return;
    }
    int tiles = (int) ((most + FLASH_KEYS - 1) / FLASH_KEYS);
    for (int i = thread; i < FLASH_ROWS * (KEY_ROW / 16); i += ROWS_THREADS) {
        int row = i / (KEY_ROW / 16), piece = i % (KEY_ROW / 16);
        long from = min(firstRow + row, rows - 1);
        copy_later(swizzled<KEY_ROW>(queries, row, piece), query + (from * heads + head) * (NOPE + ROPE) + piece * 8);
    }
    int key = thread / 4, part = thread % 4;
    auto load = [&](int tile) {
        if (tile < tiles) {
            long at = min((long) tile * FLASH_KEYS + key, keys - 1);
            const u16* own = keysValues + (at * heads + head) * (NOPE + VALUE);
            const u16* shared = ropeKeys + at * ROPE;
            u32 to = base + tile % TILES_THERE * TILE_BYTES + key * STAGE_BYTES;
#pragma unroll
            for (int i = 0; i < 10; i++) {
                int piece = 4 * i + part;
                const u16* from = i < 4 ? own + piece * 8 : i < 6 ? shared + piece * 8 - NOPE : own + piece * 8 - ROPE;
                copy_later(to + i / 2 * COLUMN_BLOCK + ((piece ^ key) % 8 << 4), from);
            }
        }
        end_of_copies();
    };
    load(0);
    load(1);
    long seen[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        long row = firstRow + warp * 16 + lane / 4 + 8 * half;
        seen[half] = row < rows ? min(keys, firstQuery + row - firstKey + 1) : 0;
    }
    float scaling = (float) (scale * 1.4426950408889634);    // exponentials are powers of two
    u32 q[(NOPE + ROPE) / 16][4];
    float scores[32], values[VALUE / 2] = {};
    u32 shares[16];
    float top[2] = {-INFINITY_F, -INFINITY_F}, sum[2] = {}, keep[2];
    auto multiply = [&](int tile) {
        u32 at = base + tile % TILES_THERE * TILE_BYTES;
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (int step = 0; step < (NOPE + ROPE) / 16; step++) {
            multiply_keys(scores, q[step], matrix_descriptor(at + step / 4 * COLUMN_BLOCK) + step % 4 * 2, step > 0);
        }
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    };
    // Scores become shares.
    auto share = [&](int tile) {
        long from = (long) tile * FLASH_KEYS + lane % 4 * 2;
        bool whole = (tile + 1) * (long) FLASH_KEYS <= min(seen[0], seen[1]);
        float best[2] = {top[0], top[1]};
#pragma unroll
        for (int i = 0; i < 32; i++) {
            bool visible = whole || from + i / 4 * 8 + i % 2 < seen[i % 4 / 2];
            scores[i] = visible ? scores[i] : -INFINITY_F;
            best[i % 4 / 2] = fmaxf(best[i % 4 / 2], scores[i]);
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            best[half] = fmaxf(best[half], __shfl_xor_sync(0xffffffffu, best[half], 1));
            best[half] = fmaxf(best[half], __shfl_xor_sync(0xffffffffu, best[half], 2));
            // A row that has seen nothing yet keeps nothing, and has no number to subtract.
            bool some = best[half] > -INFINITY_F;
            keep[half] = some ? power_of_two((top[half] - best[half]) * scaling) : 1;
            top[half] = best[half];
            best[half] = some ? best[half] * scaling : 0;
            sum[half] *= keep[half];
        }
#pragma unroll
        for (int i = 0; i < 32; i++) {
            scores[i] = power_of_two(fmaf(scores[i], scaling, -best[i % 4 / 2]));
            sum[i % 4 / 2] += scores[i];
        }
    };
    // Whatever they are multiplied with must be there before the first product begins.
    auto round = [&] {
#pragma unroll
        for (int i = 0; i < 16; i++) {
            asm volatile("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(shares[i]) : "f"(scores[2 * i + 1]), "f"(scores[2 * i]));
        }
    };
    auto add = [&](int tile) {
        u32 at = base + tile % TILES_THERE * TILE_BYTES + 3 * COLUMN_BLOCK;
        asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
        for (int step = 0; step < FLASH_KEYS / 16; step++) {
            multiply_values(values, shares + 4 * step, turned_descriptor(at) + step * (16 * STAGE_BYTES >> 4));
        }
        asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
    };
    auto attend = [&](int tile) {
        wait_for_copies<0>();
        asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
        __syncthreads();
        load(tile + 2);
        multiply(tile + 1);
        add(tile);
        asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory");
        share(tile + 1);
        asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
        for (int i = 0; i < VALUE / 2; i++) {
            values[i] *= keep[i % 4 / 2];
        }
        round();
    };
    wait_for_copies<1>();
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
#pragma unroll
    for (int step = 0; step < (NOPE + ROPE) / 16; step++) {
        load_matrices(q[step], swizzled<KEY_ROW>(queries, warp * 16 + lane % 16, 2 * step + lane / 16));
    }
    multiply(0);
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    share(0);
    round();
    for (int tile = 0; tile + 1 < tiles; tile++) {
        attend(tile);
    }
    add(tiles - 1);
    asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
    bool pairs = (outRow | outHead) % 2 == 0 && (long) out % 8 == 0;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        sum[half] += __shfl_xor_sync(0xffffffffu, sum[half], 1);
        sum[half] += __shfl_xor_sync(0xffffffffu, sum[half], 2);
        long row = firstRow + warp * 16 + lane / 4 + 8 * half;
        float* end = logSumExp + row * heads + head;
        float before = seen[half] > 0 ? *end : 0;
        __syncwarp();
        if (seen[half] <= 0) {
            continue;
        }
        float chunk = top[half] * (float) scale + logf(sum[half]);
        float after = fmaxf(before, chunk) + log1pf(expf(-fabsf(before - chunk)));
        float keep = expf(before - after);
        float gain = expf(chunk - after) / sum[half];
        float* to = out + row * outRow + head * outHead + lane % 4 * 2;
#pragma unroll
        for (int n = 0; n < VALUE / 8; n++) {
            float2 own = make_float2(gain * values[4 * n + 2 * half], gain * values[4 * n + 2 * half + 1]);
            // Before the first chunk out holds anything, NaN perhaps: zero times that is not zero.
            if (before > -INFINITY_F) {
                own = make_float2(own.x + keep * to[n * 8], own.y + keep * to[n * 8 + 1]);
            }
            if (pairs) {
                *(float2*) (to + n * 8) = own;
            } else {
                to[n * 8] = own.x;
                to[n * 8 + 1] = own.y;
            }
        }
        if (lane % 4 == 0) {
            *end = after;
        }
    }
}

#endif
