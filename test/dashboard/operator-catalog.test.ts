/** The operator's pages of the catalog: what is asked about before it is stored, what stands in the trail, and that whatever is typed is text. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { newMember, newOperator, type Browser } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

const rows = async (sql: string, ...values: string[]) => (await env.DB.prepare(sql).bind(...values).all()).results;
const locationOf = (response: Response): string => `${response.status} ${response.headers.get("location")}`;
const base = "/operator/catalog";
const script = `"><script>alert(1)</script><img src=x onerror=alert(2)>'`;

let operator: Browser & { email: string };
let id: string;
const model = () => ({ id, owner: "Maker", kind: "chat", contextTokens: "128,000", maxOutputTokens: "16000", released: "2026-01-02", "in-text": "on", "out-text": "on", "can-text": "on", "can-tools": "on" });
const held = () => isolateOf(operator.env).catalog.peek(Date.now(), () => {})!;
const trail = async (subject: string) => (await rows("SELECT actor, action FROM audit_events WHERE subject = ? ORDER BY at, id", subject)).map(({ actor, action }) => `${actor === operator.email} ${action as string}`);

beforeAll(async () => void (operator = await newOperator()));
beforeEach(async () => {
  id = `m-${crypto.randomUUID()}`;
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES (?, 'maker', 'chat', '[\"text\",\"image\"]', '[\"text\"]', '[\"text\",\"vision\"]', 100000, 4000, 1767268800001)").bind(id),
    env.DB.prepare("INSERT INTO deployments VALUES ('openai', ?1, ?1)").bind(id),
    ...["input", "output"].map((of) => env.DB.prepare("INSERT INTO prices VALUES ('openai', ?, ?, 0, 0, 2500000, 'list')").bind(id, of)),
  ]);
});

describe("a model", () => {
  test("is found, edited, and led back to what was published", async () => {
    const list = await (await operator.get(`${base}?q=${id.toUpperCase()}`)).text();
    expect([list.includes(`model=${id}`), list.includes("1 of 1")]).toEqual([true, true]);
    const page = await (await operator.get(`${base}/of?model=${id}`)).text();
    expect(page).toMatch(/\$2\.50[\s\S]*value="100000"[\s\S]*value="2026-01-01"/);
    expect(page).not.toContain("Edited here");
    expect(locationOf(await operator.post(`${base}/of`, model()))).toBe(`303 /dashboard${base}/of?model=${id}`);
    expect(held().models.get(id)).toMatchObject({ owner: "Maker", contextTokens: 128_000, inputModalities: ["text"], capabilities: ["text", "tools"], releasedAt: Date.parse("2026-01-02") });
    expect(await (await operator.get(`${base}/of?model=${id}`)).text()).toMatch(/What the published catalog says instead\.[\s\S]*text, tools[\s\S]*text, vision[\s\S]*128,000 tokens[\s\S]*100,000 tokens/);
    expect(await (await operator.get(`${base}?edited=on`)).text()).toContain(id);
    expect(locationOf(await operator.post(`${base}/of/restore`, { id }))).toBe(`303 /dashboard${base}/of?model=${id}`);
    expect(held().models.get(id)!.contextTokens).toBe(100_000);
    expect(await trail(id)).toEqual(["true model.put", "true model.restore"]);
  });

  test("saved as it is changes nothing: its order of words and its hour of release stay", async () => {
    const same = { id, owner: "maker", kind: "chat", contextTokens: "100000", maxOutputTokens: "4000", released: "2026-01-01", "in-text": "on", "in-image": "on", "out-text": "on", "can-vision": "on", "can-text": "on" };
    expect((await operator.post(`${base}/of`, same)).status).toBe(303);
    expect(await rows("SELECT 1 FROM model_edits WHERE id = ?", id)).toEqual([]);
    expect(await trail(id)).toEqual([]);
  });

  test("is asked about when it is likely a slip, and stored when that is confirmed; what cannot be is never", async () => {
    const slip = await operator.post(`${base}/of`, { ...model(), contextTokens: "128" });
    const text = await slip.text();
    expect([slip.status, text.includes("from 100,000 to 128 tokens"), text.includes('name="confirm"'), text.includes('value="128"')]).toEqual([409, true, true, true]);
    for (const wrong of [{ contextTokens: "0" } as Record<string, string>, { contextTokens: "999999999999" }, { contextTokens: "-1" }, { kind: "thing" }, { owner: "" }, { "in-text": "" }, { released: "soon" }]) {
      expect((await operator.post(`${base}/of`, { ...model(), confirm: "on", ...wrong })).status, JSON.stringify(wrong)).toBe(422);
    }
    expect(await rows("SELECT 1 FROM model_edits WHERE id = ?", id)).toEqual([]);
    expect((await operator.post(`${base}/of`, { ...model(), contextTokens: "128", maxOutputTokens: "", confirm: "on" })).status).toBe(303);
    expect(held().models.get(id)).toMatchObject({ contextTokens: 128, maxOutputTokens: null });
    expect((await operator.post(`${base}/of`, { ...model(), id: `${id}-none` })).status, "a form changes no model that is not there").toBe(404);
  });

  test("of our own is made once, gets a deployment that waits for its price, and goes with it", async () => {
    const own = `house/${id}`;
    expect(locationOf(await operator.post(`${base}/new`, { ...model(), id: own }))).toBe(`303 /dashboard${base}/of?model=${encodeURIComponent(own)}`);
    expect((await operator.post(`${base}/new`, { ...model(), id: own })).status, "there is one").toBe(422);
    const of = `${base}/of?model=${encodeURIComponent(own)}`;
    expect(await (await operator.get(of)).text()).toContain("Nobody serves it");
    const deployment = { provider: "groq", upstreamId: own, model: own };
    const unpriced = await operator.post(`${base}/deployment`, { ...deployment, serves: "on" });
    expect([unpriced.status, (await unpriced.text()).includes("it has no price")]).toEqual([409, true]);
    const at = `${base}/deployment?provider=groq&model=${encodeURIComponent(own)}`;
    expect(locationOf(await operator.post(`${base}/deployment`, deployment))).toBe(`303 /dashboard${at}`);
    expect(await (await operator.get(at)).text()).toMatch(/taken out[\s\S]*no price[\s\S]*None yet[\s\S]*Never: its provider is not self-hosted\./);
    for (const of of ["input", "output"]) expect((await operator.post("/operator/prices/of", { provider: "groq", upstreamId: own, class: of, usd: "1", source: "test" })).status).toBe(303);
    expect((await operator.post(`${base}/deployment`, { ...deployment, serves: "on" })).status).toBe(303);
    expect(held().byModel.get(own)!.map(({ name, out, prices }) => [name, out, prices.length])).toEqual([[`groq/${own}`, undefined, 2]]);
    expect((await operator.post(`${base}/of/restore`, { id: own })).status, "it has a deployment").toBe(409);
    const removal = await operator.post(`${base}/deployment/restore`, { provider: "groq", upstreamId: own });
    expect([removal.status, (await removal.text()).includes("it is the last that serves")]).toEqual([409, true]);
    expect(locationOf(await operator.post(`${base}/deployment/restore`, { provider: "groq", upstreamId: own, confirm: "on" }))).toBe(`303 /dashboard${of}`);
    expect(locationOf(await operator.post(`${base}/of/restore`, { id: own }))).toBe(`303 /dashboard${base}`);
    expect((await operator.get(of)).status).toBe(404);
    expect(await trail(`groq/${own}`)).toEqual(["true deployment.put", "true price.put", "true price.put", "true deployment.put", "true deployment.restore"]);
  });
});

test("a deployment is taken out when that is confirmed, and is as published again", async () => {
  const which = { provider: "openai", upstreamId: id };
  const last = await operator.post(`${base}/deployment`, { ...which, model: id });
  expect([last.status, (await last.text()).includes("it is the last that serves")]).toEqual([409, true]);
  expect(await rows("SELECT 1 FROM deployment_edits WHERE upstream_id = ?", id)).toEqual([]);
  expect((await operator.post(`${base}/deployment`, { ...which, model: id, confirm: "on" })).status).toBe(303);
  expect(held().byName.get(`openai/${id}`)!.out).toBe(true);
  expect(await (await operator.get(`${base}?q=${id}`)).text()).toMatch(/0 of 1[\s\S]*deployments edited[\s\S]*nobody serves it/);
  const owner = await newMember("owner");
  expect(await (await owner.get(`/models/${id}`)).text(), "members are told why").toContain("who runs this gateway has taken it out");
  expect(locationOf(await operator.post(`${base}/deployment/restore`, which))).toBe(`303 /dashboard${base}/deployment?provider=openai&model=${id}`);
  expect(held().byName.get(`openai/${id}`)!.out).toBeUndefined();
  for (const wrong of [{ provider: "nobody" } as Record<string, string>, { model: "nothing" }, { upstreamId: "../x" }]) {
    expect((await operator.post(`${base}/deployment`, { ...which, model: id, serves: "on", confirm: "on", ...wrong })).status, JSON.stringify(wrong)).toBeOneOf([400, 404, 422]);
  }
});

describe("one of everyone's aliases", () => {
  const fields = (more: Record<string, string> = {}) => ({ name: `${id}-a`, targets: `${id}\nopenai/${id} 3\n`, pick: "weighted", ...more });
  const stored = () => rows("SELECT target, weight FROM aliases WHERE organisation_id = '' AND name = ? ORDER BY position", `${id}-a`);

  test("is made once, repointed, asked about, and removed", async () => {
    expect(locationOf(await operator.post(`${base}/aliases/new`, fields()))).toBe(`303 /dashboard${base}/aliases/of?name=${id}-a`);
    expect(await stored()).toEqual([{ target: id, weight: 1 }, { target: `openai/${id}`, weight: 3 }]);
    expect((await operator.post(`${base}/aliases/new`, fields())).status, "there is one").toBe(422);
    expect(await (await operator.get(`${base}/aliases`)).text()).toContain(`openai/${id} × 3`);
    const doubted = await operator.post(`${base}/aliases/of`, fields({ targets: "nobody-has-this", pick: "order" }));
    expect([doubted.status, (await doubted.text()).includes("nobody serves nobody-has-this")]).toEqual([409, true]);
    for (const wrong of [{ targets: "" }, { targets: "a*" }, { targets: `${id} 0` }, { targets: `${id} many` }, { pick: "best" }] as Record<string, string>[]) {
      expect((await operator.post(`${base}/aliases/of`, fields({ confirm: "on", ...wrong }))).status, JSON.stringify(wrong)).toBe(422);
    }
    expect((await operator.post(`${base}/aliases/of`, fields({ targets: "*", pick: "cheapest", hedges: "on" }))).status).toBe(303);
    expect(held().aliases.get(`/${id}-a`)).toEqual({ pick: "cheapest", targets: [{ name: "*", weight: 1 }], hedges: true });
    await operator.post(`${base}/aliases/new`, { name: `${id}-b`, targets: `${id}-a`, pick: "order" });
    const named = await operator.post(`${base}/aliases/remove`, { name: `${id}-a` });
    expect([named.status, (await named.text()).includes(`it is named by the alias ${id}-b`)]).toEqual([409, true]);
    expect(locationOf(await operator.post(`${base}/aliases/remove`, { name: `${id}-a`, confirm: "on" }))).toBe(`303 /dashboard${base}/aliases`);
    expect(await stored()).toEqual([]);
    expect((await operator.get(`${base}/aliases/of?name=${id}-a`)).status).toBe(404);
    expect(await trail(`${id}-a`)).toEqual(["true alias.put", "true alias.put", "true alias.delete"]);
  });

  test("that this gateway came with is brought back as it was", async () => {
    await env.DB.batch(["*", ""].flatMap((whose) => [
      env.DB.prepare("INSERT INTO aliases (organisation_id, name, position, target) VALUES (?, ?, 0, ?)").bind(whose, `${id}-a`, id), env.DB.prepare("INSERT INTO alias_rules (organisation_id, name, pick) VALUES (?, ?, 'fastest')").bind(whose, `${id}-a`),
    ]));
    await operator.post(`${base}/aliases/remove`, { name: `${id}-a` });
    expect(await (await operator.get(`${base}/aliases`)).text()).toMatch(new RegExp(`${id}-a[\\s\\S]*removed[\\s\\S]*As published`));
    expect((await operator.post(`${base}/aliases/restore`, { name: `${id}-a` })).status).toBe(303);
    expect(await stored()).toEqual([{ target: id, weight: 1 }]);
    expect((await operator.post(`${base}/aliases/restore`, { name: `${id}-none` })).status).toBe(404);
  });
});

test("whatever is typed into any of its fields is text, in what is refused and in what is stored", async () => {
  const deployment = { provider: "openai", upstreamId: id, model: id, serves: "on" };
  const alias = { name: `${id}-a`, targets: id, pick: "order" };
  const forms: [path: string, fields: Record<string, string>][] = [[`${base}/new`, { ...model(), id: `${id}-new` }], [`${base}/of`, model()], [`${base}/of/restore`, { id }], [`${base}/deployment`, deployment], [`${base}/deployment/restore`, deployment], [`${base}/aliases/new`, alias], [`${base}/aliases/of`, alias], [`${base}/aliases/remove`, alias], [`${base}/aliases/restore`, alias]];
  const pages: Response[] = [];
  for (const [path, fields] of forms) for (const field of [...Object.keys(fields), "confirm"]) pages.push(await operator.post(path, { ...fields, [field]: script }));
  // A maker's name is any line of text: it is stored.
  expect((await operator.post(`${base}/of`, { ...model(), owner: script })).status).toBe(303);
  // What stands in rows that no form would write.
  await env.DB.batch([
    env.DB.prepare("INSERT OR REPLACE INTO model_edits VALUES (?, ?, 'chat', ?2, ?2, ?2, 1, 1, 1)").bind(`${script}${id}`, JSON.stringify([script])),
    env.DB.prepare("INSERT OR REPLACE INTO deployment_edits VALUES (?1, ?1, ?2, 1)").bind(script, id),
    env.DB.prepare("INSERT OR REPLACE INTO aliases (organisation_id, name, position, target) VALUES ('', ?1, 0, ?1)").bind(script),
  ]);
  const it = encodeURIComponent(script);
  for (const path of [base, `${base}?q=${it}`, `${base}?edited=on&after=${it}`, `${base}/of?model=${id}`, `${base}/of?model=${it}${id}`, `${base}/of?model=${it}`, `${base}/deployment?provider=${it}&model=${it}`, `${base}/aliases`, `${base}/aliases/of?name=${it}`, "/operator/prices?q=alert", `/operator/prices/of?provider=${it}&model=${it}`]) pages.push(await operator.get(path));
  const texts = await Promise.all(pages.map((page) => page.text()));
  for (const text of texts) {
    expect(text).not.toMatch(/<script>|<img src=x/);
    expect(text).not.toMatch(/<script(?![^>]* src=)|<style/i);
  }
  expect(texts.filter((text) => text.includes("&lt;script&gt;")).length).toBeGreaterThan(15);
  await env.DB.batch([env.DB.prepare("DELETE FROM model_edits"), env.DB.prepare("DELETE FROM deployment_edits"), env.DB.prepare("DELETE FROM aliases WHERE name = ?").bind(script)]);
});
