// How numbers are stored: weights, cache rows, and heads inside rows. Every argument of a kernel is eight bytes wide.

#define KERNEL extern "C" __global__ void

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

/* Every kernel begins with this: as of 9.0 a launch's blocks may be put into place while launches before still run, and wait here
   until the one before is done, which waited likewise. Those of the launch behind are let in at once: they may ask memory for
   weights, whatever runs before them. */
__device__ inline void in_turn() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

#define INFINITY_F __int_as_float(0x7f800000)

__device__ inline float bf16_to_float(u16 bits) {
    return __uint_as_float((u32) bits << 16);
}

/* To nearest, ties to even; NaN stays NaN. */
__device__ inline u16 float_to_bf16(float value) {
    u32 bits = __float_as_uint(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (u16) (bits >> 16 | 0x40);
    }
    return (u16) ((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

/* To nearest, ties to even; the first in the lower half. */
__device__ inline u32 round_to_bf16(float first, float second) {
    u32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
}

__device__ inline float f16_to_float(u16 bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
    return value;
}

/* No infinities; 0x7f and 0xff are NaN. Below bits 3 and up of the exponent lies 2^-9 for each unit of a subnormal. */
__device__ inline float e4m3_to_float(u8 code) {
    u32 magnitude = code & 0x7f;
    // Exponent and mantissa moved in place give the value times 2^-120, subnormals too.
    float value = __uint_as_float(magnitude << 20) * 0x1p120f;
    value = magnitude == 0x7f ? __int_as_float(0x7fc00000) : value;
    return code & 0x80 ? -value : value;
}

/* To nearest, ties to even; beyond 448 the code of 448. */
__device__ inline u8 float_to_e4m3(float value) {
    if (value != value) {
        return 0x7f;
    }
    float magnitude = fminf(fabsf(value), 448);
    u32 sign = __float_as_uint(value) >> 24 & 0x80, bits = __float_as_uint(magnitude);
    // Below 2^-6 a code counts steps of 2^-9; above, exponent and three bits of the mantissa move down, the bias from 127 to 7.
    u32 code = magnitude < 0x1p-6f ? (u32) rintf(magnitude * 512) : ((bits + 0x7ffff + (bits >> 20 & 1)) >> 20) - (120 << 3);
    return (u8) (sign | code);
}

/* The first in the lower byte. */
__device__ inline u32 two_to_e4m3(float first, float second) {
#if __CUDA_ARCH__ >= 890
    u16 pair;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(pair) : "f"(second), "f"(first));
    return pair;
#else
    return float_to_e4m3(first) | (u32) float_to_e4m3(second) << 8;
#endif
}

/* Two bytes at any address. */
__device__ inline u16 short_at(const u8* at) {
    return (u16) (at[0] | at[1] << 8);
}

__device__ inline float half_at(const u8* at) {
    return f16_to_float(short_at(at));
}

/* A weight, or equal weights one behind the other, in one of the formats below. */
struct Weight {
    const u8* data;
    const float* scales;    // FP8 only
    long rows;
    long cols;
    long blockRows;         // FP8 only, as the next two
    long blockCols;
    long scaleCols;
};

/* Formats: get() gives one number of a row, load<V>() V of them from a column that is a multiple of V, rows being aligned. */
struct F32 {
    __device__ static long row_bytes(const Weight& w) { return 4 * w.cols; }
    __device__ static float get(const Weight& w, const u8* row, const float*, long col) { return ((const float*) row)[col]; }
    template <int V> __device__ static void load(const Weight&, const u8* row, const float*, long col, float* to) {
        float4 v = *(const float4*) (row + 4 * col);
        to[0] = v.x; to[1] = v.y; to[2] = v.z; to[3] = v.w;
    }
};

struct BF16 {
    __device__ static long row_bytes(const Weight& w) { return 2 * w.cols; }
    __device__ static float get(const Weight& w, const u8* row, const float*, long col) {
        return bf16_to_float(((const u16*) row)[col]);
    }
    template <int V> __device__ static void load(const Weight&, const u8* row, const float*, long col, float* to) {
        uint4 v = *(const uint4*) (row + 2 * col);
        u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            to[2 * i] = __uint_as_float(words[i] << 16);
            to[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
        }
    }
};

struct F16 {
    __device__ static long row_bytes(const Weight& w) { return 2 * w.cols; }
    __device__ static float get(const Weight& w, const u8* row, const float*, long col) {
        return f16_to_float(((const u16*) row)[col]);
    }
    template <int V> __device__ static void load(const Weight&, const u8* row, const float*, long col, float* to) {
        uint4 v = *(const uint4*) (row + 2 * col);
        u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            to[2 * i] = f16_to_float((u16) words[i]);
            to[2 * i + 1] = f16_to_float((u16) (words[i] >> 16));
        }
    }
};

/* The number times its block's scale, rounded to float. */
struct FP8 {
    __device__ static long row_bytes(const Weight& w) { return w.cols; }
    __device__ static float get(const Weight& w, const u8* row, const float* scales, long col) {
        return e4m3_to_float(row[col]) * scales[col / w.blockCols];
    }
    /* V divides the width of a block. */
    template <int V> __device__ static void load(const Weight& w, const u8* row, const float* scales, long col, float* to) {
        uint2 v = *(const uint2*) (row + col);
        float scale = scales[col / w.blockCols];
#pragma unroll
        for (int i = 0; i < 8; i++) {
            to[i] = e4m3_to_float((u8) ((i < 4 ? v.x : v.y) >> (8 * (i & 3)))) * scale;
        }
    }
};

/* As above, of whole numbers. */
struct INT8 {
    __device__ static long row_bytes(const Weight& w) { return w.cols; }
    __device__ static float get(const Weight& w, const u8* row, const float* scales, long col) {
        return (signed char) row[col] * scales[col / w.blockCols];
    }
    template <int V> __device__ static void load(const Weight& w, const u8* row, const float* scales, long col, float* to) {
        uint2 v = *(const uint2*) (row + col);
        float scale = scales[col / w.blockCols];
#pragma unroll
        for (int i = 0; i < 8; i++) {
            to[i] = (signed char) ((i < 4 ? v.x : v.y) >> (8 * (i & 3))) * scale;
        }
    }
};

/* Blocks of COLUMNS numbers in BYTES bytes, as tensor.BlockFormat defines them. */
#define BLOCKS(NAME, COLUMNS, BYTES)                                                                                          \
    struct NAME {                                                                                                             \
        __device__ static long row_bytes(const Weight& w) { return w.cols / COLUMNS * BYTES; }                                \
        __device__ static float get(const Weight& w, const u8* row, const float*, long col) {                                 \
            return number(row + col / COLUMNS * BYTES, (int) (col % COLUMNS));                                                \
        }                                                                                                                     \
        template <int V> __device__ static void load(const Weight& w, const u8* row, const float* s, long col, float* to) {   \
            to[0] = get(w, row, s, col);                                                                                      \
        }                                                                                                                     \
        __device__ static float number(const u8* at, int i);                                                                  \
    };

BLOCKS(Q4_0, 32, 18)
BLOCKS(Q4_1, 32, 20)
BLOCKS(AWQ, 32, 19)
BLOCKS(IQ4_NL, 32, 18)
BLOCKS(IQ4_XS, 256, 136)
BLOCKS(Q2_K, 256, 84)
BLOCKS(Q5_0, 32, 22)
BLOCKS(Q5_1, 32, 24)
BLOCKS(Q8_0, 32, 34)
BLOCKS(Q3_K, 256, 110)
BLOCKS(Q4_K, 256, 144)
BLOCKS(Q5_K, 256, 176)
BLOCKS(Q6_K, 256, 210)

__device__ inline int half_byte(u8 byte, int upper) {
    return byte >> (4 * upper) & 15;
}

__device__ inline float Q4_0::number(const u8* at, int i) {
    return half_at(at) * (half_byte(at[2 + i % 16], i / 16) - 8);
}

/* The product is exact, so that nothing but the sum is rounded. */
__device__ inline float Q4_1::number(const u8* at, int i) {
    return __fadd_rn(__fmul_rn(half_at(at), half_byte(at[4 + i % 16], i / 16)), half_at(at + 2));
}

__device__ inline float AWQ::number(const u8* at, int i) {
    return half_at(at) * (half_byte(at[3 + i % 16], i / 16) - half_byte(at[2], 0));
}

/* Sixteen steps, denser around zero; signed bytes, the lowest first. */
__device__ inline int uneven_step(int q) {
    u64 steps = q < 8 ? 0xf6eaddcfbfad9881ull : 0x7159453526190d01ull;
    return (signed char) (steps >> (8 * (q % 8)));
}

__device__ inline float IQ4_NL::number(const u8* at, int i) {
    return half_at(at) * uneven_step(half_byte(at[2 + i % 16], i / 16));
}

__device__ inline float IQ4_XS::number(const u8* at, int i) {
    int group = i / 32;
    int scale = (half_byte(at[4 + group / 2], group % 2) | (short_at(at + 2) >> (2 * group) & 3) << 4) - 32;
    return half_at(at) * scale * uneven_step(half_byte(at[8 + 16 * group + i % 16], i % 32 / 16));
}

__device__ inline float Q2_K::number(const u8* at, int i) {
    int q = at[16 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
    float minimum = half_at(at + 82) * half_byte(at[i / 16], 1);
    return __fsub_rn(__fmul_rn(half_at(at + 80) * half_byte(at[i / 16], 0), q), minimum);
}

__device__ inline float Q5_0::number(const u8* at, int i) {
    int fifth = at[2 + i / 8] >> (i % 8) & 1;
    return half_at(at) * ((half_byte(at[6 + i % 16], i / 16) | fifth << 4) - 16);
}

__device__ inline float Q5_1::number(const u8* at, int i) {
    int fifth = at[4 + i / 8] >> (i % 8) & 1;
    int q = half_byte(at[8 + i % 16], i / 16) | fifth << 4;
    return __fadd_rn(__fmul_rn(half_at(at), q), half_at(at + 2));
}

__device__ inline float Q8_0::number(const u8* at, int i) {
    return half_at(at) * (signed char) at[2 + i];
}

/* Six bits of the twelve bytes of scales and minima of eight groups. */
__device__ inline int packed_scale(const u8* at, int group, int minimum) {
    u8 low = at[group % 4 + 4 * minimum];
    return group < 4 ? low & 63 : half_byte(at[8 + group % 4], minimum) | low >> 6 << 4;
}

/* d scale q - dmin minimum, each product exact, so that nothing but the difference is rounded. */
__device__ inline float scaled(const u8* at, int group, int q) {
    float scale = half_at(at) * packed_scale(at + 4, group, 0);
    float minimum = half_at(at + 2) * packed_scale(at + 4, group, 1);
    return __fsub_rn(__fmul_rn(scale, q), minimum);
}

__device__ inline float Q4_K::number(const u8* at, int i) {
    return scaled(at, i / 32, half_byte(at[16 + i / 64 * 32 + i % 32], i / 32 % 2));
}

__device__ inline float Q5_K::number(const u8* at, int i) {
    int q = half_byte(at[48 + i / 64 * 32 + i % 32], i / 32 % 2);
    return scaled(at, i / 32, q | (at[16 + i % 32] >> (i / 32) & 1) << 4);
}

__device__ inline float Q3_K::number(const u8* at, int i) {
    int low = at[32 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3, third = at[i % 32] >> (i / 32) & 1, run = i / 16;
    int scale = half_byte(at[96 + run % 8], run / 8) | (at[104 + run % 4] >> (run / 4 * 2) & 3) << 4;
    return half_at(at + 108) * (scale - 32) * ((low | third << 2) - 4);
}

__device__ inline float Q6_K::number(const u8* at, int i) {
    int c = i % 128;
    int low = half_byte(at[i / 128 * 64 + c % 64], c / 64);
    int high = at[128 + i / 128 * 32 + c % 32] >> (c / 32 * 2) & 3;
    int scale = (signed char) at[192 + i / 16];
    return half_at(at + 208) * scale * ((low | high << 4) - 32);
}

/* Sum over a block's threads, the same in all of them; always in the same order. scratch: one number for each warp. */
template <class T> __device__ inline T block_sum(T value, T* scratch) {
    for (int distance = 16; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    }
    int warps = (blockDim.x + 31) / 32;
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    T sum = scratch[0];
    for (int warp = 1; warp < warps; warp++) {
        sum += scratch[warp];
    }
    return sum;
}

/* The largest of a block's threads' numbers, the same in all of them. */
__device__ inline float block_max(float value, float* scratch) {
    for (int distance = 16; distance > 0; distance /= 2) {
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, distance));
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        scratch[threadIdx.x / 32] = value;
    }
    __syncthreads();
    float largest = scratch[0];
    for (int warp = 1; warp < (blockDim.x + 31) / 32; warp++) {
        largest = fmaxf(largest, scratch[warp]);
    }
    return largest;
}
