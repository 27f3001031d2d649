// Which expert a token goes to, and the sum over a token's experts.

/* The better of two candidates: the higher score, of equal ones the lower number; all lanes get the best of the warp. */
__device__ inline int warp_best(float score, int number) {
    for (int distance = 16; distance > 0; distance /= 2) {
        float otherScore = __shfl_xor_sync(0xffffffffu, score, distance);
        int other = __shfl_xor_sync(0xffffffffu, number, distance);
        bool better = number < 0 || (other >= 0 && (otherScore > score || (other < number && !(score > otherScore))));
        score = better ? otherScore : score;
        number = better ? other : number;
    }
    return __shfl_sync(0xffffffffu, number, 0);
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

/* Scores are rounded from double, so that ties of float are what they are on the host. One warp a token, so at most 32 groups
   and, as a lane remembers which of its experts are taken in one word, 2048 experts. chosen: ascending experts of each token;
   weights: theirs. Shared: [2 * experts] floats, [topK] ints. */
KERNEL route(const float* logits, const float* bias, long sigmoid, long experts, long topK, long groups, long topGroups,
             long sumOfTwo, long normalize, double scale, int* chosen, float* weights) {
    in_turn();
    extern __shared__ float score[];
    float* biased = score + experts;
    int* mine = (int*) (biased + experts);
    long token = blockIdx.x;
    int lane = threadIdx.x;
    const float* logit = logits + token * experts;
    double largest = -1e300, sum = 0;
    if (!sigmoid) {
        for (long e = lane; e < experts; e += 32) {
            largest = fmax(largest, (double) logit[e]);
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            largest = fmax(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
        }
        for (long e = lane; e < experts; e += 32) {
            sum += exp(logit[e] - largest);
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            sum += __shfl_xor_sync(0xffffffffu, sum, distance);
        }
    }
    for (long e = lane; e < experts; e += 32) {
        double v = logit[e];
        score[e] = (float) (sigmoid ? 1 / (1 + exp(-v)) : exp(v - largest) / sum);
        biased[e] = score[e] + bias[e];
    }
    __syncwarp();
    if (topGroups < groups) {
        long size = experts / groups;
        float mineScore = lane < groups ? group_score(biased + lane * size, size, sumOfTwo) : 0;
        bool kept = false;
        for (long k = 0; k < topGroups; k++) {
            kept |= warp_best(mineScore, lane < groups && !kept ? lane : -1) == lane;
        }
        for (long e = 0; e < size && lane < groups && !kept; e++) {
            biased[lane * size + e] = -INFINITY_F;
        }
        __syncwarp();
    }
    unsigned long taken = 0;
    for (long k = 0; k < topK; k++) {
        int best = -1;
        for (int e = lane; e < experts; e += 32) {
            if (!(taken >> (e / 32) & 1) && (best < 0 || biased[e] > biased[best])) {
                best = e;
            }
        }
        best = warp_best(best < 0 ? 0 : biased[best], best);
        if (best % 32 == lane) {
            taken |= 1ul << (best / 32);
        }
        if (lane == 0) {
            mine[k] = best;
        }
    }
    if (lane > 0) {
        return;
    }
    double total = 0;
    for (long k = 0; k < topK; k++) {
        total += score[mine[k]];
    }
    // Ascending, so that a token's experts are added in one order.
    for (long k = 1; k < topK; k++) {
        int expert = mine[k];
        long j = k;
        for (; j > 0 && mine[j - 1] > expert; j--) {
            mine[j] = mine[j - 1];
        }
        mine[j] = expert;
    }
    double factor = normalize ? scale / (total + 1e-20) : scale;
    for (long k = 0; k < topK; k++) {
        chosen[token * topK + k] = mine[k];
        weights[token * topK + k] = (float) (score[mine[k]] * factor);
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

/* out[t] = sum over the token's experts, ascending, of weight times what the expert gave. One block a token. */
KERNEL sum_experts(const float* results, const int* assignment, const float* weights, long topK, float* out, long width) {
    in_turn();
    long token = blockIdx.x;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        float sum = 0;
        for (long k = token * topK; k < (token + 1) * topK; k++) {
            sum = fmaf(weights[k], results[assignment[k] * width + i], sum);
        }
        out[token * width + i] = sum;
    }
}
