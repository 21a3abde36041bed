/** The admin API's catalog: models, deployments and everyone's aliases, what is refused as a slip, what outlives a deployment, and who is sent where then. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { call, newKey, outside, prompts, hosts } from "../security/stage.ts";
import { done, send, type Json } from "./admin-api.ts";

const sql = (text: string, ...values: unknown[]) => env.DB.prepare(text).bind(...values);
const audit = async (subject: string) => (await sql("SELECT action FROM audit_events WHERE subject = ? ORDER BY at, id", subject).all<{ action: string }>()).results.map(({ action }) => action);
const held = () => isolateOf(env).catalog.peek(Date.now(), () => {})!;

let id: string;
const facts = { owner: "them", kind: "chat", inputModalities: ["text"], outputModalities: ["text"], capabilities: ["text", "tools"], contextTokens: 128_000, maxOutputTokens: 16_000, releasedAt: "2026-01-02T00:00:00.000Z" };
const putModel = (model: string, over: Json = {}) => send(`PUT /models/${model}`, { body: { ...facts, ...over } });
const putDeployment = (over: Json = {}) => send("PUT /deployments", { body: { provider: "openai", upstreamId: id, model: id, ...over } });
const price = (provider: string, upstreamId: string) => env.DB.batch(["input", "output"].map((of) => sql("INSERT INTO prices VALUES (?, ?, ?, 0, 0, 1000000, 'test')", provider, upstreamId, of)));

/** The admin API of the whole Worker, whose catalog is then the one that requests are planned by. */
const worker = async (method: string, path: string, body?: unknown): Promise<{ status: number; json: Json }> => {
  const response = await call(env.ADMIN_SECRET, method, `/admin${path}`, body);
  const text = await response.text();
  return { status: response.status, json: text === "" ? {} : (JSON.parse(text) as Json) };
};

/** What a deployment writes: all of the published catalog anew, with a model that has changed. */
const deploy = (contextTokens: number) => env.DB.batch([
  sql("INSERT INTO models VALUES (?, 'maker', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\"]', ?, 4000, 0) ON CONFLICT (id) DO UPDATE SET context_tokens = excluded.context_tokens", id, contextTokens),
  sql("INSERT INTO deployments VALUES ('openai', ?1, ?1) ON CONFLICT (provider, upstream_id) DO UPDATE SET model_id = excluded.model_id", id),
]);

beforeEach(async () => {
  id = `m-${crypto.randomUUID()}`;
  await deploy(100_000);
  await price("openai", id);
});
afterEach(() => void vi.restoreAllMocks());

describe("a model", () => {
  test("is as it was edited, at once and with every later deployment, until that is taken back", async () => {
    const { status, json } = await putModel(id, { contextTokens: 200_000 });
    expect([status, json]).toEqual([200, {
      id, ...facts, contextTokens: 200_000, edited: true, ours: false, catalogFreshSeconds: 60,
      published: { id, owner: "maker", kind: "chat", inputModalities: ["text"], outputModalities: ["text"], capabilities: ["text"], contextTokens: 100_000, maxOutputTokens: 4_000, releasedAt: "1970-01-01T00:00:00.000Z" },
      deployments: [{ provider: "openai", upstreamId: id, model: id, serves: true, edited: false, published: id, prices: 2 }],
    }]);
    expect(held().models.get(id)).toMatchObject({ owner: "them", contextTokens: 200_000, maxOutputTokens: 16_000 });
    await deploy(110_000);
    expect(await done(`GET /models/${id}`)).toMatchObject({ contextTokens: 200_000, published: { contextTokens: 110_000 } });
    expect((await send(`DELETE /models/${id}`)).status).toBe(204);
    expect(await done(`GET /models/${id}`)).toMatchObject({ contextTokens: 110_000, edited: false, published: null });
    expect(held().models.get(id)!.contextTokens).toBe(110_000);
    expect((await send(`DELETE /models/${id}`)).status).toBe(404);
  });

  test("sent twice is written once", async () => {
    for (const _ of [1, 2]) expect((await putModel(id)).status).toBe(200);
    expect(await audit(id)).toEqual(["model.put"]);
  });

  test("of our own has slashes in its name, is listed, and is gone when it is taken back, but not under its deployments", async () => {
    const own = `house/${id}`;
    expect((await putModel(own)).json).toMatchObject({ id: own, ours: true, published: null, deployments: [] });
    expect((await send(`GET /models/${encodeURIComponent(own)}`)).json.id).toBe(own);
    expect((await done(`GET /models?search=${own.toUpperCase()}`)).data.map((one: Json) => one.id)).toEqual([own]);
    const first = await done(`GET /models?search=${id}&limit=1`);
    expect([first.data.length, first.next, (await done(`GET /models?search=${id}&limit=1&after=${encodeURIComponent(first.next)}`)).data[0].id]).toEqual([1, own, id]);
    expect((await done("GET /models?edited=true&limit=100")).data.map((one: Json) => one.id)).toContain(own);
    await putDeployment({ provider: "groq", model: own, confirm: true });
    expect((await send(`DELETE /models/${own}`)).status).toBe(409);
    expect((await send(`DELETE /deployments?provider=groq&upstreamId=${id}&confirm=true`)).status).toBe(204);
    expect((await send(`DELETE /models/${own}`)).status).toBe(204);
    expect((await send(`GET /models/${own}`)).status).toBe(404);
    expect(await audit(own)).toEqual(["model.put", "model.restore"]);
  });

  test.each<[string, Json, RegExp]>([
    ["a context in thousands", { contextTokens: 128 }, /from 100,000 to 128 tokens/],
    ["a context of millions in ones", { contextTokens: 90_000_000 }, /from 100,000 to 90,000,000/],
    ["more out than in", { maxOutputTokens: 150_000 }, /answer with more tokens \(150,000\) than it reads \(128,000\)/],
    ["another kind under a deployment", { kind: "embedding" }, /it is for chat and has a deployment/],
  ])("%s is refused with its reason, and stored only when it is confirmed", async (_, over, why) => {
    const { status, json } = await putModel(id, over);
    expect([status, json.error.code]).toEqual([409, "conflict"]);
    expect(json.error.message).toMatch(why);
    expect(await audit(id)).toEqual([]);
    expect((await putModel(id, { ...over, confirm: true })).status).toBe(200);
  });

  test("a new one of a very small context, of an alias's name, of a deployment's or of a provider's is asked about", async () => {
    await sql("INSERT INTO deployments VALUES ('groq', ?, ?)", `${id}-there`, id).run();
    await done(`PUT /aliases/${id}-alias`, { targets: [id] });
    expect((await putModel(`${id}-new`, { contextTokens: 128, maxOutputTokens: null })).json.error.message).toContain("128 tokens is very small");
    expect((await putModel(`${id}-alias`)).json.error.message).toContain("everyone's alias");
    expect((await putModel(`${id}-there`)).json.error.message).toContain(`groq/${id}-there is called so`);
    expect((await putModel(`groq/${id}-x`)).json.error.message).toContain("begins with a provider's id");
  });

  test.each<[string, Json]>([
    ["contextTokens", { contextTokens: 0 }], ["contextTokens", { contextTokens: 1e9 }], ["contextTokens", { contextTokens: 1.5 }], ["maxOutputTokens", { maxOutputTokens: -1 }], ["owner", { owner: "" }], ["owner", { owner: "a\nb" }],
    ["kind", { kind: "thing" }], ["inputModalities", { inputModalities: [] }], ["capabilities[0]", { capabilities: ["<script>"] }], ["releasedAt", { releasedAt: "soon" }],
  ])("cannot have such %s, whoever confirms it: %j", async (param, over) => {
    expect((await putModel(id, { ...over, confirm: true })).json.error).toMatchObject({ code: "invalid_request", param });
  });

  test.each(["a%2F..%2Fb", "a%2F.", "a//b", "a%20b", "%3Cscript%3E", "a%00b", "-a", "x".repeat(201)])("cannot be called %s", async (name) => {
    expect((await putModel(name, { confirm: true })).status).toBeGreaterThanOrEqual(400);
  });
});

describe("a deployment", () => {
  test("that is taken out serves nobody, under any of its names, with every later deployment too, until it is taken in again", async () => {
    const key = await newKey();
    const ask = async (model: string): Promise<number> => (await call(key.secret, "POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: "hi" }] })).status;
    const put = (serves: boolean, confirm = false) => worker("PUT", "/deployments", { provider: "openai", upstreamId: id, model: id, serves, confirm });
    await worker("PUT", `/models/${id}`, facts);
    const left = outside();
    expect([await ask(id), await ask(`openai/${id}`)]).toEqual([200, 200]);
    const { status, json } = await put(false);
    expect([status, json.error.message]).toEqual([409, `openai/${id}: it is the last that serves ${id}, which nobody could call any more. Send "confirm": true if that is meant.`]);
    expect((await put(false, true)).json).toMatchObject({ serves: false, edited: true, published: id });
    await deploy(100_000);
    await worker("DELETE", `/models/${id}`);
    left.length = 0;
    expect([await ask(id), await ask(`openai/${id}`), await ask(`openai/${id}:floor`)]).toEqual([404, 404, 404]);
    expect(prompts(left)).toEqual([]);
    const route = (await (await call(key.secret, "POST", "/v1/route", { model: id, messages: [{ role: "user", content: "hi" }] })).json()) as Json;
    expect(route).toMatchObject({ attempts: [], excluded: [{ deployment: `openai/${id}`, reason: "taken_out" }], error: { code: "no_provider" } });
    expect((await worker("DELETE", `/deployments?provider=openai&upstreamId=${id}`)).status).toBe(204);
    expect(await ask(id)).toBe(200);
    expect(await audit(`openai/${id}`)).toEqual(["deployment.put", "deployment.restore"]);
  });

  test("without a price is refused until it is confirmed, or does not serve yet", async () => {
    expect((await putDeployment({ provider: "groq" })).json.error.message).toContain("it has no price");
    expect((await putDeployment({ provider: "groq", serves: false })).status).toBe(200);
    await done("PUT /prices", { provider: "groq", upstreamId: id, class: "input", usdPerMillion: 1, source: "test" });
    expect((await putDeployment({ provider: "groq" })).status, "a conversation has two prices").toBe(409);
    await done("PUT /prices", { provider: "groq", upstreamId: id, class: "output", usdPerMillion: 2, source: "test" });
    expect((await putDeployment({ provider: "groq" })).json).toMatchObject({ serves: true, prices: 2, published: null });
    expect(held().byModel.get(id)!.map(({ name }) => name).sort()).toEqual([`groq/${id}`, `openai/${id}`]);
    expect((await putDeployment({ provider: "groq" })).status, "sent again").toBe(200);
    expect(await audit(`groq/${id}`)).toEqual(["deployment.put", "price.put", "price.put", "deployment.put"]);
  });

  test("that names no provider or no model of ours is refused, whoever confirms it", async () => {
    for (const [over, param] of [[{ provider: "nobody" }, "provider"], [{ provider: "groq", model: "nothing" }, "model"], [{ upstreamId: "../x" }, "upstreamId"], [{ upstreamId: "a b" }, "upstreamId"], [{ provider: "https://evil.example" }, "provider"]] as const) {
      expect((await putDeployment({ ...over, confirm: true })).json.error, JSON.stringify(over)).toMatchObject({ code: "invalid_request", param });
    }
  });

  test("the last of a model that others name says who does; one of two says who names itself", async () => {
    await done(`PUT /aliases/${id}-alias`, { targets: [id, `openai/${id}`] });
    await newKey({ models: [id] });
    await sql("INSERT INTO plans (id, limits) VALUES (?, ?)", id, JSON.stringify({ models: [id] })).run();
    expect((await putDeployment({ serves: false })).json.error.message).toContain(`which is named by the alias ${id}-alias, 1 key, 1 plan.`);
    await price("groq", id);
    await done("PUT /deployments", { provider: "groq", upstreamId: id, model: id });
    expect((await putDeployment({ serves: false })).json.error.message).toContain(`it is named itself by the alias ${id}-alias.`);
  });

  test("may serve another model, and does so no longer once that is taken back", async () => {
    await putModel(`${id}-other`);
    expect((await putDeployment({ model: `${id}-other` })).json.error.message).toContain(`it serves ${id} now and would serve ${id}-other`);
    await done("PUT /deployments", { provider: "openai", upstreamId: id, model: `${id}-other`, confirm: true });
    expect([held().byName.get(`openai/${id}`)!.model.id, (await done(`GET /prices?model=${id}-other`)).data.length]).toEqual([`${id}-other`, 2]);
    expect((await send(`DELETE /deployments?provider=openai&upstreamId=${id}`)).status, "the last of the other one").toBe(409);
    expect((await send(`DELETE /deployments?provider=openai&upstreamId=${id}&confirm=true`)).status).toBe(204);
    expect(held().byName.get(`openai/${id}`)!.model.id).toBe(id);
  });

  test("never serves a sovereign request, but on the owner's own servers", async () => {
    const { json: { id: organisation } } = await worker("POST", "/organisations", { name: "Sovereign", sovereign: true });
    const [key, open] = [await newKey({}, organisation), await newKey()];
    const ask = async (model: string, secret = key.secret, headers: Record<string, string> = {}): Promise<number> => (await call(secret, "POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: "hi" }] }, headers)).status;
    const own = `${id}-own`;
    await worker("PUT", `/models/${own}`, facts);
    const put = async (provider: string, upstreamId: string, more: Json = {}) => worker("PUT", "/deployments", { provider, upstreamId, model: own, confirm: true, ...more });
    const left = outside();
    for (const provider of ["groq", "openai"]) expect((await put(provider, own)).status).toBe(200);
    await worker("PUT", `/aliases/${own}-alias`, { targets: [own, `groq/${own}`, "*"] });
    expect(await ask(own, open.secret), "others are served").toBe(200);
    left.length = 0;
    for (const name of [own, `groq/${own}`, `openai/${own}`]) expect([await ask(name), await ask(name, open.secret, { "X-Sovereign": "true" })], name).toEqual([503, 503]);
    await ask(`${own}-alias`);
    expect(left.filter(({ host }) => host !== hosts.selfhosted)).toEqual([]);
    expect((await put("groq", own, { selfHosted: true })).status, "nobody says so of a deployment").toBe(400);
    expect((await put("selfhosted", "local-test", { confirm: false })).json, "the owner's own needs no price").toMatchObject({ serves: true, prices: 0 });
    left.length = 0;
    expect(await ask(own)).toBe(200);
    expect(prompts(left).map(({ host, body }) => [host, (JSON.parse(body) as Json).model])).toEqual([[hosts.selfhosted, "local-test"]]);
    await put("selfhosted", "local-test", { serves: false });
    left.length = 0;
    expect([await ask(own), await ask("local-test"), await ask("selfhosted/local-test")], "taken out, although the server lists it").toEqual([503, 503, 503]);
    expect(prompts(left)).toEqual([]);
    await worker("DELETE", "/deployments?provider=selfhosted&upstreamId=local-test&confirm=true");
  });
});

describe("one of everyone's aliases", () => {
  const put = (name: string, targets: string[], more: Json = {}) => send(`PUT /aliases/${name}`, { body: { targets, ...more } });

  test.each<[string, (name: string) => [string, string[]], RegExp]>([
    ["that hides a model", (name) => [name, ["*"]], /a model is called m-/],
    ["that leads nowhere", (name) => [`${name}-a`, ["nobody-has-this"]], /nobody serves nobody-has-this\./],
    ["with a slip in its target", (name) => [`${name}-a`, [`openai/${name}x`]], /is not in the catalog: a slip for openai\/m-/],
  ])("%s is refused with its reason, and stored when it is confirmed", async (_, of, why) => {
    const [name, targets] = of(id);
    const { status, json } = await put(name, targets);
    expect([status, json.error.code]).toEqual([409, "conflict"]);
    expect(json.error.message).toMatch(why);
    expect(held().aliases.has(`/${name}`)).toBe(false);
    expect((await put(name, targets, { confirm: true })).status).toBe(200);
    expect(held().aliases.has(`/${name}`)).toBe(true);
    expect((await put(name, targets)).status, "what is so already is asked about no more").toBe(200);
  });

  test("that leads back to itself is asked about; one that stands before its own model is not", async () => {
    await done(`PUT /aliases/${id}-a`, { targets: [id] });
    await done(`PUT /aliases/${id}-b`, { targets: [`${id}-a`, id] });
    expect((await put(`${id}-a`, [`${id}-b`, id])).json.error.message).toContain(`leads back to itself by way of ${id}-b`);
    expect((await put(id, [id, "*"])).status).toBe(200);
  });

  test("of an organisation is nobody else's business, and asked about by nobody", async () => {
    const { id: organisation } = await done("POST /organisations", { name: "Own" });
    expect((await put(id, ["nobody-has-this"], { organisation })).status).toBe(200);
  });

  test("is removed when nobody names it or that is confirmed; a published one stays away until it is brought back", async () => {
    const name = `${id}-a`;
    await env.DB.batch(["*", ""].flatMap((whose) => [
      sql("INSERT INTO aliases (organisation_id, name, position, target) VALUES (?, ?, 0, ?)", whose, name, id), sql("INSERT INTO alias_rules (organisation_id, name, pick) VALUES (?, ?, 'fastest')", whose, name),
    ]));
    await done(`PUT /aliases/${id}-b`, { targets: [name] });
    expect((await done("GET /aliases")).data.filter((one: Json) => one.name === name)).toHaveLength(1);
    expect((await send(`DELETE /aliases/${name}`)).json.error.message).toContain(`it is named by the alias ${id}-b`);
    expect((await send(`DELETE /aliases/${name}?confirm=true`)).status).toBe(204);
    expect(held().aliases.has(`/${name}`)).toBe(false);
    expect((await sql("SELECT own FROM alias_rules WHERE organisation_id = '' AND name = ?", name).first())).toEqual({ own: 1 });
    expect(await done(`POST /aliases/${name}/restore`)).toEqual({ organisation: null, name, targets: [id], pick: "fastest", hedges: false, continues: false });
    await done(`PUT /aliases/${name}`, { targets: ["*", id], pick: "cheapest", hedges: true });
    await done(`POST /aliases/${name}/restore`);
    await done(`POST /aliases/${name}/restore`);
    expect(held().aliases.get(`/${name}`)).toEqual({ pick: "fastest", targets: [{ name: id, weight: 1 }] });
    expect(await audit(name)).toEqual(["alias.delete", "alias.restore", "alias.put", "alias.restore"]);
    expect((await send(`DELETE /aliases/${id}-b`)).status).toBe(204);
    expect((await send(`POST /aliases/${id}-b/restore`)).status, "nobody published it").toBe(404);
    expect((await sql("SELECT 1 FROM alias_rules WHERE name = ?", `${id}-b`).first())).toBeNull();
  });
});
