import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Gateway, type Client } from "./gateway.ts";

const model = "openai/gpt-4o-mini";
/** Key order, spacing and a number beyond 2^53 must survive. */
const order = '{"zeta": 1, "alpha":9007199254740993, "place":"Zürich"}';
const usage = { prompt_tokens: 40, completion_tokens: 12, total_tokens: 52 };
const tools: OpenAI.ChatCompletionTool[] = ["get_weather", "book_table"].map((name) => ({
  type: "function", function: { name, parameters: { type: "object", properties: { alpha: { type: "integer" } } } },
}));
const question: OpenAI.ChatCompletionUserMessageParam = { role: "user", content: "weather and a table please" };
const calls = [
  { id: "call_weather", type: "function", function: { name: "get_weather", arguments: order } },
  { id: "call_table", type: "function", function: { name: "book_table", arguments: "{}" } },
];

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await Gateway.start();
  client = await gateway.client();
  gateway.mock.onToolResult("call_table", { content: "Sunny, and your table is booked.", usage });
  gateway.mock.onMessage("weather and a table", { toolCalls: calls.map((call) => ({ id: call.id, ...call.function })), usage });
});
afterAll(() => gateway?.stop());

test("a round trip: two calls, their results, an answer", async () => {
  const { openai } = client;
  const first = await openai.chat.completions.create({ model, messages: [question], tools });
  const message = first.choices[0]!.message;
  expect(first.choices[0]!.finish_reason).toBe("tool_calls");
  expect(message.content).toBeNull();
  expect(message.tool_calls).toEqual(calls);
  const results = calls.map((call): OpenAI.ChatCompletionToolMessageParam => ({ role: "tool", tool_call_id: call.id, content: `${call.function.name} done` }));
  const second = await openai.chat.completions.create({ model, messages: [question, message, ...results], tools });
  expect(second.choices[0]!.message.content).toBe("Sunny, and your table is booked.");
  const sent = gateway.mock.getLastRequest()!.body as OpenAI.ChatCompletionCreateParams;
  expect(sent.messages).toEqual([question, message, ...results]);
  expect(sent.tools).toEqual(tools);
});

test("streamed calls keep index, id, name and argument text", async () => {
  const stream = await client.openai.chat.completions.create({ model, messages: [question], tools, stream: true });
  const seen: { id?: string; name?: string; arguments: string }[] = [];
  for await (const chunk of stream) {
    for (const { index, id, function: part } of chunk.choices[0]!.delta.tool_calls ?? []) {
      const call = (seen[index] ??= { arguments: "" });
      if (id) call.id = id;
      if (part?.name) call.name = part.name;
      call.arguments += part?.arguments ?? "";
    }
  }
  expect(seen).toEqual(calls.map((call) => ({ id: call.id, ...call.function })));
});

test("the stream helper runs the tools itself", async () => {
  const asked: string[] = [];
  const tool = (name: string) => ({
    type: "function" as const,
    function: { name, description: name, parameters: { type: "object" }, function: (text: string) => (asked.push(text), `${name} done`) },
  });
  const runner = client.openai.chat.completions.runTools({ model, stream: true, messages: [question], tools: [tool("get_weather"), tool("book_table")] });
  expect(await runner.finalContent()).toBe("Sunny, and your table is booked.");
  expect(asked).toEqual([order, "{}"]);
});

test("a streamed call with usage asked for gets one usage chunk", async () => {
  const stream = await client.openai.chat.completions.create({ model, messages: [question], tools, stream: true, stream_options: { include_usage: true } });
  const told = (await Array.fromAsync(stream)).filter((chunk) => chunk.usage);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ choices: [], usage });
});
