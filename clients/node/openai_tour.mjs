// A tour of Fathom with the official openai package for Node. Usage: node openai_tour.mjs http://127.0.0.1:30000
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const base = process.argv[2] ?? "http://127.0.0.1:30000";
const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none", maxRetries: 0, timeout: 60_000 });

const who = "Who are you?";
const whoAnswer =
  "I am Nano, a very small language model with DeepSeek-V3's architecture. I can do arithmetic, call tools, write JSON," +
  " find facts in a text and tell short stories.";
const jsonQuestion =
  "Extract name, city as JSON: Priya is 31 years old, lives in Tokyo and works as a pilot.";
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Get the current weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

let passed = 0;
let failed = 0;

async function check(what, run) {
  const began = performance.now();
  try {
    await run();
    passed++;
    console.log(`ok      ${what} (${Math.round(performance.now() - began)} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${what}: ${error}`);
  }
}

const ask = (question, more = {}) =>
  client.chat.completions.create({
    model: "default",
    messages: [{ role: "user", content: question }],
    temperature: 0,
    ...more,
  });

await check("lists the model", async () => {
  const models = await client.models.list();
  assert.equal(models.data.length, 1);
});

await check("answers as the reference does", async () => {
  const answer = await ask(who);
  assert.equal(answer.choices[0].message.content, whoAnswer);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.completion_tokens, 38);
});

await check("streams the same answer, with usage at the end", async () => {
  let text = "";
  let usage;
  for await (const chunk of await ask(who, { stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whoAnswer);
  assert.equal(usage.completion_tokens, 38);
});

await check("streams reasoning and answer apart", async () => {
  let reasoning = "";
  let text = "";
  const stream = await ask("What is 4821 + 3977?", { stream: true, chat_template_kwargs: { thinking: true } });
  for await (const chunk of stream) {
    reasoning += chunk.choices[0]?.delta?.reasoning_content ?? "";
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.match(reasoning, /So 4821\+3977=8798\.$/);
  assert.equal(text, "4821 + 3977 = 8798");
});

await check("stops reading when the client breaks off", async () => {
  const stream = await ask("Tell me a story about a cat.", { stream: true, max_tokens: 2000 });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
});

await check("calls a tool and reads its result", async () => {
  const messages = [{ role: "user", content: "How is the weather in Oslo today?" }];
  const called = await client.chat.completions.create({ model: "default", messages, tools: [weather], temperature: 0 });
  const { message, finish_reason } = called.choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.equal(message.tool_calls[0].function.arguments, '{"city": "Oslo"}');
  const result = JSON.stringify({ temperature: 7, sky: "rainy" });
  messages.push(message, { role: "tool", tool_call_id: message.tool_calls[0].id, content: result });
  const answer = await client.chat.completions.create({ model: "default", messages, tools: [weather], temperature: 0 });
  assert.match(answer.choices[0].message.content, /rainy in Oslo/);
});

await check("lets the client itself run a tool", async () => {
  const seen = [];
  const runner = client.chat.completions.runTools({
    model: "default",
    temperature: 0,
    messages: [{ role: "user", content: "How is the weather in Oslo today?" }],
    tools: [
      {
        type: "function",
        function: {
          ...weather.function,
          parse: JSON.parse,
          function: (input) => {
            seen.push(input.city);
            return JSON.stringify({ temperature: 7, sky: "rainy" });
          },
        },
      },
    ],
  });
  assert.match(await runner.finalContent(), /rainy in Oslo/);
  assert.deepEqual(seen, ["Oslo"]);
});

await check("keeps results of parallel calls apart", async () => {
  const call = (id, city) => ({
    id,
    type: "function",
    function: { name: "get_weather", arguments: JSON.stringify({ city }) },
  });
  const result = (id, temperature) => ({ role: "tool", tool_call_id: id, content: JSON.stringify({ temperature }) });
  const answer = await client.chat.completions.create({
    model: "default",
    temperature: 0,
    max_tokens: 60,
    tools: [weather],
    messages: [
      { role: "user", content: "How is the weather in Oslo today?" },
      { role: "assistant", content: null, tool_calls: [call("a", "Oslo"), call("b", "Rome")] },
      result("a", 7),
      result("b", 21),
    ],
  });
  assert.ok(answer.choices[0].message.content);
});

await check("holds strict calls to a zod schema, drawing at temperature 1", async () => {
  const measure = zodFunction({
    name: "measure",
    parameters: z.object({ unit: z.enum(["m", "kg"]), value: z.number().int().min(0).max(99) }),
  });
  for (let seed = 0; seed < 3; seed++) {
    const answer = await client.chat.completions.parse({
      model: "default",
      messages: [{ role: "user", content: "Measure it." }],
      tools: [measure],
      tool_choice: "required",
      parallel_tool_calls: false,
      temperature: 1,
      seed,
    });
    const { unit, value } = answer.choices[0].message.tool_calls[0].function.parsed_arguments;
    assert.ok(["m", "kg"].includes(unit) && value >= 0 && value <= 99);
  }
});

await check("fills a zod schema, drawing at temperature 1", async () => {
  const Person = z.object({ name: z.string().max(20), job: z.enum(["pilot", "baker"]) });
  const answer = await client.chat.completions.parse({
    model: "default",
    messages: [{ role: "user", content: jsonQuestion }],
    response_format: zodResponseFormat(Person, "person"),
    temperature: 1,
    seed: 1,
  });
  assert.ok(Person.safeParse(answer.choices[0].message.parsed).success);
});

await check("gives log-probabilities", async () => {
  const answer = await ask(who, { logprobs: true, top_logprobs: 2, max_tokens: 4 });
  const tokens = answer.choices[0].logprobs.content;
  assert.equal(tokens.length, 4);
  assert.ok(tokens.every((token) => token.logprob <= 0 && token.top_logprobs.length === 2));
});

await check("responds, and streams typed events", async () => {
  const response = await client.responses.create({ model: "default", input: who, temperature: 0 });
  assert.equal(response.output_text, whoAnswer);
  let text = "";
  for await (const event of await client.responses.create({ model: "default", input: who, temperature: 0, stream: true })) {
    if (event.type === "response.output_text.delta") {
      text += event.delta;
    }
  }
  assert.equal(text, whoAnswer);
});

await check("refuses by type and by name", async () => {
  await assert.rejects(ask(who, { top_p: 1.5 }), (error) => error instanceof OpenAI.BadRequestError && /top_p/.test(error.message));
  await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
});

console.log(`openai for Node: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
