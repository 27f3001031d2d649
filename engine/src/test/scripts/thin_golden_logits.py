#!/usr/bin/env python3
"""Reduces a reference's logits at every prompt position to what the tests keep.

    thin_golden_logits.py GOLDEN_JSON FULL_LOGITS OUT

FULL_LOGITS holds caseN.logits [prompt, vocabulary], F32, for every case of GOLDEN_JSON. OUT holds caseN.last_logits
[vocabulary], the logits after the last prompt token, and caseN.logsumexp [prompt], the natural log of the sum of
exp(logit) at every position. Needs only Python's standard library.
"""
import json
import math
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        head = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    tensors = {}
    for name, entry in head.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = entry["shape"], struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    return tensors


def write(path, tensors):
    head, data = {}, b""
    for name, values in tensors.items():
        packed = struct.pack(f"<{len(values)}f", *values)
        head[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def log_sum_exp(logits):
    top = max(logits)
    return top + math.log(math.fsum(math.exp(logit - top) for logit in logits))


def main(golden, full, out):
    with open(golden) as file:
        cases = json.load(file)["cases"]
    stored, kept = read(full), {}
    for number in range(len(cases)):
        (positions, vocabulary), values = stored[f"case{number}.logits"]
        rows = [values[p * vocabulary:(p + 1) * vocabulary] for p in range(positions)]
        kept[f"case{number}.last_logits"] = rows[-1]
        kept[f"case{number}.logsumexp"] = [log_sum_exp(row) for row in rows]
    write(out, kept)


main(*sys.argv[1:])
