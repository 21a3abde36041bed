/** Streams as servers other than OpenAI's send them: other line ends, odd packets, usage where OpenAI has none. */
import OpenAI, { APIError } from "openai";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Gateway, type Client } from "./gateway.ts";
import { chunk } from "./upstream.ts";

const messages: OpenAI.ChatCompletionUserMessageParam[] = [{ role: "user", content: "hello" }];
const usage = { prompt_tokens: 21, completion_tokens: 4, total_tokens: 25 };
const usageEvent = chunk({}, null, { choices: [], usage });
const words = ["Grüße ", "aus 東京", " 🗼", "!"];
const events = [chunk({ role: "assistant", content: "" }), ...words.map((content) => chunk({ content })), chunk({}, "stop"), usageEvent, "data: [DONE]\n\n"];

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await Gateway.start();
  client = await gateway.client();
});
afterAll(() => gateway?.stop());

/** Lets the upstream send these packets, a moment apart. */
function script(model: string, packets: (string | Buffer)[], pauseMs = 1): void {
  gateway.upstream.scripts.set(model, (response: ServerResponse) => void (async () => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    for (const packet of packets) {
      response.write(packet);
      if (pauseMs > 0) await sleep(pauseMs);
    }
    response.end();
  })());
}

/** Text and chunks of a stream nobody asked usage of, and its ledger entry. */
async function read(model: string) {
  const { data, response } = await client.openai.chat.completions.create({ model: `selfhosted/${model}`, messages, stream: true }).withResponse();
  const chunks = await Array.fromAsync(data);
  const text = chunks.map((item) => item.choices[0]!.delta.content ?? "").join("");
  return { text, chunks, entry: await gateway.entry(client, response.headers.get("x-request-id")) };
}

const settled = { end: "complete", estimated: false, usage: { inputTokens: 21, outputTokens: 4 } };

test("CRLF line ends", async () => {
  script("crlf", events.map((event) => event.replaceAll("\n", "\r\n")));
  const { text, entry } = await read("crlf");
  expect(text).toBe(words.join(""));
  expect(entry).toMatchObject(settled);
});

test("packets of one byte", async () => {
  script("bytes", [...Buffer.from(events.join(""))].map((byte) => Buffer.of(byte)), 0);
  const { text, entry } = await read("bytes");
  expect(text).toBe(words.join(""));
  expect(entry).toMatchObject(settled);
});

test("everything in one packet", async () => {
  script("one-packet", [events.join("")]);
  const { text, chunks, entry } = await read("one-packet");
  expect(text).toBe(words.join(""));
  expect(chunks).toHaveLength(events.length - 2);
  expect(entry).toMatchObject(settled);
});

test("comments, event names and no space after data:", async () => {
  script("dialect", [": ping\n\n", ...events.map((event) => `event: message\nid: 7\n${event.replace("data: ", "data:")}: ping - 2026\n\n`)]);
  const { text, entry } = await read("dialect");
  expect(text).toBe(words.join(""));
  expect(entry).toMatchObject(settled);
});

test("no blank line after the last event", async () => {
  script("no-last-line", [...events.slice(0, -2), usageEvent.trimEnd()]);
  const { text, entry } = await read("no-last-line");
  expect(text).toBe(words.join(""));
  expect(entry).toMatchObject(settled);
});

test("an end in the middle of an event is an APIError", async () => {
  script("half", [chunk({ content: "so far" }), chunk({ content: "never whole" }).slice(0, 60)]);
  const error = await read("half").catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(APIError);
});

test("usage in every chunk: the last one counts", async () => {
  const running = words.map((content, i) => chunk({ content }, null, { usage: { prompt_tokens: 21, completion_tokens: i + 1, total_tokens: 22 + i } }));
  script("running", [...running, chunk({}, "stop", { usage }), "data: [DONE]\n\n"]);
  const { text, entry } = await read("running");
  expect(text).toBe(words.join(""));
  expect(entry).toMatchObject(settled);
});

test("no usage at all: estimated, and marked so", async () => {
  script("silent", events.filter((event) => event !== usageEvent));
  const { text, entry } = await read("silent");
  expect(text).toBe(words.join(""));
  expect(entry).toMatchObject({ end: "complete", estimated: true });
  expect(entry.usage.outputTokens).toBeGreaterThan(0);
});

test("two choices side by side", async () => {
  const choice = (index: number, delta: object, finish_reason: string | null = null): string => chunk({}, null, { choices: [{ index, delta, finish_reason }] });
  const role = { role: "assistant", content: "" };
  const parts = [choice(0, role), choice(1, role), choice(0, { content: "a" }), choice(1, { content: "b" }), choice(0, { content: "c" }), choice(0, {}, "stop"), choice(1, {}, "length")];
  script("two", [...parts, usageEvent, "data: [DONE]\n\n"]);
  const final = await client.openai.chat.completions.stream({ model: "selfhosted/two", messages, n: 2 }).finalChatCompletion();
  expect(final.choices.map((item) => [item.message.content, item.finish_reason])).toEqual([["ac", "stop"], ["b", "length"]]);
});

test("a stream arrives while it is written, not at its end", async () => {
  script("slow", events, 60);
  const began = performance.now();
  const stream = await client.openai.chat.completions.create({ model: "selfhosted/slow", messages, stream: true });
  let firstMs = 0;
  for await (const _ of stream) firstMs ||= performance.now() - began;
  expect(performance.now() - began - firstMs).toBeGreaterThan(200);
});

test("an answer that the upstream compressed", async () => {
  const answer = { id: "chatcmpl-zip", object: "chat.completion", created: 1, model: "zip", choices: [{ index: 0, message: { role: "assistant", content: "é".repeat(5_000) }, finish_reason: "stop" }], usage };
  gateway.upstream.scripts.set("zip", (response) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(gzipSync(JSON.stringify(answer)));
  });
  const { data, response } = await client.openai.chat.completions.create({ model: "selfhosted/zip", messages }).withResponse();
  expect(data).toMatchObject(answer);
  expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject(settled);
});

test("many streams at once do not mix", async () => {
  const names = Array.from({ length: 12 }, (_, i) => `lane-${i}`);
  for (const name of names) script(name, [chunk({ role: "assistant" }), ...Array.from({ length: 20 }, () => chunk({ content: `${name};` })), chunk({}, "stop"), usageEvent, "data: [DONE]\n\n"]);
  const read = await Promise.all(names.map(async (name) => {
    const stream = await client.openai.chat.completions.create({ model: `selfhosted/${name}`, messages, stream: true });
    return (await Array.fromAsync(stream)).map((item) => item.choices[0]!.delta.content ?? "").join("");
  }));
  expect(read).toEqual(names.map((name) => `${name};`.repeat(20)));
});

test("a long prompt arrives whole", async () => {
  const text = "Äpfel und Birnen. ".repeat(60_000);
  script("long", events);
  await (await client.openai.chat.completions.create({ model: "selfhosted/long", messages: [{ role: "user", content: text }], stream: true })).controller.abort();
  expect((gateway.upstream.last("long").body as unknown as { messages: { content: string }[] }).messages[0]!.content).toBe(text);
});
