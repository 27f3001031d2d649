// Which expert a token goes to, and the sum over a token's experts.

/* Floats in the order of these numbers; none is 0. */
__device__ inline u32 in_order(float score) {
    u32 bits = __float_as_uint(score);
    return max(1u, bits & 0x80000000u ? ~bits : bits | 0x80000000u);
}

/* The better of the lanes' candidates, in all lanes: the higher score, of equal ones the lower number; a negative number is none. */
__device__ inline int warp_best(float score, int number) {
    u32 own = number < 0 ? 0 : in_order(score);
    u32 best = __reduce_max_sync(0xffffffffu, own);
    return (int) __reduce_min_sync(0xffffffffu, own == best && number >= 0 ? (u32) number : 0x7fffffffu);
}

/* A group's score, from its best expert or its two best. */
__device__ inline float group_score(const float* biased, long size, long sumOfTwo) {
    float first = -INFINITY_F, second = -INFINITY_F;
    for (long e = 0; e < size; e++) {
        float b = biased[e];
        if (b > first) {
            second = first;
            first = b;
        } else if (b > second) {
            second = b;
        }
    }
    return !sumOfTwo || size == 1 ? first : first + second;
}

/* Which experts a token may go to, and how. */
struct Rule {
    long sigmoid;
    long experts;
    long topK;
    long groups;
    long topGroups;
    long sumOfTwo;
    long normalize;
    double scale;
};

/* Scores are rounded from double, so that ties of float are what they are on the host. One warp, so at most 32 groups and, as a
   lane remembers which of its experts are taken in one word, 2048 experts. chosen: ascending experts of the token; weights: theirs.
   score: room for [2 * experts] floats. */
__device__ void route_token(const Rule& rule, const float* logit, const float* bias, float* score, int* chosen, float* weights) {
    float* biased = score + rule.experts;
    int lane = threadIdx.x % 32, experts = (int) rule.experts;
    double largest = -1e300, sum = 0;
    if (!rule.sigmoid) {
        for (int e = lane; e < experts; e += 32) {
            largest = fmax(largest, (double) logit[e]);
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            largest = fmax(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
        }
        for (int e = lane; e < experts; e += 32) {
            sum += exp(logit[e] - largest);
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            sum += __shfl_xor_sync(0xffffffffu, sum, distance);
        }
    }
    for (int e = lane; e < experts; e += 32) {
        double v = logit[e];
        score[e] = (float) (rule.sigmoid ? 1 / (1 + exp(-v)) : exp(v - largest) / sum);
        biased[e] = score[e] + bias[e];
    }
    __syncwarp();
    if (rule.topGroups < rule.groups) {
        int size = (int) (rule.experts / rule.groups);
        float mineScore = lane < rule.groups ? group_score(biased + lane * size, size, rule.sumOfTwo) : 0;
        bool kept = false;
        for (int k = 0; k < rule.topGroups; k++) {
            kept |= warp_best(mineScore, lane < rule.groups && !kept ? lane : -1) == lane;
        }
        for (int e = 0; e < size && lane < rule.groups && !kept; e++) {
            biased[lane * size + e] = -INFINITY_F;
        }
        __syncwarp();
    }
    u64 taken = 0;
    double total = 0;
    for (int k = 0; k < rule.topK; k++) {
        int best = -1;
        for (int e = lane; e < experts; e += 32) {
            if (!(taken >> (e / 32) & 1) && (best < 0 || biased[e] > biased[best])) {
                best = e;
            }
        }
        best = warp_best(best < 0 ? 0 : biased[best], best);
        taken |= best % 32 == lane ? 1ull << (best / 32) : 0;
        total += score[best];
    }
    double factor = rule.normalize ? rule.scale / (total + 1e-20) : rule.scale;
    // Ascending, so that a token's experts are added in one order.
    for (int word = 0, before = 0; word * 32 < experts; word++) {
        bool own = taken >> word & 1;
        u32 all = __ballot_sync(0xffffffffu, own);
        if (own) {
            int at = before + __popc(all & ((1u << lane) - 1));
            chosen[at] = 32 * word + lane;
            weights[at] = (float) (score[32 * word + lane] * factor);
        }
        before += __popc(all);
    }
}

/* A warp a token. Shared: [2 * experts] floats. */
KERNEL route(const float* logits, const float* bias, Rule rule, int* chosen, float* weights) {
    in_turn();
    extern __shared__ float score[];
    long token = blockIdx.x;
    route_token(rule, logits + token * rule.experts, bias, score, chosen + token * rule.topK, weights + token * rule.topK);
}

/* For few tokens: routes all, a warp each, and sorts their choices as plan does. One block; shared: [tokens, 2 * experts] floats,
   [tokens * topK] ints. */
KERNEL __launch_bounds__(1024) route_plan(const float* logits, const float* bias, Rule rule, float* weights, long tokens, int* starts,
                                          int* tokenOf, int* expertOf, int* assignment) {
    in_turn();
    extern __shared__ float score[];
    int* chosen = (int*) (score + 2 * tokens * rule.experts);
    int token = threadIdx.x / 32, topK = (int) rule.topK, choices = (int) (tokens * topK);
    if (token < tokens) {
        route_token(rule, logits + token * rule.experts, bias, score + 2 * token * rule.experts, chosen + token * topK,
                    weights + token * topK);
    }
    __syncthreads();
    for (int e = threadIdx.x; e <= rule.experts; e += blockDim.x) {
        int before = 0;
        for (int i = 0; i < choices; i++) {
            before += chosen[i] < e;
        }
        starts[e] = before;
    }
    for (int i = threadIdx.x; i < choices; i += blockDim.x) {
        int own = chosen[i], at = 0;
        for (int j = 0; j < choices; j++) {
            at += chosen[j] < own || (chosen[j] == own && j < i);
        }
        tokenOf[at] = i / topK;
        expertOf[at] = own;
        assignment[i] = at;
    }
}

/* Assignments sorted by expert, tokens ascending within one. One block; starts: [experts + 1]; tokenOf: [tokens * topK];
   expertOf: [tokens * topK]; assignment: [tokens * topK], where each choice went. */
KERNEL plan(const int* chosen, long choices, long topK, long experts, int* starts, int* tokenOf, int* expertOf,
            int* assignment) {
    in_turn();
    int lane = threadIdx.x % 32;
    long warp = threadIdx.x / 32, warps = blockDim.x / 32;
    for (long e = warp; e < experts; e += warps) {
        int count = 0;
        for (long i = lane; i < choices; i += 32) {
            count += chosen[i] == e;
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            count += __shfl_xor_sync(0xffffffffu, count, distance);
        }
        if (lane == 0) {
            starts[e + 1] = count;
        }
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        starts[0] = 0;
        for (long e = 0; e < experts; e++) {
            starts[e + 1] += starts[e];
        }
    }
    __syncthreads();
    for (long e = warp; e < experts; e += warps) {
        int next = starts[e];
        for (long base = 0; base < choices; base += 32) {
            long i = base + lane;
            bool here = i < choices && chosen[i] == e;
            u32 all = __ballot_sync(0xffffffffu, here);
            if (here) {
                int at = next + __popc(all & ((1u << lane) - 1));
                tokenOf[at] = (int) (i / topK);
                expertOf[at] = (int) e;
                assignment[i] = at;
            }
            next += __popc(all);
        }
    }
}

/* The same plan in two launches, with a block for each expert: how many tokens it has, then where they go. */
KERNEL plan_counts(const int* chosen, long choices, int* counts) {
    in_turn();
    __shared__ int sums[32];
    int count = 0;
    for (long i = threadIdx.x; i < choices; i += blockDim.x) {
        count += chosen[i] == blockIdx.x;
    }
    count = block_sum(count, sums);
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = count;
    }
}

KERNEL plan_places(const int* chosen, long choices, long topK, long experts, const int* counts, int* starts, int* tokenOf,
                   int* expertOf, int* assignment) {
    in_turn();
    __shared__ int sums[32];
    __shared__ int found[32];
    int before = 0;
    for (int e = threadIdx.x; e < blockIdx.x; e += blockDim.x) {
        before += counts[e];
    }
    int next = block_sum(before, sums);
    if (threadIdx.x == 0) {
        starts[blockIdx.x] = next;
        if (blockIdx.x == experts - 1) {
            starts[experts] = next + counts[blockIdx.x];
        }
    }
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    for (long base = 0; base < choices; base += blockDim.x) {
        long i = base + threadIdx.x;
        bool here = i < choices && chosen[i] == blockIdx.x;
        u32 all = __ballot_sync(0xffffffffu, here);
        __syncthreads();
        if (lane == 0) {
            found[warp] = __popc(all);
        }
        __syncthreads();
        int at = next + __popc(all & ((1u << lane) - 1));
        for (int w = 0; w < warps; w++) {
            at += w < warp ? found[w] : 0;
            next += found[w];
        }
        if (here) {
            tokenOf[at] = (int) (i / topK);
            expertOf[at] = blockIdx.x;
            assignment[i] = at;
        }
    }
}

static const int MOST_CHOICES = 64;    // of a token

/* out[t] = sum over the token's experts, ascending, of weight times what the expert gave. Blocks (token, part of its columns), four
   columns a thread where rows are whole fours. */
KERNEL sum_experts(const float* results, const int* assignment, const float* weights, long topK, float* out, long width) {
    in_turn();
    __shared__ long rows[MOST_CHOICES];
    __shared__ float shares[MOST_CHOICES];
    long token = blockIdx.x;
    if (topK <= MOST_CHOICES && width % 4 == 0 && ((long) results | (long) out) % 16 == 0) {
        if (threadIdx.x < topK) {
            rows[threadIdx.x] = assignment[token * topK + threadIdx.x] * (width / 4);
            shares[threadIdx.x] = weights[token * topK + threadIdx.x];
        }
        __syncthreads();
        long column = blockIdx.y * (long) blockDim.x + threadIdx.x;
        if (column < width / 4) {
            float4 sum = make_float4(0, 0, 0, 0);
#pragma unroll 8
            for (int k = 0; k < topK; k++) {
                float4 v = ((const float4*) results)[rows[k] + column];
                float share = shares[k];
                sum = make_float4(fmaf(share, v.x, sum.x), fmaf(share, v.y, sum.y), fmaf(share, v.z, sum.z), fmaf(share, v.w, sum.w));
            }
            ((float4*) out)[token * (width / 4) + column] = sum;
        }
        return;
    }
    for (long i = blockIdx.y * (long) blockDim.x + threadIdx.x; i < width; i += (long) gridDim.y * blockDim.x) {
        float sum = 0;
        for (long k = token * topK; k < (token + 1) * topK; k++) {
            sum = fmaf(weights[k], results[assignment[k] * width + i], sum);
        }
        out[token * width + i] = sum;
    }
}
