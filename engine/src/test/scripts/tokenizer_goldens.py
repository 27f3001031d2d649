#!/usr/bin/env python3
"""Writes golden/tokenizer/variants.json: what Hugging Face tokenizers gives for many tokenizer files.

Run: python3 tokenizer_goldens.py OUTPUT   (needs the PyPI package tokenizers; made with 0.23.3)

One small byte-level BPE model is trained here; each variant puts other parts around it.
"""
import json
import random
import sys

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

TRAINING = (
    "The quick brown fox jumps over the lazy dog. It's what we'd call a test, isn't it? 12345 67 2024-01-31\n"
    "def add(a, b):\n    return a + b  # sum\n\n\tfor i in range(10): print(i)\n"
    "Ein schöner Tag für Größe. 你好,世界。今天天气很好 かな カナ 한국어 текст для проверки\n"
    "WORDS IN CAPITALS and CamelCaseWords, snake_case_words; a@b.example https://example.com/a?b=c&d=e\n"
)
TEXTS = [
    "", " ", "  ", "\n", " \n ", "a", " a", "a ", "Hello world", "  two  spaces\n\n\nand lines\r\n", "It's we'LL I'Ve don'ſ",
    "123 4567 8.9 ½ ²³ Ⅷ ٣٤", "你好,世界。\n今天", "かなカナ漢字 한국어", "tabs\t\tand\u00a0nbsp\u3000wide\u2028line\u0085nel\u200bzw",
    "e\u0301 é ﬁ Å Å ǆ ① ｆｕｌｌ", "emoji 😀👩‍👩‍👧 flags 🇩🇪 𝒜𝔅", "a\u0000b\u001cc\x7f", "x" * 60, " " * 50 + "x", "a.b,c;d!e?f",
    "(a) [b] {c} <d>", "'s 't 're 've 'm 'll 'd 'S", "\r\n\r\n  \r\n", "end \n", "end\n\n", "Aß ẞ İi ıI K", "foo_bar-baz fooBarBaz",
    "aaa ab abab aabb bbb", "1a2b3c", "\t lead", "trail \t", "…—–‘’“”", "+-*/=<>|~^`$€£", "ᾳ Ǆ Dž", "a\u0300\u0301b", "ﷺ ﬀ",
    "<s>hi</s>", "ééé x  x ", "x <s> y", "x<m>y <m> z", " <m> ", "word special words", "specialword", "é<n>e\u0301<n>", "[A][AB][ABC]", "<l> <l>  <r> <r>x",
]


def byte_level(**settings):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **settings}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def added(token_id, content, **settings):
    return {"id": token_id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": False, **settings}


RAW = byte_level(use_regex=False)
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
CODER = sequence(
    split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split("[一-龥ࠀ-一가-퟿]+"),
    {"type": "Digits", "individual_digits": True}, RAW)
V2 = sequence(
    split("[\r\n]"), split(r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-Ֆ𐐀-𐑏𝒜-𝓃]+"),
    split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"), split("[一-龥ࠀ-一가-퟿]+"),
    {"type": "Digits", "individual_digits": True}, RAW)
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

REGEXES = [
    r"\w+", r"\W", r"\d{2,3}", r"\h+", r"(?i:abc|HE)", r"\s+$", r"^\s*\S", r"a|ab", r"ab|a", r"a+?", r"a++b", r"a*", r"(?<=a)b",
    r"(?<!\d)\.", r"\b\w", r"\B.", r"[[:alpha:]]+", r"[^[:space:]]+", r"[a-z&&[^aeiou]]+", r"\p{Han}+", r"\p{^L}+", r"(?m:.)+", r".+",
    r"\p{Lu}\p{Ll}*", r"a{,2}", r"a{2}?", r"(?:ab){1,2}+", r"\u4e00|\u4f60", r"\x{1F600}", r"(?>a+)b", r"(a|b)*?b", r"(?i)the|DOG",
    r"a(?i)b|C", r"[\]\-a]+", r"[a\-z]+", r"[+--]", r"\A.", r".\z", r".\Z", r"(?=\d)\S+", r"(?!\s)\W+", r"\p{Alnum}+", r"[\w\-]+@",
    r"(?#note)a b", r"(?x: a  b )", r"(?<name>a)b", r"[^\S\n]+", r"\P{L}+", r"\p{Letter}+", r"\p{Latin}+", r"[à-ÿ]|[Ā-ſ]", r"\t|\x20{2}",
    r"[[a-c][x-z]]+", r"[^a-z[0-9]]+", r"{a}|b{", r"a{x", r"x{3,}", r"x{2,5}?", r"(?i:ſ|k|é)", r"[[:punct:]]+", r"[[:^alpha:]]+", r"$", r"^",
    r"(?:a|aa)+b", r"\s+(?=\S)", r"(?i:[a-f]+)", r"\p{Nd}|\p{No}", r"[[:upper:]][[:lower:]]*", r"[[:alnum:][:punct:]]+",
]


def variants():
    yield "gpt2", {"pre_tokenizer": byte_level()}
    yield "gpt2 prefix space", {"pre_tokenizer": byte_level(add_prefix_space=True)}
    yield "raw prefix space", {"pre_tokenizer": sequence(split(r"\d"), byte_level(add_prefix_space=True, use_regex=False))}
    yield "llama3", {"pre_tokenizer": sequence(split(LLAMA3), RAW), "model": {"ignore_merges": True}}
    yield "qwen2", {"pre_tokenizer": sequence(split(QWEN2), RAW), "normalizer": {"type": "NFC"}}
    yield "o200k", {"pre_tokenizer": sequence(split(O200K), RAW)}
    yield "deepseek coder", {"pre_tokenizer": CODER}
    yield "deepseek v2", {"pre_tokenizer": V2}
    yield "digits together", {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, byte_level())}
    for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext"):
        for invert in (False, True):
            yield f"{behavior} {invert}", {"pre_tokenizer": sequence(split(r"[ab]|\s", behavior, invert), RAW)}
        yield f"{behavior} string", {"pre_tokenizer": sequence(split("a", behavior, False, "String"), RAW)}
        yield f"{behavior} empty matches", {"pre_tokenizer": sequence(split("x*", behavior), RAW)}
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        tokens = [added(700, "<n>", normalized=True), added(701, "é<n>", normalized=True), added(702, "ﬁ", normalized=True)]
        yield form, {"pre_tokenizer": byte_level(), "normalizer": {"type": form}, "added_tokens": tokens}
    both = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Sequence", "normalizers": [{"type": "NFKC"}]}]}
    yield "normalizer sequence", {"pre_tokenizer": byte_level(), "normalizer": both}
    yield "added tokens", {"pre_tokenizer": byte_level(), "added_tokens": [
        added(700, "<s>", special=True), added(701, "</s>", special=True), added(702, "special", single_word=True),
        added(703, "<m>", lstrip=True, rstrip=True), added(704, "[A]"), added(705, "[AB]"), added(706, "[A"), added(707, "[ABC]"),
        added(708, "<l>", lstrip=True), added(709, "<r>", rstrip=True), added(710, "éé"), added(711, " x ")]}
    yield "added tokens with prefix space", {"pre_tokenizer": byte_level(add_prefix_space=True), "added_tokens": [
        added(700, "<s>", special=True), added(701, "<m>", rstrip=True, normalized=True)]}
    for fuse in (False, True):
        yield f"unknown bytes fused {fuse}", {"pre_tokenizer": byte_level(), "model": {"fuse_unk": fuse, "unk_token": "a"}, "drop": "byte"}
    yield "unknown bytes dropped", {"pre_tokenizer": byte_level(), "drop": "byte"}
    for regex in REGEXES:
        yield f"regex {regex}", {"pre_tokenizer": sequence(split(regex), RAW)}


def base_model():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator([TRAINING] * 4, trainer)
    return json.loads(tokenizer.to_str())["model"]


def random_texts(count):
    random.seed(7)
    alphabet = list("aabbxX  \n\r\t'sS1.9,<>[]_-") + ["é", "e\u0301", "你", "カ", "😀", "𝒜", "\u3000", "ſ", "ß", "<s>", "'ll", "\u0000", "Ǆ"]
    return ["".join(random.choice(alphabet) for _ in range(random.randint(1, 40))) for _ in range(count)]


def whole(model, parts):
    model = {**model, **parts.get("model", {})}
    if parts.get("drop"):
        gone = [c for c in pre_tokenizers.ByteLevel.alphabet() if ord(c) > 126]
        model["vocab"] = {k: v for k, v in model["vocab"].items() if not any(c in k for c in gone)}
        model["merges"] = [m for m in model["merges"] if not any(c in "".join(m) for c in gone)]
    # The library numbers added tokens on from the vocabulary, whatever the file says: the file must say the same.
    for index, token in enumerate(parts.get("added_tokens", [])):
        token["id"] = len(model["vocab"]) + index
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": parts.get("added_tokens", []),
            "normalizer": parts.get("normalizer"), "pre_tokenizer": parts["pre_tokenizer"], "post_processor": None,
            "decoder": byte_level(), "model": model}


def main():
    model = base_model()
    texts = TEXTS + random_texts(25)
    out = []
    for name, parts in variants():
        tokenizer = Tokenizer.from_str(json.dumps(whole(model, parts)))
        cases = []
        for index, text in enumerate(texts):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            case = {"text": index, "ids": ids}
            decoded = tokenizer.decode(ids, skip_special_tokens=True)
            if decoded != text:
                case["decoded"] = decoded
            cases.append(case)
        out.append({"name": name, "parts": parts, "cases": cases})
    # Random ids give bytes that are seldom whole characters: how many replacement characters come out is the question.
    plain = Tokenizer.from_str(json.dumps(whole(model, {"pre_tokenizer": RAW})))
    sequences = []
    for _ in range(400):
        high = random.random() < 0.7
        ids = [random.randrange(94, 256) if high else random.randrange(len(model["vocab"])) for _ in range(random.randint(1, 12))]
        sequences.append({"ids": ids, "decoded": plain.decode(ids, skip_special_tokens=False)})
    with open(sys.argv[1], "w") as file:
        json.dump({"made_with": f"tokenizers {tokenizers.__version__}", "model": model, "texts": texts, "variants": out,
                   "sequences": sequences}, file, ensure_ascii=False, separators=(",", ":"))


main()
