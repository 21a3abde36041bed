import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { adopted, done, newOrganisation, opens, send, type Json } from "./admin-api.ts";

let org: string;
beforeEach(async () => {
  org = await newOrganisation();
});

const newKey = (more: Json = {}): Promise<Json> => done("POST /keys", { organisation: org, name: "ci", ...more });

describe("keys", () => {
  test("are created with a secret that is shown once", async () => {
    const made = await send("POST /keys", { body: { organisation: org, name: "ci" } });
    expect(made.status).toBe(201);
    const { secret, ...shown } = made.json;
    expect(secret).toMatch(/^sk-forge-[0-9A-Za-z]{49}$/);
    expect(shown).toEqual({
      id: expect.stringMatching(/^key_[0-9A-Za-z]{24}$/), organisation: org, name: "ci", hint: `sk-forge-…${secret.slice(-4)}`,
      policy: { limits: {}, sovereign: false, usageScope: "key" }, version: 1, createdAt: expect.any(String), expiresAt: null, revokedAt: null,
      secrets: [{ hint: shown.hint, createdAt: shown.createdAt, expiresAt: null }],
    });
    const read = await send(`GET /keys/${shown.id}`);
    expect(read.json).toEqual(shown);
    expect((await send(`GET /keys?organisation=${org}`)).text).not.toContain(secret);
    expect(await opens(secret)).toMatchObject({ keyId: shown.id });
  });

  test.each(["rrt-burst-", "fl_sk_live_", "sk-priyo-"])("may start with %s", async (prefix) => {
    expect((await newKey({ prefix })).secret.startsWith(prefix)).toBe(true);
  });

  test("are listed newest first, page by page, each once, of one organisation", async () => {
    const other = await done("POST /organisations", { name: "Other" });
    await done("POST /keys", { organisation: other.id, name: "theirs" });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push((await newKey({ name: `k${i}` })).id);
    const seen: Json[] = [];
    for (let after: string | null = ""; after !== null;) {
      const { data, next }: Json = await done(`GET /keys?organisation=${org}&limit=2${after && `&after=${after}`}`);
      seen.push(...data);
      after = next;
    }
    expect(seen.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(seen.map(({ createdAt }) => createdAt)).toEqual(seen.map(({ createdAt }) => createdAt).sort().reverse());
    expect((await done("GET /keys?limit=100")).data.length).toBeGreaterThan(5);
  });

  test("change, and their Durable Object knows it at once", async () => {
    const key = await newKey({ policy: { sovereign: true, limits: { tokensPerMinute: 9 } } });
    const changed = await done(`PATCH /keys/${key.id}`, { name: "new", policy: { limits: { requestsPerMinute: 5 } }, expiresAt: "2099-01-01T01:00:00+01:00" });
    expect(changed).toMatchObject({ name: "new", version: 2, expiresAt: "2099-01-01T00:00:00.000Z", policy: { sovereign: true, limits: { tokensPerMinute: 9, requestsPerMinute: 5 } } });
    expect(await adopted(key.id)).toEqual({
      keyId: key.id, organisationId: org, keyName: "new", version: 2, enabled: true, expiresAtMs: Date.UTC(2099, 0, 1), limits: { requestsPerMinute: 5, tokensPerMinute: 9 },
    });
    expect((await done(`PATCH /keys/${key.id}`, { expiresAt: null })).expiresAt).toBeNull();
  });

  test("rotate: both secrets work for a day unless told otherwise", async () => {
    const key = await newKey();
    const before = Date.now();
    const rotated = await done(`POST /keys/${key.id}/rotate`);
    expect(rotated.secret).not.toBe(key.secret);
    expect(rotated).toMatchObject({ id: key.id, version: 2, hint: expect.stringContaining(rotated.secret.slice(-4)) });
    const ends = Date.parse(rotated.secrets[1].expiresAt);
    expect(ends - before).toBeGreaterThanOrEqual(86_400_000);
    expect(ends - before).toBeLessThan(86_460_000);
    expect(await opens(key.secret)).toMatchObject({ version: 2 });
    expect(await adopted(key.id)).toMatchObject({ version: 2, enabled: true });
    const last = await done(`POST /keys/${key.id}/rotate`, { graceSeconds: 0 });
    for (const old of [key.secret, rotated.secret]) expect(await opens(old)).toEqual({ refused: "key_expired" });
    expect(await opens(last.secret)).toMatchObject({ version: 3 });
  });

  test("are revoked, and their Durable Object knows it at once", async () => {
    const key = await newKey();
    const revoked = await done(`POST /keys/${key.id}/revoke`);
    expect(revoked).toMatchObject({ version: 2, revokedAt: expect.any(String) });
    expect(await adopted(key.id)).toMatchObject({ version: 2, enabled: false });
    expect(await opens(key.secret)).toEqual({ refused: "key_revoked" });
    expect(await done(`POST /keys/${key.id}/revoke`)).toEqual(revoked);
  });

  test.each<[string, string, unknown, number, string, string | null]>([
    ["a key for nobody", "POST /keys", { organisation: "nobody", name: "x" }, 400, "invalid_request", "organisation"],
    ["a key without a name", "POST /keys", { organisation: "x", name: " " }, 400, "invalid_request", "name"],
    ["a bad prefix", "POST /keys", { organisation: "x", name: "x", prefix: "sk" }, 400, "invalid_request", "prefix"],
    ["an end in the past", "POST /keys", { organisation: "x", name: "x", expiresAt: "2020-01-01T00:00:00Z" }, 400, "invalid_request", "expiresAt"],
    ["an end that is no time", "POST /keys", { organisation: "x", name: "x", expiresAt: "tomorrow" }, 400, "invalid_request", "expiresAt"],
    ["a change of nothing", "PATCH /keys/key_none", {}, 404, "not_found", null],
    ["a policy with a typing error", "PATCH /keys/key_none", { policy: { souvereign: true } }, 400, "invalid_request", "policy"],
    ["a bad limit", "PATCH /keys/key_none", { policy: { limits: { requestsPerMinute: 0 } } }, 400, "invalid_request", "policy.limits.requestsPerMinute"],
    ["a rotation of nothing", "POST /keys/key_none/rotate", undefined, 404, "not_found", null],
    ["a grace without end", "POST /keys/key_none/rotate", { graceSeconds: 1e9 }, 400, "invalid_request", "graceSeconds"],
    ["a revocation of nothing", "POST /keys/key_none/revoke", undefined, 404, "not_found", null],
    ["a look at nothing", "GET /keys/key_none", undefined, 404, "not_found", null],
    ["a made-up cursor", "GET /keys?after=' OR 1=1", undefined, 400, "invalid_request", "after"],
  ])("%s is refused", async (_, call, body, status, code, param) => {
    const answer = await send(call.replaceAll(/(?<=after=.*) /g, "%20"), { body });
    expect([answer.status, answer.json.error.code, answer.json.error.param]).toEqual([status, code, param]);
  });

  test("a revoked key neither changes nor rotates", async () => {
    const { id } = await newKey();
    await done(`POST /keys/${id}/revoke`);
    for (const call of [`PATCH /keys/${id}`, `POST /keys/${id}/rotate`]) expect((await send(call, { body: {} })).status).toBe(409);
  });
});

describe("what concerns many keys reaches each of their Durable Objects", () => {
  test("the plan, the organisation, its credentials", async () => {
    const keys = [await newKey(), await newKey({ policy: { limits: { requestsPerMinute: 1 } } })];
    const versions = () => Promise.all(keys.map(async ({ id }) => (await adopted(id))?.version));
    await done(`PUT /plans/${org}`, { limits: { requestsPerMinute: 77 } });
    await done(`PATCH /organisations/${org}`, { plan: org });
    expect(await versions()).toEqual([2, 2]);
    expect((await adopted(keys[0]!.id))!.limits).toEqual({ requestsPerMinute: 77 });
    expect((await adopted(keys[1]!.id))!.limits).toEqual({ requestsPerMinute: 1 });
    await done(`PUT /plans/${org}`, { limits: { concurrentRequests: 3 } });
    expect((await adopted(keys[0]!.id))!.limits).toEqual({ requestsPerMinute: 600, concurrentRequests: 3 });
    await done(`PATCH /organisations/${org}`, { sovereign: true });
    await done(`PUT /organisations/${org}/credentials/openai`, { secret: "sk-own" });
    await done(`DELETE /organisations/${org}/credentials/openai`);
    expect(await versions()).toEqual([6, 6]);
    await done(`PATCH /organisations/${org}`, { name: "only a name" });
    await done(`PUT /organisations/${org}/members/a@b.co`, { role: "developer" });
    expect(await versions()).toEqual([6, 6]);
  });

  test("more keys than are told at once", async () => {
    const ids = (await Promise.all(Array.from({ length: 60 }, () => newKey()))).map(({ id }) => id as string);
    await done(`PATCH /organisations/${org}`, { sovereign: true });
    for (const id of ids) expect(await adopted(id)).toMatchObject({ version: 2 });
  });

  test("an object that cannot be told makes the call fail, and sending it again puts it right", async () => {
    const key = await newKey();
    const broken = { ...env, KEY_METER: { getByName: () => ({ adopt: () => Promise.reject(new Error("overloaded")) }) } };
    const failed = await send(`POST /keys/${key.id}/revoke`, {}, broken);
    expect([failed.status, failed.json.error.code]).toEqual([503, "limiter_unavailable"]);
    expect(await opens(key.secret)).toEqual({ refused: "key_revoked" });
    expect(await adopted(key.id)).toBeUndefined();
    await done(`POST /keys/${key.id}/revoke`);
    expect(await adopted(key.id)).toMatchObject({ version: 2, enabled: false });
  });
});
