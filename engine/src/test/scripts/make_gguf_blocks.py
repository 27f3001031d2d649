#!/usr/bin/env python3
"""Random blocks of each GGUF format that is read, and what gguf-py makes of them.

  make_gguf_blocks.py OUT

Needs numpy and gguf (0.19.0 made the stored file). All bits of a block are random but for its half-precision scales, which
are finite: every third block has ordinary ones, the others extremes (zeros of both signs, subnormals, the largest).
Little-endian: for each format its GGUF type number (int32), its number of blocks (int32), the blocks, their values as
float32."""
import sys
import gguf, numpy as np

Q = gguf.GGMLQuantizationType
BLOCKS = 12
# Byte offsets of the half-precision scales in a block.
SCALES = {Q.Q4_0: [0], Q.Q5_0: [0], Q.Q8_0: [0], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208],
          Q.Q4_1: [0, 2], Q.Q5_1: [0, 2], Q.IQ4_NL: [0], Q.Q3_K: [108],
          Q.Q2_K: [80, 82], Q.IQ4_XS: [0]}
EXTREMES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xFBFF, 0x3C00]

random = np.random.default_rng(20261123)
with open(sys.argv[1], "wb") as out:
    for kind, places in SCALES.items():
        size = gguf.GGML_QUANT_SIZES[kind][1]
        blocks = random.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for b in range(BLOCKS):
            for place in places:
                bits = np.float16(random.normal() * 0.01).view(np.uint16) if b % 3 == 0 else random.choice(EXTREMES)
                blocks[b, place : place + 2] = np.array([bits], "<u2").view(np.uint8)
        values = gguf.quants.dequantize(blocks, kind).astype("<f4")
        out.write(np.array([kind.value, BLOCKS], "<i4").tobytes() + blocks.tobytes() + values.tobytes())
