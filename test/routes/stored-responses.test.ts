/** Responses that are kept, in the real objects: chains, conversations, runs that outlive their clients, who may read, what becomes of them. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, call, eventStream, expectRefusal, fillCatalog, newKey, outside, prompts, settled, type Json, type Key, type Left } from "../security/stage.ts";

const model = "openai/gpt-test";
const usage = { input_tokens: 3, output_tokens: 2, total_tokens: 5 };
const thought = { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "gAAAA-sealed-by-its-maker" };
const said = (text: string): Json => ({ id: "msg_1", type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text, annotations: [] }] });
const object = (text: string, status = "completed"): Json => ({ id: "resp_upstream", object: "response", created_at: 1, model: "m", status, store: false, previous_response_id: null, output: status === "completed" ? [thought, said(text)] : [], usage: status === "completed" ? usage : null });
const frame = (type: string, rest: Json): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`;
const words = ["on", "e ", "tw", "o"];
const events = (text = words.join("")): string[] => [
  frame("response.created", { sequence_number: 0, response: object("", "in_progress") }),
  frame("response.output_item.added", { sequence_number: 1, output_index: 0, item: { ...thought, encrypted_content: "half" } }),
  frame("response.output_item.done", { sequence_number: 2, output_index: 0, item: thought }),
  ...words.map((delta, i) => frame("response.output_text.delta", { sequence_number: 3 + i, output_index: 1, item_id: "msg_1", content_index: 0, delta })),
  frame("response.output_item.done", { sequence_number: 7, output_index: 1, item: said(text) }),
  frame("response.completed", { sequence_number: 8, response: object(text) }),
];

let key: Key;
let left: Left[];
beforeAll(async () => {
  outside();
  await fillCatalog();
  await env.DB.batch([
    env.DB.prepare("INSERT OR IGNORE INTO models VALUES ('thinker', 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"reasoning\"]', 1000, 100, 0)"),
    ...["openai", "groq"].map((provider) => env.DB.prepare("INSERT OR IGNORE INTO deployments VALUES (?, 'thinker', 'thinker')").bind(provider)),
  ]);
  key = await newKey();
});
beforeEach(() => void (left = outside(() => Response.json(object("Hello.")))));
afterEach(() => void vi.restoreAllMocks());

const create = (body: Json, { secret } = key, headers = {}): Promise<Response> => call(secret, "POST", "/v1/responses", { model, input: "hi", ...body }, headers);
const created = async (body: Json, of = key): Promise<Json> => {
  const response = await create(body, of);
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
  return response.json<Json>();
};
const get = (path: string, { secret } = key): Promise<Response> => call(secret, "GET", `/v1/${path}`);
const sent = (index = -1): Json => JSON.parse(prompts(left).at(index)!.body) as Json;
const textOf = ({ output }: Json): string => output.flatMap(({ content }: Json) => content ?? []).map(({ text }: Json) => text).join("");
const threadOf = (id: string): string => /_([ts][0-9a-f]{20})/.exec(id)![1]!;
const stub = (id: string, { organisation } = key) => env.RESPONSE_THREAD.getByName(`${organisation}/${threadOf(id)}`);
const rowsOf = (id: string, of = key): Promise<string> => runInDurableObject(stub(id, of), (_, { storage }) =>
  [...storage.kv.list()].map(([name, value]) => `${name} ${value instanceof Uint8Array ? new TextDecoder().decode(value) : JSON.stringify(value, (_, one: unknown) => (one instanceof Uint8Array ? new TextDecoder().decode(one) : one))}`).join("\n"));
const seqs = (text: string): number[] => [...text.matchAll(/"sequence_number":(\d+)/g)].map(([, n]) => Number(n));

describe("a chain", () => {
  test("is sent whole, with what its maker sealed and by the ids it knows; clients see ours, and no secret they did not ask for", async () => {
    const first = await created({ input: "one", instructions: "be brief" });
    expect(first).toMatchObject({ store: true, previous_response_id: null, instructions: "be brief", background: false, status: "completed" });
    expect(first.id).toMatch(/^resp_t[0-9a-f]{20}_[0-9a-f]{32}$/);
    expect(JSON.stringify(first)).not.toContain("gAAAA");
    expect(sent()).toEqual({ model: "gpt-test", input: "one", instructions: "be brief", store: false });
    const second = await created({ input: "two", previous_response_id: first.id, include: ["reasoning.encrypted_content"] });
    expect(second).toMatchObject({ previous_response_id: first.id, instructions: null });
    expect(second.output[0].encrypted_content).toBe(thought.encrypted_content);
    expect(sent()).toEqual({ model: "gpt-test", store: false, include: ["reasoning.encrypted_content"], input: [
      { type: "message", role: "user", content: [{ type: "input_text", text: "one" }] }, thought, said("Hello."), { type: "message", role: "user", content: [{ type: "input_text", text: "two" }] },
    ] });
    const branch = await created({ input: "three", previous_response_id: first.id });
    expect(sent().input).toHaveLength(4);
    expect(threadOf(branch.id)).toBe(threadOf(first.id));
    expect(await (await get(`responses/${first.id}`)).json()).toEqual(first);
    const shown = await (await get(`responses/${first.id}?include[]=reasoning.encrypted_content`)).json<Json>();
    expect(shown.output[0].encrypted_content).toBe(thought.encrypted_content);
  });

  test("has reasoning sealed for it by who does that when asked, and asks nobody else", async () => {
    await created({ model: "openai/thinker", include: ["message.output_text.logprobs"] });
    expect(sent().include).toEqual(["message.output_text.logprobs", "reasoning.encrypted_content"]);
    await created({ model: "openai/thinker", store: false });
    await created({ model: "groq/thinker" });
    expect(prompts(left).slice(1).map(({ body }) => "include" in (JSON.parse(body) as Json))).toEqual([false, false]);
  });

  test("is counted with all that comes before, and nothing is kept of that", async () => {
    const first = await created({ input: "one" });
    const before = await rowsOf(first.id);
    left = outside(() => Response.json({ object: "response.input_tokens", input_tokens: 9 }));
    await call(key.secret, "POST", "/v1/responses/input_tokens", { model, input: "two", previous_response_id: first.id });
    expect(sent().input).toHaveLength(4);
    expect(await rowsOf(first.id)).toBe(before);
  });

  test("goes on from items that are only named, also ones whose ids two answers share", async () => {
    left = outside(() => Response.json(object(`Answer ${prompts(left).length}.`)));
    const one = await created({ input: "one" });
    const two = await created({ input: [{ role: "user", content: "one" }, { type: "item_reference", id: one.output[1].id }, { role: "user", content: "two" }] });
    expect(threadOf(two.id)).toBe(threadOf(one.id));
    await created({ store: false, input: [{ id: one.output[1].id }, { type: "item_reference", id: two.output[1].id }, { role: "user", content: "three" }] });
    expect(sent().input.slice(0, 2)).toEqual([said("Answer 1."), said("Answer 2.")]);
    await expectRefusal(await create({ input: [{ type: "item_reference", id: one.output[1].id.replace("msg_", "fc_") }] }), 404, "not_found");
    await expectRefusal(await create({ input: [{ type: "item_reference", id: "msg_elsewhere" }] }), 404, "not_found");
  });

  test("lists what a response was made of, page by page", async () => {
    const first = await created({ input: "one" });
    const second = await created({ input: [{ role: "user", content: "two" }, { role: "user", content: "three" }], previous_response_id: first.id });
    const list = async (query: string): Promise<Json> => (await get(`responses/${second.id}/input_items${query}`)).json<Json>();
    const all = await list("?order=asc");
    expect(all).toMatchObject({ object: "list", has_more: false, first_id: all.data[0].id, last_id: all.data[4].id });
    expect(all.data.map(({ type, content }: Json) => content?.[0].text ?? type)).toEqual(["one", "reasoning", "Hello.", "two", "three"]);
    expect(JSON.stringify(all)).not.toContain("gAAAA");
    const page = await list("?limit=2");
    expect([page.has_more, page.data.map(({ id }: Json) => id)]).toEqual([true, [all.data[4].id, all.data[3].id]]);
    expect((await list(`?limit=9&after=${page.last_id}`)).data.map(({ id }: Json) => id)).toEqual([all.data[2].id, all.data[1].id, all.data[0].id]);
    await expectRefusal(await get(`responses/${second.id}/input_items?limit=0`), 400, "invalid_request");
  });

  test("stays at the deployment it began at", async () => {
    await admin("PUT", "/aliases/either", { organisation: key.organisation, pick: "weighted", targets: [{ name: "openai/gpt-test", weight: 1 }, { name: "groq/gpt-test", weight: 1 }] });
    for (let i = 0; i < 4; i += 1) {
      let previous: string | undefined;
      left = outside(() => Response.json(object("Hello.")));
      for (let turn = 0; turn < 3; turn += 1) previous = (await created({ model: "either", input: `turn ${turn}`, ...(previous && { previous_response_id: previous }) })).id;
      expect(new Set(prompts(left).map(({ host }) => host)).size).toBe(1);
    }
  });

  test("ends where a response was deleted, and nothing of that is left but its name", async () => {
    const first = await created({ input: "the treasure" });
    const second = await created({ input: "two", previous_response_id: first.id });
    expect(await (await call(key.secret, "DELETE", `/v1/responses/${first.id}`)).json()).toEqual({ id: first.id, object: "response", deleted: true });
    await expectRefusal(await get(`responses/${first.id}`), 404, "not_found");
    await expectRefusal(await call(key.secret, "DELETE", `/v1/responses/${first.id}`), 404, "not_found");
    expect((await rowsOf(first.id)).split("\n").filter((row) => row.includes(first.id))).toEqual(expect.toSatisfy((rows: string[]) => rows.length === 2 && rows.some((row) => row.includes('"deleted":true')) && rows.some((row) => row.includes(`"parent":"${first.id}"`))));
    expect((await get(`responses/${second.id}`)).status).toBe(200);
    for (const previous of [first.id, second.id]) {
      const { param } = await expectRefusal(await create({ previous_response_id: previous }), 400, "previous_response_not_found");
      expect(param).toBe("previous_response_id");
    }
  });
});

describe("what is kept", () => {
  test("is nothing where the request says so, and no object is asked", async () => {
    const asked = vi.spyOn(env.RESPONSE_THREAD, "getByName");
    const response = await created({ store: false });
    expect(response).toMatchObject({ id: "resp_upstream", store: false });
    expect(asked).not.toHaveBeenCalled();
    await expectRefusal(await create({ store: false, background: true }), 400, "invalid_request");
  });

  test("is nothing of a refusal", async () => {
    const asked = vi.spyOn(env.RESPONSE_THREAD, "getByName");
    for (const stream of [false, true]) await expectRefusal(await create({ model: "no-such-model", stream }), 404, "model_not_found");
    await expectRefusal(await create({ model: "no-such-model", background: true }), 404, "model_not_found");
    for (const name of asked.mock.calls.map(([one]) => one)) expect(await runInDurableObject(env.RESPONSE_THREAD.getByName(name), (_, { storage }) => [...storage.kv.list()])).toEqual([]);
    await expectRefusal(await create({ previous_response_id: "resp_t00000000000000000000_0", conversation: "conv_t00000000000000000000" }), 400, "invalid_request");
  });

  test("can be read with nothing that lies there", async () => {
    left = outside((one) => (one.body.includes('"stream":true') ? eventStream(...events("under the oak")) : Response.json(object("under the oak"))));
    const { id } = await created({ input: "where is the treasure" });
    const streamed = await (await create({ input: "and the map", stream: true, previous_response_id: id })).text();
    expect(streamed).toContain("under the oak");
    const rows = await rowsOf(id);
    expect(rows).toMatch(/^events:/m);
    for (const hidden of ["oak", "treasure", "map", "gAAAA", "output_text", key.secret]) expect(rows).not.toContain(hidden);
  });

  test("goes after its time, all of it", async () => {
    const { id } = await created({});
    const soon = (await runInDurableObject(stub(id), (_, { storage }) => storage.getAlarm()))!;
    expect(soon - Date.now()).toBeGreaterThan(29 * 86_400_000);
    vi.useFakeTimers({ toFake: ["Date"], now: soon + 1 });
    await runDurableObjectAlarm(stub(id));
    vi.useRealTimers();
    expect(await rowsOf(id)).toBe("");
    await expectRefusal(await get(`responses/${id}`), 404, "not_found");
    await expectRefusal(await create({ previous_response_id: id }), 400, "previous_response_not_found");
  });

  test("says so when it could not be written down", async () => {
    const real = env.RESPONSE_THREAD.getByName.bind(env.RESPONSE_THREAD);
    vi.spyOn(env.RESPONSE_THREAD, "getByName").mockImplementation((name) => Object.assign(Object.create(null), { save: () => Promise.reject(Object.assign(new Error("away"), { overloaded: true })), look: (id: string) => real(name).look(id) }) as never);
    const response = await created({});
    expect(response).toMatchObject({ store: false, status: "completed" });
    await expectRefusal(await get(`responses/${response.id}`), 404, "not_found");
  });
});

describe("tenants never meet", () => {
  test("another organisation finds nothing, and its look writes nothing; a colleague finds it", async () => {
    const other = await newKey();
    const colleague = await newKey({}, key.organisation);
    const { id, output } = await created({ input: "mine" });
    const { id: conversation } = await (await call(key.secret, "POST", "/v1/conversations", {})).json<Json>();
    expect((await get(`responses/${id}`, colleague)).status).toBe(200);
    for (const path of [`responses/${id}`, `responses/${id}?stream=true`, `responses/${id}/input_items`, `conversations/${conversation}`, `conversations/${conversation}/items`]) await expectRefusal(await get(path, other), 404, "not_found");
    for (const [method, path] of [["DELETE", `responses/${id}`], ["POST", `responses/${id}/cancel`], ["DELETE", `conversations/${conversation}`]] as const) await expectRefusal(await call(other.secret, method, `/v1/${path}`), 404, "not_found");
    await expectRefusal(await create({ previous_response_id: id }, other), 400, "previous_response_not_found");
    await expectRefusal(await create({ conversation }, other), 404, "not_found");
    await expectRefusal(await create({ input: [{ type: "item_reference", id: output[1].id }] }, other), 404, "not_found");
    expect(await rowsOf(id, other)).toBe("");
    expect((await get(`responses/${id}`)).status).toBe(200);
  });

  test("a sovereign response is kept only when it is asked for, and only its own key reads it", async () => {
    left = outside(({ url }) => Response.json(url.endsWith("/chat/completions") ? { id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2 } } : object("at home")));
    const mine = await newKey({ sovereign: true });
    const colleague = await newKey({ sovereign: true }, mine.organisation);
    const own = { model: "selfhosted/local-test", input: "at home" };
    expect(await created(own, mine)).toMatchObject({ store: false });
    const kept = await created({ ...own, store: true }, mine);
    expect(kept).toMatchObject({ id: expect.stringMatching(/^resp_s/), store: true });
    expect((await get(`responses/${kept.id}`, mine)).status).toBe(200);
    await created({ ...own, previous_response_id: kept.id }, mine);
    await expectRefusal(await get(`responses/${kept.id}`, colleague), 404, "not_found");
    await expectRefusal(await create({ ...own, previous_response_id: kept.id }, colleague), 400, "previous_response_not_found");
    const open = await newKey({}, mine.organisation);
    await expectRefusal(await create({ previous_response_id: kept.id }, open), 400, "invalid_request");
    expect(await rowsOf(kept.id, mine)).toBe("");
    expect(prompts(left).every(({ host }) => host === "self.example")).toBe(true);
  });
});

describe("conversations", () => {
  test("are made, described, filled, listed and deleted", async () => {
    const post = async (path: string, body: Json): Promise<Json> => (await call(key.secret, "POST", `/v1/conversations${path}`, body)).json<Json>();
    const made = await post("", { metadata: { topic: "demo" }, items: [{ type: "message", role: "user", content: "one" }] });
    expect(made).toEqual({ id: expect.stringMatching(/^conv_t[0-9a-f]{20}$/), object: "conversation", created_at: expect.any(Number), metadata: { topic: "demo" } });
    expect(await post(`/${made.id}`, { metadata: { topic: "other" } })).toEqual({ ...made, metadata: { topic: "other" } });
    const added = await post(`/${made.id}/items`, { items: [{ role: "user", content: "two" }, { type: "function_call_output", call_id: "c", output: "3" }] });
    const list = await (await get(`conversations/${made.id}/items?order=asc&limit=2`)).json<Json>();
    expect([list.has_more, list.data.map(({ content }: Json) => content[0].text)]).toEqual([true, ["one", "two"]]);
    expect((await (await get(`conversations/${made.id}/items?after=${list.last_id}&order=asc`)).json<Json>()).data).toEqual([added.data[1]]);
    expect(await (await get(`conversations/${made.id}/items/${added.data[0].id}`)).json()).toEqual(added.data[0]);
    expect(await (await call(key.secret, "DELETE", `/v1/conversations/${made.id}/items/${added.data[0].id}`)).json()).toMatchObject({ id: made.id });
    await expectRefusal(await get(`conversations/${made.id}/items/${added.data[0].id}`), 404, "not_found");
    expect(await (await call(key.secret, "DELETE", `/v1/conversations/${made.id}`)).json()).toEqual({ id: made.id, object: "conversation.deleted", deleted: true });
    await expectRefusal(await get(`conversations/${made.id}`), 404, "not_found");
    await expectRefusal(await create({ conversation: made.id }), 404, "not_found");
  });

  test("grow by what is said in them, whole or as a stream, and go with every request", async () => {
    left = outside((one) => (one.body.includes('"stream":true') ? eventStream(...events()) : Response.json(object("Hello."))));
    const { id } = await (await call(key.secret, "POST", "/v1/conversations", { items: [{ role: "user", content: "before" }] })).json<Json>();
    const first = await created({ input: "one", conversation: id });
    expect(first.conversation).toEqual({ id });
    await (await create({ input: "two", conversation: { id }, stream: true })).text();
    await created({ input: "three", conversation: id });
    expect(sent().input.map(({ type, content }: Json) => content?.[0].text ?? type)).toEqual(["before", "one", "reasoning", "Hello.", "two", "reasoning", "one two", "three"]);
    const list = await (await get(`conversations/${id}/items?order=asc&limit=100`)).json<Json>();
    expect(list.data).toHaveLength(10);
    expect(new Set(list.data.map((item: Json) => item.id)).size).toBe(10);
  });
});

/** An upstream that goes on when it is told to. Its stream is made where it is asked for: an object can read no other's. */
function gated(...first: string[]): { play: () => Response; go: (...frames: string[]) => void; end: () => void; gone: () => Promise<void> } {
  const queue = [...first];
  let [over, left] = [false, false];
  const pull = async (controller: ReadableByteStreamController): Promise<void> => {
    if (queue.length === 0 && !over) await scheduler.wait(5);
    const next = queue.shift() ?? (over ? undefined : ": still here\n\n");
    if (next === undefined) controller.close();
    else controller.enqueue(new TextEncoder().encode(next));
  };
  return {
    play: () => new Response(new ReadableStream({ type: "bytes", pull, cancel: () => void (over = left = true) }), { headers: { "content-type": "text/event-stream" } }),
    go: (...frames) => void queue.push(...frames),
    end: () => void (over = true),
    gone: () => vi.waitFor(() => expect(left).toBe(true)),
  };
}

describe("a run", () => {
  test("goes on without its client, and is read again from any event, byte for byte; it is asked for and billed once", async () => {
    const mine = await newKey();
    left = outside(() => eventStream(...events()));
    const whole = await (await create({ stream: true }, mine)).text();
    const id = /"id":"(resp_[^"]+)"/.exec(whole)![1]!;
    expect(seqs(whole)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(whole).not.toContain("gAAAA");
    expect(whole).not.toContain("resp_upstream");
    expect(await (await get(`responses/${id}?stream=true`, mine)).text()).toBe(whole);
    for (const after of [0, 3, 7]) {
      const rest = await (await get(`responses/${id}?stream=true&starting_after=${after}`, mine)).text();
      expect([seqs(rest)[0], whole.endsWith(rest)]).toEqual([after + 1, true]);
    }
    expect(await (await get(`responses/${id}?stream=true&starting_after=8`, mine)).text()).toBe("");
    expect(textOf(await (await get(`responses/${id}`, mine)).json<Json>())).toBe("one two");

    const [first, ...rest] = events();
    const gate = gated(first! + rest[0]!);
    left = outside(gate.play);
    const reader = (await create({ stream: true }, mine)).body!.getReader();
    const piece = new TextDecoder().decode((await reader.read()).value);
    const other = /"id":"(resp_[^"]+)"/.exec(piece)![1]!;
    await reader.cancel();
    expect(await (await get(`responses/${other}`, mine)).json()).toMatchObject({ status: "in_progress", output: [] });
    const again = (await get(`responses/${other}?stream=true&starting_after=0`, mine)).text();
    gate.go(...rest.slice(1));
    gate.end();
    expect(seqs(await again)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(prompts(left)).toHaveLength(1);
    await settled(mine);
    await vi.waitFor(async () => expect((await (await call(mine.secret, "GET", "/dashboard/usage")).json<Json>()).totals).toMatchObject({ requests: 2, inputTokens: 6, outputTokens: 4 }));
  });

  test("in the background is queued at once, and polled", async () => {
    const gate = gated();
    left = outside(gate.play);
    const queued = await created({ background: true, metadata: { a: "b" } });
    expect(queued).toMatchObject({ status: "queued", background: true, store: true, output: [], metadata: { a: "b" } });
    await expectRefusal(await create({ previous_response_id: queued.id }), 400, "invalid_request");
    await runDurableObjectAlarm(stub(queued.id));
    expect((await runInDurableObject(stub(queued.id), (_, { storage }) => storage.getAlarm()))! - Date.now()).toBeLessThan(30_000);
    gate.go(...events());
    gate.end();
    const done = await vi.waitFor(async () => {
      const response = await (await get(`responses/${queued.id}`)).json<Json>();
      expect(response.status).toBe("completed");
      return response;
    });
    expect(textOf(done)).toBe("one two");
    expect(sent()).toEqual({ model: "gpt-test", input: "hi", metadata: { a: "b" }, stream: true, store: false });
    const told = await (await get(`responses/${queued.id}?stream=true`)).text();
    expect(seqs(told)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(told.startsWith('event: response.created\ndata: {"type":"response.created","sequence_number":0')).toBe(true);
  });

  test("in the background that fails says how", async () => {
    left = outside(() => Response.json({ error: { message: "too much", code: "rate_limit_exceeded" } }, { status: 429 }));
    const { id } = await created({ background: true });
    await vi.waitFor(async () => expect(await (await get(`responses/${id}`)).json()).toMatchObject({ status: "failed", error: { code: expect.any(String), message: expect.stringContaining("too much") }, output: [] }));
  });

  test.each(["cancel", "delete"])("ends with its upstream call on %s, and again nothing happens", async (how) => {
    const gate = gated(events().slice(0, 4).join(""));
    left = outside(gate.play);
    const response = await create({ stream: true });
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    const id = /"id":"(resp_[^"]+)"/.exec(new TextDecoder().decode(value))![1]!;
    if (how === "delete") {
      expect((await call(key.secret, "DELETE", `/v1/responses/${id}`)).status).toBe(200);
      await gate.gone();
      return void (await expectRefusal(await get(`responses/${id}`), 404, "not_found"));
    }
    const cancelled = await (await call(key.secret, "POST", `/v1/responses/${id}/cancel`)).json<Json>();
    expect(cancelled).toMatchObject({ id, status: "cancelled", output: [{ type: "reasoning" }] });
    await gate.gone();
    expect(await (await call(key.secret, "POST", `/v1/responses/${id}/cancel`)).json()).toEqual(cancelled);
    let rest = "";
    for (let read = await reader.read(); !read.done; read = await reader.read()) rest += new TextDecoder().decode(read.value);
    expect(rest).toContain('"status":"cancelled"');
  });

  test("whose runtime died is told as failed, with what it had said, and never hangs", async () => {
    left = outside(gated(events().slice(0, 5).join("")).play);
    const reader = (await create({ stream: true })).body!.getReader();
    const head = new TextDecoder().decode((await reader.read()).value);
    const id = /"id":"(resp_[^"]+)"/.exec(head)![1]!;
    await vi.waitFor(async () => expect(await rowsOf(id)).toMatch(/^events:/m), 3_000);
    await runInDurableObject(stub(id), (_, state) => state.abort("killed")).catch(() => {});
    let rest = "";
    for (let read = await reader.read(); !read.done; read = await reader.read()) rest += new TextDecoder().decode(read.value);
    expect(rest).toContain("response.failed");
    const failed = await (await get(`responses/${id}`)).json<Json>();
    expect(failed).toMatchObject({ status: "failed", error: { code: "server_error" }, output: [{ type: "reasoning" }] });
    const replayed = await (await get(`responses/${id}?stream=true`)).text();
    expect(seqs(replayed)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(seqs(await (await get(`responses/${id}?stream=true&starting_after=9`)).text())).toEqual([10]);
    left = outside(() => Response.json(object("Hello.")));
    await created({ previous_response_id: id, store: false });
    expect(sent().input.map(({ type }: Json) => type)).toEqual(["message", "message"]);
  });
});

describe("stored chat completions", () => {
  const chatStream = (): Response => eventStream(...["He", "llo"].map((content, i) => `data: ${JSON.stringify({ id: "chatcmpl-2", object: "chat.completion.chunk", created: 1, model: "m2", choices: [{ index: 0, delta: { ...(i === 0 && { role: "assistant" }), content }, finish_reason: null }] })}\n\n`),
    `data: ${JSON.stringify({ id: "chatcmpl-2", object: "chat.completion.chunk", created: 1, model: "m2", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`, "data: [DONE]\n\n");
  const whole = (): Response => Response.json({ id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m1", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } });
  const chat = (body: Json, of: Key): Promise<Response> => call(of.secret, "POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: [{ type: "text", text: "hello" }] }], ...body });

  test("are there when they asked for it, whole or streamed, and never at the provider", async () => {
    const mine = await newKey();
    left = outside((one) => (one.body.includes('"stream":true') ? chatStream() : whole()));
    await (await chat({}, mine)).text();
    const bytes = await (await chat({ store: true, metadata: { topic: "a" } }, mine)).text();
    expect(bytes).toBe(await whole().text());
    await (await chat({ store: true, stream: true, metadata: { topic: "b" } }, mine)).text();
    expect(prompts(left).some(({ body }) => body.includes("store") || body.includes("metadata"))).toBe(false);
    const list = await vi.waitFor(async () => {
      const page = await (await get("chat/completions", mine)).json<Json>();
      expect(page.data).toHaveLength(2);
      return page;
    });
    expect(list).toMatchObject({ object: "list", has_more: false, first_id: "chatcmpl-1", last_id: "chatcmpl-2" });
    expect(list.data[1]).toMatchObject({ id: "chatcmpl-2", object: "chat.completion", model: "m2", metadata: { topic: "b" }, choices: [{ message: { role: "assistant", content: "Hello" }, finish_reason: "stop" }] });
    const ids = async (query: string): Promise<string[]> => (await (await get(`chat/completions?${query}`, mine)).json<Json>()).data.map(({ id }: Json) => id);
    for (const [query, expected] of [["metadata[topic]=b", ["chatcmpl-2"]], ["metadata[topic]=c", []], ["model=m1", ["chatcmpl-1"]], ["order=desc&limit=1", ["chatcmpl-2"]], ["after=chatcmpl-1", ["chatcmpl-2"]]] as const) expect(await ids(query)).toEqual(expected);
    expect(await (await call(mine.secret, "POST", "/v1/chat/completions/chatcmpl-1", { metadata: { topic: "c" } })).json()).toMatchObject({ id: "chatcmpl-1", metadata: { topic: "c" } });
    expect(await ids("metadata[topic]=c")).toEqual(["chatcmpl-1"]);
    expect((await (await get("chat/completions/chatcmpl-1/messages", mine)).json<Json>()).data).toEqual([{ id: "chatcmpl-1-0", role: "user", name: null, content: "hello", content_parts: [{ type: "text", text: "hello" }] }]);
    await expectRefusal(await get("chat/completions/chatcmpl-1"), 404, "not_found");
    const rows = await runInDurableObject(env.STORED_CHATS.getByName(mine.organisation), (_, { storage }) => [...storage.kv.list()].map(([name, value]) => `${name} ${value instanceof Uint8Array ? new TextDecoder().decode(value) : JSON.stringify(value)}`).join("\n"));
    for (const hidden of ["hello", "Hello", "topic", "assistant"]) expect(rows).not.toContain(hidden);
    expect(await (await call(mine.secret, "DELETE", "/v1/chat/completions/chatcmpl-1")).json()).toEqual({ object: "chat.completion.deleted", id: "chatcmpl-1", deleted: true });
    expect(await ids("")).toEqual(["chatcmpl-2"]);
    const shelf = env.STORED_CHATS.getByName(mine.organisation);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 31 * 86_400_000 });
    await runDurableObjectAlarm(shelf);
    vi.useRealTimers();
    expect(await runInDurableObject(shelf, (_, { storage }) => [...storage.kv.list()])).toEqual([]);
  });
});
