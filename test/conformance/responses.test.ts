/** Responses and legacy completions as OpenAI's own SDK speaks them. */
import type { Mountable } from "@copilotkit/aimock";
import OpenAI, { APIError, AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from "openai";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway, openaiKey, type Client } from "./gateway.ts";

const model = "openai/gpt-4o-mini";
const usage = { input_tokens: 11, output_tokens: 7, total_tokens: 18 };
const settled = { end: "complete", status: 200, estimated: false, usage: { inputTokens: 11, outputTokens: 7 } };
const poem = "Bäume stehen 🌳 im Wind, und 漢字 fallen wie Laub auf den Weg.";
/** Key order, spacing and a number beyond 2^53 must survive. */
const order = '{"zeta": 1, "alpha":9007199254740993, "place":"Zürich"}';
const tools: OpenAI.Responses.FunctionTool[] = [{ type: "function", name: "get_weather", parameters: { type: "object", properties: { alpha: { type: "integer" } } }, strict: false }];

let gateway: Gateway;
let client: Client;
let openai: OpenAI;

beforeAll(async () => {
  gateway = await Gateway.start((mock) => ({ MISTRAL_API_KEY: openaiKey, MISTRAL_BASE_URL: `${mock}/v1` }));
  client = await gateway.client();
  openai = client.openai;
  gateway.mock.mount("", inputTokens);
  gateway.mock.mount("", fim);
  gateway.mock.onToolResult("call_weather", { content: "Sunny.", usage });
  gateway.mock.onMessage("a poem", { content: poem, usage });
  gateway.mock.onMessage("weather", { toolCalls: [{ id: "call_weather", name: "get_weather", arguments: order }], usage });
});
afterAll(() => gateway?.stop());

/** aimock does not count tokens. */
const inputTokens: Mountable = {
  async handleRequest(request, response, pathname) {
    if (request.method !== "POST" || !pathname.endsWith("/responses/input_tokens")) return false;
    let text = "";
    for await (const part of request.setEncoding("utf8")) text += part;
    const { input, store } = JSON.parse(text) as { input: string; store?: unknown };
    if (store !== undefined) response.writeHead(400).end('{"error":{"message":"Unknown parameter: store"}}');
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ object: "response.input_tokens", input_tokens: input.length }));
    return true;
  },
};

/** Mistral's completions, which aimock does not have: what they were asked, and the answer as a chat message. */
const fimAsked: Record<string, unknown>[] = [];
const fim: Mountable = {
  async handleRequest(request, response, pathname) {
    if (!pathname.endsWith("/fim/completions")) return false;
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    const asked = JSON.parse(body) as Record<string, unknown>;
    fimAsked.push(asked);
    const head = { id: "fim-1", created: 1, model: "codestral-2508" };
    const counted = { usage: { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 } };
    if (asked.stream !== true) {
      const message = { role: "assistant", content: "  return a + b;" };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message, finish_reason: "stop" }], ...counted }));
      return true;
    }
    const tell = (delta: object, finish_reason: string | null, rest: object = {}): unknown => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }], ...rest })}\n\n`);
    response.writeHead(200, { "content-type": "text/event-stream" });
    tell({ role: "assistant", content: "  return" }, null);
    tell({ content: " a + b;" }, "stop", counted);
    response.end("data: [DONE]\n\n");
    return true;
  },
};

const event = (type: string, sequence_number: number, rest: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number, ...rest })}\n\n`;
const skeleton = { id: "resp_fault", object: "response", created_at: 1, model: "fault", output: [], error: null };
const created = event("response.created", 0, { response: { ...skeleton, status: "in_progress" } });
const item = { id: "msg_1", type: "message", role: "assistant", status: "in_progress", content: [] };
const part = { type: "output_text", text: "", annotations: [] };
const started = created + event("response.output_item.added", 1, { output_index: 0, item }) + event("response.content_part.added", 2, { item_id: "msg_1", output_index: 0, content_index: 0, part });
const text = (sequence: number, delta: string): string => event("response.output_text.delta", sequence, { item_id: "msg_1", output_index: 0, content_index: 0, delta, logprobs: [] });

/** Lets the self-hosted server stream these packets, a moment apart, and then close or break. */
function script(name: string, packets: (string | Buffer)[], end = (response: ServerResponse): unknown => response.end()): void {
  gateway.upstream.scripts.set(name, (response) => void (async () => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const packet of packets) {
      response.write(packet);
      await sleep(1);
    }
    end(response);
  })());
}

const answer = (name: string, status: number, body: object): void =>
  void gateway.upstream.scripts.set(name, (response) => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)));

const entryOf = async (response: Response) => gateway.entry(client, response.headers.get("x-request-id"));

/** What a call is refused with. */
async function refusal(act: Promise<unknown>): Promise<APIError> {
  const error = await act.then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
}

describe("an answer", () => {
  test("reaches the client as the upstream gave it, and the ledger with its usage", async () => {
    const { data, response } = await openai.responses.create({ model, input: "a poem", instructions: "rhyme" }).withResponse();
    expect(data).toMatchObject({ object: "response", status: "completed", output_text: poem, usage });
    expect(await entryOf(response)).toMatchObject({ ...settled, deployment: model });
  });

  test("is not stored, whatever the client says, and its other fields arrive", async () => {
    answer("stored", 200, { ...skeleton, status: "completed", usage });
    for (const store of [undefined, null, true, false]) {
      const fields = { input: "hello", store, temperature: 0, metadata: { team: "search" }, include: ["reasoning.encrypted_content"], x_new: { deep: [1] } };
      await openai.responses.create({ model: "selfhosted/stored", ...fields } as never);
      expect(gateway.upstream.last("stored")).toMatchObject({ path: "/v1/responses", body: { ...fields, store: false } });
    }
  });

  test("with every kind of usage", async () => {
    const full = { input_tokens: 300, input_tokens_details: { cached_tokens: 100, cache_write_tokens: 50 }, output_tokens: 60, output_tokens_details: { reasoning_tokens: 40 }, total_tokens: 360 };
    answer("full", 200, { ...skeleton, status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, usage: full });
    const { data, response } = await openai.responses.create({ model: "selfhosted/full", input: "hello", max_output_tokens: 60 }).withResponse();
    expect(data).toMatchObject({ status: "incomplete", usage: full });
    expect(await entryOf(response)).toMatchObject({ end: "complete", estimated: false, usage: { inputTokens: 300, cachedTokens: 100, cacheWriteTokens: 50, outputTokens: 60, reasoningTokens: 40 } });
  });

  test("that failed under status 200 is an error in the ledger, and free", async () => {
    answer("failing", 200, { ...skeleton, status: "failed", error: { code: "server_error", message: "no more" }, usage: null });
    const { data, response } = await openai.responses.create({ model: "selfhosted/failing", input: "hello" }).withResponse();
    expect(data.error).toEqual({ code: "server_error", message: "no more" });
    expect(await entryOf(response)).toMatchObject({ end: "upstream_error", estimated: false, usage: { inputTokens: 0, outputTokens: 0 } });
  });
});

describe("a stream", () => {
  test("has the upstream's own bytes", async () => {
    const ask = async (url: string, key: string, name: string): Promise<string> => {
      const body = JSON.stringify({ model: name, input: "a poem", stream: true, store: false });
      return (await fetch(`${url}/v1/responses`, { method: "POST", body, headers: { "content-type": "application/json", authorization: `Bearer ${key}` } })).text();
    };
    const plain = (stream: string): string => stream.replaceAll(/"(?:id|item_id|created_at)":(?:"[^"]*"|\d+)/g, "");
    expect(plain(await ask(gateway.url, client.key, model))).toBe(plain(await ask(gateway.mock.url, openaiKey, "gpt-4o-mini")));
    script("bytes", [...Buffer.from(started + text(3, poem))].map((byte) => Buffer.of(byte)).concat(Buffer.from(event("response.completed", 4, { response: { ...skeleton, status: "completed", usage } }))));
    expect(await ask(gateway.url, client.key, "selfhosted/bytes")).toBe(started + text(3, poem) + event("response.completed", 4, { response: { ...skeleton, status: "completed", usage } }));
  });

  test("is read by the SDK, and its usage is in the ledger", async () => {
    const { data, response } = await openai.responses.create({ model, input: "a poem", stream: true }).withResponse();
    const events = await Array.fromAsync(data);
    expect(events.flatMap((one) => (one.type === "response.output_text.delta" ? one.delta : [])).join("")).toBe(poem);
    expect(events.at(-1)).toMatchObject({ type: "response.completed", response: { usage } });
    expect(await entryOf(response)).toMatchObject(settled);
  });

  test("is assembled by the helper", async () => {
    const stream = openai.responses.stream({ model, input: "a poem" });
    const deltas: string[] = [];
    stream.on("response.output_text.delta", ({ delta }) => deltas.push(delta));
    const final = await stream.finalResponse();
    expect(deltas.join("")).toBe(poem);
    expect(final).toMatchObject({ status: "completed", output_text: poem, usage });
  });

  test("is asked for with nothing but what the client sent", async () => {
    script("asked", [started, text(3, poem), event("response.completed", 4, { response: { ...skeleton, status: "completed", usage } })]);
    await Array.fromAsync(await openai.responses.create({ model: "selfhosted/asked", input: "hello", stream: true, store: false }));
    expect(gateway.upstream.last("asked").text).toBe('{"model":"asked","input":"hello","stream":true,"store":false}');
  });

  test("without usage is estimated, and marked so", async () => {
    script("silent", [started, text(3, poem), event("response.completed", 4, { response: { ...skeleton, status: "completed" } })]);
    const { data, response } = await openai.responses.create({ model: "selfhosted/silent", input: "hello", stream: true }).withResponse();
    await Array.fromAsync(data);
    const entry = await entryOf(response);
    expect(entry).toMatchObject({ end: "complete", estimated: true });
    expect(entry.usage.outputTokens).toBeGreaterThan(0);
  });

  test("an error inside it is an APIError", async () => {
    script("error-event", [started, text(3, "so far"), event("error", 4, { code: "server_error", message: "lost its mind", param: null })]);
    const { data, response } = await openai.responses.create({ model: "selfhosted/error-event", input: "hello", stream: true }).withResponse();
    expect(await refusal(Array.fromAsync(data))).toMatchObject({ code: "server_error", error: { message: "lost its mind" } });
    expect(await entryOf(response)).toMatchObject({ end: "upstream_error" });
  });

  test.each<[string, (response: ServerResponse) => unknown, string]>([
    ["cut", (response) => response.socket?.destroy(), "upstream_error"], ["unfinished", (response) => response.end(), "unterminated"],
  ])("that is %s ends as an APIError", async (name, end, how) => {
    script(name, [started, text(3, "so far")], (response) => setTimeout(() => end(response), 50));
    const { data, response } = await openai.responses.create({ model: `selfhosted/${name}`, input: "hello", stream: true }).withResponse();
    const error = await refusal(Array.fromAsync(data));
    expect(error).toMatchObject({ code: "upstream_error", type: "server_error" });
    expect(error.message).toContain("broke off");
    expect(await entryOf(response)).toMatchObject({ end: how, estimated: true });
  });

  test("stops at the upstream when the client leaves", async () => {
    gateway.upstream.scripts.set("endless-response", (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write(started);
      const timer = setInterval(() => response.write(text(3, "more ")), 10);
      response.once("close", () => clearInterval(timer));
    });
    const { data, response } = await openai.responses.create({ model: "selfhosted/endless-response", input: "hello", stream: true, store: false }).withResponse();
    for await (const one of data) if (one.type === "response.output_text.delta") break;
    await gateway.upstream.last("endless-response").gone;
    expect(await entryOf(response)).toMatchObject({ end: "client_gone", estimated: true });
  });
});

describe("tools", () => {
  test("a round trip: a call, its result, an answer", async () => {
    const question: OpenAI.Responses.ResponseInputItem = { role: "user", content: "weather please" };
    const first = await openai.responses.create({ model, input: [question], tools });
    const call = first.output.find((one) => one.type === "function_call")!;
    expect(call).toMatchObject({ name: "get_weather", call_id: "call_weather", arguments: order });
    const input: OpenAI.Responses.ResponseInput = [question, call as OpenAI.Responses.ResponseFunctionToolCall, { type: "function_call_output", call_id: call.call_id, output: "21" }];
    const second = await openai.responses.create({ model, input, tools });
    expect(second.output_text).toBe("Sunny.");
  });

  test("the helper assembles a streamed call", async () => {
    const final = await openai.responses.stream({ model, input: "weather please", tools }).finalResponse();
    expect(final.output).toMatchObject([{ type: "function_call", name: "get_weather", arguments: order }]);
  });
});

test("counting input tokens costs nothing", async () => {
  const counter = await gateway.client({ limits: { tokensPerMinute: 20 } });
  const { data, response } = await counter.openai.responses.inputTokens.count({ model, input: "a long question ".repeat(100) }).withResponse();
  expect(data).toEqual({ object: "response.input_tokens", input_tokens: 1_600 });
  expect(await gateway.entry(counter, response.headers.get("x-request-id"))).toMatchObject({ status: 200, estimated: false, usage: { inputTokens: 0, outputTokens: 0 } });
});

describe("refused", () => {
  const ask = (name: string, rest: object = {}, sdk = openai) => sdk.responses.create({ model: name, input: "hello", ...rest });

  test("by class", async () => {
    expect(await refusal(ask(model, {}, gateway.sdk("x")))).toBeInstanceOf(AuthenticationError);
    expect(await refusal(ask("no-such-model"))).toBeInstanceOf(NotFoundError);
    for (const [rest, param] of [[{ input: 7 }, "input"], [{ max_output_tokens: -1 }, "max_output_tokens"], [{ stream: "yes" }, "stream"]] as const) {
      const error = await refusal(ask(model, rest));
      expect(error).toBeInstanceOf(BadRequestError);
      expect(error).toMatchObject({ type: "invalid_request_error", param });
    }
    const slow = await gateway.client({ limits: { requestsPerMinute: 1 } });
    await slow.openai.responses.create({ model, input: "a poem" });
    expect(await refusal(ask(model, {}, slow.openai))).toBeInstanceOf(RateLimitError);
  });

  test("for wanting what other clients may have stored", async () => {
    const calls = gateway.mock.getRequests().length;
    expect(await refusal(ask(model, { previous_response_id: "resp_1" }))).toMatchObject({ status: 400, code: "previous_response_not_found", param: "previous_response_id" });
    expect(await refusal(ask(model, { conversation: "conv_1" }))).toMatchObject({ status: 404, code: "not_found", param: "conversation" });
    expect(await refusal(ask(model, { prompt: { id: "pmpt_1" } }))).toMatchObject({ status: 400, code: "invalid_request", param: "prompt" });
    expect(await refusal(ask(model, { input: [{ type: "item_reference", id: "msg_1" }] }))).toMatchObject({ status: 404, param: "input[0]" });
    expect(gateway.mock.getRequests()).toHaveLength(calls);
  });

  test("by the upstream, in its own words", async () => {
    answer("long", 400, { error: { message: "too long", type: "invalid_request_error", param: "input", code: "context_length_exceeded" } });
    expect(await refusal(ask("selfhosted/long"))).toMatchObject({ status: 400, code: "context_length_exceeded", param: "input" });
    answer("unknown-path", 404, { error: { message: "no such route", type: "not_found", param: null, code: null } });
    expect(await refusal(ask("selfhosted/unknown-path"))).toBeInstanceOf(NotFoundError);
    expect(await refusal(ask("selfhosted/broken"))).toBeInstanceOf(InternalServerError);
  });
});

describe("legacy completions", () => {
  const told = { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 };
  const legacy = { end: "complete", estimated: false, usage: { inputTokens: 5, outputTokens: 4 } };
  const base = { id: "cmpl-1", object: "text_completion", created: 1, model: "legacy" };
  const words = ["Once", " upon", " a 🗼", "."];
  const piece = (words: string, finish_reason: string | null = null): string => `data: ${JSON.stringify({ ...base, choices: [{ text: words, index: 0, logprobs: null, finish_reason }] })}\n\n`;
  const usageChunk = `data: ${JSON.stringify({ ...base, choices: [], usage: told })}\n\n`;
  const packets = [...words.map((word) => piece(word)), piece("", "stop"), usageChunk, "data: [DONE]\n\n"];

  test("an answer", async () => {
    answer("legacy", 200, { ...base, choices: [{ text: "Once upon a time", index: 0, logprobs: null, finish_reason: "length" }], usage: told });
    const { data, response } = await openai.completions.create({ model: "selfhosted/legacy", prompt: ["a", "b"], max_tokens: 5, echo: true }).withResponse();
    expect(data.choices[0]).toMatchObject({ text: "Once upon a time", finish_reason: "length" });
    expect(gateway.upstream.last("legacy")).toMatchObject({ path: "/v1/completions", text: '{"model":"legacy","prompt":["a","b"],"max_tokens":5,"echo":true}' });
    expect(await entryOf(response)).toMatchObject(legacy);
  });

  test("a stream without the usage that nobody asked for, which is in the ledger", async () => {
    script("legacy-stream", packets);
    const { data, response } = await openai.completions.create({ model: "selfhosted/legacy-stream", prompt: "hello", stream: true }).withResponse();
    const chunks = await Array.fromAsync(data);
    expect(chunks.map((chunk) => chunk.choices[0]!.text).join("")).toBe(words.join(""));
    expect(chunks).toHaveLength(packets.length - 2);
    for (const chunk of chunks) expect(chunk.usage).toBeUndefined();
    expect(gateway.upstream.last("legacy-stream").body).toMatchObject({ stream_options: { include_usage: true } });
    expect(await entryOf(response)).toMatchObject(legacy);
  });

  test("a stream with the usage that was asked for", async () => {
    script("legacy-usage", packets);
    const { data, response } = await openai.completions.create({ model: "selfhosted/legacy-usage", prompt: "hello", stream: true, stream_options: { include_usage: true } }).withResponse();
    expect((await Array.fromAsync(data)).at(-1)).toMatchObject({ choices: [], usage: told });
    expect(await entryOf(response)).toMatchObject(legacy);
  });

  test("a stream that breaks is an APIError", async () => {
    script("legacy-cut", packets.slice(0, 2));
    const stream = await openai.completions.create({ model: "selfhosted/legacy-cut", prompt: "hello", stream: true });
    expect(await refusal(Array.fromAsync(stream))).toMatchObject({ code: "upstream_error" });
  });

  describe("of a model that only converses", () => {
    const several = { model, prompt: ["a poem", "another text", "a poem again"], max_tokens: 50 };
    const texts = [poem, "Another one.", poem];

    beforeAll(() => {
      gateway.mock.onMessage("another text", { content: "Another one.", usage });
      gateway.mock.onMessage("refuse me", { error: { message: "upstream says no", type: "invalid_request_error" }, status: 400 });
    });

    test("several prompts are several requests, joined", async () => {
      const { data, response } = await openai.completions.create(several).withResponse();
      expect(data).toMatchObject({ object: "text_completion", choices: texts.map((text, index) => ({ index, text, finish_reason: "stop" })), usage: { prompt_tokens: 33, completion_tokens: 21, total_tokens: 54 } });
      const id = response.headers.get("x-request-id");
      const entries = await Promise.all([id, `${id}r2`, `${id}r3`].map((one) => gateway.entry(client, one)));
      expect(entries.map(({ usage: { inputTokens, outputTokens } }) => [inputTokens, outputTokens])).toEqual(Array(3).fill([11, 7]));
      expect(Number(response.headers.get("x-forge-cost"))).toBeGreaterThan(0);
    });

    test.each([true, false])("and one stream, with the usage of all where it is asked for: %j", async (include_usage) => {
      const chunks = await Array.fromAsync(await openai.completions.create({ ...several, stream: true, stream_options: { include_usage } }));
      const told = texts.map((_, index) => chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index)));
      expect(told.map((some) => some.map(({ text }) => text).join(""))).toEqual(texts);
      expect(told.map((some) => some.at(-1)!.finish_reason)).toEqual(["stop", "stop", "stop"]);
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
      expect(chunks.filter((chunk) => chunk.usage != null).map((chunk) => chunk.usage!.total_tokens)).toEqual(include_usage ? [54] : []);
    });

    test("one that is refused is the refusal of all", async () => {
      const prompt = ["a poem", "refuse me"];
      expect(await refusal(openai.completions.create({ ...several, prompt }))).toMatchObject({ status: 400 });
      expect(await refusal((async () => Array.fromAsync(await openai.completions.create({ ...several, prompt, stream: true })))())).toBeInstanceOf(APIError);
    });

    test("echo, and a stop", async () => {
      const { choices } = await openai.completions.create({ model, prompt: "a poem", echo: true, max_tokens: 50, stop: ["\n"] });
      expect(choices[0]!.text).toBe(`a poem${poem}`);
    });

    test.each([[{ prompt: [1, 2, 3] }, "prompt"], [{ prompt: [[1], [2]] }, "prompt"], [{ suffix: "}" }, "suffix"], [{ best_of: 2 }, "best_of"], [{ echo: true, logprobs: 1 }, "echo"], [{ prompt: ["a", "b"], suffix: "}" }, "prompt"]] as const)("what it cannot be told of is refused by name: %j", async (over, param) => {
      const error = await refusal(openai.completions.create({ model, prompt: "a poem", ...over } as never));
      expect(error).toMatchObject({ status: 400, code: "invalid_request", param: param === "prompt" && "suffix" in over ? "suffix" : param });
      expect(error.message).toContain(`can only be told in openai-completions, which is not spoken by ${model}`);
    });
  });

  test("tokens and a suffix reach whoever knows them as they are", async () => {
    answer("legacy-tokens", 200, { ...base, choices: [{ text: "x", index: 0, logprobs: null, finish_reason: "length" }], usage: told });
    await openai.completions.create({ model: "selfhosted/legacy-tokens", prompt: [[1, 2], [3]], suffix: "}", best_of: 2 });
    expect(gateway.upstream.last("legacy-tokens").text).toBe('{"model":"legacy-tokens","prompt":[[1,2],[3]],"suffix":"}","best_of":2}');
  });

  describe("between a prompt and a suffix, by a model of Mistral's", () => {
    const asked = { model: "mistral/codestral-latest", prompt: "def add(a, b):", suffix: "print(add(1, 2))", max_tokens: 20, temperature: 0, stop: ["\n\n"], seed: 7 };

    test("a whole answer", async () => {
      const { data, response } = await openai.completions.create(asked).withResponse();
      expect(data).toMatchObject({ object: "text_completion", choices: [{ index: 0, text: "  return a + b;", finish_reason: "stop", logprobs: null }], usage: { prompt_tokens: 9, completion_tokens: 4 } });
      expect(fimAsked.at(-1)).toEqual({ model: "codestral-latest", prompt: "def add(a, b):", suffix: "print(add(1, 2))", temperature: 0, stop: ["\n\n"], max_tokens: 20, random_seed: 7 });
      expect([response.headers.get("x-forge-losses"), await entryOf(response)]).toMatchObject([null, { end: "complete", deployment: "mistral/codestral-latest", usage: { inputTokens: 9, outputTokens: 4 }, costSource: "price" }]);
    });

    test("a stream, with its usage where it is asked for", async () => {
      const { data, response } = await openai.completions.create({ ...asked, stream: true, stream_options: { include_usage: true } }).withResponse();
      const chunks = await Array.fromAsync(data);
      expect(chunks.flatMap(({ choices }) => choices.map(({ text }) => text)).join("")).toBe("  return a + b;");
      expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 13 } });
      expect(fimAsked.at(-1)).not.toHaveProperty("stream_options");
      expect(await entryOf(response)).toMatchObject({ end: "complete", usage: { inputTokens: 9, outputTokens: 4 } });
    });

    test("more than one answer is a declared loss; tokens, and models that only converse, are refused by name", async () => {
      const { response } = await openai.completions.create({ ...asked, n: 2 }).withResponse();
      expect(response.headers.get("x-forge-losses")).toBe("choices");
      expect(await refusal(openai.completions.create({ ...asked, prompt: [1, 2] }))).toMatchObject({ status: 400, param: "prompt" });
      expect(await refusal(openai.completions.create({ ...asked, model: "mistral/mistral-small-latest" }))).toMatchObject({ status: 400, param: "suffix" });
    });
  });

  test("a model whose provider has none", async () => {
    const error = await refusal(openai.completions.create({ model: "groq/llama-3.3-70b-versatile", prompt: "hello" }));
    expect(error).toMatchObject({ status: 503, code: "no_provider" });
  });
});
