/** Streams that break off and go on elsewhere, from the request to the ledger, with upstreams that the test plays. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { noUsage } from "../../src/chat/usage.ts";
import { bound } from "../../src/pipeline/admit.ts";
import { outcomeOfParts, type Part } from "../../src/pipeline/legs.ts";
import { providerOf } from "../../src/providers/index.ts";
import type { RequestFacts } from "../../src/protocols/protocol.ts";
import type { Attempt } from "../../src/router/index.ts";
import { admin, bearer, newKey, outside, prompts, send, type Json, type Key, type Left } from "../security/stage.ts";
import { ask as relayed, outside as playing } from "../ledger/world.ts";
import { bodyOf, type Step } from "../upstream/drive.ts";

const chunk = (delta: object, finish: string | null = null, rest: object = {}): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: finish }], ...rest })}\n\n`;
const streamed = (steps: readonly Step[]): Response => new Response(bodyOf(steps).body, { headers: { "content-type": "text/event-stream", "x-request-id": "up" } });
const usage = { usage: { prompt_tokens: 30, completion_tokens: 5, total_tokens: 35 } };
const half = "One two three four five ";
/** A first half that breaks off, and a second one that is given. */
const breaking = (...ending: Step[]): Response => streamed([chunk({ content: half }), { waitMs: 10 }, ...(ending.length > 0 ? ending : ["break" as const])]);
const going = (text = " six"): Response => streamed([chunk({ role: "assistant", content: text }), chunk({}, "stop", usage), "data: [DONE]\n\n"]);

/** The first one asked breaks off; whoever comes then answers like this. */
const play = (...answers: (() => Response)[]): Left[] => {
  let asked = 0;
  return outside(() => (answers[(asked += 1) - 1] ?? (() => Response.json({ error: { message: "no more" } }, { status: 500 })))());
};
const bodies = (left: Left[]): Json[] => prompts(left).map(({ body }) => JSON.parse(body) as Json);

/** Models that were never asked before, and by whom: whoever breaks thrice is asked no more. */
let deployments = 0;
const anew = (provider: string): string => `${provider}/first-${(deployments += 1)}`;
const llama = "groq/llama-3.3-70b-versatile";

type Asked = { key?: Key; headers?: Record<string, string>; body?: Json; models?: string[] };
async function ask({ key = customer, headers = { "x-forge-continue": "true" }, body = {}, models = [llama] }: Asked): Promise<{ id: string; text: string; said: string; failed: boolean; response: Response }> {
  const response = await send("/v1/chat/completions", {
    method: "POST", headers: { ...bearer(key.secret), "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: anew("openai"), models, stream: true, max_tokens: 50, stream_options: { include_usage: true }, messages: [{ role: "user", content: `${deployments}` }], ...body }),
  });
  const text = await response.text();
  const chunks = text.split("\n\n").filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)) as Json);
  const said = chunks.map(({ choices }) => choices?.[0]?.delta?.content ?? "").join("");
  return { id: response.headers.get("x-request-id")!, text, said, failed: chunks.some(({ error }) => error) || !text.includes("[DONE]"), response };
}
const entryOf = (id: string, key = customer): Promise<LedgerEntry> => vi.waitFor(async () => {
  const entry = await env.KEY_METER.getByName(key.id).entry(id);
  expect(entry).toBeDefined();
  return entry!;
}, { timeout: 3_000, interval: 10 });

let customer: Key;
beforeAll(async () => {
  await env.DB.batch([
    ...["steady", "steadier"].flatMap((alias) => [
      ...[`openai/${alias}`, llama].map((target, i) => env.DB.prepare("INSERT INTO aliases (organisation_id, name, position, target) VALUES ('', ?, ?, ?)").bind(alias, i, target)),
      env.DB.prepare("INSERT INTO alias_rules (organisation_id, name, pick, continues) VALUES ('', ?, 'order', 1)").bind(alias),
    ]),
    env.DB.prepare("INSERT OR IGNORE INTO models VALUES ('llama-3.3-70b-versatile', 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\"]', 100000, 100, 0)"),
    env.DB.prepare("INSERT OR IGNORE INTO deployments VALUES ('groq', 'llama-3.3-70b-versatile', 'llama-3.3-70b-versatile')"),
    ...["input", "output"].map((kind) => env.DB.prepare("INSERT OR IGNORE INTO prices VALUES ('groq', 'llama-3.3-70b-versatile', ?, 0, 0, 1000000, 'test')").bind(kind)),
  ]);
  customer = await newKey();
  for (const provider of ["mistral", "deepseek", "cohere", "anthropic"]) await admin("PUT", `/organisations/${customer.organisation}/credentials/${provider}`, { secret: "sk-of-a-customer" });
});
afterEach(() => void vi.restoreAllMocks());

describe("a request that wishes it", () => {
  test("hears one answer of two deployments, and the ledger says what each used", async () => {
    const left = play(breaking, going);
    const { id, said, failed } = await ask({});
    expect([said, failed]).toEqual([`${half}six`, false]);
    expect(bodies(left)[1]!.messages.at(-1)).toEqual({ role: "assistant", content: half.trimEnd() });
    expect(bodies(left)[1]!.max_tokens).toBe(50 - Math.ceil(half.length / 4));
    const entry = await entryOf(id);
    expect(entry).toMatchObject({
      deployment: llama, end: "complete", attempts: 2, refused: [], estimated: true, way: "pump", responseHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      legs: [
        { end: "upstream_error", estimated: true, usage: { outputTokens: half.length / 4 }, costSource: "unpriced" },
        { deployment: llama, why: "broke", end: "complete", estimated: false, usage: { inputTokens: 30, outputTokens: 5 }, costNanoUsd: 35_000, costSource: "price" },
      ],
      costNanoUsd: 35_000, costSource: "unpriced", usage: { outputTokens: half.length / 4 + 5 },
    });
    expect(entry.usage.inputTokens).toBe(entry.legs![0]!.usage.inputTokens + 30);
    expect(entry.reserved.tokens).toBeGreaterThanOrEqual(entry.usage.inputTokens + entry.usage.outputTokens);
    expect((await env.KEY_METER.getByName(customer.id).inspect()).counters.held.requests).toBe(0);
  });

  test("or whose alias does; its own no is heard too", async () => {
    play(breaking, going);
    expect(await ask({ headers: {}, body: { model: "steady", models: undefined } })).toMatchObject({ said: `${half}six`, failed: false });
    play(breaking, going);
    expect(await ask({ headers: { "x-forge-continue": "false" }, body: { model: "steady", models: undefined, messages: [{ role: "user", content: "no" }] } })).toMatchObject({ said: half, failed: true });
  });

  test("hears the usage of both", async () => {
    play(breaking, going);
    const { text, id } = await ask({});
    const { usage: told } = JSON.parse(text.split("\n\n").findLast((line) => line.includes('"usage":{'))!.slice(6)) as Json;
    const entry = await entryOf(id);
    expect(told).toMatchObject({ prompt_tokens: entry.usage.inputTokens, completion_tokens: entry.usage.outputTokens });
  });
});

test("a request that does not hears its upstream's own bytes, and then the error, as ever", async () => {
  const left = play(breaking, going);
  const { text, id } = await ask({ headers: {} });
  expect(text.startsWith(chunk({ content: half }))).toBe(true);
  expect(text.slice(chunk({ content: half }).length)).toMatch(/^data: \{"error":.*\n\n$/);
  expect(prompts(left)).toHaveLength(1);
  const entry = await entryOf(id);
  expect([entry.way, entry.end, entry.attempts, entry.legs]).toEqual(["native", "upstream_error", 1, undefined]);
});

describe("how a deployment is asked", () => {
  const asked: [string, string, Json, string][] = [
    ["mistral", "mistral/mistral-large", { messages: [{ role: "user" }, { role: "assistant", content: half.trimEnd(), prefix: true }] }, "/v1/chat/completions"],
    ["deepseek", "deepseek/deepseek-chat", { messages: [{ role: "user" }, { role: "assistant", content: half.trimEnd(), prefix: true }] }, "/beta/chat/completions"],
    ["a server of one's own", "selfhosted/local-test", { continue_final_message: true, add_generation_prompt: false, messages: [{ role: "user" }, { role: "assistant", content: half.trimEnd() }] }, "/v1/chat/completions"],
  ];
  test.each(asked)("%s", async (_, model, body, path) => {
    const left = play(breaking, going);
    expect(await ask({ models: [model] })).toMatchObject({ said: `${half}six`, failed: false });
    expect(bodies(left)[1]).toMatchObject(body);
    expect(new URL(prompts(left)[1]!.url).pathname).toBe(path);
  });

  test("an echo of Mistral's is left out", async () => {
    play(breaking, () => going(`${half.trimEnd()} six`));
    expect(await ask({ models: ["mistral/mistral-large"] })).toMatchObject({ said: `${half}six`, failed: false });
  });

  test("the same words of one that makes no echo are its own", async () => {
    play(breaking, () => going(` ${half}`));
    expect(await ask({})).toMatchObject({ said: half + half, failed: false });
  });
});

describe("nobody is asked", () => {
  test.each<[string, Json, string[]?]>([
    ["for one of several answers", { n: 2 }],
    ["for JSON", { response_format: { type: "json_object" } }],
    ["for a schema", { response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } } }],
    ["where tools may be called, of whom nobody says that they can then", { tools: [{ type: "function", function: { name: "f", parameters: {} } }] }],
    ["where the client itself had begun the answer", { messages: [{ role: "user", content: "hi" }, { role: "assistant", content: "So" }] }],
    ["who does not go on", {}, ["cohere/command-a", "groq/openai/gpt-oss-120b", "openai/gpt-4o"]],
  ])("%s", async (_, body, models = [llama]) => {
    const left = play(breaking, going, going);
    expect(await ask({ body, models })).toMatchObject({ said: half, failed: true });
    expect(prompts(left)).toHaveLength(1);
  });

  test("with what the request itself did wrong", async () => {
    const left = play(() => breaking('data: {"error":{"message":"content policy","code":400}}\n\n'), going);
    expect(await ask({})).toMatchObject({ said: half, failed: true, text: expect.stringContaining("content policy") as string });
    expect(prompts(left)).toHaveLength(1);
  });
});

describe("who is asked next", () => {
  test("is the one after who refuses, and the ledger has all three", async () => {
    play(breaking, () => Response.json({ error: { message: "busy" } }, { status: 429 }), going);
    const { said, id } = await ask({ models: ["deepseek/deepseek-chat", llama] });
    expect(said).toBe(`${half}six`);
    expect(await entryOf(id)).toMatchObject({ attempts: 3, refused: [{ deployment: "deepseek/deepseek-chat", status: 429 }], legs: [{}, { deployment: llama }] });
  });

  test("is nobody when all refuse, or answer with no stream: the answer ends as it broke off, and one deployment is charged", async () => {
    play(breaking, () => Response.json({ error: { message: "busy" } }, { status: 500 }), () => Response.json({ choices: [] }));
    const { said, failed, id } = await ask({ models: ["deepseek/deepseek-chat", llama] });
    expect([said, failed]).toEqual([half, true]);
    const entry = await entryOf(id);
    expect([entry.end, entry.legs, entry.refused.length, entry.attempts, entry.estimated]).toEqual(["upstream_error", undefined, 2, 3, true]);
  });

  test("is nobody after a second that breaks off too: both are charged for what they wrote", async () => {
    const left = play(breaking, () => streamed([chunk({ content: " six seven" }), { waitMs: 10 }, "break"]), going);
    const { said, failed, id } = await ask({ models: [llama, "deepseek/deepseek-chat"] });
    expect([said, failed, prompts(left).length]).toEqual([`${half}six seven`, true, 2]);
    expect(await entryOf(id)).toMatchObject({ end: "upstream_error", legs: [{ end: "upstream_error" }, { end: "upstream_error", estimated: true }], usage: { outputTokens: half.length / 4 + 3 } });
  });
});

test("our key to a provider is not told, whichever half it fails in", async () => {
  const leaks = (text: string): string => `data: ${JSON.stringify({ error: { message: `bad key ${text}`, code: 500 } })}\n\n`;
  const { OPENAI_API_KEY: ofFirst, GROQ_API_KEY: ofSecond } = env as unknown as Record<"OPENAI_API_KEY" | "GROQ_API_KEY", string>;
  const first = (): Response => breaking(leaks(ofFirst));
  const second = (): Response => streamed([chunk({ content: " six" }), { waitMs: 5 }, leaks(ofSecond)]);
  for (const [secret, answers] of [[ofFirst, [first]], [ofSecond, [first, second]]] as const) {
    play(...answers);
    const { text, failed } = await ask({});
    expect([failed, text.includes("bad key"), text.includes(secret)]).toEqual([true, true, false]);
  }
});

test("Claude is asked with tools, without its thoughts and without thinking again", async () => {
  const event = (type: string, rest: object = {}): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
  const start = event("message_start", { message: { id: "m", type: "message", role: "assistant", model: "m", content: [], usage: { input_tokens: 5, output_tokens: 1 } } });
  const block = (index: number, content_block: object, delta: object): string => event("content_block_start", { index, content_block }) + event("content_block_delta", { index, delta });
  const text = (index: number, said: string): string => block(index, { type: "text", text: "" }, { type: "text_delta", text: said });
  const left = play(
    () => streamed([start + block(0, { type: "thinking", thinking: "" }, { type: "thinking_delta", thinking: "hm" }) + event("content_block_delta", { index: 0, delta: { type: "signature_delta", signature: "sig" } }) + event("content_block_stop", { index: 0 }) + text(1, half), { waitMs: 10 }, "break"]),
    () => streamed([start + text(0, " six") + event("content_block_stop", { index: 0 }) + event("message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 9 } }) + event("message_stop")]),
  );
  const response = await send("/v1/messages", {
    method: "POST", headers: { ...bearer(customer.secret), "content-type": "application/json", "x-forge-continue": "true" },
    body: JSON.stringify({
      model: anew("anthropic"), models: ["anthropic/claude-opus-4-6", "anthropic/claude-sonnet-4-5"], stream: true, max_tokens: 3_000, thinking: { type: "enabled", budget_tokens: 2_000 },
      tools: [{ name: "f", input_schema: { type: "object" } }], messages: [{ role: "user", content: "think" }],
    }),
  });
  const said = [...(await response.text()).matchAll(/"type":"text_delta","text":"([^"]*)"/g)].map(([, piece]) => piece).join("");
  const [first, second] = bodies(left) as [Json, Json];
  expect([said, first.thinking.type, second.thinking, second.model]).toEqual([`${half}six`, "enabled", undefined, "claude-sonnet-4-5"]);
  expect([second.tools, second.messages.at(-1)]).toMatchObject([[{ name: "f" }], { role: "assistant", content: [{ type: "text", text: half.trimEnd() }] }]);
});

test.each([
  ["claude-sonnet-4-5", true], ["claude-sonnet-4-5@20250929", true], ["eu.anthropic.claude-opus-4-1-20250805-v1:0", true], ["claude-3-5-haiku-latest", true], ["claude-sonnet-4-20250514", true],
  ["claude-opus-4-6", false], ["us.anthropic.claude-opus-4-6-v1", false], ["claude-sonnet-4-6", false], ["claude-sonnet-5", false], ["claude-opus-4-10", false], ["claude-2.1", false],
])("%s goes on: %s", (model, does) => {
  for (const provider of ["anthropic", "bedrock", "vertex"]) expect(providerOf(provider)!.prefill!("anthropic-messages", model) !== undefined).toBe(does);
});

test("a client that leaves while another is asked is charged for the question, and both calls are ended", async () => {
  const ended: unknown[] = [];
  const body = bodyOf([chunk({ content: half }), { waitMs: 10 }, "break"]).body;
  const calls = playing((_, signal, call) => call === 1
    ? new Response(body, { headers: { "content-type": "text/event-stream" } })
    : new Promise<Response>((_resolve, reject) => signal!.addEventListener("abort", () => {
      ended.push(call);
      reject(signal!.reason as Error);
    })));
  const { response, id, leave } = await relayed(customer, "openai-chat", "steadier", true, { "x-forge-continue": "true" });
  const reader = response.body!.getReader();
  await reader.read();
  await vi.waitFor(() => expect(calls).toHaveLength(2));
  leave();
  const entry = await entryOf(id);
  expect([ended, entry.end, entry.estimated, entry.responseHash]).toEqual([[2], "client_gone", true, null]);
  expect(entry.legs).toMatchObject([{ end: "upstream_error" }, { deployment: llama, end: "client_gone", estimated: true, firstByteMs: null, usage: { outputTokens: 0 } }]);
  expect(entry.legs![1]!.usage.inputTokens).toBeGreaterThan(entry.legs![0]!.usage.inputTokens);
  await reader.cancel().catch(() => {});
});

const prices = [{ class: "input" as const, picoUsd: 2_001, aboveTokens: 0, validFromMs: 0 }, { class: "output" as const, picoUsd: 10_003, aboveTokens: 0, validFromMs: 7 }];
const attempt = (provider: string, upstreamId: string, over: Partial<Attempt> = {}): Attempt => ({
  endpoint: { provider: providerOf(provider)!, baseUrl: "", secret: "" }, upstreamId, deployment: `${provider}/${upstreamId}`, vital: upstreamId, prices, protocols: ["openai-chat"], contextTokens: 100_000, maxOutputTokens: 1_000, ...over,
});
const facts: RequestFacts = { model: "m", stream: true, usageAsked: true, inputTokens: 500, likelyInputTokens: 100, outputTokens: 100, choices: 1 };

describe("two parts of one answer", () => {
  const part = (over: Partial<Part> = {}): Part => ({
    attempt: attempt("groq", "a"), protocol: "openai-chat", facts, upstreamRequestId: null, firstByteMs: 1, end: "complete", cut: false,
    seen: { usage: { ...noUsage, inputTokens: 3, outputTokens: 5 }, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 20 }, ...over,
  });
  const whole = (...parts: Part[]) => outcomeOfParts(parts, { status: 200, way: "pump", totalMs: 9, attempts: parts.length, reserved: { tokens: 0, nanoUsd: 0 }, refused: [] }, 9);
  const seen = part().seen!;

  test("are priced together, rounded once", () => {
    // 163 and 29 tokens are 616,250 pico-USD, and so are 616 nano-USD; twice as much is 1,232.5, which is 1,233.
    const seenOf = { ...seen, usage: { ...seen.usage!, inputTokens: 163, outputTokens: 29 } };
    const { legs, costNanoUsd, costSource, lines, usage, pricesFromMs } = whole(part({ seen: seenOf }), part({ why: "broke", seen: seenOf }));
    expect([legs!.map((leg) => leg.costNanoUsd), costNanoUsd, costSource, lines.length, pricesFromMs]).toEqual([[616, 616], 1_233, "price", 4, 7]);
    expect([usage.inputTokens, usage.outputTokens, legs!.map(({ why }) => why)]).toEqual([326, 58, [undefined, "broke"]]);
  });

  test("of which one's cost is its provider's own figure are added up, and the source is the one that promises least", () => {
    const reported = part({ seen: { ...seen, reportedNanoUsd: 1_000 } });
    expect(whole(reported, part())).toMatchObject({ costNanoUsd: 1_056, costSource: "reported", estimated: false, lines: [{ unit: "input" }, { unit: "output" }] });
    expect(whole(reported, part({ cut: true, seen: { ...seen, terminated: false } }))).toMatchObject({ costNanoUsd: 1_056, costSource: "estimated", estimated: true });
    expect(whole(part({ attempt: attempt("groq", "b", { prices: [] }) }), reported)).toMatchObject({ costNanoUsd: 1_000, costSource: "unpriced", deployment: "groq/a" });
  });

  test("one part is no legs", () => expect("legs" in whole(part())).toBe(false));
});

describe("what is reserved", () => {
  test("covers both halves, of which the second reads what the first wrote", () => {
    const attempts = [attempt("openai", "gpt-4o"), attempt("groq", "llama-3.3-70b-versatile")];
    expect(bound(attempts, facts, "openai-chat", 9)).toEqual({ tokens: 600, nanoUsd: 2_001 });
    expect(bound(attempts, facts, "openai-chat", 9, { continues: true })).toEqual({ tokens: 600 + 700, nanoUsd: 2_001 + 2_201 });
  });
});
