// The official `openai` package for JavaScript, unchanged, against Inkstone.
//
// It plays the same scenario as the scripts in tests/python: tests/python/client_steps.py names the environment it
// takes. It prints `ok STEP` for each step and `all steps passed` at the end, or leaves with 1 and a message.

import assert from "node:assert/strict";
import OpenAI from "openai";

const { INKSTONE_URL, INKSTONE_TOKEN, INKSTONE_MODEL, INKSTONE_EMBEDDING_MODEL, INKSTONE_TOOL_MODEL } = process.env;
const UNKNOWN_MODEL = "nobody/nothing";
const CONVERSATION = [
  { role: "system", content: "You answer in one short sentence." },
  { role: "user", content: "What is the capital of France?" },
];
const STORY = [{ role: "user", content: "Tell me a story about a fox." }];
const TEXTS = ["The cat sits on the mat.", "Interest rates rose."];
const WEATHER_QUESTION = [{ role: "user", content: "What is the weather in Paris?" }];
const WEATHER_TOOL = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city.",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};
const WEATHER = "18 degrees and sunny";
const PERSON_FORMAT = {
  type: "json_schema",
  json_schema: {
    name: "person",
    strict: true,
    schema: {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" } },
      required: ["name", "age"],
      additionalProperties: false,
    },
  },
};

const clientWith = (apiKey) =>
  new OpenAI({ baseURL: `${INKSTONE_URL.replace(/\/+$/, "")}/v1`, apiKey, maxRetries: 0, timeout: 120_000 });

const steps = [
  ["models", "INKSTONE_MODEL", models],
  ["chat", "INKSTONE_MODEL", chat],
  ["stream", "INKSTONE_MODEL", stream],
  ["tools", "INKSTONE_TOOL_MODEL", tools],
  ["tools stream", "INKSTONE_TOOL_MODEL", toolsStream],
  ["structured output", "INKSTONE_TOOL_MODEL", structuredOutput],
  ["embeddings", "INKSTONE_EMBEDDING_MODEL", embeddings],
  ["responses", "INKSTONE_MODEL", responses],
  ["responses stream", "INKSTONE_MODEL", responsesStream],
  ["errors", "INKSTONE_MODEL", errors],
];

for (const name of ["INKSTONE_URL", "INKSTONE_TOKEN", "INKSTONE_MODEL"]) {
  if (!process.env[name]) {
    console.error(`${name} is not set`);
    process.exit(1);
  }
}
const client = clientWith(INKSTONE_TOKEN);
for (const [name, needs, action] of steps) {
  if (!process.env[needs]) {
    console.log(`skipped ${name}: ${needs} is empty`);
    continue;
  }
  try {
    await action();
  } catch (error) {
    console.error(`failed ${name}: ${error.stack ?? error}`);
    process.exit(1);
  }
  console.log(`ok ${name}`);
}
console.log("all steps passed");

async function models() {
  const listed = [];
  for await (const model of client.models.list()) listed.push(model.id);
  for (const name of [INKSTONE_MODEL, INKSTONE_EMBEDDING_MODEL, INKSTONE_TOOL_MODEL]) {
    if (name) assert.ok(listed.includes(name), `${name} should stand in the list of models; got ${listed}`);
  }
}

async function chat() {
  const completion = await client.chat.completions.create({
    model: INKSTONE_MODEL,
    messages: CONVERSATION,
    max_tokens: 24,
    temperature: 0,
  });
  const choice = completion.choices[0];
  assert.equal(choice.message.role, "assistant");
  assert.ok(choice.message.content, "there should be a text");
  assertIsOneOf(choice.finish_reason, ["stop", "length"]);
  assertIsUsage(completion.usage);
}

async function stream() {
  const pieces = [];
  let finish = null;
  let usage = null;
  const chunks = await client.chat.completions.create({
    model: INKSTONE_MODEL,
    messages: STORY,
    max_tokens: 48,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const chunk of chunks) {
    assert.ok(!usage, "nothing should come after the usage");
    usage = chunk.usage;
    for (const choice of chunk.choices) {
      if (choice.delta.content) pieces.push(choice.delta.content);
      finish = choice.finish_reason ?? finish;
    }
  }
  assert.ok(pieces.length > 1, `the text should come in more than one piece; got ${JSON.stringify(pieces)}`);
  assertIsOneOf(finish, ["stop", "length"]);
  assertIsUsage(usage);
}

async function tools() {
  const completion = await client.chat.completions.create({
    model: INKSTONE_TOOL_MODEL,
    messages: WEATHER_QUESTION,
    tools: [WEATHER_TOOL],
  });
  await assertIsWeatherCall(completion.choices[0]);
}

async function toolsStream() {
  // The package's own helper puts the call together from its pieces.
  let pieces = 0;
  const chunks = client.chat.completions.stream({
    model: INKSTONE_TOOL_MODEL,
    messages: WEATHER_QUESTION,
    tools: [WEATHER_TOOL],
  });
  chunks.on("tool_calls.function.arguments.delta", () => (pieces += 1));
  const completion = await chunks.finalChatCompletion();
  assert.ok(pieces > 1, `the arguments should come in more than one piece; got ${pieces}`);
  await assertIsWeatherCall(completion.choices[0]);
}

async function assertIsWeatherCall(choice) {
  assert.equal(choice.finish_reason, "tool_calls");
  const [call, ...others] = choice.message.tool_calls;
  assert.equal(others.length, 0);
  assert.ok(call.id, "the call should have an id");
  assert.equal(call.function.name, "get_weather");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris" });
  const { name, arguments: words } = call.function;
  const answer = await client.chat.completions.create({
    model: INKSTONE_TOOL_MODEL,
    messages: [
      ...WEATHER_QUESTION,
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: call.id, type: "function", function: { name, arguments: words } }],
      },
      { role: "tool", tool_call_id: call.id, content: WEATHER },
    ],
    tools: [WEATHER_TOOL],
  });
  // The replay repeats the result, so it has reached the model.
  const text = answer.choices[0].message.content ?? "";
  assert.ok(text.includes(WEATHER), `the answer should repeat the tool's result; got ${text}`);
}

async function structuredOutput() {
  const completion = await client.chat.completions.parse({
    model: INKSTONE_TOOL_MODEL,
    messages: [{ role: "user", content: "Who wrote the first program, and how old did she become?" }],
    response_format: PERSON_FORMAT,
  });
  assert.deepEqual(JSON.parse(completion.choices[0].message.content), { name: "Ada", age: 36 });
}

async function embeddings() {
  // Unless told otherwise, the package asks for base64.
  const request = { model: INKSTONE_EMBEDDING_MODEL, input: TEXTS };
  const packed = await client.embeddings.create(request);
  const vectors = packed.data.map((item) => item.embedding);
  assert.equal(vectors.length, TEXTS.length);
  assert.ok(vectors[0].length > 0, "a vector should not be empty");
  assert.equal(vectors[0].length, vectors[1].length);
  assert.notDeepEqual(vectors[0], vectors[1]);
  assert.ok(packed.usage.prompt_tokens > 0, "tokens should be counted");
  const plain = await client.embeddings.create({ ...request, encoding_format: "float" });
  plain.data[0].embedding.forEach((number, index) => {
    assert.ok(Math.abs(number - vectors[0][index]) < 1e-3, "base64 and float should be the same vector");
  });
}

async function responses() {
  const response = await client.responses.create({
    model: INKSTONE_MODEL,
    instructions: CONVERSATION[0].content,
    input: CONVERSATION[1].content,
    max_output_tokens: 24,
    temperature: 0,
  });
  assertIsResponse(response);
  assert.ok(response.output_text, "there should be a text");
}

async function responsesStream() {
  const request = { model: INKSTONE_MODEL, input: STORY[0].content, max_output_tokens: 48, temperature: 0 };
  await assertIsResponseStream(request, ["response.completed", "response.incomplete"]);
  if (INKSTONE_TOOL_MODEL) {
    // Its answer is short, so nothing is cut.
    const short = { model: INKSTONE_TOOL_MODEL, input: CONVERSATION[1].content };
    await assertIsResponseStream(short, ["response.completed"]);
  }
}

async function assertIsResponseStream(request, ends) {
  const pieces = [];
  const kinds = [];
  let last = null;
  for await (const event of await client.responses.create({ ...request, stream: true })) {
    kinds.push(event.type);
    if (event.type === "response.output_text.delta") pieces.push(event.delta);
    assert.ok(last === null || event.sequence_number > last.sequence_number, "events should be numbered in order");
    last = event;
  }
  assert.equal(kinds[0], "response.created");
  assert.ok(pieces.length > 1, `the text should come in more than one piece; got ${kinds}`);
  assertIsOneOf(last.type, ends);
  assert.equal(last.type, `response.${last.response.status}`);
  assertIsResponse(last.response);
  const texts = last.response.output.flatMap((item) => item.content ?? []).map((part) => part.text);
  assert.equal(texts.join(""), pieces.join(""));
}

async function errors() {
  const ask = (client, model, others = {}) =>
    client.chat.completions.create({ model, messages: CONVERSATION, ...others });
  for (const stream of [false, true]) {
    await assertRejects(ask(client, UNKNOWN_MODEL, { stream }), OpenAI.NotFoundError, { code: "unknown_model" });
  }
  await assertRejects(ask(clientWith("wrong"), INKSTONE_MODEL), OpenAI.AuthenticationError, {});
  const bad = ask(client, INKSTONE_MODEL, { temperature: 99 });
  await assertRejects(bad, OpenAI.BadRequestError, { param: "temperature" });
  const unknown = client.responses.create({ model: UNKNOWN_MODEL, input: "hello" });
  await assertRejects(unknown, OpenAI.NotFoundError, { code: "unknown_model" });
}

/** The call must end with an error of this class that has these fields. */
async function assertRejects(call, kind, fields) {
  const error = await call.then(
    () => assert.fail(`${kind.name} was expected; got an answer`),
    (error) => error,
  );
  assert.ok(error instanceof kind, `${kind.name} was expected; got ${error}`);
  for (const [name, value] of Object.entries(fields)) {
    assert.equal(error[name], value, `the error's ${name} should be ${value}; got ${error[name]}`);
  }
}

function assertIsOneOf(value, allowed) {
  assert.ok(allowed.includes(value), `one of ${allowed} was expected; got ${value}`);
}

function assertIsUsage(usage) {
  assert.ok(usage, "the usage should be there");
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0, "tokens should be counted");
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
}

function assertIsResponse(response) {
  const isCut = response.status === "incomplete" && response.incomplete_details?.reason === "max_output_tokens";
  assert.ok(response.status === "completed" || isCut, `completed or cut was expected; got ${response.status}`);
  const usage = response.usage;
  assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0, "tokens should be counted");
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
}
