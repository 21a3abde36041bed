/** The admin API's prices: what is listed, what is refused as a slip, and that nothing that was charged ever changes. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { loadCatalog } from "../../src/catalog/index.ts";
import { costOf } from "../../src/ledger/index.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { done, send, type Json } from "./admin-api.ts";

let upstreamId: string;
const put = (price: Json) => send("PUT /prices", { body: { provider: "openai", upstreamId, class: "input", source: "openai.com/pricing", ...price } });
const listed = async (): Promise<Json[]> => (await done(`GET /prices?model=openai/${upstreamId}`)).data;
const held = () => isolateOf(env).catalog.peek(Date.now(), () => {})!.byName.get(`openai/${upstreamId}`)!.prices;
/** What a million input tokens cost, USD. */
const million = (atMs: number): number => costOf(held(), { ...noUsage, inputTokens: 1_000_000 }, atMs)! / 1e9;

beforeEach(async () => {
  upstreamId = `m-${crypto.randomUUID()}`;
  const row = (of: string, pico: number) => env.DB.prepare("INSERT INTO prices VALUES ('openai', ?, ?, 0, 0, ?, 'genai@1')").bind(upstreamId, of, pico);
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES (?, 'them', 'chat', '[]', '[]', '[]', NULL, NULL, NULL)").bind(`${upstreamId}-name`),
    env.DB.prepare("INSERT INTO deployments VALUES ('openai', ?1, ?1 || '-name')").bind(upstreamId),
    row("input", 3_000_000), row("cached_input", 300_000), row("output", 15_000_000),
  ]);
});

describe("a new price", () => {
  test("holds from now on, in this isolate at once; the one before stays for what was before", async () => {
    const before = Date.now();
    const { status, json } = await put({ usdPerMillion: 4.5 });
    expect([status, json]).toEqual([200, {
      provider: "openai", upstreamId, model: `${upstreamId}-name`, class: "input", aboveTokens: 0, picoUsd: 4_500_000, usdPerMillion: 4.5, validFrom: expect.any(String),
      source: "admin: openai.com/pricing", inForce: true, catalogFreshSeconds: 60,
    }]);
    const from = Date.parse(json.validFrom);
    expect(from).toBeGreaterThanOrEqual(before);
    expect([million(from - 1), million(from)]).toEqual([3, 4.5]);
    expect((await listed()).filter((price) => price.class === "input").map((price) => [price.usdPerMillion, price.inForce, price.source])).toEqual([
      [4.5, true, "admin: openai.com/pricing"], [3, false, "genai@1"],
    ]);
  });

  test("of tomorrow is not in force today", async () => {
    const validFrom = new Date(Date.now() + 86_400_000).toISOString();
    expect((await put({ picoUsd: 4_000_000, validFrom })).json).toMatchObject({ validFrom, inForce: false });
    expect([million(Date.now()), million(Date.parse(validFrom))]).toEqual([3, 4]);
  });

  test("is found under every name of its model", async () => {
    for (const name of [upstreamId, `${upstreamId}-name`, `openai/${upstreamId}`]) expect((await done(`GET /prices?model=${name}`)).data).toHaveLength(3);
    expect((await send("GET /prices?model=nobody")).status).toBe(404);
  });

  test("leaves one audit event, in the same transaction; a refused one leaves none", async () => {
    await put({ usdPerMillion: 4 });
    await put({ usdPerMillion: 4e6 });
    const { results } = await env.DB.prepare("SELECT action, detail FROM audit_events WHERE subject = ?").bind(`openai/${upstreamId}`).all<{ action: string; detail: string }>();
    expect(results.map(({ action, detail }) => [action, JSON.parse(detail)])).toEqual([
      ["price.put", { class: "input", aboveTokens: 0, picoUsd: 4_000_000, validFromMs: expect.any(Number), source: "openai.com/pricing", confirmed: false }],
    ]);
  });

  test("of a class, a step or a piece that had none is taken as it is", async () => {
    for (const price of [{ class: "input", aboveTokens: 200_000, usdPerMillion: 6 }, { class: "output:flex", usdPerMillion: 7.5 }, { class: "image", picoUsd: 40_000_000_000 }]) {
      expect([price, (await put(price)).status]).toEqual([price, 200]);
    }
    expect(held()).toHaveLength(6);
  });
});

describe("a slip", () => {
  test.each([
    ["per token for per million", { picoUsd: 3 }, "costs $3 per million now and would cost $0.000003 per million: 1000000 times less: a price per token taken for one per million, or the other way round?"],
    ["per million for per token", { picoUsd: 3_000_000_000_000 }, "input cannot cost"],
    ["per thousand for per million", { usdPerMillion: 0.003 }, "1000 times less: a price per thousand"],
    ["cents for dollars", { usdPerMillion: 300 }, "100 times more: cents taken for dollars"],
    ["a digit too many", { usdPerMillion: 30.01 }, "costs $3 per million now and would cost $30.01 per million"],
    ["free", { picoUsd: 0 }, "one of them is free"],
    ["an output cheaper than a tenth of the input", { class: "output", usdPerMillion: 0.29 }, "output at $0.29 per million does not go with input at $3 per million"],
    ["a cached read dearer than the input", { class: "cached_input", usdPerMillion: 3.01 }, "cached_input at $3.01 per million"],
    ["an input that its cache does not fit", { usdPerMillion: 0.299 }, "$0.3"],
    ["a price where there was none, of a token", { class: "output_audio", picoUsd: 64 }, "the cheapest that is sold"],
  ])("is refused with both figures: %s", async (_, price, words) => {
    const before = await listed();
    const { status, json } = await put(price);
    expect(status).toBeOneOf([400, 409]);
    expect(json.error.message).toContain(words);
    expect(await listed()).toEqual(before);
  });

  test("ten times more or less is no slip, and a confirmed one is taken, but never what cannot be", async () => {
    expect((await put({ usdPerMillion: 30 })).status).toBe(200);
    expect((await put({ usdPerMillion: 3_000, confirm: true })).status).toBe(200);
    expect(million(Date.now())).toBe(3_000);
    expect((await put({ picoUsd: 3e12, confirm: true })).status).toBe(400);
  });

  test("that was confirmed is undone by a price of its own: history has all three", async () => {
    const wrong = (await put({ usdPerMillion: 300, confirm: true })).json;
    const right = (await put({ usdPerMillion: 3, confirm: true })).json;
    const [from, to] = [Date.parse(wrong.validFrom), Date.parse(right.validFrom)];
    expect(to).toBeGreaterThan(from);
    expect([million(from - 1), million(from), million(to)]).toEqual([3, 300, 3]);
  });

  test.each([
    ["the past", { usdPerMillion: 3, validFrom: new Date(Date.now() - 60_000).toISOString() }, "validFrom"],
    ["two figures", { usdPerMillion: 3, picoUsd: 3_000_000 }, "picoUsd"],
    ["no figure", {}, "picoUsd"],
    ["a negative one", { picoUsd: -1 }, "picoUsd"],
    ["half a pico-USD", { picoUsd: 0.5 }, "picoUsd"],
    ["a class nobody knows", { class: "inputs", picoUsd: 1 }, "class"],
    ["no source", { usdPerMillion: 3, source: " " }, "source"],
  ])("that no confirmation helps: %s", async (_, price, param) => {
    const { status, json } = await put({ ...price, confirm: true });
    expect([status, json.error]).toEqual([400, expect.objectContaining({ code: "invalid_request", param })]);
  });

  test("in the name is no new deployment", async () => {
    expect((await put({ upstreamId: "nobody-serves-this", usdPerMillion: 3 })).status).toBe(404);
    expect((await put({ provider: "groq", usdPerMillion: 3 })).status).toBe(404);
  });
});

test("two prices from the same millisecond on: the second is a conflict, not an overwrite", async () => {
  const validFrom = new Date(Date.now() + 60_000).toISOString();
  expect((await put({ usdPerMillion: 4, validFrom })).status).toBe(200);
  expect((await put({ usdPerMillion: 5, validFrom })).status).toBe(409);
  expect((await loadCatalog(env.DB)).byName.get(`openai/${upstreamId}`)!.prices.filter(({ validFromMs }) => validFromMs > 0)).toEqual([expect.objectContaining({ picoUsd: 4_000_000 })]);
});
