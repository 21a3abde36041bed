import { runDurableObjectAlarm, runInDurableObject, evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { failingD1 } from "../limits/failing-d1.ts";
import { addPricedModel, admin, call, chatBody, newKey, outside, send, settled, type Json, type Key } from "../security/stage.ts";

const model = "openai/receipt-test";
const ask = (key: Key, body: Json = {}): Promise<Response> => call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, max_tokens: 10, ...body });
const stub = (key: Key) => env.KEY_METER.getByName(key.id);
const receipt = async (key: Key, id: string): Promise<Json> => {
  const response = await call(key.secret, "GET", `/v1/receipts/${id}`);
  expect(response.status).toBe(200);
  return response.json();
};
const hex = async (text: string): Promise<string> => new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();

/** Asks once and returns the id and the text of the answer. */
async function asked(key: Key, body: Json = {}): Promise<{ id: string; text: string }> {
  const response = await ask(key, body);
  const text = await response.text();
  await settled(key);
  return { id: response.headers.get("x-request-id")!, text };
}

beforeAll(() => addPricedModel("receipt-test", { input: { picoUsd: 1_000_000, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } }));
afterEach(() => void vi.restoreAllMocks());

describe("a receipt", () => {
  test("says what was charged at which price, what was held, who answered, and what was sent", async () => {
    outside();
    const key = await newKey();
    const { id, text } = await asked(key);
    const { entry, chain } = await receipt(key, id);
    expect(entry).toMatchObject({
      id, keyId: key.id, organisationId: key.organisation, deployment: model, status: 200, end: "complete", costNanoUsd: 7_000, costSource: "price",
      lines: [{ unit: "input", amount: 3, picoUsd: 1_000_000 }, { unit: "output", amount: 2, picoUsd: 2_000_000 }], pricesFromMs: 9, refused: [],
      usage: { inputTokens: 3, outputTokens: 2 }, responseHash: await hex(text),
    });
    expect(entry.reserved.nanoUsd).toBeGreaterThan(7_000);
    expect(chain).toMatchObject({ sequence: 1, previous: "0".repeat(64) });
  });

  test("is signed with the key that the gateway shows, over its canonical JSON", async () => {
    outside();
    const key = await newKey();
    const { jws, ...rest } = await receipt(key, (await asked(key)).id);
    const { keys } = await (await send("/.well-known/forge-receipts.json")).json<{ keys: JsonWebKey[] }>();
    expect(keys).toEqual([{ kty: "OKP", crv: "Ed25519", x: expect.any(String), kid: expect.any(String), use: "sig", alg: "EdDSA" }]);
    const [header, payload, signature] = (jws as string).split(".") as [string, string, string];
    const bytes = (text: string): Uint8Array => Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const verifies = await crypto.subtle.verify("Ed25519", await crypto.subtle.importKey("jwk", keys[0]!, "Ed25519", false, ["verify"]), bytes(signature), new TextEncoder().encode(`${header}.${payload}`));
    expect(verifies).toBe(true);
    expect(JSON.parse(new TextDecoder().decode(bytes(payload)))).toEqual(rest);
  });

  test("is there whatever the provider calls its tier, half a surrogate pair too", async () => {
    outside(() => Response.json({ id: "c", object: "chat.completion", model: "m", service_tier: "half \ud83d", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }));
    const key = await newKey();
    expect((await receipt(key, (await asked(key)).id)).entry.serviceTier).toBe("half \ufffd");
    await stub(key).flush();
  });

  test("names the deployments that were tried before", async () => {
    outside(({ host }) => (host === "api.groq.com" ? Response.json({ error: { message: "overloaded" } }, { status: 503, headers: { "x-request-id": "up_1" } }) : Response.json({ id: "c", object: "chat.completion", model: "m", choices: [{ index: 0, message: { role: "assistant", content: "hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })));
    const name = `either-${crypto.randomUUID().slice(0, 8)}`;
    await admin("PUT", `/aliases/${name}`, { targets: ["groq/m", model] });
    const key = await newKey();
    const { entry } = await receipt(key, (await asked(key, { model: name })).id);
    expect(entry).toMatchObject({ attempts: 2, deployment: model, refused: [{ deployment: "groq/m", status: 503 }] });
  });

  test("is seen by nobody else", async () => {
    outside();
    const [mine, theirs] = [await newKey(), await newKey()];
    const { id } = await asked(mine);
    expect((await call(theirs.secret, "GET", `/v1/receipts/${id}`)).status).toBe(404);
    await stub(mine).flush();
    expect((await call(theirs.secret, "GET", `/v1/receipts/${id}`)).status).toBe(404);
    expect((await (await call(theirs.secret, "GET", "/v1/receipts")).json<Json>()).data).toEqual([]);
    const sibling = await newKey({ usageScope: "organisation" }, mine.organisation);
    expect((await call(sibling.secret, "GET", `/v1/receipts/${id}`)).status).toBe(200);
  });
});

describe("the chain", () => {
  test("is one, whatever fails, is evicted or is asked for in between; a link that was shown stays", async () => {
    outside();
    const key = await newKey();
    const shown = new Map<string, Json>();
    for (let i = 0; i < 9; i += 1) {
      const { id } = await asked(key);
      if (i % 3 === 0) shown.set(id, (await receipt(key, id)).chain);
      if (i % 4 === 1) await evictDurableObject(stub(key));
      if (i % 4 === 2) await runInDurableObject(stub(key), async (object) => {
        const restore = failingD1(object, i % 8 === 2 ? "before" : "after");
        await object.flush().catch(() => {});
        restore();
      });
      if (i === 6) await runDurableObjectAlarm(stub(key));
    }
    const { data, next } = await (await call(key.secret, "GET", "/v1/receipts")).json<Json>();
    expect([data.length, next]).toEqual([9, null]);
    const links = data.map(({ chain }: Json) => chain).toSorted((a: Json, b: Json) => a.sequence - b.sequence);
    expect(links.map(({ sequence }: Json) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for (const [i, link] of links.entries()) expect(link.previous).toBe(i === 0 ? "0".repeat(64) : links[i - 1].hash);
    for (const [id, chain] of shown) expect(data.find(({ entry }: Json) => entry.id === id).chain).toEqual(chain);
  });

  test("goes on after its entries have left the object, page by page", async () => {
    outside();
    const key = await newKey();
    const ids: string[] = [];
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      for (let i = 0; i < 3; i += 1) {
        ids.push((await asked(key)).id);
        vi.setSystemTime(Date.now() + 120_000);
        await stub(key).flush();
        expect(await runInDurableObject(stub(key), (_, { storage }) => storage.sql.exec("SELECT count(*) AS n FROM links").one().n)).toBe(0);
      }
    } finally {
      vi.useRealTimers();
    }
    const pages: Json[] = [];
    for (let after = ""; ; ) {
      const page = await (await call(key.secret, "GET", `/v1/receipts?limit=2${after && `&after=${after}`}`)).json<Json>();
      pages.push(...page.data);
      if (page.next === null) break;
      after = page.next;
    }
    expect(pages.map(({ entry }) => entry.id)).toEqual(ids);
    expect(pages.map(({ chain }) => chain.sequence)).toEqual([1, 2, 3]);
    const later = async (after: string): Promise<string[]> => (await (await call(key.secret, "GET", `/v1/receipts?after=${after}`)).json<Json>()).data.map(({ entry }: Json) => entry.id);
    expect(await later(`${key.id}.3`)).toEqual([]);
    await admin("POST", "/adjustments", { id: "adj_later", request: ids[0], nanoUsd: -1, reason: "behind them all" });
    expect(await later(`${key.id}.3`)).toEqual(["adj_later"]);
    for (const after of ["x", "key_1.", "key_1.-1", "' OR 1.1"]) expect((await call(key.secret, "GET", `/v1/receipts?after=${encodeURIComponent(after)}`)).status).toBe(400);
  });
});

describe("a correction", () => {
  const correct = (body: Json) => admin("POST", "/adjustments", body);

  test("is an entry of its own: history stays, sums and budgets follow, once however often it is sent", async () => {
    outside();
    const key = await newKey();
    const { id } = await asked(key);
    const correction = { id: "adj_1", request: id, key: key.id, nanoUsd: -3_000, reason: "wrong price until noon" };
    for (let i = 0; i < 3; i += 1) expect(await correct(correction)).toMatchObject({ id: "adj_1", nanoUsd: -3_000 });
    await expect(correct({ ...correction, nanoUsd: -1 })).rejects.toThrow(/409/);
    expect((await receipt(key, id)).entry.costNanoUsd).toBe(7_000);
    expect((await receipt(key, "adj_1")).entry).toMatchObject({ end: "adjustment", costNanoUsd: -3_000, costSource: "adjusted", adjusts: { request: id, reason: "wrong price until noon" } });
    expect((await stub(key).inspect()).counters).toMatchObject({ spentNanoUsd: 4_000, month: { nanoUsd: 4_000 }, minute: { requests: 1 } });
    const { totals } = await (await call(key.secret, "GET", "/dashboard/usage")).json<Json>();
    expect(totals).toMatchObject({ requests: 1, costNanoUsd: 4_000 });
    await evictDurableObject(stub(key));
    expect((await stub(key).inspect()).counters).toMatchObject({ spentNanoUsd: 4_000, month: { nanoUsd: 4_000 } });
  });

  test("never brings a charge below nothing, and is of a request that is known", async () => {
    outside();
    const key = await newKey();
    const { id } = await asked(key);
    await expect(correct({ request: id, key: key.id, nanoUsd: -7_001, reason: "x" })).rejects.toThrow(/409.*7000/);
    await correct({ id: "adj_a", request: id, key: key.id, nanoUsd: -7_000, reason: "x" });
    await expect(correct({ request: id, key: key.id, nanoUsd: -1, reason: "x" })).rejects.toThrow(/409/);
    await expect(correct({ request: "adj_a", key: key.id, nanoUsd: 5, reason: "x" })).rejects.toThrow(/404/);
    await expect(correct({ request: "req_none", nanoUsd: 5, reason: "x" })).rejects.toThrow(/404/);
    await stub(key).flush();
    expect(await correct({ request: id, nanoUsd: 2_000, reason: "by the roll-up" })).toMatchObject({ key: key.id });
  });

  test("is of the key that made the request, and its id names one correction, whoever's it is", async () => {
    outside();
    const [mine, theirs] = [await newKey(), await newKey()];
    const { id } = await asked(mine);
    const { id: other } = await asked(theirs);
    await stub(mine).flush();
    await expect(correct({ request: id, key: theirs.id, nanoUsd: -7_000, reason: "x" })).rejects.toThrow(/404/);
    await correct({ id: "adj_once", request: id, nanoUsd: -7_000, reason: "x" });
    await expect(correct({ id: "adj_once", request: other, key: theirs.id, nanoUsd: -7_000, reason: "x" })).rejects.toThrow(/409/);
    expect((await stub(theirs).inspect()).counters.spentNanoUsd).toBe(7_000);
    expect(await correct({ id: "adj_once", request: id, nanoUsd: -7_000, reason: "x" })).toMatchObject({ key: mine.id });
  });

  test("is audited once, also when the one who made it died before it could say so", async () => {
    outside();
    const key = await newKey();
    const { id } = await asked(key);
    const correction = { id: "adj_died", request: id, nanoUsd: -1, reason: "x" };
    await stub(key).adjust(correction, (await stub(key).entry(id)) as LedgerEntry);
    for (let i = 0; i < 2; i += 1) await correct({ ...correction, key: key.id });
    const { data } = await admin("GET", `/audit?organisation=${key.organisation}`);
    expect(data.filter(({ action }: Json) => action === "adjustment.post")).toMatchObject([{ subject: "adj_died", detail: { nanoUsd: -1 } }]);
  });

  test("with half a surrogate pair in its reason holds up nothing", async () => {
    outside();
    const key = await newKey();
    const { id } = await asked(key);
    await correct({ id: "adj_half", request: id, key: key.id, nanoUsd: -1, reason: "cut off \ud83d" });
    expect((await receipt(key, "adj_half")).entry.adjusts.reason).toBe("cut off \ufffd");
    await stub(key).flush();
  });

  test("comes back to prepaid credits", async () => {
    outside();
    const key = await newKey();
    await admin("PATCH", `/organisations/${key.organisation}/account`, { prepaid: true });
    await admin("POST", `/organisations/${key.organisation}/credits`, { kind: "top_up", nanoUsd: 1_000_000, reason: "x" });
    const { id } = await asked(key);
    const spent = async (): Promise<number> => {
      await runDurableObjectAlarm(stub(key));
      return (await admin("GET", `/organisations/${key.organisation}/credits`)).spentNanoUsd;
    };
    expect(await spent()).toBe(7_000);
    await correct({ request: id, key: key.id, nanoUsd: -5_000, reason: "x" });
    expect(await spent()).toBe(2_000);
  });
});
