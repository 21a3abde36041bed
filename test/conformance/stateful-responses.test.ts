/** Kept Responses as OpenAI's own SDK asks for them, over a provider that speaks Messages and knows nothing of it. */
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { ResponsesWS } from "openai/resources/responses/ws";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { Upstream, wordsOf } from "../resume/upstream.ts";
import { createKey } from "../support/admin.ts";

const model = "anthropic/claude-test";
type Body = { messages: { role: string; content: unknown }[]; system?: unknown };

let gateway: LocalGateway;
let openai: OpenAI;
let stranger: OpenAI;
const upstream = new Upstream(1);

beforeAll(async () => {
  const origin = await upstream.start();
  gateway = await startLocal({ port: 0, onLog: () => {}, vars: { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", ANTHROPIC_API_KEY: "k", ANTHROPIC_BASE_URL: `${origin}/v1` } });
  const [mine, theirs] = await Promise.all([createKey(gateway.url), createKey(gateway.url)]);
  const sdk = (apiKey: string): OpenAI => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
  [openai, stranger] = [sdk(mine.secret), sdk(theirs.secret)];
});
afterAll(async () => {
  upstream.stop();
  await gateway?.stop();
});

const asked = (): Body => upstream.calls.at(-1)!.body as unknown as Body;
const turns = (): [string, string][] => asked().messages.map(({ role, content }) => [role, typeof content === "string" ? content : (content as { text: string }[]).map(({ text }) => text).join("")]);
const answerTo = (tag: string): string => wordsOf(tag).join("");

describe("a chain", () => {
  test("is told to the provider turn by turn, without the instructions of the turns before", async () => {
    const first = await openai.responses.create({ model, input: "tag-11", instructions: "be brief" });
    expect(first.output_text).toBe(answerTo("tag-11"));
    const second = await openai.responses.create({ model, input: "tag-12", previous_response_id: first.id });
    expect([asked().system, turns()]).toEqual([undefined, [["user", "tag-11"], ["assistant", answerTo("tag-11")], ["user", "tag-12"]]]);
    expect(second).toMatchObject({ previous_response_id: first.id, store: true, instructions: null });
    expect(await openai.responses.retrieve(second.id)).toEqual(second);
    const items = await Array.fromAsync(openai.responses.inputItems.list(second.id, { limit: 1, order: "asc" }));
    expect(items.map((item) => "role" in item && item.role)).toEqual(["user", "assistant", "user"]);
    await openai.responses.delete(second.id);
    await expect(openai.responses.retrieve(second.id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(openai.responses.create({ model, input: "on", previous_response_id: second.id })).rejects.toBeInstanceOf(BadRequestError);
    await expect(stranger.responses.retrieve(first.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  test("goes through a tool's result, streamed", async () => {
    const tools: OpenAI.Responses.FunctionTool[] = [{ type: "function", name: "get_weather", parameters: { type: "object", properties: {} }, strict: false }];
    const first = await openai.responses.stream({ model, input: "tag-13", tools }).finalResponse();
    const call = first.output.find((item) => item.type === "function_call")!;
    const second = await openai.responses.stream({ model, input: [{ type: "function_call_output", call_id: call.call_id, output: "18" }], previous_response_id: first.id }).finalResponse();
    expect(second.status).toBe("completed");
    expect(asked().messages.map(({ role, content }) => [role, typeof content === "string" ? content : (content as { type: string }[]).at(-1)!.type])).toEqual([["user", expect.any(String)], ["assistant", "tool_use"], ["user", "tool_result"]]);
  });
});

test("a past that is compacted is read again as its summary, by its own organisation", async () => {
  const first = await openai.responses.create({ model, input: "tag-15" });
  const compaction = await openai.responses.compact({ model, previous_response_id: first.id, input: "tag-16" } as never);
  expect(compaction).toMatchObject({ object: "response.compaction", output: [{ type: "message", role: "user" }, { type: "message", role: "user" }, { type: "compaction" }], usage: { input_tokens: 17, output_tokens: 23 } });
  expect(JSON.stringify(compaction)).not.toContain(answerTo("tag-16"));
  const input = [...compaction.output, { role: "user", content: "tag-17" }] as never;
  await openai.responses.create({ model, input });
  expect(JSON.stringify(asked())).toContain(answerTo("tag-16"));
  await expect(stranger.responses.create({ model, input })).rejects.toBeInstanceOf(BadRequestError);
});

test("a conversation", async () => {
  const { id } = await openai.conversations.create({ metadata: { topic: "demo" }, items: [{ type: "message", role: "user", content: "tag-20" }] });
  await openai.responses.create({ model, input: "tag-21", conversation: id });
  await openai.responses.create({ model, input: "tag-22", conversation: { id } });
  expect(turns().map(([role]) => role)).toEqual(["user", "assistant", "user"]);
  const items = await Array.fromAsync(openai.conversations.items.list(id, { limit: 2, order: "asc" }));
  expect(items).toHaveLength(5);
  const added = await openai.conversations.items.create(id, { items: [{ type: "message", role: "user", content: "more" }] });
  const last = added.data[0] as { id: string };
  expect(await openai.conversations.items.retrieve(last.id, { conversation_id: id })).toEqual(last);
  await openai.conversations.items.delete(last.id, { conversation_id: id });
  expect(await openai.conversations.update(id, { metadata: { topic: "other" } })).toMatchObject({ id, metadata: { topic: "other" } });
  expect(await openai.conversations.retrieve(id)).toMatchObject({ object: "conversation", metadata: { topic: "other" } });
  expect(await openai.conversations.delete(id)).toEqual({ id, object: "conversation.deleted", deleted: true });
  await expect(openai.conversations.retrieve(id)).rejects.toBeInstanceOf(NotFoundError);
});

describe("a run", () => {
  test("in the background is polled, cancelled and resumed", async () => {
    let response = await openai.responses.create({ model, input: "tag-31", background: true });
    expect(["queued", "in_progress"]).toContain(response.status);
    for (let tries = 0; tries < 100 && response.status !== "completed"; tries += 1) {
      await sleep(20);
      response = await openai.responses.retrieve(response.id);
    }
    expect(response.output_text).toBe(answerTo("tag-31"));
    const long = await openai.responses.create({ model, input: "tag-39", background: true });
    expect(await openai.responses.cancel(long.id)).toMatchObject({ id: long.id, status: "cancelled" });
    expect(await openai.responses.cancel(long.id)).toMatchObject({ status: "cancelled" });

    const calls = upstream.calls.length;
    const stream = await openai.responses.create({ model, input: "tag-32", background: true, stream: true });
    let [id, at] = ["", -1];
    const heard: string[] = [];
    for await (const event of stream) {
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") heard.push(event.delta);
      at = event.sequence_number;
      if (heard.length === 3) break;
    }
    for await (const event of await openai.responses.retrieve(id, { stream: true, starting_after: at })) if (event.type === "response.output_text.delta") heard.push(event.delta);
    expect(heard.join("")).toBe(answerTo("tag-32"));
    expect(upstream.calls).toHaveLength(calls + 1);
  });

  test("goes on without its client", async () => {
    const stream = await openai.responses.create({ model, input: "tag-33", stream: true });
    let id = "";
    for await (const event of stream) if (event.type === "response.created") { id = event.response.id; break; }
    stream.controller.abort();
    const final = await openai.responses.stream({ response_id: id }).finalResponse();
    expect(final.output_text).toBe(answerTo("tag-33"));
  });
});

test("over a WebSocket, kept or only remembered", async () => {
  const socket = new ResponsesWS(openai);
  const events: OpenAI.Responses.ResponsesServerEvent[] = [];
  const over = new Map<number, PromiseWithResolvers<OpenAI.Responses.Response>>();
  let [turn, done] = [0, 0];
  socket.on("event", (event) => {
    events.push(event);
    if (event.type === "response.completed") over.get(done++)!.resolve(event.response);
    if (event.type === "error") over.get(done++)!.reject(event);
  });
  socket.on("error", () => {});
  const ask = (body: object): Promise<OpenAI.Responses.Response> => {
    const waiting = Promise.withResolvers<OpenAI.Responses.Response>();
    over.set(turn++, waiting);
    socket.send({ type: "response.create", model, ...body } as never);
    return waiting.promise;
  };
  const first = await ask({ input: "tag-41", store: false });
  expect(first).toMatchObject({ store: false });
  const second = await ask({ input: "tag-42", store: false, previous_response_id: first.id });
  expect(second.previous_response_id).toBe(first.id);
  expect(turns()).toEqual([["user", "tag-41"], ["assistant", answerTo("tag-41")], ["user", "tag-42"]]);
  const before = upstream.calls.length;
  const prepared = await ask({ input: "tag-45", store: false, generate: false, previous_response_id: second.id });
  expect([prepared.output, upstream.calls.length]).toEqual([[], before]);
  await ask({ input: "tag-46", store: false, previous_response_id: prepared.id });
  expect(turns().map(([role]) => role)).toEqual(["user", "assistant", "user", "assistant", "user"]);
  expect(turns().at(-1)![1]).toContain("tag-45");
  const kept = await ask({ input: "tag-43" });
  expect(await openai.responses.retrieve(kept.id)).toMatchObject({ id: kept.id, status: "completed" });
  await expect(ask({ input: "x", previous_response_id: "resp_nowhere" })).rejects.toMatchObject({ type: "error", status: 400, error: { code: "previous_response_not_found" } });
  const types = events.map(({ type }) => type);
  expect(types.filter((type) => type === "response.created")).toHaveLength(5);
  socket.close();
});

test("stored chat completions", async () => {
  const made = await openai.chat.completions.create({ model, store: true, metadata: { team: "a" }, messages: [{ role: "user", content: "tag-51" }] });
  const stored = await openai.chat.completions.retrieve(made.id);
  expect(stored).toMatchObject({ id: made.id, object: "chat.completion", metadata: { team: "a" }, choices: made.choices });
  expect((await Array.fromAsync(openai.chat.completions.list({ metadata: { team: "a" } }))).map(({ id }) => id)).toEqual([made.id]);
  expect(await Array.fromAsync(openai.chat.completions.list({ metadata: { team: "b" } }))).toEqual([]);
  expect((await Array.fromAsync(openai.chat.completions.messages.list(made.id))).map(({ content }) => content)).toEqual(["tag-51"]);
  expect(await openai.chat.completions.update(made.id, { metadata: { team: "b" } })).toMatchObject({ metadata: { team: "b" } });
  expect(await openai.chat.completions.delete(made.id)).toMatchObject({ deleted: true });
  await expect(openai.chat.completions.retrieve(made.id)).rejects.toBeInstanceOf(NotFoundError);
});
