/** A sovereign call over real sockets, in the runtime's sandbox and past the gate alone: bytes, rhythm, aborts, failures. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, type V4MiniflareOptions } from "miniflare";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundleWorker } from "../../scripts/bundle.ts";
import { startLocal } from "../../scripts/local.ts";
import { quietEnv } from "../../scripts/wrangler.ts";
import { admin, createKey } from "../support/admin.ts";
import { hangUp, listen } from "../support/server.ts";
import { Upstream } from "./upstream.ts";

/** How long an origin may have to wait for the news that nobody listens any more. */
const newsMs = 250;
const every = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));

let url: string;
let stop: () => Promise<void>;
/** Per path, the last call: what came, and when its connection closed. */
const calls = new Map<string, { headers: string[]; body: Buffer; method: string; closedMs: Promise<number> }>();
let release = (): void => {};

const plays: Record<string, (response: ServerResponse) => void> = {
  "/v1/echo": (response) => response.writeHead(201, { "content-type": "application/octet-stream", "x-request-id": "r 1" }).end(every),
  "/v1/gzip": (response) => response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" }).end(gzipSync(every)),
  "/v1/steps": (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).write("data: one\n\n");
    release = () => void response.end("data: two\n\n");
  },
  "/v1/endless": (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write("data: more\n\n"), 10);
    response.on("close", () => clearInterval(timer));
  },
  "/v1/silent": (response) => void response.writeHead(200, { "content-type": "text/event-stream" }).write("data: one\n\n"),
  "/v1/never": () => {},
  "/v1/away": (response) => response.writeHead(307, { location: "/v1/echo" }).end(),
  "/v1/hangup": (response) => void response.socket!.destroy(),
};

async function play(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const closedMs = new Promise<number>((closed) => response.on("close", () => closed(performance.now())));
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  calls.set(request.url!, { headers: request.rawHeaders, body: Buffer.concat(pieces), method: request.method!, closedMs });
  (plays[request.url!] ?? ((missing) => missing.writeHead(404).end()))(response);
}

/** The Worker that dials, and the origin. */
async function start(more: Partial<V4MiniflareOptions> = {}): Promise<{ url: string; stop: () => Promise<void> }> {
  Object.assign(process.env, quietEnv);
  const origin = createServer((request, response) => void play(request, response));
  const { workerOptions } = unstable_getMiniflareWorkerOptions(fileURLToPath(new URL("../../wrangler.toml", import.meta.url)));
  const { compatibilityDate, compatibilityFlags, workerLoaders } = workerOptions;
  const modules = (await bundleWorker("test/upstream/dialling-worker.ts")).map((module) => ({ type: "ESModule" as const, ...module }));
  const mf = new Miniflare(convertV4MiniflareOptions({
    compatibilityDate, compatibilityFlags, workerLoaders, name: "dial", modules, bindings: { BASE_URL: `${await listen(origin)}/v1` },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }], host: "127.0.0.1", port: 0, cf: false, telemetry: { enabled: false }, log: new Log(LogLevel.ERROR), ...more,
  } as V4MiniflareOptions));
  await mf.ready;
  return {
    url: (await mf.unsafeGetDirectURL("dial")).origin,
    stop: async () => {
      hangUp(origin);
      await mf.dispose();
    },
  };
}

beforeAll(async () => void ({ url, stop } = await start()));
afterAll(() => stop?.());

const dial = (way: string, path: string, init: RequestInit = {}, query = ""): Promise<Response> =>
  fetch(`${url}${path}?way=${way}${query}`, { method: "POST", body: every, redirect: "manual", ...init });

describe.each(["sandbox", "gate"])("by the %s", (way) => {
  test("the request and the answer are the same bytes as without it, headers too", async () => {
    const headers = { "give-content-type": "application/json", "give-authorization": "Bearer x", "give-user-agent": "forge" };
    const heard = [];
    for (const by of ["bare", way]) {
      const response = await dial(by, "/echo", { headers });
      const { date: _, ...answered } = Object.fromEntries(response.headers);
      const { headers: came, body, method } = calls.get("/v1/echo")!;
      heard.push({ status: response.status, answered, bytes: Buffer.from(await response.arrayBuffer()).equals(every), came, whole: body.equals(every), method });
    }
    expect(heard[1]).toEqual(heard[0]);
    expect(heard[1]).toMatchObject({ status: 201, bytes: true, whole: true, method: "POST", answered: { "x-request-id": "r 1" } });
    // The last is the runtime's own: it names the Worker to whoever is called.
    const names = heard[1]!.came.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    expect(names.sort()).toEqual(["authorization", "cf-worker", "content-length", "content-type", "host", "user-agent"]);
  });

  test("a compressed answer is whole", async () => {
    const response = await dial(way, "/gzip");
    const bytes = Buffer.from(await response.arrayBuffer());
    expect((bytes.equals(every) ? bytes : gunzipSync(bytes)).equals(every)).toBe(true);
  });

  test("the first piece of a stream is there before the origin has written the second", async () => {
    const response = await dial(way, "/steps");
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader.read()).toEqual({ done: false, value: "data: one\n\n" });
    release();
    expect(await reader.read()).toEqual({ done: false, value: "data: two\n\n" });
    expect((await reader.read()).done).toBe(true);
  });

  test.each(["/endless", "/silent", "/never"])("an abort during %s closes the connection to the origin at once", async (path) => {
    const abortMs = 300;
    const fromMs = performance.now();
    const response = await dial(way, path, {}, `&abortMs=${abortMs}`);
    expect([response.status, await response.text()]).toEqual([599, "TimeoutError"]);
    const closedMs = await Promise.race([calls.get(`/v1${path}`)!.closedMs, sleep(5_000, Infinity)]);
    expect(closedMs - fromMs).toBeLessThan(abortMs + newsMs);
  });

  test("a client that leaves a stream closes the connection to the origin at once", async () => {
    const leaving = new AbortController();
    const response = await dial(way, "/endless", { signal: leaving.signal });
    await response.body!.getReader().read();
    const leftMs = performance.now();
    leaving.abort();
    expect((await Promise.race([calls.get("/v1/endless")!.closedMs, sleep(5_000, Infinity)])) - leftMs).toBeLessThan(newsMs);
  });

  test("a redirect is handed back, and not followed", async () => {
    calls.delete("/v1/echo");
    const response = await dial(way, "/away");
    expect([response.status, response.headers.get("location")]).toEqual([307, "/v1/echo"]);
    expect(calls.has("/v1/echo")).toBe(false);
  });

  test("an origin that hangs up is an error", async () => {
    expect(await (await dial(way, "/hangup")).text()).toBe("Error");
  });

  test("fifty calls at once keep apart", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, () => dial(way, "/echo").then((response) => response.arrayBuffer())));
    expect(answers.every((answer) => Buffer.from(answer).equals(every))).toBe(true);
  });
});

test("through a VPC binding the sandbox reaches what the binding leads to", async () => {
  const asked: string[] = [];
  const other = await start({
    serviceBindings: {
      SOVEREIGN_VPC: (request: { url: string }) => {
        asked.push(request.url);
        return new Response("by VPC");
      },
    } as never,
  });
  const response = await fetch(`${other.url}/models?way=sandbox`);
  const text = await response.text();
  await other.stop();
  expect(text).toBe("by VPC");
  expect(asked).toEqual([expect.stringMatching(/\/v1\/models$/)]);
});

test("the whole gateway is sealed, and a client that leaves it frees the origin at once", async () => {
  const upstream = new Upstream();
  const logs: string[] = [];
  const vars = { ...createKey.secrets, SOVEREIGN_ORIGIN: await upstream.start(), ALLOW_PRIVATE_UPSTREAMS: "true" };
  const gateway = await startLocal({ port: 0, vars, onLog: (line) => logs.push(line) });
  const report = await admin<{ origins: { attempts: { blocked: boolean }[] }[] }>(gateway.url, "GET", "/sovereign/selftest");
  const { secret } = await createKey(gateway.url, { sovereign: true, onDisconnect: "cancel" });
  const leaving = new AbortController();
  const response = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST", signal: leaving.signal, headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "endless", stream: true, messages: [{ role: "user", content: "hi" }] }),
  });
  await response.body!.getReader().read();
  const leftMs = performance.now();
  leaving.abort();
  await Promise.race([upstream.last("endless").gone, sleep(5_000)]);
  const tookMs = performance.now() - leftMs;
  upstream.stop();
  await gateway.stop();
  expect(report.origins[0]!.attempts.filter(({ blocked }) => !blocked)).toEqual([]);
  expect(report).toMatchObject({ sealed: true, sandbox: "worker_loader", transport: "url", origins: [{ origin: vars.SOVEREIGN_ORIGIN, reachable: true, status: 200 }] });
  expect(response.status).toBe(200);
  expect(tookMs).toBeLessThan(newsMs);
  expect(logs.filter((line) => /error|exception/i.test(line))).toEqual([]);
});

test("of two origins each is asked for what it has, conversations are spread over them, one takes the other's place, and without either it is a 503", async () => {
  const asked: string[] = [];
  const origins = ["a", "b"].map((name) => {
    const answers: Record<string, object> = {
      "/v1/models": { data: [{ id: "shared" }, { id: `only-${name}` }, { id: "nomic-embed" }] },
      "/v1/chat/completions": { id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: name }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
      "/v1/embeddings": { object: "list", model: "m", data: [{ object: "embedding", index: 0, embedding: [1] }], usage: { prompt_tokens: 1, total_tokens: 1 } },
    };
    const server = createServer((request, response) => {
      if (request.method === "POST") asked.push(name);
      const answer = answers[request.url!];
      request.resume().on("end", () => response.writeHead(answer ? 200 : 404, { "content-type": "application/json" }).end(JSON.stringify(answer ?? { error: { message: "no such path" } })));
    });
    return { name, server };
  });
  const urls = await Promise.all(origins.map(({ server }) => listen(server)));
  const gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, SOVEREIGN_ORIGIN: urls.map((origin) => `${origin}/v1`).join(", "), ALLOW_PRIVATE_UPSTREAMS: "true" }, onLog: () => {} });
  const { secret } = await createKey(gateway.url, { sovereign: true });
  const post = async (path: string, body: object): Promise<{ status: number; headers: Headers; json: { error?: { code: string }; choices?: { message: { content: string } }[] } }> => {
    const response = await fetch(`${gateway.url}${path}`, { method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify(body) });
    return { status: response.status, headers: response.headers, json: (await response.json()) as never };
  };
  const messages = [{ role: "user", content: "hi" }];
  const chat = async (model: string, session_id: string) => post("/v1/chat/completions", { model, session_id, messages });
  const told = async (model: string, session: string) => (await chat(model, session)).json.choices?.[0]?.message.content;

  const spread = await Promise.all(Array.from({ length: 40 }, (_, i) => told("shared", `s${i}`)));
  expect(new Set(spread)).toEqual(new Set(["a", "b"]));
  expect(await Promise.all(Array.from({ length: 40 }, (_, i) => told("shared", `s${i}`)))).toEqual(spread);
  expect(await Promise.all(["1", "2", "3"].flatMap((session) => [told("only-a", session), told("only-b", session)]))).toEqual(["a", "b", "a", "b", "a", "b"]);
  expect(await told("auto", "s")).toMatch(/[ab]/);
  const elsewhere = [["/v1/messages", { max_tokens: 5, messages }], ["/v1/responses", { input: "hi" }], ["/v1beta/models/shared:generateContent", { contents: [{ parts: [{ text: "hi" }] }] }]] as const;
  expect(await Promise.all(elsewhere.map(async ([path, body]) => (await post(path, { model: "shared", ...body })).status))).toEqual([200, 200, 200]);
  expect((await post("/v1/embeddings", { model: "embedding", input: "hi" })).status).toBe(200);

  hangUp(origins[0]!.server);
  expect(new Set(await Promise.all(Array.from({ length: 20 }, (_, i) => told("shared", `s${i}`))))).toEqual(new Set(["b"]));
  hangUp(origins[1]!.server);
  for (const model of ["shared", "only-a", "gpt-4o", "auto"]) {
    const { status, headers, json } = await chat(model, "s");
    expect([model, status, json.error?.code, headers.get("x-should-retry"), Number(headers.get("retry-after")) > 0]).toEqual([model, 503, "sovereign_unavailable", "false", true]);
  }
  await gateway.stop();
  expect(asked.length).toBeGreaterThan(100);
}, 60_000);
