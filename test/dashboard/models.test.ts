import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { createKey } from "../../src/accounts/keys.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
import { app } from "../../src/app.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { newMember, origin } from "./stage.ts";

const by = { actor: "test", nowMs: Date.now() };
let member: Awaited<ReturnType<typeof newMember>>;
let secret: string;

/** Two providers that are set up here, one that is not, models of two kinds, a price that is past, an alias of everyone's and one of somebody else's. */
beforeAll(async () => {
  member = await newMember("viewer");
  ({ secret } = await createKey(env.DB, by, env.KEY_PEPPER, { organisationId: member.organisationId, name: "k", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-forge-" }));
  const model = (id: string, kind: string, capabilities: string[], context: number, released = 0) =>
    env.DB.prepare("INSERT INTO models VALUES (?, 'maker', ?, '[\"text\"]', '[\"text\"]', ?, ?, 4000, ?)").bind(id, kind, JSON.stringify(["text", ...capabilities]), context, released);
  const deployed = (provider: string, id: string, upstream = id) => env.DB.prepare("INSERT INTO deployments VALUES (?, ?, ?)").bind(provider, upstream, id);
  const price = (provider: string, upstream: string, of: string, dollars: number, from = 0) =>
    env.DB.prepare("INSERT INTO prices VALUES (?, ?, ?, 0, ?, ?, 'test')").bind(provider, upstream, of, from, dollars * 1e6);
  const alias = (organisation: string, name: string, targets: string[]) => targets.map((target, i) => env.DB.prepare("INSERT INTO aliases (organisation_id, name, position, target) VALUES (?, ?, ?, ?)").bind(organisation, name, i, target));
  const many = Array.from({ length: 45 }, (_, i) => [model(`tiny-${String(i).padStart(2, "0")}`, "chat", [], 1_000), deployed("groq", `tiny-${String(i).padStart(2, "0")}`)]).flat();
  await env.DB.batch([
    model("maker/sun", "chat", ["tools", "vision"], 200_000, Date.UTC(2026, 1, 3)), deployed("openai", "maker/sun", "sun"), deployed("groq", "maker/sun", "sun"),
    ...[["input", 2, 0], ["input", 1.5, 1_000], ["cached_input", 0.2, 0], ["output", 8, 0]].map(([of, usd, from]) => price("openai", "sun", of as string, usd as number, from as number)),
    price("groq", "sun", "input", 3), price("groq", "sun", "output", 9),
    model("moon", "embedding", [], 8_000), deployed("openai", "moon"), price("openai", "moon", "input", 0.02),
    model("far", "chat", ["tools"], 2_000_000), deployed("anthropic", "far"), price("anthropic", "far", "input", 1), price("anthropic", "far", "output", 1),
    ...many,
    ...alias("", "bright", ["maker/sun", "far"]), ...alias(member.organisationId, "house", ["moon"]), ...alias("org_of_somebody_else", "theirs", ["moon"]),
  ]);
  await isolateOf(member.env).catalog.refresh(by.nowMs);
  await isolateOf(env).catalog.refresh(by.nowMs);
});

const page = async (path: string): Promise<string> => (await member.get(path)).text();
const names = (html: string): string[] => [...html.matchAll(/<a href="\/dashboard\/models\/[^"]*">([^<]*)<\/a>/g)].map(([, name]) => name!);

describe("the list", () => {
  test("what can be called, page by page; all of it when asked", async () => {
    const first = await page("/models");
    expect(first).toContain("47 models");
    expect(names(first).length).toBe(40);
    expect(first).toContain('href="/dashboard/models?page=2"');
    expect(names(await page("/models?page=2")).length).toBe(7);
    expect(names(await page("/models?page=9999")), "a page that is not there is the last").toEqual(names(await page("/models?page=2")));
    expect(names(await page("/models?q=far"))).toEqual([]);
    const all = await page("/models?q=far&all=on");
    expect(names(all)).toEqual(["far"]);
    expect(all).toContain("its provider is not set up here");
  });

  test("a phone gets two lines of each, without what is not known", async () => {
    const html = await page("/models?q=tiny-00");
    expect(html).toContain('<table class="table dense brief">');
    expect(html).toContain('<td data-label="Out / M" class="numeric none">–</td>');
    for (const label of ["Most out", "Cached / M", "First token", "Speed", "Uptime"]) expect(html).toMatch(new RegExp(`<td data-label="${label}" class="numeric room-some`));
    expect(html).toMatch(/<td data-label="Context" class="numeric">1K/);
  });

  test("filters and orders work by the address alone", async () => {
    const found = async (query: string): Promise<string[]> => names(await page(`/models?${query}`)).filter((name) => !name.startsWith("tiny"));
    expect(await found("kind=embedding")).toEqual(["moon"]);
    expect(await found("can=vision")).toEqual(["maker/sun"]);
    expect(await found("context=128000&all=on")).toEqual(["far", "maker/sun"]);
    expect(await found("context=128000&all=on&sort=newest")).toEqual(["maker/sun", "far"]);
    expect(await found("price=0.5")).toEqual(["moon"]);
    expect(await found("sort=price")).toEqual(["moon", "maker/sun"]);
    expect(await found("q=MAKER/s&kind=nonsense&page=-1")).toEqual(["maker/sun"]);
    expect(await page(`/models?q=${encodeURIComponent('"><script>x')}`)).not.toContain("<script>x");
  });

  test("prices are those of whom a plain request goes to", async () => {
    const html = await page("/models?q=maker/sun");
    for (const price of ["$1.50", "$0.20", "$8.00"]) expect(html).toContain(`>${price}<`);
  });
});

describe("one model", () => {
  test("its deployments in order, its prices with their days, a call", async () => {
    const html = await page("/models/maker%2Fsun");
    expect(html).toMatch(/openai\/sun.*groq\/sun.*Prices over time/s);
    expect(html).toContain("2 deployments");
    expect(html).toMatch(/\$2\.00.*always.*past/s);
    expect(html).toContain(`&quot;model&quot;: &quot;maker/sun&quot;`);
    expect(html).toContain("bright");
    expect(await page("/models/moon")).toContain(`${origin}/v1/embeddings`);
  });

  test("why it cannot be called", async () => {
    expect(await page("/models/far")).toContain("its provider is not set up here");
    expect((await member.get("/models/nobody%2Fknows%20%22it")).status).toBe(404);
  });

  test("how a deployment does, once it has had traffic", async () => {
    const { health } = isolateOf(member.env);
    for (let i = 0; i < 20; i += 1) health.note("openai/sun", { is: "answered", firstByteMs: 300, outputTokens: 100, streamMs: 1_000 }, Date.now());
    const html = await page("/models/maker%2Fsun");
    expect(html).toMatch(/(2[5-9]\d|3[0-4]\d) ms \/ (2[5-9]\d|3[0-4]\d) ms/);
    expect(html).toMatch(/>100%<.*works.*no traffic/s);
    for (let i = 0; i < 12; i += 1) health.note("groq/sun", { is: "failed", retryAfterMs: 60_000 }, Date.now());
    expect(await page("/models/maker%2Fsun")).toContain("it has failed too often just now");
  });
});

describe("aliases", () => {
  /** Deployments that a page says a name leads to, in order. */
  const leads = (html: string, name: string): string[] => [...html.slice(html.indexOf(`Whom ${name} leads to`)).split("</table>")[0]!.matchAll(/<code>([^<]*)<\/code>/g)].map(([, deployment]) => deployment!);

  test("everyone's and the organisation's own, nobody else's", async () => {
    const html = await page("/aliases");
    expect(leads(html, "house")).toEqual(["openai/moon"]);
    expect(html).toMatch(/<h2>house<\/h2>.*yours.*<h2>bright<\/h2>.*everyone&#39;s/s);
    expect(html).not.toContain("theirs");
    expect(await page("/aliases?name=theirs")).toContain("does not exist");
  });

  test("lead where POST /v1/route says", async () => {
    const response = await app.request(`${origin}/v1/route`, { method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify({ model: "bright" }) }, member.env, { waitUntil: () => {}, passThroughOnException: () => {} } as never);
    const { attempts, excluded } = await response.json<{ attempts: { deployment: string }[]; excluded: { deployment: string }[] }>();
    const html = await page("/aliases?name=bright");
    expect(attempts.length).toBeGreaterThan(0);
    expect(leads(html, "bright")).toEqual(attempts.map(({ deployment }) => deployment));
    for (const { deployment } of excluded) expect(html).toContain(`<code>${deployment}</code>`);
  });
});
