package dev.fathom.kernels.c;

/** How compiled kernels multiply by BF16 numbers. */
enum Bf16Products {
    /** As float32, exactly. */
    FLOATS,
    /** By dot products of pairs, x rounded to BF16; FP8 as float32. */
    PAIRS,
    /** On the processor's matrix tiles, x rounded to BF16; FP8, too. */
    TILES
}
