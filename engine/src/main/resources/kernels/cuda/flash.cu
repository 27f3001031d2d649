// Attention on tensor cores, for DeepSeek's widths: queries and shares are rounded to BF16, scores and sums are float32.

/* Four matrices of 8 by 8 numbers; each lane gives the address of one row. */
__device__ inline void load_matrices(u32* to, u32 at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at));
}

__device__ inline void load_turned_matrices(u32* to, u32 at) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(at));
}

__device__ inline void multiply_add(float* sum, const u32* a, const u32* b) {
    multiply_add(sum, Pairs{a[0], a[2]}, Pairs{a[1], a[3]}, Pairs{b[0], b[1]});
}

/* Absorbed attention of 16 * M heads of one row over one run of its keys, which are read once for all of them. With one run the
   result is final; otherwise it is [value | largest score | sum of exponentials] for each row, head and run. Scores: warps share
   a tile's keys and heads; sums: each warp has 64 columns of the value, of all heads. */
template <int M, class Rows>
__device__ void attend_latent(const u8* rows, const Queries& q, float scale, float* partial, long runs, long runLength,
                              float* out, long outRow, long outHead) {
    // Of 16 heads two blocks fit on a multiprocessor: one's keys come while the other's are multiplied.
    static const int HEADS_HERE = 16 * M, KEY_GROUPS = FLASH_WARPS / M, BUFFERS = M == 1 || !Rows::LATER ? 1 : 2;
    u32 queries = shared_address(memory), tiles = queries + HEADS_HERE * LATENT_ROW;
    u32 shares = tiles + BUFFERS * FLASH_KEYS * LATENT_ROW;
    float* largest = (float*) (memory + (HEADS_HERE + BUFFERS * FLASH_KEYS) * LATENT_ROW + HEADS_HERE * 2 * FLASH_KEYS);
    float* gained = largest + KEY_GROUPS * HEADS_HERE;    // both [KEY_GROUPS][heads]
    float* tops = gained + KEY_GROUPS * HEADS_HERE;       // [2][heads]: before and after a tile
    float* keeps = tops + 2 * HEADS_HERE;
    int* slots = (int*) (keeps + HEADS_HERE);             // [2][FLASH_KEYS]
    long row = blockIdx.x, firstHead = (long) blockIdx.y * HEADS_HERE, from = blockIdx.z * runLength;
    int keys = (int) min(runLength, q.seen[row] - from);
    if (keys <= 0) {
        return;
    }
    const int* slotsOfRow = q.slots + q.first[row] + from;
    int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    int blocks = (keys + FLASH_KEYS - 1) / FLASH_KEYS;
    auto findSlots = [&](int tile) {
        if (thread < FLASH_KEYS && tile < blocks) {
            slots[tile % 2 * FLASH_KEYS + thread] = slotsOfRow[min(tile * FLASH_KEYS + thread, keys - 1)];
        }
    };
    auto load = [&](int tile) {
        if (tile < blocks) {
            Rows::load(tiles + tile % BUFFERS * FLASH_KEYS * LATENT_ROW, rows, slots + tile % 2 * FLASH_KEYS);
        }
        end_of_copies();
    };
    findSlots(0);
    findSlots(1);
    for (int i = thread; i < HEADS_HERE * LATENT_KEY / 2; i += FLASH_THREADS) {
        int head = i / (LATENT_KEY / 2), pair = i % (LATENT_KEY / 2);
        bool there = firstHead + head < q.heads;
        const float* at = q.query + row * q.row + (firstHead + head) * q.head + 2 * pair;
        u32 to = swizzled<LATENT_ROW>(0, head, pair / 4) + pair % 4 * 4;
        *(u32*) (memory + to) = there ? round_to_bf16(at[0], at[1]) : 0;
    }
    if (thread < HEADS_HERE) {
        tops[thread] = -INFINITY_F;
    }
    float total = 0;    // of head thread
    float values[M][8][4] = {};
    __syncthreads();
    load(0);
    int tileOfHeads = warp % M, keyGroup = warp / M, upperRow = tileOfHeads * 16 + lane / 4;
    for (int tile = 0; tile < blocks; tile++) {
        if (BUFFERS > 1) {
            load(tile + 1);
        }
        wait_for_copies<BUFFERS - 1>();
        __syncthreads();
        findSlots(tile + 2);
        u32 keysAt = tiles + tile % BUFFERS * FLASH_KEYS * LATENT_ROW;
        const float* before = tops + tile % 2 * HEADS_HERE;
        float* after = tops + (tile + 1) % 2 * HEADS_HERE;
        float scores[2][M][4] = {};    // even and odd steps, so that two sums are under way
#pragma unroll 4
        for (int step = 0; step < LATENT_KEY / 16; step++) {
            u32 a[4];
            load_matrices(a, swizzled<LATENT_ROW>(queries, tileOfHeads * 16 + lane % 16, 2 * step + lane / 16));
#pragma unroll
            for (int n = 0; n < M; n += 2) {
                // For one tile of keys alone its rows are loaded twice.
                u32 b[4];
                int key = keyGroup * 8 * M + n * 8 + (M > 1 ? lane / 16 * 8 : 0) + lane % 8;
                load_matrices(b, swizzled<LATENT_ROW>(keysAt, key, 2 * step + lane / 8 % 2));
                multiply_add(scores[step % 2][n], a, b);
                if (M > 1) {
                    multiply_add(scores[step % 2][(n + 1) % M], a, b + 2);
                }
            }
        }
        float top[2] = {-INFINITY_F, -INFINITY_F};
#pragma unroll
        for (int n = 0; n < M; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                int key = tile * FLASH_KEYS + keyGroup * 8 * M + n * 8 + lane % 4 * 2 + i % 2;
                scores[0][n][i] = key < keys ? (scores[0][n][i] + scores[1][n][i]) * scale : -INFINITY_F;
                top[i / 2] = fmaxf(top[i / 2], scores[0][n][i]);
            }
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            top[half] = fmaxf(top[half], __shfl_xor_sync(0xffffffffu, top[half], 1));
            top[half] = fmaxf(top[half], __shfl_xor_sync(0xffffffffu, top[half], 2));
            if (lane % 4 == 0) {
                largest[keyGroup * HEADS_HERE + upperRow + 8 * half] = top[half];
            }
        }
        __syncthreads();
        float sums[2] = {};
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int head = upperRow + 8 * half;
            top[half] = before[head];
            for (int group = 0; group < KEY_GROUPS; group++) {
                top[half] = fmaxf(top[half], largest[group * HEADS_HERE + head]);
            }
        }
#pragma unroll
        for (int n = 0; n < M; n++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float p = __expf(scores[0][n][2 * half] - top[half]), other = __expf(scores[0][n][2 * half + 1] - top[half]);
                u32 pair = round_to_bf16(p, other);
                sums[half] += __uint_as_float(pair << 16) + __uint_as_float(pair & 0xffff0000u);
                u32 to = swizzled<2 * FLASH_KEYS>(shares, upperRow + 8 * half, keyGroup * M + n) + lane % 4 * 4;
                asm volatile("st.shared.b32 [%0], %1;" ::"r"(to), "r"(pair) : "memory");
            }
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            sums[half] += __shfl_xor_sync(0xffffffffu, sums[half], 1);
            sums[half] += __shfl_xor_sync(0xffffffffu, sums[half], 2);
            if (lane % 4 == 0) {
                gained[keyGroup * HEADS_HERE + upperRow + 8 * half] = sums[half];
            }
        }
        if (thread < HEADS_HERE) {
            float best = before[thread];
            for (int group = 0; group < KEY_GROUPS; group++) {
                best = fmaxf(best, largest[group * HEADS_HERE + thread]);
            }
            after[thread] = best;
            keeps[thread] = __expf(before[thread] - best);
        }
        __syncthreads();
        if (thread < HEADS_HERE) {
            total *= keeps[thread];
            for (int group = 0; group < KEY_GROUPS; group++) {
                total += gained[group * HEADS_HERE + thread];
            }
        }
#pragma unroll
        for (int m = 0; m < M; m++) {
            float keep[2] = {keeps[m * 16 + lane / 4], keeps[m * 16 + lane / 4 + 8]};
#pragma unroll
            for (int n = 0; n < 8; n++) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    values[m][n][i] *= keep[i / 2];
                }
            }
        }
#pragma unroll
        for (int step = 0; step < FLASH_KEYS / 16; step++) {
            u32 a[M][4];
#pragma unroll
            for (int m = 0; m < M; m++) {
                load_matrices(a[m], swizzled<2 * FLASH_KEYS>(shares, m * 16 + lane % 16, 2 * step + lane / 16));
            }
#pragma unroll
            for (int n = 0; n < 8; n += 2) {
                u32 b[4];
                load_turned_matrices(b, swizzled<LATENT_ROW>(keysAt, step * 16 + lane % 16, warp * 8 + n + lane / 16));
#pragma unroll
                for (int m = 0; m < M; m++) {
                    multiply_add(values[m][n], a[m], b);
                    multiply_add(values[m][n + 1], a[m], b + 2);
                }
            }
        }
        __syncthreads();
        if (BUFFERS == 1) {
            load(tile + 1);
        }
    }
    float* totals = largest;
    if (thread < HEADS_HERE) {
        totals[thread] = total;
        if (runs > 1 && firstHead + thread < q.heads) {
            float* end = partial + ((row * q.heads + firstHead + thread) * runs + blockIdx.z) * (LATENT + 2) + LATENT;
            end[0] = tops[blocks % 2 * HEADS_HERE + thread];
            end[1] = total;
        }
    }
    __syncthreads();
#pragma unroll
    for (int m = 0; m < M; m++) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int here = m * 16 + lane / 4 + i / 2 * 8;
            long head = firstHead + here;
            if (head >= q.heads) {
                continue;
            }
            float* to = runs > 1 ? partial + ((row * q.heads + head) * runs + blockIdx.z) * (LATENT + 2)
                                 : out + row * outRow + head * outHead;
            float share = runs > 1 ? 1 : 1 / totals[here];
#pragma unroll
            for (int n = 0; n < 8; n++) {
                to[warp * 64 + n * 8 + lane % 4 * 2 + i % 2] = values[m][n][i] * share;
            }
        }
    }
}

#define ATTEND_LATENT(C, M, BLOCKS)                                                                                         \
    KERNEL __launch_bounds__(FLASH_THREADS, BLOCKS) attend_latent_##C##_##M(const u8* rows, Queries queries, double scale,     \
            float* partial, long runs, long runLength, float* out, long outRow, long outHead) { in_turn();                  \
        attend_latent<M, Latent##C>(rows, queries, (float) scale, partial, runs, runLength, out, outRow, outHead);          \
    }

ATTEND_LATENT(BF16, 1, 2)
ATTEND_LATENT(BF16, 4, 1)
ATTEND_LATENT(FP8_E4M3, 1, 2)
ATTEND_LATENT(FP8_E4M3, 4, 1)

static const int FLASH_ROWS = 128, ROWS_THREADS = 2 * FLASH_ROWS;
static const int NOPE = 128, ROPE = 64, VALUE = 128;    // of a head
static const int KEY_ROW = 2 * (NOPE + ROPE), VALUE_ROW = 2 * VALUE;

/* As attend_expanded, for heads of the widths above; queries, keys and values are BF16, heads one behind the other. A warp has
   16 rows; their queries stay in registers, shares go from the scores' registers straight into the sums'. */
KERNEL __launch_bounds__(ROWS_THREADS, 1) attend_flash(const u16* query, long rows, long firstQuery, const u16* keysValues,
        const u16* ropeKeys, long keys, long firstKey, double scale, float* out, long outRow, long outHead, float* logSumExp,
        long heads) {
    in_turn();
    u32 queries = shared_address(memory), keyTiles = queries + FLASH_ROWS * KEY_ROW;
    u32 valueTiles = keyTiles + 2 * FLASH_KEYS * KEY_ROW;
    int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    long head = blockIdx.y;
    // Late rows see more keys: they begin first.
    long firstRow = (gridDim.x - 1 - blockIdx.x) * (long) FLASH_ROWS;
    long most = min(keys, firstQuery + min(firstRow + FLASH_ROWS, rows) - firstKey);
    if (most <= 0) {
        return;
    }
    for (int i = thread; i < FLASH_ROWS * (KEY_ROW / 16); i += ROWS_THREADS) {
        int row = i / (KEY_ROW / 16), piece = i % (KEY_ROW / 16);
        long from = min(firstRow + row, rows - 1);
        copy_later(swizzled<KEY_ROW>(queries, row, piece), query + (from * heads + head) * (NOPE + ROPE) + piece * 8);
    }
    auto load = [&](long from) {
        u32 to = (u32) (from / FLASH_KEYS % 2);
        if (from < most) {
            for (int i = thread; i < FLASH_KEYS * (KEY_ROW + VALUE_ROW) / 16; i += ROWS_THREADS) {
                int key = i / ((KEY_ROW + VALUE_ROW) / 16), piece = i % ((KEY_ROW + VALUE_ROW) / 16);
                long at = min(from + key, keys - 1);
                const u16* own = keysValues + (at * heads + head) * (NOPE + VALUE);
                if (piece < NOPE / 8) {
                    copy_later(swizzled<KEY_ROW>(keyTiles + to * FLASH_KEYS * KEY_ROW, key, piece), own + piece * 8);
                } else if (piece < (NOPE + ROPE) / 8) {
                    copy_later(swizzled<KEY_ROW>(keyTiles + to * FLASH_KEYS * KEY_ROW, key, piece),
                               ropeKeys + at * ROPE + piece * 8 - NOPE);
                } else {
                    copy_later(swizzled<VALUE_ROW>(valueTiles + to * FLASH_KEYS * VALUE_ROW, key, piece - (NOPE + ROPE) / 8),
                               own + piece * 8 - ROPE);
                }
            }
        }
        end_of_copies();
    };
    load(0);
    long seen[2];
#pragma unroll
    for (int half = 0; half < 2; half++) {
        long row = firstRow + warp * 16 + lane / 4 + 8 * half;
        seen[half] = row < rows ? min(keys, firstQuery + row - firstKey + 1) : 0;
    }
    u32 q[(NOPE + ROPE) / 16][4];
    float values[VALUE / 8][4] = {};
    float top[2] = {-INFINITY_F, -INFINITY_F}, sum[2] = {};
    for (long from = 0; from < most; from += FLASH_KEYS) {
        u32 buffer = (u32) (from / FLASH_KEYS % 2);
        load(from + FLASH_KEYS);
        wait_for_copies<1>();
        __syncthreads();
        if (from == 0) {
#pragma unroll
            for (int step = 0; step < (NOPE + ROPE) / 16; step++) {
                load_matrices(q[step], swizzled<KEY_ROW>(queries, warp * 16 + lane % 16, 2 * step + lane / 16));
            }
        }
        u32 keysAt = keyTiles + buffer * FLASH_KEYS * KEY_ROW, valuesAt = valueTiles + buffer * FLASH_KEYS * VALUE_ROW;
        float scores[FLASH_KEYS / 8][4] = {};
#pragma unroll
        for (int step = 0; step < (NOPE + ROPE) / 16; step++) {
#pragma unroll
            for (int n = 0; n < FLASH_KEYS / 8; n += 2) {
                u32 b[4];
                load_matrices(b, swizzled<KEY_ROW>(keysAt, n * 8 + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
                multiply_add(scores[n], q[step], b);
                multiply_add(scores[n + 1], q[step], b + 2);
            }
        }
        bool whole = seen[0] >= from + FLASH_KEYS && seen[1] >= from + FLASH_KEYS;
        float best[2] = {top[0], top[1]};
#pragma unroll
        for (int n = 0; n < FLASH_KEYS / 8; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                bool visible = whole || from + n * 8 + lane % 4 * 2 + i % 2 < seen[i / 2];
                scores[n][i] = visible ? scores[n][i] * (float) scale : -INFINITY_F;
                best[i / 2] = fmaxf(best[i / 2], scores[n][i]);
            }
        }
        float keep[2], gained[2] = {};
#pragma unroll
        for (int half = 0; half < 2; half++) {
            best[half] = fmaxf(best[half], __shfl_xor_sync(0xffffffffu, best[half], 1));
            best[half] = fmaxf(best[half], __shfl_xor_sync(0xffffffffu, best[half], 2));
            // A row that has seen nothing yet keeps nothing, and has no number to subtract.
            bool some = best[half] > -INFINITY_F;
            keep[half] = some ? __expf(top[half] - best[half]) : 1;
            top[half] = best[half];
            best[half] = some ? best[half] : 0;
        }
        u32 shares[FLASH_KEYS / 8][2];
#pragma unroll
        for (int n = 0; n < FLASH_KEYS / 8; n++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float p = __expf(scores[n][2 * half] - best[half]), other = __expf(scores[n][2 * half + 1] - best[half]);
                gained[half] += p + other;
                shares[n][half] = round_to_bf16(p, other);
            }
        }
#pragma unroll
        for (int half = 0; half < 2; half++) {
            sum[half] = sum[half] * keep[half] + gained[half];
        }
#pragma unroll
        for (int n = 0; n < VALUE / 8; n++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                values[n][i] *= keep[i / 2];
            }
        }
#pragma unroll
        for (int step = 0; step < FLASH_KEYS / 16; step++) {
            u32 a[4] = {shares[2 * step][0], shares[2 * step][1], shares[2 * step + 1][0], shares[2 * step + 1][1]};
#pragma unroll
            for (int n = 0; n < VALUE / 8; n += 2) {
                u32 b[4];
                load_turned_matrices(b, swizzled<VALUE_ROW>(valuesAt, step * 16 + lane % 16, n + lane / 16));
                multiply_add(values[n], a, b);
                multiply_add(values[n + 1], a, b + 2);
            }
        }
        __syncthreads();
    }
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
        float chunk = top[half] + logf(sum[half]);
        float after = fmaxf(before, chunk) + log1pf(expf(-fabsf(before - chunk)));
        float keep = expf(before - after);
        float gain = expf(chunk - after) / sum[half];
        float* to = out + row * outRow + head * outHead;
#pragma unroll
        for (int n = 0; n < VALUE / 8; n++) {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                float* number = to + n * 8 + lane % 4 * 2 + i;
                // Before the first chunk out holds anything, NaN perhaps: zero times that is not zero.
                *number = (before == -INFINITY_F ? 0 : keep * *number) + gain * values[n][2 * half + i];
            }
        }
        if (lane % 4 == 0) {
            *end = after;
        }
    }
}
