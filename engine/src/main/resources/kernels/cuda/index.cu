// The index of keys, by which sparse attention chooses the tokens it looks at (kernels.KeyIndex).

/* One block a row; out may be x. */
KERNEL layer_norm(const float* x, const float* weight, const float* bias, double epsilon, float* out, long width) {
    in_turn();
    __shared__ double sums[32];
    const float* from = x + blockIdx.x * width;
    double sum = 0;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        sum += from[i];
    }
    double mean = block_sum(sum, sums) / width, squares = 0;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        double distance = from[i] - mean;
        squares += distance * distance;
    }
    double factor = 1 / sqrt(block_sum(squares, sums) / width + epsilon);
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        out[blockIdx.x * width + i] = (float) ((from[i] - mean) * factor * weight[i] + bias[i]);
    }
}

static const int ROTATED_GROUP = 128;

/* What E4M3 makes of a number up to 448, as kernels.RotatedFp8 has it: a small negative number becomes a positive zero. */
__device__ inline float rounded_e4m3(float value) {
    const float SHIFT = 24576;    // near it numbers are 2^-9 apart
    if (fabsf(value) < 0x1p-6f) {
        return __fsub_rn(__fadd_rn(value, SHIFT), SHIFT);
    }
    u32 bits = __float_as_uint(value);
    return value != value ? value : __uint_as_float((bits + 0x7ffffu + (bits >> 20 & 1)) & 0xfff00000u);
}

/* kernels.RotatedFp8, bit for bit: the Hadamard transform of a head in place, then E4M3 numbers times a power of two for each 128.
   One block a head of a row; shared: [width] floats. */
KERNEL round_rotated(float* x, long row, long head, long width, double factor) {
    in_turn();
    extern __shared__ float numbers[];
    __shared__ float scratch[32];
    float* at = x + blockIdx.x * row + blockIdx.y * head;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        numbers[i] = at[i];
    }
    for (long half = 1; half < width; half *= 2) {
        __syncthreads();
        for (long pair = threadIdx.x; pair < width / 2; pair += blockDim.x) {
            long i = pair / half * 2 * half + pair % half;
            float a = numbers[i], b = numbers[i + half];
            numbers[i] = __fadd_rn(a, b);
            numbers[i + half] = __fsub_rn(a, b);
        }
    }
    __syncthreads();
    for (long from = 0; from < width; from += ROTATED_GROUP) {
        float mine = 0;
        bool there = threadIdx.x < ROTATED_GROUP && from + threadIdx.x < width;
        if (there) {
            mine = __fmul_rn(numbers[from + threadIdx.x], (float) factor);
        }
        // A number that is not finite makes its group NaN.
        int strange = __syncthreads_or(!(fabsf(mine) <= __int_as_float(0x7f7fffff)));
        float largest = fmaxf(1e-4f, block_max(fabsf(mine), scratch));
        float needed = __fdiv_rn(largest, 448);
        float scale = __uint_as_float(__float_as_uint(needed) & 0x7f800000u);
        scale = strange ? __int_as_float(0x7fc00000) : scale < needed ? 2 * scale : scale;
        if (there) {
            at[from + threadIdx.x] = __fmul_rn(rounded_e4m3(__fdiv_rn(mine, scale)), scale);
        }
    }
}

static const int SCORE_THREADS = 128;

/* scores[row][k] = sum over heads, in order, of weight * max(0, query . key). A thread has one key; a block the keys of one row from
   blockIdx.y * SCORE_THREADS on, every gridDim.y * SCORE_THREADS. Rows that do not have to choose have no scores. W: numbers of a key
   where a thread keeps them all, 0 for any width. Shared: [heads * width] floats. */
template <class C, int W>
__device__ void index_scores(const u8* keys, long width, const Queries& q, const float* weights, long count, float* scores, long longest) {
    extern __shared__ float4 aligned[];
    float* queries = (float*) aligned;
    long row = blockIdx.x;
    int seen = q.seen[row];
    long first = (long) blockIdx.y * SCORE_THREADS;
    if (seen <= count || first >= seen) {
        return;
    }
    for (long i = threadIdx.x; i < q.heads * width; i += SCORE_THREADS) {
        queries[i] = q.query[row * q.row + i / width * q.head + i % width];
    }
    __syncthreads();
    for (long k = first + threadIdx.x; k < seen; k += (long) gridDim.y * SCORE_THREADS) {
        const u8* key = keys + q.slots[q.first[row] + k] * C::row_bytes(width, 0);
        float own[W == 0 ? 1 : W];
#pragma unroll
        for (int i = 0; i < W; i += 2) {
            C::template read<2>(key, width, i, own + i);
        }
        float score = 0;
        for (long h = 0; h < q.heads; h++) {
            const float* query = queries + h * width;
            float dot = 0;
            if (W == 0) {
                for (long i = 0; i < width; i++) {
                    dot = fmaf(query[i], C::read(key, width, i), dot);
                }
            } else {
                float parts[4] = {};
#pragma unroll
                for (int i = 0; i < W; i += 4) {
                    float4 v = *(const float4*) (query + i);
                    parts[0] = fmaf(v.x, own[i], parts[0]);
                    parts[1] = fmaf(v.y, own[i + 1], parts[1]);
                    parts[2] = fmaf(v.z, own[i + 2], parts[2]);
                    parts[3] = fmaf(v.w, own[i + 3], parts[3]);
                }
                dot = (parts[0] + parts[1]) + (parts[2] + parts[3]);
            }
            // NaN stays NaN.
            score = fmaf(weights[row * q.heads + h], dot <= 0 ? 0 : dot, score);
        }
        scores[row * longest + k] = score;
    }
}

#define INDEX_SCORES(C, W)                                                                                                     \
    KERNEL __launch_bounds__(SCORE_THREADS) index_scores_##C##_##W(const u8* keys, long width, Queries queries,                \
            const float* weights, long count, float* scores, long longest) { in_turn();                                       \
        index_scores<Cache##C, W>(keys, width, queries, weights, count, scores, longest);                                     \
    }

INDEX_SCORES(F32, 0)
INDEX_SCORES(BF16, 0)
INDEX_SCORES(F32, 128)
INDEX_SCORES(BF16, 128)

/* Unsigned numbers in the order of scores: zeros are equal whatever their sign, NaN is larger than every number. */
__device__ inline u32 score_order(float score) {
    u32 bits = score != score ? 0x7fc00000u : __float_as_uint(score + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

static const int CHOICE_BITS = 11, CHOICE_BUCKETS = 1 << CHOICE_BITS, CHOICE_THREADS = 1024;

/* The order of the smallest of a row's count largest numbers, and how many equal to it are among them: three passes narrow it down
   from its upper bits to its lowest. All threads of a block get the same. */
struct Smallest {
    u32 order;
    int equals;
};

__device__ inline Smallest smallest_of(const float* numbers, long seen, int count, int* buckets, int* sums) {
    u32 smallest = 0, known = 0;
    int missing = count;
    __shared__ int found[2];
    for (int shift = 32 - CHOICE_BITS; shift >= 0; shift = shift == 0 ? -1 : max(0, shift - CHOICE_BITS)) {
        for (int i = threadIdx.x; i < CHOICE_BUCKETS; i += CHOICE_THREADS) {
            buckets[i] = 0;
        }
        __syncthreads();
        for (long i = threadIdx.x; i < seen; i += CHOICE_THREADS) {
            u32 order = score_order(numbers[i]);
            if ((order & known) == smallest) {
                atomicAdd(&buckets[order >> shift & (CHOICE_BUCKETS - 1)], 1);
            }
        }
        __syncthreads();
        // Thread t has two buckets; above says how many numbers lie in those of higher threads.
        int t = threadIdx.x, lane = t % 32, warp = t / 32;
        int upper = buckets[2 * t + 1], lower = buckets[2 * t], own = upper + lower, above = own;
        for (int distance = 1; distance < 32; distance *= 2) {
            int other = __shfl_down_sync(0xffffffffu, above, distance);
            above += lane + distance < 32 ? other : 0;
        }
        if (lane == 0) {
            sums[warp] = above;
        }
        __syncthreads();
        for (int w = warp + 1; w < CHOICE_THREADS / 32; w++) {
            above += sums[w];
        }
        above -= own;
        if (above < missing && above + own >= missing) {
            bool first = above + upper >= missing;
            found[0] = 2 * t + (first ? 1 : 0);
            found[1] = missing - above - (first ? 0 : upper);
        }
        __syncthreads();
        smallest |= (u32) found[0] << shift;
        missing = found[1];
        known = 0xffffffffu << shift;
        __syncthreads();
    }
    return Smallest{smallest, missing};
}

/* Gives keep(place, i) each number that is above the smallest, and of the equal ones the first few, in order. */
template <class Keep> __device__ inline void collect(const float* numbers, long seen, Smallest smallest, int* sums, Keep keep) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int above = 0, equal = 0;    // of the numbers before
    for (long base = 0; base < seen; base += CHOICE_THREADS) {
        long i = base + threadIdx.x;
        u32 order = i < seen ? score_order(numbers[i]) : 0;
        bool more = i < seen && order > smallest.order, same = i < seen && order == smallest.order;
        u32 allMore = __ballot_sync(0xffffffffu, more), allSame = __ballot_sync(0xffffffffu, same);
        __syncthreads();
        if (lane == 0) {
            sums[warp] = __popc(allMore) | __popc(allSame) << 16;
        }
        __syncthreads();
        u32 before = (1u << lane) - 1;
        int aboveHere = above + __popc(allMore & before), equalHere = equal + __popc(allSame & before);
        for (int w = 0; w < CHOICE_THREADS / 32; w++) {
            int both = sums[w];
            above += both & 0xffff;
            equal += both >> 16;
            if (w < warp) {
                aboveHere += both & 0xffff;
                equalHere += both >> 16;
            }
        }
        if (more || (same && equalHere < smallest.equals)) {
            keep(aboveHere + min(equalHere, smallest.equals), i);
        }
    }
}

/* chosen: [rows] where the row's slots begin, [rows] how many they are, [rows][count] slots: those of the row's count largest scores
   in the order of positions, all of them where it sees no more. One block a row. */
KERNEL __launch_bounds__(CHOICE_THREADS) index_choose(const float* scores, long longest, const int* slots, const int* first,
        const int* seen, long count, int* chosen) {
    in_turn();
    __shared__ int buckets[CHOICE_BUCKETS];
    __shared__ int sums[CHOICE_THREADS / 32];
    long row = blockIdx.x;
    const int* own = slots + first[row];
    int* to = chosen + 2 * gridDim.x + row * count;
    if (threadIdx.x == 0) {
        chosen[row] = (int) (row * count);
        chosen[gridDim.x + row] = min(seen[row], (int) count);
    }
    if (seen[row] <= count) {
        for (int i = threadIdx.x; i < seen[row]; i += CHOICE_THREADS) {
            to[i] = own[i];
        }
        return;
    }
    const float* mine = scores + row * longest;
    Smallest smallest = smallest_of(mine, seen[row], (int) count, buckets, sums);
    collect(mine, seen[row], smallest, sums, [&](int place, long i) { to[place] = own[i]; });
}
