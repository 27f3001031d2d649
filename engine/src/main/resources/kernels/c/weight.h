/* A weight as it is stored. The layout of struct weight is also in WeightStruct.java: eight bytes a field. */
#ifndef FATHOM_WEIGHT_H
#define FATHOM_WEIGHT_H

#include "lanes.h"

enum format {
    /*
     * E4M3 codes, and a float32 scale for each block of block_rows rows and 128 columns. kinds: a byte for each tile of 4
     * rows and 128 columns, zero at first; fp8.h notes there what it finds in the tile.
     */
    FP8,
    /* Blocks of GGUF files, side by side. */
    Q4_0,
    Q5_0,
    Q8_0,
    Q4_K,
    Q5_K,
    Q6_K,
    /* Numbers, row after row. */
    F32,
    BF16,
    F16,
    /* Signed bytes, row after row, and a float32 scale for each block of block_rows rows and block_columns columns. */
    INT8,
    /* More blocks. AWQ's are of BlockFormat.java's own making. */
    Q4_1,
    Q5_1,
    AWQ,
    IQ4_NL,
    Q3_K,
    Q2_K,
    IQ4_XS,
};

/* Rows past the last are read as the last; whoever stores leaves them out. */
struct weight {
    int64_t format;
    const uint8_t *codes;
    const float *scales;
    int64_t rows, cols, block_rows;
    uint8_t *kinds;
    int64_t block_columns;
};

#endif
