#!/usr/bin/env python3
"""Runs conversations through DeepSeek-V3.2's published encoder, for the tests of Fathom's.

    deepseek_v32_prompts.py ENCODING_DSV32_PY OUT_JSON

ENCODING_DSV32_PY is encoding/encoding_dsv32.py of DeepSeek-V3.2, or the copy in SGLang (sglang/srt/entrypoints/openai). Tools of a
request are put where SGLang's server puts them: into the first system message, or an empty one before all others. Conversations that the
encoder refuses are kept, without a prompt. Needs only Python's standard library.
"""
import copy
import importlib.util
import json
import random
import sys

SEED = 20261130


def tool(name, **properties):
    return {"type": "function", "function": {"name": name, "description": f"Does {name} – schnell, 日本",
            "parameters": {"type": "object", "properties": properties, "required": list(properties)}}}


WEATHER = tool("get_weather", city={"type": "string"}, days={"type": "integer", "minimum": 1})
SEARCH = tool("search", query={"type": "string"}, filters={"type": "array", "items": {"type": "object"}})
VALUES = [
    "Oslo", "", "two\nlines", "a <b> & \"c\" \\ d", "日本語 – ü", "12", "true", " padded ", 0, -7, 12345678901234567890, 1.5, 1e16, 1e-7, 100.0,
    True, False, None, [], {}, [1, "x", None, {"a": [True, 2.5]}], {"k": "v", "ü": {"n": [1, 2]}}, {"path": "C:\\x", "q": "\"", "tab": "\t"},
]
TEXTS = ["Hi", "What is 2 + 2?", "two\n\nparagraphs", "日本語で？", "", " spaces ", "<think>no</think>", "{braces} {0} %s $1", "a\\nb"]


def call(random, name=None, as_text=True):
    arguments = {f"p{i}" if random.random() < 0.9 else "k with \"q\"": random.choice(VALUES) for i in range(random.randint(0, 4))}
    return {"id": "call_1", "type": "function", "function": {
        "name": name or random.choice(["get_weather", "search"]),
        "arguments": json.dumps(arguments, ensure_ascii=random.random() < 0.5) if as_text else arguments}}


def conversation(random):
    """A chat as clients send it; now and then one that is wrong."""
    messages = []
    if random.random() < 0.5:
        messages.append({"role": "system", "content": random.choice(TEXTS)})
    for _ in range(random.randint(1, 3)):
        messages.append({"role": "user", "content": random.choice(TEXTS)})
        for _ in range(random.choice([0, 0, 1, 1, 2])):
            calls = [call(random, as_text=random.random() < 0.8) for _ in range(random.randint(1, 3))]
            answer = {"role": "assistant", "content": random.choice(TEXTS), "tool_calls": calls}
            if random.random() < 0.7:
                answer["reasoning_content"] = random.choice(TEXTS)
            messages.append(answer)
            results = len(calls) if random.random() < 0.9 else random.randint(0, len(calls) + 1)
            messages += [{"role": "tool", "tool_call_id": "call_1", "content": random.choice(TEXTS)} for _ in range(results)]
        if random.random() < 0.75:
            answer = {"role": "assistant", "content": random.choice(TEXTS)}
            if random.random() < 0.6:
                answer["reasoning_content"] = random.choice(TEXTS)
            messages.append(answer)
    if random.random() < 0.7:
        messages.append({"role": "user", "content": random.choice(TEXTS)})
    return messages


def chosen():
    """What random chats do not reach."""
    schema = {"type": "object", "properties": {"a": {"type": "number"}}}
    user, system = {"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."}
    yield [user], None
    yield [system, user], None
    yield [system, {"role": "system", "content": "And kind."}, user, system, user], None
    yield [user], [WEATHER]
    yield [system, user], [WEATHER, SEARCH]
    yield [user, system, user], [WEATHER]
    yield [{"role": "system", "content": "S", "tools": [SEARCH], "response_format": schema}, user], None
    yield [{"role": "developer", "content": "D"}], None
    yield [system, {"role": "developer", "content": "D", "tools": [WEATHER], "response_format": schema}], None
    yield [{"role": "developer", "content": ""}], None
    yield [user, {"role": "assistant", "content": "A"}, {"role": "developer", "content": "D", "tools": [WEATHER]}], None
    yield [{"role": "developer", "content": "D"}, {"role": "assistant", "content": "A"}, user], None
    yield [user, {"role": "tool", "content": "R"}], None
    yield [user, {"role": "assistant", "content": "A"}, {"role": "tool", "content": "R"}], None
    yield [user, {"role": "latest_reminder", "content": "L"}], None
    yield [user, {"role": "assistant", "content": None, "tool_calls": [
        {"type": "function", "function": {"name": "f", "arguments": "[1]"}}]}], None
    yield [user, {"role": "assistant", "content": "", "tool_calls": [
        {"type": "function", "function": {"name": "f", "arguments": "{not json"}}]}], None
    yield [system], None
    yield [user, {"role": "assistant", "content": "begun", "reasoning_content": "thought"}], None


def encode(encoder, messages, tools, thinking):
    """As SGLang's chat endpoint does it."""
    messages = copy.deepcopy(messages)
    for message in messages:
        if message.get("content") is None:
            message["content"] = ""
    if messages[0]["role"] != "system":
        messages.insert(0, {"role": "system", "content": ""})
    if tools:
        messages[0]["tools"] = tools
    return encoder.encode_messages(messages, thinking_mode="thinking" if thinking else "chat")


def main(encoding, out):
    spec = importlib.util.spec_from_file_location("encoding_dsv32", encoding)
    encoder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(encoder)
    chance = random.Random(SEED)
    chats = list(chosen())
    for _ in range(60):
        chats.append((conversation(chance), chance.choice([None, None, [WEATHER], [WEATHER, SEARCH]])))
    cases = []
    for messages, tools in chats:
        for thinking in (False, True):
            case = {"messages": messages, "tools": tools, "thinking": thinking}
            try:
                case["prompt"] = encode(encoder, messages, tools, thinking)
            except Exception as refusal:
                case["refusal"] = f"{type(refusal).__name__}: {refusal}"[:200]
            cases.append(case)
    with open(out, "w") as file:
        json.dump({"made_with": "encoding_dsv32.py of sglang 0.5.23", "seed": SEED, "cases": cases}, file, ensure_ascii=False, indent=0)
        file.write("\n")


main(*sys.argv[1:])
