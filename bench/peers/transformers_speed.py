"""Tokens per second of transformers with random BF16 weights on a GPU, for the same cases as ModelBenchmark's.

    python bench/peers/transformers_speed.py FOLDER CASE ...

FOLDER holds a config.json. A case is pp2048 (a prompt of so many tokens), tg8@512 (so many decode steps of one sequence after a context
of 512 tokens) or tg8x32@512 (of 32 sequences). The first run of a case warms up; the median of three counts.
"""

import re
import statistics
import sys
import time

import torch
import transformers


def load(folder):
    config = transformers.AutoConfig.from_pretrained(folder)
    with torch.device("cuda"):
        return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()


def random_ids(config, *shape):
    return torch.randint(0, config.vocab_size, shape, device="cuda")


def seconds_of_prompt(model, tokens):
    ids = random_ids(model.config, 1, tokens)
    torch.cuda.synchronize()
    start = time.perf_counter()
    model(ids, use_cache=True, logits_to_keep=1)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def seconds_of_steps(model, steps, batch, context):
    cache = model(random_ids(model.config, batch, context), use_cache=True, logits_to_keep=1).past_key_values
    ids = random_ids(model.config, batch, 1)
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(steps):
        ids = model(ids, past_key_values=cache, use_cache=True).logits[:, -1:].argmax(-1)
    torch.cuda.synchronize()
    return time.perf_counter() - start


def measure(model, case):
    matched = re.fullmatch(r"(pp|tg)(\d+)(?:x(\d+))?(?:@(\d+))?", case)
    if not matched:
        raise SystemExit(f"{case} is no case such as pp2048, tg8@512 or tg8x32@512")
    tokens, batch, context = int(matched[2]), int(matched[3] or 1), int(matched[4] or 128)
    runs = []
    for _ in range(4):
        if matched[1] == "pp":
            runs.append(seconds_of_prompt(model, tokens))
        else:
            runs.append(seconds_of_steps(model, tokens, batch, context))
    return tokens * batch / statistics.median(runs[1:])


def main(folder, *cases):
    print(f"transformers {transformers.__version__}, torch {torch.__version__}", flush=True)
    with torch.inference_mode():
        model = load(folder)
        for case in cases:
            print(f"transformers {case}: {measure(model, case):.1f} tokens/s", flush=True)


main(*sys.argv[1:])
