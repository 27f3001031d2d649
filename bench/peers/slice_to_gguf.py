#!/usr/bin/env python3
"""A BF16 DeepSeek checkpoint (SliceMaker's v2lite, or the nano model in BF16) as a GGUF file for llama.cpp.

  slice_to_gguf.py FOLDER OUT.gguf

Needs numpy and gguf (PyPI). What llama.cpp's architecture deepseek2 expects: kv_b_proj split by head into
attn_k_b (transposed) and attn_v_b, attention as if there were one key head of kv_lora_rank + rope numbers, experts
stacked, router and norms in float32, and q_lora_rank 0 where there is none. Quantize with llama-quantize.
"""
import json
import pathlib
import struct
import sys

import gguf
import numpy as np

BF16 = gguf.GGMLQuantizationType.BF16


class Checkpoint:
    def __init__(self, folder):
        self.tensors = {}
        for file in sorted(folder.glob("*.safetensors")):
            with open(file, "rb") as f:
                size = struct.unpack("<Q", f.read(8))[0]
                header = json.loads(f.read(size))
            data = np.memmap(file, np.uint8, "r", 8 + size)
            for name, entry in header.items():
                if name != "__metadata__":
                    self.tensors[name] = (entry, data)

    def __contains__(self, name):
        return name in self.tensors

    def raw(self, name):
        """BF16 numbers as uint16."""
        entry, data = self.tensors[name]
        if entry["dtype"] != "BF16":
            sys.exit(f"{name} is {entry['dtype']}; only BF16 checkpoints are converted")
        begin, end = entry["data_offsets"]
        return data[begin:end].view(np.uint16).reshape(entry["shape"])

    def f32(self, name):
        entry, data = self.tensors[name]
        begin, end = entry["data_offsets"]
        if entry["dtype"] == "F32":
            return np.array(data[begin:end].view(np.float32).reshape(entry["shape"]))
        return (self.raw(name).astype(np.uint32) << 16).view(np.float32)


def metadata(w, c):
    w.add_block_count(c["num_hidden_layers"])
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(1)
    w.add_rope_freq_base(float(c["rope_theta"]))
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_vocab_size(c["vocab_size"])
    w.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    w.add_leading_dense_block_count(c["first_k_dense_replace"])
    w.add_q_lora_rank(c["q_lora_rank"] or 0)
    w.add_kv_lora_rank(c["kv_lora_rank"])
    w.add_key_length(c["kv_lora_rank"] + c["qk_rope_head_dim"])
    w.add_value_length(c["kv_lora_rank"])
    w.add_key_length_mla(c["qk_nope_head_dim"] + c["qk_rope_head_dim"])
    w.add_value_length_mla(c["v_head_dim"])
    w.add_rope_dimension_count(c["qk_rope_head_dim"])
    w.add_expert_feed_forward_length(c["moe_intermediate_size"])
    w.add_expert_count(c["n_routed_experts"])
    w.add_expert_used_count(c["num_experts_per_tok"])
    w.add_expert_shared_count(c["n_shared_experts"])
    w.add_expert_weights_scale(c["routed_scaling_factor"])
    w.add_expert_weights_norm(c["norm_topk_prob"])
    sigmoid = c["scoring_func"] == "sigmoid"
    w.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID if sigmoid else gguf.ExpertGatingFuncType.SOFTMAX)
    w.add_expert_group_count(c["n_group"])
    w.add_expert_group_used_count(c["topk_group"])
    rope = c.get("rope_scaling")
    if rope:
        w.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        w.add_rope_scaling_factor(rope["factor"])
        w.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        w.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        w.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
        w.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])


def tokenizer(w, folder, c):
    j = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokens = [f"[PAD{i}]" for i in range(c["vocab_size"])]
    types = [gguf.TokenType.UNUSED] * c["vocab_size"]
    for token, i in j["model"]["vocab"].items():
        tokens[i], types[i] = token, gguf.TokenType.NORMAL
    for token in j["added_tokens"]:
        tokens[token["id"]] = token["content"]
        types[token["id"]] = gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("deepseek-v3")
    w.add_token_list(tokens)
    w.add_token_types(types)
    w.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in j["model"]["merges"]])
    w.add_bos_token_id(c["bos_token_id"])
    w.add_eos_token_id(c["eos_token_id"])
    w.add_add_bos_token(True)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    if isinstance(settings.get("chat_template"), str):
        w.add_chat_template(settings["chat_template"])


def tensors(c, p):
    """(GGUF name, whether float32, maker), in file order."""
    heads, nope, value = c["num_attention_heads"], c["qk_nope_head_dim"], c["v_head_dim"]

    def same(source, name, f32=False):
        return name, f32, lambda: p.f32(source) if f32 else np.array(p.raw(source))

    yield same("model.embed_tokens.weight", "token_embd.weight")
    for i in range(c["num_hidden_layers"]):
        layer, block = f"model.layers.{i}.", f"blk.{i}."
        attention, mlp = layer + "self_attn.", layer + "mlp."
        yield same(layer + "input_layernorm.weight", block + "attn_norm.weight", True)
        yield same(layer + "post_attention_layernorm.weight", block + "ffn_norm.weight", True)
        if c["q_lora_rank"]:
            yield same(attention + "q_a_proj.weight", block + "attn_q_a.weight")
            yield same(attention + "q_a_layernorm.weight", block + "attn_q_a_norm.weight", True)
            yield same(attention + "q_b_proj.weight", block + "attn_q_b.weight")
        else:
            yield same(attention + "q_proj.weight", block + "attn_q.weight")
        yield same(attention + "kv_a_proj_with_mqa.weight", block + "attn_kv_a_mqa.weight")
        yield same(attention + "kv_a_layernorm.weight", block + "attn_kv_a_norm.weight", True)

        def by_head(name=attention + "kv_b_proj.weight"):
            return p.raw(name).reshape(heads, nope + value, c["kv_lora_rank"])

        yield block + "attn_k_b.weight", False, lambda f=by_head: np.ascontiguousarray(f()[:, :nope].transpose(0, 2, 1))
        yield block + "attn_v_b.weight", False, lambda f=by_head: np.ascontiguousarray(f()[:, nope:])
        yield same(attention + "o_proj.weight", block + "attn_output.weight")
        if i < c["first_k_dense_replace"]:
            for n in ("gate", "up", "down"):
                yield same(f"{mlp}{n}_proj.weight", f"{block}ffn_{n}.weight")
            continue
        yield same(mlp + "gate.weight", block + "ffn_gate_inp.weight", True)
        if mlp + "gate.e_score_correction_bias" in p:
            yield same(mlp + "gate.e_score_correction_bias", block + "exp_probs_b.bias", True)
        for n in ("gate", "up", "down"):
            names = [f"{mlp}experts.{e}.{n}_proj.weight" for e in range(c["n_routed_experts"])]
            yield f"{block}ffn_{n}_exps.weight", False, lambda names=names: np.stack([p.raw(x) for x in names])
            yield same(f"{mlp}shared_experts.{n}_proj.weight", f"{block}ffn_{n}_shexp.weight")
    yield same("model.norm.weight", "output_norm.weight", True)
    yield same("lm_head.weight", "output.weight")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    config = json.loads((folder / "config.json").read_text())
    checkpoint = Checkpoint(folder)
    w = gguf.GGUFWriter(sys.argv[2], "deepseek2")
    w.add_name(folder.name)
    metadata(w, config)
    tokenizer(w, folder, config)
    made = list(tensors(config, checkpoint))
    for name, f32, make in made:
        data = make()
        if f32:
            w.add_tensor_info(name, data.shape, np.dtype(np.float32), data.nbytes)
        else:
            shape = (*data.shape[:-1], 2 * data.shape[-1])  # bytes, from which the writer works out the numbers
            w.add_tensor_info(name, shape, np.dtype(np.uint8), data.nbytes, BF16)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_ti_data_to_file()
    for name, f32, make in made:
        data = make()
        w.write_tensor_data(data if f32 else data.view(np.uint8))
    w.close()


main()
