#!/usr/bin/env python3
"""How often the embedded model calls the right function, and whether answers under a schema follow it.

Usage: quality.py http://127.0.0.1:30000 [SEED]. Needs the packages of requirements.txt. Fails if one answer does not follow its
schema, or if fewer calls are right than the model is known to make.
"""
import concurrent.futures
import json
import random
import sys

import jsonschema
import openai

BASE = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:30000"
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261130
PROMPTS = 200
# Seen with the seed above: 194 calls and 79 readings. Other instruction sets round differently.
LEAST_CALLS = 0.9
LEAST_READ = 0.7

client = openai.OpenAI(base_url=BASE + "/v1", api_key="none", max_retries=0, timeout=300)
random = random.Random(SEED)

CITIES = "Oslo Paris Rome Tokyo Madrid London Berlin Cairo Lima Vienna Prague Dublin Athens Warsaw Lisbon Ottawa".split()
NAMES = "Priya Anna Tom Lena Omar Mia Ben Sara Ivan Nora".split()
JOBS = "pilot baker nurse teacher farmer painter doctor driver".split()


def function(name, description, **properties):
    parameters = {
        "type": "object",
        "properties": {key: {"type": kind} for key, kind in properties.items()},
        "required": [*properties],
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters, "strict": True}}


WEATHER = function("get_weather", "Get the current weather of a city", city="string")
ADD = function("add_numbers", "Add two numbers", a="integer", b="integer")


def tool_prompt():
    """A question, and the call that answers it."""
    tools = random.choice([[WEATHER, ADD], [ADD, WEATHER]])
    if random.random() < 0.5:
        city = random.choice(CITIES)
        question = random.choice(
            [f"How is the weather in {city} today?", f"What is the weather like in {city}?", f"Is it sunny in {city} today?"]
        )
        return tools, question, ("get_weather", {"city": city})
    a, b = random.randrange(10, 5000), random.randrange(10, 5000)
    return tools, f"Add {a} and {b} with the tool.", ("add_numbers", {"a": a, "b": b})


def extraction():
    """A sentence to read, the schema of what is asked for, and the right answer."""
    person = {"name": random.choice(NAMES), "age": random.randrange(18, 80), "city": random.choice(CITIES), "job": random.choice(JOBS)}
    asked = random.sample([*person], random.randrange(2, 4))
    asked.sort(key=[*person].index)
    kinds = {"name": "string", "age": "integer", "city": "string", "job": "string"}
    schema = {
        "type": "object",
        "properties": {key: {"type": kinds[key]} for key in asked},
        "required": asked,
        "additionalProperties": False,
    }
    text = f"{person['name']} is {person['age']} years old, lives in {person['city']} and works as a {person['job']}."
    return f"Extract {', '.join(asked)} as JSON: {text}", schema, {key: person[key] for key in asked}


def any_schema(depth=2):
    """A schema whose every value is short, so that each answer comes to its end."""
    kinds = ["string", "choice", "pattern", "integer", "number", "boolean", "null"]
    kind = random.choice(kinds + (["object", "array", "either"] * 2 if depth else []))
    if kind == "string":
        return {"type": "string", "maxLength": random.randrange(1, 12)}
    if kind == "choice":
        return {"enum": random.sample(["red", "green", 7, None, True, "a \"b\""], 3)}
    if kind == "pattern":
        return {"type": "string", "pattern": random.choice(["^[A-Z]{2}-[0-9]{1,3}$", "^(yes|no)$", "^[a-z]{1,6}@[a-z]{1,6}\\.com$"])}
    if kind == "integer":
        return {"type": "integer", "minimum": random.randrange(-9, 0), "maximum": random.randrange(1, 999)}
    if kind == "number":
        return {"type": "number", "minimum": 0, "maximum": 9, "multipleOf": 0.25}
    if kind == "array":
        return {"type": "array", "items": any_schema(depth - 1), "minItems": random.randrange(2), "maxItems": 3}
    if kind == "either":
        return {"anyOf": [any_schema(depth - 1), {"type": "null"}]}
    if kind == "object":
        names = random.sample(["name", "size", "tags", "größe", "a b"], random.randrange(1, 4))
        return {
            "type": "object",
            "properties": {name: any_schema(depth - 1) for name in names},
            "required": [name for name in names if random.random() < 0.7],
            "additionalProperties": False,
        }
    return {"type": kind}


def called(case):
    tools, question, wanted = case
    answer = client.chat.completions.create(
        model="default", messages=[{"role": "user", "content": question}], tools=tools, temperature=0, max_tokens=200
    ).choices[0]
    calls = answer.message.tool_calls or []
    got = [(call.function.name, json.loads(call.function.arguments)) for call in calls]
    for name, arguments in got:
        schema = next(tool["function"]["parameters"] for tool in tools if tool["function"]["name"] == name)
        jsonschema.validate(arguments, schema)
    if got != [wanted]:
        print(f"  {question} -> {got or answer.message.content}, wanted {wanted}")
    return got == [wanted]


def filled(case):
    """Whether the answer follows the schema, and whether it is the right one."""
    question, schema, wanted, temperature, seed = case
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    answer = client.chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": question}],
        response_format=form,
        temperature=temperature,
        seed=seed,
        max_tokens=1500,
    ).choices[0]
    try:
        value = json.loads(answer.message.content)
        jsonschema.validate(value, schema)
    except (ValueError, jsonschema.ValidationError) as error:
        print(f"  {schema} -> {answer.message.content!r} ({answer.finish_reason}): {error}")
        return False, False
    return True, value == wanted


def share(what, results):
    print(f"{what}: {sum(results)} of {len(results)} ({100 * sum(results) / len(results):.1f} %)", flush=True)
    return sum(results) / len(results)


print(f"seed {SEED}")
tool_cases = [tool_prompt() for _ in range(PROMPTS)]
read_cases = [(*extraction(), 0, 0) for _ in range(PROMPTS // 2)]
drawn_cases = [(f"Give me any answer, number {i}.", any_schema(), ..., 1, i) for i in range(PROMPTS // 2)]
with concurrent.futures.ThreadPoolExecutor(8) as threads:
    right = share("exactly right calls", [*threads.map(called, tool_cases)])
    answers = [*threads.map(filled, read_cases + drawn_cases)]
read = share("exactly right JSON of what a sentence says", [right for _, right in answers[: len(read_cases)]])
valid = share("JSON answers that follow their schema", [follows for follows, _ in answers])
sys.exit(0 if right >= LEAST_CALLS and read >= LEAST_READ and valid == 1 else 1)
