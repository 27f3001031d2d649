// Choosing a token for each row of logits (KernelBackend.chooseTokens): the largest logit, a draw from all tokens, or the few largest
// logits with what all weigh together, from which the host draws.

/* How a row's token is chosen; tokens that weigh less than `least` are left out of a draw from all. */
struct Wanted {
    double uniform;
    float temperature;
    float least;
    int row;
    int count;      // of the largest logits, for GIVE_LARGEST
    long kind;
};

static const long TAKE_LARGEST = 0, DRAW_FROM_ALL = 1;    // any other: give the largest

/* Behind it come the ids, then the logits, of the largest. */
struct FoundTokens {
    double total;    // of the weights of all tokens
    long id;         // -1: a logit is NaN or infinite, or there is none that is finite
};

static const int TOKEN_WARPS = CHOICE_THREADS / 32;

/* The largest of a block's threads' numbers, the same in all of them. */
__device__ inline u64 block_max_of_all(u64 value, u64* scratch) {
    for (int distance = 16; distance > 0; distance /= 2) {
        value = max(value, __shfl_xor_sync(0xffffffffu, value, distance));
    }
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    u64 largest = scratch[0];
    for (int warp = 1; warp < TOKEN_WARPS; warp++) {
        largest = max(largest, scratch[warp]);
    }
    return largest;
}

__device__ inline float token_weight(float logit, float largest, const Wanted& wanted) {
    return (float) exp((double) __fdiv_rn(__fsub_rn(logit, largest), wanted.temperature));
}

/* The first token at which the running sum of the weights is beyond a share of their total; sums: [TOKEN_WARPS] of the warps' parts
   of the row. Called by one warp, for its part. */
__device__ inline long token_at(const float* logits, long from, long end, float largest, const Wanted& wanted, double before,
                                double target) {
    int lane = threadIdx.x % 32;
    long last = -1;
    for (long base = from; base < end; base += 32) {
        long i = base + lane;
        float weight = i < end ? token_weight(logits[i], largest, wanted) : 0;
        double sum = weight < wanted.least ? 0 : weight;
        bool some = sum > 0;
        for (int distance = 1; distance < 32; distance *= 2) {
            double other = __shfl_up_sync(0xffffffffu, sum, distance);
            sum += lane >= distance ? other : 0;
        }
        u32 positive = __ballot_sync(0xffffffffu, some);
        u32 beyond = __ballot_sync(0xffffffffu, some && before + sum > target);
        if (beyond) {
            return base + __ffs(beyond) - 1;
        }
        last = positive ? base + 31 - __clz(positive) : last;
        before += __shfl_sync(0xffffffffu, sum, 31);
    }
    return last;
}

/* One block a row that is wanted; found: of stride bytes each, with room for the largest count of any. */
KERNEL __launch_bounds__(CHOICE_THREADS) choose_tokens(const float* logits, long vocabulary, const Wanted* all, u8* found, long stride) {
    in_turn();
    __shared__ int buckets[CHOICE_BUCKETS];
    __shared__ int counts[TOKEN_WARPS];
    __shared__ u64 orders[TOKEN_WARPS];
    __shared__ double sums[TOKEN_WARPS];
    Wanted wanted = all[blockIdx.x];
    const float* row = logits + wanted.row * vocabulary;
    u8* to = found + blockIdx.x * stride;
    FoundTokens* result = (FoundTokens*) to;
    u64 mine = 0;
    bool strange = false, some = false;
#pragma unroll 8
    for (long i = threadIdx.x; i < vocabulary; i += CHOICE_THREADS) {
        float logit = row[i];
        strange = strange || !(logit < INFINITY_F);
        some = some || logit > -INFINITY_F;
        // Of equal logits that of the lower id is the larger.
        mine = max(mine, (u64) score_order(logit) << 32 | (u32) ~(u32) i);
    }
    int bad = __syncthreads_or(strange) | !__syncthreads_or(some);
    long best = (u32) ~(u32) block_max_of_all(mine, orders);
    if (bad || wanted.kind == TAKE_LARGEST) {
        if (threadIdx.x == 0) {
            *result = FoundTokens{0, bad ? -1 : best};
        }
        return;
    }
    float largest = row[best];
    // Each warp has a part of the row, so that sums go on from part to part in the order of ids.
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    long share = (vocabulary + TOKEN_WARPS - 1) / TOKEN_WARPS, from = warp * share, end = min(vocabulary, from + share);
    double sum = 0;
#pragma unroll 4
    for (long i = from + lane; i < end; i += 32) {
        float weight = token_weight(row[i], largest, wanted);
        sum += weight < wanted.least ? 0 : weight;
    }
    for (int distance = 16; distance > 0; distance /= 2) {
        sum += __shfl_xor_sync(0xffffffffu, sum, distance);
    }
    if (lane == 0) {
        sums[warp] = sum;
    }
    __syncthreads();
    double total = 0;
    for (int w = 0; w < TOKEN_WARPS; w++) {
        total += sums[w];
    }
    if (wanted.kind == DRAW_FROM_ALL) {
        double target = wanted.uniform * total, before = 0, passed = 0;
        int at = 0;    // the part in which the sum goes beyond the target, else the last that weighs anything
        bool beyond = false;
        for (int w = 0; w < TOKEN_WARPS && !beyond; w++) {
            if (sums[w] > 0) {
                at = w;
                before = passed;
            }
            passed += sums[w];
            beyond = passed > target;
        }
        if (warp == at) {
            long id = token_at(row, from, end, largest, wanted, before, target);
            if (lane == 0) {
                *result = FoundTokens{total, id};
            }
        }
        return;
    }
    if (threadIdx.x == 0) {
        *result = FoundTokens{total, best};
    }
    int* ids = (int*) (result + 1);
    float* values = (float*) (ids + wanted.count);
    Smallest smallest = smallest_of(row, vocabulary, wanted.count, buckets, counts);
    collect(row, vocabulary, smallest, counts, [&](int place, long i) {
        ids[place] = (int) i;
        values[place] = row[i];
    });
}
