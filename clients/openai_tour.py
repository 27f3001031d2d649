#!/usr/bin/env python3
"""A tour of Fathom with the official openai package. Usage: openai_tour.py http://127.0.0.1:30000"""
import concurrent.futures
import json
import sys
import time
import typing

import openai
import pydantic

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:30000"
client = openai.OpenAI(base_url=BASE + "/v1", api_key="none", max_retries=0, timeout=120)

WHO = "Who are you?"
WHO_ANSWER = (
    "I am Nano, a very small language model with DeepSeek-V3's architecture. I can do arithmetic, call tools, write JSON,"
    " find facts in a text and tell short stories."
)
JSON_QUESTION = "Extract name, city as JSON: Priya is 31 years old, lives in Tokyo and works as a pilot."
JSON_ANSWER = '{"name": "Priya", "city": "Tokyo"}'
SUM = "What is 4821 + 3977?"
SUM_REASONING = (
    "ones: 1+7=8, write 8; tens: 2+7=9, write 9; hundreds: 8+9=17, write 7 carry 1; thousands: 4+3+1=8, write 8. So"
    " 4821+3977=8798."
)
SUM_ANSWER = "4821 + 3977 = 8798"
THINKING = {"chat_template_kwargs": {"thinking": True}}


def tool(name, description, **properties):
    parameters = {"type": "object", "properties": {k: {"type": v} for k, v in properties.items()}, "required": [*properties]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


WEATHER = tool("get_weather", "Get the current weather of a city", city="string")
ADD = tool("add_numbers", "Add two numbers", a="integer", b="integer")

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


def ask(question, **more):
    return client.chat.completions.create(
        model="default", messages=[{"role": "user", "content": question}], temperature=0, **more
    )


def thought(chunk):
    return getattr(chunk.choices[0].delta, "reasoning_content", None) if chunk.choices else None


def joined(chunks, field):
    return "".join(getattr(c.choices[0].delta, field, None) or "" for c in chunks if c.choices)


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def refused(kind, *words):
    """The error that a call raises, of the right kind and with these words in its message."""

    class Refused:
        def __enter__(self):
            return self

        def __exit__(self, exception_type, error, trace):
            if error is None:
                raise AssertionError("was not refused")
            if not isinstance(error, kind):
                return False
            for word in words:
                if word not in str(error):
                    raise AssertionError(f"{word!r} is not in: {error}")
            return True

    return Refused()


@check("lists the model")
def _():
    models = client.models.list().data
    equal(len(models), 1)
    equal(client.models.retrieve(models[0].id).id, models[0].id)


@check("answers as the reference does")
def _():
    answer = ask(WHO)
    equal(answer.choices[0].message.content, WHO_ANSWER)
    equal(answer.choices[0].message.role, "assistant")
    equal(answer.choices[0].finish_reason, "stop")
    equal(answer.object, "chat.completion")
    equal(answer.usage.prompt_tokens, 9)
    equal(answer.usage.completion_tokens, 38)
    equal(answer.usage.total_tokens, 47)


@check("streams the same answer, with usage at the end")
def _():
    chunks = list(ask(WHO, stream=True, stream_options={"include_usage": True}))
    equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), WHO_ANSWER)
    equal(chunks[0].choices[0].delta.role, "assistant")
    equal([c.choices[0].finish_reason for c in chunks if c.choices][-1], "stop")
    equal(chunks[-1].choices, [])
    equal(chunks[-1].usage.completion_tokens, 38)
    equal(len({c.id for c in chunks}), 1)
    if len(chunks) < 20:
        raise AssertionError(f"only {len(chunks)} chunks for 38 tokens")


@check("thinks when the template is told to")
def _():
    answer = ask(SUM, extra_body=THINKING)
    equal(answer.choices[0].message.reasoning_content, SUM_REASONING)
    equal(answer.choices[0].message.content, SUM_ANSWER)
    equal(answer.usage.completion_tokens_details.reasoning_tokens, 76)


@check("streams reasoning and answer apart")
def _():
    chunks = list(ask(SUM, stream=True, extra_body=THINKING))
    equal(joined(chunks, "reasoning_content"), SUM_REASONING)
    equal(joined(chunks, "content"), SUM_ANSWER)
    if len(chunks) < 60:
        raise AssertionError(f"only {len(chunks)} chunks")
    chunks = list(ask(SUM, stream=True, extra_body={**THINKING, "stream_reasoning": False}))
    equal([c.choices[0].delta.reasoning_content for c in chunks if thought(c)], [SUM_REASONING])


@check("leaves reasoning in the content when asked, and thinks by effort")
def _():
    answer = ask(SUM, reasoning_effort="high", extra_body={"separate_reasoning": False}).choices[0].message
    equal(answer.content, SUM_REASONING + "</think>" + SUM_ANSWER)


@check("stops thinking at its budget")
def _():
    answer = ask(SUM, extra_body={**THINKING, "max_thinking_tokens": 6})
    equal(answer.choices[0].message.reasoning_content, "ones: 1+7")
    equal(answer.choices[0].finish_reason, "stop")
    equal(answer.usage.completion_tokens_details.reasoning_tokens, 7)


@check("calls a tool and reads its result")
def _():
    messages = [{"role": "user", "content": "How is the weather in Oslo today?"}]
    answer = client.chat.completions.create(model="default", messages=messages, tools=[WEATHER], temperature=0)
    equal(answer.choices[0].finish_reason, "tool_calls")
    message = answer.choices[0].message
    equal(message.content, None)
    equal([(c.function.name, c.function.arguments) for c in message.tool_calls], [("get_weather", '{"city": "Oslo"}')])
    messages.append(message.model_dump(exclude_none=True))
    result = {"temperature": 7, "sky": "rainy"}
    messages.append({"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": json.dumps(result)})
    answer = client.chat.completions.create(model="default", messages=messages, tools=[WEATHER], temperature=0)
    equal(answer.choices[0].message.content, "It is 7 degrees and rainy in Oslo.")
    equal(answer.choices[0].finish_reason, "stop")


@check("streams a tool call in fragments, after thinking")
def _():
    chunks = list(ask("Add 1204 and 77 with the tool.", tools=[WEATHER, ADD], stream=True, extra_body=THINKING))
    equal(joined(chunks, "reasoning_content"), "I need add_numbers.")
    equal(joined(chunks, "content"), "")
    calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
    equal([call.function.name for call in calls if call.id], ["add_numbers"])
    equal({call.index for call in calls}, {0})
    equal("".join(call.function.arguments for call in calls), '{"a": 1204, "b": 77}')
    if len(calls) < 8:
        raise AssertionError(f"only {len(calls)} fragments")
    equal(chunks[-1].choices[0].finish_reason, "tool_calls")


@check("lets the client itself assemble a streamed call")
def _():
    question = [{"role": "user", "content": "How is the weather in Oslo today?"}]
    with client.chat.completions.stream(model="default", messages=question, tools=[WEATHER], temperature=0) as stream:
        stream.until_done()
        call = stream.get_final_completion().choices[0].message.tool_calls[0]
    equal((call.function.name, call.function.arguments), ("get_weather", '{"city": "Oslo"}'))


@check("calls what it must, and nothing when it must not")
def _():
    named = {"type": "function", "function": {"name": "get_weather"}}
    calls = ask("What is the capital of Norway?", tools=[WEATHER, ADD], tool_choice=named).choices[0].message.tool_calls
    equal([call.function.name for call in calls], ["get_weather"])
    answer = ask("What is the capital of Norway?", tools=[WEATHER, ADD], tool_choice="required").choices[0]
    equal(answer.finish_reason, "tool_calls")
    equal(ask(WHO, tools=[WEATHER], tool_choice="none").choices[0].message.content, WHO_ANSWER)


class Measurement(pydantic.BaseModel):
    unit: typing.Literal["m", "kg", "s"]
    value: typing.Annotated[int, pydantic.Field(ge=0, le=99)]
    note: typing.Annotated[str, pydantic.Field(max_length=40)] | None  # drawn text need not come to an end by itself


@check("holds strict calls to a pydantic model, drawing at temperature 1")
def _():
    tools = [openai.pydantic_function_tool(Measurement, name="measure", description="Takes a measurement")]
    for seed in range(5):
        answer = client.chat.completions.parse(
            model="default",
            messages=[{"role": "user", "content": "Measure it with the tool."}],
            tools=tools,
            tool_choice="required",
            parallel_tool_calls=False,
            temperature=1,
            seed=seed,
            max_tokens=400,
        )
        equal(answer.choices[0].finish_reason, "tool_calls")
        equal([type(call.function.parsed_arguments) for call in answer.choices[0].message.tool_calls], [Measurement])


@check("calls a strict function, or answers in the asked form")
def _():
    strict = {"type": "function", "function": {**WEATHER["function"], "strict": True}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}
    answer = ask("How is the weather in Oslo today?", tools=[strict], response_format=form).choices[0]
    equal(json.loads(answer.message.tool_calls[0].function.arguments), {"city": "Oslo"})
    answer = ask(JSON_QUESTION, response_format=form).choices[0]
    equal(json.loads(answer.message.content), {"name": "Priya", "city": "Tokyo"})


@check("parses several calls in one answer")
def _():
    text = "".join(
        ["Both.", "<｜tool▁calls▁begin｜>"]
        + [f'<｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{{"city": "{c}"}}<｜tool▁call▁end｜>' for c in ("Oslo", "Rome")]
        + ["<｜tool▁calls▁end｜>"]
    )
    body = {"text": text, "tools": [WEATHER], "tool_call_parser": "deepseekv31"}
    reply = client.post("/../parse_function_call", body=body, cast_to=object)
    equal(reply["normal_text"], "Both.")
    equal([(c["tool_index"], json.loads(c["parameters"])["city"]) for c in reply["calls"]], [(0, "Oslo"), (1, "Rome")])


@check("makes calls in parallel, whole and streamed alike")
def _():
    # The embedded model ends after one call unless it may not: then it goes on until the token limit.
    tokenized = client.post("/../tokenize", body={"prompt": "<｜tool▁calls▁end｜>", "add_special_tokens": False}, cast_to=object)
    more = dict(tools=[WEATHER], tool_choice="required", max_tokens=45, logit_bias={str(tokenized["tokens"][0]): -100})
    question = "How is the weather in Oslo today?"
    answer = ask(question, **more).choices[0]
    whole = [(call.function.name, call.function.arguments) for call in answer.message.tool_calls]
    equal((answer.message.content, whole[:2]), (None, 2 * [("get_weather", '{"city": "Oslo"}')]))
    streamed = {}
    for chunk in ask(question, stream=True, **more):
        for part in chunk.choices[0].delta.tool_calls or []:
            name, arguments = streamed.get(part.index, ("", ""))
            streamed[part.index] = (name + (part.function.name or ""), arguments + (part.function.arguments or ""))
    equal([streamed[index] for index in sorted(streamed)], whole)


@check("keeps results of parallel calls apart")
def _():
    cities = {"Oslo": {"temperature": 7, "sky": "rainy"}, "Rome": {"temperature": 21, "sky": "sunny"}}
    messages = [{"role": "user", "content": "How is the weather in Oslo today?"}]
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": "get_weather", "arguments": json.dumps({"city": city})}}
        for i, city in enumerate(cities)
    ]
    messages.append({"role": "assistant", "content": None, "tool_calls": calls})
    messages += [
        {"role": "tool", "tool_call_id": f"c{i}", "content": json.dumps(result)} for i, result in enumerate(cities.values())
    ]
    answer = client.chat.completions.create(
        model="default", messages=messages, tools=[WEATHER], temperature=0, max_tokens=60, parallel_tool_calls=True
    ).choices[0]
    if not answer.message.content or answer.message.tool_calls:
        raise AssertionError(answer)


@check("keeps a conversation")
def _():
    answer = client.chat.completions.create(
        model="default",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "What is the capital of France?"},
            {"role": "assistant", "content": "The capital of France is Paris."},
            {"role": "user", "content": [{"type": "text", "text": "Calculate 94 - 17."}]},
        ],
        temperature=0,
        extra_body={"chat_template_kwargs": {"thinking": True}},
    )
    if not (answer.choices[0].message.content or "").endswith("94 - 17 = 77"):
        raise AssertionError(answer.choices[0].message)


@check("stops at a stop string, and at a token limit")
def _():
    answer = ask(WHO, stop=["small language"]).choices[0]
    equal(answer.message.content, "I am Nano, a very ")
    equal(answer.finish_reason, "stop")
    answer = ask(WHO, max_tokens=5)
    equal(answer.choices[0].finish_reason, "length")
    equal(answer.usage.completion_tokens, 5)
    equal(ask(WHO, max_completion_tokens=3).usage.completion_tokens, 3)


@check("stops a stream at a stop string that tokens split")
def _():
    chunks = ask(JSON_QUESTION, stop=['ya", "ci'], stream=True)
    equal("".join(c.choices[0].delta.content or "" for c in chunks if c.choices), '{"name": "Pri')


@check("gives several answers")
def _():
    answer = ask(WHO, n=3, max_tokens=8)
    equal([c.index for c in answer.choices], [0, 1, 2])
    equal(len({c.message.content for c in answer.choices}), 1)
    equal(answer.usage.completion_tokens, 24)


@check("gives log-probabilities that add up")
def _():
    tokens = ask(JSON_QUESTION, logprobs=True, top_logprobs=3, max_tokens=6).choices[0].logprobs.content
    equal(len(tokens), 6)
    equal("".join(t.token for t in tokens), JSON_ANSWER[: len("".join(t.token for t in tokens))])
    for token in tokens:
        equal(len(token.top_logprobs), 3)
        equal(token.top_logprobs[0].token, token.token)  # greedy takes the likeliest
        if not token.logprob <= 0 or token.top_logprobs[0].logprob < token.top_logprobs[1].logprob:
            raise AssertionError(token)


@check("answers with a JSON object")
def _():
    answer = ask(JSON_QUESTION, response_format={"type": "json_object"})
    equal(json.loads(answer.choices[0].message.content), {"name": "Priya", "city": "Tokyo"})


@check("fills a pydantic model, drawing at temperature 1")
def _():
    class Person(pydantic.BaseModel):
        name: typing.Annotated[str, pydantic.Field(min_length=1, max_length=20)]
        job: typing.Literal["pilot", "baker", "nurse"]
        age: typing.Annotated[int, pydantic.Field(ge=0, le=120)]
        tags: typing.Annotated[list[typing.Annotated[str, pydantic.Field(max_length=8)]], pydantic.Field(max_length=3)]
        city: typing.Annotated[str, pydantic.Field(pattern="^[A-Z][a-z]{1,10}$")] | None

    for seed in range(5):
        answer = client.chat.completions.parse(
            model="default",
            messages=[{"role": "user", "content": JSON_QUESTION}],
            response_format=Person,
            temperature=1,
            seed=seed,
        )
        equal(answer.choices[0].finish_reason, "stop")
        equal(type(answer.choices[0].message.parsed), Person)


@check("draws the same with the same seed")
def _():
    def story(seed):
        return client.chat.completions.create(
            model="default",
            messages=[{"role": "user", "content": "Tell me a story about a cat."}],
            temperature=1.0,
            seed=seed,
            max_tokens=40,
        ).choices[0].message.content

    equal(story(11), story(11))
    if len({story(seed) for seed in range(4)}) < 2:
        raise AssertionError("four seeds, one story")


@check("obeys a logit bias")
def _():
    first = ask("Who are you?", max_tokens=1, logprobs=True).choices[0].logprobs.content[0].token
    banned = ask("Who are you?", max_tokens=1, logit_bias={"43": -100}).choices[0].message.content
    equal(first, "I")
    if banned.startswith("I"):
        raise AssertionError(banned)


@check("completes text")
def _():
    answer = client.completions.create(
        model="default",
        prompt="The capital of France is",
        temperature=0,
        max_tokens=4,
        extra_body={"ignore_eos": True},
    )
    equal(answer.object, "text_completion")
    equal(answer.choices[0].finish_reason, "length")
    equal(answer.usage.completion_tokens, 4)


@check("completes several prompts and a stream of them, alike")
def _():
    prompts = ["The capital of France is", "The capital of Norway is"]
    whole = client.completions.create(model="default", prompt=prompts, temperature=0, max_tokens=6)
    texts = [c.text for c in sorted(whole.choices, key=lambda c: c.index)]
    streamed = ["", ""]
    for chunk in client.completions.create(model="default", prompt=prompts, temperature=0, max_tokens=6, stream=True):
        for choice in chunk.choices:
            streamed[choice.index] += choice.text
    equal(streamed, texts)


@check("completes token ids, with log-probabilities")
def _():
    answer = client.completions.create(
        model="default", prompt=[0, 4084, 1833, 81, 414, 362, 33, 4085, 4080], temperature=0, max_tokens=7, logprobs=2
    ).choices[0]
    equal(answer.text, WHO_ANSWER[: len(answer.text)])
    equal(len(answer.logprobs.token_logprobs), 7)
    equal(answer.logprobs.text_offset[0], 0)


@check("serves many streams at once, each as if alone")
def _():
    questions = [f"What is {a} + {b}?" for a in (12, 340, 77, 9) for b in (5, 61, 800, 43)]
    alone = [ask(q, max_tokens=60, extra_body=THINKING).choices[0].message for q in questions]

    def streamed(question):
        chunks = list(ask(question, max_tokens=60, stream=True, extra_body=THINKING))
        return joined(chunks, "reasoning_content"), joined(chunks, "content")

    with concurrent.futures.ThreadPoolExecutor(len(questions)) as threads:
        equal(list(threads.map(streamed, questions)), [(m.reasoning_content, m.content or "") for m in alone])


@check("goes on after a client that leaves in mid-stream")
def _():
    stream = ask("Tell me a story about a cat.", stream=True, max_tokens=2000)
    for _chunk in zip(range(3), stream):
        pass
    stream.close()
    equal(ask(WHO).choices[0].message.content, WHO_ANSWER)


@check("refuses a prompt that is too long, in SGLang's words")
def _():
    with refused(openai.BadRequestError, "is longer than the model's context length (8192 tokens)"):
        ask("9 " * 9000)


@check("refuses more tokens than the context holds")
def _():
    with refused(openai.BadRequestError, "Requested token count exceeds the model's maximum context length of 8192 tokens"):
        ask(WHO, max_tokens=8192)


@check("refuses values outside their range, by name")
def _():
    with refused(openai.BadRequestError, "temperature"):
        client.chat.completions.create(model="default", messages=[{"role": "user", "content": "x"}], temperature=-1)
    with refused(openai.BadRequestError, "top_p"):
        ask(WHO, top_p=1.5)
    with refused(openai.BadRequestError, "messages"):
        client.chat.completions.create(model="default", messages=[])


@check("refuses fields it does not serve, by name")
def _():
    with refused(openai.BadRequestError, "tools[0].function is strict, but its parameters cannot be enforced"):
        parameters = {"type": "object", "properties": {"city": {"not": {"type": "string"}}}}
        ask(WHO, tools=[{"type": "function", "function": {"name": "f", "parameters": parameters, "strict": True}}])
    with refused(openai.BadRequestError, "#/not is not supported"):
        schema = {"name": "x", "schema": {"not": {}}}
        ask(WHO, response_format={"type": "json_schema", "json_schema": schema})
    with refused(openai.BadRequestError, "lora_path"):
        ask(WHO, extra_body={"lora_path": "x"})


@check("says that a model does not exist")
def _():
    with refused(openai.NotFoundError, "does not exist"):
        client.models.retrieve("no-such-model")


def respond(question, **more):
    return client.responses.create(model="default", input=question, temperature=0, **more)


FUNCTION = {"type": "function", "strict": False, **WEATHER["function"]}


@check("responses: answers as chat does, and keeps the response")
def _():
    response = respond(WHO)
    equal(response.output_text, WHO_ANSWER)
    equal((response.status, response.object), ("completed", "response"))
    equal((response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens), (9, 38, 47))
    equal(client.responses.retrieve(response.id).output_text, WHO_ANSWER)
    client.responses.delete(response.id)
    with refused(openai.NotFoundError, "not found"):
        client.responses.retrieve(response.id)


@check("responses: fills a pydantic model, drawing at temperature 1")
def _():
    response = client.responses.parse(
        model="default", input="Measure it.", text_format=Measurement, temperature=1, max_output_tokens=400
    )
    equal(type(response.output_parsed), Measurement)


@check("responses: streams typed events that the package itself assembles")
def _():
    with client.responses.stream(model="default", input=SUM, temperature=0, reasoning={"effort": "high"}) as stream:
        events = list(stream)
        final = stream.get_final_response()
    equal([event.type for event in events[:3]], ["response.created", "response.in_progress", "response.output_item.added"])
    equal(events[-1].type, "response.completed")
    equal([event.sequence_number for event in events if hasattr(event, "sequence_number")], [*range(len(events))])
    equal("".join(event.delta for event in events if event.type == "response.reasoning_text.delta"), SUM_REASONING)
    equal("".join(event.delta for event in events if event.type == "response.output_text.delta"), SUM_ANSWER)
    equal([item.type for item in final.output], ["reasoning", "message"])
    equal((final.output[0].content[0].text, final.output_text), (SUM_REASONING, SUM_ANSWER))
    equal(final.usage.output_tokens_details.reasoning_tokens, 76)


@check("responses: calls a function and goes on from its output by id and by items")
def _():
    question = [{"role": "user", "content": "How is the weather in Oslo today?"}]
    first = respond(question, tools=[FUNCTION])
    call = first.output[0]
    equal((call.type, call.name, call.arguments), ("function_call", "get_weather", '{"city": "Oslo"}'))
    output = json.dumps({"temperature": 7, "sky": "rainy"})
    result = {"type": "function_call_output", "call_id": call.call_id, "output": output}
    second = respond([result], tools=[FUNCTION], previous_response_id=first.id)
    equal(second.output_text, "It is 7 degrees and rainy in Oslo.")
    equal(second.previous_response_id, first.id)
    items = [*question, *[item.model_dump(exclude_none=True) for item in first.output], result]
    equal(respond(items, tools=[FUNCTION], store=False).output_text, "It is 7 degrees and rainy in Oslo.")


@check("responses: streams a function's arguments")
def _():
    events = list(respond("How is the weather in Oslo today?", tools=[FUNCTION], stream=True))
    deltas = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    equal("".join(deltas), '{"city": "Oslo"}')
    equal(events[-1].response.output[0].arguments, '{"city": "Oslo"}')


@check("responses: follows instructions, ends at max_output_tokens")
def _():
    response = respond(WHO, instructions="You are a helpful assistant.", max_output_tokens=4)
    equal((response.status, response.incomplete_details.reason), ("incomplete", "max_output_tokens"))
    equal((response.usage.output_tokens, response.instructions), (4, "You are a helpful assistant."))


@check("responses: runs in the background, and is cancelled")
def _():
    response = respond(WHO, background=True)
    if response.status != "queued":
        raise AssertionError(response.status)
    ended = time.monotonic() + 30
    while response.status in ("queued", "in_progress") and time.monotonic() < ended:
        time.sleep(0.05)
        response = client.responses.retrieve(response.id)
    equal(response.output_text, WHO_ANSWER)
    long = respond("Tell a story.", background=True, extra_body={"ignore_eos": True})
    cancelled = client.responses.cancel(long.id)
    equal((cancelled.status, client.responses.retrieve(long.id).status), ("cancelled", "cancelled"))
    with refused(openai.BadRequestError, "only responses that were made with background"):
        client.responses.cancel(respond(WHO).id)


@check("responses: refuses what it does not serve")
def _():
    with refused(openai.BadRequestError, "web_search"):
        respond(WHO, tools=[{"type": "web_search"}])
    with refused(openai.NotFoundError, "resp_none"):
        respond(WHO, previous_response_id="resp_none")


@check("answers correctly after all that")
def _():
    equal(ask(JSON_QUESTION).choices[0].message.content, JSON_ANSWER)


print(f"openai {openai.__version__}: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
