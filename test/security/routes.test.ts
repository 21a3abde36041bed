/** What every route owes whoever knocks. The table is routes.ts: one line per route. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { mintSecret } from "../../src/accounts/api-key.ts";
import { filled, methodOf, routes, type Route } from "./routes.ts";
import { admin, allRoutes, bearer, call, chatBody, expectLasting, expectRefusal, expectSealed, fillCatalog, newKey, outside, prompts, send, type Key } from "./stage.ts";

let good: Key;
let revoked: Key;
let expired: Key;
let others: Key;
let suspended: Key;

beforeAll(async () => {
  outside();
  await fillCatalog();
  [good, revoked, expired, others, suspended] = await Promise.all([newKey({ managesKeys: true }), newKey(), newKey(), newKey(), newKey()]) as [Key, Key, Key, Key, Key];
  // Used once, so that the isolate and the key's object know them: a cold key is easy to refuse.
  for (const { secret } of [revoked, expired, suspended]) expect((await call(secret, "POST", "/v1/chat/completions", chatBody)).status).toBe(200);
  await admin("POST", `/keys/${revoked.id}/revoke`);
  await admin("PUT", `/organisations/${suspended.organisation}/suspension`, { reason: "Unpaid" });
  await admin("PATCH", `/keys/${expired.id}`, { expiresAt: "2020-01-01T00:00:00Z" });
});
afterEach(() => void vi.restoreAllMocks());

const knock = (route: Route, headers: Record<string, string>, body: unknown = route.body): Promise<Response> =>
  send(filled(route.path, { organisation: good.organisation, key: good.id }), {
    method: methodOf(route),
    headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

const rights = (route: Route): Record<string, string> => (route.by === "key" ? bearer(good.secret) : route.by === "admin" ? bearer(env.ADMIN_SECRET) : {});

test("the table has every route of the Worker, and no other", () => {
  expect(routes.map(({ route }) => route).sort()).toEqual(allRoutes());
});

/** Headers that open nothing, with the code for a route that wants a key. */
const strangers: [string, () => Record<string, string>, string][] = [
  ["no key", () => ({}), "missing_api_key"],
  ["an empty key", () => bearer(""), "missing_api_key"],
  ["a key without its scheme", () => ({ authorization: good.secret }), "missing_api_key"],
  ["another scheme", () => ({ authorization: `Basic ${btoa(`${good.secret}:`)}` }), "missing_api_key"],
  ["a key with something behind it", () => bearer(`${good.secret} x`), "missing_api_key"],
  ["a key with a comma behind it", () => bearer(`${good.secret}, ${bearer(good.secret).authorization}`), "missing_api_key"],
  ["a malformed key", () => bearer("sk-forge-nonsense"), "invalid_api_key"],
  ["a key with a typing error", () => bearer(good.secret.slice(0, -1) + (good.secret.endsWith("0") ? "1" : "0")), "invalid_api_key"],
  ["a key that is too short by one", () => bearer(good.secret.slice(0, -1)), "invalid_api_key"],
  ["a key of 100 KB", () => bearer("a".repeat(100_000)), "invalid_api_key"],
  ["a well-formed key that nobody made", () => bearer(mintSecret("sk-forge-")), "invalid_api_key"],
  ["a wrong key before a right one", () => ({ ...bearer("sk-forge-nonsense"), "x-api-key": good.secret }), "invalid_api_key"],
  ["the pepper", () => bearer(env.KEY_PEPPER), "invalid_api_key"],
  ["a revoked key", () => bearer(revoked.secret), "key_revoked"],
  ["an expired key", () => bearer(expired.secret), "key_expired"],
];

describe.each(routes.filter(({ by }) => by !== "anyone").map((route) => [route.route, route] as const))("%s", (_, route) => {
  test.each(strangers)("refuses %s", async (_, headers, code) => {
    const left = outside();
    const response = await knock(route, headers());
    await expectRefusal(response, 401, route.by === "key" ? code : "invalid_admin_secret", route.shape);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(prompts(left)).toEqual([]);
  });

  test("is closed to a key whose organisation is suspended", async () => {
    const left = outside();
    if (route.by !== "key") return;
    const response = await knock(route, bearer(suspended.secret));
    await expectRefusal(response, 403, "organisation_suspended", route.shape);
    expect([response.headers.get("x-should-retry"), prompts(left)]).toEqual(["false", []]);
  });

  test("is closed to the other kind of secret", async () => {
    outside();
    const [other, code] = route.by === "key" ? [env.ADMIN_SECRET, "invalid_api_key"] : [good.secret, "invalid_admin_secret"];
    await expectRefusal(await knock(route, bearer(other)), 401, code, route.shape);
    if (route.by === "admin") await expectRefusal(await knock(route, { "x-api-key": env.ADMIN_SECRET }), 401, "invalid_admin_secret");
  });

  test("is closed to a key on the request after its revocation, also when that request is wrong", async () => {
    outside();
    if (route.by !== "key") return;
    const wrong = route.body ? [route.body, {}, { ...route.body, model: "no-such-model" }, { ...route.body, model: "ollama/x" }] : [undefined];
    for (const body of wrong) {
      // The isolate holds the key: what must not matter is what it remembers.
      const key = await newKey();
      expect((await call(key.secret, "POST", "/v1/chat/completions", chatBody)).status).toBe(200);
      await admin("POST", `/keys/${key.id}/revoke`);
      await expectRefusal(await knock(route, bearer(key.secret), body), 401, "key_revoked", route.shape);
    }
  });
});

describe.each(routes.map((route) => [route.route, route] as const))("%s", (_, route) => {
  test("takes only its methods", async () => {
    outside();
    const path = filled(route.path, { organisation: good.organisation, key: good.id });
    const shape = (text: string): string => text.replace(/:\w+(\{[^}]*\})?/g, "?");
    const own = routes.filter((one) => shape(one.route.split(" ")[1]!) === shape(route.route.split(" ")[1]!)).map(methodOf);
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"].filter((one) => !own.includes(one))) {
      const response = await send(path, { method, headers: rights(route) });
      await expectRefusal(response, 405, "method_not_allowed", route.shape);
      expect(response.headers.get("allow")!.split(", ").sort()).toEqual([...new Set(own)].sort());
    }
  });

  test("takes no body but JSON in UTF-8", async () => {
    outside();
    if (!route.body) return;
    const path = filled(route.path, { organisation: good.organisation, key: good.id });
    for (const type of ["text/plain", "application/x-www-form-urlencoded", ...(route.form ? [] : ["multipart/form-data; boundary=x"]), "application/jsonx", "text/json"]) {
      await expectRefusal(await send(path, { method: methodOf(route), headers: { ...rights(route), "content-type": type }, body: "{}" }), 415, "unsupported_media_type", route.shape);
    }
    for (const bytes of [new Uint8Array([0x7b, 0xff, 0x7d]), new TextEncoder().encode('{"a":'), new TextEncoder().encode("{} {}"), new TextEncoder().encode("[".repeat(60_000))]) {
      await expectRefusal(await send(path, { method: methodOf(route), headers: { ...rights(route), "content-type": "application/json" }, body: bytes }), 400, "invalid_json", route.shape);
    }
  });

  test("seals its answer", async () => {
    outside();
    if (methodOf(route) === "GET") (route.lasts ? expectLasting : expectSealed)(await knock(route, rights(route)));
  });
});

describe("tenants never meet", () => {
  test("another organisation's requests, usage, aliases and models are not there", async () => {
    outside();
    const mine = await newKey({ usageScope: "organisation" });
    const theirs = await newKey({ usageScope: "organisation" });
    await admin("PUT", "/aliases/ours-only", { organisation: mine.organisation, targets: ["openai/gpt-test"] });
    const asked = await call(mine.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "ours-only" });
    expect(asked.status).toBe(200);
    const id = asked.headers.get("x-request-id");
    await vi.waitFor(async () => expect((await call(mine.secret, "GET", `/dashboard/requests/${id}`)).status).toBe(200));
    expect((await (await call(mine.secret, "GET", "/dashboard/usage")).json<any>()).totals.requests).toBe(1);

    for (const key of [theirs, others]) {
      await expectRefusal(await call(key.secret, "GET", `/dashboard/requests/${id}`), 404, "not_found");
      const usage = await (await call(key.secret, "GET", "/dashboard/usage")).text();
      expect(JSON.parse(usage).totals.requests).toBe(0);
      expect(usage).not.toContain(mine.id);
      expect(await (await call(key.secret, "GET", "/v1/models")).text()).not.toContain("ours-only");
      for (const model of ["ours-only", `${mine.organisation}/ours-only`, `/${mine.organisation}/ours-only`]) {
        const { message } = await expectRefusal(await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model }), 404, "model_not_found");
        expect(message).not.toMatch(/Did you mean.*ours-only/);
      }
    }
  });

  test("a key sees its own usage only, unless its policy shows it the organisation's", async () => {
    outside();
    const mine = await newKey();
    const colleague = await newKey({}, mine.organisation);
    const lead = await newKey({ usageScope: "organisation" }, mine.organisation);
    const asked = await call(mine.secret, "POST", "/v1/chat/completions", chatBody);
    await asked.body?.cancel();
    await vi.waitFor(async () => expect((await (await call(mine.secret, "GET", "/dashboard/usage")).json<any>()).totals.requests).toBe(1));
    const requests = async ({ secret }: Key): Promise<number> => (await (await call(secret, "GET", "/dashboard/usage")).json<any>()).totals.requests as number;
    expect([await requests(colleague), await requests(lead)]).toEqual([0, 1]);
    await expectRefusal(await call(colleague.secret, "GET", `/dashboard/requests/${asked.headers.get("x-request-id")}`), 404, "not_found");
  });

  test("one organisation's credential opens nothing for another", async () => {
    const left = outside();
    const mine = await newKey();
    await admin("PUT", `/organisations/${mine.organisation}/credentials/openai`, { secret: "sk-of-one-organisation-only" });
    await call(mine.secret, "POST", "/v1/chat/completions", chatBody);
    await call(others.secret, "POST", "/v1/chat/completions", chatBody);
    expect(prompts(left).map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer sk-of-one-organisation-only", "Bearer sk-upstream-canary-0123456789"]);
  });
});

describe("an allow-list", () => {
  const forbidden = [
    "secret-test", "openai/secret-test", "OPENAI/secret-test", "openai/Secret-Test", "openai/gpt-test/../secret-test", "openai/secret-test?", "groq/secret-test",
    "selfhosted/secret-test", "selfhosted/local-test", "local-test", "hidden", "azure/secret-test",
  ];

  test("holds under every spelling of a model, and shows only what it lets through", async () => {
    const left = outside();
    await admin("PUT", "/aliases/hidden", { targets: ["openai/secret-test", "selfhosted/local-test"] });
    const { secret } = await newKey({ models: ["gpt-test"] });
    for (const model of forbidden) {
      const response = await call(secret, "POST", "/v1/chat/completions", { ...chatBody, model });
      expect([model, response.status]).toEqual([model, expect.toBeOneOf([403, 404, 503])]);
      expect(await response.text()).not.toMatch(/Did you mean.*secret-test/);
    }
    const list = (await (await call(secret, "GET", "/v1/models")).json<any>()).data.map(({ id }: { id: string }) => id);
    expect(list).toEqual(["gpt-test", "groq/gpt-test", "openai/gpt-test"]);
    await expectRefusal(await call(secret, "GET", "/v1/models/openai/secret-test"), 404, "model_not_found");
    expect(prompts(left)).toEqual([]);
  });

  test.each([
    ["twice", '{"model":"openai/secret-test","messages":[{"role":"user","content":"x"}],"model":"gpt-test"}'],
    ["twice, once escaped", '{"model":"gpt-test","messages":[{"role":"user","content":"x"}],"\\u006dodel":"gpt-test"}'],
    ["beside one in capitals", '{"model":"gpt-test","messages":[{"role":"user","content":"x"}],"Model":"secret-test"}'],
    ["beside one with a folding letter", '{"model":"gpt-test","messages":[{"role":"user","content":"x"}],"ſtream":true}'],
  ])("cannot be talked around by a model named %s", async (_, body) => {
    const left = outside();
    const { secret } = await newKey({ models: ["gpt-test"] });
    await expectRefusal(await send("/v1/chat/completions", { method: "POST", headers: { ...bearer(secret), "content-type": "application/json" }, body }), 400, "invalid_request");
    expect(prompts(left)).toEqual([]);
  });

  test("holds for every name of a list, and no list reaches a provider", async () => {
    const left = outside(() => Response.json({ error: { message: "busy" } }, { status: 503 }));
    const { secret } = await newKey({ models: ["openai/gpt-test"] });
    const response = await call(secret, "POST", "/v1/chat/completions", { ...chatBody, model: "openai/gpt-test", models: ["secret-test", "groq/gpt-test"] });
    expect(response.status).toBe(503);
    expect(prompts(left).map(({ host, body }) => [host, body.includes("secret-test"), body.includes("models")])).toEqual([["api.openai.com", false, false]]);
  });

  test("taken away from a key is gone on its next request", async () => {
    const left = outside();
    const key = await newKey();
    expect((await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "secret-test" })).status).toBe(200);
    await admin("PATCH", `/keys/${key.id}`, { policy: { models: ["gpt-test"] } });
    await expectRefusal(await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: "secret-test" }), 403, "model_not_allowed");
    expect(prompts(left)).toHaveLength(1);
  });
});
