#!/usr/bin/env python3
"""Runs a DeepSeek-V3.2 checkpoint through transformers, for the tests' reference outputs.

    deepseek_v32_goldens.py MODEL_FOLDER GOLDEN_JSON OUT_JSON OUT_FULL_LOGITS [--ties torch] [--indexer fp8]

Takes the prompts of GOLDEN_JSON and writes what the reference makes of them: greedy ids, and caseN.logits [prompt,
vocabulary], F32, at every position (thin_golden_logits.py reduces them). Arithmetic is float32 on the stored weights.

One thing is decided here that transformers leaves open: which of equally scored tokens the indexer takes. A score is exactly
zero wherever all heads' products are negative, so with few heads many are equal, and torch.topk takes any of them. Here the
lower position wins, as Fathom's does; with --ties torch it is what torch.topk happens to do.

With --indexer fp8 the indexer's queries and keys go through a Hadamard transform and are rounded to FP8 with scales that are
powers of two, as DeepSeek's own inference code does it (DeepSeek-V3.2-Exp, inference/model.py and kernel.py), which transformers
leaves out.

Needs torch, transformers 5.23 and safetensors.
"""
import argparse
import json

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.models.deepseek_v32 import modeling_deepseek_v32


def lower_positions_first(scores, count, dim=-1, **ignored):
    values, indices = torch.sort(scores, dim=dim, descending=True, stable=True)
    return torch.return_types.topk((values.narrow(dim, 0, count), indices.narrow(dim, 0, count)))


def decide_ties():
    """The indexer calls topk once, as a method of its scores; the router's calls stay as they are."""
    forward = modeling_deepseek_v32.DeepseekV32Indexer.forward

    def decided(self, *args, **kwargs):
        undecided = torch.Tensor.topk
        torch.Tensor.topk = lower_positions_first
        try:
            return forward(self, *args, **kwargs)
        finally:
            torch.Tensor.topk = undecided

    modeling_deepseek_v32.DeepseekV32Indexer.forward = decided


def rounded(x):
    """Hadamard transform of the last dimension, then E4M3 with a scale for each 128 of it, as numbers again."""
    hadamard = torch.ones(1, 1)
    while hadamard.shape[0] < x.shape[-1]:
        hadamard = torch.cat([torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)])
    turned = (x @ hadamard) * x.shape[-1] ** -0.5
    groups = turned.split(128, -1)
    scales = [torch.exp2(torch.ceil(torch.log2(g.abs().amax(-1, keepdim=True).clamp(min=1e-4) / 448))) for g in groups]
    return torch.cat([(g / s).to(torch.float8_e4m3fn).float() * s for g, s in zip(groups, scales)], -1)


def round_queries_and_keys():
    """The indexer puts both together by torch.cat, with the rotated part first."""
    forward = modeling_deepseek_v32.DeepseekV32Indexer.forward

    def with_rounding(self, *args, **kwargs):
        plain = torch.cat

        def joined(parts, dim=0):
            # rotating halves calls it too, on the rotated numbers alone, and the cache, along another dimension
            whole = plain(parts, dim=dim)
            if dim != -1 or whole.shape[-1] != self.head_dim:
                return whole
            torch.cat = plain
            result = rounded(whole)
            torch.cat = joined
            return result

        torch.cat = joined
        try:
            return forward(self, *args, **kwargs)
        finally:
            torch.cat = plain

    modeling_deepseek_v32.DeepseekV32Indexer.forward = with_rounding


def main():
    parser = argparse.ArgumentParser()
    for name in ("model", "golden", "out_json", "out_logits"):
        parser.add_argument(name)
    parser.add_argument("--ties", choices=("lower", "torch"), default="lower")
    parser.add_argument("--indexer", choices=("float", "fp8"), default="float")
    arguments = parser.parse_args()
    if arguments.indexer == "fp8":
        round_queries_and_keys()
    if arguments.ties == "lower":
        decide_ties()
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32, attn_implementation="eager").eval()
    with open(arguments.golden) as file:
        cases = json.load(file)["cases"]
    done, logits = [], {}
    with torch.no_grad():
        for number, case in enumerate(cases):
            ids = torch.tensor([case["prompt_ids"]])
            logits[f"case{number}.logits"] = model(ids).logits[0].float().contiguous()
            answer = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=len(case["greedy_ids"]), do_sample=False,
                eos_token_id=None, pad_token_id=0)
            done.append({"prompt_ids": case["prompt_ids"], "greedy_ids": answer[0, ids.shape[1]:].tolist()})
    made_with = "transformers 5.23.0 float32 arithmetic on the checkpoint's weights"
    if arguments.ties == "lower":
        made_with += ", equal index scores to the lower position"
    if arguments.indexer == "fp8":
        made_with += ", indexer in FP8 after a Hadamard transform"
    with open(arguments.out_json, "w") as file:
        json.dump({"made_with": made_with, "cases": done}, file)
    save_file(logits, arguments.out_logits)


main()
