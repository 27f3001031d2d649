// The key-value cache: writing rows and reading them back. One block a row.

template <class C> __device__ void store_latent(const float* latent, const float* weight, double epsilon, const float* cosines,
        const float* sines, const int* slots, u8* cache, long width, long rope) {
    __shared__ double sums[32];
    const float* from = latent + blockIdx.x * (width + rope);
    u8* to = cache + slots[blockIdx.x] * (width + rope) * C::BYTES;
    double squares = 0;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        double v = from[i];
        squares += v * v;
    }
    double factor = 1 / sqrt(block_sum(squares, sums) / width + epsilon);
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        C::write(to, i, (float) (from[i] * factor * weight[i]));
    }
    for (long i = threadIdx.x; i < rope / 2; i += blockDim.x) {
        double a = from[width + 2 * i], b = from[width + 2 * i + 1];
        double c = cosines[blockIdx.x * (rope / 2) + i], s = sines[blockIdx.x * (rope / 2) + i];
        C::write(to, width + 2 * i, (float) (a * c - b * s));
        C::write(to, width + 2 * i + 1, (float) (a * s + b * c));
    }
}

template <class C> __device__ void load_latent(const u8* cache, const int* slots, float* latent, float* keys, long width,
        long rope) {
    const u8* from = cache + slots[blockIdx.x] * (width + rope) * C::BYTES;
    for (long i = threadIdx.x; i < width; i += blockDim.x) {
        latent[blockIdx.x * width + i] = C::read(from, i);
    }
    for (long i = threadIdx.x; i < rope; i += blockDim.x) {
        keys[blockIdx.x * rope + i] = C::read(from, width + i);
    }
}

/* All keys of a row, then all values. */
template <class C> __device__ void store_heads(const float* keys, long keyRow, long keyHead, long keyWidth, const float* values,
        long valueRow, long valueHead, long valueWidth, long heads, const int* slots, u8* cache) {
    u8* to = cache + slots[blockIdx.x] * heads * (keyWidth + valueWidth) * C::BYTES;
    for (long i = threadIdx.x; i < heads * keyWidth; i += blockDim.x) {
        C::write(to, i, keys[blockIdx.x * keyRow + i / keyWidth * keyHead + i % keyWidth]);
    }
    for (long i = threadIdx.x; i < heads * valueWidth; i += blockDim.x) {
        C::write(to, heads * keyWidth + i, values[blockIdx.x * valueRow + i / valueWidth * valueHead + i % valueWidth]);
    }
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
