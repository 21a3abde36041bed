import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { admin, answer, call, expectRefusal, newKey, type Json, type Key, type Left } from "../security/stage.ts";
import { addHalved, batchNanoUsd, liveNanoUsd, nativeBatch, type Outcome, type StandIn } from "./native-contract.ts";
import { becomes, catalogBecomes, later, linesIn, linesUploaded, madeOf, native, object, over, playing, poll, soon, spent } from "./native-stage.ts";

const model = "openai/native-test";

const line = (i: number, of = model): Json => ({ custom_id: `id-${i}`, body: { model: of, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], seed: 12345678901234567890n.toString() } });
const made = (key: Key, count: number, more: Json = {}, headers: Record<string, string> = {}): Promise<string> => madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => line(i)), more, headers);

const completed = { id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "batched" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } };
const results: Readonly<Record<Outcome, { status_code: number; body: object } | undefined>> = {
  answered: { status_code: 200, body: completed }, wrong: { status_code: 400, body: { error: { message: "no", type: "invalid_request_error" } } }, passing: { status_code: 429, body: { error: { message: "busy" } } }, none: undefined,
};

/** OpenAI's files and batches, as far as they are used here; everything else is answered at once. */
class Provider implements StandIn {
  uploads: string[] = [];
  batches: { id: string; status: string; metadata: Json | null; input: string }[] = [];
  asked = 0;
  looks = 0;
  cancelled = 0;
  removed: string[] = [];
  secrets = new Set<string | null>();
  live = 0;
  status = "in_progress";
  outcome: StandIn["outcome"] = () => "answered";
  /** What each answer has beside the usual. */
  says: Json = {};
  /** Cancelling it ends it at once. */
  ends = false;
  breaks: StandIn["breaks"];

  play = ({ url, body, headers }: Left, method: string): Response => {
    const path = new URL(url).pathname.slice("/v1".length);
    this.secrets.add(headers.get("authorization"));
    if (method === "DELETE") this.removed.push(path.split("/").at(-1)!);
    if (path === "/files") {
      this.uploads.push(body);
      return Response.json({ id: `file-up-${this.uploads.length}` });
    }
    if (path === "/batches" && method === "POST") return this.create(JSON.parse(body) as Json);
    if (path === "/batches") {
      this.looks += 1;
      return Response.json({ data: this.batches, has_more: false });
    }
    if (path.endsWith("/cancel")) {
      this.cancelled += 1;
      if (this.ends) this.status = "cancelled";
    }
    if (path.startsWith("/batches/")) return Response.json({ ...this.batches[0], status: this.status, output_file_id: this.status === "in_progress" ? null : "file-out" });
    if (path === "/files/file-out/content") return new Response(this.output());
    if (path.startsWith("/files/")) return Response.json({ deleted: true });
    this.live += 1;
    return answer();
  };

  end(): void {
    this.status = "completed";
  }

  addTheirs(): string {
    this.batches.push({ id: "batch_theirs", status: "completed", metadata: null, input: "file-theirs" });
    return "batch_theirs";
  }

  lines(): ReadonlyMap<number, Json> {
    return linesUploaded(this.uploads.at(-1)!);
  }

  private create({ input_file_id: input, metadata }: Json): Response {
    this.asked += 1;
    if (this.breaks === "not made") return new Response("", { status: 500 });
    this.batches.push({ id: `batch_up_${this.batches.length}`, status: "validating", metadata, input });
    return this.breaks ? new Response("", { status: 502 }) : Response.json(this.batches.at(-1));
  }

  private output(): string {
    return [...this.lines().keys()].reverse().flatMap((line) => {
      const result = results[this.outcome(line)];
      if (!result) return [];
      return [`${JSON.stringify({ id: "batch_req_up", custom_id: String(line), response: { request_id: `up-${line}`, ...result, body: { ...result.body, ...this.says } }, error: null })}\n`];
    }).join("");
  }
}

function stage(): Provider {
  const provider = new Provider();
  playing("api.openai.com", provider.play);
  return provider;
}

/** The first so many lines have answers when it is over. */
const first = (count: number): StandIn["outcome"] => (line) => (line <= count ? "answered" : "none");

nativeBatch({ name: "OpenAI's", provider: "openai", upstreamId: "native-contract", stage, sent: { id: "batch_up_0", file: "file-up-1" }, left: ["file-out", "file-up-1"] });

/** Models of the same prices: one for all, and one each for those who edit it. */
const edited = ["lost-uncounted", "lost-counted", "lost-running", "edit-0", "edit-1", "edit-2", "edit-3", "edit-4", "back"];
beforeAll(async () => {
  for (const id of ["native-test", ...edited]) await addHalved("openai", id);
});
afterEach(() => void vi.restoreAllMocks());

describe("a provider's own batch", () => {
  test("has each line as it came, for the model as it is called there, and our name", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 2);
    await becomes(key, id, { state: "sent" });
    expect(provider.batches.map(({ metadata }) => metadata)).toEqual([{ forge_batch: id }]);
    expect(provider.lines().get(1)).toEqual({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { ...line(0).body, model: "native-test" } });
    provider.end();
    await poll(key, id, 61_000);
    expect((await linesIn(key, await over(key, id)))[0]).toMatchObject({ response: { body: { service_tier: "batch" } } });
  });

  test("does messages that are told in its words, and answers come back as messages", async () => {
    const provider = stage();
    provider.status = "completed";
    const key = await newKey();
    const params = { model, max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
    const { id } = await (await call(key.secret, "POST", "/v1/messages/batches", { requests: [{ custom_id: "a", params }] }, { "x-forge-protocol": "openai-chat" })).json<Json>();
    await becomes(key, id, { state: "sent" });
    expect(provider.lines().get(1)).toMatchObject({ url: "/v1/chat/completions", body: { model: "native-test", max_completion_tokens: 10 } });
    await poll(key, id, 61_000);
    const [told] = await linesIn(key, await over(key, id));
    expect(told).toMatchObject({ custom_id: "a", result: { type: "succeeded", message: { type: "message", content: [{ type: "text", text: "batched" }], usage: { output_tokens: 2 } } } });
    expect(provider.live).toBe(0);
    await spent(key, batchNanoUsd);
  });

  test.each<[string, Json, Json, Record<string, string>]>([
    ["metadata says that it is wanted at once", {}, { metadata: { forge_batch: "live" } }, {}], ["a header says so", {}, {}, { "x-forge-batch": "live" }], ["no other machine may see it", {}, {}, { "x-sovereign": "true" }],
    ["nobody may keep the requests", { provider: { zdr: true } }, {}, {}], ["nobody may learn from them", { provider: { data_collection: "deny" } }, {}, {}],
  ])("is not asked where %s", async (_, wish, more, headers) => {
    const provider = stage();
    const key = await newKey();
    const id = await madeOf(key, "/v1/chat/completions", [0, 1].map((i) => ({ ...line(i), body: { ...line(i).body, ...wish } })), more, headers);
    await over(key, id);
    expect(provider.uploads).toEqual([]);
    await spent(key, provider.live * liveNanoUsd);
  });

  test("is not asked where there is no money for all of it at once", async () => {
    const provider = stage();
    const key = await newKey({ limits: { requestsPerMinute: 100_000, budgetNanoUsd: 1_000_000 } });
    const id = await made(key, 40);
    await soon(() => expect(provider.live).toBeGreaterThan(0));
    expect(provider.uploads).toEqual([]);
    await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
    await over(key, id, "cancelled");
  });
});

/** What ends what a key may have done, in whichever way. */
const barring: readonly (readonly [string, (key: Key) => Promise<unknown>])[] = [
  ["its key is revoked", ({ id }) => admin("POST", `/keys/${id}/revoke`)],
  ["its organisation is suspended", ({ organisation }) => admin("PUT", `/organisations/${organisation}/suspension`, { reason: "Unpaid" })],
  ["its key may not call the model", ({ id }) => admin("PATCH", `/keys/${id}`, { policy: { models: ["groq/*"] } })],
  ["its key is sovereign", ({ id }) => admin("PATCH", `/keys/${id}`, { policy: { sovereign: true } })],
];

/** Looks at it again and again, a minute apart, until `check` holds. */
async function polled(key: Key, id: string, check: () => unknown): Promise<void> {
  let minutes = 0;
  await soon(async () => {
    await poll(key, id, (minutes += 1) * 61_000);
    await scheduler.wait(50);
    await check();
  });
}

/** Looks at it at such a time until it has ended so. */
const polledAfter = (key: Key, id: string, afterMs: number, status: string): Promise<void> => soon(async () => {
  await poll(key, id, afterMs);
  await scheduler.wait(50);
  expect((await object(key, id).face())!.batch.status).toBe(status);
});

describe("a provider's own batch that runs when", () => {
  test.each(barring)("%s is called back, its answers are charged, and nothing stays there", async (_, bar) => {
    const provider = stage();
    provider.outcome = first(15);
    provider.ends = true;
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    await bar(key);
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    const { sums } = (await object(key, id).face())!;
    expect([provider.cancelled, provider.removed.length, provider.live, sums.completed, sums.failed, sums.usage.costNanoUsd]).toEqual([1, 2, 0, 15, 25, 15 * batchNanoUsd]);
    await spent(key, 15 * batchNanoUsd);
  });

  test.each(barring)("%s after it was done is charged for all of its answers", async (_, bar) => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    provider.status = "completed";
    await bar(key);
    await poll(key, id, 61_000);
    const { sums } = await over(key, id);
    expect([provider.cancelled, provider.removed.length, provider.live, sums.completed]).toEqual([0, 2, 0, 40]);
    await spent(key, 40 * batchNanoUsd);
  });

  test("its key's budget is cut after it was done is charged all the same", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 40);
    await becomes(key, id, { state: "sent" });
    provider.status = "completed";
    await admin("PATCH", `/keys/${key.id}`, { policy: { limits: { budgetNanoUsd: 1 } } });
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(40);
    await spent(key, 40 * batchNanoUsd);
  });

  test("its input is to be deleted keeps that until it is over", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    const input = (await object(key, id).face())!.batch.inputFileId;
    for (const name of [input, input.replace("file-", "file_")]) await expectRefusal(await call(key.secret, "DELETE", `/v1/files/${name}`), 409, "conflict");
    provider.status = "completed";
    await poll(key, id, 61_000);
    await over(key, id);
    await spent(key, 3 * batchNanoUsd);
    await soon(async () => expect((await call(key.secret, "DELETE", `/v1/files/${input}`)).status).toBe(200));
  });

  test("its input is gone nevertheless is called back, and nothing stays there", async () => {
    const provider = stage();
    provider.ends = true;
    const key = await newKey();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await isolateOf(env).files.delete(key.organisation, (await object(key, id).face())!.batch.inputFileId);
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect([provider.cancelled, provider.removed.length, provider.live]).toEqual([1, 2, 0]);
  });

  test("the organisation's own account is no more is waited for as long as the batch has, and an hour", async () => {
    const provider = stage();
    const key = await newKey();
    await admin("PUT", `/organisations/${key.organisation}/credentials/openai`, { secret: "sk-of-the-organisation" });
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await admin("DELETE", `/organisations/${key.organisation}/credentials/openai`);
    await poll(key, id, 61_000);
    await scheduler.wait(50);
    expect(await native(key, id)).toMatchObject({ state: "sent" });
    await polledAfter(key, id, 25.1 * 3_600_000, "expired");
    expect([provider.live, [...provider.secrets]]).toEqual([0, ["Bearer sk-of-the-organisation"]]);
    await spent(key, 0);
  });

  test.each([["where", ["at", "attempt"]], ["at what price", ["attempt"]]])("an older version made it, which did not note %s, is followed as its key reaches it", async (_, absent) => {
    const provider = stage();
    const key = await newKey();
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await runInDurableObject(object(key, id), (run) => {
      const old = run as unknown as { batch: Json };
      old.batch = { ...old.batch, native: Object.fromEntries(Object.entries(old.batch.native).filter(([field]) => !absent.includes(field))) };
    });
    provider.status = "completed";
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(3);
    expect([provider.live, provider.removed.length]).toEqual([0, 2]);
    await spent(key, 3 * batchNanoUsd);
  });

  test("it was made on the organisation's own account is called back there, with its key", async () => {
    const provider = stage();
    provider.ends = true;
    const key = await newKey();
    await admin("PUT", `/organisations/${key.organisation}/credentials/openai`, { secret: "sk-of-the-organisation" });
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent", at: { own: true } });
    await admin("POST", `/keys/${key.id}/revoke`);
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect([provider.cancelled, provider.removed.length, [...provider.secrets]]).toEqual([1, 2, ["Bearer sk-of-the-organisation"]]);
    expect((await object(key, id).face())!.sums.completed).toBe(3);
  });
});

const sql = (query: string, ...values: unknown[]): D1PreparedStatement => env.DB.prepare(query).bind(...values);
const lost = (id: string): D1PreparedStatement[] => ["prices", "deployments"].map((table) => sql(`DELETE FROM ${table} WHERE provider = 'openai' AND upstream_id = ?`, id));
const madeFor = (key: Key, id: string, count: number): Promise<string> => madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => line(i, `openai/${id}`)));

const counted = { limits: { requestsPerMinute: 100_000, concurrentRequests: 1_000, budgetNanoUsd: 1_000_000_000 } };

/** Edits of a price list, each behind the handing over. */
const edits: readonly (readonly [string, (id: string) => D1PreparedStatement[]])[] = [
  ["every price is ten times as high", (id) => [sql("UPDATE prices SET pico_usd = pico_usd * 10 WHERE provider = 'openai' AND upstream_id = ?", id)]],
  ["newer prices are in force", (id) => ["input:batch", "output:batch", "input", "output"].map((unit) => sql("INSERT INTO prices (provider, upstream_id, class, valid_from, pico_usd, source) VALUES ('openai', ?, ?, ?, 1, 'test')", id, unit, Date.now()))],
  ["there is no price for batches any more", (id) => [sql("DELETE FROM prices WHERE provider = 'openai' AND upstream_id = ? AND class LIKE '%:batch'", id)]],
  ["there is no price any more", (id) => [sql("DELETE FROM prices WHERE provider = 'openai' AND upstream_id = ?", id)]],
  ["there is a price for each request and a step for long inputs", (id) => [["request", 0], ["input:batch", 1], ["output:batch", 1]].map(([unit, above]) => sql("INSERT INTO prices (provider, upstream_id, class, above_tokens, valid_from, pico_usd, source) VALUES ('openai', ?, ?, ?, 1, 77000000, 'test')", id, unit, above))],
];

describe("what a provider's own batch costs is known when it is handed over:", () => {
  test.each([["whose money is not counted", "lost-uncounted", {}], ["whose money is", "lost-counted", counted]] as const)("a catalog that has lost the deployment when it is over changes nothing for a key %s", async (_, model, policy) => {
    const provider = stage();
    const key = await newKey(policy);
    const id = await madeFor(key, model, 40);
    await becomes(key, id, { state: "sent", attempt: { deployment: `openai/${model}` } });
    provider.status = "completed";
    await catalogBecomes(...lost(model));
    await poll(key, id, 61_000);
    const done = await over(key, id);
    expect([done.sums.completed, done.sums.usage.costNanoUsd, provider.live, provider.cancelled]).toEqual([40, 40 * batchNanoUsd, 0, 0]);
    expect((await linesIn(key, done))[0]).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { service_tier: "batch", choices: [{ message: { content: "batched" } }] } } });
    await spent(key, 40 * batchNanoUsd);
  });

  test("one that loses it while it runs has it called back, and what was answered is charged", async () => {
    const provider = stage();
    provider.outcome = first(15);
    provider.ends = true;
    const key = await newKey(counted);
    const id = await madeFor(key, "lost-running", 40);
    await becomes(key, id, { state: "sent" });
    await catalogBecomes(...lost("lost-running"));
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    const { sums } = (await object(key, id).face())!;
    expect([provider.cancelled, provider.removed.length, provider.live, sums.completed, sums.failed, sums.usage.costNanoUsd]).toEqual([1, 2, 0, 15, 25, 15 * batchNanoUsd]);
    await spent(key, 15 * batchNanoUsd);
  });

  test.each(edits.map(([name, edit], i) => [name, `edit-${i}`, edit] as const))("%s: it costs what it cost then", async (_, model, edit) => {
    const provider = stage();
    const key = await newKey();
    const id = await madeFor(key, model, 10);
    await becomes(key, id, { state: "sent" });
    provider.status = "completed";
    await catalogBecomes(...edit(model));
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(10);
    expect(provider.live).toBe(0);
    await spent(key, 10 * batchNanoUsd);
  });

  test("what was altered and is as before has no say in it, and calls nothing back", async () => {
    const provider = stage();
    const key = await newKey();
    const id = await madeFor(key, "back", 10);
    await becomes(key, id, { state: "sent" });
    await catalogBecomes(
      sql("INSERT INTO models SELECT 'other', owner, kind, input_modalities, output_modalities, capabilities, 10, 5, released_at FROM models WHERE id = 'back'"),
      sql("UPDATE deployments SET model_id = 'other' WHERE provider = 'openai' AND upstream_id = 'back'"),
      sql("UPDATE prices SET pico_usd = pico_usd * 9 WHERE provider = 'openai' AND upstream_id = 'back'"));
    await poll(key, id, 70_000);
    await catalogBecomes(...lost("back"));
    await catalogBecomes(
      sql("INSERT INTO deployments (provider, upstream_id, model_id) VALUES ('openai', 'back', 'back')"),
      ...Object.entries({ input: 1_000_000, output: 2_000_000, "input:batch": 500_000, "output:batch": 1_000_000 }).map(([unit, pico]) =>
        sql("INSERT INTO prices (provider, upstream_id, class, valid_from, pico_usd, source) VALUES ('openai', 'back', ?, ?, ?, 'test')", unit, 1, pico)));
    provider.status = "completed";
    await poll(key, id, 270_000);
    const { sums } = await over(key, id);
    expect([sums.completed, provider.live, provider.cancelled]).toEqual([10, 0, 0]);
    await spent(key, 10 * batchNanoUsd);
  });
});

test("a provider's own batch goes on when its input has expired meanwhile, and the bytes go in the first night after it", async () => {
  const provider = stage();
  provider.outcome = (line) => (line % 2 === 1 ? "answered" : "none");
  provider.status = "expired";
  const key = await newKey();
  const { files } = isolateOf(env);
  const id = await made(key, 10);
  await becomes(key, id, { state: "sent" });
  const { inputFileId: input } = (await object(key, id).face())!.batch;
  await env.DB.prepare("UPDATE files SET expires_at = ? WHERE id = ?").bind(Date.now() + 30_000, input).run();
  later(61_000);
  await expectRefusal(await call(key.secret, "GET", `/v1/files/${input}`), 404, "not_found");
  await files.tidy(Date.now());
  await poll(key, id, 65_000);
  expect((await over(key, id)).sums.completed).toBe(10);
  expect([provider.live, provider.cancelled]).toEqual([5, 0]);
  await spent(key, 5 * batchNanoUsd + 5 * liveNanoUsd);
  await soon(async () => {
    await files.tidy(Date.now());
    expect(await files.find(key.organisation, input, 0)).toBeUndefined();
  });
});

describe("an answer of a provider's own batch is charged, and told,", () => {
  test("when a file that its line names is gone by then", async () => {
    const provider = stage();
    const key = await newKey();
    const { files } = isolateOf(env);
    const body = (async function* () {
      yield new TextEncoder().encode("%PDF-1.4");
    })();
    const { id: named } = await files.put(key.organisation, { filename: "a.pdf", purpose: "user_data", type: "application/pdf" }, body, { mostBytes: 100 }, Date.now());
    const id = await madeOf(key, "/v1/chat/completions", [{ custom_id: "a", body: { model, max_tokens: 10, messages: [{ role: "user", content: [{ type: "file", file: { file_id: named } }] }] } }]);
    await becomes(key, id, { state: "sent" });
    expect(JSON.stringify([...provider.lines()])).toContain(`base64,${btoa("%PDF-1.4")}`);
    provider.status = "completed";
    expect((await call(key.secret, "DELETE", `/v1/files/${named}`)).status).toBe(200);
    await poll(key, id, 61_000);
    const [first] = await linesIn(key, await over(key, id));
    expect(first).toMatchObject({ custom_id: "a", response: { status_code: 200, body: { choices: [{ message: { content: "batched" } }] } } });
    expect(provider.live).toBe(0);
    await spent(key, batchNanoUsd);
  });

  test("however long its key's meter cannot be reached", async () => {
    const provider = stage();
    provider.status = "completed";
    const key = await newKey();
    const { meters } = isolateOf(env);
    const submit = meters.submit.bind(meters);
    let [away, unheard] = [true, 0];
    vi.spyOn(meters, "submit").mockImplementation((operation, policy) => {
      if (!away || !("owed" in operation)) return submit(operation, policy);
      unheard += 1;
      return Promise.reject(new GatewayError("limiter_unavailable", "Limits cannot be checked right now.", { retryAfterSeconds: 1 }));
    });
    const id = await made(key, 3);
    await becomes(key, id, { state: "sent" });
    await polled(key, id, () => expect(unheard).toBeGreaterThan(3 * 5));
    away = false;
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect([(await object(key, id).face())!.sums.completed, provider.live]).toEqual([3, 0]);
    await spent(key, 3 * batchNanoUsd);
  });

  test("unless nobody can read it: then its line runs here", async () => {
    const provider = stage();
    provider.status = "completed";
    provider.says = { object: "error", usage: null, choices: undefined };
    const key = await newKey();
    const params = { model, max_tokens: 10, messages: [{ role: "user", content: "hi" }] };
    const { id } = await (await call(key.secret, "POST", "/v1/messages/batches", { requests: [{ custom_id: "a", params }] }, { "x-forge-protocol": "openai-chat" })).json<Json>();
    await becomes(key, id, { state: "sent" });
    await polled(key, id, async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect([(await object(key, id).face())!.sums.completed, provider.live]).toEqual([1, 1]);
    await spent(key, liveNanoUsd);
  });
});
