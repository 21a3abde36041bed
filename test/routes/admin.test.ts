import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { app, done, newOrganisation, opens, send, type Json, type Sent } from "./admin-api.ts";

let org: string;
beforeEach(async () => {
  org = await newOrganisation();
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
    await done(`PUT /organisations/${org}/members/bob@example.org`, { role: "developer" });
    expect(await done(`PUT /organisations/${org}/members/ada%40example.org`, { role: "admin" })).toEqual({ ...added, role: "admin" });
    const { data } = await done(`GET /organisations/${org}/members`);
    expect(data.map(({ email, role }: Json) => [email, role])).toEqual([["ada@example.org", "admin"], ["bob@example.org", "developer"]]);
    expect((await send(`DELETE /organisations/${org}/members/ada@example.org`)).status).toBe(204);
    expect((await done(`GET /organisations/${org}/members`)).data).toHaveLength(1);
  });

  test("errors", async () => {
    expect((await send(`PUT /organisations/${org}/members/nobody`, { body: { role: "developer" } })).json.error).toMatchObject({ code: "invalid_request", param: "email" });
    expect((await send(`PUT /organisations/${org}/members/a@b.co`, { body: { role: "king" } })).json.error).toMatchObject({ code: "invalid_request", param: "role" });
    expect((await send("PUT /organisations/nobody/members/a@b.co", { body: { role: "developer" } })).status).toBe(404);
    expect((await send("GET /organisations/nobody/members")).status).toBe(404);
    expect((await send(`DELETE /organisations/${org}/members/a@b.co`)).status).toBe(404);
  });
});

describe("plans", () => {
  test("are put, replaced as a whole and listed", async () => {
    expect(await done(`PUT /plans/${org}`, { limits: { monthlyTokens: 5 } })).toEqual({ id: org, limits: { monthlyTokens: 5 }, joint: {}, sovereign: true });
    await done(`PUT /plans/${org}`, { limits: { monthlyNanoUsd: 6_000_000_000 } });
    expect((await done("GET /plans")).data).toContainEqual({ id: org, limits: { monthlyNanoUsd: 6_000_000_000 }, joint: {}, sovereign: true });
  });

  test.each([{}, { limits: { rpm: 5 } }, { limits: { requestsPerMinute: 1.5 } }, { limits: { requestsPerMinute: null } }])("%j is refused", async (body) => {
    expect((await send(`PUT /plans/${org}`, { body })).json.error.code).toBe("invalid_request");
  });
});

describe("credentials", () => {
  test("go in, are never seen again, and serve this organisation's keys", async () => {
    const key = await newKey();
    const put = await send(`PUT /organisations/${org}/credentials/openai`, { body: { secret: " sk-canary-own\n" } });
    expect(put.json).toEqual({ provider: "openai", only: true, createdAt: expect.any(String) });
    const listed = await send(`GET /organisations/${org}/credentials`);
    expect(listed.json.data).toEqual([put.json]);
    const seen = [put, listed, await send(`GET /organisations/${org}`), await send(`GET /audit?organisation=${org}&limit=100`)];
    for (const { text } of seen) expect(text).not.toContain("canary");
    const principal = await opens(key.secret);
    expect("credentials" in principal && principal.credentials.get("openai")?.secret).toBe("sk-canary-own");
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
    const everyone = await done(`PUT /aliases/${name}`, { targets: ["openai/b", "groq/a"], confirm: true });
    expect(everyone).toEqual({ organisation: null, name, targets: ["openai/b", "groq/a"], pick: "order", hedges: false, continues: false });
    const own = await done(`PUT /aliases/${name}`, { organisation: org, targets: ["x", { name: "groq/*", weight: 3 }, { name: "y" }], pick: "weighted", hedges: true });
    expect(own).toEqual({ organisation: org, name, targets: ["x", { name: "groq/*", weight: 3 }, "y"], pick: "weighted", hedges: true, continues: false });
    await done(`PUT /aliases/${name}`, { targets: ["z", "y", "x"], confirm: true });
    expect((await done("GET /aliases")).data).toEqual(expect.arrayContaining([{ ...everyone, targets: ["z", "y", "x"] }, own]));
    expect((await done(`GET /aliases?organisation=${org}`)).data).toEqual([own]);
    expect((await send(`DELETE /aliases/${name}?organisation=${org}`)).status).toBe(204);
    expect((await done(`GET /aliases?organisation=${org}`)).data).toEqual([]);
    expect((await done("GET /aliases")).data).toContainEqual({ ...everyone, targets: ["z", "y", "x"] });
  });

  test.each<[string, unknown, string]>([
    ["PUT /aliases/mine", { targets: [] }, "targets"],
    ["PUT /aliases/mine", { targets: ["a"], organisation: "nobody" }, "organisation"],
    ["PUT /aliases/mine", { targets: ["a*"] }, "targets[0]"],
    ["PUT /aliases/mine", { targets: [{ name: "a", weight: -1 }] }, "targets[0].weight"],
    ["PUT /aliases/mine", { targets: [{ name: "a", weight: 0 }], pick: "weighted" }, "targets"],
    ["PUT /aliases/mine", { targets: ["a"], pick: "best" }, "pick"],
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
