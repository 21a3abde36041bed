import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { listAudit } from "../../src/accounts/audit.ts";
import { getKey } from "../../src/accounts/key-record.ts";
import { admin, call, chatBody, fillCatalog, newKey, outside, settled } from "../security/stage.ts";
import { newMember } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

type Member = Awaited<ReturnType<typeof newMember>>;
let owner: Member;
let stranger: Member;
let viewer: Member;

beforeAll(async () => {
  outside();
  await fillCatalog();
  await admin("PUT", "/plans/small", { limits: { requestsPerMinute: 50 } });
  [owner, stranger, viewer] = await Promise.all([newMember("developer"), newMember("owner"), newMember("viewer")]);
  await env.DB.prepare("UPDATE organisations SET plan_id = 'small' WHERE id = ?").bind(owner.organisationId).run();
});

/** A limit on concurrency: a settle never waits for company then (test/security/stage.ts). */
const filled = { name: "Checkout", usageScope: "key", concurrentRequests: "100" };
const secretIn = (page: string): string => /sk-forge-\w{40,}/.exec(page)![0];

/** Makes a key through the form. */
async function made(fields: Record<string, string> = {}): Promise<{ id: string; secret: string }> {
  const response = await owner.post("/keys/new", { ...filled, ...fields });
  const page = await response.text();
  expect(response.status, page).toBe(200);
  return { id: /first-key\/(key_\w+)/.exec(page)![1]!, secret: secretIn(page) };
}
const asked = async (secret: string, model = chatBody.model): Promise<number> => {
  const response = await call(secret, "POST", "/v1/chat/completions", { ...chatBody, model });
  await response.text();
  return response.status;
};
const versionOf = async (id: string): Promise<string> => String((await getKey(env.DB, id))!.version);

describe("a new key", () => {
  test("is what its form says, and opens what it may", async () => {
    const { id, secret } = await made({
      requestsPerMinute: "20", tokensPerMinute: "20,000", concurrentRequests: "3", monthlyNanoUsd: "12.5", budgetNanoUsd: "0.000000007", models: "openai/gpt-test\ngpt-t*", expires: "2099-01-31",
      sovereign: "", managesKeys: "on", usageScope: "organisation", onDisconnect: "drain", project: "shop", member: "Ada@example.com", tags: "night, day",
    });
    expect(await getKey(env.DB, id)).toMatchObject({
      name: "Checkout", expiresAtMs: Date.UTC(2099, 1, 1),
      policy: {
        limits: { requestsPerMinute: 20, tokensPerMinute: 20_000, concurrentRequests: 3, monthlyNanoUsd: 12_500_000_000, budgetNanoUsd: 7 }, models: ["openai/gpt-test", "gpt-t*"], sovereign: false,
        managesKeys: true, usageScope: "organisation", onDisconnect: "drain", project: "shop", member: "ada@example.com", tags: ["night", "day"],
      },
    });
    expect(await asked(secret, "openai/secret-test")).toBe(403);
    const { secret: open } = await made();
    expect(await asked(open)).toBe(200);
    const list = await (await owner.get("/keys")).text();
    expect(list).toContain("20 requests a minute · 20,000 tokens a minute · 3 at once · $12.5 a month · $0.000000007 in all · 2 models");
    expect(list, "a secret is shown once").not.toContain(secret.slice(12, 40));
    expect(list).toContain(`sk-forge-…${secret.slice(-4)}`);
  });

  test.each([
    [{ requestsPerMinute: "51" }, "Your plan gives a key 50 requests a minute."],
    [{ tokensPerMinute: "-1" }, "A whole number, please."],
    [{ monthlyNanoUsd: "0" }, "More than nothing"],
    [{ models: "no-such-model" }, "Nothing here is called no-such-model."],
    [{ expires: "2020-01-01" }, "A day that is yet to come."],
    [{ expires: "2026-02-31" }, "A day, such as"],
    [{ name: "<script>alert(1)</script>\u0007" }, "One line of text, please."],
    [{ tags: "a b <c>" }, "1 to 64 letters"],
  ])("is not made of %j", async (fields, said) => {
    const response = await owner.post("/keys/new", { ...filled, ...fields });
    expect(response.status).toBe(422);
    const page = await response.text();
    expect(page).toContain(said);
    expect(page).not.toContain("<script>alert");
  });
});

describe("a key", () => {
  test("once revoked opens nothing from the next request on", async () => {
    const { id, secret } = await made();
    expect(await asked(secret)).toBe(200);
    expect((await owner.post(`/keys/${id}/revoke`)).headers.get("location")).toBe(`/dashboard/keys/${id}`);
    expect(await asked(secret)).toBe(401);
    expect(await (await owner.get(`/keys/${id}`)).text()).toContain("revoked");
    for (const [path, fields] of [["change", filled], ["rotate", { grace: "0" }], ["switch", { on: "true" }]] as const) {
      await owner.post(`/keys/${id}/${path}`, { version: await versionOf(id), ...fields });
      expect((await getKey(env.DB, id))!.revokedAtMs, path).not.toBeNull();
      expect(await asked(secret)).toBe(401);
    }
    expect(await (await owner.get("/keys")).text()).not.toContain(id);
    expect(await (await owner.get("/keys?all=1")).text()).toContain(id);
  });

  test("is switched off and on again", async () => {
    const { id, secret } = await made();
    await owner.post(`/keys/${id}/switch`, { on: "false" });
    expect(await asked(secret)).toBe(401);
    await owner.post(`/keys/${id}/switch`, { on: "true" });
    // A refusal is remembered for ten seconds.
    vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(Date.now() + 11_000);
    expect(await asked(secret)).toBe(200);
    vi.useRealTimers();
  });

  test("is rotated once by a form, with or without grace", async () => {
    const { id, secret } = await made();
    const version = await versionOf(id);
    const page = await (await owner.post(`/keys/${id}/rotate`, { version, grace: "3600" })).text();
    const second = secretIn(page);
    expect([await asked(secret), await asked(second)], "both work in the grace period").toEqual([200, 200]);
    expect((await owner.post(`/keys/${id}/rotate`, { version, grace: "0" })).status, "the same form again does nothing").toBe(303);
    expect(await asked(secret)).toBe(200);
    const third = secretIn(await (await owner.post(`/keys/${id}/rotate`, { version: await versionOf(id), grace: "0" })).text());
    expect([await asked(secret), await asked(second), await asked(third)]).toEqual([401, 401, 200]);
  });

  test("is changed: what is emptied goes, what the form does not show stays", async () => {
    const { id, secret } = await made({ requestsPerMinute: "20", models: "gpt-test", project: "shop", expires: "2099-01-31" });
    await admin("PATCH", `/keys/${id}`, { policy: { limits: { requestsPerMinute: 90 }, installation: "site-1" } });
    const form = await (await owner.get(`/keys/${id}/change`)).text();
    expect(form).toContain('value="90"');
    const version = await versionOf(id);
    expect((await owner.post(`/keys/${id}/change`, { version, ...filled, requestsPerMinute: "91" })).status, "more than it has, and than the plan gives").toBe(422);
    expect((await owner.post(`/keys/${id}/change`, { version, ...filled, name: "Till", requestsPerMinute: "90", sovereign: "on" })).status).toBe(303);
    expect(await getKey(env.DB, id)).toMatchObject({ name: "Till", expiresAtMs: null, policy: { limits: { requestsPerMinute: 90 }, sovereign: true, installation: "site-1", usageScope: "key" } });
    expect(Object.keys((await getKey(env.DB, id))!.policy)).not.toContain("models");
    expect(await asked(secret), "sovereign holds at once").toBe(503);
    expect((await owner.post(`/keys/${id}/change`, { version, ...filled })).headers.get("location"), "an old form changes nothing").toBe(`/dashboard/keys/${id}`);
    expect((await getKey(env.DB, id))!.name).toBe("Till");
  });

  test("tells when and how much it was used, and who changed it", async () => {
    const key = await newKey({}, stranger.organisationId);
    expect(await (await stranger.get("/keys")).text()).toContain("never");
    expect(await asked(key.secret)).toBe(200);
    await settled(key);
    await env.KEY_METER.getByName(key.id).flush();
    const page = await (await stranger.get(`/keys/${key.id}`)).text();
    expect(page).toMatch(/<dd>\d+ seconds? ago<\/dd>|<dd>now<\/dd>/);
    expect(page).toContain("By day: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1");
    expect(page).toContain("created it");
    await stranger.post(`/keys/${key.id}/switch`, { on: "false" });
    expect((await listAudit(env.DB, { organisationId: stranger.organisationId, subject: key.id, limit: 1 }))[0]).toMatchObject({ actor: stranger.email, action: "key.update", detail: { policy: { disabled: true } } });
  });

  test("is not there for others, and not to be changed by who only looks", async () => {
    const { id, secret } = await made();
    for (const path of ["", "/change"]) expect((await stranger.get(`/keys/${id}${path}`)).status).toBe(404);
    for (const path of ["/change", "/rotate", "/switch", "/revoke"]) expect((await stranger.post(`/keys/${id}${path}`, { version: "1", ...filled, grace: "0", on: "false" })).status).toBe(404);
    const seen = await newKey({}, viewer.organisationId);
    const page = await (await viewer.get(`/keys/${seen.id}`)).text();
    expect(page).not.toMatch(/\/(change|rotate|revoke|switch)"/);
    expect((await viewer.post(`/keys/${seen.id}/revoke`)).status).toBe(403);
    expect([await asked(secret), await asked(seen.secret)]).toEqual([200, 200]);
  });

  test("can be found by the names that it may call", async () => {
    const names = await (await owner.get("/keys/names")).json<string[]>();
    expect(names).toEqual(expect.arrayContaining(["gpt-test", "openai/gpt-test"]));
  });
});

test("keys are found by name, end of the secret, id, member, project and tag, and no others", async () => {
  const [one, other] = [await made({ name: "Night shift", member: "grace@example.com", project: "harbour", tags: "cranes" }), await made({ name: "Day_shift" })];
  await stranger.post("/keys/new", { ...filled, name: "Night shift of others" });
  const found = async (q: string): Promise<string[]> => [...(await (await owner.get(`/keys?q=${encodeURIComponent(q)}`)).text()).matchAll(/href="\/dashboard\/keys\/(key_\w+)"/g)].map(([, id]) => id!);
  for (const q of ["night SHIFT", one.secret.slice(-4), one.id, "Grace@example.com", "harbour", "cranes"]) expect(await found(q), q).toEqual([one.id]);
  expect(await found("shift")).toEqual([other.id, one.id]);
  expect(await found("harb"), "of a project all of its name").toEqual([]);
  expect(await found("%"), "no pattern").toEqual([]);
  expect(await (await owner.get("/keys?q=nothing-like-it")).text()).toContain("No key fits that");
  await owner.post(`/keys/${one.id}/revoke`);
  expect(await found("night shift")).toEqual([]);
  expect(await (await owner.get("/keys?q=night+shift")).text()).toContain('href="/dashboard/keys?q=night+shift&amp;all=1"');
  expect(await (await owner.get("/keys?q=night+shift&all=1")).text()).toContain(one.id);
});
