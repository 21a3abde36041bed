/** The demo upstream, driven by the official SDK: whatever a newcomer tries first is answered. */
import OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDemoUpstream, type DemoUpstream } from "../../scripts/demo-upstream.ts";

let demo: DemoUpstream;
let client: OpenAI;
beforeAll(async () => {
  demo = await startDemoUpstream();
  client = new OpenAI({ baseURL: demo.vars.OPENAI_BASE_URL!, apiKey: demo.vars.OPENAI_API_KEY!, maxRetries: 0 });
});
afterAll(() => demo.stop());

const question = { role: "user" as const, content: "What's the weather in Tokyo?" };
const weather = { type: "function" as const, function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };
const clock = { type: "function" as const, function: { name: "get_time", parameters: { type: "object", properties: {} } } };

test("vars point the gateway at this machine and say so", () => {
  expect(demo.vars.OPENAI_BASE_URL).toBe(`${demo.url}/v1`);
  expect(demo.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(demo.vars.ALLOW_PRIVATE_UPSTREAMS).toBe("true");
});

test("any prompt to any model is answered, as a demo, with usage", async () => {
  const answer = await client.chat.completions.create({ model: "made-up-model", messages: [question] });
  expect(answer.choices[0]!.message.content).toContain("demo upstream");
  expect(answer.choices[0]!.message.content).toContain("weather in Tokyo?");
  expect(answer.usage!.prompt_tokens).toBeGreaterThan(0);
  expect(answer.usage!.total_tokens).toBe(answer.usage!.prompt_tokens + answer.usage!.completion_tokens);
});

test("a stream has many chunks and its usage at the end", async () => {
  const stream = await client.chat.completions.create({ model: "gpt-4o-mini", messages: [question], stream: true, stream_options: { include_usage: true } });
  const chunks = await Array.fromAsync(stream);
  expect(chunks.length).toBeGreaterThan(5);
  expect(chunks.at(-1)!.usage!.completion_tokens).toBeGreaterThan(0);
});

test("a tool is called with arguments from its schema, and its result is answered in text", async () => {
  const first = await client.chat.completions.create({ model: "gpt-4o", messages: [question], tools: [weather, clock] });
  const call = first.choices[0]!.message.tool_calls![0]!;
  expect(first.choices[0]!.finish_reason).toBe("tool_calls");
  expect(call).toMatchObject({ type: "function", function: { name: "get_weather", arguments: '{"city":"Tokyo"}' } });
  const result = { role: "tool" as const, tool_call_id: call.id, content: "22 degrees" };
  const second = await client.chat.completions.create({ model: "gpt-4o", messages: [question, first.choices[0]!.message, result], tools: [weather] });
  expect(second.choices[0]!.message.content).toContain("22 degrees");
});

test("tool_choice names the tool or forbids it", async () => {
  const chosen = await client.chat.completions.create({ model: "m", messages: [question], tools: [weather, clock], tool_choice: { type: "function", function: { name: "get_time" } } });
  expect(chosen.choices[0]!.message.tool_calls![0]).toMatchObject({ function: { name: "get_time" } });
  const none = await client.chat.completions.create({ model: "m", messages: [question], tools: [weather], tool_choice: "none" });
  expect(none.choices[0]!.message.content).toContain("Tokyo");
});

test("JSON mode and a JSON schema give JSON that fits", async () => {
  const json = await client.chat.completions.create({ model: "m", messages: [question], response_format: { type: "json_object" } });
  expect(JSON.parse(json.choices[0]!.message.content!)).toMatchObject({ demo: true });
  const schema = { type: "object", properties: { day: { $ref: "#/$defs/day" }, tags: { type: "array", items: { enum: ["a", "b"] }, minItems: 2 } }, $defs: { day: { type: "string", format: "date" } } };
  const fitted = await client.chat.completions.create({ model: "m", messages: [question], response_format: { type: "json_schema", json_schema: { name: "x", schema } } });
  expect(JSON.parse(fitted.choices[0]!.message.content!)).toEqual({ day: "2026-01-31", tags: ["a", "a"] });
});

test("an image is seen and a token limit ends the answer", async () => {
  const image = { type: "image_url" as const, image_url: { url: "data:image/png;base64,AAAA" } };
  const seen = await client.chat.completions.create({ model: "m", messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, image] }] });
  expect(seen.choices[0]!.message.content).toContain("One image");
  const short = await client.chat.completions.create({ model: "m", messages: [question], max_tokens: 3 });
  expect(short).toMatchObject({ choices: [{ finish_reason: "length" }], usage: { completion_tokens: 3 } });
});

test("embeddings come in the size asked for, alike for like texts, with usage", async () => {
  const { data, usage } = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two", "one"], dimensions: 8 });
  expect(data.map(({ embedding }) => embedding.length)).toEqual([8, 8, 8]);
  expect(data[0]!.embedding).toEqual(data[2]!.embedding);
  expect(data[0]!.embedding).not.toEqual(data[1]!.embedding);
  expect(usage.prompt_tokens).toBeGreaterThan(0);
});
