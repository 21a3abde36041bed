/** Upstreams that begin an answer and stop in the middle of it: nothing waits for ever, nothing stays held. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { chunk } from "./upstream.ts";

const silent = { role: "assistant", content: "so far" };
let hungUp: Promise<void>;
let upstream: Server;
let gateway: LocalGateway;

beforeAll(async () => {
  upstream = createServer((request, response) => {
    request.resume();
    if (request.headers.authorization === "Bearer streams") {
      hungUp = new Promise((resolve) => response.once("close", resolve));
      response.writeHead(200, { "content-type": "text/event-stream" }).write(chunk(silent));
      return;
    }
    response.writeHead(request.headers.authorization === "Bearer errors" ? 400 : 200, { "content-type": "application/json" });
    response.write('{"id":"x",');
  });
  await new Promise<void>((listening) => upstream.listen(0, "127.0.0.1", listening));
  const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}/v1`;
  gateway = await startLocal({
    port: 0,
    vars: {
      ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", UPSTREAM_HEADERS_TIMEOUT_MS: "400", STREAM_IDLE_TIMEOUT_MS: "1500", STREAM_HEARTBEAT_MS: "100",
      OPENAI_BASE_URL: base, OPENAI_API_KEY: "answers", GROQ_BASE_URL: base, GROQ_API_KEY: "errors", CEREBRAS_BASE_URL: base, CEREBRAS_API_KEY: "streams",
    },
  });
});

afterAll(async () => {
  await gateway?.stop();
  upstream?.closeAllConnections();
  upstream?.close();
});

test.each([["a whole answer", "openai/stalls"], ["an error", "groq/stalls"]])("%s that stops is a 504, and its place is free again", async (_, model) => {
  const { secret } = await createKey(gateway.url, { limits: { concurrentRequests: 1 } });
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const ask = () => fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify({ model, messages: [{ role: "user", content: "x" }] }) });
  for (let i = 0; i < 2; i += 1) {
    const answer = await ask();
    expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([504, "upstream_timeout"]);
    const id = answer.headers.get("x-request-id");
    const entry = async () => (await fetch(`${gateway.url}/dashboard/requests/${id}`, { headers })).json();
    await expect.poll(entry).toMatchObject({ id, status: 504, end: "upstream_timeout", costNanoUsd: 0 });
  }
});

/** Asks for a stream that begins and never goes on. Whoever asks for usage gets it piped by the runtime. */
async function silence(include_usage: boolean) {
  const { secret } = await createKey(gateway.url, { limits: { concurrentRequests: 1 } });
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
  const body = JSON.stringify({ model: "cerebras/silent", messages: [{ role: "user", content: "x" }], stream: true, stream_options: { include_usage } });
  const leaving = new AbortController();
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers, body, signal: leaving.signal });
  const id = answer.headers.get("x-request-id");
  return { answer, leave: () => leaving.abort(), entry: async () => (await fetch(`${gateway.url}/dashboard/requests/${id}`, { headers })).json() };
}

test.each([["passed on by JavaScript", false], ["piped by the runtime", true]])("a stream that goes silent ends as a timeout, and the upstream is hung up on: %s", async (_, usageAsked) => {
  const { answer, entry } = await silence(usageAsked);
  const text = await answer.text();
  expect(text).toContain("so far");
  expect(text).toContain("upstream_timeout");
  await hungUp;
  await expect.poll(entry).toMatchObject({ end: "upstream_timeout" });
});

test("a client that leaves a silent upstream is noticed by the next comment, and the upstream is hung up on", async () => {
  const { answer, leave, entry } = await silence(false);
  const reader = answer.body!.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain("so far");
  reader.closed.catch(() => {});
  leave();
  await hungUp;
  await expect.poll(entry).toMatchObject({ end: "client_gone" });
});
