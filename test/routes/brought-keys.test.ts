/** Providers' keys in a request's header, through the whole Worker. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { nameOf } from "../../src/replay/identity.ts";
import { filled, methodOf, routes } from "../security/routes.ts";
import { admin, bearer, call, chatBody, expectRefusal, fillCatalog, newKey, outside, prompts, send, settled, type Key, type Left } from "../security/stage.ts";

const installations = (env as unknown as Record<string, string>).OPENAI_API_KEY!;
const mine = "sk-brought-by-a-client-0123456789";
const header = (keys: object | string = { openai: mine }): Record<string, string> => ({ "x-provider-api-keys": typeof keys === "string" ? keys : JSON.stringify(keys) });
const ask = (key: Key, headers: Record<string, string> = header(), body: object = chatBody): Promise<Response> => call(key.secret, "POST", "/v1/chat/completions", body, headers);
const sentWith = (left: Left[]): (string | null)[] => prompts(left).map(({ headers }) => headers.get("authorization"));
const allow = (key: Key, headerCredentials: boolean) => admin("PATCH", `/organisations/${key.organisation}`, { headerCredentials });

let allowed: Key;
let other: Key;
beforeAll(fillCatalog);
beforeEach(async () => {
  [allowed, other] = [await newKey(), await newKey()];
  await allow(allowed, true);
});
afterEach(() => void vi.restoreAllMocks());

describe("an organisation that allows them", () => {
  test("has its requests run on what they bring, for that provider and that request", async () => {
    const left = outside();
    for (const headers of [header(), {}, header({ groq: "gsk-brought" })]) expect((await ask(allowed, headers)).status).toBe(200);
    expect(sentWith(left)).toEqual([`Bearer ${mine}`, `Bearer ${installations}`, `Bearer ${installations}`]);
  });

  test("has them go before the credential that it stored", async () => {
    const left = outside();
    await admin("PUT", `/organisations/${allowed.organisation}/credentials/openai`, { secret: "sk-stored-by-the-organisation" });
    for (const headers of [header(), {}]) await (await ask(allowed, headers)).text();
    expect(sentWith(left)).toEqual([`Bearer ${mine}`, "Bearer sk-stored-by-the-organisation"]);
  });

  test("finds nobody's key behind one that its provider refuses, nor the header at any provider", async () => {
    const left = outside(() => Response.json({ error: { message: `Incorrect API key provided: ${mine}` } }, { status: 401 }));
    const response = await ask(allowed);
    expect([response.status, await response.text()]).toEqual([502, expect.not.stringContaining(mine)]);
    expect(sentWith(left)).toEqual([`Bearer ${mine}`]);
    for (const { headers } of left) expect([...headers.keys()]).not.toContain("x-provider-api-keys");
  });

  test("of which a key is sovereign has it stay at home all the same", async () => {
    const left = outside();
    const sovereign = await newKey({ sovereign: true }, allowed.organisation);
    await expectRefusal(await ask(sovereign), 503, "sovereign_unavailable");
    expect((await ask(sovereign, header(), { ...chatBody, model: "selfhosted/local-test" })).status).toBe(200);
    await expectRefusal(await ask(allowed, { ...header(), "x-sovereign": "true" }), 503, "sovereign_unavailable");
    expect(prompts(left).map(({ host, headers }) => [host, headers.get("authorization")])).toEqual([["self.example", null]]);
  });

  test.each(["", "sk-plain", "[]", '{"nobody":"sk"}', '{"openai":5}', '{"openai":""}', '{"openai":"{}"}'])("is told that %j is no such header", async (value) => {
    const left = outside();
    const { param } = await expectRefusal(await ask(allowed, header(value)), 400, "invalid_request");
    expect([param, prompts(left)]).toEqual(["X-Provider-API-Keys", []]);
  });
});

describe("every route that takes a key", () => {
  test.each(routes.filter(({ by }) => by === "key").map((route) => [route.route, route] as const))("%s refuses them where they are not allowed", async (_, route) => {
    const left = outside();
    const response = await send(filled(route.path, { organisation: other.organisation, key: other.id }), {
      method: methodOf(route), headers: { ...bearer(other.secret), ...header(), ...(route.body && { "content-type": "application/json" }) }, body: route.body && JSON.stringify(route.body),
    });
    const { message } = await expectRefusal(response, 403, "header_credentials_not_allowed", route.shape);
    expect(message).toContain("headerCredentials");
    expect(prompts(left)).toEqual([]);
  });
});

describe("at once", () => {
  test("they work when it is switched on, and no more when it is switched off, whatever the isolate remembers", async () => {
    const left = outside();
    expect((await ask(other, {})).status).toBe(200);
    await expectRefusal(await ask(other), 403, "header_credentials_not_allowed");
    await allow(other, true);
    expect((await ask(other)).status).toBe(200);
    await allow(other, false);
    await expectRefusal(await ask(other), 403, "header_credentials_not_allowed");
    expect(sentWith(left)).toEqual([`Bearer ${installations}`, `Bearer ${mine}`]);
  });

  test("a key that was revoked hears that and nothing else, whatever it brings", async () => {
    outside();
    for (const key of [allowed, other]) {
      expect((await ask(key, {})).status).toBe(200);
      await admin("POST", `/keys/${key.id}/revoke`);
    }
    for (const key of [allowed, other]) for (const value of [header(), header("no JSON")]) await expectRefusal(await ask(key, value), 401, "key_revoked");
  });
});

describe("with an Idempotency-Key", () => {
  const named = (keys?: object) => ({ "idempotency-key": "one", ...(keys && header(keys)) });

  test("the same keys join, other keys and none do not: another account would have paid", async () => {
    const left = outside();
    const first = await (await ask(allowed, named({ openai: mine }))).text();
    await settled(allowed);
    const again = await ask(allowed, named({ openai: mine }));
    expect([await again.text(), again.headers.get("idempotent-replayed")]).toEqual([first, "true"]);
    for (const keys of [{ openai: "sk-of-somebody-else" }, undefined]) await expectRefusal(await ask(allowed, named(keys)), 409, "idempotency_conflict");
    expect(sentWith(left)).toEqual([`Bearer ${mine}`]);
  });

  test("what is kept of the request shows none of them", async () => {
    outside();
    await (await ask(allowed, named({ openai: mine }))).text();
    await settled(allowed);
    const stub = env.IDEMPOTENT_CALL.getByName(await nameOf(allowed.id, "one"));
    const kept = await runInDurableObject(stub, (_, { storage }) => [...storage.kv.list()].map(([name, value]) => name + (value instanceof Uint8Array ? new TextDecoder().decode(value) : JSON.stringify(value))).join("\n"));
    expect(kept).toMatch(/[0-9a-f]{64}/);
    for (const form of [mine, btoa(mine), new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(mine))).toHex(), new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify({ openai: mine })))).toHex()]) expect(kept).not.toContain(form);
  });
});
