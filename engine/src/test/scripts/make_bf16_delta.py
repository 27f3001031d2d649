#!/usr/bin/env python3
"""Writes what turns the embedded FP8 nano model back into the BF16 checkpoint it was made from.

    make_bf16_delta.py BF16_FOLDER FP8_FOLDER OUT_FOLDER

The BF16 checkpoint has 53 MB, too much for the repository; its difference to the FP8 checkpoint has about 11 MB.
Needs only Python's standard library. Output:

  nano-bf16.delta   one gzip stream (numbers big-endian, texts as java.io.DataInput.readUTF wants them):
                    count of files (int32), then each file: name, kind (uint8) and
                      kind 0  nothing more: the same bytes as in the FP8 checkpoint
                      kind 1  length (int32) and the bytes
                      kind 2  a safetensors file: its length (int32), length of its head (int32), the head's bytes,
                              then, tensor by tensor in the order of their data, nothing for those stored alike in
                              both checkpoints, and for those in FP8 one number an element, row-major: the distance
                              from bf16(fp8 * scale) to the BF16 value, counted in BF16 numbers (bit patterns mapped
                              to integers in order). One byte, two's complement; -128 is followed by an int16.
  nano-bf16.sha256  SHA-256 of every file of the BF16 checkpoint, as sha256sum prints it

Nearly all distances lie within 8 and are close to uniform: there is little to match, and zlib's strategy for such
data (Z_FILTERED) comes within 1 % of their entropy.
"""

import array
import hashlib
import json
import os
import struct
import sys
import zlib

BLOCK = 128

# The BF16 checkpoint's MTP layer has copies of embedding and head; the FP8 checkpoint has each once.
COPIES = {
    "model.layers.6.embed_tokens.weight": "model.embed_tokens.weight",
    "model.layers.6.shared_head.head.weight": "lm_head.weight",
}


def read_safetensors(path):
    """The head's bytes, the entries in the order of their data, the whole file."""
    with open(path, "rb") as file:
        data = file.read()
    head_bytes = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:head_bytes])
    header.pop("__metadata__", None)
    entries = []
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        entries.append((head_bytes + begin, head_bytes + end, name, entry["dtype"], entry["shape"]))
    entries.sort()
    return data[:head_bytes], entries, data


def read_checkpoint(folder):
    tensors = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".safetensors"):
            _, entries, data = read_safetensors(os.path.join(folder, name))
            for begin, end, tensor, dtype, shape in entries:
                tensors[tensor] = (dtype, shape, data[begin:end])
    return tensors


def e4m3(code):
    exponent, mantissa = (code >> 3) & 15, code & 7
    if exponent == 15 and mantissa == 7:
        return None
    magnitude = mantissa * 2.0**-9 if exponent == 0 else (8 + mantissa) * 2.0 ** (exponent - 10)
    return -magnitude if code & 0x80 else magnitude


def bf16_bits(value):
    """Rounds to float32, then to BF16, both to nearest with ties to even, as the Java codec does."""
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16) & 0xFFFF


def ordered(bits):
    """Bit patterns of BF16 to integers in the order of their values."""
    return -(bits & 0x7FFF) if bits & 0x8000 else bits


ORDERED = [ordered(bits) for bits in range(65536)]


def distances(name, shape, bf16, fp8, scales):
    rows, cols = shape
    weights = array.array("H", bf16)
    if sys.byteorder == "big":
        weights.byteswap()
    if 0x8000 in weights:
        raise SystemExit(name + " holds a negative zero, which the mapping cannot keep")
    scale_cols = -(-cols // BLOCK)
    scale = struct.unpack("<%df" % (len(scales) // 4), scales)
    # One table a block: FP8 code to the place of its BF16 rounding.
    tables = [
        [0 if e4m3(code) is None else ORDERED[bf16_bits(e4m3(code) * factor)] for code in range(256)]
        for factor in scale
    ]
    out = bytearray()
    for row in range(rows):
        for block in range(scale_cols):
            table = tables[(row // BLOCK) * scale_cols + block]
            begin = row * cols + block * BLOCK
            end = min(begin + BLOCK, (row + 1) * cols)
            for bits, code in zip(weights[begin:end], fp8[begin:end]):
                distance = ORDERED[bits] - table[code]
                if -128 < distance < 128:
                    out.append(distance & 0xFF)
                else:
                    out += struct.pack(">bh", -128, distance)
    return bytes(out)


def utf(text):
    encoded = text.encode()
    return struct.pack(">H", len(encoded)) + encoded


def weights_file(path, fp8):
    head, entries, data = read_safetensors(path)
    out = [struct.pack(">ii", len(data), len(head)), head]
    for begin, end, name, dtype, shape in entries:
        fp8_dtype, fp8_shape, fp8_data = fp8[COPIES.get(name, name)]
        if fp8_shape != shape:
            raise SystemExit(name + " has different shapes in the two checkpoints")
        if fp8_dtype == "F8_E4M3" and dtype == "BF16":
            scales = fp8[name + "_scale_inv"][2]
            out.append(distances(name, shape, data[begin:end], fp8_data, scales))
        elif fp8_dtype != dtype or fp8_data != data[begin:end]:
            raise SystemExit(name + " is neither FP8 nor the same in both checkpoints")
    return b"".join(out)


def same_file(data, path):
    if not os.path.exists(path):
        return False
    with open(path, "rb") as file:
        return file.read() == data


def main(bf16_folder, fp8_folder, out_folder):
    fp8 = read_checkpoint(fp8_folder)
    names = sorted(os.listdir(bf16_folder))
    parts = [struct.pack(">i", len(names))]
    sums = []
    for name in names:
        path = os.path.join(bf16_folder, name)
        with open(path, "rb") as file:
            data = file.read()
        sums.append("%s  %s\n" % (hashlib.sha256(data).hexdigest(), name))
        if same_file(data, os.path.join(fp8_folder, name)):
            parts.append(utf(name) + b"\0")
        elif name.endswith(".safetensors"):
            parts.append(utf(name) + b"\2" + weights_file(path, fp8))
        else:
            parts.append(utf(name) + b"\1" + struct.pack(">i", len(data)) + data)
    gzip = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_FILTERED)
    packed = gzip.compress(b"".join(parts)) + gzip.flush()
    with open(os.path.join(out_folder, "nano-bf16.delta"), "wb") as file:
        file.write(packed)
    with open(os.path.join(out_folder, "nano-bf16.sha256"), "w") as file:
        file.writelines(sums)
    print("%d bytes" % len(packed))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
