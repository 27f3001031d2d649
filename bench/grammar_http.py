#!/usr/bin/env python3
"""What a grammar costs a decode step, measured over HTTP: the same number of tokens without a grammar, under a JSON schema and under
a regular expression, in turn. Usage: grammar_http.py http://127.0.0.1:30000 [ROUNDS]"""
import concurrent.futures
import json
import statistics
import sys
import time
import urllib.request

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:30000"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 9
TOKENS = 400
SCHEMA = {
    "type": "array",
    "minItems": 1000,
    "items": {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
        "required": ["name", "age"],
        "additionalProperties": False,
    },
}
FORMS = {
    "none": {},
    "schema": {"json_schema": json.dumps(SCHEMA)},
    "regex": {"regex": "([A-Z][a-z]+( [a-z]+)*[.?!] )*"},
}


def ask(form, seed):
    """Writes exactly TOKENS tokens."""
    sampling = {"max_new_tokens": TOKENS, "min_new_tokens": TOKENS, "ignore_eos": True, "temperature": 1, "sampling_seed": seed}
    body = {"text": "Some people:", "sampling_params": {**sampling, **form}}
    request = urllib.request.Request(BASE + "/generate", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=170) as response:
        meta = json.load(response)["meta_info"]
    if meta["completion_tokens"] != TOKENS:
        raise SystemExit(f"{meta['completion_tokens']} tokens instead of {TOKENS}: {meta}")


def seconds(form, sequences, seed):
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(sequences) as threads:
        list(threads.map(lambda i: ask(form, seed + i), range(sequences)))
    return time.monotonic() - began


for sequences in (1, 8):
    taken = {name: [] for name in FORMS}
    for turn in range(-2, ROUNDS):  # two rounds to warm up
        names = [*FORMS] if turn % 2 else [*reversed(FORMS)]
        for name in names:
            elapsed = seconds(FORMS[name], sequences, 1000 * turn + 5000)
            if turn >= 0:
                taken[name].append(elapsed)
    plain = statistics.median(taken["none"])
    for name, all_taken in taken.items():
        step = statistics.median(all_taken) / TOKENS * 1e6
        ratios = [one / none - 1 for one, none in zip(all_taken, taken["none"])]
        print(
            f"{sequences} at once, {name:6}: {step:7.0f} us a step (least {min(all_taken) / TOKENS * 1e6:.0f}),"
            f" {100 * (statistics.median(all_taken) / plain - 1):+.1f} %; median of rounds' ratios {100 * statistics.median(ratios):+.1f} %",
            flush=True,
        )
