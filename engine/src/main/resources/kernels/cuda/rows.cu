// Operations on rows without a weight matrix. A block takes a row, or a thread a number.

static const int NORM_THREADS = 512, NORM_FOURS = 4;    // of a thread: rows of up to 8192 numbers are read once

/* Four numbers, and the same in BF16 where somebody wants them. */
__device__ inline void store_fours(float* to, u16* rounded, long at, float4 v) {
    ((float4*) to)[at] = v;
    if (rounded) {
        ((uint2*) rounded)[at] = make_uint2(round_to_bf16(v.x, v.y), round_to_bf16(v.z, v.w));
    }
}

__device__ inline float4 normed(float4 v, double factor, float4 weight) {
    return make_float4((float) (v.x * factor * weight.x), (float) (v.y * factor * weight.y), (float) (v.z * factor * weight.z),
                       (float) (v.w * factor * weight.w));
}

__device__ inline double squares_of(float4 v) {
    return (double) v.x * v.x + (double) v.y * v.y + ((double) v.z * v.z + (double) v.w * v.w);
}

/* x += delta where there is one; out[r] = x[r] / sqrt(mean of squares + epsilon) * weight, also as BF16 where rounded is given; out
   may be x. One block a row. */
template <bool ADD>
__device__ void rms_norm(float* x, const float* delta, const float* weight, double epsilon, float* out, long width, u16* rounded) {
    __shared__ double sums[32];
    float* from = x + blockIdx.x * width;
    const float* more = delta + blockIdx.x * width;
    float* to = out + blockIdx.x * width;
    u16* also = rounded ? rounded + blockIdx.x * width : 0;
    double squares = 0;
    bool aligned = width % 4 == 0 && ((long) x | (long) delta | (long) weight | (long) out) % 16 == 0;
    if (aligned && width <= 4 * NORM_FOURS * NORM_THREADS) {
        long fours = width / 4;
        float4 own[NORM_FOURS], factors[NORM_FOURS];
#pragma unroll
        for (int i = 0; i < NORM_FOURS; i++) {
            long at = threadIdx.x + i * NORM_THREADS;
            factors[i] = at < fours ? ((const float4*) weight)[at] : make_float4(0, 0, 0, 0);
            own[i] = at < fours ? ((const float4*) from)[at] : make_float4(0, 0, 0, 0);
            if (ADD && at < fours) {
                float4 d = ((const float4*) more)[at];
                own[i] = make_float4(own[i].x + d.x, own[i].y + d.y, own[i].z + d.z, own[i].w + d.w);
            }
        }
#pragma unroll
        for (int i = 0; i < NORM_FOURS; i++) {
            squares += squares_of(own[i]);
        }
        double factor = rsqrt(block_sum(squares, sums) / width + epsilon);
#pragma unroll
        for (int i = 0; i < NORM_FOURS; i++) {
            long at = threadIdx.x + i * NORM_THREADS;
            if (at < fours) {
                if (ADD) {
                    ((float4*) from)[at] = own[i];
                }
                store_fours(to, also, at, normed(own[i], factor, factors[i]));
            }
        }
        return;
    }
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        float v = from[i];
        if (ADD) {
            v += more[i];
            from[i] = v;
        }
        squares += (double) v * v;
    }
    double factor = rsqrt(block_sum(squares, sums) / width + epsilon);
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        float v = (float) (from[i] * factor * weight[i]);
        to[i] = v;
        if (also) {
            also[i] = float_to_bf16(v);
        }
    }
}

KERNEL __launch_bounds__(NORM_THREADS) rms_norm(float* x, const float* weight, double epsilon, float* out, long width, u16* rounded) {
    in_turn();
    rms_norm<false>(x, x, weight, epsilon, out, width, rounded);
}

KERNEL __launch_bounds__(NORM_THREADS) add_rms_norm(float* x, const float* delta, const float* weight, double epsilon, float* out,
                                                    long width, u16* rounded) {
    in_turn();
    rms_norm<true>(x, delta, weight, epsilon, out, width, rounded);
}

KERNEL add(float* x, const float* delta, long count) {
    in_turn();
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        x[i] += delta[i];
    }
}

KERNEL add_bias(float* x, const float* bias, long count, long width) {
    in_turn();
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        x[i] += bias[i % width];
    }
}

KERNEL fill(float* x, double value, long count) {
    in_turn();
    for (long i = blockIdx.x * (long) blockDim.x + threadIdx.x; i < count; i += (long) gridDim.x * blockDim.x) {
        x[i] = (float) value;
    }
}

__device__ inline float gated(float g, float u) {
    return g / (1 + expf(-g)) * u;
}

/* out may be gate; it comes as BF16 too where rounded is given, and rows are whole fours then. */
KERNEL silu_mul(const float* gate, const float* up, float* out, long count, u16* rounded) {
    in_turn();
    long first = blockIdx.x * (long) blockDim.x + threadIdx.x, step = (long) gridDim.x * blockDim.x;
    if (count % 4 == 0 && ((long) gate | (long) up | (long) out) % 16 == 0) {
        for (long i = first; i < count / 4; i += step) {
            float4 g = ((const float4*) gate)[i], u = ((const float4*) up)[i];
            store_fours(out, rounded, i, make_float4(gated(g.x, u.x), gated(g.y, u.y), gated(g.z, u.z), gated(g.w, u.w)));
        }
        return;
    }
    for (long i = first; i < count; i += step) {
        out[i] = gated(gate[i], up[i]);
        if (rounded) {
            rounded[i] = float_to_bf16(out[i]);
        }
    }
}

/* Heads of each row rounded to BF16, one behind the other. One block a row. */
KERNEL to_bf16(const float* x, long row, long head, long heads, long width, u16* out) {
    in_turn();
    const float* from = x + blockIdx.x * row;
    u16* to = out + blockIdx.x * heads * width;
    bool fours = ((long) from | 4 * head | 4 * width) % 16 == 0;
    for (int h = threadIdx.x / 32; h < heads * (heads == 1 ? blockDim.x / 32 : 1); h += blockDim.x / 32) {
        // The warps of a block share the one head, or take one each.
        int first = heads == 1 ? threadIdx.x : threadIdx.x % 32, step = heads == 1 ? blockDim.x : 32;
        const float* own = from + (heads == 1 ? 0 : h * head);
        u16* there = to + (heads == 1 ? 0 : h * width);
        if (fours) {
            for (int i = first; i < width / 4; i += step) {
                float4 v = ((const float4*) own)[i];
                ((uint2*) there)[i] = make_uint2(round_to_bf16(v.x, v.y), round_to_bf16(v.z, v.w));
            }
        } else {
            for (int i = first; i < width; i += step) {
                there[i] = float_to_bf16(own[i]);
            }
        }
    }
}

/* Each group of a head's numbers as whole numbers up to 127 times one scale (kernels.RoundedInput says how). One block a row;
   heads come out one behind the other. */
KERNEL round_groups(const float* x, long row, long head, long heads, long width, long group, float* out) {
    in_turn();
    const float LARGEST = __int_as_float(0x7f7fffff), SMALLEST = 127 * __int_as_float(0x00800000);
    int lane = threadIdx.x % 32;
    long groups = (width + group - 1) / group;
    for (long g = threadIdx.x / 32; g < heads * groups; g += blockDim.x / 32) {
        const float* from = x + blockIdx.x * row + g / groups * head;
        float* to = out + (blockIdx.x * heads + g / groups) * width;
        long first = g % groups * group, end = min(width, first + group);
        float largest = 0;
        bool finite = true;
        for (long i = first + lane; i < end; i += 32) {
            largest = fmaxf(largest, fabsf(from[i]));
            finite = finite && fabsf(from[i]) <= LARGEST;
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
        }
        finite = __all_sync(0xffffffffu, finite);
        float scale = !finite ? __int_as_float(0x7fc00000) : largest < SMALLEST ? 0 : __fdiv_rn(largest, 127);
        float steps = scale > 0 ? __fdiv_rn(127, largest) : 0;
        for (long i = first + lane; i < end; i += 32) {
            to[i] = (steps == 0 ? 0 : rintf(__fmul_rn(from[i], steps))) * scale;
        }
    }
}

/* out[r] = x[rows[r]]. One block a row. */
KERNEL gather_rows(const float* x, const int* rows, float* out, long width) {
    in_turn();
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        out[blockIdx.x * width + i] = x[rows[blockIdx.x] * width + i];
    }
}

/* Each row of from becomes a part of to's. One block a row. */
KERNEL copy_columns(const float* from, long width, float* to, long toWidth, long column) {
    in_turn();
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        to[blockIdx.x * toWidth + column + i] = from[blockIdx.x * width + i];
    }
}

/* Pair i is at (i * step, i * step + distance) of each head. Blocks (row, part of its pairs); out may be x. */
KERNEL rotate(const float* x, long xRow, long xHead, const float* cosines, const float* sines, float* out, long outRow,
              long outHead, long heads, long pairs, long step, long distance) {
    in_turn();
    const float* from = x + blockIdx.x * xRow;
    float* to = out + blockIdx.x * outRow;
    u32 i = blockIdx.y * blockDim.x + threadIdx.x;
    if (i < (u32) (heads * pairs)) {
        u32 head = i / (u32) pairs, pair = i % (u32) pairs;
        float a = from[head * xHead + pair * step], b = from[head * xHead + pair * step + distance];
        float c = cosines[blockIdx.x * pairs + pair], s = sines[blockIdx.x * pairs + pair];
        to[head * outHead + pair * step] = (float) ((double) a * c - (double) b * s);
        to[head * outHead + pair * step + distance] = (float) ((double) a * s + (double) b * c);
    }
}

/* Rows of an embedding table. One block a row. */
template <class F> __device__ void embed(const Weight& table, const int* ids, float* out) {
    long id = ids[blockIdx.x];
    const u8* row = table.data + id * F::row_bytes(table);
    const float* scales = table.scales + (table.scaleCols == 0 ? 0 : id / table.blockRows * table.scaleCols);
    for (long i = threadIdx.x; i < table.cols; i += blockDim.x) {
        out[blockIdx.x * table.cols + i] = F::get(table, row, scales, i);
    }
}

#define EMBED(F)                                                             \
    KERNEL embed_##F(Weight table, const int* ids, float* out) { in_turn();  \
        embed<F>(table, ids, out);                                           \
    }

EMBED(F32)
EMBED(BF16)
EMBED(F16)
EMBED(FP8)
EMBED(INT8)
EMBED(Q4_0)
EMBED(Q4_1)
EMBED(AWQ)
EMBED(IQ4_NL)
EMBED(IQ4_XS)
EMBED(Q2_K)
EMBED(Q5_0)
EMBED(Q5_1)
EMBED(Q8_0)
EMBED(Q3_K)
EMBED(Q4_K)
EMBED(Q5_K)
EMBED(Q6_K)
