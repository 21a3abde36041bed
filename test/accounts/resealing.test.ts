/** The master secret is changed while requests are served and administrators edit. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fingerprintOf, openCredential, openerOf, type SealedCredential } from "../../src/accounts/credentials.ts";
import { createOrganisation } from "../../src/accounts/organisations.ts";
import { deleteCredential, putCredential, updateCredential } from "../../src/accounts/provider-credentials.ts";
import { resealCredentials } from "../../src/accounts/resealing.ts";
import { deleteTokenIssuer, putTokenIssuer, TokenIssuers } from "../../src/accounts/token-issuers.ts";

const db = env.DB;
const old = "the-old-master-secret-of-at-least-32-characters";
const masters = { current: "the-new-master-secret-of-at-least-32-characters", previous: old };
const at = (nowMs: number) => ({ actor: "test", nowMs });
const organisationId = "org_resealed";
const owner = (provider: string) => ({ organisationId, provider });
const secretOf = (provider: string) => `sk-of-${provider}`;

type Row = SealedCredential & { provider: string; only: number; created_at: number; sealedBy: string | null };
const rows = async (): Promise<Row[]> => (await db.prepare("SELECT *, sealed_by AS sealedBy FROM provider_credentials ORDER BY provider").all<Row>()).results;
const reseal = (through: D1Database = db) => resealCredentials(through, at(9), masters);

/** Credentials under the old master secret at `p000`, `p001`, … */
async function fill(count: number): Promise<string[]> {
  const providers = Array.from({ length: count }, (_, n) => `p${String(n).padStart(3, "0")}`);
  await Promise.all(providers.map((provider, n) => putCredential(db, at(n), old, { ...owner(provider), secret: secretOf(provider), only: n % 2 === 0 })));
  return providers;
}

/** D1 in which something happens right before the nth page is written; or that dies there. */
const interrupted = (nth: number, happens: () => Promise<unknown>): D1Database => {
  let batches = 0;
  return { prepare: (sql: string) => db.prepare(sql), batch: async (statements: D1PreparedStatement[]) => (++batches === nth && (await happens()), db.batch(statements)) } as unknown as D1Database;
};

beforeEach(async () => {
  await db.batch([db.prepare("DELETE FROM provider_credentials"), db.prepare("DELETE FROM token_issuers"), db.prepare("DELETE FROM audit_events")]);
  await createOrganisation(db, at(0), { id: organisationId, name: "One", plan: "default", sovereign: false, headerCredentials: false }).catch(() => {});
});
afterEach(() => void vi.restoreAllMocks());

const allUnderTheNew = async (): Promise<void> => {
  for (const row of await rows()) expect(await openCredential(masters.current, owner(row.provider), row)).toBe(secretOf(row.provider));
};

test("every row is sealed anew, page by page, and keeps all else; a second time there is nothing to do", async () => {
  await fill(120);
  const before = await rows();
  expect(await reseal()).toEqual({ resealed: 120, left: 0 });
  const after = await rows();
  expect(after.map(({ provider, only, created_at }) => [provider, only, created_at])).toEqual(before.map(({ provider, only, created_at }) => [provider, only, created_at]));
  expect(new Set(after.map(({ sealedBy }) => sealedBy))).toEqual(new Set([await fingerprintOf(masters.current)]));
  expect(new Set([...before, ...after].map(({ iv }) => iv)).size).toBe(240);
  await allUnderTheNew();
  expect(await reseal()).toEqual({ resealed: 0, left: 0 });
  expect(await rows()).toEqual(after);
});

test("rows from before there were fingerprints are sealed anew, whichever secret they are under", async () => {
  await fill(3);
  await putCredential(db, at(5), masters.current, { ...owner("p003"), secret: secretOf("p003"), only: true });
  await db.prepare("UPDATE provider_credentials SET sealed_by = NULL").run();
  expect(await reseal()).toEqual({ resealed: 4, left: 0 });
  await allUnderTheNew();
});

test("a call does a bounded number of rows and says what is left", async () => {
  await fill(510);
  expect(await reseal()).toEqual({ resealed: 500, left: 10 });
  expect(await reseal()).toEqual({ resealed: 10, left: 0 });
});

describe("an edit between reading a page and writing it", () => {
  test.each<[string, () => Promise<unknown>, string | undefined, number]>([
    ["another secret under the new master secret stands", () => putCredential(db, at(7), masters.current, { ...owner("p001"), secret: "sk-newer", only: false }), "sk-newer", 0],
    ["another secret by who only knows the old one stands, and is left for the next call", () => putCredential(db, at(7), old, { ...owner("p001"), secret: "sk-newer", only: false }), "sk-newer", 1],
    ["the same secret again under the old one is left, too", () => putCredential(db, at(7), old, { ...owner("p001"), secret: secretOf("p001"), only: false }), secretOf("p001"), 1],
    ["a removal stands", () => deleteCredential(db, at(7), owner("p001")), undefined, 0],
  ])("%s", async (_, edit, expected, left) => {
    await fill(3);
    expect(await reseal(interrupted(1, edit))).toEqual({ resealed: 2, left });
    const [row] = (await rows()).filter(({ provider }) => provider === "p001");
    expect(row && (await openerOf(masters)(owner("p001"), row))).toBe(expected);
    expect((await reseal()).left).toBe(0);
  });

  test("another `only` stands, and the secret is sealed anew beside it", async () => {
    await fill(3);
    expect(await reseal(interrupted(1, () => updateCredential(db, at(7), owner("p001"), { only: true })))).toEqual({ resealed: 3, left: 0 });
    expect((await rows())[1]).toMatchObject({ only: 1, created_at: 1 });
    await allUnderTheNew();
  });

  test("another rotation at the same time does no harm", async () => {
    await fill(60);
    const [one, two] = await Promise.all([reseal(), reseal()]);
    expect([one!.resealed + two!.resealed, (await reseal()).left]).toEqual([60, 0]);
    await allUnderTheNew();
  });
});

test("a call that dies half-way leaves every row openable, and the next one ends it", async () => {
  await fill(110);
  const dies = interrupted(2, () => Promise.reject(new Error("the isolate is gone")));
  await expect(reseal(dies)).rejects.toThrow("the isolate is gone");
  const open = openerOf(masters);
  for (const row of await rows()) expect(await open(owner(row.provider), row)).toBe(secretOf(row.provider));
  expect(new Set((await rows()).map(({ sealedBy }) => sealedBy)).size).toBe(2);
  expect(await reseal()).toEqual({ resealed: 60, left: 0 });
  await allUnderTheNew();
});

test("a row that neither secret opens stays as it is, is told, and holds up no other", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  await fill(3);
  await putCredential(db, at(5), "a-third-master-secret-of-at-least-32-characters", { ...owner("p001"), secret: "sk-lost", only: true });
  const lost = (await rows())[1];
  expect(await reseal()).toEqual({ resealed: 2, left: 1 });
  expect((await rows())[1]).toEqual(lost);
  expect(said.mock.calls.flat().map((line) => JSON.parse(line as string))).toEqual([{ level: "error", event: "credential_not_opened", ...owner("p001") }]);
});

test("however many rows nobody can open, those that the previous secret sealed are done", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const lost = JSON.stringify(Array.from({ length: 600 }, (_, n) => `a${n}`));
  await db.prepare("INSERT INTO provider_credentials (organisation_id, provider, iv, ciphertext, sealed_by, created_at) SELECT ?1, value, 'x', 'y', '0123456789abcdef', 0 FROM json_each(?2)").bind(organisationId, lost).run();
  await fill(60);
  await putCredential(db, at(5), old, { ...owner("a0-older-than-fingerprints"), secret: "sk", only: true });
  await db.prepare("UPDATE provider_credentials SET sealed_by = NULL WHERE provider = 'a0-older-than-fingerprints'").run();
  expect(await reseal()).toEqual({ resealed: 61, left: 600 });
});

test("it leaves an event without a secret, and none when there was nothing to do", async () => {
  await fill(2);
  await reseal();
  await reseal();
  const { results } = await db.prepare("SELECT * FROM audit_events WHERE action = 'credential.rotate'").all();
  expect(results).toMatchObject([{ actor: "test", subject: "CREDENTIALS_SECRET", organisation_id: null, detail: JSON.stringify({ sealedBy: await fingerprintOf(masters.current) }) }]);
});

describe("token issuers' secrets", () => {
  const keyId = "key_resealed";
  const shared = (issuer: string): string => `shared-secret-of-${issuer}`;
  const put = (issuer: string, master = old, proof: { secret?: string; jwksUrl?: string } = { secret: shared(issuer) }) => putTokenIssuer(db, at(1), { current: master }, organisationId, { issuer, key: keyId, ...proof });
  const named = (count: number): string[] => Array.from({ length: count }, (_, n) => (n === 0 ? "" : `https://i${n}.example`));
  /** Its proof for a Worker that has only these master secrets. */
  const proofOf = async (issuer: string, known: { current: string; previous?: string } = masters) => (await new TokenIssuers(db, known).find(issuer, 0))?.proof;

  beforeEach(async () => {
    await db.prepare("INSERT OR IGNORE INTO api_keys (id, organisation_id, name, policy, created_at) VALUES (?1, ?2, 'test', '{}', 0)").bind(keyId, organisationId).run();
  });

  test("are sealed anew with the credentials, page by page; published keys have none, and are left alone", async () => {
    await fill(70);
    for (const issuer of named(70)) await put(issuer);
    await put("https://keys.example", old, { jwksUrl: "https://keys.example/jwks" });
    expect(await proofOf("", { current: masters.current }).catch((error: Error) => error.message)).toContain("cannot be opened");
    expect(await reseal()).toEqual({ resealed: 140, left: 0 });
    await allUnderTheNew();
    for (const issuer of named(70)) expect(await proofOf(issuer, { current: masters.current })).toEqual({ secret: shared(issuer) });
    expect(await proofOf("https://keys.example", { current: masters.current })).toEqual({ url: "https://keys.example/jwks" });
    expect(await reseal()).toEqual({ resealed: 0, left: 0 });
  });

  test("do not open for another organisation, nor as a provider's credential", async () => {
    await put("");
    await reseal();
    const row = (await db.prepare("SELECT iv, ciphertext, sealed_by AS sealedBy FROM token_issuers").first<SealedCredential>())!;
    await expect(openCredential(masters.current, owner("openai"), row)).rejects.toThrow("cannot be opened");
    await expect(openCredential(masters.current, { organisationId: "org_other", provider: "token-issuer" }, row)).rejects.toThrow("cannot be opened");
    expect(await openCredential(masters.current, owner("token-issuer"), row)).toBe(shared(""));
  });

  test.each<[string, () => Promise<unknown>, unknown, number]>([
    ["another secret under the new master secret stands", () => put("", masters.current, { secret: "a-newer-shared-secret" }), { secret: "a-newer-shared-secret" }, 0],
    ["another secret by who only knows the old one stands, and is left for the next call", () => put("", old, { secret: "a-newer-shared-secret" }), { secret: "a-newer-shared-secret" }, 1],
    ["published keys in its place stand", () => put("", old, { jwksUrl: "https://keys.example/jwks" }), { url: "https://keys.example/jwks" }, 0],
    ["a removal stands", () => deleteTokenIssuer(db, at(7), organisationId, ""), undefined, 0],
  ])("when one is edited between reading a page and writing it: %s", async (_, edit, expected, left) => {
    for (const issuer of named(3)) await put(issuer);
    expect(await reseal(interrupted(1, edit))).toEqual({ resealed: 2, left });
    expect(await proofOf("")).toEqual(expected);
    expect((await reseal()).left).toBe(0);
  });

  test("one that neither secret opens is told by its issuer, and holds up no other", async () => {
    const said = vi.spyOn(console, "error").mockImplementation(() => {});
    await put("https://lost.example", "a-third-master-secret-of-at-least-32-characters");
    await put("https://kept.example");
    expect(await reseal()).toEqual({ resealed: 1, left: 1 });
    expect(said.mock.calls.flat().map((line) => JSON.parse(line as string))).toEqual([{ level: "error", event: "credential_not_opened", ...owner("token-issuer"), issuer: "https://lost.example" }]);
    expect(await proofOf("https://kept.example", { current: masters.current })).toEqual({ secret: shared("https://kept.example") });
  });

  test("a call that dies half-way leaves each openable, and the next one ends it", async () => {
    await fill(50);
    for (const issuer of named(60)) await put(issuer);
    await expect(reseal(interrupted(2, () => Promise.reject(new Error("the isolate is gone"))))).rejects.toThrow("the isolate is gone");
    for (const issuer of named(60)) expect(await proofOf(issuer)).toEqual({ secret: shared(issuer) });
    expect(await reseal()).toEqual({ resealed: 60, left: 0 });
    expect(await proofOf("", { current: masters.current })).toEqual({ secret: shared("") });
  });
});
