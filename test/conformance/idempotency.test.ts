/** `Idempotency-Key` over real sockets: one run, one charge, and the same bytes for everybody who asks under the same name. */
import OpenAI, { ConflictError } from "openai";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway, type Client } from "./gateway.ts";
import { chunk } from "./upstream.ts";

const usage = { prompt_tokens: 21, completion_tokens: 4, total_tokens: 25 };
const usageEvent = chunk({}, null, { choices: [], usage });
const words = ["Grüße ", "aus 東京", " 🗼", "!"];
const completion = { id: "chatcmpl-once", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: words.join("") }, finish_reason: "stop" }], usage };

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await Gateway.start();
  client = await gateway.client({ limits: { requestsPerMinute: 100_000 } });
});
afterAll(() => gateway?.stop());

let names = 0;
/** A model of its own for each test, so that its calls can be counted, and a name for its requests. */
function scripted(play: (response: ServerResponse, call: number) => void): { model: string; name: string; calls: () => number } {
  const id = `once-${(names += 1)}`;
  let calls = 0;
  gateway.upstream.scripts.set(id, (response) => play(response, (calls += 1)));
  return { model: `selfhosted/${id}`, name: `name of ${id}`, calls: () => calls };
}

type Asked = { status: number; headers: Headers; body: string };
type Options = { key?: string; path?: string; headers?: Record<string, string>; signal?: AbortSignal };

const send = (name: string | undefined, body: object | string, { key = client.key, path = "/v1/chat/completions", headers = {}, signal }: Options = {}): Promise<Response> =>
  fetch(gateway.url + path, {
    method: "POST", signal, body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...(name !== undefined && { "idempotency-key": name }), ...headers },
  });

async function ask(name: string | undefined, body: object | string, options?: Options): Promise<Asked> {
  const response = await send(name, body, options);
  return { status: response.status, headers: response.headers, body: Buffer.from(await response.arrayBuffer()).toString("base64") };
}

const textOf = ({ body }: Asked): string => Buffer.from(body, "base64").toString();
const codeOf = (asked: Asked): string => (JSON.parse(textOf(asked)) as { error: { code: string } }).error.code;
const chat = (model: string, rest: object = {}) => ({ model, messages: [{ role: "user", content: "hello" }], ...rest });
const json = (response: ServerResponse, body: unknown = completion, status = 200): void => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

/** Streams the words, a pause apart. */
const slowly = (pauseMs: number, events = [chunk({ role: "assistant", content: "" }), ...words.map((content) => chunk({ content })), chunk({}, "stop"), usageEvent, "data: [DONE]\n\n"]) => (response: ServerResponse): void => void (async () => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) {
    response.write(event);
    await sleep(pauseMs);
  }
  response.end();
})();

/** The same, as Responses tells it. */
const asResponses = [
  ...words.map((delta) => ({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, content_index: 0, delta })),
  { type: "response.completed", response: { id: "resp_1", object: "response", status: "completed", output: [], usage: { input_tokens: 21, output_tokens: 4, total_tokens: 25 } } },
].map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);

/** Requests of a key in the ledger: `least` of them, and whatever else there is a moment later. */
async function charged(who: Client, least = 1): Promise<{ requests: number; inputTokens: number; outputTokens: number }> {
  await until(async () => (await gateway.usage(who)).totals.requests >= least);
  await sleep(150);
  const { requests, inputTokens, outputTokens } = (await gateway.usage(who)).totals;
  return { requests, inputTokens, outputTokens };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200 && !(await condition()); tries += 1) await sleep(25);
}

const fresh = (limits: object = { requestsPerMinute: 100_000 }): Promise<Client> => gateway.client({ limits });

describe("fifty at once", () => {
  test.each([["whole", false], ["as a stream", true]] as const)("%s: one call, one charge, the same bytes", async (_, stream) => {
    const who = await fresh();
    const { model, name, calls } = scripted((response) => (stream ? slowly(30)(response) : void setTimeout(() => json(response), 300)));
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(name, chat(model, { stream }), { key: who.key })));
    expect(calls()).toBe(1);
    expect(new Set(answers.map(({ status, body, headers }) => [status, headers.get("content-type"), headers.get("x-request-id"), body].join())).size).toBe(1);
    expect(textOf(answers[0]!)).toContain("東京");
    expect(answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true")).toHaveLength(49);
    expect(await charged(who)).toEqual({ requests: 1, inputTokens: 21, outputTokens: 4 });
    expect((await gateway.entry(who, answers[0]!.headers.get("x-request-id"))).end).toBe("complete");
  });
});

describe("afterwards", () => {
  test.each([["whole", false], ["a stream", true]] as const)("%s is given again, with its head and its first id", async (_, stream) => {
    const who = await fresh();
    const { model, name, calls } = scripted((response) => (stream ? slowly(5)(response) : json(response)));
    const first = await ask(name, chat(model, { stream }), { key: who.key });
    const again = await ask(name, chat(model, { stream }), { key: who.key });
    expect(first.headers.has("idempotent-replayed")).toBe(false);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    const kept = ({ headers }: Asked) => Object.fromEntries([...headers].filter(([header]) => !["date", "content-length", "transfer-encoding", "idempotent-replayed", "connection", "keep-alive"].includes(header)));
    expect(kept(again)).toEqual(kept(first));
    expect(calls()).toBe(1);
    expect(await charged(who)).toMatchObject({ requests: 1 });
  });

  test("an answer of several megabytes", async () => {
    const content = "Äpfel und Birnen. ".repeat(300_000);
    const { model, name, calls } = scripted((response) => json(response, { ...completion, choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }] }));
    const answers = [await ask(name, chat(model)), ...(await Promise.all([1, 2, 3].map(() => ask(name, chat(model)))))];
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(textOf(answers[0]!)).toContain(content);
    expect(calls()).toBe(1);
  });

  test("a stream in every protocol, also one that is no event stream", async () => {
    const google = { contents: [{ parts: [{ text: "hello" }] }] };
    const streams: [(model: string) => string, (model: string) => object, string][] = [
      [() => "/v1/completions", (model) => ({ model, prompt: "hello", stream: true }), "text/event-stream"],
      [() => "/v1/responses", (model) => ({ model, input: "hello", stream: true }), "text/event-stream"],
      [() => "/v1/messages", (model) => chat(model, { max_tokens: 100, stream: true }), "text/event-stream"],
      [(model) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`, () => google, "text/event-stream"],
      [(model) => `/v1beta/models/${model}:streamGenerateContent`, () => google, "application/json"],
    ];
    for (const [path, body, type] of streams) {
      const { model, name, calls } = scripted(path("m") === "/v1/responses" ? slowly(5, asResponses) : slowly(5));
      const answers = await Promise.all([1, 2, 3].map(() => ask(name, body(model), { path: path(model) })));
      answers.push(await ask(name, body(model), { path: path(model) }));
      expect([path(model), calls(), new Set(answers.map((answer) => answer.body)).size]).toEqual([path(model), 1, 1]);
      expect(textOf(answers[0]!)).toContain("東京");
      expect(answers.map(({ headers }) => headers.get("content-type")!.split(";")[0])).toEqual([type, type, type, type]);
    }
  });

  test("every endpoint that spends", async () => {
    const embedding = { model: "selfhosted/vectors", input: ["a", "b"] };
    const before = gateway.upstream.calls.length;
    const [first, again] = [await ask("vectors", embedding, { path: "/v1/embeddings" }), await ask("vectors", embedding, { path: "/v1/embeddings" })];
    expect([first.status, first.body]).toEqual([200, again.body]);
    expect(gateway.upstream.calls.length - before).toBe(1);
    for (const [path, body] of crossings) {
      const { model, name, calls } = scripted((response) => json(response));
      const [one, two] = [await ask(name, body(model), { path: path(model) }), await ask(name, body(model), { path: path(model) })];
      expect([path(model), one.status, two.headers.get("idempotent-replayed"), two.body, calls()]).toEqual([path(model), 200, "true", one.body, 1]);
    }
  });
});

const crossings: [(model: string) => string, (model: string) => object][] = [
  [() => "/v1/chat/completions", (model) => chat(model)],
  [() => "/v1/responses", (model) => ({ model, input: "hello" })],
  [() => "/v1/messages", (model) => chat(model, { max_tokens: 100 })],
  [(model) => `/v1beta/models/${model}:generateContent`, () => ({ contents: [{ parts: [{ text: "hello" }] }] })],
];

describe("while it runs", () => {
  test("who comes in the middle of a stream gets all of it, and the rest live", async () => {
    const { model, name, calls } = scripted(slowly(400));
    const first = ask(name, chat(model, { stream: true }));
    await until(() => calls() === 1);
    await sleep(600);
    const response = await send(name, chat(model, { stream: true }));
    const arrivals: number[] = [];
    let text = "";
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
      text += part;
      arrivals.push(performance.now());
    }
    expect(text).toBe(textOf(await first));
    expect(calls()).toBe(1);
    expect(arrivals.at(-1)! - arrivals[0]!, "live, not at the end").toBeGreaterThan(500);
  });

  test.each([["a stream", true], ["a whole answer", false]] as const)("the first client leaves %s: it goes on, and the retry gets all", async (_, stream) => {
    const who = await fresh();
    const { model, name, calls } = scripted((response) => (stream ? slowly(150)(response) : void setTimeout(() => json(response), 1_500)));
    const leaving = new AbortController();
    const gone = send(name, chat(model, { stream }), { key: who.key, signal: leaving.signal }).then((response) => response.text()).catch(() => "gone");
    await until(() => calls() === 1);
    await sleep(250);
    leaving.abort();
    expect(await gone).toBe("gone");
    const retry = await ask(name, chat(model, { stream }), { key: who.key });
    expect(retry.status).toBe(200);
    expect(textOf(retry)).toContain(stream ? "[DONE]" : "東京");
    expect(retry.headers.get("idempotent-replayed")).toBe("true");
    expect(calls()).toBe(1);
    expect(await gateway.entry(who, retry.headers.get("x-request-id"))).toMatchObject({ end: "complete", estimated: false });
    expect(await charged(who)).toEqual({ requests: 1, inputTokens: 21, outputTokens: 4 });
  });

  test("a client that reads nothing holds up nobody", async () => {
    const line = chunk({ content: "x".repeat(16_000) });
    const { model, name, calls } = scripted((response) => void (async () => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (let i = 0; i < 1_000; i += 1) if (!response.write(line)) await new Promise((drained) => response.once("drain", drained));
      response.end(chunk({}, "stop") + usageEvent + "data: [DONE]\n\n");
    })());
    const still = await send(name, chat(model, { stream: true }));
    const other = await ask(name, chat(model, { stream: true }));
    expect(textOf(other).endsWith("data: [DONE]\n\n")).toBe(true);
    expect(Buffer.from(await still.arrayBuffer()).toString("base64") === other.body).toBe(true);
    expect(calls()).toBe(1);
  });
});

describe("another request under the same name", () => {
  const shapes: [string, (typeof crossings)[number], (error: { error: Record<string, unknown> }) => unknown][] = [
    ["OpenAI's", crossings[0]!, ({ error }) => [error.code, error.type]],
    ["Anthropic's", crossings[2]!, ({ error }) => [(error.details as { error_code: string }).error_code, error.type]],
    ["Google's", crossings[3]!, ({ error }) => [(error.details as { reason: string }[])[0]!.reason, error.status]],
  ];
  test.each(shapes)("is a conflict in %s shape", async (shape, [path, body], read) => {
    const { model, name, calls } = scripted((response) => json(response));
    const kept = await ask(name, body(model), { path: path(model) });
    expect(kept.status).toBe(200);
    const others: [object, string][] = [[{ ...body(model), temperature: 0.5 }, path(model)], [body(model), `${path(model)}?x=1`]];
    for (const [other, url] of others) {
      const refused = await ask(name, other, { path: url });
      expect([refused.status, refused.headers.get("x-should-retry")]).toEqual([409, "false"]);
      expect(read(JSON.parse(textOf(refused)) as never)).toEqual({
        "OpenAI's": ["idempotency_conflict", "invalid_request_error"], "Anthropic's": ["idempotency_conflict", "conflict_error"], "Google's": ["IDEMPOTENCY_CONFLICT", "ALREADY_EXISTS"],
      }[shape]);
    }
    expect(calls()).toBe(1);
    expect((await ask(name, body(model), { path: path(model) })).body).toBe(kept.body);
  });

  test("another space in the body is another body", async () => {
    const { model, name } = scripted((response) => json(response));
    const text = JSON.stringify(chat(model));
    expect((await ask(name, text)).status).toBe(200);
    expect((await ask(name, `${text} `)).status).toBe(409);
  });

  test("OpenAI's SDK throws a ConflictError and does not try again", async () => {
    const { model, name, calls } = scripted((response) => json(response));
    let sent = 0;
    const counting: typeof fetch = (...of) => {
      sent += 1;
      return fetch(...of);
    };
    const sdk = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: client.key, maxRetries: 3, fetch: counting });
    const headers = { "Idempotency-Key": name };
    await sdk.chat.completions.create({ model, messages: [{ role: "user", content: "one" }] }, { headers });
    const error: unknown = await sdk.chat.completions.create({ model, messages: [{ role: "user", content: "two" }] }, { headers }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({ code: "idempotency_conflict", param: "Idempotency-Key" });
    expect([sent, calls()]).toEqual([2, 1]);
  });

  test("two keys with the same name never meet", async () => {
    const { model, name, calls } = scripted((response, call) => json(response, { ...completion, id: `chatcmpl-${call}` }));
    const other = await fresh();
    const mine = await ask(name, chat(model));
    const theirs = await ask(name, chat(model), { key: other.key });
    expect(calls()).toBe(2);
    expect(theirs.body).not.toBe(mine.body);
    expect(theirs.headers.has("idempotent-replayed")).toBe(false);
    expect((await ask(name, chat(model, { n: 1 }), { key: (await fresh()).key })).status).toBe(200);
  });
});

describe("what is not kept", () => {
  test("a refusal by the limits: the next one runs", async () => {
    const who = await fresh({ requestsPerMinute: 100_000, concurrentRequests: 1 });
    const { model, name, calls } = scripted((response) => json(response));
    const release = Promise.withResolvers<void>();
    const slow = scripted((response) => void release.promise.then(() => json(response)));
    const running = ask(undefined, chat(slow.model), { key: who.key });
    await until(() => slow.calls() === 1);
    const refused = await ask(name, chat(model), { key: who.key });
    expect([refused.status, codeOf(refused)]).toEqual([429, "concurrency_limit_exceeded"]);
    release.resolve();
    await running;
    let retry = refused;
    await until(async () => (retry = await ask(name, chat(model), { key: who.key })).status !== 429);
    expect([retry.status, retry.headers.has("idempotent-replayed"), calls()]).toEqual([200, false, 1]);
  });

  test("a bad request, and then another body under its name", async () => {
    const { model, name } = scripted((response) => json(response));
    expect((await ask(name, "{")).status).toBe(400);
    expect((await ask(name, chat(model, { max_tokens: -1 }))).status).toBe(400);
    expect((await ask(name, chat(model))).status).toBe(200);
  });

  test("what the upstream refused: those who had joined hear the same, the next one runs", async () => {
    const { model, name, calls } = scripted((response, call) => void setTimeout(() => (call === 1 ? json(response, { error: { message: "busy", type: "x", param: null, code: "x" } }, 429) : json(response)), 200));
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(name, chat(model))));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 429));
    expect(new Set(answers.map(({ body, headers }) => body + headers.get("x-request-id"))).size).toBe(1);
    expect(calls()).toBe(1);
    expect((await ask(name, chat(model))).status).toBe(200);
    expect(calls()).toBe(2);
  });

  test("OpenAI's SDK tries again by itself and is charged once", async () => {
    const who = await fresh();
    const { model, name, calls } = scripted((response, call) => (call < 3 ? json(response, { error: { message: "down", type: "x", param: null, code: "x" } }, 500) : json(response)));
    const sdk = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: who.key, maxRetries: 5 });
    const answer = await sdk.chat.completions.create({ model, messages: [{ role: "user", content: "hello" }] }, { headers: { "Idempotency-Key": name } });
    expect(answer.choices[0]!.message.content).toBe(words.join(""));
    expect(calls()).toBe(3);
    expect(await charged(who, 3)).toMatchObject({ inputTokens: 21, outputTokens: 4 });
  });
});

describe("a stream that breaks", () => {
  const cut = (text: string) => (response: ServerResponse, call: number): void => {
    if (call > 1) return slowly(1)(response);
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(text, () => setTimeout(() => response.socket?.destroy(), 50));
  };

  test("after text: it was charged, so it is kept as it broke", async () => {
    const who = await fresh();
    const { model, name, calls } = scripted(cut(chunk({ content: "so far" })));
    const first = await ask(name, chat(model, { stream: true }), { key: who.key });
    expect(textOf(first)).toContain("broke off");
    const again = await ask(name, chat(model, { stream: true }), { key: who.key });
    expect([again.body, calls()]).toEqual([first.body, 1]);
    expect(await charged(who)).toMatchObject({ requests: 1 });
  });

  test("with an error before any text: nothing was charged, the next one runs", async () => {
    const { model, name, calls } = scripted(cut('data: {"error":{"message":"overloaded","type":"server_error","param":null,"code":null}}\n\n'));
    expect(textOf(await ask(name, chat(model, { stream: true })))).toContain("overloaded");
    expect(textOf(await ask(name, chat(model, { stream: true })))).toContain("東京");
    expect(calls()).toBe(2);
  });
});

describe("the header", () => {
  const bad: [string, string][] = [["empty", ""], ["256 characters", "x".repeat(256)], ["not ASCII", "schlüssel"], ["a tab inside", "a\tb"]];
  test.each(bad)("%s is a 400 that names it", async (_, name) => {
    const { model, calls } = scripted((response) => json(response));
    const refused = await ask(name, chat(model));
    expect([refused.status, codeOf(refused)]).toEqual([400, "invalid_request"]);
    expect(JSON.parse(textOf(refused))).toMatchObject({ error: { param: "Idempotency-Key" } });
    expect(calls()).toBe(0);
  });

  test.each([["one character", "1"], ["255 characters", "~".repeat(255)], ["what an SDK makes up", "stainless-node-retry-6c0d3a52-0d0e-4c38-9f51-7f0f5be8f6d5"], ["spaces and quotes", '"a b",\'c\'']])("%s will do", async (_, name) => {
    const { model } = scripted((response) => json(response));
    expect([(await ask(name, chat(model))).status, (await ask(name, chat(model))).headers.get("idempotent-replayed")]).toEqual([200, "true"]);
  });

  test("without it nothing is joined", async () => {
    const { model, calls } = scripted((response) => json(response));
    await Promise.all([ask(undefined, chat(model)), ask(undefined, chat(model))]);
    expect(calls()).toBe(2);
  });
});

test("no key, no answer", async () => {
  const { model, name } = scripted((response) => json(response));
  await ask(name, chat(model));
  const strange = await ask(name, chat(model), { key: "sk-forge-nobody" });
  expect([strange.status, codeOf(strange)]).toEqual([401, "invalid_api_key"]);
});
