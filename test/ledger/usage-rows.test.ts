import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { groupedUsage, usageReport, type Dimension, type Question, type Viewer } from "../../src/ledger/index.ts";
import { selectUsage, type Filters, type Selection } from "../../src/ledger/usage-rows.ts";

const hour = 500_000;
const now = (hour + 30) * 3_600_000;

const keys: Record<string, { organisation: string; policy: object }> = {
  a: { organisation: "one", policy: { project: "atlas", member: "Ada@example.com", tags: ["x", "y"] } },
  b: { organisation: "one", policy: { project: "atlas", member: "bob@example.com" } },
  c: { organisation: "one", policy: {} },
  d: { organisation: "two", policy: { project: "atlas", member: "ada@example.com", tags: ["x"] } },
};

const write = (keyId: string, organisation: string, at: number, model: string, requests: number): D1PreparedStatement =>
  env.DB.prepare("INSERT INTO usage_hourly VALUES (?, ?, ?, ?, ?, 0, 1, 2, 3, 4, 5, ?)").bind(keyId, at, model, organisation, requests, requests * 7);

const sign = (keyId: string, organisation: string, at: number, app: string, requests: number): D1PreparedStatement =>
  env.DB.prepare("INSERT INTO usage_by_app VALUES (?, ?, 'm', ?, ?, ?, 0, 1, 2, 3, 4, 5, ?)").bind(keyId, at, app, organisation, requests, requests * 7);

beforeAll(async () => {
  await env.DB.batch([
    sign("a", "one", hour, "Desk", 1), sign("a", "one", hour + 24, "Desk", 4), sign("c", "one", hour + 25, "=Lamp", 900), sign("d", "two", hour, "Theirs", 9_000),
    ...["one", "two", "large"].map((id) => env.DB.prepare("INSERT INTO organisations (id, name, created_at) VALUES (?1, ?1, 0)").bind(id)),
    ...Object.entries(keys).map(([id, { organisation, policy }]) =>
      env.DB.prepare("INSERT INTO api_keys (id, organisation_id, name, policy, created_at) VALUES (?, ?, ?, ?, 0)").bind(id, organisation, `Key ${id}`, JSON.stringify(policy))),
    write("a", "one", hour, "m", 1), write("a", "one", hour + 24, "m", 10), write("b", "one", hour + 24, "n", 100), write("c", "one", hour + 25, "m", 1_000),
    write("d", "two", hour, "m", 10_000), write("gone", "one", hour, "m", 100_000),
  ]);
});

const one: Selection = { organisationId: "one", fromHour: hour, toHour: hour + 100, filters: {} };
const viewer: Viewer = { organisationId: "one", usageScope: "organisation" };
const span: Question = { fromMs: hour * 3_600_000, toMs: (hour + 100) * 3_600_000 };

/** What the groups are called, and their requests. */
async function told(groupBy: Dimension[], filters: Filters = {}, who: Viewer = viewer): Promise<(string | number | null | undefined)[][]> {
  const { rows } = await groupedUsage(env.DB, who, now, { ...span, filters }, { groupBy, limit: 100 });
  return rows.map((row) => [...groupBy.map((dimension) => row[dimension]), row.requests]);
}

describe("by", () => {
  test.each<[Dimension[], unknown[][]]>([
    [["day"], [["2027-01-15", 100_001], ["2027-01-16", 1_110]]],
    [["hour"], [["2027-01-15T08:00:00Z", 100_001], ["2027-01-16T08:00:00Z", 110], ["2027-01-16T09:00:00Z", 1_000]]],
    [["model"], [["m", 101_011], ["n", 100]]],
    [["key"], [["a", 11], ["b", 100], ["c", 1_000], ["gone", 100_000]]],
    [["project"], [[null, 101_000], ["atlas", 111]]],
    [["member"], [[null, 101_000], ["ada@example.com", 11], ["bob@example.com", 100]]],
    [["tag"], [[null, 101_100], ["x", 11], ["y", 11]]],
    [["app"], [[null, 100_206], ["=Lamp", 900], ["Desk", 5]]],
    [["key", "app"], [["a", null, 6], ["a", "Desk", 5], ["b", null, 100], ["c", null, 100], ["c", "=Lamp", 900], ["gone", null, 100_000]]],
    [["project", "day", "model"], [[null, "2027-01-15", "m", 100_000], [null, "2027-01-16", "m", 1_000], ["atlas", "2027-01-15", "m", 1], ["atlas", "2027-01-16", "m", 10], ["atlas", "2027-01-16", "n", 100]]],
    [["tag", "key"], [[null, "b", 100], [null, "c", 1_000], [null, "gone", 100_000], ["x", "a", 11], ["y", "a", 11]]],
  ])("%j", async (groupBy, expected) => expect(await told(groupBy)).toEqual(expected));

  test("an application's requests, and nobody else's", async () => {
    expect(await told(["day", "key"], { app: "Desk" })).toEqual([["2027-01-15", "a", 1], ["2027-01-16", "a", 4]]);
    expect(await told(["app"], { app: "Theirs" })).toEqual([]);
    expect(await told(["app"], {}, { ...viewer, usageScope: "key", keyId: "c" })).toEqual([[null, 100], ["=Lamp", 900]]);
    const { byApp, totals } = await usageReport(env.DB, viewer, now, span);
    expect([byApp.map(({ app, requests }) => [app, requests]), byApp.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0)]).toEqual([[[null, 100_206], ["=Lamp", 900], ["Desk", 5]], totals.costNanoUsd]);
  });

  test("a key is named, each class of usage is there, and money is whole nano-USD", async () => {
    const { rows, totals, groupBy } = await groupedUsage(env.DB, viewer, now, { ...span, filters: { key: "a" } }, { groupBy: ["key"], limit: 9 });
    expect(groupBy).toEqual(["key"]);
    expect(rows).toEqual([{
      key: "a", keyName: "Key a", requests: 11, errors: 0, inputTokens: 2, cachedTokens: 4, cacheWriteTokens: 6, outputTokens: 8, reasoningTokens: 10, costNanoUsd: 77, costUsd: 7.7e-8,
    }]);
    expect(totals).toMatchObject({ requests: 11, costNanoUsd: 77 });
  });

  test("tags count a request once each, totals count it once", async () => {
    const { rows, totals } = await groupedUsage(env.DB, viewer, now, { ...span, filters: { key: "a" } }, { groupBy: ["tag"], limit: 9 });
    expect([rows.length, totals.requests]).toEqual([2, 11]);
  });

  test("no more rows than the limit, with totals of everything", async () => {
    const { rows, totals } = await groupedUsage(env.DB, viewer, now, span, { groupBy: ["key"], limit: 2 });
    expect([rows.length, totals.requests]).toEqual([2, 101_111]);
  });
});

describe("narrowed down", () => {
  test.each<[Filters, unknown[][]]>([
    [{ model: "n" }, [["b", 100]]],
    [{ key: "b" }, [["b", 100]]],
    [{ project: "atlas" }, [["a", 11], ["b", 100]]],
    [{ member: "ADA@example.com" }, [["a", 11]]],
    [{ tag: "y" }, [["a", 11]]],
    [{ project: "atlas", model: "n" }, [["b", 100]]],
    [{ project: "atlas", key: "c" }, []],
    [{ model: "' OR 1=1 --" }, []],
    [{ tag: "x') OR (1=1" }, []],
  ])("%j", async (filters, expected) => expect(await told(["key"], filters)).toEqual(expected));

  test("by tag to one tag: the key's other tags are not told", async () => {
    expect(await told(["tag"], { tag: "y" })).toEqual([["y", 11]]);
  });

  test("no filter leads into another organisation, and none of a key beyond itself", async () => {
    const hostile: Filters[] = [{ key: "d" }, { key: "d", project: "atlas" }];
    for (const filters of hostile) expect(await told(["key"], filters)).toEqual([]);
    const shared: Filters[] = [{ project: "atlas" }, { member: "ada@example.com" }, { tag: "x" }, { model: "m" }];
    for (const filters of shared) {
      for (const [key] of await told(["key"], filters)) expect(key).not.toBe("d");
      expect(await told(["key"], filters, { organisationId: "two", usageScope: "organisation" })).toEqual([["d", 10_000]]);
      expect(await told(["key"], filters, { organisationId: "one", usageScope: "key", keyId: "d" })).toEqual([]);
      for (const [key] of await told(["key"], filters, { organisationId: "one", usageScope: "key", keyId: "a" })) expect(key).toBe("a");
    }
    expect(await told(["key"], { key: "b" }, { organisationId: "one", usageScope: "key", keyId: "a" })).toEqual([]);
  });
});

describe("the way to the rows", () => {
  const plan = async (selection: Partial<Selection>, groupBy: Dimension[]): Promise<string> => {
    // D1 keeps a statement's text to itself, so a stage in its place takes it down.
    let text = "";
    let values: unknown[] = [];
    const stage = { prepare: (sql: string) => ({ bind: (...bound: unknown[]) => { text = sql; values = bound; } }) };
    selectUsage(stage as unknown as D1Database, { ...one, ...selection }, groupBy, 10);
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${text}`).bind(...values).all<{ detail: string }>();
    return results.map(({ detail }) => detail).join("\n");
  };

  test.each<[string, Partial<Selection>, RegExp]>([
    ["an organisation's", {}, /SEARCH usage_hourly USING INDEX usage_hourly_by_organisation \(organisation_id=\? AND hour>\? AND hour<\?\)/],
    ["a key's", { keyId: "a" }, /SEARCH usage_hourly USING PRIMARY KEY \(key_id=\? AND hour>\? AND hour<\?\)/],
    ["one key's of an organisation's", { filters: { key: "a" } }, /SEARCH usage_hourly USING PRIMARY KEY \(key_id=\? AND hour>\? AND hour<\?\)/],
    ["a member's", { filters: { member: "ada@example.com" } }, /SEARCH usage_hourly USING PRIMARY KEY \(key_id=\? AND hour>\? AND hour<\?\)/],
    ["a model's", { filters: { model: "m" } }, /SEARCH usage_hourly USING INDEX usage_hourly_by_organisation \(organisation_id=\? AND hour>\? AND hour<\?\)/],
  ])("%s leads along an index, keys are found by their id", async (_, selection, expected) => {
    for (const groupBy of [[], ["day"], ["key", "project", "member"], ["hour", "model", "tag"]] as Dimension[][]) {
      const steps = await plan(selection, groupBy);
      expect(steps).toMatch(expected);
      expect(steps).not.toMatch(/SCAN (?:usage_hourly|api_keys)/);
    }
  });

  test("a hundred thousand roll-ups answer in no time", async () => {
    const months = 720;
    await env.DB.prepare(`
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 100799)
      INSERT INTO usage_hourly SELECT 'key' || (i % 20), ${hour} + (i / 20) % ${months}, 'model' || (i / 20 / ${months}), 'large', 1, 0, 1, 1, 1, 1, 1, 1 FROM n`).run();
    const large: Viewer = { organisationId: "large", usageScope: "organisation" };
    const month: Question = { fromMs: hour * 3_600_000, toMs: (hour + months) * 3_600_000 };
    const from = performance.now();
    const { totals, byKey } = await usageReport(env.DB, large, now, month);
    const { rows } = await groupedUsage(env.DB, large, now, month, { groupBy: ["day", "model", "key"], limit: 20_000 });
    expect([totals.requests, byKey.length, rows.length]).toEqual([100_800, 20, 31 * 7 * 20]);
    expect(performance.now() - from).toBeLessThan(6_000);
  });
});
