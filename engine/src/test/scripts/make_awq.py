#!/usr/bin/env python3
"""AWQ weights in AutoAWQ's GEMM layout, written by numpy alone.

  make_awq.py golden OUT_FOLDER              group32, group64, group128.safetensors: random codes, zero points and scales of
                                             one weight, and under "expected" what they mean, by AutoAWQ's way of unpacking
  make_awq.py checkpoint SOURCE OUT [GROUP]  a BF16 checkpoint's projections rounded to AWQ (to nearest, without the search
                                             for scales), all else as it is; GROUP is 128 by default

Needs numpy."""
import json, pathlib, shutil, struct, sys
import numpy as np

PACK_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]  # nibble n of a word holds output ORDER[n]
UNPACK_ORDER = [0, 4, 1, 5, 2, 6, 3, 7]  # output n of a word lies in this nibble
NAMES = {np.dtype("<i4"): "I32", np.dtype("<f2"): "F16", np.dtype("<f4"): "F32"}


def pack(codes):
    """[inputs, outputs] of 0 to 15 to [inputs, outputs / 8] words."""
    words = np.zeros((codes.shape[0], codes.shape[1] // 8), np.uint32)
    for nibble, output in enumerate(PACK_ORDER):
        words |= codes[:, output::8].astype(np.uint32) << np.uint32(4 * nibble)
    return words.view(np.int32)


def unpack(words):
    nibbles = (words[:, :, None].view(np.uint32) >> np.arange(0, 32, 4, dtype=np.uint32)) & 15
    return nibbles[:, :, UNPACK_ORDER].reshape(words.shape[0], -1).astype(np.int32)


def save(path, tensors, raw=None):
    """raw: name -> (dtype, shape, bytes) of tensors that numpy has no type for."""
    parts = {name: (NAMES[t.dtype], list(t.shape), t.tobytes()) for name, t in tensors.items()} | (raw or {})
    header, at = {}, 0
    for name, (dtype, shape, data) in parts.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for _, _, data in parts.values():
            out.write(data)


def golden(folder):
    random = np.random.default_rng(20261130)
    for group, inputs, outputs in [(32, 128, 24), (64, 192, 8), (128, 256, 16)]:
        codes = random.integers(0, 16, (inputs, outputs))
        zeros = random.integers(0, 16, (inputs // group, outputs))
        scales = (random.random((inputs // group, outputs)) * 0.1).astype("<f2")
        qweight, qzeros = pack(codes), pack(zeros)
        repeated = np.repeat(unpack(qzeros), group, 0)
        expected = (unpack(qweight) - repeated).astype("<f4") * np.repeat(scales, group, 0).astype("<f4")
        save(folder / f"group{group}.safetensors", {
            "a.qweight": qweight, "a.qzeros": qzeros, "a.scales": scales, "expected": np.ascontiguousarray(expected.T)})


def quantized(weight, group):
    """[outputs, inputs] float32 to the three tensors."""
    groups = weight.T.reshape(-1, group, weight.shape[0])  # [groups, columns, outputs]
    low, high = np.minimum(groups.min(1), 0), np.maximum(groups.max(1), 0)
    scales = np.maximum((high - low) / 15, 1e-5).astype("<f2")
    steps = scales.astype(np.float32)
    zeros = np.clip(np.rint(-low / steps), 0, 15)
    codes = np.clip(np.rint(groups / steps[:, None]) + zeros[:, None], 0, 15)
    return pack(codes.reshape(weight.shape[1], -1).astype(int)), pack(zeros.astype(int)), scales


def checkpoint(source, out, group):
    out.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        if file.suffix != ".safetensors" and "index" not in file.name and file.name != "config.json":
            shutil.copy(file, out)
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "awq", "bits": 4, "group_size": group, "version": "gemm",
                                     "zero_point": True, "modules_to_not_convert": None}
    (out / "config.json").write_text(json.dumps(config, indent=2))
    tensors, raw = {}, {}
    for file in sorted(source.glob("*.safetensors")):
        data = file.read_bytes()
        size = struct.unpack("<Q", data[:8])[0]
        for name, entry in json.loads(data[8 : 8 + size]).items():
            if name == "__metadata__":
                continue
            begin, end = entry["data_offsets"]
            bytes_ = data[8 + size + begin : 8 + size + end]
            shape = entry["shape"]
            if ("_proj.weight" in name and "eh_proj" not in name and entry["dtype"] == "BF16" and shape[1] % group == 0
                    and shape[0] % 8 == 0):
                weight = (np.frombuffer(bytes_, "<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
                stem = name.removesuffix("weight")
                qweight, qzeros, scales = quantized(weight, group)
                tensors |= {stem + "qweight": qweight, stem + "qzeros": qzeros, stem + "scales": scales}
            else:
                raw[name] = (entry["dtype"], shape, bytes_)
    save(out / "model.safetensors", tensors, raw)
    print(f"{len(tensors) // 3} weights rounded, {len(raw)} tensors as they were")


if sys.argv[1] == "golden":
    golden(pathlib.Path(sys.argv[2]))
else:
    checkpoint(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 128)
