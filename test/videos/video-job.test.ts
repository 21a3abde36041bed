/** A film from its asking to its end, with its object evicted, woken twice, interrupted and lied to on the way: the money is exact. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, call, newKey, outside, type Json, type Key, type Left } from "../security/stage.ts";
import type { Job } from "../../src/videos/job.ts";

const perSecond = 0.1e9;
const film = new TextEncoder().encode("a film of thirty-two bytes, so so");
let key: Key;
let other: Key;
let left: Left[];
let play: (left: Left) => Response | Promise<Response>;
let state: Json;

const jobOf = (id: string, who = key) => env.VIDEO_JOB.getByName(`${who.organisation}/${id}`);
const meterOf = (who = key) => env.KEY_METER.getByName(who.id);
const counters = async (who = key) => (await meterOf(who).inspect()).counters;
const stored = (id: string): Promise<Job | undefined> => runInDurableObject(jobOf(id), (_, { storage }) => storage.kv.get<Job>("job"));
const change = (id: string, over: Partial<Job>): Promise<void> => runInDurableObject(jobOf(id), (_, { storage }) => storage.kv.put("job", { ...storage.kv.get<Job>("job")!, ...over }));
const wake = (id: string): Promise<boolean> => runDurableObjectAlarm(jobOf(id));
const ask = async (body: Json = {}, headers: Record<string, string> = {}, who = key): Promise<{ status: number; json: Json; headers: Headers }> => {
  const answer = await call(who.secret, "POST", "/v1/videos", { model: "films", prompt: "a cat runs", seconds: "8", ...body }, headers);
  return { status: answer.status, json: await answer.json(), headers: answer.headers };
};
const get = async (path: string, who = key, headers: Record<string, string> = {}): Promise<Response> => call(who.secret, "GET", `/v1/videos${path}`, undefined, headers);
const told = async (id: string): Promise<Json> => (await get(`/${id}`)).json();
const entry = async (id: string, who = key): Promise<Json> => (await meterOf(who).entry((await stored(id))?.requestId ?? id)) as unknown as Json;

/** OpenAI's, as `state` has it. */
const openai = ({ url, headers }: Left): Response => {
  const at = new URL(url).pathname;
  if (at === "/v1/videos") return Response.json({ id: "video_theirs", object: "video", status: "queued", progress: 0 });
  if (at.endsWith("/content")) {
    const range = headers.get("range");
    return range ? new Response(film.slice(2, 6), { status: 206, headers: { "content-type": "video/mp4", "content-range": `bytes 2-5/${film.length}`, "content-length": "4" } }) : new Response(film, { headers: { "content-type": "video/mp4", "x-secret": "theirs" } });
  }
  if (at.endsWith("/remix") || at.endsWith("/edits")) return Response.json({ id: "video_remixed", status: "queued" });
  return Response.json({ id: "video_theirs", object: "video", seconds: "8", size: "720x1280", ...state });
};

beforeAll(async () => {
  const at = (provider: string, upstreamId: string, id: string, picoUsd: number) => [
    env.DB.prepare("INSERT INTO models VALUES (?, 'test', 'video', '[\"text\"]', '[\"video\"]', '[]', NULL, NULL, 0)").bind(id),
    env.DB.prepare("INSERT INTO deployments VALUES (?, ?, ?)").bind(provider, upstreamId, id),
    env.DB.prepare("INSERT INTO prices VALUES (?, ?, 'video_second', 0, 0, ?, 'test')").bind(provider, upstreamId, picoUsd),
  ];
  await env.DB.batch([...at("openai", "films-1", "films", perSecond * 1_000), ...at("openai", "free-1", "unheard-of", 1)]);
  outside();
  key = await newKey({ limits: { requestsPerMinute: 1_000, concurrentRequests: 100, spend: undefined } });
  other = await newKey();
});
beforeEach(() => {
  state = { status: "queued", progress: 0 };
  play = openai;
  left = outside((one) => play(one));
});
afterEach(() => void vi.restoreAllMocks());

const calls = (): string[] => left.filter(({ url }) => !url.endsWith("/models")).map(({ url }) => new URL(url).pathname);

test("a film is begun, followed, charged by what it came to, and fetched", async () => {
  const before = await counters();
  const made = await ask();
  const { id } = made.json;
  expect(made.json).toEqual({ id: expect.stringMatching(/^video_[0-9A-Za-z]{27}$/), object: "video", model: "films", status: "queued", progress: 0, created_at: expect.any(Number), completed_at: null, expires_at: null, seconds: "8", size: null, prompt: "a cat runs", error: null, remixed_from_video_id: null });
  expect(made.headers.get("x-ratelimit-limit")).toBe("1000");
  expect(JSON.parse(left.find(({ url }) => url.endsWith("/videos"))!.body)).toEqual({ model: "films-1", prompt: "a cat runs", seconds: "8" });
  expect((await counters()).held).toMatchObject({ requests: 1, nanoUsd: 8 * perSecond });
  expect((await get(`/${id}/content`)).status).toBe(409);

  state = { status: "in_progress", progress: 40 };
  expect(await wake(id)).toBe(true);
  expect(await told(id)).toMatchObject({ status: "in_progress", progress: 40 });
  state = { status: "completed", progress: 100, seconds: "4", expires_at: 1_800_000_000 };
  await wake(id);
  expect(await told(id)).toMatchObject({ status: "completed", progress: 100, completed_at: expect.any(Number), expires_at: 1_800_000_000, size: "720x1280" });
  const after = await counters();
  expect(after.held.requests).toBe(0);
  expect(after.spentNanoUsd - before.spentNanoUsd).toBe(4 * perSecond);
  expect(await entry(id)).toMatchObject({ model: "films", deployment: "openai/films-1", end: "complete", costNanoUsd: 4 * perSecond, estimated: false, usage: { pieces: { video_second: 4 } }, reserved: { nanoUsd: 8 * perSecond } });

  const whole = await get(`/${id}/content`);
  expect([whole.status, whole.headers.get("content-type"), whole.headers.get("x-secret"), new Uint8Array(await whole.arrayBuffer())]).toEqual([200, "video/mp4", null, film]);
  const part = await get(`/${id}/content?variant=thumbnail`, key, { range: "bytes=2-5" });
  expect([part.status, part.headers.get("content-range"), new Uint8Array(await part.arrayBuffer())]).toEqual([206, `bytes 2-5/${film.length}`, film.slice(2, 6)]);
  const asked = left.at(-1)!;
  expect([asked.url, asked.headers.get("range"), asked.headers.get("authorization")]).toEqual(["https://api.openai.com/v1/videos/video_theirs/content?variant=thumbnail", "bytes=2-5", "Bearer sk-upstream-canary-0123456789"]);
  expect((await get(`/${id}/content?variant=subtitles`)).status).toBe(400);
});

describe("whoever wakes up finds how it stands", () => {
  test("evicted at every step it comes to the same", async () => {
    const before = (await counters()).spentNanoUsd;
    const { json: { id } } = await ask();
    for (const now of [{ status: "queued", progress: 0 }, { status: "in_progress", progress: 10 }, { status: "in_progress", progress: 90 }, { status: "completed", progress: 100 }]) {
      await evictDurableObject(jobOf(id));
      state = now;
      expect(await wake(id)).toBe(true);
      await evictDurableObject(jobOf(id));
      expect(await told(id)).toMatchObject(now);
    }
    expect((await counters()).spentNanoUsd - before).toBe(8 * perSecond);
    expect(calls().filter((at) => at === "/v1/videos")).toHaveLength(1);
  });

  test("woken again and again it is charged once", async () => {
    const before = (await counters()).spentNanoUsd;
    const { json: { id } } = await ask();
    state = { status: "completed" };
    await wake(id);
    const asked = left.length;
    for (let i = 0; i < 3; i += 1) {
      await change(id, { posted: false });
      await evictDurableObject(jobOf(id));
      await wake(id);
    }
    expect((await counters()).spentNanoUsd - before).toBe(8 * perSecond);
    expect(left.length).toBe(asked);
    expect((await stored(id))!.posted).toBe(true);
  });

  test.each([["submitting", "whether it was begun is not known"], ["reserving", "before it could ask"]] as const)("interrupted while %s it has failed, costs nothing, and is not asked for again", async (standing, why) => {
    const before = await counters();
    const { json: { id } } = await ask();
    await change(id, { standing, ref: undefined as never });
    await evictDurableObject(jobOf(id));
    const asked = left.length;
    await wake(id);
    expect(await told(id)).toMatchObject({ status: "failed", error: { code: "interrupted", message: expect.stringContaining(why) } });
    expect(left.length).toBe(asked);
    expect(await counters()).toMatchObject({ held: before.held, spentNanoUsd: before.spentNanoUsd });
    expect((await get(`/${id}/content`)).status).toBe(409);
  });

  test("what is held is kept as long as it lasts; where it could not be, the charge is made right", async () => {
    const { json: { id } } = await ask();
    const { requestId } = (await stored(id))!;
    const lease = () => runInDurableObject(meterOf(), (_, { storage }) => storage.sql.exec<{ lease: number }>("SELECT lease FROM entry WHERE id = ?", requestId).toArray()[0]!.lease);
    const first = await lease();
    await wake(id);
    expect(await lease()).toBe(first);
    await change(id, { renewedAtMs: Date.now() - 100_000 });
    await evictDurableObject(jobOf(id));
    await new Promise((resolve) => setTimeout(resolve, 5));
    await wake(id);
    expect(await lease()).toBeGreaterThan(first);

    const before = (await counters()).spentNanoUsd;
    await runInDurableObject(meterOf(), (meter) => void ((meter as unknown as { holds: Map<string, { lease: number }> }).holds.get(requestId)!.lease = 1));
    await runDurableObjectAlarm(meterOf());
    expect((await counters()).spentNanoUsd - before).toBe(8 * perSecond);
    state = { status: "completed", seconds: "4" };
    await wake(id);
    expect((await counters()).spentNanoUsd - before).toBe(4 * perSecond);
    await change(id, { posted: false });
    await evictDurableObject(jobOf(id));
    await wake(id);
    expect((await counters()).spentNanoUsd - before).toBe(4 * perSecond);
  });
});

describe("what comes to nothing costs nothing", () => {
  test("a film that fails", async () => {
    const before = await counters();
    const { json: { id } } = await ask();
    state = { status: "failed", error: { code: "moderation_blocked", message: "No cats." } };
    await wake(id);
    expect(await told(id)).toMatchObject({ status: "failed", error: { code: "moderation_blocked", message: "No cats." }, completed_at: null });
    expect(await counters()).toMatchObject({ held: before.held, spentNanoUsd: before.spentNanoUsd });
    expect(await entry(id)).toMatchObject({ status: 502, errorCode: "moderation_blocked", costNanoUsd: 0 });
  });

  test("one that is refused, which its client hears at once, and that is in no list", async () => {
    const before = await counters();
    play = () => Response.json({ error: { message: "seconds: not 8", type: "invalid_request_error", param: "seconds", code: null } }, { status: 400 });
    const refused = await ask();
    expect([refused.status, refused.json.error.message]).toEqual([400, "OpenAI: seconds: not 8"]);
    expect(await counters()).toMatchObject({ held: before.held, spentNanoUsd: before.spentNanoUsd });
    expect(await env.DB.prepare("SELECT count(*) AS n FROM videos WHERE id NOT IN (SELECT id FROM videos WHERE organisation_id = ?)").bind(key.organisation).first("n")).toBe(0);
  });

  test("one of which nobody knows whether it was begun: it is asked for nowhere else", async () => {
    const before = await counters();
    play = () => Promise.reject(new Error("reset"));
    expect((await ask()).status).toBe(502);
    play = () => new Response("<html>");
    expect((await ask()).status).toBe(502);
    expect(calls()).toEqual(["/v1/videos", "/v1/videos"]);
    expect(await counters()).toMatchObject({ held: before.held, spentNanoUsd: before.spentNanoUsd });
  });

  test("one that its provider has lost, or does not speak of for a day", async () => {
    const { json: { id } } = await ask();
    play = () => new Response(null, { status: 500 });
    await wake(id);
    play = () => new Response(null, { status: 404 });
    for (let i = 0; i < 3; i += 1) await wake(id);
    expect(await told(id)).toMatchObject({ status: "failed", error: { code: "lost" } });
    play = openai;
    const { json: { id: slow } } = await ask();
    await change(slow, { createdAtMs: Date.now() - 25 * 3_600_000 });
    await evictDurableObject(jobOf(slow));
    await wake(slow);
    expect(await told(slow)).toMatchObject({ status: "failed", error: { code: "expired" } });
    expect((await counters()).held.requests).toBe(0);
  });

  test("one that cannot be paid for, or that the key may not ask for", async () => {
    const listed = await newKey({ models: ["gpt-test"] });
    expect((await ask({}, {}, listed)).status).toBe(403);
    expect((await ask({ prompt: "" })).json.error).toMatchObject({ param: "prompt" });
    expect((await ask({ seconds: "many" })).json.error).toMatchObject({ param: "seconds" });
    expect(calls()).toEqual([]);
  });
});

test("a request with a name begins one film, however often it comes", async () => {
  const [one, two] = await Promise.all([ask({}, { "idempotency-key": "once" }), ask({}, { "idempotency-key": "once" })]);
  const three = await ask({}, { "idempotency-key": "once" });
  expect(new Set([one.json.id, two.json.id, three.json.id]).size).toBe(1);
  expect(calls().filter((at) => at === "/v1/videos")).toHaveLength(1);
  expect((await ask({ prompt: "another" }, { "idempotency-key": "once" })).json.error).toMatchObject({ code: "idempotency_conflict" });
  expect((await call(key.secret, "DELETE", `/v1/videos/${one.json.id}`)).status).toBe(200);
});

describe("of an organisation", () => {
  test("its films are listed page by page, and no other has them", async () => {
    const mine = await newKey();
    const ids: string[] = [];
    for (let i = 0; i < 3; i += 1) ids.unshift((await ask({}, {}, mine)).json.id);
    const page = async (query: string) => (await get(query, mine)).json<Json>();
    const first = await page("?limit=2");
    expect([first.data.map(({ id }: Json) => id), first.has_more, first.first_id, first.last_id]).toEqual([ids.slice(0, 2), true, ids[0], ids[1]]);
    expect((await page(`?limit=2&after=${first.last_id}`)).data.map(({ id }: Json) => id)).toEqual(ids.slice(2));
    expect((await page("?order=asc")).data.map(({ id }: Json) => id)).toEqual(ids.toReversed());
    expect((await get("?limit=0", mine)).status).toBe(400);
    expect(await (await get("", other)).json()).toMatchObject({ data: [], has_more: false, first_id: null });
    for (const [method, path, body] of [["GET", "", undefined], ["GET", "/content", undefined], ["DELETE", "", undefined], ["POST", "/remix", { prompt: "p" }]] as const) {
      for (const id of [ids[0]!, `${ids[0]!.slice(0, -1)}0`, "video_", "..%2f..", "video_theirs", "x".repeat(500)]) {
        const answer = await call(other.secret, method, `/v1/videos/${id}${path}`, body);
        expect([answer.status, (await answer.json<Json>()).error.code]).toEqual([404, "not_found"]);
      }
    }
    for (const id of ids) await call(mine.secret, "DELETE", `/v1/videos/${id}`);
    expect(await (await get("", mine)).json()).toMatchObject({ data: [] });
  });

  test("one that is deleted is gone; work that its provider ends costs nothing, other work what it is", async () => {
    const before = (await counters()).spentNanoUsd;
    const { json: { id } } = await ask();
    expect(await (await call(key.secret, "DELETE", `/v1/videos/${id}`)).json()).toEqual({ id, object: "video.deleted", deleted: true });
    expect((await get(`/${id}`)).status).toBe(404);
    await wake(id);
    expect([await stored(id), (await counters()).spentNanoUsd - before]).toEqual([undefined, 0]);

    const { json: { id: going } } = await ask();
    play = (one) => (one.url.endsWith("/video_theirs") && left.at(-1) === one && state.status !== "completed" ? Response.json({ error: { message: "not yet" } }, { status: 409 }) : openai(one));
    await call(key.secret, "DELETE", `/v1/videos/${going}`);
    expect((await get(`/${going}`)).status).toBe(404);
    expect((await counters()).held.requests).toBe(1);
    state = { status: "completed" };
    await wake(going);
    expect([(await counters()).spentNanoUsd - before, (await counters()).held.requests]).toEqual([8 * perSecond, 0]);
    await wake(going);
    expect(await stored(going)).toBeUndefined();
  });

  test("one is made of another, where that was made", async () => {
    const { json: { id } } = await ask();
    expect((await call(key.secret, "POST", `/v1/videos/${id}/remix`, { prompt: "a dog" })).status).toBe(409);
    state = { status: "completed" };
    await wake(id);
    const remixed = await (await call(key.secret, "POST", `/v1/videos/${id}/remix`, { prompt: "a dog" })).json<Json>();
    expect(remixed).toMatchObject({ status: "queued", remixed_from_video_id: id, prompt: "a dog" });
    expect(JSON.parse(left.at(-1)!.body)).toEqual({ prompt: "a dog" });
    expect(calls().at(-1)).toBe("/v1/videos/video_theirs/remix");
    const edited = await call(key.secret, "POST", "/v1/videos/edits", { prompt: "a hat", video: { id } });
    expect([edited.status, JSON.parse(left.at(-1)!.body)]).toEqual([200, { prompt: "a hat", video: { id: "video_theirs" } }]);
    expect((await call(key.secret, "POST", "/v1/videos/edits", { prompt: "a hat" })).status).toBe(400);
    expect((await (await call(key.secret, "POST", "/v1/videos/characters", { name: "Mo" })).json<Json>()).error).toMatchObject({ code: "invalid_request" });
    for (const one of [remixed.id, (await edited.json<Json>()).id]) await wake(one);
    expect((await counters()).held.requests).toBe(0);
  });
});

test("on an account of its organisation's, or one that its client brought, it is begun, asked after and fetched", async () => {
  const own = await newKey();
  await admin("PUT", `/organisations/${own.organisation}/credentials/openai`, { secret: "sk-of-the-organisation" });
  await admin("PATCH", `/organisations/${own.organisation}`, { headerCredentials: true });
  const brought = { "x-provider-api-keys": JSON.stringify({ openai: "sk-brought-along" }) };
  for (const [headers, secret] of [[{}, "sk-of-the-organisation"], [brought, "sk-brought-along"]] as const) {
    left.length = 0;
    state = { status: "queued" };
    const { json: { id } } = await ask({}, headers, own);
    await evictDurableObject(jobOf(id, own));
    state = { status: "completed" };
    await runDurableObjectAlarm(jobOf(id, own));
    expect((await get(`/${id}/content`, own)).status).toBe(200);
    expect(left.map(({ headers: sent }) => sent.get("authorization"))).toEqual(Array.from({ length: 3 }, () => `Bearer ${secret}`));
    expect(await runInDurableObject(jobOf(id, own), (_, { storage }) => JSON.stringify([...storage.kv.list()]))).not.toMatch(/sk-/);
  }
});

test("what an organisation has not is not held: a film that it cannot pay is not begun", async () => {
  const poor = await newKey();
  await admin("PATCH", `/organisations/${poor.organisation}/account`, { prepaid: true });
  await admin("POST", `/organisations/${poor.organisation}/credits`, { kind: "grant", nanoUsd: 1e9, reason: "test" });
  expect((await ask({ seconds: "12" }, {}, poor)).status).toBe(402);
  expect(calls()).toEqual([]);
  const { json: { id } } = await ask({ seconds: "8" }, {}, poor);
  expect((await ask({ seconds: "4" }, {}, poor)).status).toBe(402);
  state = { status: "failed", error: {} };
  await runDurableObjectAlarm(jobOf(id, poor));
  expect((await ask({ seconds: "8" }, {}, poor)).status).toBe(200);
});

test("its words lie sealed; a sovereign's do not lie at all, and are told to the owner's server alone", async () => {
  const { json: { id } } = await ask({ prompt: "the treasure lies under the oak" });
  const rows = await runInDurableObject(jobOf(id), (_, { storage }) => JSON.stringify([...storage.kv.list()]));
  expect(rows).not.toContain("treasure");
  expect(await told(id)).toMatchObject({ prompt: "the treasure lies under the oak" });
  await call(key.secret, "DELETE", `/v1/videos/${id}`);
  const sovereign = await newKey({ sovereign: true });
  left.length = 0;
  const own = await ask({ model: "selfhosted/wan2.2" }, {}, sovereign);
  expect(own.json).toMatchObject({ status: "queued", prompt: null });
  await runDurableObjectAlarm(jobOf(own.json.id, sovereign));
  expect(new Set(left.map(({ host }) => host))).toEqual(new Set(["self.example"]));
  expect((await ask({}, {}, sovereign)).status).toBe(503);
  const away = { location: "https://evil.example/v1/videos" };
  for (const fails of [() => new Response(null, { status: 307, headers: away }), () => new Response("no", { status: 500 }), () => Response.json({ error: { message: "no" } }, { status: 429 }), () => Promise.reject(new Error("connect")), () => new Response("<html>")]) {
    play = fails;
    expect((await ask({ model: "selfhosted/wan2.2", prompt: "the treasure lies under the oak" }, {}, sovereign)).status).toBeGreaterThanOrEqual(400);
    play = () => new Response(null, { status: 302, headers: away });
    await runDurableObjectAlarm(jobOf(own.json.id, sovereign));
  }
  expect(new Set(left.map(({ host }) => host))).toEqual(new Set(["self.example"]));
  const kept = await runInDurableObject(jobOf(own.json.id, sovereign), (_, { storage }) => JSON.stringify([...storage.kv.list()]));
  expect([kept, JSON.stringify((await env.DB.prepare("SELECT * FROM videos").all()).results)].join()).not.toContain("cat");
});
