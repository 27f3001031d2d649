// Attention.

static const int ATTEND_THREADS = 256;
static const int RUN = 64;            // keys of one block: borders depend on positions only
static const int SHARING = 8;         // query heads that a block takes together

/* One layer's cache as attention straight over it sees it. */
struct CachedHeads {
    const u8* rows;
    long rowBytes;
    long keyWidth;       // and of queries
    long valueWidth;
    long firstValue;     // column of the first head's value
    long sharing;        // query heads that read the same key and value
    long latentWidth;    // numbers before the rope part
};

struct Queries {
    const float* query;
    long row;
    long head;
    long heads;
    const int* slots;    // of all positions of all sequences
    const int* first;    // [rows]: where the row's sequence begins among them
    const int* seen;     // [rows]: positions that the row sees
};

/* Sums over one run of keys: [value | largest score | sum of exponentials], for each row, head and run. V neighbours of a row
   are read at once: widths, columns and rows are multiples of them. */
template <class C, int V>
__device__ void attend_runs(const CachedHeads& c, const Queries& q, double scale, float* partial, long runs) {
    extern __shared__ float queries[];                  // [SHARING][keyWidth]
    float* scores = queries + SHARING * c.keyWidth;     // [RUN][SHARING]
    __shared__ float largest[SHARING];
    __shared__ float total[SHARING];
    long row = blockIdx.x;
    long tiles = (c.sharing + SHARING - 1) / SHARING;
    long cached = blockIdx.y / tiles;
    long firstHead = cached * c.sharing + blockIdx.y % tiles * SHARING;
    int heads = (int) min((long) SHARING, (cached + 1) * c.sharing - firstHead);
    long from = (long) blockIdx.z * RUN;
    int keys = (int) min((long) RUN, q.seen[row] - from);
    if (keys <= 0) {
        return;
    }
    __shared__ int slots[RUN];
    if (threadIdx.x < keys) {
        slots[threadIdx.x] = q.slots[q.first[row] + from + threadIdx.x];
    }
    int lane = threadIdx.x % 32;
    // A warp for each head.
    int loaded = threadIdx.x / 32;
    for (int i = lane; i < c.keyWidth; i += 32) {
        queries[loaded * c.keyWidth + i] = loaded < heads ? q.query[row * q.row + (firstHead + loaded) * q.head + i] : 0;
    }
    __syncthreads();
#pragma unroll 2
    for (int key = threadIdx.x / 32; key < keys; key += ATTEND_THREADS / 32) {
        const u8* at = c.rows + (long) slots[key] * c.rowBytes;
        float sum[SHARING] = {};
#pragma unroll 3
        for (int i = lane * V; i < c.keyWidth; i += 32 * V) {
            float k[V];
            C::template read<V>(at, c.latentWidth, cached * c.keyWidth + i, k);
#pragma unroll
            for (int h = 0; h < SHARING; h++) {
#pragma unroll
                for (int j = 0; j < V; j++) {
                    sum[h] = fmaf(queries[h * c.keyWidth + i + j], k[j], sum[h]);
                }
            }
        }
#pragma unroll
        for (int h = 0; h < SHARING; h++) {
            for (int distance = 16; distance > 0; distance /= 2) {
                sum[h] += __shfl_xor_sync(0xffffffffu, sum[h], distance);
            }
            if (lane == 0) {
                scores[key * SHARING + h] = sum[h] * (float) scale;
            }
        }
    }
    __syncthreads();
    int head = threadIdx.x / 32;
    float top = -INFINITY_F;
    for (int key = lane; key < keys; key += 32) {
        top = fmaxf(top, scores[key * SHARING + head]);
    }
    for (int distance = 16; distance > 0; distance /= 2) {
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, distance));
    }
    float sum = 0;
    for (int key = lane; key < keys; key += 32) {
        float p = expf(scores[key * SHARING + head] - top);
        scores[key * SHARING + head] = p;
        sum += p;
    }
    for (int distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }
    if (lane == 0) {
        largest[head] = top;
        total[head] = sum;
    }
    __syncthreads();
    long width = c.valueWidth + 2;
    long column = c.firstValue + cached * c.valueWidth;
    for (long i = threadIdx.x * V; i < c.valueWidth; i += ATTEND_THREADS * V) {
        float values[SHARING][V] = {};
#pragma unroll 8
        for (int key = 0; key < keys; key++) {
            float v[V];
            C::template read<V>(c.rows + (long) slots[key] * c.rowBytes, c.latentWidth, column + i, v);
#pragma unroll
            for (int h = 0; h < SHARING; h++) {
#pragma unroll
                for (int j = 0; j < V; j++) {
                    values[h][j] = fmaf(scores[key * SHARING + h], v[j], values[h][j]);
                }
            }
        }
#pragma unroll
        for (int h = 0; h < SHARING; h++) {
#pragma unroll
            for (int j = 0; j < V; j++) {
                if (h < heads) {
                    partial[((row * q.heads + firstHead + h) * runs + blockIdx.z) * width + i + j] = values[h][j];
                }
            }
        }
    }
    if (threadIdx.x < heads) {
        float* end = partial + ((row * q.heads + firstHead + threadIdx.x) * runs + blockIdx.z) * width + c.valueWidth;
        end[0] = largest[threadIdx.x];
        end[1] = total[threadIdx.x];
    }
}

#define ATTEND(C, V)                                                                                                       \
    KERNEL attend_runs_##C##_##V(CachedHeads cached, Queries queries, double scale, float* partial, long runs) { in_turn();           \
        attend_runs<Cache##C, V>(cached, queries, scale, partial, runs);                                                   \
    }

ATTEND(F32, 1)
ATTEND(F32, 2)
ATTEND(BF16, 1)
ATTEND(BF16, 2)
ATTEND(FP8_E4M3, 1)
ATTEND(FP8_E4M3, 2)

static const int MERGE_RUNS = 256;    // at a time

/* As below, of at most as many runs as a warp has lanes: each warp knows all shares, a thread has two columns. */
__device__ inline void merge_few(const float* from, int runs, float* to, long valueWidth) {
    long width = valueWidth + 2;
    int lane = threadIdx.x % 32, column = 2 * threadIdx.x;
    float2 end = lane < runs ? *(const float2*) (from + lane * width + valueWidth) : make_float2(-INFINITY_F, 0);
    float top = end.x;
    for (int distance = 16; distance > 0; distance /= 2) {
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, distance));
    }
    float power = expf(end.x - top), sum = power * end.y;
    for (int distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }
    float share = power / sum;
    float2 value = make_float2(0, 0);
#pragma unroll 8
    for (int run = 0; run < runs; run++) {
        float2 part = column < valueWidth ? *(const float2*) (from + run * width + column) : make_float2(0, 0);
        float own = __shfl_sync(0xffffffffu, share, run);
        value = make_float2(fmaf(part.x, own, value.x), fmaf(part.y, own, value.y));
    }
    if (column < valueWidth) {
        *(float2*) (to + column) = value;
    }
}

/* Merges the runs of each row and head in order. One block for each. */
KERNEL attend_merge(const float* partial, long runs, long runLength, const int* seen, float* out, long outRow, long outHead, long valueWidth) {
    in_turn();
    long row = blockIdx.x, head = blockIdx.y;
    long width = valueWidth + 2;
    const float* from = partial + (row * gridDim.y + head) * runs * width;
    int mine = (int) ((seen[row] + runLength - 1) / runLength);
    float* target = out + row * outRow + head * outHead;
    if (mine <= 32 && valueWidth % 2 == 0 && valueWidth <= 2 * blockDim.x && (long) target % 8 == 0) {
        merge_few(from, mine, target, valueWidth);
        return;
    }
    __shared__ float scratch[32];
    __shared__ float shares[MERGE_RUNS];
    float top = -INFINITY_F;
    for (int run = threadIdx.x; run < mine; run += blockDim.x) {
        top = fmaxf(top, from[run * width + valueWidth]);
    }
    top = block_max(top, scratch);
    float sum = 0;
    for (int run = threadIdx.x; run < mine; run += blockDim.x) {
        sum += from[run * width + valueWidth + 1] * expf(from[run * width + valueWidth] - top);
    }
    sum = block_sum(sum, scratch);
    float* to = target;
    for (int first = 0; first < mine; first += MERGE_RUNS) {
        int count = min(MERGE_RUNS, mine - first);
        __syncthreads();
        for (int run = threadIdx.x; run < count; run += blockDim.x) {
            shares[run] = expf(from[(first + run) * width + valueWidth] - top) / sum;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < valueWidth; i += blockDim.x) {
            float value = first == 0 ? 0 : to[i];
#pragma unroll 8
            for (int run = 0; run < count; run++) {
                value = fmaf(from[(first + run) * width + i], shares[run], value);
            }
            to[i] = value;
        }
    }
}

static const int EXPANDED_THREADS = 256;
static const int TILE = 64;             // rows of a block, and keys at a time
static const int SLICE = 32;            // of a head's width at a time
static const int STRIDE = TILE + 4;
static const int WIDEST = 4;            // values are at most so many times TILE wide

/* Numbers [from, from + SLICE) of TILE rows, turned round: to[number][row]; zeros where there are none. */
template <class Number> __device__ inline void load_slice(float* to, long from, long width, long rows, Number number) {
    for (int i = threadIdx.x; i < TILE * SLICE; i += EXPANDED_THREADS) {
        int row = i / SLICE, col = i % SLICE;
        to[col * STRIDE + row] = row < rows && from + col < width ? number(row, from + col) : 0;
    }
}

/* Expanded attention of one sequence's rows over one chunk of its keys, merged into what earlier chunks gave. A block takes
   TILE rows of one head; keys come in tiles counted from the chunk's first, so a row's sums do not depend on its tile. A thread
   has four rows and four keys, then the same rows and four columns of every TILE. */
KERNEL __launch_bounds__(EXPANDED_THREADS) attend_expanded(const float* query, long queryRow, long queryHead, long rows, long firstQuery,
                       const float* keysValues, long keyRow, long keyHead, const float* ropeKeys, long keys, long firstKey,
                       long nope, long rope, long valueWidth, double scale, float* out, long outRow, long outHead,
                       float* logSumExp, long heads) {
    in_turn();
    extern __shared__ float4 aligned[];
    float* q = (float*) aligned;                     // [SLICE][STRIDE]
    float* k = q + SLICE * STRIDE;                   // [SLICE][STRIDE]
    float* p = k + SLICE * STRIDE;                   // [TILE][STRIDE]
    float* v = p + TILE * STRIDE;                    // [TILE][columns]
    int tiles = (int) ((valueWidth + TILE - 1) / TILE), columns = tiles * TILE;
    long width = nope + rope, head = blockIdx.y, firstRow = (long) blockIdx.x * TILE;
    int across = threadIdx.x % 16, down = threadIdx.x / 16;
    // Keys that a row sees of this chunk; what the last row sees bounds the loop.
    long seen[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
        long row = firstRow + 4 * down + i;
        seen[i] = row < rows ? min(keys, firstQuery + row - firstKey + 1) : 0;
    }
    long most = min(keys, firstQuery + min(firstRow + TILE, rows) - firstKey);
    float values[4][WIDEST][4] = {};
    float top[4], sum[4] = {};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        top[i] = -INFINITY_F;
    }
    for (long from = 0; from < most; from += TILE) {
        const float* keyAt = keysValues + from * keyRow + head * keyHead;
        float scores[4][4] = {};
        for (long slice = 0; slice < width; slice += SLICE) {
            __syncthreads();
            load_slice(q, slice, width, rows - firstRow, [&](int row, long col) {
                return query[(firstRow + row) * queryRow + head * queryHead + col];
            });
            load_slice(k, slice, width, keys - from, [&](int key, long col) {
                return col < nope ? keyAt[key * keyRow + col] : ropeKeys[(from + key) * rope + col - nope];
            });
            __syncthreads();
#pragma unroll 8
            for (int i = 0; i < SLICE; i++) {
                float4 a = *(const float4*) (q + i * STRIDE + 4 * down);
                float4 b = *(const float4*) (k + i * STRIDE + 4 * across);
                float rowNumbers[4] = {a.x, a.y, a.z, a.w}, keyNumbers[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
                for (int r = 0; r < 4; r++) {
#pragma unroll
                    for (int c = 0; c < 4; c++) {
                        scores[r][c] = fmaf(rowNumbers[r], keyNumbers[c], scores[r][c]);
                    }
                }
            }
        }
        for (int i = threadIdx.x; i < TILE * columns; i += EXPANDED_THREADS) {
            int key = i / columns, col = i % columns;
            v[i] = from + key < keys && col < valueWidth ? keyAt[key * keyRow + nope + col] : 0;
        }
#pragma unroll
        for (int r = 0; r < 4; r++) {
            float best = top[r];
#pragma unroll
            for (int c = 0; c < 4; c++) {
                scores[r][c] = from + 4 * across + c < seen[r] ? scores[r][c] * (float) scale : -INFINITY_F;
                best = fmaxf(best, scores[r][c]);
            }
            for (int distance = 8; distance > 0; distance /= 2) {
                best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, distance));
            }
            // A row that sees nothing of this tile keeps what it has.
            bool some = from < seen[r];
            float keep = some ? expf(top[r] - best) : 1;
            float gained = 0;
#pragma unroll
            for (int c = 0; c < 4; c++) {
                scores[r][c] = some ? expf(scores[r][c] - best) : 0;
                gained += scores[r][c];
            }
            for (int distance = 8; distance > 0; distance /= 2) {
                gained += __shfl_xor_sync(0xffffffffu, gained, distance);
            }
            sum[r] = sum[r] * keep + gained;
            top[r] = best;
            *(float4*) (p + (4 * down + r) * STRIDE + 4 * across) =
                    make_float4(scores[r][0], scores[r][1], scores[r][2], scores[r][3]);
#pragma unroll
            for (int tile = 0; tile < WIDEST; tile++) {
#pragma unroll
                for (int c = 0; c < 4; c++) {
                    values[r][tile][c] *= keep;
                }
            }
        }
        __syncthreads();
        for (int key = 0; key < TILE; key++) {
            float shares[4];
#pragma unroll
            for (int r = 0; r < 4; r++) {
                shares[r] = p[(4 * down + r) * STRIDE + key];
            }
#pragma unroll
            for (int tile = 0; tile < WIDEST; tile++) {
                if (tile < tiles) {
                    float4 b = *(const float4*) (v + key * columns + tile * TILE + 4 * across);
#pragma unroll
                    for (int r = 0; r < 4; r++) {
                        values[r][tile][0] = fmaf(shares[r], b.x, values[r][tile][0]);
                        values[r][tile][1] = fmaf(shares[r], b.y, values[r][tile][1]);
                        values[r][tile][2] = fmaf(shares[r], b.z, values[r][tile][2]);
                        values[r][tile][3] = fmaf(shares[r], b.w, values[r][tile][3]);
                    }
                }
            }
        }
    }
#pragma unroll
    for (int r = 0; r < 4; r++) {
        long row = firstRow + 4 * down + r;
        float* end = logSumExp + row * heads + head;
        float before = seen[r] > 0 ? *end : 0;
        __syncwarp();
        if (seen[r] <= 0) {
            continue;
        }
        float chunk = top[r] + logf(sum[r]);
        float after = fmaxf(before, chunk) + log1pf(expf(-fabsf(before - chunk)));
        float keep = expf(before - after);
        float gain = expf(chunk - after) / sum[r];
        float* to = out + row * outRow + head * outHead;
#pragma unroll
        for (int tile = 0; tile < WIDEST; tile++) {
#pragma unroll
            for (int c = 0; c < 4; c++) {
                long col = tile * TILE + 4 * across + c;
                if (col < valueWidth) {
                    // Before the first chunk out holds anything, NaN perhaps: zero times that is not zero.
                    to[col] = (before == -INFINITY_F ? 0 : keep * to[col]) + gain * values[r][tile][c];
                }
            }
        }
        if (across == 0) {
            *end = after;
        }
    }
}
