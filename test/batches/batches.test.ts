import { createExecutionContext, createMessageBatch, getQueueResult, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import worker from "../../src/worker.ts";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { runOf } from "../../src/batches/index.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { requestIdOf } from "../../src/batches/batch.ts";
import { addPricedModel, admin, answer, call, expectRefusal, newKey, outside, prompts, type Json, type Key } from "../security/stage.ts";

const model = "openai/batch-test";
const encoder = new TextEncoder();

/** A file of this organisation, as an upload leaves it. */
async function upload({ organisation }: Key, text: string, purpose = "batch"): Promise<string> {
  const body = (async function* () {
    yield encoder.encode(text);
  })();
  const { id } = await isolateOf(env).files.put(organisation, { filename: "in.jsonl", purpose, type: "application/jsonl" }, body, { mostBytes: 1e9 }, Date.now());
  return id;
}

const line = (i: number, body: Json = {}, more: Json = {}): string =>
  JSON.stringify({ custom_id: `id-${i}`, method: "POST", url: "/v1/chat/completions", body: { model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], ...body }, ...more });

async function made(key: Key, lines: readonly string[], more: Json = {}): Promise<Json> {
  const input = await upload(key, lines.join("\n"));
  const response = await call(key.secret, "POST", "/v1/batches", { input_file_id: input, endpoint: "/v1/chat/completions", completion_window: "24h", ...more });
  const body = await response.json<Json>();
  expect([response.status, body]).toEqual([200, expect.objectContaining({ object: "batch", status: "validating", input_file_id: input })]);
  return body;
}

const get = async (key: Key, id: string): Promise<Json> => (await call(key.secret, "GET", `/v1/batches/${id}`)).json<Json>();

/** Asks the object itself while it runs: vitest's workerd runs without `handle_cross_request_promise_resolution`, so requests must not group with its lines. */
async function over(key: Key, id: string, status = "completed"): Promise<Json> {
  await vi.waitFor(async () => expect((await runOf(env.BATCH_RUN, key.organisation, id).face())?.batch.status).toBe(status), { timeout: 12_000, interval: 20 });
  return get(key, id);
}

async function linesOf({ organisation }: Key, id: string): Promise<Json[]> {
  const { files } = isolateOf(env);
  const file = await files.find(organisation, id, Date.now());
  const text = await new Response(await files.read(file!)).text();
  expect(text.endsWith("\n")).toBe(true);
  return text.trimEnd().split("\n").map((one) => JSON.parse(one) as Json);
}

beforeAll(() => addPricedModel("batch-test", { input: { picoUsd: 1_000_000, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } }));
afterEach(() => void vi.restoreAllMocks());

/** Once its first part waits for a limit. */
const waits = (key: Key, id: string): Promise<void> => vi.waitFor(async () =>
  expect(await runInDurableObject(object(key, id), (_, { storage }) => storage.sql.exec("SELECT waits FROM part WHERE part = 1").toArray())).toEqual([{ waits: 1 }]), { timeout: 10_000, interval: 20 });

/** What the key has been charged, once nothing of it is open. */
const spent = async ({ id }: Key, nanoUsd: number): Promise<void> => vi.waitFor(async () => {
  const { counters } = await env.KEY_METER.getByName(id).inspect();
  expect([counters.held.requests, counters.spentNanoUsd]).toEqual([0, nanoUsd]);
}, { timeout: 5_000, interval: 20 });

const object = ({ organisation }: Key, id: string) => env.BATCH_RUN.getByName(`${organisation}/${id}`);
const asked = (body: string): string => (JSON.parse(body) as { messages: { content: string }[] }).messages[0]!.content;
const nanoUsdPerLine = 7_000;
const realNow = Date.now;
/** Lets time go on by so much. */
const later = (ms: number) => vi.spyOn(Date, "now").mockImplementation(() => realNow() + ms);

/** A gate that answers wait at, each by itself: a promise that another request resolves would hang here. */
function gate(): { open: () => void; pass: () => Promise<Response> } {
  let isOpen = false;
  const pass = async (): Promise<Response> => {
    while (!isOpen) await scheduler.wait(5);
    return answer();
  };
  return { open: () => void (isOpen = true), pass };
}

describe("a batch", () => {
  test("runs each line once as its key's own request, whatever is delivered again, and what it costs is what its lines cost", async () => {
    const left = outside(async ({ body }) => (asked(body) === "number 3" ? Response.json({ error: { message: "no", type: "invalid_request_error", param: null, code: "nope" } }, { status: 400 }) : answer()));
    const key = await newKey();
    const count = 70;
    const { id } = await made(key, [...Array.from({ length: count }, (_, i) => line(i)), line(100, { stream: true }), line(101, { model: "nobody/knows" }), ""], { metadata: { job: "nightly" } });
    const again = [0, 1, 2, 3, -1, 99].flatMap((part) => [1, 2].map(() => ({ body: { organisationId: key.organisation, batchId: id, part } })));
    await env.BATCHES.sendBatch([...again, { body: { organisationId: "org_other", batchId: id, part: 1 } }]);
    const batch = await over(key, id);
    expect(batch).toMatchObject({ request_counts: { total: 72, completed: 69, failed: 3 }, model: null, metadata: { job: "nightly" }, usage: { input_tokens: 207, output_tokens: 138, total_tokens: 345 } });
    expect([batch.in_progress_at, batch.finalizing_at, batch.completed_at]).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
    const [output, errors] = [await linesOf(key, batch.output_file_id), await linesOf(key, batch.error_file_id)];
    expect(output.map(({ custom_id }) => custom_id).sort()).toEqual(Array.from({ length: count }, (_, i) => `id-${i}`).filter((one) => one !== "id-3").sort());
    expect(output[0]).toEqual({ id: expect.stringMatching(/^batch_req_/), custom_id: "id-0", response: { status_code: 200, request_id: requestIdOf(id, 1, 1), body: expect.objectContaining({ object: "chat.completion" }) }, error: null });
    expect(errors.map(({ custom_id, response, error }) => [custom_id, response.status_code, response.body.error.code, response.body.error.param, error])).toEqual([
      ["id-3", 400, "nope", null, null], ["id-100", 400, "invalid_request", "stream", null], ["id-101", 404, "model_not_found", "model", null],
    ]);
    expect(prompts(left).map(({ body }) => asked(body)).sort()).toEqual(Array.from({ length: count }, (_, i) => `number ${i}`).sort());
    await spent(key, 69 * nanoUsdPerLine);
    await env.BATCHES.sendBatch(again);
    await scheduler.wait(50);
    expect(await get(key, id)).toEqual(batch);
    expect(prompts(left)).toHaveLength(count);
    await expectRefusal(await call(key.secret, "POST", `/v1/batches/${id}/cancel`), 409, "conflict");
  });

  test("waits where it meets a limit, and asks again under another name", async () => {
    let times = 0;
    const left = outside(() => (++times === 1 ? Response.json({ error: { message: "busy" } }, { status: 429 }) : answer()));
    const key = await newKey();
    const { id } = await made(key, Array.from({ length: 4 }, (_, i) => line(i)));
    await waits(key, id);
    later(2_000);
    await runDurableObjectAlarm(object(key, id));
    const { output_file_id: output } = await over(key, id);
    const answers = await linesOf(key, output);
    expect(answers.map(({ custom_id, response }) => [custom_id, response.status_code])).toEqual([0, 1, 2, 3].map((i) => [`id-${i}`, 200]));
    expect(answers.filter(({ response }, i) => response.request_id !== requestIdOf(id, i + 1, 1)).length).toBeGreaterThan(0);
    expect(prompts(left)).toHaveLength(5);
    await spent(key, 4 * nanoUsdPerLine);
  });

  test("posts, and takes back, a line that is several requests as all of them", async () => {
    let times = 0;
    outside(() => (++times === 2 ? Response.json({ error: { message: "busy" } }, { status: 429 }) : answer()));
    const key = await newKey();
    const input = await upload(key, JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/completions", body: { model, prompt: ["one", "two", "three"], max_tokens: 5 } }));
    const { id } = await (await call(key.secret, "POST", "/v1/batches", { input_file_id: input, endpoint: "/v1/completions", completion_window: "24h" })).json<Json>();
    const face = await vi.waitFor(async () => {
      const found = (await object(key, id).face())!;
      expect(found.batch.status).toBe("completed");
      return found;
    }, { timeout: 5_000 });
    await spent(key, face.sums.usage.costNanoUsd);
    expect(face.sums.usage.costNanoUsd % nanoUsdPerLine).toBe(0);
    const ids = await runInDurableObject(env.KEY_METER.getByName(key.id), (_, { storage }) => storage.sql.exec<{ id: string }>("SELECT id FROM entry WHERE lease IS NULL AND cost_nano_usd > 0").toArray());
    expect(ids.map(({ id: one }) => one.slice(0, 36))).toEqual(ids.map(() => requestIdOf(id, 1, 1)));
    expect(face.sums.usage.costNanoUsd).toBe(ids.length * nanoUsdPerLine);
  });

  test("ends a line for which there is no money, and takes its place back in no time", async () => {
    outside();
    const key = await newKey({ limits: { requestsPerMinute: 100_000, budgetNanoUsd: 1 } });
    const { id } = await made(key, [line(0)]);
    const { error_file_id: errors, output_file_id: output } = await over(key, id);
    expect(output).toBeNull();
    expect((await linesOf(key, errors))[0]).toMatchObject({ custom_id: "id-0", response: { status_code: 402, body: { error: { code: "insufficient_credits" } } } });
  });

  test("that is cancelled lets lines under way finish; the others are in the error file", async () => {
    const { open, pass } = gate();
    const left = outside(pass);
    const key = await newKey();
    const { id } = await made(key, Array.from({ length: 40 }, (_, i) => line(i)));
    await vi.waitFor(() => expect(prompts(left).length).toBeGreaterThanOrEqual(6));
    expect(await (await call(key.secret, "POST", `/v1/batches/${id}/cancel`)).json()).toMatchObject({ status: "cancelling", cancelling_at: expect.any(Number) });
    expect(await (await call(key.secret, "POST", `/v1/batches/${id}/cancel`)).json()).toMatchObject({ status: "cancelling" });
    open();
    const batch = await over(key, id, "cancelled");
    const ran = prompts(left).length;
    expect(ran).toBeLessThan(40);
    expect(batch.request_counts).toEqual({ total: 40, completed: ran, failed: 40 - ran });
    const errors = await linesOf(key, batch.error_file_id);
    expect(errors[0]).toEqual({ id: expect.any(String), custom_id: expect.any(String), response: null, error: { code: "batch_cancelled", message: expect.any(String) } });
    expect(new Set([...errors, ...(await linesOf(key, batch.output_file_id))].map(({ custom_id }) => custom_id)).size).toBe(40);
    await spent(key, ran * nanoUsdPerLine);
  });

  test("that takes longer than a day ends as it stands", async () => {
    const { open, pass } = gate();
    const left = outside((one) => (asked(one.body) === "number 0" ? answer() : pass()));
    const key = await newKey();
    const { id } = await made(key, Array.from({ length: 40 }, (_, i) => line(i)));
    await vi.waitFor(async () => expect((await object(key, id).face())?.sums.completed).toBe(1));
    later(24 * 3_600_000 + 60_000);
    await runDurableObjectAlarm(object(key, id));
    // The Queue of tests delivers one message after the other, and the one of these lines still waits.
    open();
    const batch = await over(key, id, "expired");
    expect(batch).toMatchObject({ request_counts: { total: 40, completed: 1, failed: 39 }, expired_at: expect.any(Number) });
    const errors = await linesOf(key, batch.error_file_id);
    expect([errors.length, errors[0]!.error.code, errors[0]!.custom_id]).toEqual([39, "batch_expired", "id-1"]);
    expect(prompts(left).length).toBeLessThan(40);
    await spent(key, nanoUsdPerLine);
  });

  test("whose worker dies runs its lines anew, and an answer that comes too late is nobody's", async () => {
    const { open, pass } = gate();
    let times = 0;
    const left = outside(() => (++times <= 3 ? pass() : answer()));
    const key = await newKey();
    const { id } = await made(key, [0, 1, 2].map((i) => line(i)));
    await vi.waitFor(() => expect(prompts(left)).toHaveLength(3));
    later(40_000);
    await runDurableObjectAlarm(object(key, id));
    // The Queue of tests delivers one message after the other, and the first one still waits.
    const work = (await runOf(env.BATCH_RUN, key.organisation, id).claim(1))!;
    expect(work.part).toMatchObject({ lease: 2, strikes: 1 });
    open();
    await vi.waitFor(async () => expect((await env.KEY_METER.getByName(key.id).inspect()).counters.held.requests).toBe(0));
    expect((await object(key, id).face())!.sums.completed).toBe(0);
    await runOf(env.BATCH_RUN, key.organisation, id).leave(1, 2, { begun: [] });
    const batch = await over(key, id);
    expect(batch.request_counts).toEqual({ total: 3, completed: 3, failed: 0 });
    expect((await linesOf(key, batch.output_file_id)).map(({ response }) => response.request_id)).toEqual([1, 2, 3].map((one) => requestIdOf(id, one, 3)));
    expect(prompts(left)).toHaveLength(6);
    await spent(key, 3 * nanoUsdPerLine);
  });

  test("whose holds ran out and were charged by estimate is charged what its lines cost all the same", async () => {
    const { open, pass } = gate();
    let times = 0;
    const left = outside(() => (++times <= 2 ? pass() : answer()));
    const key = await newKey();
    const meter = env.KEY_METER.getByName(key.id);
    const { id } = await made(key, [0, 1].map((i) => line(i)));
    await vi.waitFor(() => expect(prompts(left)).toHaveLength(2));
    later(10 * 60_000);
    await runDurableObjectAlarm(meter);
    expect((await meter.inspect()).counters.spentNanoUsd).toBeGreaterThan(2 * nanoUsdPerLine);
    await runDurableObjectAlarm(object(key, id));
    open();
    await over(key, id);
    await spent(key, 2 * nanoUsdPerLine);
    await meter.flush();
    const { totals } = await (await call(key.secret, "GET", "/dashboard/usage")).json<Json>();
    expect(totals.costNanoUsd).toBe(2 * nanoUsdPerLine);
  });

  test("takes up a part of which the queue has given up the message: none of its lines is lost", async () => {
    let busy = true;
    outside(() => (busy ? Response.json({ error: { message: "busy" } }, { status: 429, headers: { "retry-after": "30" } }) : answer()));
    const key = await newKey();
    const { id } = await made(key, [line(0), line(1)]);
    await waits(key, id);
    const bury = async (): Promise<void> => {
      const context = createExecutionContext();
      const messages = createMessageBatch("forge-batches-dlq", [{ id: "dead", timestamp: new Date(), attempts: 11, body: { organisationId: key.organisation, batchId: id, part: 1 } }]);
      await worker.queue(messages, env, context);
      expect((await getQueueResult(messages, context)).explicitAcks).toEqual(["dead"]);
    };
    await bury();
    expect((await object(key, id).face())?.sums, "a part that waits for its time goes on waiting").toMatchObject({ completed: 0, failed: 0 });
    busy = false;
    later(40_000);
    const lost: unknown[] = [];
    await runInDurableObject(object(key, id), async (run) => {
      const inside = run as unknown as { env: Cloudflare.Env; alarm(): Promise<void> };
      const { env: whole } = inside;
      inside.env = { ...whole, DB: whole.DB, BATCHES: { sendBatch: async (words: unknown[]) => void lost.push(...words) } } as never;
      await inside.alarm();
      inside.env = whole;
    });
    expect(lost, "word of the part went nowhere").toEqual([{ body: { organisationId: key.organisation, batchId: id, part: 1 } }]);
    await bury();
    const batch = await over(key, id);
    expect([batch.request_counts, batch.error_file_id ?? null]).toEqual([{ total: 2, completed: 2, failed: 0 }, null]);
    await spent(key, 2 * nanoUsdPerLine);
    expect(await env.DB.prepare("SELECT kind, detail ->> 'part' AS part FROM events WHERE subject = ?").bind(id).all().then(({ results }) => results)).toEqual([{ kind: "batch.undeliverable", part: 1 }]);
  });

  test.each([
    ["whose key is revoked", async ({ id }: Key) => admin("POST", `/keys/${id}/revoke`), 401, "key_revoked"],
    ["whose organisation is suspended", async ({ organisation }: Key) => admin("PUT", `/organisations/${organisation}/suspension`, { reason: "Unpaid" }), 403, "organisation_suspended"],
  ] as const)("%s ends its lines with that, and is charged for those before", async (_, stop, status, code) => {
    const left = outside(({ body }) => (asked(body) === "number 0" ? answer() : Response.json({ error: { message: "busy" } }, { status: 429, headers: { "retry-after": "30" } })));
    const key = await newKey();
    const { id } = await made(key, [line(0), line(1), line(2)]);
    await waits(key, id);
    const before = prompts(left).length;
    await stop(key);
    later(40_000);
    await runDurableObjectAlarm(object(key, id));
    await vi.waitFor(async () => expect((await runOf(env.BATCH_RUN, key.organisation, id).face())?.batch.status).toBe("completed"), { timeout: 12_000, interval: 20 });
    const { batch } = (await runOf(env.BATCH_RUN, key.organisation, id).face())!;
    expect((await linesOf(key, batch.files.output)).map(({ custom_id }) => custom_id)).toEqual(["id-0"]);
    expect((await linesOf(key, batch.files.errors)).map(({ custom_id, response }) => [custom_id, response.status_code, response.body.error.code])).toEqual([["id-1", status, code], ["id-2", status, code]]);
    expect(prompts(left).length).toBe(before);
    await spent(key, nanoUsdPerLine);
  });

  test("keeps nothing in clear that was sent or answered", async () => {
    const { open, pass } = gate();
    outside(({ body }) => (asked(body) === "number 0" ? answer() : pass()));
    const key = await newKey();
    const { id } = await made(key, [line(0), line(1)]);
    await vi.waitFor(async () => expect((await object(key, id).face())?.sums.completed).toBe(1));
    const rows = await runInDurableObject(object(key, id), (_, { storage }) => storage.sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM result UNION ALL SELECT ids FROM part WHERE lines > 0").toArray());
    expect(rows).toHaveLength(2);
    for (const { bytes } of rows) expect(new TextDecoder().decode(bytes)).not.toMatch(/id-0|hi|chat/);
    open();
    await over(key, id);
    expect(await runInDurableObject(object(key, id), (_, { storage }) => storage.sql.exec("SELECT bytes FROM result UNION ALL SELECT ids FROM part WHERE ids IS NOT NULL").toArray())).toEqual([]);
  });

  test("of a sovereign request stays in the house", async () => {
    const left = outside();
    const key = await newKey();
    const input = await upload(key, [line(0), line(1, { model: "selfhosted/local-test" })].join("\n"));
    const { id } = await (await call(key.secret, "POST", "/v1/batches", { input_file_id: input, endpoint: "/v1/chat/completions", completion_window: "24h" }, { "x-sovereign": "true" })).json<Json>();
    const batch = await over(key, id);
    expect(batch.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });
    expect(new Set(left.map(({ host }) => host))).toEqual(new Set(["self.example"]));
  });
});

describe("what is no batch", () => {
  test("an input that is wrong fails with line numbers, and nothing runs", async () => {
    const left = outside();
    const key = await newKey();
    const { id } = await made(key, [line(0), "{", line(0), line(2, {}, { url: "/v1/embeddings" }), "", line(3, {}, { method: "GET" })]);
    const { errors, request_counts: counts, output_file_id: output } = await over(key, id, "failed");
    expect(errors).toEqual({ object: "list", data: [
      { code: "invalid_json_line", line: 2, message: "This line is not parseable as valid JSON.", param: null }, { code: "duplicate_custom_id", line: 3, message: expect.stringContaining("line 1"), param: "custom_id" },
      { code: "url_mismatch", line: 4, message: expect.any(String), param: "url" }, { code: "invalid_method", line: 6, message: expect.any(String), param: "method" },
    ] });
    expect([counts, output, left]).toEqual([{ total: 0, completed: 0, failed: 0 }, null, []]);
    const empty = await over(key, (await made(key, ["", " "])).id, "failed");
    expect(empty.errors.data).toEqual([{ code: "empty_file", line: null, message: expect.any(String), param: null }]);
  });

  test("a batch of another organisation is none, and neither is its file", async () => {
    outside();
    const [mine, theirs] = [await newKey(), await newKey()];
    const { id, input_file_id: input } = await made(mine, [line(0)]);
    await over(mine, id);
    await expectRefusal(await call(theirs.secret, "GET", `/v1/batches/${id}`), 404, "not_found");
    await expectRefusal(await call(theirs.secret, "POST", `/v1/batches/${id}/cancel`), 404, "not_found");
    await expectRefusal(await call(theirs.secret, "POST", "/v1/batches", { input_file_id: input, endpoint: "/v1/chat/completions", completion_window: "24h" }), 404, "not_found");
    await expectRefusal(await call(theirs.secret, "GET", `/v1/messages/batches/${id}`), 404, "not_found", "anthropic");
    expect(await (await call(theirs.secret, "GET", "/v1/batches")).json()).toEqual({ object: "list", data: [], first_id: null, last_id: null, has_more: false });
    expect(await runInDurableObject(object(theirs, id), (_, { storage }) => storage.sql.databaseSize)).toBeLessThan(5_000);
    await expectRefusal(await call(mine.secret, "GET", "/v1/batches/batch_nonsense"), 404, "not_found");
  });

  test.each<[string, Json]>([
    ["another endpoint", { endpoint: "/v1/files" }], ["another window", { completion_window: "1h" }],
    ["too much metadata", { metadata: { a: "b".repeat(513) } }], ["a life too short", { output_expires_after: { anchor: "created_at", seconds: 1 } }],
  ])("%s is refused", async (_, more) => {
    outside();
    const key = await newKey();
    await expectRefusal(await call(key.secret, "POST", "/v1/batches", { input_file_id: await upload(key, line(0)), endpoint: "/v1/chat/completions", completion_window: "24h", ...more }), 400, "invalid_request");
  });

  test("keys that a batch would have to keep are refused", async () => {
    outside();
    const key = await newKey();
    await admin("PATCH", `/organisations/${key.organisation}`, { headerCredentials: true });
    const wanted = { input_file_id: await upload(key, line(0)), endpoint: "/v1/chat/completions", completion_window: "24h" };
    await expectRefusal(await call(key.secret, "POST", "/v1/batches", wanted, { "x-provider-api-keys": JSON.stringify({ openai: "sk-brought-0123456789" }) }), 400, "invalid_request");
  });

  test("a file for another purpose is refused", async () => {
    const key = await newKey();
    const { param } = await expectRefusal(await call(key.secret, "POST", "/v1/batches", { input_file_id: await upload(key, line(0), "user_data"), endpoint: "/v1/chat/completions", completion_window: "24h" }), 400, "invalid_request");
    expect(param).toBe("input_file_id");
  });
});

test("batches are listed the newest first, page by page", async () => {
  outside();
  const key = await newKey();
  const ids: string[] = [];
  for (let i = 0; i < 3; i += 1) ids.unshift((await made(key, [line(i)])).id);
  await Promise.all(ids.map((id) => vi.waitFor(async () => expect((await object(key, id).face())?.batch.status).toBe("completed"), { timeout: 5_000 })));
  const page = async (query: string): Promise<Json> => (await call(key.secret, "GET", `/v1/batches${query}`)).json<Json>();
  const first = await page("?limit=2");
  expect([first.data.map(({ id }: Json) => id), first.has_more, first.last_id]).toEqual([ids.slice(0, 2), true, ids[1]]);
  expect((await page(`?limit=2&after=${first.last_id}`))).toMatchObject({ data: [{ id: ids[2], status: "completed" }], has_more: false });
});

test("message batches are made, listed, told of and deleted as Anthropic's clients expect", async () => {
  outside(({ host }) => (host === "api.openai.com" ? answer() : new Response("", { status: 500 })));
  const key = await newKey();
  const params = { model, max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
  const ask = (method: string, path: string, body?: unknown): Promise<Response> => call(key.secret, method, `/v1/messages/batches${path}`, body, { "anthropic-version": "2023-06-01" });
  const response = await ask("POST", "", { requests: [{ custom_id: "a", params }, { custom_id: "b", params: { ...params, model: "nobody/knows" } }] });
  const made = await response.json<Json>();
  expect([response.status, made]).toEqual([200, {
    id: expect.stringMatching(/^msgbatch_/), type: "message_batch", processing_status: "in_progress", request_counts: { processing: 2, succeeded: 0, errored: 0, canceled: 0, expired: 0 },
    created_at: expect.stringMatching(/Z$/), expires_at: expect.stringMatching(/Z$/), ended_at: null, archived_at: null, cancel_initiated_at: null, results_url: null,
  }]);
  await vi.waitFor(async () => expect((await object(key, made.id).face())?.batch.status).toBe("completed"), { timeout: 5_000 });
  const ended = await (await ask("GET", `/${made.id}`)).json<Json>();
  expect(ended).toMatchObject({ processing_status: "ended", request_counts: { processing: 0, succeeded: 1, errored: 1 }, results_url: `https://forge.example/v1/messages/batches/${made.id}/results` });
  const results = (await (await ask("GET", `/${made.id}/results`)).text()).trimEnd().split("\n").map((one) => JSON.parse(one) as Json);
  expect(results).toEqual([
    { custom_id: "a", result: { type: "succeeded", message: expect.objectContaining({ type: "message", role: "assistant", content: [{ type: "text", text: "hi" }] }) } },
    { custom_id: "b", result: { type: "errored", error: { type: "error", error: expect.objectContaining({ type: "not_found_error" }), request_id: expect.stringMatching(/^req_/) } } },
  ]);
  expect(await (await ask("GET", "")).json()).toMatchObject({ data: [{ id: made.id }], has_more: false, first_id: made.id, last_id: made.id });
  expect(await (await ask("DELETE", `/${made.id}`)).json()).toEqual({ id: made.id, type: "message_batch_deleted" });
  await expectRefusal(await ask("GET", `/${made.id}`), 404, "not_found", "anthropic");
  expect(await (await ask("GET", "")).json()).toMatchObject({ data: [] });
  await expectRefusal(await ask("POST", "", { requests: [{ custom_id: "a", params }, { custom_id: "a", params }] }), 400, "invalid_request", "anthropic");
});
