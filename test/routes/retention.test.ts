/** For how long an organisation has what is kept of it: set by the admin API, and held where each thing is made. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { runOf } from "../../src/batches/index.ts";
import { newFileId } from "../../src/files/index.ts";
import { rollUp } from "../../src/ledger/index.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import type { Job } from "../../src/videos/job.ts";
import { keepFilm } from "../../src/videos/keep.ts";
import { admin, answer, bearer, call, chatBody, eventStream, expectRefusal, fillCatalog, newKey, outside, prompts, send, settled, type Json, type Key, type Left } from "../security/stage.ts";

const day = 86_400_000;
const model = "openai/gpt-test";
const object = (status = "completed"): Json => ({ id: "resp_up", object: "response", created_at: 1, model: "m", status, store: false, output: status === "completed" ? [{ id: "msg_1", type: "message", role: "assistant", status, content: [{ type: "output_text", text: "Hello.", annotations: [] }] }] : [], usage: status === "completed" ? { input_tokens: 3, output_tokens: 2, total_tokens: 5 } : null });
const events = (): Response => eventStream(...(["response.created", "response.completed"] as const).map((type, i) => `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: i, response: object(i === 0 ? "in_progress" : "completed") })}\n\n`));

let key: Key;
let left: Left[];
beforeAll(fillCatalog);
beforeEach(async () => {
  key = await newKey();
  left = outside(({ url, body }) => (!url.endsWith("/responses") ? answer() : (JSON.parse(body) as Json).stream ? events() : Response.json(object())));
});
afterEach(() => void vi.restoreAllMocks());

const keep = (body: Json, { organisation } = key): Promise<Json> => admin("PUT", `/organisations/${organisation}/retention`, body);
const ask = (path: string, body?: Json, headers: Record<string, string> = {}, method = body ? "POST" : "GET"): Promise<Response> => call(key.secret, method, path, body, headers);
const respond = async (body: Json = {}): Promise<Json> => {
  const response = await ask("/v1/responses", { model, input: "hi", ...body });
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
  await settled(key);
  return response.json<Json>();
};
const streamed = async (body: Json = {}): Promise<Json> => {
  const response = await ask("/v1/responses", { model, input: "hi", stream: true, ...body });
  expect([response.status, response.ok ? "" : await response.text()]).toEqual([200, ""]);
  const last = (await response.text()).trim().split("\n\n").at(-1)!;
  await settled(key);
  return (JSON.parse(last.slice(last.indexOf("data: ") + 6)) as Json).response;
};
const found = async (path: string): Promise<boolean> => { const { status } = await ask(path); expect([200, 404]).toContain(status); return status === 200; };
const threadOf = (id: string) => env.RESPONSE_THREAD.getByName(`${key.organisation}/${/_([ts][0-9a-f]{20})/.exec(id)![1]!}`);
/** In how many days a thread ends. */
const endsIn = (id: string): Promise<number> => runInDurableObject(threadOf(id), (_, { storage }) => Math.round((storage.kv.get<number>("expires")! - Date.now()) / 36_000) / 2_400);
const idAt = (ms: number, end: string): string => `req_${ms.toString(16).padStart(12, "0")}${end.padStart(20, "0")}`;

describe("the admin API", () => {
  const usual = { requestDays: null, responseDays: null, chatDays: null, fileDays: null, outputDays: null, bodyDays: 0 };

  test("tells and sets all of it, with an audit event", async () => {
    const path = `/organisations/${key.organisation}/retention`;
    expect(await admin("GET", path)).toEqual(usual);
    expect(await keep({ responseDays: 0, fileDays: 7, bodyDays: 3 })).toEqual({ ...usual, responseDays: 0, fileDays: 7, bodyDays: 3 });
    expect(await admin("GET", path)).toEqual({ ...usual, responseDays: 0, fileDays: 7, bodyDays: 3 });
    await keep({});
    expect(await admin("GET", path)).toEqual(usual);
    const { data } = await admin("GET", `/audit?organisation=${key.organisation}`);
    expect((data as Json[]).filter(({ action }) => action === "organisation.update").map(({ detail }) => detail.retention)).toEqual([usual, { ...usual, responseDays: 0, fileDays: 7, bodyDays: 3 }]);
  });

  test.each<[string, unknown]>([
    ["figures gone before a batch is settled", { requestDays: 2 }], ["figures for longer than they are", { requestDays: 31 }], ["less than nothing", { responseDays: -1 }], ["half a day", { chatDays: 0.5 }], ["files for a day", { fileDays: 1 }],
    ["no outputs", { outputDays: 0 }], ["outputs for ever", { outputDays: 31 }], ["bodies for ever", { bodyDays: 31 }], ["a text", { fileDays: "7" }], ["another field", { days: 7 }],
  ])("refuses %s", async (_, body) => {
    await expectRefusal(await call(env.ADMIN_SECRET, "PUT", `/admin/organisations/${key.organisation}/retention`, body), 400, "invalid_request");
    await expectRefusal(await call(env.ADMIN_SECRET, "PUT", "/admin/organisations/org_none/retention", {}), 404, "not_found");
    expect(await admin("GET", `/organisations/${key.organisation}/retention`)).toEqual(usual);
  });
});

describe("responses and conversations", () => {
  test("live as long as the shorter of the two says, from the next request on", async () => {
    const before = await respond();
    expect([before.store, await endsIn(before.id)]).toEqual([true, 30]);
    await keep({ responseDays: 2 });
    const [whole, run] = [await respond(), await streamed()];
    expect([await endsIn(whole.id), await endsIn(run.id), await endsIn(before.id)], "what was there keeps its time").toEqual([2, 2, 30]);
    await respond({ previous_response_id: before.id });
    expect(await endsIn(before.id), "until something is added to it").toBe(2);
    const talk = await (await ask("/v1/conversations", {})).json<Json>();
    expect(await endsIn(talk.id)).toBe(2);
    await keep({ responseDays: 3_650 });
    expect(await endsIn((await respond()).id), "the gateway's own").toBe(30);
  });

  test("are not stored at all where the organisation stores none, and the answer says so", async () => {
    const talk = await (await ask("/v1/conversations", {})).json<Json>();
    const before = await respond({ store: true });
    await keep({ responseDays: 0 });
    // The first of each comes by a view of the key that is older than the change.
    for (const tell of [respond, streamed]) {
      for (const body of [{ store: true }, {}, { store: true, previous_response_id: before.id }]) {
        const told = await tell(body);
        expect([told.status, told.store, told.output[0].content[0].text]).toEqual(["completed", false, "Hello."]);
        if ((told.id as string).startsWith("resp_t")) expect(await found(`/v1/responses/${told.id}`)).toBe(false);
      }
      await keep({ responseDays: null });
      await tell({});
      expect((await tell({})).store, "again, once its isolate has heard of it").toBe(true);
      await keep({ responseDays: 0 });
    }
    expect((JSON.parse(prompts(left).at(-1)!.body) as Json).store, "nor asked to be stored elsewhere").toBe(false);
    const spent = prompts(left).length;
    for (const body of [{ background: true }, { background: true, stream: true, store: true }]) {
      const { message } = await expectRefusal(await ask("/v1/responses", { model, input: "hi", ...body }), 400, "invalid_request");
      expect(message).toBe("background: your organisation stores no responses and no conversations");
    }
    for (const [path, body] of [["/v1/conversations", { items: [{ role: "user", content: "hi" }] }], [`/v1/conversations/${talk.id}/items`, { items: [{ role: "user", content: "hi" }] }]] as const) await expectRefusal(await ask(path, body), 400, "invalid_request");
    expect([prompts(left).length, (await (await ask(`/v1/conversations/${talk.id}/items`)).json<Json>()).data, await found(`/v1/responses/${before.id}`)], "what was stored before is there").toEqual([spent, [], true]);
    await keep({ responseDays: 1 });
    expect((await ask("/v1/responses", { model, input: "hi", background: true })).status, "nor by an old view").toBe(200);
  });

  test("a conversation is read on, and nothing is added to it", async () => {
    const talk = await (await ask("/v1/conversations", { items: [{ role: "user", content: "My name is Ada." }] })).json<Json>();
    await keep({ responseDays: 0 });
    for (const tell of [respond, streamed]) expect((await tell({ conversation: talk.id })).store).toBe(false);
    expect(prompts(left).at(-1)!.body).toContain("Ada");
    expect((await (await ask(`/v1/conversations/${talk.id}/items`)).json<Json>()).data.length).toBe(1);
  });
});

describe("chat completions", () => {
  let made = 0;
  const chat = async (body: Json = {}, headers: Record<string, string> = {}): Promise<{ id: string; losses: string | null }> => {
    left = outside(() => Response.json({ id: `chatcmpl-${key.id}-${(made += 1)}`, object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }));
    const response = await ask("/v1/chat/completions", { ...chatBody, store: true, ...body }, headers);
    expect(response.status).toBe(200);
    await settled(key);
    return { id: (await response.json<Json>()).id, losses: response.headers.get("x-forge-losses") };
  };
  const shelf = () => env.STORED_CHATS.getByName(key.organisation);
  const ids = async (): Promise<string[]> => (await (await ask("/v1/chat/completions")).json<Json>()).data.map(({ id }: Json) => id);
  const age = (id: string, ms: number): Promise<void> => runInDurableObject(shelf(), (_, { storage }) => {
    const at = storage.kv.get<string>(`at:${id}`)!;
    const row = storage.kv.get<Json>(at)!;
    storage.kv.put(at, { ...row, untilMs: row.untilMs - ms });
  });

  test("each lives as long as it was to live when it was made, and is gone on time", async () => {
    const long = await chat();
    await keep({ chatDays: 2 });
    const short = await chat();
    expect(await ids()).toEqual([long.id, short.id]);
    await age(short.id, 2 * day);
    expect([await ids(), await found(`/v1/chat/completions/${short.id}`), await found(`/v1/chat/completions/${long.id}`)]).toEqual([[long.id], false, true]);
    expect((await ask(`/v1/chat/completions/${short.id}`, undefined, {}, "DELETE")).status).toBe(404);
    await runDurableObjectAlarm(shelf());
    const rows = (): Promise<string[]> => runInDurableObject(shelf(), (_, { storage }) => [...storage.kv.list()].map(([name]) => name));
    expect((await rows()).filter((name) => name.includes(short.id))).toEqual([]);
    expect(await ids()).toEqual([long.id]);
    await age(long.id, 30 * day);
    await runDurableObjectAlarm(shelf());
    expect(await rows()).toEqual([]);
  });

  test("one of before lives as its shelf says", async () => {
    const { id } = await chat();
    await runInDurableObject(shelf(), (_, { storage }) => {
      const at = storage.kv.get<string>(`at:${id}`)!;
      const { untilMs: __, ...row } = storage.kv.get<Json>(at)!;
      storage.kv.put(at, row);
      storage.kv.put("keep", day);
    });
    expect(await found(`/v1/chat/completions/${id}`)).toBe(true);
    await runInDurableObject(shelf(), (_, { storage }) => storage.kv.put("keep", 0));
    expect(await found(`/v1/chat/completions/${id}`)).toBe(false);
  });

  test("none is stored where the organisation stores none: the answer says so, or is refused where nothing may be lost", async () => {
    await keep({ chatDays: 0 });
    const one = await chat();
    expect([one.losses, await found(`/v1/chat/completions/${one.id}`), await ids()]).toEqual(["store", false, []]);
    expect((JSON.parse(prompts(left)[0]!.body) as Json).store).toBeUndefined();
    left.length = 0;
    await expectRefusal(await ask("/v1/chat/completions", { ...chatBody, store: true }, { "x-forge-strict": "true" }), 400, "invalid_request");
    expect(prompts(left)).toEqual([]);
    expect([(await chat({ store: false })).losses, (await chat({ store: false }, { "x-forge-strict": "true" })).losses]).toEqual([null, null]);
    const stream = await ask("/v1/chat/completions", { ...chatBody, store: true, stream: true });
    await stream.text();
    expect([stream.headers.get("x-forge-losses"), await ids()]).toEqual(["store", []]);
  });
});

describe("files", () => {
  /** In how many days a file ends that is uploaded with these fields. */
  async function uploaded(fields: Record<string, string>, headers: Record<string, string> = {}): Promise<number | null> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    form.set("file", new File(["{}"], "a.jsonl"));
    const response = await send("/v1/files", { method: "POST", headers: { ...bearer(key.secret), ...headers }, body: form });
    const { created_at: from, expires_at: until } = await response.json<Json>();
    return until === null ? null : (headers["anthropic-version"] ? Date.parse(until) - Date.parse(from) : (until - from) * 1_000) / day;
  }
  const after = (days: number) => ({ "expires_after[anchor]": "created_at", "expires_after[seconds]": String(days * 86_400) });

  test("end at the earlier of what their upload says and the organisation's days", async () => {
    expect([await uploaded({ purpose: "user_data" }), await uploaded({ purpose: "batch" })]).toEqual([null, 30]);
    await keep({ fileDays: 7 });
    expect([await uploaded({ purpose: "user_data" }), await uploaded({ purpose: "batch" }), await uploaded({ purpose: "vision", ...after(20) }), await uploaded({ purpose: "vision", ...after(2) })]).toEqual([7, 7, 7, 2]);
    const anthropic = { "anthropic-version": "2023-06-01", "anthropic-beta": "files-api-2025-04-14" };
    expect([await uploaded({}, anthropic), await uploaded({ expires_in_seconds: "172800" }, anthropic)]).toEqual([7, 2]);
    const upload = await (await ask("/v1/uploads", { filename: "b.txt", purpose: "user_data", bytes: 2, mime_type: "text/plain" })).json<Json>();
    const form = new FormData();
    form.set("data", new Blob(["hi"]));
    const part = await (await send(`/v1/uploads/${upload.id}/parts`, { method: "POST", headers: bearer(key.secret), body: form })).json<Json>();
    const { file } = await (await ask(`/v1/uploads/${upload.id}/complete`, { part_ids: [part.id] })).json<Json>();
    expect((file.expires_at - file.created_at) / 86_400).toBe(7);
    await keep({});
    expect(await uploaded({ purpose: "user_data" })).toBeNull();
  });

  test("outputs of batches end at the earlier of what the batch says and the organisation's days", async () => {
    await keep({ outputDays: 3 });
    const { files } = isolateOf(env);
    const text = JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/chat/completions", body: { ...chatBody, model } });
    const input = await files.put(key.organisation, { filename: "in.jsonl", purpose: "batch", type: "application/jsonl" }, (async function* () { yield new TextEncoder().encode(text); })(), { mostBytes: 1e9 }, Date.now());
    const lives = async (more: Json = {}): Promise<number> => {
      const { id } = await (await ask("/v1/batches", { input_file_id: input.id, endpoint: "/v1/chat/completions", completion_window: "24h", ...more })).json<Json>();
      const run = runOf(env.BATCH_RUN, key.organisation, id);
      await vi.waitFor(async () => expect((await run.face())?.batch.status).toBe("completed"), { timeout: 12_000, interval: 20 });
      const file = (await files.find(key.organisation, (await run.face())!.batch.files.output, Date.now()))!;
      return Math.round((file.expiresAtMs! - Date.now()) / (day / 24)) / 24;
    };
    expect([await lives(), await lives({ output_expires_after: { anchor: "created_at", seconds: 86_400 } }), await lives({ output_expires_after: { anchor: "created_at", seconds: 20 * 86_400 } })]).toEqual([3, 1, 3]);
    const { id } = await (await ask("/v1/messages/batches", { requests: [{ custom_id: "a", params: { model, max_tokens: 9, messages: [{ role: "user", content: "hi" }] } }] })).json<Json>();
    expect((await runOf(env.BATCH_RUN, key.organisation, id).face())!.batch.outputLivesMs).toBe(3 * day);
    await keep({});
    expect(await lives()).toBe(30);
  });
});

test("a film that is kept here ends with its organisation's days", async () => {
  const isolate = isolateOf(env);
  const now = Date.now();
  for (const [keptDays, days] of [[2, 2], [undefined, 30]] as const) {
    const fileId = newFileId(now);
    await keepFilm(isolate, { organisationId: key.organisation, id: "video_test", createdAtMs: now, keptDays } as Job, fileId, { base64: "AAAA" });
    expect((await isolate.files.find(key.organisation, fileId, now))!.expiresAtMs).toBe(now + days * day);
  }
});

describe("requests", () => {
  test("their figures are shown for as many days, to keys and by receipts, and what is charged stays", async () => {
    const one = (at: number) => ({ id: idAt(at, key.id.replace(/[^0-9a-f]/g, "").slice(0, 8)), at });
    const [recent, old] = [one(Date.now() - day), one(Date.now() - 5 * day)];
    const outcome = (sequence: number): string => JSON.stringify({ model, deployment: model, protocol: "openai-chat", stream: false, status: 200, end: "complete", usage: {}, costNanoUsd: 5_000, costSource: "listed", estimated: false, firstByteMs: null, totalMs: 1, attempts: 1, errorCode: null, lines: [], responseHash: null, chain: { sequence, previous: "", hash: "" } });
    const hours = [recent, old].map(({ at }) => ({ hour: Math.floor(at / 3_600_000), model, requests: 1, errors: 0, input_tokens: 3, cached_tokens: 0, cache_write_tokens: 0, output_tokens: 2, reasoning_tokens: 0, cost_nano_usd: 5_000 }));
    await rollUp(env.DB, { keyId: key.id, organisationId: key.organisation }, hours, [old, recent].map(({ id, at }, i) => ({ id, at, sequence: i + 1, outcome: outcome(i + 1) })));
    const shown = async (): Promise<unknown> => [await found(`/dashboard/requests/${recent.id}`), await found(`/dashboard/requests/${old.id}`), await found(`/v1/receipts/${old.id}`), (await (await ask("/v1/receipts")).json<Json>()).data.length];
    const spent = async (): Promise<number> => (await env.DB.prepare("SELECT sum(cost_nano_usd) AS spent FROM usage_hourly WHERE key_id = ?").bind(key.id).first<number>("spent"))!;
    expect([await shown(), await spent()]).toEqual([[true, true, true, 2], 10_000]);
    await keep({ requestDays: 3 });
    expect([await shown(), await spent()]).toEqual([[true, false, false, 1], 10_000]);
    await keep({ requestDays: 7 });
    expect(await shown(), "until the night").toEqual([true, true, true, 2]);
  });

  test("bodies are not kept for longer than the figures they belong to", async () => {
    await keep({ bodyDays: 30, requestDays: 3 });
    await (await ask("/v1/chat/completions", { ...chatBody, model })).text();
    await settled(key);
    const end = String(Math.floor((Date.now() + 3 * day) / day)).padStart(8, "0");
    await vi.waitFor(async () => expect((await env.FILES.list({ prefix: "bodies/" })).objects.map(({ key: name }) => name).filter((name) => name.includes(`/${key.organisation}/`)).map((name) => name.split("/")[1])).toEqual([end]), { timeout: 5_000 });
  });
});
