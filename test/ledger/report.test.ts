import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findRequests, listReceipts } from "../../src/ledger/requests.ts";
import { listRequests } from "../../src/ledger/request-list.ts";
import { findRequest, pruneRequests, rollUp, usageReport, type Viewer } from "../../src/ledger/index.ts";
import { outcomeOf } from "../limits/stage.ts";

const now = Date.UTC(2026, 10, 21, 10, 30);
const hourOf = (ms: number): number => Math.floor(ms / 3_600_000);

type Hour = { keyId: string; organisationId: string; at?: number; model?: string; requests?: number; errors?: number; tokens?: number; nanoUsd?: number };

const write = ({ keyId, organisationId, at = now, model = "m", requests = 1, errors = 0, tokens = 0, nanoUsd = 0 }: Hour): Promise<void> =>
  rollUp(env.DB, { keyId, organisationId }, [{
    hour: hourOf(at), model, requests, errors, input_tokens: tokens, cached_tokens: 1, cache_write_tokens: 2, output_tokens: 3, reasoning_tokens: 4, cost_nano_usd: nanoUsd,
  }], []);

const viewer = (keyId: string, organisationId: string, usageScope: Viewer["usageScope"] = "key"): Viewer => ({ keyId, organisationId, usageScope });

beforeAll(async () => {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO organisations (id, name, created_at) VALUES ('one', 'One', 0), ('two', 'Two', 0), ('three', 'Three', 0)"),
    env.DB.prepare("INSERT INTO api_keys (id, organisation_id, name, policy, created_at) VALUES ('a', 'one', 'Alpha', '{}', 0), ('b', 'one', 'Beta', '{}', 0), ('c', 'two', 'Gamma', '{}', 0)"),
    ...Object.entries({
      p: { project: "atlas", member: "Ada@example.com", tags: ["batch"] }, q: { project: "atlas", member: "ada@example.com", tags: ["night", "batch"] }, r: {},
    }).map(([id, policy]) => env.DB.prepare("INSERT INTO api_keys (id, organisation_id, name, policy, created_at) VALUES (?, 'three', ?, ?, 0)").bind(id, id, JSON.stringify(policy))),
  ]);
});
beforeEach(async () => void (await env.DB.batch([env.DB.prepare("DELETE FROM usage_hourly"), env.DB.prepare("DELETE FROM requests")])));

describe("a usage report", () => {
  test("by model, by key, by day, and they all add up", async () => {
    await write({ keyId: "a", organisationId: "one", model: "m", requests: 3, errors: 1, tokens: 30, nanoUsd: 300 });
    await write({ keyId: "a", organisationId: "one", model: "n", tokens: 7, nanoUsd: 70 });
    await write({ keyId: "a", organisationId: "one", model: "m", at: now - 86_400_000, tokens: 5, nanoUsd: 50 });
    await write({ keyId: "b", organisationId: "one", model: "m", tokens: 11, nanoUsd: 110 });
    const report = await usageReport(env.DB, viewer("a", "one", "organisation"), now);
    expect(report).toMatchObject({ object: "usage", scope: "organisation", month: "2026-11", asOf: "2026-11-21T10:30:00.000Z" });
    expect(report.totals).toEqual({
      requests: 6, errors: 1, inputTokens: 53, cachedTokens: 4, cacheWriteTokens: 8, outputTokens: 12, reasoningTokens: 16, costNanoUsd: 530, costUsd: 5.3e-7,
    });
    expect(report.byModel.map(({ model, requests, costNanoUsd }) => [model, requests, costNanoUsd])).toEqual([["m", 5, 460], ["n", 1, 70]]);
    expect(report.byKey.map(({ keyId, name, requests, costNanoUsd }) => [keyId, name, requests, costNanoUsd])).toEqual([["a", "Alpha", 5, 420], ["b", "Beta", 1, 110]]);
    expect(report.byDay.map(({ day, requests, costNanoUsd }) => [day, requests, costNanoUsd])).toEqual([["2026-11-20", 1, 50], ["2026-11-21", 5, 480]]);
    for (const part of [report.byModel, report.byKey, report.byDay]) expect(part.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)).toBe(report.totals.costNanoUsd);
    expect(report.forecast).toMatchObject({ month: "2026-11" });
    expect(report.forecast!.costUsd).toBeGreaterThan(report.totals.costUsd);
  });

  test("a key sees itself; with the organisation's scope, its organisation; never another's", async () => {
    await write({ keyId: "a", organisationId: "one", nanoUsd: 1 });
    await write({ keyId: "b", organisationId: "one", nanoUsd: 10 });
    await write({ keyId: "c", organisationId: "two", nanoUsd: 100 });
    const cost = async (who: Viewer) => (await usageReport(env.DB, who, now)).totals.costNanoUsd;
    expect(await cost(viewer("a", "one"))).toBe(1);
    expect(await cost(viewer("b", "one"))).toBe(10);
    expect(await cost(viewer("a", "one", "organisation"))).toBe(11);
    expect(await cost(viewer("c", "two", "organisation"))).toBe(100);
    expect(await cost(viewer("nobody", "three", "organisation"))).toBe(0);
  });

  test("is of this UTC month; the days before only tell the forecast's pace", async () => {
    const first = Date.UTC(2026, 10, 1);
    await write({ keyId: "a", organisationId: "one", at: first - 1, nanoUsd: 1_000 });
    await write({ keyId: "a", organisationId: "one", at: first, nanoUsd: 5 });
    const report = await usageReport(env.DB, viewer("a", "one"), first + 3_600_000);
    expect(report.totals).toMatchObject({ requests: 1, costNanoUsd: 5 });
    expect(report.byDay.map(({ day }) => day)).toEqual(["2026-11-01"]);
    expect(report.byModel).toHaveLength(1);
    expect(report.forecast!.costUsd).toBeGreaterThan(900 * 29 / 1e9);
  });

  test("of a key that never called: zeros, not an error", async () => {
    const report = await usageReport(env.DB, viewer("a", "one"), now);
    expect(report.totals.requests).toBe(0);
    expect([report.byModel, report.byKey, report.byDay]).toEqual([[], [], []]);
    expect(report.forecast).toMatchObject({ costUsd: 0, lowUsd: 0, highUsd: 0 });
  });

  test("by project, member and tag: what the keys say now, all of it in one request", async () => {
    await write({ keyId: "p", organisationId: "three", requests: 1, nanoUsd: 1 });
    await write({ keyId: "q", organisationId: "three", requests: 10, nanoUsd: 10 });
    await write({ keyId: "r", organisationId: "three", requests: 100, nanoUsd: 100 });
    const report = await usageReport(env.DB, viewer("p", "three", "organisation"), now);
    expect(report.byProject.map(({ project, requests }) => [project, requests])).toEqual([[null, 100], ["atlas", 11]]);
    expect(report.byMember.map(({ member, requests }) => [member, requests])).toEqual([[null, 100], ["ada@example.com", 11]]);
    expect(report.byTag.map(({ tag, costNanoUsd }) => [tag, costNanoUsd])).toEqual([[null, 100], ["batch", 11], ["night", 10]]);
    const tagged = await usageReport(env.DB, viewer("p", "three", "organisation"), now, { filters: { tag: "night" } });
    expect([tagged.totals.requests, tagged.byTag.map(({ tag }) => tag), tagged.byKey.map(({ keyId }) => keyId)]).toEqual([10, ["night"], ["q"]]);
    await env.DB.prepare("UPDATE api_keys SET policy = '{\"project\":\"zeus\"}' WHERE id = 'p'").run();
    const moved = await usageReport(env.DB, viewer("p", "three", "organisation"), now);
    expect(moved.byProject.map(({ project, requests }) => [project, requests])).toEqual([[null, 100], ["atlas", 10], ["zeus", 1]]);
  });

  test("of another span: stretched to whole hours, and with a forecast only if it reaches to now", async () => {
    const october = Date.UTC(2026, 9, 1);
    await write({ keyId: "a", organisationId: "one", at: october, nanoUsd: 1 });
    await write({ keyId: "a", organisationId: "one", at: Date.UTC(2026, 10, 1) - 1, nanoUsd: 10 });
    await write({ keyId: "a", organisationId: "one", at: now, nanoUsd: 100 });
    const month = await usageReport(env.DB, viewer("a", "one"), now, { fromMs: october, toMs: Date.UTC(2026, 10, 1) });
    expect(month).toMatchObject({ month: "2026-10", from: "2026-10-01T00:00:00.000Z", to: "2026-11-01T00:00:00.000Z", totals: { costNanoUsd: 11 }, forecast: null });
    const hour = await usageReport(env.DB, viewer("a", "one"), now, { fromMs: now + 60_000, toMs: now + 120_000 });
    expect(hour).toMatchObject({ month: null, from: "2026-11-21T10:00:00.000Z", to: "2026-11-21T11:00:00.000Z", totals: { costNanoUsd: 100 }, forecast: null });
    const open = await usageReport(env.DB, viewer("a", "one"), now, { fromMs: now, toMs: now + 1 });
    expect(open.forecast).toEqual((await usageReport(env.DB, viewer("a", "one"), now)).forecast);
  });

  test("names a key that is no longer there by its id", async () => {
    await write({ keyId: "gone", organisationId: "one" });
    expect((await usageReport(env.DB, viewer("a", "one", "organisation"), now)).byKey).toMatchObject([{ keyId: "gone", name: null }]);
  });
});

describe("one request", () => {
  const entry = (id: string, at = now) => ({ id, at, sequence: 1, outcome: JSON.stringify(outcomeOf({ tokens: 9, nanoUsd: 4 })) });

  test("is found by its key, or by its organisation where the key may see that, never by anyone else", async () => {
    await rollUp(env.DB, { keyId: "a", organisationId: "one" }, [], [entry("req_1")]);
    expect(await findRequest(env.DB, viewer("a", "one"), "req_1")).toEqual({ id: "req_1", at: now, ...outcomeOf({ tokens: 9, nanoUsd: 4 }) });
    expect(await findRequest(env.DB, viewer("b", "one", "organisation"), "req_1")).toMatchObject({ id: "req_1" });
    expect(await findRequest(env.DB, viewer("b", "one"), "req_1")).toBeUndefined();
    expect(await findRequest(env.DB, viewer("c", "two", "organisation"), "req_1")).toBeUndefined();
    expect(await findRequest(env.DB, viewer("a", "one"), "req_2")).toBeUndefined();
  });

  const idAt = (ms: number): string => `req_${ms.toString(16).padStart(12, "0")}`;

  test("goes when it is older than the limit, more than a chunk at a time", async () => {
    const old = Array.from({ length: 2_100 }, (_, i) => entry(`${idAt(now - 1)}_${i}`, now - 1));
    await rollUp(env.DB, { keyId: "a", organisationId: "one" }, [], [...old, entry(`${idAt(now)}_kept`)]);
    await pruneRequests(env.DB, now + 30 * 86_400_000);
    const { results } = await env.DB.prepare("SELECT id FROM requests").all();
    expect(results).toEqual([{ id: `${idAt(now)}_kept` }]);
  });

  test("goes, and is not shown before that, when it is older than its own organisation says", async () => {
    const today = Date.now();
    const [recent, aged] = [today - 2 * 86_400_000, today - 4 * 86_400_000];
    await env.DB.prepare("INSERT INTO organisations (id, name, created_at, retention) VALUES ('brief', 'Brief', 0, '{\"requestDays\":3}')").run();
    const chained = (id: string, sequence: number) => ({ id, at: aged, sequence, outcome: JSON.stringify({ ...outcomeOf({ tokens: 9, nanoUsd: 4 }), chain: { sequence } }) });
    for (const [keyId, organisationId] of [["a", "brief"], ["b", "usual"]] as const) {
      await rollUp(env.DB, { keyId, organisationId }, [], [entry(`${idAt(recent)}_${keyId}`, recent), chained(`${idAt(aged)}_${keyId}`, 2), chained(`adj_${keyId}`, 3)]);
    }
    const shown = async (keyId: string, organisationId: string) => [
      ...(await Promise.all([`${idAt(recent)}_${keyId}`, `${idAt(aged)}_${keyId}`, `adj_${keyId}`].map((id) => findRequest(env.DB, viewer(keyId, organisationId), id)))).map((found) => found !== undefined),
      (await listRequests(env.DB, organisationId, {}, { limit: 10 })).requests.length, (await listReceipts(env.DB, viewer(keyId, organisationId), { after: { keyId: "", sequence: 0 }, limit: 10 })).length,
    ];
    expect([await shown("a", "brief"), await shown("b", "usual")]).toEqual([[true, false, false, 1, 1], [true, true, true, 2, 3]]);
    expect((await findRequests(env.DB, [`${idAt(aged)}_a`])).length, "what settles a batch still finds it").toBe(1);
    await pruneRequests(env.DB, today);
    const { results } = await env.DB.prepare("SELECT id FROM requests WHERE organisation_id IN ('brief', 'usual') ORDER BY organisation_id, id").all();
    expect(results.map(({ id }) => id)).toEqual([`${idAt(recent)}_a`, "adj_b", `${idAt(aged)}_b`, `${idAt(recent)}_b`]);
    expect((await env.DB.prepare("SELECT count(*) AS left FROM receipts WHERE organisation_id IN ('brief', 'usual')").first())).toEqual({ left: 4 });
  });

  test("a correction goes when it is old itself, whatever its id", async () => {
    await rollUp(env.DB, { keyId: "a", organisationId: "one" }, [], [entry("adj_new", now), entry("adj_old", now - 1)]);
    await pruneRequests(env.DB, now + 30 * 86_400_000);
    expect((await env.DB.prepare("SELECT id FROM requests").all()).results).toEqual([{ id: "adj_new" }]);
  });
});
