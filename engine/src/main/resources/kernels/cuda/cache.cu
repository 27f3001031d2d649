// The key-value cache: how its rows hold numbers, writing rows and reading them back. One block a row.

/* Formats of a row of latent numbers and, behind them, rope numbers: write() rounds the first, given one by one, write_rope() one
   of the others; read() gives number i of both, or V from i on, a multiple of V. */
struct CacheF32 {
    __device__ static long row_bytes(long latent, long rope) { return 4 * (latent + rope); }
    __device__ static float read(const u8* row, long, long i) { return ((const float*) row)[i]; }
    template <int V> __device__ static void read(const u8* row, long, long i, float* to) {
        if (V == 1) {
            to[0] = ((const float*) row)[i];
        } else {
            float2 v = ((const float2*) row)[i / 2];
            to[0] = v.x;
            to[V - 1] = v.y;
        }
    }
    template <class Number> __device__ static void write(u8* row, long latent, Number number) {
        for (long i = threadIdx.x; i < latent; i += blockDim.x) {
            ((float*) row)[i] = number(i);
        }
    }
    __device__ static void write_rope(u8* row, long latent, long i, float value) { ((float*) row)[latent + i] = value; }
};

struct CacheBF16 {
    __device__ static long row_bytes(long latent, long rope) { return 2 * (latent + rope); }
    __device__ static float read(const u8* row, long, long i) { return bf16_to_float(((const u16*) row)[i]); }
    template <int V> __device__ static void read(const u8* row, long, long i, float* to) {
        if (V == 1) {
            to[0] = bf16_to_float(((const u16*) row)[i]);
        } else {
            u32 v = ((const u32*) row)[i / 2];
            to[0] = __uint_as_float(v << 16);
            to[V - 1] = __uint_as_float(v & 0xffff0000u);
        }
    }
    template <class Number> __device__ static void write(u8* row, long latent, Number number) {
        for (long i = threadIdx.x; i < latent; i += blockDim.x) {
            ((u16*) row)[i] = float_to_bf16(number(i));
        }
    }
    __device__ static void write_rope(u8* row, long latent, long i, float value) {
        ((u16*) row)[latent + i] = float_to_bf16(value);
    }
};

/* kernels.Fp8Row: codes, a scale for each group of them, the rope part in BF16. Rows may begin at any byte. */
struct CacheFP8_E4M3 {
    static const int GROUP = 128;
    __device__ static long rope_at(long latent) { return latent + (latent + GROUP - 1) / GROUP * 4; }
    __device__ static long row_bytes(long latent, long rope) { return rope_at(latent) + 2 * rope; }
    __device__ static float scale(const u8* row, long latent, long i) {
        const u8* at = row + latent + i / GROUP * 4;
        return (u64) at % 4 == 0 ? *(const float*) at : __uint_as_float(short_at(at) | (u32) short_at(at + 2) << 16);
    }
    __device__ static float read(const u8* row, long latent, long i) {
        return i < latent ? e4m3_to_float(row[i]) * scale(row, latent, i)
                          : bf16_to_float(short_at(row + rope_at(latent) + 2 * (i - latent)));
    }
    template <int V> __device__ static void read(const u8* row, long latent, long i, float* to) {
#pragma unroll
        for (int v = 0; v < V; v++) {
            to[v] = read(row, latent, i + v);
        }
    }
    template <class Number> __device__ static void write(u8* row, long latent, Number number) {
        const float LARGEST = __int_as_float(0x7f7fffff);
        int lane = threadIdx.x % 32;
        for (long group = threadIdx.x / 32; group * GROUP < latent; group += blockDim.x / 32) {
            long first = group * GROUP, end = min(latent, first + GROUP);
            float largest = 0;
            bool finite = true;
            for (long i = first + lane; i < end; i += 32) {
                float magnitude = fabsf(number(i));
                largest = fmaxf(largest, magnitude);
                finite = finite && magnitude <= LARGEST;
            }
            for (int distance = 16; distance > 0; distance /= 2) {
                largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
            }
            finite = __all_sync(0xffffffffu, finite);
            float scale = finite ? __fdiv_rn(largest, 448) : __int_as_float(0x7fc00000);
            float divisor = scale == 0 ? 1 : scale;
            for (long i = first + lane; i < end; i += 32) {
                row[i] = float_to_e4m3(__fdiv_rn(number(i), divisor));
            }
            if (lane < 4) {
                row[latent + 4 * group + lane] = (u8) (__float_as_uint(scale) >> (8 * lane));
            }
        }
    }
    __device__ static void write_rope(u8* row, long latent, long i, float value) {
        u16 bits = float_to_bf16(value);
        row[rope_at(latent) + 2 * i] = (u8) bits;
        row[rope_at(latent) + 2 * i + 1] = (u8) (bits >> 8);
    }
};

template <class C> __device__ void store_latent(const float* latent, const float* weight, double epsilon, const float* cosines,
        const float* sines, const int* slots, u8* cache, long width, long rope) {
    __shared__ double sums[32];
    const float* from = latent + blockIdx.x * (width + rope);
    u8* to = cache + slots[blockIdx.x] * C::row_bytes(width, rope);
    double squares = 0;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        double v = from[i];
        squares += v * v;
    }
    double factor = 1 / sqrt(block_sum(squares, sums) / width + epsilon);
    C::write(to, width, [&](long i) { return (float) (from[i] * factor * weight[i]); });
    for (long i = threadIdx.x; i < rope / 2; i += blockDim.x) {
        double a = from[width + 2 * i], b = from[width + 2 * i + 1];
        double c = cosines[blockIdx.x * (rope / 2) + i], s = sines[blockIdx.x * (rope / 2) + i];
        C::write_rope(to, width, 2 * i, (float) (a * c - b * s));
        C::write_rope(to, width, 2 * i + 1, (float) (a * s + b * c));
    }
}

template <class C> __device__ void load_latent(const u8* cache, const int* slots, float* latent, float* keys, long width,
        long rope) {
    const u8* from = cache + slots[blockIdx.x] * C::row_bytes(width, rope);
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        latent[blockIdx.x * width + i] = C::read(from, width, i);
    }
    for (long i = threadIdx.x; i < rope; i += blockDim.x) {
        keys[blockIdx.x * rope + i] = C::read(from, width, width + i);
    }
}

/* All keys of a row, then all values. */
template <class C> __device__ void store_heads(const float* keys, long keyRow, long keyHead, long keyWidth, const float* values,
        long valueRow, long valueHead, long valueWidth, long heads, const int* slots, u8* cache) {
    long width = heads * (keyWidth + valueWidth);
    C::write(cache + slots[blockIdx.x] * C::row_bytes(width, 0), width, [&](long i) {
        long value = i - heads * keyWidth;
        return value < 0 ? keys[blockIdx.x * keyRow + i / keyWidth * keyHead + i % keyWidth]
                         : values[blockIdx.x * valueRow + value / valueWidth * valueHead + value % valueWidth];
    });
}

#define CACHE(C)                                                                                                               \
    KERNEL store_latent_##C(const float* latent, const float* weight, double epsilon, const float* cosines,                    \
                            const float* sines, const int* slots, u8* cache, long width, long rope) { in_turn();               \
        store_latent<Cache##C>(latent, weight, epsilon, cosines, sines, slots, cache, width, rope);                            \
    }                                                                                                                          \
    KERNEL load_latent_##C(const u8* cache, const int* slots, float* latent, float* keys, long width, long rope) { in_turn();  \
        load_latent<Cache##C>(cache, slots, latent, keys, width, rope);                                                        \
    }                                                                                                                          \
    KERNEL store_heads_##C(const float* keys, long keyRow, long keyHead, long keyWidth, const float* values, long valueRow,    \
                           long valueHead, long valueWidth, long heads, const int* slots, u8* cache) { in_turn();              \
        store_heads<Cache##C>(keys, keyRow, keyHead, keyWidth, values, valueRow, valueHead, valueWidth, heads, slots, cache);  \
    }

CACHE(F32)
CACHE(BF16)
CACHE(FP8_E4M3)
