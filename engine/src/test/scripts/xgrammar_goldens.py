"""Masks of xgrammar for random walks through grammars: xgrammar_goldens.py NANO_TOKENIZER.json OUTPUT.json.gz

Needs xgrammar and tvm_ffi, not torch or transformers: xgrammar imports them, but nothing here uses them.
"""
import base64
import gzip
import json
import random
import sys
import types

import numpy
import tvm_ffi


class Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


for name in ["torch", "transformers"]:
    sys.modules[name] = Anything(name)
    sys.modules[name].tensor = lambda *arguments, **more: None
import xgrammar  # noqa: E402
from xgrammar.base import _core  # noqa: E402

SEED = 20261124
tokenizer_path, output = sys.argv[1:]
tokenizer = json.load(open(tokenizer_path, encoding="utf-8"))
printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
byte_of = {chr(b): b for b in printable}
byte_of |= {chr(256 + i): b for i, b in enumerate(b for b in range(256) if b not in printable)}
texts = {
    i: bytes(byte_of[c] for c in token) if set(token) <= set(byte_of) else b""
    for token, i in tokenizer["model"]["vocab"].items()
}
for added in tokenizer["added_tokens"]:
    texts[added["id"]] = b"" if added["special"] else added["content"].encode()
end = max(texts) + 1
vocabulary = [texts.get(i, b"") for i in range(end)] + [b"</s>"]
info = xgrammar.TokenizerInfo(
    vocabulary, vocab_type=xgrammar.VocabType.RAW, vocab_size=len(vocabulary), stop_token_ids=[end]
)
compiler = xgrammar.GrammarCompiler(info, max_threads=1)
random = random.Random(SEED)

EBNF = [
    'root ::= "yes" | "no" | "maybe" [!?]*',
    'root ::= expr\nexpr ::= term ("+" term)*\nterm ::= [0-9]+ | "(" expr ")"',
    'root ::= item ("," [ ] item){1,5}\nitem ::= [a-z]{2,30} | "\\"" [^"\\n]* "\\""',
    'root ::= "<" tag ">" root? "</" tag ">"\ntag ::= "a" | "b" | "div"',
]
REGEXES = [r"[A-Z][a-z]+( [A-Z][a-z]+){0,3}", r"(a|b)*abb", r"\d{4}-\d{2}-\d{2}", r"[\w.]+@[a-z]+\.(com|org)"]
NAMES = ["name", "age", "city", "tags", "id", "a b", "größe"]


def schema(depth):
    kind = random.choice("string length integer number boolean null enum const array object object anyOf".split())
    if depth == 0 and kind in ("array", "object", "anyOf"):
        kind = "string"
    if kind == "length":
        least = random.randrange(3)
        return {"type": "string", "minLength": least, "maxLength": least + random.randrange(30)}
    if kind == "enum":
        return {"enum": random.sample(["red", "green", "blue", 7, None, True, "a \"b\""], 3)}
    if kind == "const":
        return {"const": random.choice(["fixed", 12, False])}
    if kind == "array":
        return {"type": "array", "items": schema(depth - 1)} | random.choice(
            [{}, {"minItems": 1}, {"maxItems": 3}, {"minItems": 2, "maxItems": 12}]
        )
    if kind == "object":
        names = random.sample(NAMES, random.randrange(1, 4))
        return {
            "type": "object",
            "properties": {name: schema(depth - 1) for name in names},
            "required": [name for name in names if random.random() < 0.6],
        }
    if kind == "anyOf":
        return {"anyOf": [schema(depth - 1), {"type": "null"}, {"type": "array", "items": {"type": "integer"}}]}
    return {"type": kind}


def walk(grammar):
    matcher = _core.GrammarMatcher(grammar._handle, None, False, -1, None)
    bits = numpy.zeros((1, (len(vocabulary) + 31) // 32), dtype=numpy.int32)
    tokens, found = [], []
    for _ in range(random.randrange(4, 30)):
        matcher.fill_next_token_bitmask(tvm_ffi.from_dlpack(bits), 0, False)
        found.append(mask_index(bits.tobytes()))
        allowed = [i for i in range(len(vocabulary)) if bits[0, i >> 5] >> (i & 31) & 1 and i != end]
        if not allowed:
            break
        # Most tokens are text; taking short ones more often leads on to structure.
        token = min(random.sample(allowed, min(3, len(allowed))), key=lambda i: len(vocabulary[i]))
        matcher.accept_token(token, False)
        tokens.append(token)
    return {"tokens": tokens, "masks": found}


def told(grammar, text):
    """A walk along a text, cut into tokens at random, and a few steps beyond it."""
    matcher = _core.GrammarMatcher(grammar._handle, None, False, -1, None)
    bits = numpy.zeros((1, (len(vocabulary) + 31) // 32), dtype=numpy.int32)
    tokens, found = [], []
    rest = text.encode()
    for _ in range(400):
        matcher.fill_next_token_bitmask(tvm_ffi.from_dlpack(bits), 0, False)
        found.append(mask_index(bits.tobytes()))
        allowed = [i for i in range(len(vocabulary)) if bits[0, i >> 5] >> (i & 31) & 1 and i != end]
        ways = [i for i in allowed if vocabulary[i] and rest.startswith(vocabulary[i])]
        if rest and not ways:
            raise ValueError(f"{text!r} is not allowed from {rest!r} on")
        # Free text of all tokens hardly ever finds a trigger, and broken characters are no text.
        ways = ways or [i for i in allowed if vocabulary[i].isascii()]
        if not ways or len(found) > len(text) // 3 + 24:
            break
        token = random.choice(ways)
        matcher.accept_token(token, False)
        tokens.append(token)
        rest = rest[len(vocabulary[token]):]
    return {"tokens": tokens, "masks": found}


masks = {}


def mask_index(mask):
    return masks.setdefault(base64.b64encode(mask).decode(), len(masks))


cases = [{"ebnf": text} | walk(compiler.compile_grammar(text)) for text in EBNF for _ in range(3)]
cases += [{"regex": text} | walk(compiler.compile_regex(text)) for text in REGEXES for _ in range(3)]
for _ in range(60):
    made = {"type": "object", "properties": {"x": schema(2)}, "required": ["x"]} if random.random() < 0.3 else schema(3)
    compiled = compiler.compile_json_schema(json.dumps(made), any_whitespace=True, max_whitespace_cnt=32)
    cases += [{"json_schema": made} | walk(compiled) for _ in range(2)]


# Structural tags: pairs of a format and texts that it allows.
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}
SCHEMA = {"type": "json_schema", "json_schema": WEATHER, "max_whitespace_cnt": 32}
LETTERS = {"type": "regex", "pattern": "[ab]+"}
ANY = {"type": "any_text"}


def tag(begin, content, end):
    return {"type": "tag", "begin": begin, "content": content, "end": end}


def triggered(**more):
    tags = [tag("<f=weather>", SCHEMA, "</f>"), tag("<f=ab>", LETTERS, "</f>")]
    return {"type": "triggered_tags", "triggers": ["<f="], "tags": tags} | more


CALLED = 'I look. <f=weather>{"city": "Rio", "days": 2}</f> Then <f=ab>abba</f> done'
BLOCK = {"type": "tags_with_separator", "tags": [tag("<c>", SCHEMA, "</c>"), tag("<d>", LETTERS, "</d>")], "separator": "\n"}
DSML = "｜DSML｜"
XML = {"type": "json_schema", "json_schema": WEATHER, "style": "deepseek_xml", "max_whitespace_cnt": 32}
ARGUMENTS = f'<{DSML}parameter name="city" string="true">New "York"\n</{DSML}parameter>\n'
DAYS = f'<{DSML}parameter name="days" string="false">3</{DSML}parameter>\n'
FORMATS = [
    (triggered(), [CALLED, "nothing < f= here", "<f<f=ab>a</f>"]),
    (triggered(at_least_one=True), [CALLED[8:]]),
    (triggered(stop_after_first=True), [CALLED[:49]]),
    (triggered(at_least_one=True, stop_after_first=True), [CALLED[8:49]]),
    (triggered(excludes=["never", "<g"]), ["nev <" + CALLED]),
    (tag("<think>", ANY, "</think>"), ["<think>a < b</thin </think>"]),
    (tag("[", ANY, ["]]", "]."]), ["[some ] text]]", "[more]."]),
    (tag("<a>", triggered(), "</a>"), ["<a>x <f=ab>a</f> y</a>"]),
    ({"type": "sequence", "elements": [tag("<t>", ANY, "</t>"), triggered()]}, ["<t>hm</t>" + CALLED]),
    ({"type": "or", "elements": [SCHEMA, BLOCK]}, ['{"city": "a"}', '<c>{"city": ""}</c>\n<d>ab</d>']),
    (BLOCK | {"at_least_one": True}, ["<d>a</d>\n<d>b</d>"]),
    (BLOCK | {"at_least_one": True, "stop_after_first": True}, ["<d>a</d>"]),
    (tag("<b>", BLOCK, "</b>"), ["<b></b>", "<b><d>a</d></b>"]),
    ({"type": "any_text", "excludes": ["secret", "$$"]}, ["a secre $ t"]),
    ({"type": "star", "content": tag("<", LETTERS, ">")}, ["<a><bb>"]),
    ({"type": "plus", "content": {"type": "const_string", "value": "ha "}}, ["ha ha "]),
    ({"type": "repeat", "min": 2, "max": 3, "content": tag("<", LETTERS, ">")}, ["<a><b>"]),
    ({"type": "sequence", "elements": [{"type": "optional", "content": LETTERS}, {"type": "grammar", "grammar": EBNF[1]}]}, ["ab1+(2)"]),
    ({"type": "dispatch", "rules": [["<f", LETTERS], ["$", {"type": "const_string", "value": "1"}]]}, ["x <fab y $1 "]),
    ({"type": "dispatch", "rules": [["<f", LETTERS]], "loop": False, "excludes": ["no"]}, ["n o <fab"]),
    (tag("<call>\n", XML, "</call>"), [f"<call>\n{ARGUMENTS}</call>", f"<call>\n{ARGUMENTS}{DAYS}</call>"]),
]
for form, texts in FORMATS:
    made = {"type": "structural_tag", "format": form}
    compiled = compiler.compile_structural_tag(made)
    cases += [{"structural_tag": made} | told(compiled, text) for text in texts for _ in range(2)]
legacy = {"type": "structural_tag", "structures": [{"begin": "<f=weather>", "schema": WEATHER, "end": "</f>"}], "triggers": ["<f="]}
old = [(item["begin"], item["schema"], item["end"]) for item in legacy["structures"]]
new = triggered(tags=[tag(begin, SCHEMA | {"json_schema": schema}, end) for begin, schema, end in old])
compiled = compiler.compile_structural_tag({"type": "structural_tag", "format": new})
cases.append({"structural_tag": legacy} | told(compiled, CALLED[:49]))
text = json.dumps({"seed": SEED, "xgrammar": "0.2.8", "end": end, "cases": cases, "masks": list(masks)}, separators=(",", ":"))
with open(output, "wb") as file:
    file.write(gzip.compress(text.encode(), 9, mtime=0))
print(len(cases), "walks,", len(masks), "different masks,", len(text), "characters")
