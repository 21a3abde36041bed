/** Messages through the real Worker on a socket, with both generations of Anthropic's SDK and with the base URL that each document names. */
import Anthropic from "@anthropic-ai/sdk";
import OldAnthropic from "anthropic-sdk-0";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { AnthropicUpstream, events, toolInput, usage, words } from "./anthropic-upstream.ts";
import { entryOf } from "../support/entry.ts";

const upstreamKey = "sk-ant-upstream-canary-0123456789";
const upstream = new AnthropicUpstream();
let gateway: LocalGateway;
let key: string;

beforeAll(async () => {
  gateway = await startLocal({
    port: 0,
    vars: { ...createKey.secrets, ANTHROPIC_API_KEY: upstreamKey, ANTHROPIC_BASE_URL: await upstream.start(), OPENAI_API_KEY: "sk-unused", ALLOW_PRIVATE_UPSTREAMS: "true" },
  });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 1_000 } })).secret;
});
afterAll(async () => {
  await gateway?.stop();
  upstream.stop();
});

type Entry = { end: string; status: number; estimated: boolean; way: string; costNanoUsd: number; usage: Record<string, number> };

const found = (id: string | null | undefined): Promise<Entry> => entryOf(gateway.url, key, id);

const counted = { inputTokens: 241, cachedTokens: 200, cacheWriteTokens: 30, outputTokens: 7, reasoningTokens: 2 };
const messages: Anthropic.MessageParam[] = [{ role: "user", content: "hello" }];
const ask = (model: string) => ({ model: `anthropic/${model}`, max_tokens: 64, messages });

type Sdk = typeof Anthropic;
const sdks: [string, Sdk, string][] = [["1.11.0", Anthropic, "2026-10-21"], ["0.137.0", OldAnthropic as unknown as Sdk, "2023-06-01"]];
const bases = [["the bare origin", ""], ["a base URL with /v1", "/v1"]] as const;
const settings = sdks.flatMap(([name, sdk, version]) => bases.map(([where, base]) => [`SDK ${name}, ${where}`, sdk, version, base] as const));

describe.each(settings)("%s", (_, sdk, version, base) => {
  const clientOf = (apiKey: string) => new sdk({ apiKey, authToken: null, baseURL: gateway.url + base, maxRetries: 0 });
  let anthropic: Anthropic;
  beforeAll(() => void (anthropic = clientOf(key)));

  /** What a call is refused with. */
  async function refusal(act: Promise<unknown>): Promise<InstanceType<Sdk["APIError"]>> {
    const error = await act.then(() => undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(sdk.APIError);
    return error as InstanceType<Sdk["APIError"]>;
  }

  test("an answer reaches the client as the upstream gave it, and the ledger exactly", async () => {
    const { data, request_id } = await anthropic.messages.create(ask("say")).withResponse();
    expect(data).toMatchObject({ id: "msg_fixed", type: "message", model: "say", content: [{ type: "text", text: words.join("") }], stop_reason: "end_turn", usage });
    expect(request_id).toMatch(/^req_[0-9a-f]{32}$/);
    expect(await found(request_id)).toMatchObject({ end: "complete", status: 200, estimated: false, usage: counted });
  });

  test("the upstream gets the client's bytes and headers of its protocol, its own model id and its own key", async () => {
    const extra = { temperature: 0.5, thinking: { type: "adaptive" }, metadata: { user_id: "u" }, x_new: { deep: [1] } };
    await anthropic.messages.create({ ...ask("say"), ...extra } as never, { headers: { "anthropic-beta": "one-2025-01-01,two-2025-01-01", "x-mine": "private" } });
    const { path, headers, text } = upstream.last;
    expect([path, text]).toEqual(["/v1/messages", JSON.stringify({ ...ask("say"), ...extra, model: "say" })]);
    expect(headers).toMatchObject({ "x-api-key": upstreamKey, "anthropic-version": version, "anthropic-beta": "one-2025-01-01,two-2025-01-01" });
    expect(Object.keys(headers).filter((name) => /^x-(?!api-key)|authorization|cookie/.test(name))).toEqual([]);
    expect(JSON.stringify(upstream.last)).not.toContain(key);
  });

  test("a stream is read event by event and assembled by the helper", async () => {
    const stream = anthropic.messages.stream(ask("say"));
    const texts: string[] = [];
    stream.on("text", (text) => void texts.push(text));
    const final = await stream.finalMessage();
    expect(texts).toEqual(words);
    expect(final).toMatchObject({ content: [{ type: "text", text: words.join("") }], stop_reason: "end_turn", usage: { input_tokens: 11, cache_read_input_tokens: 200, output_tokens: 7 } });
    expect(await found(stream.request_id)).toMatchObject({ end: "complete", estimated: false, way: "native", usage: counted });
  });

  test("tools, whole and streamed", async () => {
    const tools: Anthropic.Tool[] = [{ name: "weather", input_schema: { type: "object", properties: { city: { type: "string" } } } }];
    const answer = await anthropic.messages.create({ ...ask("tool"), tools, tool_choice: { type: "any" } });
    const streamed = await anthropic.messages.stream({ ...ask("tool"), tools }).finalMessage();
    for (const { content, stop_reason } of [answer, streamed]) expect([content[0], stop_reason]).toEqual([expect.objectContaining({ type: "tool_use", id: "toolu_1", name: "weather", input: toolInput }), "tool_use"]);
  });

  test("a client that leaves stops the upstream and pays for what was written", async () => {
    const stream = anthropic.messages.stream(ask("endless"));
    await new Promise<void>((resolve) => void stream.on("text", () => resolve()));
    const id = stream.request_id;
    const { gone } = upstream.last;
    stream.abort();
    await expect(stream.done()).rejects.toBeInstanceOf(sdk.APIUserAbortError);
    await gone;
    const entry = await found(id);
    expect(entry).toMatchObject({ end: "client_gone", estimated: true, usage: { inputTokens: 241, cachedTokens: 200, cacheWriteTokens: 30 } });
    expect(entry.usage.outputTokens).toBeGreaterThan(1);
  });

  test("counting tokens costs nothing", async () => {
    const { data, request_id } = await anthropic.messages.countTokens({ model: "anthropic/say", messages, system: "short" }).withResponse();
    expect(data.input_tokens).toBe(241);
    expect(upstream.last.path).toBe("/v1/messages/count_tokens");
    expect(await found(request_id)).toMatchObject({ end: "complete", estimated: false, costNanoUsd: 0, usage: { inputTokens: 0, outputTokens: 0 } });
  });

  test("models are listed page by page, forwards and backwards, and retrieved", async () => {
    const all = ((await (await fetch(`${gateway.url}/v1/models`, { headers: { "x-api-key": key } })).json()) as { data: { id: string }[] }).data.map(({ id }) => id);
    expect(all.length).toBeGreaterThan(10);
    const first = await anthropic.models.list();
    expect(first.data.map(({ id }) => id)).toEqual(all.slice(0, 20));
    expect(first).toMatchObject({ has_more: all.length > 20, first_id: all[0], last_id: first.data.at(-1)!.id });
    const forwards: string[] = [];
    for await (const { id, type, created_at, display_name } of anthropic.models.list({ limit: Math.ceil(all.length / 3) })) {
      expect([type, display_name, new Date(created_at).toISOString()]).toEqual(["model", expect.any(String), created_at]);
      forwards.push(id);
    }
    expect(forwards).toEqual(all);
    const back = await anthropic.models.list({ limit: 3, before_id: all[5]! });
    expect([back.data.map(({ id }) => id), back.has_more]).toEqual([all.slice(2, 5), true]);
    for (const id of [all[0]!, all.find((one) => one.includes("/"))!]) expect(await anthropic.models.retrieve(id)).toMatchObject({ id, type: "model" });
    expect(await refusal(anthropic.models.retrieve("nobody/has-this"))).toBeInstanceOf(sdk.NotFoundError);
    expect(await refusal(anthropic.models.list({ limit: 0 }))).toBeInstanceOf(sdk.BadRequestError);
  });

  test("what the gateway refuses is an error of its class, in Anthropic's shape", async () => {
    const { max_tokens: _max, ...unlimited } = ask("say");
    const refused: [() => Promise<unknown>, Function, string][] = [
      [() => clientOf("sk-ant-nobody").messages.create(ask("say")), sdk.AuthenticationError, "authentication_error"],
      [() => clientOf("sk-ant-nobody").models.list(), sdk.AuthenticationError, "authentication_error"],
      [() => anthropic.messages.create({ ...ask("say"), model: "no-such-model" }), sdk.NotFoundError, "not_found_error"],
      [() => anthropic.messages.create(unlimited as never), sdk.BadRequestError, "invalid_request_error"],
      [() => anthropic.messages.create({ ...ask("say"), model: "openai/gpt-4o-mini" }), sdk.APIError, "api_error"],
      [() => anthropic.get("/v1/messages/nowhere"), sdk.NotFoundError, "not_found_error"],
      [() => anthropic.get("/v1/messages"), sdk.APIError, "invalid_request_error"],
    ];
    for (const [act, shape, type] of refused) {
      const error = await refusal(act());
      expect(error).toBeInstanceOf(shape);
      expect(error.error).toEqual({ type: "error", error: { type, message: expect.stringMatching(/\S/), details: { error_code: expect.any(String) } }, request_id: error.requestID });
      expect(error).toMatchObject({ type, requestID: expect.stringMatching(/^req_/) });
    }
  });

  test("what the upstream refuses arrives in its own words, what is ours to mend does not", async () => {
    const refused: [string, number, string][] = [
      ["bad-request", 400, "invalid_request_error"], ["no-model", 404, "not_found_error"], ["busy", 429, "rate_limit_error"], ["overloaded", 529, "overloaded_error"],
    ];
    for (const [model, status, type] of refused) {
      expect(await refusal(anthropic.messages.create(ask(model)))).toMatchObject({ status, type, error: { error: { message: `upstream says ${type}` } } });
    }
    expect((await refusal(anthropic.messages.create(ask("busy")))).headers!.get("retry-after")).toBe("7");
    for (const model of ["no-key", "hangup"]) expect(await refusal(anthropic.messages.create(ask(model)))).toMatchObject({ status: 502, type: "api_error" });
  });

  test("a stream that goes wrong throws after the text before it", async () => {
    for (const [model, said] of [["error-event", "upstream is overloaded"], ["cut", "broke off"]] as const) {
      const stream = anthropic.messages.stream(ask(model));
      const texts: string[] = [];
      stream.on("text", (text) => void texts.push(text));
      const error = await refusal(stream.done());
      expect([texts.join(""), error.message]).toEqual(["so far", expect.stringContaining(said)]);
      expect(await found(stream.request_id)).toMatchObject({ end: "upstream_error", estimated: true, usage: { inputTokens: 241, cachedTokens: 200 } });
    }
  });
});

test("the bytes of a stream are the upstream's own", async () => {
  const answer = await fetch(`${gateway.url}/v1/messages`, {
    method: "POST", headers: { "x-api-key": key, "content-type": "application/json" }, body: JSON.stringify({ ...ask("say"), stream: true }),
  });
  expect([await answer.text(), upstream.last.headers["anthropic-version"]]).toEqual([events("say").join(""), "2023-06-01"]);
});
