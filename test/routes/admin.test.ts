import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { beforeEach, describe, expect, test } from "vitest";
import { principalSource } from "../../src/accounts/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { admin } from "../../src/routes/admin.ts";
import type { App } from "../../src/routes/context.ts";

const app = new Hono<App>().route("/admin", admin);
app.onError((error, c) =>
  error instanceof GatewayError
    ? c.json({ error: { code: error.code, message: error.message, param: error.detail.param ?? null } }, error.status as 400)
    : c.json({ error: { code: "internal_error", message: String(error), param: null } }, 500),
);

type Json = Record<string, any>;
type Sent = { body?: unknown; raw?: BodyInit; headers?: Record<string, string>; secret?: string };

async function send(call: string, { body, raw, headers = {}, secret = env.ADMIN_SECRET }: Sent = {}, bindings: object = env) {
  const [method, path] = call.split(" ") as [string, string];
  const response = await app.request(`/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${secret}`, ...((body !== undefined || raw !== undefined) && { "content-type": "application/json" }), ...headers },
    body: raw ?? (body === undefined ? undefined : JSON.stringify(body)),
  }, bindings);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: (text === "" ? {} : JSON.parse(text)) as Json };
}

/** Sends what must succeed. */
async function done(call: string, body?: unknown): Promise<Json> {
  const answer = await send(call, { body });
  expect(answer.status, `${call} ${answer.text}`).toBeLessThan(300);
  return answer.json;
}

/** What the key's Durable Object has adopted. */
const adopted = (keyId: string): Promise<Json | undefined> =>
  runInDurableObject(env.KEY_METER.getByName(keyId), (meter) => (meter as unknown as { policy?: Json }).policy);

const { KEY_PEPPER: pepper, CREDENTIALS_SECRET: master } = isolateOf(env).settings;
const opens = (secret: string, nowMs = Date.now()) => principalSource(env.DB, { pepper, master })(secret, nowMs);

let count = 0;
let org: string;
beforeEach(async () => {
  org = `admin-${count++}-${crypto.randomUUID().slice(0, 8)}`;
  await done("POST /organisations", { id: org, name: "Acme" });
});

const newKey = (more: Json = {}): Promise<Json> => done("POST /keys", { organisation: org, name: "ci", ...more });

describe("access", () => {
  test.each<[string, string | undefined]>([
    ["nothing", undefined],
    ["a wrong secret", "Bearer wrong"],
    ["an empty bearer", "Bearer "],
    ["the secret without a scheme", env.ADMIN_SECRET],
    ["a secret that is longer", `Bearer ${env.ADMIN_SECRET}x`],
    ["a secret that is shorter", `Bearer ${env.ADMIN_SECRET.slice(0, -1)}`],
    ["another scheme", `Basic ${env.ADMIN_SECRET}`],
  ])("%s is refused, for every method and path", async (_, authorization) => {
    for (const call of ["GET /keys", "POST /organisations", "PUT /plans/default", "DELETE /aliases/auto", "GET /nowhere"]) {
      const [method, path] = call.split(" ") as [string, string];
      const response = await app.request(`/admin${path}`, { method, headers: { ...(authorization !== undefined && { authorization }) } }, env);
      expect([response.status, (await response.json<Json>()).error.code]).toEqual([401, "invalid_admin_secret"]);
      expect(response.headers.get("cache-control")).toBe("private, no-store");
    }
  });

  test("an API key is no admin secret", async () => {
    const { secret } = await newKey();
    expect((await send("GET /keys", { secret })).json.error.code).toBe("invalid_admin_secret");
  });

  test("no answer may be cached", async () => {
    for (const call of ["GET /keys", `GET /organisations/${org}`, "GET /keys/key_none", "POST /keys"]) {
      expect((await send(call)).headers.get("cache-control")).toBe("private, no-store");
    }
  });
});

describe("bodies", () => {
  test.each<[string, Sent, string, string | null]>([
    ["no content-type", { raw: new TextEncoder().encode("{}"), headers: { "content-type": "" } }, "unsupported_media_type", null],
    ["a form", { raw: "name=x", headers: { "content-type": "application/x-www-form-urlencoded" } }, "unsupported_media_type", null],
    ["a type that only begins alike", { raw: "{}", headers: { "content-type": "application/jsonx" } }, "unsupported_media_type", null],
    ["broken JSON", { raw: '{"name":' }, "invalid_json", null],
    ["nothing", { raw: "" }, "invalid_json", null],
    ["bytes that are not UTF-8", { raw: new Uint8Array([0x22, 0xff, 0x22]) }, "invalid_json", null],
    ["an array", { body: [] }, "invalid_request", null],
    ["a missing field", { body: {} }, "invalid_request", "name"],
    ["an unknown field", { body: { name: "x", owner: "y" } }, "invalid_request", null],
    ["a wrong type", { body: { name: "x", sovereign: "yes" } }, "invalid_request", "sovereign"],
    ["a body of more than 64 KiB", { body: { name: "x".repeat(70_000) } }, "request_too_large", null],
  ])("%s is refused", async (_, sent, code, param) => {
    const { json } = await send("POST /organisations", sent);
    expect(json.error).toMatchObject({ code, param });
  });

  test("a stream without a length is cut at the limit", async () => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({ pull(controller) { controller.enqueue(new Uint8Array(16_384).fill(0x20)); sent += 16_384; } });
    const request = new Request("http://forge/admin/organisations", {
      method: "POST", body: endless, headers: { authorization: `Bearer ${env.ADMIN_SECRET}`, "content-type": "application/json; charset=utf-8" },
    });
    const response = await app.request(request, undefined, env);
    expect(response.status).toBe(413);
    expect(sent).toBeLessThan(200_000);
  });

  test("a path into nested fields names the place", async () => {
    const limits = await send("POST /keys", { body: { organisation: org, name: "x", policy: { limits: { requestsPerMinute: -1 } } } });
    expect(limits.json.error.param).toBe("policy.limits.requestsPerMinute");
    const targets = await send("PUT /aliases/mine", { body: { targets: ["a", ""] } });
    expect(targets.json.error.param).toBe("targets[1]");
  });
});

describe("organisations", () => {
  test("are created with and without an id, read, listed and changed", async () => {
    const made = await send("POST /organisations", { body: { name: " Beta ", sovereign: true } });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ id: expect.stringMatching(/^org_[0-9A-Za-z]{24}$/), name: "Beta", plan: "default", sovereign: true, createdAt: expect.stringMatching(/Z$/) });
    expect(await done(`GET /organisations/${made.json.id}`)).toEqual(made.json);
    const changed = await done(`PATCH /organisations/${made.json.id}`, { sovereign: false, name: "Gamma" });
    expect(changed).toEqual({ ...made.json, sovereign: false, name: "Gamma" });
    expect(await done(`GET /organisations/${made.json.id}`)).toEqual(changed);
  });

  test("are listed page by page, each once", async () => {
    for (let i = 0; i < 4; i++) await done("POST /organisations", { id: `${org}-${i}`, name: "x" });
    const seen: string[] = [];
    for (let after = `${org}`, more = true; more;) {
      const { data, next } = await done(`GET /organisations?limit=2&after=${after}`);
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data.map(({ id }: Json) => id));
      more = next !== null && seen.length < 4;
      after = next;
    }
    expect(seen.slice(0, 4)).toEqual([0, 1, 2, 3].map((i) => `${org}-${i}`));
  });

  test.each<[string, string, unknown, number, string]>([
    ["a taken id", "POST /organisations", { id: "ORG", name: "x" }, 409, "conflict"],
    ["an id with a slash", "POST /organisations", { id: "a/b", name: "x" }, 400, "invalid_request"],
    ["an id with a bar", "POST /organisations", { id: "a|b", name: "x" }, 400, "invalid_request"],
    ["an unknown plan", "POST /organisations", { name: "x", plan: "gold" }, 400, "invalid_request"],
    ["a change to an unknown plan", "PATCH /organisations/ORG", { plan: "gold" }, 400, "invalid_request"],
    ["a change of nobody", "PATCH /organisations/nobody", { name: "x" }, 404, "not_found"],
    ["a look at nobody", "GET /organisations/nobody", undefined, 404, "not_found"],
    ["a page of nothing", "GET /organisations?limit=0", undefined, 400, "invalid_request"],
    ["an unknown parameter", "GET /organisations?page=2", undefined, 400, "invalid_request"],
  ])("%s is refused", async (_, call, body, status, code) => {
    const answer = await send(call.replace("ORG", org), { body: body && JSON.parse(JSON.stringify(body).replace("ORG", org)) });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
  });
});

describe("members", () => {
  test("are added, given another role, listed and removed", async () => {
    const added = await done(`PUT /organisations/${org}/members/Ada@Example.org`, { role: "owner" });
    expect(added).toMatchObject({ email: "ada@example.org", role: "owner" });
    await done(`PUT /organisations/${org}/members/bob@example.org`, { role: "member" });
    expect(await done(`PUT /organisations/${org}/members/ada%40example.org`, { role: "admin" })).toEqual({ ...added, role: "admin" });
    const { data } = await done(`GET /organisations/${org}/members`);
    expect(data.map(({ email, role }: Json) => [email, role])).toEqual([["ada@example.org", "admin"], ["bob@example.org", "member"]]);
    expect((await send(`DELETE /organisations/${org}/members/ada@example.org`)).status).toBe(204);
    expect((await done(`GET /organisations/${org}/members`)).data).toHaveLength(1);
  });

  test("errors", async () => {
    expect((await send(`PUT /organisations/${org}/members/nobody`, { body: { role: "member" } })).json.error).toMatchObject({ code: "invalid_request", param: "email" });
    expect((await send(`PUT /organisations/${org}/members/a@b.co`, { body: { role: "king" } })).json.error).toMatchObject({ code: "invalid_request", param: "role" });
    expect((await send("PUT /organisations/nobody/members/a@b.co", { body: { role: "member" } })).status).toBe(404);
    expect((await send("GET /organisations/nobody/members")).status).toBe(404);
    expect((await send(`DELETE /organisations/${org}/members/a@b.co`)).status).toBe(404);
  });
});

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
      keyId: key.id, organisationId: org, version: 2, enabled: true, expiresAtMs: Date.UTC(2099, 0, 1), limits: { requestsPerMinute: 5, tokensPerMinute: 9 },
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
    await done(`PUT /organisations/${org}/members/a@b.co`, { role: "member" });
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

describe("plans", () => {
  test("are put, replaced as a whole and listed", async () => {
    expect(await done(`PUT /plans/${org}`, { limits: { monthlyTokens: 5 } })).toEqual({ id: org, limits: { monthlyTokens: 5 } });
    await done(`PUT /plans/${org}`, { limits: { monthlyNanoUsd: 6_000_000_000 } });
    expect((await done("GET /plans")).data).toContainEqual({ id: org, limits: { monthlyNanoUsd: 6_000_000_000 } });
  });

  test.each([{}, { limits: { rpm: 5 } }, { limits: { requestsPerMinute: 1.5 } }, { limits: { requestsPerMinute: null } }])("%j is refused", async (body) => {
    expect((await send(`PUT /plans/${org}`, { body })).json.error.code).toBe("invalid_request");
  });
});

describe("credentials", () => {
  test("go in, are never seen again, and serve this organisation's keys", async () => {
    const key = await newKey();
    const put = await send(`PUT /organisations/${org}/credentials/openai`, { body: { secret: " sk-canary-own\n" } });
    expect(put.json).toEqual({ provider: "openai", createdAt: expect.any(String) });
    const listed = await send(`GET /organisations/${org}/credentials`);
    expect(listed.json.data).toEqual([put.json]);
    const seen = [put, listed, await send(`GET /organisations/${org}`), await send(`GET /audit?organisation=${org}&limit=100`)];
    for (const { text } of seen) expect(text).not.toContain("canary");
    const principal = await opens(key.secret);
    expect("credentials" in principal && principal.credentials.get("openai")).toBe("sk-canary-own");
    expect((await send(`DELETE /organisations/${org}/credentials/openai`)).status).toBe(204);
    expect((await done(`GET /organisations/${org}/credentials`)).data).toEqual([]);
  });

  test("errors", async () => {
    const body = { secret: "x" };
    expect((await send(`PUT /organisations/${org}/credentials/opneai`, { body })).json.error.code).toBe("not_found");
    expect((await send("PUT /organisations/nobody/credentials/openai", { body })).status).toBe(404);
    expect((await send("GET /organisations/nobody/credentials")).status).toBe(404);
    expect((await send(`DELETE /organisations/${org}/credentials/openai`)).status).toBe(404);
    for (const secret of ["", "two\nlines", "ümlaut", 5]) {
      expect((await send(`PUT /organisations/${org}/credentials/openai`, { body: { secret } })).json.error).toMatchObject({ code: "invalid_request", param: "secret" });
    }
  });
});

describe("aliases", () => {
  test("are put for everyone or one organisation, keep their order, are listed and removed", async () => {
    const name = `fast-${org}`;
    const everyone = await done(`PUT /aliases/${name}`, { targets: ["openai/b", "groq/a"] });
    expect(everyone).toEqual({ organisation: null, name, targets: ["openai/b", "groq/a"] });
    const own = await done(`PUT /aliases/${name}`, { organisation: org, targets: ["x"] });
    await done(`PUT /aliases/${name}`, { targets: ["z", "y", "x"] });
    expect((await done("GET /aliases")).data).toEqual(expect.arrayContaining([{ ...everyone, targets: ["z", "y", "x"] }, own]));
    expect((await done(`GET /aliases?organisation=${org}`)).data).toEqual([own]);
    expect((await send(`DELETE /aliases/${name}?organisation=${org}`)).status).toBe(204);
    expect((await done(`GET /aliases?organisation=${org}`)).data).toEqual([]);
    expect((await done("GET /aliases")).data).toContainEqual({ ...everyone, targets: ["z", "y", "x"] });
  });

  test.each<[string, unknown, string]>([
    ["PUT /aliases/mine", { targets: [] }, "targets"],
    ["PUT /aliases/mine", { targets: ["a"], organisation: "nobody" }, "organisation"],
    ["PUT /aliases/-mine", { targets: ["a"] }, "name"],
    ["PUT /aliases/a%2Fb", { targets: ["a"] }, "name"],
  ])("%s %j is refused", async (call, body, param) => {
    expect((await send(call, { body })).json.error).toMatchObject({ code: "invalid_request", param });
  });

  test("removing none is a 404", async () => {
    expect((await send("DELETE /aliases/none")).status).toBe(404);
  });
});

describe("the audit trail", () => {
  test("has one event for each change, newest first, and no secret", async () => {
    const { id, secret } = await newKey();
    await done(`PATCH /keys/${id}`, { name: "new" });
    const { secret: second } = await done(`POST /keys/${id}/rotate`);
    await done(`POST /keys/${id}/revoke`);
    await done(`PATCH /organisations/${org}`, { sovereign: true });
    await done(`PUT /organisations/${org}/members/a@b.co`, { role: "owner" });
    await done(`DELETE /organisations/${org}/members/a@b.co`);
    await done(`PUT /organisations/${org}/credentials/openai`, { secret: "sk-canary" });
    await done(`DELETE /organisations/${org}/credentials/openai`);
    await done("PUT /aliases/mine", { organisation: org, targets: ["a"] });
    await done(`DELETE /aliases/mine?organisation=${org}`);
    await done(`PUT /plans/${org}`, { limits: {} });
    const { text, json } = await send(`GET /audit?organisation=${org}&limit=100`);
    expect(json.data.map(({ action, subject }: Json) => `${action} ${subject}`).sort()).toEqual([
      "alias.delete mine", "alias.put mine", "credential.delete openai", "credential.put openai", `key.create ${id}`, `key.revoke ${id}`,
      `key.rotate ${id}`, `key.update ${id}`, "member.delete a@b.co", "member.put a@b.co", `organisation.create ${org}`, `organisation.update ${org}`,
    ]);
    expect(json.data.map(({ at }: Json) => at)).toEqual(json.data.map(({ at }: Json) => at).sort().reverse());
    expect(json.data.find(({ action }: Json) => action === "organisation.update")).toMatchObject({
      id: expect.stringMatching(/^evt_/), actor: "admin", organisation: org, detail: { sovereign: true },
    });
    for (const each of [secret, second, "sk-canary"]) expect(text).not.toContain(each);
    expect((await done("GET /audit?limit=100")).data).toContainEqual(expect.objectContaining({ action: "plan.put", subject: org, organisation: null }));
  });

  test("is read page by page, each event once", async () => {
    for (let i = 0; i < 6; i++) await done(`PATCH /organisations/${org}`, { name: `n${i}` });
    const seen: string[] = [];
    for (let before: string | null = ""; before !== null;) {
      const { data, next }: Json = await done(`GET /audit?organisation=${org}&limit=3${before && `&before=${before}`}`);
      seen.push(...data.map(({ id }: Json) => id));
      before = next;
    }
    expect(new Set(seen).size).toBe(7);
    expect(seen).toHaveLength(7);
    expect((await send("GET /audit?before=yesterday")).json.error.param).toBe("before");
  });
});
