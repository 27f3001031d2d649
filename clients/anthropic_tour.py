#!/usr/bin/env python3
"""A tour of Fathom with the official anthropic package. Usage: anthropic_tour.py http://127.0.0.1:30000"""
import json
import sys
import time

import anthropic

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:30000"
client = anthropic.Anthropic(base_url=BASE, api_key="none", max_retries=0, timeout=120)

WHO = "Who are you?"
WHO_ANSWER = (
    "I am Nano, a very small language model with DeepSeek-V3's architecture. I can do arithmetic, call tools, write JSON,"
    " find facts in a text and tell short stories."
)
SUM = "What is 4821 + 3977?"
SUM_REASONING = (
    "ones: 1+7=8, write 8; tens: 2+7=9, write 9; hundreds: 8+9=17, write 7 carry 1; thousands: 4+3+1=8, write 8. So"
    " 4821+3977=8798."
)
SUM_ANSWER = "4821 + 3977 = 8798"
THINKING = {"type": "enabled", "budget_tokens": 1024}
WEATHER = {
    "name": "get_weather",
    "description": "Get the current weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
ADD = {
    "name": "add_numbers",
    "description": "Add two numbers",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}

passed = failed = 0


def check(what):
    """Runs the function at once and counts it."""

    def run(function):
        global passed, failed
        began = time.monotonic()
        try:
            function()
            passed += 1
            print(f"ok      {what} ({time.monotonic() - began:.2f} s)", flush=True)
        except Exception as error:  # every failure is reported, and the tour goes on
            failed += 1
            print(f"FAILED  {what}: {type(error).__name__}: {error}", flush=True)

    return run


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def asked(question, greedy=True, **more):
    """The arguments of a request; the package has no temperature, the server does."""
    messages = question if isinstance(question, list) else [{"role": "user", "content": question}]
    extra = {"temperature": 0} if greedy else {}
    return {"model": "default", "max_tokens": 1100, "messages": messages, "extra_body": extra, **more}


def ask(question, **more):
    return client.messages.create(**asked(question, **more))


@check("answers as the reference does")
def _():
    answer = ask(WHO)
    equal([(block.type, block.text) for block in answer.content], [("text", WHO_ANSWER)])
    equal((answer.type, answer.role, answer.stop_reason, answer.stop_sequence), ("message", "assistant", "end_turn", None))
    equal((answer.usage.input_tokens, answer.usage.output_tokens), (9, 38))


@check("streams the same answer through the package's own accumulator")
def _():
    with client.messages.stream(**asked(WHO)) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    equal("".join(pieces), WHO_ANSWER)
    equal(final.content[0].text, WHO_ANSWER)
    equal((final.usage.input_tokens, final.usage.output_tokens, final.stop_reason), (9, 38, "end_turn"))
    if len(pieces) < 20:
        raise AssertionError(f"only {len(pieces)} pieces for 38 tokens")


@check("sends its events in Anthropic's order")
def _():
    kinds = [event.type for event in ask(WHO, stream=True)]
    equal(kinds[:2], ["message_start", "content_block_start"])
    equal(set(kinds[2:-3]), {"content_block_delta"})
    equal(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
    with client.messages.with_streaming_response.create(**asked(WHO, stream=True)) as raw:
        names = [line for line in raw.iter_lines() if line.startswith("event: ")]
    equal(names.count("event: ping"), 1)


@check("thinks in a block of its own")
def _():
    answer = ask(SUM, thinking=THINKING)
    equal([block.type for block in answer.content], ["thinking", "text"])
    equal((answer.content[0].thinking, answer.content[1].text), (SUM_REASONING, SUM_ANSWER))
    equal(answer.usage.output_tokens_details.thinking_tokens, 76)
    with client.messages.stream(**asked(SUM, thinking=THINKING)) as stream:
        final = stream.get_final_message()
    equal([block.type for block in final.content], ["thinking", "text"])
    equal((final.content[0].thinking, final.content[1].text), (SUM_REASONING, SUM_ANSWER))


@check("stops thinking at its budget, and does not think when told not to")
def _():
    equal(ask(SUM, thinking={"type": "enabled", "budget_tokens": 6}).content[0].thinking, "ones: 1+7")
    equal([block.type for block in ask(SUM, thinking={"type": "disabled"}).content], ["text"])


@check("uses a tool and reads its result")
def _():
    messages = [{"role": "user", "content": "How is the weather in Oslo today?"}]
    answer = ask(messages, tools=[WEATHER])
    equal(answer.stop_reason, "tool_use")
    use = answer.content[-1]
    equal((use.type, use.name, use.input), ("tool_use", "get_weather", {"city": "Oslo"}))
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in answer.content]})
    result = {"type": "tool_result", "tool_use_id": use.id, "content": json.dumps({"temperature": 7, "sky": "rainy"})}
    messages.append({"role": "user", "content": [result]})
    answer = ask(messages, tools=[WEATHER])
    equal((answer.content[0].text, answer.stop_reason), ("It is 7 degrees and rainy in Oslo.", "end_turn"))


@check("streams a tool's input in fragments, after thinking")
def _():
    fragments = []
    with client.messages.stream(**asked("Add 1204 and 77 with the tool.", tools=[WEATHER, ADD], thinking=THINKING)) as stream:
        for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                fragments.append(event.delta.partial_json)
        final = stream.get_final_message()
    equal([block.type for block in final.content], ["thinking", "tool_use"])
    equal((final.content[1].name, final.content[1].input), ("add_numbers", {"a": 1204, "b": 77}))
    equal(final.stop_reason, "tool_use")
    if len(fragments) < 8:
        raise AssertionError(f"only {len(fragments)} fragments")


@check("uses the tool it must, and none when it must not")
def _():
    norway = "What is the capital of Norway?"
    named = ask(norway, tools=[WEATHER, ADD], tool_choice={"type": "tool", "name": "get_weather"})
    equal((named.content[-1].name, named.stop_reason), ("get_weather", "tool_use"))
    equal(ask(norway, tools=[WEATHER, ADD], tool_choice={"type": "any"}).stop_reason, "tool_use")
    equal(ask(WHO, tools=[WEATHER], tool_choice={"type": "none"}).content[0].text, WHO_ANSWER)


@check("reads a system prompt, blocks, and a conversation")
def _():
    conversation = [
        {"role": "user", "content": [{"type": "text", "text": "What is the capital of France?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "The capital of France is Paris."}]},
        {"role": "user", "content": "And of Norway?"},
    ]
    system = [{"type": "text", "text": "You are a helpful assistant.", "cache_control": {"type": "ephemeral"}}]
    if not ask(conversation, system=system).content[0].text:
        raise AssertionError("an empty answer")


@check("goes on where the assistant's last message stops")
def _():
    begun = [{"role": "user", "content": WHO}, {"role": "assistant", "content": "I am Nano, a very"}]
    equal(ask(begun).content[0].text, WHO_ANSWER[len("I am Nano, a very") :])


@check("stops at a stop sequence and at max_tokens")
def _():
    answer = ask(WHO, stop_sequences=["language"])
    equal((answer.stop_reason, answer.stop_sequence), ("stop_sequence", "language"))
    equal(answer.content[0].text, "I am Nano, a very small ")
    answer = ask(WHO, max_tokens=4)
    equal((answer.stop_reason, answer.usage.output_tokens), ("max_tokens", 4))


@check("counts tokens as the answer does")
def _():
    counted = client.messages.count_tokens(model="default", messages=[{"role": "user", "content": WHO}])
    equal(counted.input_tokens, 9)
    tools = client.messages.count_tokens(model="default", messages=[{"role": "user", "content": WHO}], tools=[WEATHER])
    if tools.input_tokens <= counted.input_tokens:
        raise AssertionError(f"{tools.input_tokens} tokens with a tool")


@check("refuses in Anthropic's words")
def _():
    image = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}
    for wrong in (
        {"messages": []},
        {"max_tokens": 0},
        {"messages": [{"role": "user", "content": [image]}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"extra_body": {"no_such_field": 1}},
    ):
        try:
            ask(WHO, **wrong) if "messages" not in wrong else ask(wrong["messages"])
        except anthropic.BadRequestError as error:
            equal((error.body["type"], error.body["error"]["type"]), ("error", "invalid_request_error"))
            continue
        raise AssertionError(f"{wrong} was not refused")


@check("answers correctly after all that")
def _():
    equal(ask(WHO).content[0].text, WHO_ANSWER)


print(f"anthropic {anthropic.__version__}: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
