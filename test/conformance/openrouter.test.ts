/** OpenRouter's own clients at /api/v1, through the real Worker on a socket: its SDK checks every answer by its schema. */
import { OpenRouter } from "@openrouter/sdk";
import { createOpenRouter } from "@openrouter/ai-sdk-provider";
import { generateText, streamText } from "ai";
import OpenAI from "openai";
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { admin, createKey } from "../support/admin.ts";
import { AnthropicUpstream, words } from "./anthropic-upstream.ts";
import { Upstream } from "./upstream.ts";

const likeOpenai = new Upstream();
const claude = new AnthropicUpstream();
let gateway: LocalGateway;
let organisation: string;
let key: string;
let router: OpenRouter;

const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, prompt_tokens_details: { cached_tokens: 4 } };
type Message = Record<string, unknown>;

/** An answer of a server that is like OpenAI's, whole or streamed as it was asked. */
const says = (message: Message, finish = "stop") => (response: ServerResponse): void => {
  const head = { id: "chatcmpl-upstream", created: 1_700_000_000, model: "as-the-provider-calls-it", system_fingerprint: "fp_1" };
  if (likeOpenai.calls.at(-1)!.body.stream !== true) {
    response.writeHead(200, { "content-type": "application/json" });
    return void response.end(JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message: { role: "assistant", content: null, ...message }, finish_reason: finish }], usage }));
  }
  const chunk = (delta: object, finish_reason: string | null = null, rest: object = {}): string =>
    `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }], ...rest })}\n\n`;
  const { content, tool_calls: calls, ...others } = message as { content?: string; tool_calls?: object[] };
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(chunk({ role: "assistant", content: "" }) + (Object.keys(others).length > 0 ? chunk(others) : ""));
  for (const word of content?.match(/\S+\s*/g) ?? []) response.write(chunk({ content: word }));
  calls?.forEach((call, index) => response.write(chunk({ tool_calls: [{ index, ...call }] })));
  response.write(chunk({}, finish));
  response.end(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], usage })}\n\ndata: [DONE]\n\n`);
};

beforeAll(async () => {
  const origin = await likeOpenai.start();
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: origin, ANTHROPIC_API_KEY: "sk-ant-upstream",
      ANTHROPIC_BASE_URL: await claude.start(), OPENROUTER_API_KEY: "sk-or-upstream", OPENROUTER_BASE_URL: origin, SOVEREIGN_ORIGIN: origin, STREAM_HEARTBEAT_MS: "40",
    },
  });
  ({ organisation, secret: key } = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } }));
  router = sdk();
  likeOpenai.scripts.set("gpt-4o", says({ content: "The capital of France is Paris." }));
  likeOpenai.scripts.set("gpt-4o-mini", says({ content: "It is summarised." }));
});
afterAll(async () => {
  await gateway?.stop();
  likeOpenai.stop();
  claude.stop();
});

const sdk = (apiKey = key): OpenRouter => new OpenRouter({ apiKey, serverURL: `${gateway.url}/api/v1`, retryConfig: { strategy: "none" }, httpReferer: "https://app.example/some/page?secret=1", appTitle: "The <b>App</b>" });
const openai = (apiKey = key): OpenAI => new OpenAI({ baseURL: `${gateway.url}/api/v1`, apiKey, maxRetries: 0, defaultHeaders: { "HTTP-Referer": "https://your-app.example", "X-Title": "Your App" } });
const call = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${gateway.url}/api/v1${path}`, { ...init, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...init.headers } });
const hello = [{ role: "user" as const, content: "hi" }];

describe("@openrouter/sdk", () => {
  test.each([["openai/gpt-4o", "The capital of France is Paris.", "OpenAI", "stop"], ["anthropic/claude-3.5-haiku", words.join(""), "Anthropic", "end_turn"]])("%s, whole", async (model, text, provider, native) => {
    const answer = await router.chat.send({ chatRequest: { model, messages: hello, stream: false } });
    expect(answer.choices[0]!.message.content).toBe(text);
    expect(answer).toMatchObject({ object: "chat.completion", id: expect.stringMatching(/^gen-[0-9a-f]{32}$/) as string, systemFingerprint: null, choices: [{ finishReason: "stop" }], usage: { isByok: false } });
    const raw = await call("/chat/completions", { method: "POST", body: JSON.stringify({ model, messages: hello }) });
    const body = (await raw.json()) as { id: string };
    expect(body).toMatchObject({ provider, choices: [{ native_finish_reason: native }] });
    expect(raw.headers.get("x-generation-id")).toBe(body.id);
  });
  test.each([["openai/gpt-4o", "The capital of France is Paris."], ["anthropic/claude-3.5-haiku", words.join("")]])("%s, streamed: usage comes once, in the last chunk", async (model, text) => {
    const chunks = [];
    for await (const chunk of await router.chat.send({ chatRequest: { model, messages: hello, stream: true } })) chunks.push(chunk);
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe(text);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.filter((chunk) => chunk.usage)).toEqual([chunks.at(-1)]);
    expect(chunks.at(-1)!.choices).toEqual([]);
    expect(chunks.at(-2)!.choices[0]!.finishReason).toBe("stop");
  });
});
