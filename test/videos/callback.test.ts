/** The end of a film is told where its client wished: signed, until it is heard, whatever happens to its object on the way, and never for a sovereign. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { call, newKey, outside, type Json, type Key, type Left } from "../security/stage.ts";
import type { Job } from "../../src/videos/job.ts";

const hook = "https://app.example/hooks/films?token=of-the-client";
let key: Key;
let left: Left[];
let state: Json;
let hears: (times: number) => Response | Promise<Response>;

const jobOf = (id: string, who = key) => env.VIDEO_JOB.getByName(`${who.organisation}/${id}`);
const stored = (id: string, who = key): Promise<Job | undefined> => runInDurableObject(jobOf(id, who), (_, { storage }) => storage.kv.get<Job>("job"));
const change = (id: string, over: (job: Job) => Partial<Job>): Promise<void> => runInDurableObject(jobOf(id), (_, { storage }) => {
  const job = storage.kv.get<Job>("job")!;
  storage.kv.put("job", { ...job, ...over(job) });
});
const alarmOf = (id: string): Promise<number | null> => runInDurableObject(jobOf(id), (_, { storage }) => storage.getAlarm());
const wake = (id: string, who = key): Promise<boolean> => runDurableObjectAlarm(jobOf(id, who));
const ask = async (body: Json = {}, who = key, headers: Record<string, string> = {}): Promise<{ status: number; json: Json }> => {
  const answer = await call(who.secret, "POST", "/api/v1/videos", { model: "openai/films-9", prompt: "a cat runs", duration: 4, callback_url: hook, ...body }, headers);
  return { status: answer.status, json: await answer.json() };
};
const told = (): Left[] => left.filter(({ url }) => url === hook);
const secretOf = async (who = key): Promise<string> => (await (await call(who.secret, "GET", "/api/v1/videos/webhook-secret")).json<Json>()).data.secret;

/** As OpenRouter's own guide verifies it: the first `v1`, over the time, a comma and the bytes. */
async function isSigned({ headers, body }: Left, secret: string): Promise<boolean> {
  const parts = headers.get("x-openrouter-signature")!.split(",");
  const t = parts.find((part) => part.startsWith("t="))!.slice(2);
  const hash = parts.find((part) => part.startsWith("v1="))!.slice(3);
  const hmac = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
  return Math.abs(Date.now() / 1000 - Number(t)) < 60 && crypto.subtle.verify("HMAC", hmac, Uint8Array.fromHex(hash), new TextEncoder().encode(`${t},${body}`));
}

beforeAll(async () => {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES ('films-9', 'test', 'video', '[\"text\"]', '[\"video\"]', '[]', NULL, NULL, 0)"),
    env.DB.prepare("INSERT INTO deployments VALUES ('openai', 'films-9', 'films-9')"),
    env.DB.prepare("INSERT INTO prices VALUES ('openai', 'films-9', 'video_second', 0, 0, 100000000000, 'test')"),
  ]);
  outside();
  key = await newKey();
});
beforeEach(() => {
  state = { status: "queued" };
  hears = () => new Response(null, { status: 204 });
  left = outside((one) => {
    if (one.url === hook) return hears(told().length);
    return new URL(one.url).pathname === "/v1/videos" ? Response.json({ id: "video_theirs", status: "queued" }) : Response.json({ id: "video_theirs", seconds: "4", ...state });
  });
});
afterEach(() => void vi.restoreAllMocks());

test("a film that is made is told once it is heard, signed with the key's own secret", async () => {
  const { status, json: { id } } = await ask();
  expect(status).toBe(202);
  expect(JSON.stringify(JSON.parse(left.find(({ url }) => url.endsWith("/v1/videos"))!.body))).not.toContain("callback");
  await wake(id);
  expect(told()).toEqual([]);
  state = { status: "completed" };
  await wake(id);
  const [one, ...others] = told();
  expect(others).toEqual([]);
  expect(JSON.parse(one!.body)).toEqual({
    type: "video.generation.completed", created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    data: { id, status: "completed", generation_id: (await stored(id))!.requestId.replace("req_", "gen-"), model: "openai/films-9", unsigned_urls: [`https://forge.example/api/v1/videos/${id}/content?index=0`], usage: { cost: 0.4, is_byok: false } },
  });
  expect(Object.fromEntries(one!.headers)).toMatchObject({ "x-openrouter-idempotency-key": `${id}-completed`, "content-type": "application/json" });
  expect(one!.headers.get("authorization")).toBeNull();
  expect(await isSigned(one!, await secretOf())).toBe(true);
  expect(await isSigned(one!, await secretOf(await newKey({}, key.organisation)))).toBe(false);
  await wake(id);
  expect(told()).toHaveLength(1);
});

test.each([[{ status: "failed", error: { code: "moderation_blocked", message: "No cats." } }, "failed"], [{}, "expired"]] as const)("one that comes to nothing is told as %j", async (now, standing) => {
  const { json: { id } } = await ask();
  state = now;
  if (standing === "expired") await change(id, () => ({ createdAtMs: Date.now() - 25 * 3_600_000 }));
  await evictDurableObject(jobOf(id));
  await wake(id);
  expect(JSON.parse(told()[0]!.body)).toMatchObject({ type: `video.generation.${standing}`, data: { id, status: standing, error: expect.any(String) } });
  expect(JSON.parse(told()[0]!.body).data.unsigned_urls).toBeUndefined();
});

test("one that its client deletes is told as cancelled, and only then forgotten", async () => {
  const { json: { id } } = await ask();
  hears = (times) => new Response(null, { status: times < 2 ? 500 : 200 });
  expect((await call(key.secret, "DELETE", `/v1/videos/${id}`)).status).toBe(200);
  await wake(id);
  expect((await stored(id))?.callback).toMatchObject({ tries: 1, done: false });
  await change(id, ({ callback }) => ({ callback: { ...callback!, nextAtMs: 0 } }));
  await evictDurableObject(jobOf(id));
  await wake(id);
  expect(told().map(({ body }) => JSON.parse(body).type)).toEqual(["video.generation.cancelled", "video.generation.cancelled"]);
  expect(await stored(id)).toBeUndefined();
});

describe("who does not hear", () => {
  test("is told again, later and later, by the same name, and not for ever", async () => {
    const { json: { id } } = await ask();
    state = { status: "completed" };
    const answers = [() => new Response(null, { status: 500 }), () => new Response(null, { status: 302, headers: { location: "https://elsewhere.example/" } }), () => Promise.reject(new Error("reset")), () => new Response(null, { status: 404 })];
    hears = (times) => answers[times % answers.length]!();
    const waits: number[] = [];
    for (let i = 0; i < 12; i += 1) {
      await wake(id);
      const { callback } = (await stored(id))!;
      if (callback!.done) break;
      waits.push(Math.round((callback!.nextAtMs - Date.now()) / 1_000));
      expect(await alarmOf(id)).toBe(callback!.nextAtMs);
      // Woken too early it waits on.
      await wake(id);
      await change(id, ({ callback: now }) => ({ callback: { ...now!, nextAtMs: 0 } }));
      await evictDurableObject(jobOf(id));
    }
    expect(waits).toEqual([10, 30, 120, 600, 1_800, 7_200, 21_600]);
    expect(told()).toHaveLength(8);
    expect(new Set(told().map(({ headers }) => headers.get("x-openrouter-idempotency-key")))).toEqual(new Set([`${id}-completed`]));
    expect(left.some(({ host }) => host === "elsewhere.example")).toBe(false);
    await wake(id);
    expect(told()).toHaveLength(8);
  });

  test("because the gateway died over it is told again, and hears no more once it has", async () => {
    const { json: { id } } = await ask();
    state = { status: "completed" };
    await wake(id);
    // It was told, and nobody wrote that down.
    await change(id, ({ callback }) => ({ callback: { ...callback!, tries: 1, nextAtMs: 0, done: false } }));
    await evictDurableObject(jobOf(id));
    await wake(id);
    await wake(id);
    expect(told().map(({ headers }) => headers.get("x-openrouter-idempotency-key"))).toEqual([`${id}-completed`, `${id}-completed`]);
  });

  test("costs its film nothing: it is charged and there all the same", async () => {
    const { json: { id } } = await ask();
    hears = () => Promise.reject(new Error("reset"));
    state = { status: "completed" };
    await wake(id);
    expect(await (await call(key.secret, "GET", `/api/v1/videos/${id}`)).json()).toMatchObject({ status: "completed", usage: { cost: 0.4 }, generation_id: expect.stringMatching(/^gen-/) });
    expect((await stored(id))!.posted).toBe(true);
  });
});

test("a refused film is told to nobody but its asker", async () => {
  vi.restoreAllMocks();
  left = outside(() => Response.json({ error: { message: "no" } }, { status: 400 }));
  expect((await ask()).status).toBe(400);
  expect(told()).toEqual([]);
});

test("the address lies sealed, and is part of what a name stands for", async () => {
  const { json: { id } } = await ask({}, key, { "idempotency-key": "one" });
  expect(await runInDurableObject(jobOf(id), (_, { storage }) => JSON.stringify([...storage.kv.list()]))).not.toContain("of-the-client");
  expect((await ask({}, key, { "idempotency-key": "one" })).json.id).toBe(id);
  expect(await ask({ callback_url: "https://other.example/" }, key, { "idempotency-key": "one" })).toMatchObject({ status: 409 });
});

test("a sovereign film is told nowhere", async () => {
  const sovereign = await newKey({ sovereign: true });
  const refused = await ask({ model: "selfhosted/wan2.2" }, sovereign);
  expect(refused).toMatchObject({ status: 400, json: { error: { code: 400, metadata: { param: "callback_url" } } } });
  expect(await ask({ model: "selfhosted/wan2.2" }, key, { "x-sovereign": "true" })).toMatchObject({ status: 400 });
  const { status, json: { id } } = await ask({ model: "selfhosted/wan2.2", callback_url: undefined }, sovereign);
  expect(status).toBe(202);
  state = { status: "completed" };
  await wake(id, sovereign);
  expect(new Set(left.map(({ host }) => host))).toEqual(new Set(["self.example"]));
});

test.each([
  ["http://app.example/", "https"], ["https://127.0.0.1/", "private"], ["https://[::1]/", "private"], ["https://169.254.169.254/latest/meta-data", "private"], ["https://2130706433/", "private"], ["https://localhost/", "private"], ["https://metadata.google.internal/", "private"],
  ["https://10.0.0.1.nip.io/", "private"], ["https://user:secret@app.example/", "credentials"], ["https://app.example:8443/", "port"], ["https://forge.example/v1/videos", "own host"], ["https://forge.example./", "own host"], ["ftp://app.example/", "https"], ["javascript:alert(1)", "https"],
  ["hook", "https URL"], ["", "https URL"], [7, "https URL"], [{ url: "https://app.example" }, "https URL"], [["https://app.example"], "https URL"], [`https://app.example/${"a".repeat(2_100)}`, "https URL"],
])("an address that may not be called is a 400: %j", async (callback, why) => {
  const refused = await ask({ callback_url: callback });
  expect(refused).toMatchObject({ status: 400, json: { error: { code: 400, message: expect.stringContaining(why), metadata: { param: "callback_url" } } } });
  expect(left.filter(({ url }) => !url.endsWith("/models"))).toEqual([]);
});
