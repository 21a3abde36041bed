/** Streams that break off and are gone on with elsewhere, through the real Worker on a socket, with the official SDKs. */
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import type { JSONWebKeySet } from "jose";
import { createServer, type Server, type ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { receiptsIn, verify } from "../../scripts/verify-receipts.ts";
import { createKey } from "../support/admin.ts";
import { hangUp, listen } from "../support/server.ts";

/** White space at every edge, characters of two and of many units, and quotes that JSON must escape. */
const pieces = ["Grüße ", "aus 東京", " \n\n", "🗼 \"so", "\" 👩‍👩‍👧 it", " ", "ends."];
const truth = pieces.join("");
const second = "anthropic/claude-sonnet-4-5";

const data = (value: unknown, event?: string): string => `${event ? `event: ${event}\n` : ""}data: ${typeof value === "string" ? value : JSON.stringify(value)}\n\n`;
const typed = (type: string, rest: object): string => data({ type, ...rest }, type);

/** The frames of a stream of these pieces, as each protocol has them. */
const streams: Record<string, (said: readonly string[]) => string[]> = {
  "openai-chat": (said) => {
    const chunk = (choices: unknown[], rest: object = {}): string => data({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices, ...rest });
    return [
      chunk([{ index: 0, delta: { role: "assistant", content: "" } }]), ...said.map((content) => chunk([{ index: 0, delta: { content } }])),
      chunk([{ index: 0, delta: {}, finish_reason: "stop" }]), chunk([], { usage: { prompt_tokens: 5, completion_tokens: 9, total_tokens: 14 } }), data("[DONE]"),
    ];
  },
  "openai-responses": (said) => {
    const part = { type: "output_text", text: said.join(""), annotations: [] };
    const item = { type: "message", id: "msg", role: "assistant", status: "completed", content: [part] };
    const response = (status: string, output: unknown[]): object => ({ response: { id: "r", object: "response", created_at: 1, model: "m", status, output, usage: { input_tokens: 5, output_tokens: 9, total_tokens: 14 } } });
    const at = { item_id: "msg", output_index: 0, content_index: 0 };
    return [
      typed("response.created", response("in_progress", [])), typed("response.output_item.added", { output_index: 0, item: { ...item, status: "in_progress", content: [] } }),
      typed("response.content_part.added", { ...at, part: { ...part, text: "" } }), ...said.map((delta) => typed("response.output_text.delta", { ...at, delta })),
      typed("response.output_text.done", { ...at, text: part.text }), typed("response.output_item.done", { output_index: 0, item }), typed("response.completed", response("completed", [item])),
    ];
  },
  "anthropic-messages": (said) => [
    typed("message_start", { message: { id: "m", type: "message", role: "assistant", model: "m", content: [], stop_reason: null, usage: { input_tokens: 5, output_tokens: 1 } } }),
    typed("content_block_start", { index: 0, content_block: { type: "text", text: "" } }), ...said.map((text) => typed("content_block_delta", { index: 0, delta: { type: "text_delta", text } })),
    typed("content_block_stop", { index: 0 }), typed("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 9 } }), typed("message_stop", {}),
  ],
  "gemini-generate": (said) => said.map((text, i) => data({ candidates: [{ index: 0, content: { role: "model", parts: [{ text }] }, ...(i === said.length - 1 && { finishReason: "STOP" }) }], usageMetadata: { promptTokenCount: 5, candidatesTokenCount: i + 1, totalTokenCount: 6 + i } })),
};
/** Which provider speaks it first, and where. */
const firsts: Record<string, { provider: string; path: RegExp }> = {
  "openai-chat": { provider: "together", path: /^\/(?:together|groq)\/chat\/completions/ },
  "openai-responses": { provider: "openai", path: /^\/openai\/responses/ },
  "anthropic-messages": { provider: "anthropic", path: /^\/v1\/messages/ },
  "gemini-generate": { provider: "gemini", path: /^\/v1beta/ },
};
let deployments = 0;
/** A deployment and a conversation that never were before: one that breaks thrice is not asked any more, and conversations stay where they went on. */
const anew = (protocol: string, cut: string): { model: string; text: string } => ({ model: `${firsts[protocol]!.provider}/model-${(deployments += 1)}`, text: `${deployments}: cut ${cut}` });

/** What a prompt makes the first upstream do: break behind so many frames, or in the middle of the next one, or with an event of its own. */
const order = /cut (\d+) (clean|within|closed|event) (\w+)/;
const toolFrames = [
  ...streams["openai-chat"]!(["Let me see. "]).slice(0, 2),
  data({ id: "c", choices: [{ index: 0, delta: { tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name: "weather", arguments: "" } }] } }] }),
  data({ id: "c", choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{"city":"Z' } }] } }] }),
];
/** Prefills that the second upstream was given. */
const prefills: string[] = [];
let refusing = false;

function begin(response: ServerResponse, protocol: string, [, count, how, what]: RegExpExecArray): void {
  const frames = what === "tool" ? toolFrames : streams[protocol]!(pieces);
  const kept = frames.slice(0, Number(count)).join("");
  const next = frames[Number(count)] ?? "";
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(kept + (how === "within" ? next.slice(0, next.length - 7) : ""));
  const endings: Record<string, () => void> = {
    event: () => void response.end(data({ type: "error", error: { type: "overloaded_error", message: "overloaded", code: 503, status: "UNAVAILABLE" } }, "error")),
    closed: () => void response.end(),
  };
  setTimeout(endings[how!] ?? (() => response.socket!.destroy()), 50);
}

function goOn(response: ServerResponse, body: { messages: { role: string; content: unknown }[] }): void {
  const last = body.messages.at(-1)!;
  const said = typeof last.content === "string" ? last.content : (last.content as { text: string }[]).map(({ text }) => text).join("");
  // What broke off before anything of it was told is asked for anew.
  const isNew = last.role === "user";
  if (!isNew) prefills.push(said);
  if (refusing || (!isNew && (!truth.startsWith(said) || /\s$/.test(said)))) {
    return void response.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ type: "error", error: { type: "invalid_request_error", message: `cannot go on with ${said}` } }));
  }
  const rest = isNew ? truth : truth.slice(said.length);
  response.writeHead(200, { "content-type": "text/event-stream", "request-id": "req_second" });
  response.end(streams["anthropic-messages"]!([rest.slice(0, 3), rest.slice(3)]).join(""));
}

const upstream: Server = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (part: string) => (text += part)).on("end", () => {
    const body = JSON.parse(text || "{}") as { model?: string; messages: { role: string; content: unknown }[] };
    if (body.model === "claude-sonnet-4-5") return goOn(response, body);
    const found = Object.entries(firsts).find(([, { path }]) => path.test(request.url!));
    const told = order.exec(text);
    if (!found || !told) return void response.writeHead(404).end();
    return begin(response, found[0], told);
  });
});

let gateway: LocalGateway;
let key: string;
beforeAll(async () => {
  const origin = await listen(upstream);
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", UPSTREAM_RETRIES: "0", ANTHROPIC_API_KEY: "sk-ant", ANTHROPIC_BASE_URL: origin, OPENAI_API_KEY: "sk-o", OPENAI_BASE_URL: `${origin}/openai`,
      GROQ_API_KEY: "gsk", GROQ_BASE_URL: `${origin}/groq`, TOGETHER_API_KEY: "t", TOGETHER_BASE_URL: `${origin}/together`, GEMINI_API_KEY: "g", GEMINI_BASE_URL: `${origin}/v1beta`,
    },
  });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } })).secret;
});
afterAll(async () => {
  await gateway?.stop();
  hangUp(upstream);
});

type Ask = { model: string; text: string; wish?: boolean };
type Heard = { text: string; failed: boolean; calls: string[]; output?: number | undefined };
const wishing = ({ wish = true }: Ask): Record<string, string> => (wish ? { "x-forge-continue": "true" } : {});
const models = [second];

/** What each vendor's own SDK makes of a stream; what it had when it failed counts. */
const clients: Record<string, (ask: Ask) => Promise<Heard>> = {
  async "chat completions"(ask) {
    const stream = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 }).chat.completions
      .stream({ model: ask.model, models, messages: [{ role: "user", content: ask.text }], stream_options: { include_usage: true } } as never, { headers: wishing(ask) });
    let text = "";
    const calls: string[] = [];
    stream.on("content", (delta) => (text += delta)).on("tool_calls.function.arguments.delta", ({ arguments: input }) => calls.push(String(input)));
    const said = await stream.finalChatCompletion().catch(() => undefined);
    if (said) expect(said.choices[0]!.message.content).toBe(text);
    return { text, failed: !said?.choices[0]!.finish_reason, calls, output: said?.usage?.completion_tokens };
  },
  async responses(ask) {
    const stream = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 }).responses.stream({ model: ask.model, models, input: ask.text } as never, { headers: wishing(ask) });
    let text = "";
    stream.on("response.output_text.delta", ({ delta }) => (text += delta));
    const said = await stream.finalResponse().catch(() => undefined);
    if (said?.status === "completed") expect(said.output_text).toBe(text);
    return { text, failed: said?.status !== "completed", calls: [], output: said?.usage?.output_tokens };
  },
  async messages(ask) {
    const stream = new Anthropic({ baseURL: gateway.url, apiKey: key, authToken: null, maxRetries: 0 }).messages
      .stream({ model: ask.model, models, max_tokens: 200, messages: [{ role: "user", content: ask.text }] } as never, { headers: wishing(ask) });
    const said = await stream.finalMessage().catch(() => undefined);
    const content = said?.content ?? stream.currentMessage?.content ?? [];
    return { text: content.map((block) => (block.type === "text" ? block.text : "")).join(""), failed: !said?.stop_reason, calls: [], output: said?.usage.output_tokens };
  },
  async gemini(ask) {
    const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: gateway.url, headers: wishing(ask), extraBody: { models }, retryOptions: { attempts: 1 } } });
    let text = "";
    let finish: string | undefined;
    let output: number | undefined;
    try {
      for await (const chunk of await client.models.generateContentStream({ model: ask.model, contents: ask.text })) {
        text += chunk.candidates?.[0]?.content?.parts?.map((part) => part.text ?? "").join("") ?? "";
        finish = chunk.candidates?.[0]?.finishReason ?? finish;
        output = chunk.usageMetadata?.candidatesTokenCount ?? output;
      }
      return { text, failed: finish === undefined, calls: [], output };
    } catch {
      return { text, failed: true, calls: [] };
    }
  },
};

/** How many frames of a protocol's stream come before its first text, and how many before it has finished. */
const spans: Record<string, readonly [text: number, finish: number]> = { "openai-chat": [1, 8], "openai-responses": [3, 12], "anthropic-messages": [2, 10], "gemini-generate": [0, 6] };

describe.each(Object.keys(clients))("%s", (name) => {
  const client = clients[name]!;

  // Who speaks the client's own protocol is asked in it: here that is chat completions.
  test.each(Object.keys(firsts).filter((protocol) => name !== "chat completions" || protocol !== "openai-responses"))("breaks of %s at every event and inside each: the text is whole, nothing twice", async (protocol) => {
    const [before, finish] = spans[protocol]!;
    const cuts = Array.from({ length: finish - before }, (_, i) => before + 1 + i);
    const asked = prefills.length;
    // Each client takes another turn of the ways to end behind a whole event.
    const turn = Object.keys(clients).indexOf(name);
    const ways = cuts.flatMap((at) => [`${at} within text`, `${at} ${["clean", "closed", "event"][(at + turn) % 3]} text`]);
    const heard = await Promise.all(ways.map(async (cut) => [cut, await client(anew(protocol, cut))] as const));
    for (const [cut, { text, failed, output }] of heard) expect([cut, text, failed, output! >= 9]).toEqual([cut, truth, false, true]);
    expect(prefills.length - asked).toBeGreaterThan(ways.length / 2);
  });

  test("without the wish, and where nobody goes on, the text stands as it was told and the answer is an error", async () => {
    const plain = await client({ ...anew("openai-chat", "3 clean text"), wish: false });
    expect(plain).toMatchObject({ text: pieces.slice(0, 2).join(""), failed: true });
    refusing = true;
    const refused = await client(anew("openai-chat", "3 clean text")).finally(() => (refusing = false));
    expect(refused).toMatchObject({ text: plain.text, failed: true });
  });

  test("a call that is open is never gone on with", async () => {
    const before = prefills.length;
    for (const at of [3, 4]) {
      const { failed, calls, text } = await client(anew("openai-chat", `${at} clean tool`));
      expect([failed, text]).toEqual([true, "Let me see. "]);
      for (const input of calls) expect('{"city":"Z').toContain(input);
    }
    expect(prefills.length).toBe(before);
  });
});

test("both legs stand in the ledger and in the receipt, which add up, and are within what was reserved", async () => {
  const priced = "groq/llama-3.1-8b-instant";
  const response = await fetch(`${gateway.url}/v1/messages`, {
    method: "POST", headers: { "x-api-key": key, "content-type": "application/json", "x-forge-continue": "true" },
    body: JSON.stringify({ model: priced, models, stream: true, max_tokens: 200, messages: [{ role: "user", content: "cut 4 clean text" }] }),
  });
  expect(await response.text()).toContain("message_stop");
  const id = response.headers.get("x-request-id")!;
  const get = async <T>(path: string): Promise<T> => (await fetch(gateway.url + path, { headers: { authorization: `Bearer ${key}` } })).json() as Promise<T>;
  type Entry = { legs: { deployment: string; usage: { inputTokens: number; outputTokens: number }; costNanoUsd: number }[]; reserved: { nanoUsd: number; tokens: number }; costNanoUsd: number; usage: { inputTokens: number; outputTokens: number } };
  const entry = await vi.waitFor(async () => {
    const found = await get<Entry>(`/dashboard/requests/${id}`);
    expect(found.legs).toHaveLength(2);
    return found;
  }, { timeout: 5_000 });
  const [first, other] = entry.legs as [Entry["legs"][0], Entry["legs"][0]];
  expect(entry).toMatchObject({
    deployment: second, status: 200, end: "complete", attempts: 2, estimated: true, way: "pump", upstreamRequestId: "req_second",
    legs: [{ deployment: priced, end: "upstream_error", estimated: true }, { deployment: second, why: "broke", end: "complete", estimated: false, usage: { inputTokens: 5, outputTokens: 9 } }],
  });
  expect(entry.usage.outputTokens).toBe(first.usage.outputTokens + 9);
  expect(first.costNanoUsd).toBeGreaterThan(0);
  expect(entry.reserved.nanoUsd).toBeGreaterThanOrEqual(first.costNanoUsd + other.costNanoUsd);
  expect(entry.reserved.tokens).toBeGreaterThanOrEqual(entry.usage.inputTokens + entry.usage.outputTokens);
  const receipts = receiptsIn(JSON.stringify(await get(`/v1/receipts/${id}`)));
  const keys = await get<JSONWebKeySet>("/.well-known/forge-receipts.json");
  expect((await verify(receipts, keys)).wrong).toEqual([]);
  receipts[0]!.entry.legs![0]!.costNanoUsd += 1;
  receipts[0]!.entry.legs![1]!.usage.inputTokens = 6;
  expect((await verify(receipts, keys)).wrong.join()).toMatch(/the lines of .* come to.*its inputTokens are not/);
});
