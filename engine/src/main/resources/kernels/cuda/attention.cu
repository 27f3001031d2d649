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
    const int* slots = q.slots + q.first[row] + from;
    for (long i = threadIdx.x; i < SHARING * c.keyWidth; i += ATTEND_THREADS) {
        long head = i / c.keyWidth;
        queries[i] = head < heads ? q.query[row * q.row + (firstHead + head) * q.head + i % c.keyWidth] : 0;
    }
    __syncthreads();
    int lane = threadIdx.x % 32;
    for (int key = threadIdx.x / 32; key < keys; key += ATTEND_THREADS / 32) {
        const u8* at = c.rows + slots[key] * c.rowBytes + cached * c.keyWidth * C::BYTES;
        float sum[SHARING] = {};
        for (long i = lane * V; i < c.keyWidth; i += 32 * V) {
            float k[V];
            C::template read<V>(at, i, k);
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
#pragma unroll 4
        for (int key = 0; key < keys; key++) {
            float v[V];
            C::template read<V>(c.rows + slots[key] * c.rowBytes, column + i, v);
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
    KERNEL attend_runs_##C##_##V(CachedHeads cached, Queries queries, double scale, float* partial, long runs) {           \
        attend_runs<Cache##C, V>(cached, queries, scale, partial, runs);                                                   \
    }

ATTEND(F32, 1)
ATTEND(F32, 2)
ATTEND(BF16, 1)
ATTEND(BF16, 2)

/* Merges the runs of each row and head in order. One block for each. */
KERNEL attend_merge(const float* partial, long runs, const int* seen, float* out, long outRow, long outHead, long valueWidth) {
    long row = blockIdx.x, head = blockIdx.y;
    long width = valueWidth + 2;
    const float* from = partial + (row * gridDim.y + head) * runs * width;
    long mine = (seen[row] + RUN - 1) / RUN;
    float top = -INFINITY_F;
    for (long run = 0; run < mine; run++) {
        top = fmaxf(top, from[run * width + valueWidth]);
    }
    float sum = 0;
    for (long run = 0; run < mine; run++) {
        sum += from[run * width + valueWidth + 1] * expf(from[run * width + valueWidth] - top);
    }
    for (long i = threadIdx.x; i < valueWidth; i += blockDim.x) {
        float value = 0;
        for (long run = 0; run < mine; run++) {
            value += from[run * width + i] * expf(from[run * width + valueWidth] - top);
        }
        out[row * outRow + head * outHead + i] = value / sum;
    }
}

static const int EXPANDED_THREADS = 128;
static const int TILE_ROWS = 16;
static const int TILE_KEYS = 32;
static const int LANES_OF_ROW = EXPANDED_THREADS / TILE_ROWS;
static const int VALUES_OF_LANE = 32;     // so heads are at most 256 wide

/* Expanded attention of one sequence's rows over one chunk of its keys, merged into what earlier chunks gave. A block takes
   TILE_ROWS rows of one head; keys come in tiles counted from the chunk's first, so a row's sums do not depend on its tile. */
KERNEL attend_expanded(const float* query, long queryRow, long queryHead, long rows, long firstQuery, const float* keysValues,
                       long keyRow, long keyHead, const float* ropeKeys, long keys, long firstKey, long nope, long rope,
                       long valueWidth, double scale, float* out, long outRow, long outHead, float* logSumExp, long heads) {
    extern __shared__ float tiles[];
    long width = nope + rope;
    float* q = tiles;                                 // [TILE_ROWS][width]
    float* k = q + TILE_ROWS * width;                 // [TILE_KEYS][width + 1]
    float* v = k + TILE_KEYS * (width + 1);           // [TILE_KEYS][valueWidth]
    float* p = v + TILE_KEYS * valueWidth;            // [TILE_ROWS][TILE_KEYS + 1]
    long head = blockIdx.y;
    long firstRow = (long) blockIdx.x * TILE_ROWS;
    int r = threadIdx.x / LANES_OF_ROW, lane = threadIdx.x % LANES_OF_ROW;
    long row = firstRow + r;
    // Keys that a row sees of this chunk; what the last row sees bounds the loop.
    long seen = row < rows ? min(keys, firstQuery + row - firstKey + 1) : 0;
    long most = min(keys, firstQuery + min(firstRow + TILE_ROWS, rows) - firstKey);
    for (long i = threadIdx.x; i < TILE_ROWS * width; i += EXPANDED_THREADS) {
        long at = firstRow + i / width;
        q[i] = at < rows ? query[at * queryRow + head * queryHead + i % width] : 0;
    }
    float values[VALUES_OF_LANE] = {};
    float top = -INFINITY_F, sum = 0;
    for (long from = 0; from < most; from += TILE_KEYS) {
        __syncthreads();
        int count = (int) min((long) TILE_KEYS, keys - from);
        for (long i = threadIdx.x; i < count * width; i += EXPANDED_THREADS) {
            long key = i / width, col = i % width;
            k[key * (width + 1) + col] = col < nope ? keysValues[(from + key) * keyRow + head * keyHead + col]
                                                    : ropeKeys[(from + key) * rope + col - nope];
        }
        for (long i = threadIdx.x; i < count * valueWidth; i += EXPANDED_THREADS) {
            v[i] = keysValues[(from + i / valueWidth) * keyRow + head * keyHead + nope + i % valueWidth];
        }
        __syncthreads();
        float best = top;
        float scores[TILE_KEYS / LANES_OF_ROW];
#pragma unroll
        for (int j = 0; j < TILE_KEYS / LANES_OF_ROW; j++) {
            int key = lane + j * LANES_OF_ROW;
            scores[j] = -INFINITY_F;
            if (from + key < seen) {
                float s = 0;
                for (long i = 0; i < width; i++) {
                    s = fmaf(q[r * width + i], k[key * (width + 1) + i], s);
                }
                scores[j] = s * (float) scale;
            }
            best = fmaxf(best, scores[j]);
        }
        for (int distance = LANES_OF_ROW / 2; distance > 0; distance /= 2) {
            best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, distance));
        }
        // A row that sees nothing of this tile keeps what it has, bit for bit.
        float keep = from < seen ? expf(top - best) : 1;
        float gained = 0;
#pragma unroll
        for (int j = 0; j < TILE_KEYS / LANES_OF_ROW; j++) {
            float e = from < seen ? expf(scores[j] - best) : 0;
            p[r * (TILE_KEYS + 1) + lane + j * LANES_OF_ROW] = e;
            gained += e;
        }
        for (int distance = LANES_OF_ROW / 2; distance > 0; distance /= 2) {
            gained += __shfl_xor_sync(0xffffffffu, gained, distance);
        }
        sum = sum * keep + gained;
        top = best;
        __syncwarp();
        int mine = (int) max(0L, min((long) TILE_KEYS, seen - from));
#pragma unroll
        for (int j = 0; j < VALUES_OF_LANE; j++) {
            long col = lane + j * LANES_OF_ROW;
            if (col < valueWidth) {
                float value = values[j] * keep;
                for (int key = 0; key < mine; key++) {
                    value = fmaf(p[r * (TILE_KEYS + 1) + key], v[key * valueWidth + col], value);
                }
                values[j] = value;
            }
        }
    }
    float* end = logSumExp + row * heads + head;
    float before = seen > 0 ? *end : 0;
    __syncwarp();
    if (seen <= 0) {
        return;
    }
    float chunk = top + logf(sum);
    float after = fmaxf(before, chunk) + log1pf(expf(-fabsf(before - chunk)));
    float keep = expf(before - after);
    float gain = expf(chunk - after) / sum;
    float* to = out + row * outRow + head * outHead;
#pragma unroll
    for (int j = 0; j < VALUES_OF_LANE; j++) {
        long col = lane + j * LANES_OF_ROW;
        if (col < valueWidth) {
            // Before the first chunk out holds anything, NaN perhaps: zero times that is not zero.
            to[col] = (before == -INFINITY_F ? 0 : keep * to[col]) + gain * values[j];
        }
    }
    if (lane == 0) {
        *end = after;
    }
}
