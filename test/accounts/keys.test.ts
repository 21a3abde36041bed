import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { mintSecret } from "../../src/accounts/api-key.ts";
import { listKeys } from "../../src/accounts/key-record.ts";
import { createKey, removeExpiredSecrets, revokeKey, rotateKey, updateKey } from "../../src/accounts/keys.ts";
import { createOrganisation, putPlan, updateOrganisation } from "../../src/accounts/organisations.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
import { Principals } from "../../src/accounts/principals.ts";
import { deleteCredential, putCredential } from "../../src/accounts/provider-credentials.ts";
import { principalSource } from "../../src/accounts/read-principal.ts";

const pepper = env.KEY_PEPPER;
const master = "master-secret-of-at-least-32-characters";
const db = env.DB;
const at = (nowMs: number) => ({ actor: "test", nowMs });
const source = principalSource(db, { pepper, masters: { current: master } });

let organisationId: string;
let count = 0;
beforeEach(async () => {
  organisationId = `keys_${count++}_${Date.now()}`;
  await createOrganisation(db, at(0), { id: organisationId, name: "One", plan: "default", sovereign: false, headerCredentials: false });
});

const newKey = (more: { policy?: object; expiresAtMs?: number; prefix?: string } = {}) =>
  createKey(db, at(1000), pepper, {
    organisationId, name: "ci", policy: keyPolicySchema.parse(more.policy ?? {}), expiresAtMs: more.expiresAtMs ?? null, prefix: more.prefix ?? "sk-forge-",
  });

/** Every value in every table of the database, as text. */
async function everything(): Promise<string> {
  const { results: tables } = await db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'").all<{ name: string }>();
  expect(tables.length).toBeGreaterThan(10);
  const rows = await db.batch(tables.map(({ name }) => db.prepare(`SELECT * FROM ${name}`)));
  return JSON.stringify(rows.map(({ results }) => results));
}

test.each(["sk-forge-", "rrt-burst-", "fl_sk_live_", "sk-priyo-"])("a key that starts with %s opens, and its secret is nowhere in D1", async (prefix) => {
  const { key, secret } = await newKey({ prefix });
  const rotated = await rotateKey(db, at(2000), pepper, { id: key.id, graceMs: 60_000 });
  expect(rotated.secret.startsWith(prefix)).toBe(true);
  const stored = await everything();
  expect(stored).toContain(key.id);
  for (const each of [secret, rotated.secret]) {
    expect(await source(each, 2000)).toMatchObject({ keyId: key.id, organisationId });
    expect(stored).not.toContain(each.slice(prefix.length, -4));
    expect(stored).not.toContain(each.slice(0, -6));
  }
});

describe("a principal", () => {
  test("has the key's limits over the plan's over the default", async () => {
    const plan = `plan_${organisationId}`;
    await putPlan(db, at(1), { id: plan, limits: { tokensPerMinute: 5000, monthlyTokens: 9 } });
    await updateOrganisation(db, at(1), organisationId, { plan });
    const { secret } = await newKey({ policy: { limits: { tokensPerMinute: 7 }, models: ["openai/*"], usageScope: "organisation" } });
    expect(await source(secret, 2000)).toMatchObject({
      keyName: "ci", version: 1, limits: { requestsPerMinute: 600, tokensPerMinute: 7, monthlyTokens: 9 },
      models: ["openai/*"], sovereign: false, usageScope: "organisation", expiresAtMs: undefined,
    });
  });

  test("is sovereign by key or by organisation", async () => {
    const { secret } = await newKey({ policy: { sovereign: true } });
    expect(await source(secret, 0)).toMatchObject({ sovereign: true });
    const plain = await newKey();
    await updateOrganisation(db, at(1), organisationId, { sovereign: true });
    expect(await source(plain.secret, 0)).toMatchObject({ sovereign: true });
  });

  test("carries its own organisation's credentials and no other's", async () => {
    const { secret } = await newKey();
    await putCredential(db, at(1), master, { organisationId, provider: "openai", secret: "sk-own-openai", only: false });
    await putCredential(db, at(1), master, { organisationId, provider: "groq", secret: "gsk-own", only: true });
    const other = `other_${organisationId}`;
    await createOrganisation(db, at(0), { id: other, name: "Two", plan: "default", sovereign: false, headerCredentials: false });
    await putCredential(db, at(1), master, { organisationId: other, provider: "anthropic", secret: "sk-ant-other", only: true });
    const principal = await source(secret, 0);
    expect("credentials" in principal && [...principal.credentials].sort()).toEqual([["groq", { secret: "gsk-own", only: true }], ["openai", { secret: "sk-own-openai", only: false }]]);
    expect(await everything()).not.toMatch(/sk-own|gsk-own|sk-ant/);
  });

  test("does not open with a credential row copied from another organisation", async () => {
    const { secret } = await newKey();
    const other = `other_${organisationId}`;
    await createOrganisation(db, at(0), { id: other, name: "Two", plan: "default", sovereign: false, headerCredentials: false });
    await putCredential(db, at(1), master, { organisationId: other, provider: "openai", secret: "sk-other", only: true });
    await db.prepare("INSERT INTO provider_credentials SELECT ?, provider, iv, ciphertext, created_at, only, sealed_by FROM provider_credentials WHERE organisation_id = ?").bind(organisationId, other).run();
    await expect(source(secret, 0)).rejects.toThrow("cannot be opened");
  });

  test("another pepper knows no key", async () => {
    const { secret } = await newKey();
    expect(await principalSource(db, { pepper: "x".repeat(32), masters: { current: master } })(secret, 0)).toEqual({ refused: "invalid_api_key" });
    expect(await source(mintSecret("sk-forge-"), 0)).toEqual({ refused: "invalid_api_key" });
  });
});

describe("rotation", () => {
  test("lets both secrets work for the grace period, then the new one only", async () => {
    const { key, secret } = await newKey();
    const rotated = await rotateKey(db, at(10_000), pepper, { id: key.id, graceMs: 5000 });
    expect(rotated.key).toMatchObject({ version: 2, secrets: [{ expiresAtMs: null }, { expiresAtMs: 15_000 }] });
    expect(rotated.standings).toEqual([{ keyId: key.id, keyName: key.name, organisationId, version: 2, enabled: true, limits: { requestsPerMinute: 600 } }]);
    expect(await source(secret, 14_999)).toMatchObject({ expiresAtMs: 15_000, keyExpiresAtMs: undefined, version: 2 });
    expect(await source(rotated.secret, 14_999)).toMatchObject({ expiresAtMs: undefined, version: 2 });
    expect(await source(secret, 15_000)).toEqual({ refused: "key_expired" });
    expect(await source(rotated.secret, 15_000)).toMatchObject({ keyId: key.id });
    await removeExpiredSecrets(db, 15_000);
    expect(await source(secret, 15_000)).toEqual({ refused: "invalid_api_key" });
    expect(await source(rotated.secret, 15_000)).toMatchObject({ keyId: key.id });
  });

  test("never gives an old secret more time, and none at all with no grace", async () => {
    const { key, secret } = await newKey();
    const second = await rotateKey(db, at(10_000), pepper, { id: key.id, graceMs: 5000 });
    const third = await rotateKey(db, at(11_000), pepper, { id: key.id, graceMs: 60_000 });
    expect(await source(secret, 15_000)).toEqual({ refused: "key_expired" });
    expect(await source(second.secret, 70_999)).toMatchObject({ expiresAtMs: 71_000 });
    await rotateKey(db, at(12_000), pepper, { id: key.id, graceMs: 0 });
    for (const each of [second.secret, third.secret]) expect(await source(each, 12_000)).toEqual({ refused: "key_expired" });
  });

  test("at the same moment as another loses no secret and no version", async () => {
    const { key } = await newKey();
    const rotations = await Promise.all(Array.from({ length: 5 }, () => rotateKey(db, at(10_000), pepper, { id: key.id, graceMs: 5000 })));
    for (const { secret } of rotations) expect(await source(secret, 10_000)).toMatchObject({ version: 6 });
  });
});

describe("changes", () => {
  test("merge into the policy: what is absent stays, null takes away", async () => {
    const { key } = await newKey({ policy: { sovereign: true, models: ["a"], limits: { tokensPerMinute: 5, monthlyTokens: 6 } } });
    const { key: changed, standings } = await updateKey(db, at(2), key.id, { policy: { limits: { tokensPerMinute: null, concurrentRequests: 2 }, models: null } });
    expect(changed.policy).toEqual({ sovereign: true, limits: { monthlyTokens: 6, concurrentRequests: 2 }, usageScope: "key" });
    expect(standings[0]).toMatchObject({ version: 2, limits: { requestsPerMinute: 600, monthlyTokens: 6, concurrentRequests: 2 } });
    expect(changed.name).toBe("ci");
  });

  test("at the same moment all count", async () => {
    const { key } = await newKey();
    await Promise.all([updateKey(db, at(2), key.id, { policy: { sovereign: true } }), updateKey(db, at(2), key.id, { policy: { models: ["m"] } }), updateKey(db, at(2), key.id, { name: "new" })]);
    const { key: changed } = await updateKey(db, at(3), key.id, {});
    expect(changed).toMatchObject({ name: "new", version: 5, policy: { sovereign: true, models: ["m"] } });
  });

  test("set and take away the end", async () => {
    const { key, secret } = await newKey({ expiresAtMs: 5000 });
    expect(await source(secret, 5000)).toEqual({ refused: "key_expired" });
    expect((await updateKey(db, at(2), key.id, { expiresAtMs: 9000 })).standings[0]).toMatchObject({ expiresAtMs: 9000 });
    expect(await source(secret, 5000)).toMatchObject({ expiresAtMs: 9000, keyExpiresAtMs: 9000 });
    expect((await updateKey(db, at(2), key.id, { name: "same end" })).key.expiresAtMs).toBe(9000);
    expect((await updateKey(db, at(2), key.id, { expiresAtMs: null })).standings[0]).not.toHaveProperty("expiresAtMs");
    expect(await source(secret, 9000)).toMatchObject({ expiresAtMs: undefined });
  });

  test("of the organisation, its plan or credentials give every live key of it a new version, and no other's", async () => {
    const one = await newKey();
    const two = await newKey();
    await revokeKey(db, at(2), two.key.id);
    const plan = `plan_${organisationId}`;
    await putPlan(db, at(1), { id: plan, limits: {} });
    const bystander = `other_${organisationId}`;
    await createOrganisation(db, at(0), { id: bystander, name: "Two", plan: "default", sovereign: false, headerCredentials: false });
    const other = await createKey(db, at(1), pepper, { organisationId: bystander, name: "x", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-" });
    const steps = [
      await updateOrganisation(db, at(3), organisationId, { plan }),
      await updateOrganisation(db, at(3), organisationId, { sovereign: true }),
      await putPlan(db, at(3), { id: plan, limits: { requestsPerMinute: 3 } }),
      await putCredential(db, at(3), master, { organisationId, provider: "openai", secret: "s", only: true }),
      await deleteCredential(db, at(3), { organisationId, provider: "openai" }),
    ];
    expect(steps.map(({ standings }) => standings.map(({ keyId, version }) => ({ keyId, version })))).toEqual([2, 3, 4, 5, 6].map((version) => [{ keyId: one.key.id, version }]));
    expect(steps.at(-1)!.standings[0]!.limits).toEqual({ requestsPerMinute: 3 });
    expect(await source(other.secret, 3)).toMatchObject({ version: 1 });
    expect((await updateOrganisation(db, at(3), organisationId, { name: "New" })).standings).toEqual([]);
    await expect(deleteCredential(db, at(3), { organisationId, provider: "openai" })).rejects.toMatchObject({ code: "not_found" });
    expect(await source(one.secret, 3)).toMatchObject({ version: 6 });
  });
});

test("keys made in the same millisecond are each on one page", async () => {
  const made = [await newKey(), await newKey(), await newKey()].map(({ key }) => key.id);
  const seen: string[] = [];
  for (let after: { atMs: number; id: string } | undefined; seen.length < 3;) {
    const [key] = await listKeys(db, { organisationId, limit: 1, after });
    seen.push(key!.id);
    after = { atMs: key!.createdAtMs, id: key!.id };
  }
  expect(seen.sort()).toEqual(made.sort());
});

describe("revocation", () => {
  test("is refused on reload, for ever, whatever else is asked", async () => {
    const principals = new Principals(source);
    const { key, secret } = await newKey();
    await principals.find(secret, 1000);
    const { standings } = await revokeKey(db, at(2000), key.id);
    expect(standings).toMatchObject([{ version: 2, enabled: false }]);
    await expect(principals.reload(secret, 2000)).rejects.toMatchObject({ code: "key_revoked" });
    await expect(principals.find(secret, 90_000)).rejects.toMatchObject({ code: "key_revoked" });
    await expect(updateKey(db, at(3000), key.id, { name: "x" })).rejects.toMatchObject({ code: "conflict" });
    await expect(rotateKey(db, at(3000), pepper, { id: key.id, graceMs: 0 })).rejects.toMatchObject({ code: "conflict" });
    expect((await source(secret, 3000))).toEqual({ refused: "key_revoked" });
  });

  test("again changes nothing and tells the standing again", async () => {
    const { key } = await newKey();
    const first = await revokeKey(db, at(2000), key.id);
    const second = await revokeKey(db, at(9000), key.id);
    expect(second).toEqual(first);
    const { results } = await db.prepare("SELECT action FROM audit_events WHERE subject = ? ORDER BY at").bind(key.id).all();
    expect(results.map(({ action }) => action)).toEqual(["key.create", "key.revoke"]);
  });
});

test("what fails leaves neither a change nor an event", async () => {
  const events = async () => (await db.prepare("SELECT count(*) AS n FROM audit_events").first<{ n: number }>())!.n;
  const { key } = await newKey();
  await revokeKey(db, at(2), key.id);
  const before = await events();
  const attempts = [
    createKey(db, at(1), pepper, { organisationId: "nobody", name: "x", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-" }),
    createOrganisation(db, at(1), { id: organisationId, name: "x", plan: "default", sovereign: false, headerCredentials: false }),
    createOrganisation(db, at(1), { id: `${organisationId}_x`, name: "x", plan: "nothing", sovereign: false, headerCredentials: false }),
    updateOrganisation(db, at(1), organisationId, { name: "hacked", plan: "nothing" }),
    updateKey(db, at(1), key.id, { name: "x" }),
    rotateKey(db, at(1), pepper, { id: key.id, graceMs: 1 }),
    rotateKey(db, at(1), pepper, { id: "key_nothing", graceMs: 1 }),
    putCredential(db, at(1), master, { organisationId: "nobody", provider: "openai", secret: "s", only: true }),
  ];
  for (const { status } of await Promise.allSettled(attempts)) expect(status).toBe("rejected");
  expect(await events()).toBe(before);
  const { results: secrets } = await db.prepare("SELECT expires_at FROM api_key_secrets WHERE key_id = ?").bind(key.id).all();
  expect(secrets).toEqual([{ expires_at: null }]);
  expect((await db.prepare("SELECT name FROM organisations WHERE id = ?").bind(organisationId).first<{ name: string }>())!.name).toBe("One");
});
