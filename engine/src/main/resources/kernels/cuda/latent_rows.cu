// Tiles of attention in shared memory, and how rows of the latent cache come there at DeepSeek's widths.
//
// Tiles lie in rows of pieces of sixteen bytes; piece p of row r is at p ^ r % 8, so that eight rows' same pieces lie in
// different banks.

static const int FLASH_THREADS = 256;
static const int FLASH_WARPS = 8;
static const int FLASH_KEYS = 64;    // of a tile

/* Where a piece of a row lies, rows being ROW bytes long. */
template <int ROW> __device__ inline u32 swizzled(u32 base, int row, int piece) {
    return base + row * ROW + ((piece ^ (row & 7)) << 4);
}

static const int LATENT = 512;           // numbers of a value
static const int LATENT_KEY = 576;       // and of a key
static const int LATENT_ROW = 2 * LATENT_KEY;
static const int LATENT_PIECES = LATENT_KEY / 8;

/* Rows of the cache on their way to shared memory, as BF16. */
struct LatentBF16 {
    static const bool LATER = true;    // they arrive by themselves
    __device__ static void load(u32 tile, const u8* rows, const int* slots) {
        for (int i = threadIdx.x; i < FLASH_KEYS * LATENT_PIECES; i += FLASH_THREADS) {
            int key = i / LATENT_PIECES, piece = i % LATENT_PIECES;
            copy_later(swizzled<LATENT_ROW>(tile, key, piece), rows + (long) slots[key] * LATENT_ROW + piece * 16);
        }
    }
};

/* kernels.Fp8Row: 512 codes, four scales, 64 numbers in BF16. */
struct LatentFP8_E4M3 {
    static const bool LATER = false;
    static const int SCALES_AT = LATENT, ROPE_AT = LATENT + LATENT / 128 * 4, ROW = ROPE_AT + 2 * (LATENT_KEY - LATENT);
    static const int CODE_PIECES = LATENT / 16;
    __device__ static u32 scaled(u32 codes, float scale) {
        u32 pair = e4m3_to_bf16(codes);
        return round_to_bf16(__uint_as_float(pair << 16) * scale, __uint_as_float(pair & 0xffff0000u) * scale);
    }
    __device__ static void load(u32 tile, const u8* rows, const int* slots) {
        for (int i = threadIdx.x; i < FLASH_KEYS * (LATENT_KEY - LATENT) / 8; i += FLASH_THREADS) {
            int key = i / 8, piece = i % 8;
            copy_later(swizzled<LATENT_ROW>(tile, key, LATENT / 8 + piece), rows + (long) slots[key] * ROW + ROPE_AT + piece * 16);
        }
#pragma unroll
        for (int n = 0; n < FLASH_KEYS * CODE_PIECES / FLASH_THREADS; n++) {
            int i = n * FLASH_THREADS + threadIdx.x;
            int key = i / CODE_PIECES, piece = i % CODE_PIECES;
            const u8* row = rows + (long) slots[key] * ROW;
            uint4 codes = *(const uint4*) (row + 16 * piece);
            // A group that is not finite has the scale NaN; its codes may be what they want.
            float scale = *(const float*) (row + SCALES_AT + piece / 8 * 4);
            u32 words[4] = {codes.x, codes.y, codes.z, codes.w};
#pragma unroll
            for (int half = 0; half < 2; half++) {
                u32 first = words[2 * half], second = words[2 * half + 1];
                asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};"
                             ::"r"(swizzled<LATENT_ROW>(tile, key, 2 * piece + half)),
                             "r"(scaled(__byte_perm(first, 0, 0x1404), scale)), "r"(scaled(__byte_perm(first, 0, 0x3424), scale)),
                             "r"(scaled(__byte_perm(second, 0, 0x1404), scale)), "r"(scaled(__byte_perm(second, 0, 0x3424), scale))
                             : "memory");
            }
        }
    }
};
