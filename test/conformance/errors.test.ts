import OpenAI, { APIError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";
import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway, type Client } from "./gateway.ts";

const hello: OpenAI.ChatCompletionUserMessageParam[] = [{ role: "user", content: "hello" }];

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await Gateway.start();
  client = await gateway.client();
  gateway.mock.onMessage("hello", { content: "hi" });
});
afterAll(() => gateway?.stop());

/** What a call is refused with. */
async function refusal(act: Promise<unknown>): Promise<APIError> {
  const error = await act.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
}

/** OpenAI's shape, and an id to ask about. */
function expectShape(error: APIError): void {
  expect(error.error).toEqual({ message: expect.any(String), type: expect.any(String), param: error.param ?? null, code: error.code ?? null });
  expect(error.requestID).toMatch(/\S/);
}

const chat = (sdk: OpenAI, model: string, rest: object = {}) => sdk.chat.completions.create({ model, messages: hello, ...rest });

describe("refused by the gateway", () => {
  test("a key that nobody made, and none at all", async () => {
    for (const key of ["sk-forge-0123456789abcdefghijklmnopqrstuvwxyzABCDEF", "x", "sk-proj-somewhere-else"]) {
      const error = await refusal(chat(gateway.sdk(key), "openai/gpt-4o-mini"));
      expect(error).toBeInstanceOf(AuthenticationError);
      expect(error.code).toBe("invalid_api_key");
      expectShape(error);
      expect(error.message).not.toContain(key);
    }
    const bare = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", body: "{}" });
    expect([bare.status, await bare.json()]).toMatchObject([401, { error: { code: "missing_api_key" } }]);
  });

  test("a model nobody knows", async () => {
    const error = await refusal(chat(client.openai, "no-such-model"));
    expect(error).toBeInstanceOf(NotFoundError);
    expect(error).toMatchObject({ code: "model_not_found", param: "model" });
    expectShape(error);
  });

  test("a body that is not a request", async () => {
    for (const [rest, param] of [[{ messages: "hello" }, "messages"], [{ messages: [] }, "messages"], [{ model: 7 }, "model"], [{ max_tokens: -1 }, "max_tokens"], [{ stream: "yes" }, "stream"]] as const) {
      const error = await refusal(chat(client.openai, "openai/gpt-4o-mini", rest));
      expect(error).toBeInstanceOf(BadRequestError);
      expect(error).toMatchObject({ type: "invalid_request_error", param });
      expectShape(error);
    }
  });

  test("a body that is not JSON", async () => {
    for (const body of ["", "{", "[]", '"hi"', '{"model":"openai/gpt-4o-mini"']) {
      const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", body, headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" } });
      expect([body, answer.status]).toEqual([body, 400]);
      expect(await answer.json()).toMatchObject({ error: { type: "invalid_request_error" } });
    }
  });

  test("too many requests", async () => {
    const slow = await gateway.client({ limits: { requestsPerMinute: 2 } });
    const first = await chat(slow.openai, "openai/gpt-4o-mini").withResponse();
    const second = await chat(slow.openai, "openai/gpt-4o-mini").withResponse();
    expect([first, second].map(({ response }) => [response.headers.get("x-ratelimit-limit"), response.headers.get("x-ratelimit-remaining")])).toEqual([["2", "1"], ["2", "0"]]);
    const error = await refusal(chat(slow.openai, "openai/gpt-4o-mini"));
    expect(error).toBeInstanceOf(RateLimitError);
    expectShape(error);
    const seconds = Number(error.headers!.get("retry-after"));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(error.headers!.get("x-ratelimit-remaining")).toBe("0");
  });

  test("an address that does not exist", async () => {
    const error = await refusal(client.openai.get("/nothing/here"));
    expect(error).toBeInstanceOf(NotFoundError);
    expectShape(error);
  });
});

describe("refused or broken upstream", () => {
  test("what is about the client's request arrives in the upstream's own words", async () => {
    const error = await refusal(chat(client.openai, "selfhosted/bad-request"));
    expect(error).toBeInstanceOf(BadRequestError);
    expect(error.error).toEqual({ message: "upstream says context_length_exceeded", type: "context_length_exceeded", param: null, code: "context_length_exceeded" });
  });

  test("a busy upstream is a RateLimitError with its retry-after", async () => {
    const error = await refusal(chat(client.openai, "selfhosted/busy"));
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error.headers!.get("retry-after")).toBe("7");
  });

  test("the gateway's own credentials are not the client's fault", async () => {
    const error = await refusal(chat(client.openai, "selfhosted/no-key"));
    expect(error).toBeInstanceOf(InternalServerError);
    expect(error.status).toBe(502);
    expectShape(error);
  });

  test("no answer, no JSON, a failure: InternalServerError in OpenAI's shape", async () => {
    for (const model of ["broken", "html", "hangup"]) {
      const error = await refusal(chat(client.openai, `selfhosted/${model}`));
      expect(error).toBeInstanceOf(InternalServerError);
      expectShape(error);
      expect(await gateway.entry(client, error.requestID)).toMatchObject({ end: "upstream_error", usage: { inputTokens: 0, outputTokens: 0 } });
    }
  });

  test("a stream that goes wrong throws after the text before it", async () => {
    for (const [model, end] of [["error-chunk", "upstream_error"], ["cut", "upstream_error"], ["unfinished", "unterminated"]] as const) {
      const { data, response } = await client.openai.chat.completions.create({ model: `selfhosted/${model}`, messages: hello, stream: true }).withResponse();
      let text = "";
      const error = await refusal((async () => {
        for await (const chunk of data) text += chunk.choices[0]!.delta.content ?? "";
      })());
      expect([model, text]).toEqual([model, "so far"]);
      expect(error.message).toMatch(/\S/);
      const entry = await gateway.entry(client, response.headers.get("x-request-id"));
      expect([model, entry.end]).toEqual([model, end]);
    }
  });
});

test("an error inside a stream is told once, in the upstream's own words", async () => {
  const body = JSON.stringify({ model: "selfhosted/error-chunk", messages: hello, stream: true });
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", body, headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" } });
  expect((await answer.text()).match(/"error":\{"message":"[^"]*"/g)).toEqual(['"error":{"message":"upstream lost its mind"']);
});

describe("a client that leaves", () => {
  test("stops the upstream and is settled once", async () => {
    const leaver = await gateway.client();
    const { data, response } = await leaver.openai.chat.completions.create({ model: "selfhosted/endless", messages: hello, stream: true }).withResponse();
    let chunks = 0;
    for await (const chunk of data) {
      expect(chunk.choices).toHaveLength(1);
      if (++chunks === 5) break;
    }
    await gateway.upstream.last("endless").gone;
    expect(await gateway.entry(leaver, response.headers.get("x-request-id"))).toMatchObject({ end: "client_gone", estimated: true });
    const { totals } = await gateway.usage(leaver);
    expect(totals.requests).toBe(1);
    expect(totals.outputTokens).toBeGreaterThan(0);
  });

  test("with an AbortController, too", async () => {
    const controller = new AbortController();
    const stream = await client.openai.chat.completions.create({ model: "selfhosted/endless", messages: hello, stream: true }, { signal: controller.signal });
    for await (const _ of stream) controller.abort();
    await gateway.upstream.last("endless").gone;
  });
});

test("headers of a raw response", async () => {
  const response = await chat(client.openai, "openai/gpt-4o-mini").asResponse();
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("x-ratelimit-limit")).toBe("1000");
  expect(Number(response.headers.get("x-ratelimit-remaining"))).toBeLessThan(1_000);
  const again = await chat(client.openai, "openai/gpt-4o-mini").withResponse();
  expect(again.request_id).toMatch(/\S/);
  expect(again.request_id).not.toBe(response.headers.get("x-request-id"));
  expect(again.data).toMatchObject({ _request_id: again.request_id });
});

test("a sovereign request runs on the self-hosted server or not at all", async () => {
  const headers = { "X-Sovereign": "true" };
  const before = gateway.mock.getRequests().length;
  const error = await refusal(client.openai.chat.completions.create({ model: "openai/gpt-4o-mini", messages: hello }, { headers }));
  expect(error).toMatchObject({ status: 503, code: "sovereign_unavailable" });
  expect(error.headers!.get("x-should-retry")).toBe("false");
  expect(gateway.mock.getRequests()).toHaveLength(before);
  const stream = await client.openai.chat.completions.create({ model: "selfhosted/endless", messages: hello, stream: true }, { headers });
  for await (const _ of stream) break;
});

describe("an answer that comes whole", () => {
  const body = JSON.stringify({ id: "c1", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content: "long 🗼 ".repeat(8_000) }, finish_reason: "stop" }], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } });
  const bytes = Buffer.from(body);
  const ask = () => fetch(`${gateway.url}/v1/chat/completions`, { method: "POST", headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" }, body: JSON.stringify({ model: "selfhosted/whole", messages: hello }) });
  const json = { "content-type": "application/json" };

  test.each([
    ["with its length", (response) => response.writeHead(200, { ...json, "content-length": bytes.length }).end(bytes)],
    ["in small packets", (response) => {
      response.writeHead(200, json);
      for (let at = 0; at < bytes.length; at += 997) response.write(bytes.subarray(at, at + 997));
      response.end();
    }],
    ["gzipped", (response) => response.writeHead(200, { ...json, "content-encoding": "gzip" }).end(gzipSync(bytes))],
  ] as [string, (response: ServerResponse) => void][])("%s is passed on byte for byte", async (_, script) => {
    gateway.upstream.scripts.set("whole", script);
    const answer = await ask();
    expect([answer.status, await answer.text()]).toEqual([200, body]);
  });

  test.each([
    ["before its length", (response) => {
      response.writeHead(200, { ...json, "content-length": bytes.length }).write(bytes.subarray(0, 40_000));
      setTimeout(() => response.socket?.destroy(), 50);
    }],
    ["in its first packet", (response) => {
      response.writeHead(200, json).write(bytes.subarray(0, 300));
      setTimeout(() => response.socket?.destroy(), 50);
    }],
    ["behind many packets", (response) => {
      response.writeHead(200, json).write(bytes.subarray(0, 50_000));
      setTimeout(() => response.socket?.destroy(), 50);
    }],
    ["while it is zipped", (response) => {
      response.writeHead(200, { ...json, "content-encoding": "gzip" }).write(gzipSync(bytes).subarray(0, 60));
      setTimeout(() => response.socket?.destroy(), 50);
    }],
  ] as [string, (response: ServerResponse) => void][])("that breaks off %s is an error", async (_, script) => {
    gateway.upstream.scripts.set("whole", script);
    const answer = await ask();
    expect([answer.status, await answer.json()]).toMatchObject([502, { error: { code: "upstream_error", message: expect.stringContaining("broke off") as unknown } }]);
  });
});
