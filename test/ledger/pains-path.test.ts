/** pains.md, part A, where the whole path counts: what a request cost must not depend on how it ended, on its route or on its protocol. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { costOf } from "../../src/ledger/index.ts";
import { postingOf } from "../../src/limits/index.ts";
import { MessageStream, OldMessageStream } from "../protocols/anthropic-accumulators.mjs";
import { ResponseStream } from "../protocols/openai-responses-accumulator.mjs";
import { Stream } from "../protocols/openai-sdk.mjs";
import { dataOf, splitFrames } from "../../src/protocols/sse.ts";
import { allRoutes, answer, call, fillCatalog, newKey, outside as played, prompts, send, type Json, type Key } from "../security/stage.ts";
import { methodOf, routes } from "../security/routes.ts";
import { entryOf, list, now, shapes, used, whole } from "./told.ts";
import { ask, countersOf, entryIn, fillWorld, framesOf, newCustomer, outside, speeches, streaming, textOf } from "./world.ts";

/** 1,000 tokens in at 3 USD a million, 40 out at 15. */
const truth = 1_000 * 3_000 + 40 * 15_000;
const passing: readonly (readonly [speech: string, model: string])[] = [["openai-chat", "openai/m"], ["openai-responses", "openai/m"], ["anthropic-messages", "anthropic/m"], ["gemini-generate", "gemini/m"]];
const written = "Hello, you".length / 4;

let key: Key;
beforeAll(async () => {
  await fillWorld();
  await fillCatalog();
  key = await newCustomer();
});
afterEach(() => void vi.restoreAllMocks());

/** Reads until `text` has come whole, or the stream ends. */
async function readUntil(response: Response, text: string): Promise<ReadableStreamDefaultReader<Uint8Array>> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  for (let got = ""; text !== "" && !got.includes(text);) {
    const { done, value } = await reader.read();
    if (done) break;
    got += decoder.decode(value, { stream: true });
  }
  return reader;
}

describe("pains.md 1: usage of a stream whose client leaves", () => {
  const cases = passing.flatMap(([speech, model]) => framesOf(speech).map((_, seen) => [speech, model, seen + 1] as const));

  test.each(cases)("%s at %s, after %i of its events", async (speech, model, seen) => {
    const frames = framesOf(speech);
    const upstream = streaming(frames.slice(0, seen), "open");
    outside(() => upstream.response());
    const told = frames.slice(0, seen).some((frame) => speech === "anthropic-messages" ? frame.includes("message_delta") : /"(prompt_tokens|promptTokenCount|input_tokens)"/.test(frame));
    const { response, id, leave } = await ask(key, speech, model, true);
    const reader = await readUntil(response, frames[seen - 1]!.trim());
    // A stream that the runtime pipes is read for its usage four times a second. A client that is faster: test/conformance, over sockets.
    if (told) await scheduler.wait(300);
    leave();
    await reader.cancel();
    const entry = await entryIn(key, id);
    expect([entry.end, entry.status]).toEqual(["client_gone", 200]);
    const wrote = frames.slice(0, seen).some((frame) => frame.includes("Hello"));
    if (told) expect(entry).toMatchObject({ estimated: false, costNanoUsd: truth });
    else expect([entry.costNanoUsd > 0, entry.usage.outputTokens >= (wrote ? written : 0)]).toEqual([true, true]);
    if (speech === "anthropic-messages") expect(entry.usage.inputTokens).toBe(1_000);
    expect((await countersOf(key)).held.requests).toBe(0);
  });
});

describe("pains.md 2: a whole answer whose client leaves", () => {
  test.each(passing)("%s at %s is charged what it says", async (speech, model) => {
    let leave = (): void => {};
    outside(async () => {
      leave();
      await new Promise((resolve) => setTimeout(resolve, 60));
      return Response.json(shapes[speech]!.whole(shapes[speech]!.usage(1_000, 40)));
    });
    const { id, request } = await ask(key, speech, model, false, {}, (how) => (leave = how));
    expect(request.signal.aborted).toBe(true);
    expect(await entryIn(key, id)).toMatchObject({ stream: false, usage: used({ inputTokens: 1_000, outputTokens: 40 }), costNanoUsd: truth, estimated: false });
  });
});

test("pains.md 3: over many runs that clients break off, nothing is lost and nothing is given back", async () => {
  const customer = await newCustomer();
  const ids: string[] = [];
  for (let run = 0; run < 60; run += 1) {
    const [speech, model] = passing[run % passing.length]!;
    const frames = framesOf(speech);
    // Each time another event is the last one that the client hears; the first of them say something in every protocol.
    const seen = 1 + ((run * 7) % frames.length);
    outside(() => streaming(frames.slice(0, seen), run % 2 === 0 ? "open" : "close").response());
    const { response, id, leave } = await ask(customer, speech, model, true);
    const reader = await readUntil(response, frames[seen - 1]!.trim());
    leave();
    await reader.cancel().catch(() => {});
    ids.push(id);
  }
  const entries = await Promise.all(ids.map((id) => entryIn(customer, id)));
  // A provider that closed before it said anything is owed nothing.
  const heard = entries.filter(({ end, costNanoUsd }) => !(end === "unterminated" && costNanoUsd === 0));
  expect(heard.length).toBeGreaterThan(50);
  expect(heard.filter(({ costNanoUsd }) => costNanoUsd <= 0)).toEqual([]);
  expect(heard.filter(({ estimated, costNanoUsd }) => !estimated && costNanoUsd !== truth)).toEqual([]);
  const { month, held } = await countersOf(customer);
  expect([month.nanoUsd, month.tokens, held.requests]).toEqual([
    entries.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0), entries.reduce((sum, { usage }) => sum + usage.inputTokens + usage.outputTokens, 0), 0,
  ]);
});

describe("pains.md 6: what was given up is not billed as if it had been delivered", () => {
  test("the deployment that failed costs nothing beside the one that answered; the ledger names the one and counts both", async () => {
    await call(env.ADMIN_SECRET, "PUT", "/admin/aliases/either", { targets: ["groq/m", "openai/m"] });
    const calls = outside((host) => (host === "api.groq.com" ? Response.json({ error: { message: "overloaded" } }, { status: 503 }) : Response.json(shapes["openai-chat"]!.whole(shapes["openai-chat"]!.usage(1_000, 40)))));
    const before = (await countersOf(key)).month.nanoUsd;
    const { response, id } = await ask(key, "openai-chat", "either", false);
    expect([response.status, calls]).toEqual([200, ["api.groq.com", "api.openai.com"]]);
    expect(await entryIn(key, id)).toMatchObject({ deployment: "openai/m", attempts: 2, costNanoUsd: truth });
    expect((await countersOf(key)).month.nanoUsd - before).toBe(truth);
  });

  test("a call that its client left before a byte came is stopped, with the reason, and no output is billed", async () => {
    const upstream = streaming([], "open");
    outside(() => upstream.response());
    const { response, id, leave } = await ask(key, "openai-chat", "openai/m", true);
    leave();
    await response.body!.cancel();
    expect(await entryIn(key, id)).toMatchObject({ end: "client_gone", usage: { outputTokens: 0 } });
    await vi.waitFor(() => expect(upstream.cancelled()).toBe(true));
  });
});

describe("pains.md 21: no way to a provider goes around the meter", () => {
  const asking = routes.filter(({ by, body, free }) => by === "key" && body !== undefined && !free);

  test("the table has every route that the Worker has", () => expect([...new Set(routes.map(({ route }) => route))].sort()).toEqual(allRoutes()));

  test("a key that may not spend reaches nobody, by any route", async () => {
    const customer = await newCustomer({ limits: { requestsPerMinute: 1, concurrentRequests: 10 } });
    const left = played();
    expect((await call(customer.secret, "POST", "/v1/chat/completions", asking[0]!.body)).status).toBe(200);
    expect(prompts(left)).toHaveLength(1);
    for (const one of asking) {
      const response = await call(customer.secret, methodOf(one), one.path, one.body);
      expect([one.route, response.status]).toEqual([one.route, 429]);
      await response.body?.cancel();
    }
    expect(prompts(left)).toHaveLength(1);
  });

  test("and one that may leaves an entry for each call that went out", async () => {
    const customer = await newCustomer();
    let reached = 0;
    // A film's entry comes when it is there, from an object of its own: test/videos.
    for (const one of asking.filter(({ lasting }) => !lasting)) {
      const left = played(answer);
      const response = await call(customer.secret, methodOf(one), one.path, one.body);
      await response.body?.cancel();
      const out = prompts(left).length;
      if (out > 0) expect([one.route, (await entryIn(customer, response.headers.get("x-request-id")!)).attempts]).toEqual([one.route, out]);
      reached += out;
      vi.restoreAllMocks();
    }
    expect(reached).toBeGreaterThan(8);
  });

  test("realtime, by WebSocket or WebRTC, is nowhere: it could not be metered", async () => {
    const left = played();
    for (const path of ["/v1/realtime", "/v1/realtime/calls", "/v1/realtime/sessions", "/v1/realtime/client_secrets", "/v1/chat/completions"]) {
      const response = await send(path, { headers: { upgrade: "websocket", authorization: `Bearer ${key.secret}` } });
      expect([path, response.status, response.webSocket ?? null]).toEqual([path, expect.toBeOneOf([200, 404, 405]), null]);
    }
    expect(prompts(left)).toEqual([]);
  });

  test("a message of Responses over a WebSocket is a request like others, and is refused like others", async () => {
    const left = played();
    const poor = await newKey({ limits: { requestsPerMinute: 1, concurrentRequests: 10 } });
    const { webSocket } = await send("/v1/responses", { headers: { upgrade: "websocket", authorization: `Bearer ${poor.secret}` } });
    const told: Json[] = [];
    webSocket!.accept();
    webSocket!.addEventListener("message", ({ data }) => void told.push(JSON.parse(data as string) as Json));
    for (let i = 0; i < 2; i += 1) webSocket!.send(JSON.stringify({ type: "response.create", model: "openai/gpt-test", input: "x", store: false }));
    await vi.waitFor(() => expect(told.at(-1)).toMatchObject({ type: "error", status: 429, error: { code: "rate_limit_exceeded" } }), 3_000);
    webSocket!.close();
    expect(prompts(left)).toHaveLength(1);
  });
});

describe("pains.md 22: a batch's bill is the sum of its lines", () => {
  const prices = list({ input: 2, output: 8, "input:batch": 1, "output:batch": 4 });
  const lines: readonly (readonly [protocol: string, body: Json])[] = [
    ["openai-chat", { ...shapes["openai-chat"]!.whole({ prompt_tokens: 1_003, completion_tokens: 900, total_tokens: 1_903, completion_tokens_details: { reasoning_tokens: 700 } }), service_tier: "batch" }],
    ["openai-responses", { ...shapes["openai-responses"]!.whole({ input_tokens: 2_001, output_tokens: 11, output_tokens_details: { reasoning_tokens: 7 } }), service_tier: "batch" }],
    ["anthropic-messages", shapes["anthropic-messages"]!.whole({ input_tokens: 500, output_tokens: 333, cache_read_input_tokens: 0, service_tier: "batch" })],
  ];

  test("and what the providers say was used, thoughts included, at half the price", () => {
    const entries = lines.map(([protocol, body]) => entryOf(prices, whole(protocol, body)[0], { status: 200 }));
    const sum = used({ inputTokens: 1_003 + 2_001 + 500, outputTokens: 900 + 11 + 333, reasoningTokens: 700 + 7 });
    expect(entries.map(({ usage }) => usage.reasoningTokens)).toEqual([700, 7, 0]);
    expect(entries.reduce((total, { costNanoUsd }) => total + costNanoUsd, 0)).toBe(costOf(prices, sum, now, "batch"));
    expect(costOf(prices, sum, now, "batch")).toBe(costOf(prices, sum, now)! / 2);
  });

  test("a line that failed is an error that can be seen, and costs nothing", () => {
    const failed = [entryOf(prices, undefined, { end: "upstream_error", status: 500, errorCode: "upstream_error" }), entryOf(prices, whole("openai-chat", { error: { message: "no" } })[0])];
    expect(failed.map((entry) => [postingOf(entry).failed, entry.errorCode, entry.costNanoUsd])).toEqual([[true, "upstream_error", 0], [true, "upstream_error", 0]]);
  });
});

test("pains.md 23: what the ledger has is what the providers answered, whatever became of each request", async () => {
  const customer = await newCustomer();
  let expected = 0;
  let out = 0;
  const ids = new Map<string, number | undefined>();
  for (let run = 0; run < 120; run += 1) {
    const [speech, model] = passing[run % passing.length]!;
    const { whole: body, usage, stream } = shapes[speech]!;
    const told = usage(100 + run, 10 + (run % 30));
    const cost = (100 + run) * 3_000 + (10 + (run % 30)) * 15_000;
    const fates: readonly (readonly [streamed: boolean, play: () => Response, cost: number | undefined])[] = [
      [false, () => Response.json(body(told)), cost],
      [true, () => streaming(stream(told).map(textOf)).response(), cost],
      [false, () => Response.json({ error: { message: "no", type: "x" } }, { status: 500 }), 0],
      [false, () => new Response("<html>", { headers: { "content-type": "application/json" } }), 0],
      [true, () => streaming(stream(told).map(textOf).filter((frame) => !/DONE|message_stop/.test(frame))).response(), cost],
      [true, () => streaming([textOf(shapes[speech]!.error)]).response(), 0],
    ];
    const [streamed, play, due] = fates[run % fates.length]!;
    const calls = outside(play);
    const { response, id } = await ask(customer, speech, model, streamed);
    await response.text().catch(() => "");
    out += calls.length;
    expected += due ?? 0;
    ids.set(id, due);
  }
  const entries = await Promise.all([...ids].map(([id]) => entryIn(customer, id)));
  expect(entries.map(({ id, costNanoUsd }) => [id, costNanoUsd])).toEqual([...ids]);
  expect(entries).toHaveLength(out);
  await env.KEY_METER.getByName(customer.id).flush();
  const hourly = await env.DB.prepare("SELECT sum(requests) requests, sum(cost_nano_usd) cost, sum(input_tokens) input FROM usage_hourly WHERE key_id = ?").bind(customer.id).first();
  const requests = await env.DB.prepare("SELECT count(*) requests, sum(entry ->> 'costNanoUsd') cost FROM requests WHERE key_id = ?").bind(customer.id).first();
  const inputTokens = entries.reduce((sum, { usage }) => sum + usage.inputTokens, 0);
  expect([hourly, requests]).toEqual([{ requests: 120, cost: expected, input: inputTokens }, { requests: 120, cost: expected }]);
});

describe("pains.md 27: what it cost stands in the stream", () => {
  /** Where each protocol's answer has its usage. */
  const usageIn = (speech: string, text: string, stream: boolean): Json | undefined => {
    const events = stream ? splitFrames(text).flatMap((frame) => (dataOf(frame)?.startsWith("{") ? [JSON.parse(dataOf(frame)!) as Json] : [])) : [JSON.parse(text) as Json];
    const usages = events.flatMap((event) => [event.usage, event.usageMetadata, event.response?.usage].filter(Boolean) as Json[]);
    expect([speech, usages.length > 0]).toEqual([speech, true]);
    return usages.at(-1);
  };
  const crossings = Object.keys(speeches).flatMap((speech) => [true, false].map((stream) => [speech, speech === "anthropic-messages" ? "openai/m" : "anthropic/m", stream] as const));
  const upstream = (stream: boolean) => (host: string): Response => {
    const protocol = host === "api.anthropic.com" ? "anthropic-messages" : "openai-responses";
    return stream ? streaming(framesOf(protocol)).response() : Response.json(shapes[protocol]!.whole(shapes[protocol]!.usage(1_000, 40)));
  };
  const viaResponses = { "x-forge-protocol": "openai-responses" };
  const headersFor = (model: string): Record<string, string> => (model === "openai/m" ? viaResponses : {});

  test.each(crossings)("%s of %s, streamed: %s", async (speech, model, stream) => {
    outside(upstream(stream));
    const { response, id } = await ask(key, speech, model, stream, headersFor(model));
    const usage = usageIn(speech, await response.text(), stream);
    const { costNanoUsd } = await entryIn(key, id);
    expect([usage?.cost, costNanoUsd]).toEqual([truth / 1e9, truth]);
    if (!stream) expect(response.headers.get("x-forge-cost")).toBe(String(usage?.cost));
  });

  test.each(crossings)("not where the client does not want it: %s of %s, streamed: %s", async (speech, model, stream) => {
    outside(upstream(stream));
    const { response } = await ask(key, speech, model, stream, { ...headersFor(model), "x-forge-cost": "false" });
    expect(usageIn(speech, await response.text(), stream)).not.toHaveProperty("cost");
  });

  test.each(passing)("a stream that only passes keeps its bytes: %s of %s", async (speech, model) => {
    outside(() => streaming(framesOf(speech)).response());
    const { response } = await ask(key, speech, model, true);
    expect(await response.text()).toBe(framesOf(speech).join(""));
  });

  test("what a provider itself reports is what is told", async () => {
    const reported = { ...shapes["anthropic-messages"]!.usage(1_000, 40), cost: 0.0123 };
    outside(() => streaming(shapes["anthropic-messages"]!.stream(reported).map(textOf)).response());
    const { response, id } = await ask(key, "openai-chat", "anthropic/m", true);
    expect([usageIn("openai-chat", await response.text(), true)?.cost, (await entryIn(key, id)).costNanoUsd]).toEqual([0.0123, 12_300_000]);
  });

  test("what has no price is not told as nothing", async () => {
    outside(upstream(true));
    const { response } = await ask(key, "openai-chat", "anthropic/nobody-knows", true);
    expect(usageIn("openai-chat", await response.text(), true)).not.toHaveProperty("cost");
  });

  test("the official clients take it, and hand on what their protocol lets them", async () => {
    const told = async (speech: string, model: string): Promise<string[]> => {
      outside(upstream(true));
      const { response } = await ask(key, speech, model, true, headersFor(model));
      return splitFrames(await response.text()).map((frame) => dataOf(frame)!);
    };
    const lines = (frames: string[]): ReadableStream => new Blob(frames.map((data) => `${data}\n`)).stream();
    const messages = await told("anthropic-messages", "openai/m");
    for (const sdk of [MessageStream, OldMessageStream]) {
      expect((await sdk.fromReadableStream(lines(messages)).finalMessage()).usage).toMatchObject({ input_tokens: 1_000, output_tokens: 40 });
    }
    expect((await ResponseStream.fromReadableStream(lines(await told("openai-responses", "anthropic/m"))).finalResponse()).usage).toMatchObject({ input_tokens: 1_000, output_tokens: 40, cost: truth / 1e9 });
    const chunks = await told("openai-chat", "anthropic/m");
    const seen: Json[] = [];
    for await (const chunk of Stream.fromSSEResponse(new Response(chunks.map((data) => `data: ${data}\n\n`).join("")), new AbortController())) seen.push(chunk as Json);
    expect(seen.at(-1)!.usage).toMatchObject({ prompt_tokens: 1_000, completion_tokens: 40, cost: truth / 1e9 });
  });
});
