/** The usage views over HTTP: what may be asked, by whom, and in which form it comes. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, call, expectRefusal, expectSealed, newKey, outside, type Json, type Key } from "../security/stage.ts";

const now = Date.UTC(2026, 10, 21, 10, 30);
const hourOf = (ms: number): number => Math.floor(ms / 3_600_000);
const dayMs = 86_400_000;

let mine: Key;
let lead: Key;
let theirs: Key;

const used = (key: Key, at: number, model: string, requests: number): D1PreparedStatement =>
  env.DB.prepare("INSERT INTO usage_hourly VALUES (?, ?, ?, ?, ?, 0, 1, 2, 3, 4, 5, ?)").bind(key.id, hourOf(at), model, key.organisation, requests, requests * 1_000);

beforeAll(async () => {
  mine = await newKey({ project: "atlas", member: "ada@example.com", tags: ["night"] });
  lead = await newKey({ usageScope: "organisation", member: "ada@example.com" }, mine.organisation);
  theirs = await newKey({ usageScope: "organisation", project: "atlas", member: "ada@example.com", tags: ["night"] });
  await env.DB.batch([
    used(mine, now, "m", 1), used(mine, now - dayMs, "=n", 10), used(mine, Date.UTC(2026, 9, 31, 23), "m", 100),
    used(lead, now, "m", 1_000), used(theirs, now, "m", 10_000),
  ]);
});
beforeEach(() => {
  outside();
  vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(now);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const ask = (key: Key, query: string, headers: Record<string, string> = {}): Promise<Response> => call(key.secret, "GET", `/dashboard/usage${query}`, undefined, headers);
const operator = (query: string, headers: Record<string, string> = {}): Promise<Response> => call(env.ADMIN_SECRET, "GET", `/admin/usage${query}`, undefined, headers);

async function json(answer: Promise<Response>): Promise<Json> {
  const response = await answer;
  expectSealed(response);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as Json;
}

describe("what is asked", () => {
  test("nothing: this month, by everything, and a forecast", async () => {
    const usage = await json(ask(mine, ""));
    expect(usage).toMatchObject({ object: "usage", scope: "key", month: "2026-11", from: "2026-11-01T00:00:00.000Z", to: "2026-12-01T00:00:00.000Z", totals: { requests: 11 } });
    for (const list of ["byModel", "byKey", "byDay", "byProject", "byMember", "byTag"]) expect(usage[list].reduce((sum: number, row: Json) => sum + row.requests, 0)).toBe(11);
    expect(usage.forecast.costUsd).toBeGreaterThan(usage.totals.costUsd);
    expect(usage.forecast).toMatchObject({ month: "2026-11", method: expect.stringContaining("80% interval") });
  });

  test.each<[string, string, string, number]>([
    ["?from=2026-11-21", "2026-11-21T00:00:00.000Z", "2026-12-01T00:00:00.000Z", 1],
    ["?from=2026-11-20&to=2026-11-20", "2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z", 10],
    ["?to=2026-10-31", "2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z", 100],
    ["?to=2026-11-01T00:00:00Z", "2026-10-01T00:00:00.000Z", "2026-11-01T00:00:00.000Z", 100],
    ["?from=2026-10-31T23:59:59&to=2026-11-01T00:30:00Z", "2026-10-31T23:00:00.000Z", "2026-11-01T01:00:00.000Z", 100],
    ["?from=2026-11-21T11:00:00%2B01:00&to=2026-11-21T12:00:00%2B01:00", "2026-11-21T10:00:00.000Z", "2026-11-21T11:00:00.000Z", 1],
    ["?from=2026-10-01", "2026-10-01T00:00:00.000Z", "2026-12-01T00:00:00.000Z", 111],
  ])("%s", async (query, from, to, requests) => {
    expect(await json(ask(mine, query))).toMatchObject({ from, to, totals: { requests } });
  });

  test("by groups, in their order, and narrowed down", async () => {
    const usage = await json(ask(lead, "?from=2026-10-01&group_by=member,day&project=atlas"));
    expect(usage.groupBy).toEqual(["member", "day"]);
    expect(usage.rows.map(({ member, day, requests }: Json) => [member, day, requests])).toEqual([["ada@example.com", "2026-10-31", 100], ["ada@example.com", "2026-11-20", 10], ["ada@example.com", "2026-11-21", 1]]);
    expect(usage.byModel).toBeUndefined();
  });
});

describe("CSV", () => {
  test.each<[string, string, Record<string, string>]>([
    ["format=csv", "?format=csv", {}],
    ["format=csv, although JSON is accepted", "?format=csv", { accept: "application/json" }],
    ["what the client accepts", "", { accept: "text/csv" }],
    ["what the client likes best", "", { accept: "application/json;q=0.5, text/csv" }],
  ])("by %s, with a file name, by day, model and key", async (_, query, headers) => {
    const response = await ask(mine, query, headers);
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="usage-2026-11-01-2026-11-30.csv"');
    expect(response.headers.get("cache-control")).toBe("private, no-store");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect((await response.text()).split("\r\n")).toEqual([
      "day,model,key,key_name,requests,errors,input_tokens,cached_tokens,cache_write_tokens,output_tokens,reasoning_tokens,cost_usd,cost_nano_usd",
      `2026-11-20,'=n,${mine.id},test,10,0,1,2,3,4,5,0.00001,10000`,
      `2026-11-21,m,${mine.id},test,1,0,1,2,3,4,5,0.000001,1000`,
      "",
    ]);
  });

  test.each<[string, string]>([["?format=json", "text/csv"], ["", "*/*"], ["", "text/html,application/xhtml+xml"], ["", "text/csv;q=0.1, application/json"]])("is not what %j with Accept %j gets", async (query, accept) => {
    expect((await ask(mine, query, { accept })).headers.get("content-type")).toBe("application/json");
  });

  test("for the operator too", async () => {
    const response = await operator(`?organisation=${mine.organisation}&format=csv&group_by=project`);
    expect((await response.text()).split("\r\n").slice(1)).toEqual([",1000,0,1,2,3,4,5,0.001,1000000", "atlas,11,0,2,4,6,8,10,0.000011,11000", ""]);
    expect(response.headers.get("cache-control")).toBe("private, no-store");
  });

  test("of more rows than an answer may have is refused, in either form", async () => {
    const many = await newKey();
    await env.DB.prepare(`
      WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
      INSERT INTO usage_hourly SELECT ?1, ?2, 'model' || i, ?3, 1, 0, 1, 1, 1, 1, 1, 1 FROM n`).bind(many.id, hourOf(now), many.organisation).run();
    for (const query of ["?format=csv", "?group_by=model"]) {
      const { message, param } = await expectRefusal(await ask(many, query), 400, "invalid_request");
      expect([message, param]).toEqual([expect.stringContaining("more than 20000 rows"), "group_by"]);
    }
    await env.DB.prepare("DELETE FROM usage_hourly WHERE key_id = ? AND model = 'model0'").bind(many.id).run();
    expect((await (await ask(many, "?format=csv")).text()).split("\r\n")).toHaveLength(20_002);
  });
});

describe("what cannot be asked", () => {
  const bad: [string, string | null][] = [
    ["?group_by=", "group_by[0]"], ["?group_by=organisation", "group_by[0]"], ["?group_by=day,cost", "group_by[1]"], ["?group_by=day,day", "group_by"], ["?group_by=day,model,key,tag", "group_by"],
    ["?group_by=day%20DESC", "group_by[0]"], ["?group_by=__proto__", "group_by[0]"], ["?group_by=constructor,toString", "group_by[0]"],
    ["?from=yesterday", "from"], ["?from=2026-02-30", "from"], ["?from=2026-11-21T25:00:00Z", "from"], ["?from=2026-11-21T10:00:00+01:00", "from"], ["?from=", "from"], ["?from=1700000000", "from"],
    ["?from=2026-11-22&to=2026-11-21", "to"], ["?from=2027-01-01", "to"], ["?from=2026-11-21T00:00:00Z&to=2026-11-21T00:00:00Z", "to"], ["?from=2025-01-01&to=2026-11-21", "from"], ["?from=0001-01-01", "from"],
    ["?format=xml", "format"], ["?format=CSV", "format"], ["?key=", "key"], ["?key=a%2Fb", "key"], ["?key=%27%20OR%201=1%20--", "key"], ["?model=", "model"], [`?tag=${"x".repeat(300)}`, "tag"],
    ["?key=a&key=b", "key"], ["?member=a@example.com&member=b@example.com", "member"], ["?key[]=a", null], ["?organisation=other", null], ["?limit=5", null], ["?__proto__=x&x=y", null],
  ];

  test.each(bad)("%s", async (query, param) => {
    const error = await expectRefusal(await ask(mine, query), 400, "invalid_request");
    expect(error.param).toBe(param);
    if (query === "?organisation=other") return;
    await expectRefusal(await operator(`?organisation=${mine.organisation}&${query.slice(1)}`), 400, "invalid_request");
  });

  test("the key is asked for before the question is looked at", async () => {
    await expectRefusal(await call("sk-forge-nonsense", "GET", "/dashboard/usage?from=nonsense"), 401, "invalid_api_key");
    await expectRefusal(await call(mine.secret, "GET", "/admin/usage?from=nonsense"), 401, "invalid_admin_secret");
  });
});

describe("who sees whom", () => {
  const filters = () => ["", `key=${theirs.id}`, `key=${lead.id}`, "project=atlas", "member=ada@example.com", "tag=night", "model=m", `key=${theirs.id}&project=atlas&member=ada@example.com&tag=night`];
  const groups = ["", "group_by=key", "group_by=key,member,tag", "group_by=project,tag,model", "group_by=hour,key", "format=csv&group_by=key,project"];

  test("a key sees itself, by no question another of its organisation, nor another organisation's", async () => {
    for (const filter of filters()) {
      for (const group of groups) {
        const query = `?from=2026-10-01&${[filter, group].filter(Boolean).join("&")}`;
        const own = await (await ask(mine, query)).text();
        expect(own).not.toContain(theirs.id);
        expect(own).not.toContain(lead.id);
        const all = await (await ask(lead, query)).text();
        expect(all).not.toContain(theirs.id);
        const other = await (await ask(theirs, query)).text();
        expect(other).not.toContain(mine.id);
        expect(other).not.toContain(lead.id);
      }
    }
  });

  test("the key of another yields nothing, as one that nobody made", async () => {
    for (const id of [theirs.id, "key_none"]) {
      const usage = await json(ask(lead, `?key=${id}`));
      expect([usage.totals.requests, usage.byKey, usage.byDay, usage.forecast.costUsd]).toEqual([0, [], [], 0]);
    }
    expect((await json(ask(mine, `?key=${lead.id}`))).totals.requests).toBe(0);
    expect((await json(ask(lead, `?key=${mine.id}`))).totals.requests).toBe(11);
  });

  test("the operator sees any organisation, one at a time, and a person by her keys there", async () => {
    const seen = async (query: string): Promise<number> => (await json(operator(query))).totals.requests as number;
    expect(await seen(`?organisation=${mine.organisation}`)).toBe(1_011);
    expect(await seen(`?organisation=${mine.organisation}&member=Ada@Example.com`)).toBe(1_011);
    expect(await seen(`?organisation=${mine.organisation}&member=ada@example.com&tag=night`)).toBe(11);
    expect(await seen(`?organisation=${mine.organisation}&member=bob@example.com`)).toBe(0);
    expect(await seen(`?organisation=${theirs.organisation}`)).toBe(10_000);
    expect(await seen(`?organisation=${mine.organisation}&key=${theirs.id}`)).toBe(0);
    await expectRefusal(await operator("?organisation=nobody"), 404, "not_found");
    expect((await expectRefusal(await operator(""), 400, "invalid_request")).param).toBe("organisation");
    expect((await expectRefusal(await operator("?organisation=a&organisation=b"), 400, "invalid_request")).param).toBe("organisation");
  });

  test("a key that changes its project takes its past along", async () => {
    vi.useRealTimers();
    const moving = await newKey({ project: "old" });
    await used(moving, Date.now(), "m", 5).run();
    await admin("PATCH", `/keys/${moving.id}`, { policy: { project: "new" } });
    expect((await json(ask(moving, "?group_by=project"))).rows).toMatchObject([{ project: "new", requests: 5 }]);
  });
});
