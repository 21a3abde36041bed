/** Credentials through the admin API: who may stand in for them, and what a change of the master secret does to them and to receipts. */
import { env } from "cloudflare:workers";
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { principalSource, TokenIssuers } from "../../src/accounts/index.ts";
import { app } from "../../src/app.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { adopted, done, newOrganisation, opens, send, type Json } from "./admin-api.ts";
import { addPricedModel, call, chatBody, newKey as newCaller, outside, settled } from "../security/stage.ts";

let org: string;
beforeEach(async () => {
  org = await newOrganisation();
});
afterEach(() => void vi.restoreAllMocks());

const newKey = (): Promise<Json> => done("POST /keys", { organisation: org, name: "ci" });
const credentialsOf = (found: Awaited<ReturnType<typeof opens>>) => ("credentials" in found ? Object.fromEntries(found.credentials) : found);

describe("a credential", () => {
  test("stands alone unless it is said that the installation's may stand in; that can be said later, and at once holds", async () => {
    const { id, secret } = await newKey();
    expect(await done(`PUT /organisations/${org}/credentials/openai`, { secret: "sk-own" })).toMatchObject({ provider: "openai", only: true });
    expect(await done(`PUT /organisations/${org}/credentials/groq`, { secret: "gsk-own", only: false })).toMatchObject({ provider: "groq", only: false });
    expect(credentialsOf(await opens(secret))).toEqual({ openai: { secret: "sk-own", only: true }, groq: { secret: "gsk-own", only: false } });
    const before = await done(`GET /organisations/${org}/credentials`);
    const { version } = (await adopted(id))!;
    const changed = await done(`PATCH /organisations/${org}/credentials/openai`, { only: false });
    expect(changed).toEqual({ ...before.data[1], only: false });
    expect(await adopted(id)).toMatchObject({ version: version + 1 });
    expect(credentialsOf(await opens(secret))).toMatchObject({ openai: { secret: "sk-own", only: false } });
    expect((await done(`GET /organisations/${org}/credentials`)).data).toEqual([before.data[0], changed]);
    // A new secret is a new credential: what was said of the old one is gone with it.
    expect(await done(`PUT /organisations/${org}/credentials/openai`, { secret: "sk-newer" })).toMatchObject({ only: true });
    const { data } = await done(`GET /audit?organisation=${org}&limit=100`);
    expect(data.filter(({ action }: Json) => action.startsWith("credential.")).map(({ action, subject, detail }: Json) => [action, subject, detail])).toEqual([
      ["credential.put", "openai", { only: true }], ["credential.update", "openai", { only: false }], ["credential.put", "groq", { only: false }], ["credential.put", "openai", { only: true }],
    ]);
  });

  test.each<[string, string, unknown, number, string]>([
    ["a change of none", "PATCH /organisations/ORG/credentials/openai", { only: true }, 404, "not_found"],
    ["a change of nobody's", "PATCH /organisations/nobody/credentials/openai", { only: true }, 404, "not_found"],
    ["a change of nothing", "PATCH /organisations/ORG/credentials/openai", {}, 400, "invalid_request"],
    ["a change of the secret", "PATCH /organisations/ORG/credentials/openai", { only: true, secret: "sk" }, 400, "invalid_request"],
    ["an odd `only`", "PUT /organisations/ORG/credentials/openai", { secret: "sk", only: 1 }, 400, "invalid_request"],
    ["`only` alone where nothing is stored", "PUT /organisations/ORG/credentials/openai", { only: true }, 400, "invalid_request"],
  ])("%s is refused", async (_, path, body, status, code) => {
    const answer = await send(path.replace("ORG", org), { body });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
  });
});

test("whether keys may be brought in a header is off, is switched on for all keys at once, and is told", async () => {
  const { id, secret } = await newKey();
  expect(await done(`GET /organisations/${org}`)).toMatchObject({ headerCredentials: false });
  expect(await opens(secret)).toMatchObject({ bringsKeys: false });
  expect(await done(`PATCH /organisations/${org}`, { headerCredentials: true })).toMatchObject({ id: org, headerCredentials: true, sovereign: false });
  expect(await adopted(id)).toMatchObject({ version: 2 });
  expect(await opens(secret)).toMatchObject({ bringsKeys: true });
  expect(await done(`PATCH /organisations/${org}`, { name: "Other" })).toMatchObject({ headerCredentials: true });
  expect((await done("POST /organisations", { name: "Born with it", headerCredentials: true })).headerCredentials).toBe(true);
  expect((await send(`PATCH /organisations/${org}`, { body: { headerCredentials: "yes" } })).json.error).toMatchObject({ code: "invalid_request", param: "headerCredentials" });
});

describe("a new master secret", () => {
  const old = isolateOf(env).masters.current;
  const rotated = { ...env, CREDENTIALS_SECRET: "another-master-secret-of-32-characters", CREDENTIALS_SECRET_PREVIOUS: old } as unknown as Cloudflare.Env;
  const after = { ...rotated, CREDENTIALS_SECRET_PREVIOUS: "" } as unknown as Cloudflare.Env;
  const opensIn = (bindings: Cloudflare.Env, secret: string) => principalSource(env.DB, { pepper: env.KEY_PEPPER, masters: isolateOf(bindings).masters })(secret, Date.now());

  test("opens what the previous one sealed, then has it sealed anew, then needs the previous one no more", async () => {
    const { secret } = await newKey();
    await done(`PUT /organisations/${org}/credentials/openai`, { secret: "sk-own", only: false });
    const expected = { openai: { secret: "sk-own", only: false } };
    expect(credentialsOf(await opensIn(rotated, secret))).toEqual(expected);
    await expect(opensIn(after, secret)).rejects.toThrow("cannot be opened");
    const first = await send("POST /credentials/rotate", {}, rotated);
    expect([first.status, first.json]).toEqual([200, { resealed: expect.any(Number), left: 0 }]);
    expect(first.json.resealed).toBeGreaterThan(0);
    expect((await send("POST /credentials/rotate", {}, rotated)).json).toEqual({ resealed: 0, left: 0 });
    expect(credentialsOf(await opensIn(after, secret))).toEqual(expected);
    await expect(opensIn(env, secret)).rejects.toThrow("cannot be opened");
    // Back again, for whoever shares this database.
    const back = { ...env, CREDENTIALS_SECRET: old, CREDENTIALS_SECRET_PREVIOUS: isolateOf(rotated).masters.current };
    expect((await send("POST /credentials/rotate", {}, back)).json.left).toBe(0);
  });

  test("does the same for the secrets of token issuers", async () => {
    const { id: key } = await newKey();
    const issuer = `https://${crypto.randomUUID()}.example`;
    await done(`PUT /organisations/${org}/token-issuers`, { issuer, key, secret: "shared-with-the-project" });
    const proofIn = async (bindings: Cloudflare.Env) => (await new TokenIssuers(env.DB, isolateOf(bindings).masters).find(issuer, Date.now()))?.proof;
    expect(await proofIn(rotated)).toEqual({ secret: "shared-with-the-project" });
    await expect(proofIn(after)).rejects.toThrow("cannot be opened");
    const first = await send("POST /credentials/rotate", {}, rotated);
    expect(first.json.left).toBe(0);
    expect(JSON.stringify(first.json)).not.toContain("shared-with-the-project");
    expect(await proofIn(after)).toEqual({ secret: "shared-with-the-project" });
    const back = { ...env, CREDENTIALS_SECRET: old, CREDENTIALS_SECRET_PREVIOUS: isolateOf(rotated).masters.current };
    expect((await send("POST /credentials/rotate", {}, back)).json.left).toBe(0);
  });

  test("signs receipts with a new key; whoever has one of before finds the key for it beside the new one", async () => {
    outside();
    const model = "receipt-rotated";
    await addPricedModel(model, { input: { picoUsd: 1_000_000, validFromMs: 0 }, output: { picoUsd: 1_000_000, validFromMs: 0 } });
    const key = await newCaller();
    const asked = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model: `openai/${model}` });
    await asked.text();
    await settled(key);
    const id = asked.headers.get("x-request-id");
    const { jws } = await (await call(key.secret, "GET", `/v1/receipts/${id}`)).json<{ jws: string }>();
    const keysIn = async (bindings: Cloudflare.Env): Promise<JSONWebKeySet> => (await app.request("/.well-known/forge-receipts.json", {}, bindings)).json();
    const [before, during, later] = [await keysIn(env), await keysIn(rotated), await keysIn(after)];
    expect([before.keys.length, during.keys.length, later.keys.length]).toEqual([1, 2, 1]);
    expect(during.keys).toEqual([later.keys[0], before.keys[0]]);
    for (const [keys, verifies] of [[before, true], [during, true], [later, false]] as const) {
      expect(await compactVerify(jws, createLocalJWKSet(keys), { algorithms: ["EdDSA"] }).then(() => true, () => false)).toBe(verifies);
    }
    const anew = await isolateOf(rotated).receipts.sign(JSON.parse(new TextDecoder().decode((await compactVerify(jws, createLocalJWKSet(before))).payload)));
    expect((await compactVerify(anew, createLocalJWKSet(later))).protectedHeader.kid).toBe(later.keys[0]!.kid);
  });

  test("must be another one than the previous, and both are long enough", () => {
    const settings = (over: object) => () => isolateOf({ ...env, ...over } as unknown as Cloudflare.Env);
    expect(settings({ CREDENTIALS_SECRET_PREVIOUS: old })).toThrow(/CREDENTIALS_SECRET_PREVIOUS: must differ/);
    expect(settings({ CREDENTIALS_SECRET_PREVIOUS: "short" })).toThrow(/CREDENTIALS_SECRET_PREVIOUS: at least 32 characters(?!.*short)/);
    expect(settings({ CREDENTIALS_SECRET_PREVIOUS: "" })).not.toThrow();
  });
});
