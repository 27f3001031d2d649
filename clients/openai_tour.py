#!/usr/bin/env python3
"""A tour of Fathom with the official openai package. Usage: openai_tour.py http://127.0.0.1:30000"""
import concurrent.futures
import sys
import time

import openai

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
    answer = ask(SUM, extra_body={"chat_template_kwargs": {"thinking": True}}).choices[0].message
    text = (getattr(answer, "reasoning_content", None) or "") + (answer.content or "")
    if "ones: 1+7=8, write 8" not in text or not text.endswith("4821 + 3977 = 8798"):
        raise AssertionError(text)


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
    thinking = {"chat_template_kwargs": {"thinking": True}}
    alone = [ask(q, max_tokens=60, extra_body=thinking).choices[0].message.content for q in questions]

    def streamed(question):
        chunks = ask(question, max_tokens=60, stream=True, extra_body=thinking)
        return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)

    with concurrent.futures.ThreadPoolExecutor(len(questions)) as threads:
        equal(list(threads.map(streamed, questions)), alone)


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
    with refused(openai.BadRequestError, "response_format"):
        ask(WHO, response_format={"type": "json_object"})
    with refused(openai.BadRequestError, "lora_path"):
        ask(WHO, extra_body={"lora_path": "x"})


@check("says that a model does not exist")
def _():
    with refused(openai.NotFoundError, "does not exist"):
        client.models.retrieve("no-such-model")


@check("answers correctly after all that")
def _():
    equal(ask(JSON_QUESTION).choices[0].message.content, JSON_ANSWER)


print(f"openai {openai.__version__}: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
