import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { app } from "../../src/app.ts";
import { createKey } from "../../src/accounts/keys.ts";
import { putBudget } from "../../src/accounts/organisation-budgets.ts";
import { keyPolicySchema } from "../../src/accounts/policy.ts";
import { percentile, rollUp, timedRequests } from "../../src/ledger/index.ts";
import { madeOf } from "../../src/dashboard/request-query.ts";
import { usualRange } from "../../src/dashboard/usage-question.ts";
import { adopt } from "../../src/pipeline/index.ts";
import { newMember, origin } from "./stage.ts";

const hourMs = 3_600_000;
const typeOf = (response: Response): string => response.headers.get("content-type")!.split(";")[0]!;
const by = { actor: "test", nowMs: Date.now() };
let member: Awaited<ReturnType<typeof newMember>>;
let ids: string[];
let secret: string;

const totals = (model: string, hour: number, cost: number, requests = 10) => ({
  hour, model, requests, errors: 1, input_tokens: 1_000, cached_tokens: 300, cache_write_tokens: 0, output_tokens: 200, reasoning_tokens: 20, cost_nano_usd: cost,
});

/** Two keys of one organisation, of which one is Grace's, with use today. */
beforeAll(async () => {
  member = await newMember("viewer");
  const make = (name: string, policy: object) => createKey(env.DB, by, env.KEY_PEPPER, { organisationId: member.organisationId, name, policy: keyPolicySchema.parse(policy), expiresAtMs: null, prefix: "sk-forge-" });
  const made = [await make("<b>web</b>", { member: "grace@example.com", limits: { budgetNanoUsd: 4_000_000_000 } }), await make("night", {})];
  ids = made.map(({ key }) => key.id);
  secret = made[0]!.secret;
  const hour = Math.floor(by.nowMs / hourMs);
  const requests = (first: number) => Array.from({ length: 4 }, (_, i) => ({
    id: `req_${(by.nowMs - 1_000 * i).toString(16).padStart(12, "0")}${first}${i}${member.organisationId}`, at: by.nowMs - 1_000 * i, sequence: i + 1,
    outcome: JSON.stringify({ model: "sun", end: i === 3 ? "client_gone" : "complete", status: 200, stream: i > 0, firstByteMs: 100 * (i + 1), totalMs: 1_000 * (i + 1), app: { name: "Notebook" } }),
  }));
  await rollUp(env.DB, { keyId: ids[0]!, organisationId: member.organisationId }, [totals("sun", hour, 3_000_000_000), totals("moon", hour, 500_000_000), { ...totals("sun", hour, 1_000_000_000, 4), app: "Notebook" }], requests(1));
  await rollUp(env.DB, { keyId: ids[1]!, organisationId: member.organisationId }, [totals("moon", hour, 250_000_000)], []);
});

test("GET /dashboard/usage is JSON for a key and a page for a browser", async () => {
  const asked = async (headers: Record<string, string>) => member.get("/usage", headers);
  expect(typeOf(await asked({}))).toBe("text/html");
  expect(typeOf(await asked({ authorization: `Bearer ${secret}` })), "a key wins over a cookie").toBe("application/json");
  expect(typeOf(await asked({ "x-api-key": secret }))).toBe("application/json");
  const program = await app.request(`${origin}/dashboard/usage`, {}, env);
  expect([program.status, typeOf(program)], "a program without a key is told so in JSON").toEqual([401, "application/json"]);
});

const page = async (query = ""): Promise<string> => (await member.get(`/usage${query}`)).text();
/** The cells of a table's body, by its caption. */
const cells = (html: string, caption: string): string[][] => {
  const table = html.slice(html.indexOf(`<caption class="hidden">${caption}</caption>`)).split("</table>")[0]!;
  return table.split("<tbody>")[1]!.split("<tr>").slice(1).map((row) => row.split("<td").slice(1).map((cell) => cell.slice(cell.indexOf(">") + 1).replace(/<[^>]*>/g, "")));
};

test("the month by model, as the ledger has it", async () => {
  const html = await page("?range=month");
  expect(cells(html, "Usage by model")).toEqual([["sun", "10", "1", "1,000", "300", "200", "$3.00", "80%"], ["moon", "20", "2", "2,000", "600", "400", "$0.75", "20%"]]);
  expect(html).toMatch(/\$3\.75 in all, the most on .*\(\$3\.75\)\. sun has 80% of it\./);
  expect(cells(html, "Cost by model")[0]!.slice(1), "and as a table beside the chart").toEqual(["$3.00", "$0.75", "$3.75"]);
});

test("by key, member, app, day and hour; what people wrote is text", async () => {
  expect(cells(await page("?by=key"), "Usage by key").map(([name]) => name)).toEqual(["&lt;b&gt;web&lt;/b&gt;", "night"]);
  expect(cells(await page("?by=member"), "Usage by member").map((row) => [row[0], row[6]])).toEqual([["grace@example.com", "$3.50"], ["No member", "$0.25"]]);
  expect(cells(await page("?by=app"), "Usage by app").map((row) => [row[0], row[1], row[6]])).toEqual([["No app named", "26", "$2.75"], ["Notebook", "4", "$1.00"]]);
  expect(cells(await page("?by=day"), "Usage by day").map(([day]) => day)).toEqual([new Date(by.nowMs).toISOString().slice(0, 10)]);
  expect(cells(await page("?by=hour&range=7d&metric=requests"), "Usage by hour").map((row) => row.slice(0, 2))).toEqual([[`${new Date(by.nowMs).toISOString().slice(0, 13).replace("T", " ")}:00`, "30"]]);
});

test("a row leads to what it is made of, and back", async () => {
  expect(await page("?range=month")).toContain('href="/dashboard/usage?range=month&amp;by=key&amp;metric=cost&amp;model=moon"');
  const moon = await page("?by=key&model=moon&range=month");
  expect(cells(moon, "Usage by key").map((row) => [row[0], row[6]])).toEqual([["&lt;b&gt;web&lt;/b&gt;", "$0.50"], ["night", "$0.25"]]);
  expect(moon).toMatch(/<a class="chip" href="\/dashboard\/usage\?range=month&amp;by=key&amp;metric=cost">Model: moon/);
  expect(cells(await page(`?key=${ids[0]}`), "Usage by model").map((row) => [row[0], row[6]])).toEqual([["sun", "$3.00"], ["moon", "$0.50"]]);
  expect(await page(`?key=${ids[0]}`)).toContain("Key: &lt;b&gt;web&lt;/b&gt;");
  expect((await (await member.get(`/usage/csv?by=key&key=${ids[1]}`)).text()).trim().split("\r\n").length, "the CSV too").toBe(2);
  expect(cells(await page("?metric=latency&app=Notebook&by=app"), "Latency").map((row) => row.slice(0, 2))).toEqual([["Notebook", "3"]]);
});

test("other days, and days that cannot be", async () => {
  expect(await page("?range=last-month")).toContain("Nothing was used in this time");
  const wrong = await member.get("/usage?range=custom&from=2026-03-02&to=2026-03-01");
  expect(wrong.status).toBe(422);
  expect(await wrong.text()).toContain("The last day lies before the first.");
  expect(await page("?range=custom&from=2020-01-01&to=2026-03-01")).toContain("At most 366 days");
  expect((await member.get("/usage?range=nonsense&by=<script>&metric=%00")).status, "what is no word of ours is taken for the usual").toBe(200);
});

test("a row's figure leads to the requests that it is made of, as long as they are kept", async () => {
  const today = new Date(by.nowMs).toISOString().slice(0, 10);
  const hour = new Date(by.nowMs).toISOString().slice(0, 13);
  const [start, month] = [`from=${today}T00%3A00`, `from=${today.slice(0, 8)}01T00%3A00`];
  expect(await page("?by=app&range=today")).toContain(`href="/dashboard/requests?app=Notebook&amp;${start}" aria-label="4 requests, Notebook"`);
  expect(await page("?by=member&model=moon&range=today")).toContain(`href="/dashboard/requests?model=moon&amp;member=grace%40example.com&amp;${start}"`);
  expect(await page("?by=key&range=month")).toContain(`href="/dashboard/requests?key=${ids[1]}&amp;${month}"`);
  expect(await page("?by=day&range=month"), "a day by itself").toContain(`<a href="/dashboard/requests?${start}">${today}</a>`);
  expect(await page("?by=hour&range=today&app=Notebook")).toContain(`href="/dashboard/requests?app=Notebook&amp;from=${hour}%3A00`);
  const long = Date.now() - 40 * 24 * hourMs;
  expect(madeOf({ by: "day", filters: {}, fromMs: long, toMs: Date.now() } as never, new Date(long).toISOString().slice(0, 10), Date.now()), "what is not kept any more").toBeUndefined();
  const yesterday = new Date(by.nowMs - 24 * hourMs).toISOString().slice(0, 10);
  expect(madeOf({ by: "day", filters: {}, fromMs: long, toMs: Date.now() } as never, yesterday, by.nowMs)).toBe(`/dashboard/requests?from=${yesterday}T00%3A00&to=${today}T00%3A00`);
});

test("the time shown is the one that says the most, and one that is none is told", async () => {
  const now = Date.UTC(2026, 10, 22, 5);
  expect([usualRange(undefined, now), usualRange(now - 4 * hourMs, now), usualRange(now - 6 * hourMs, now), usualRange(now - 6 * 24 * hourMs, now), usualRange(now - 7 * 24 * hourMs, now)]).toEqual(["today", "today", "7d", "7d", "month"]);
  const html = await page();
  expect(html).toMatch(/<option value="today" selected="">Today/);
  expect(html).toMatch(/\$3\.75 in all, the most at /);
  const odd = await page("?range=yesterday");
  expect(odd).toContain("There is no such time to choose as “yesterday”.");
  expect((await member.get("/usage/csv?range=yesterday")).status).toBe(400);
  expect(cells(await page("?range=today&by=day"), "Usage by day").map((row) => row[1])).toEqual(["30"]);
});

test("the same question as CSV", async () => {
  const response = await member.get("/usage/csv?by=key");
  expect(typeOf(response)).toBe("text/csv");
  const [head, ...rows] = (await response.text()).trim().split("\r\n");
  expect(head).toBe("day,key,key_name,requests,errors,input_tokens,cached_tokens,cache_write_tokens,output_tokens,reasoning_tokens,cost_usd,cost_nano_usd");
  expect(rows.map((row) => row.split(",").at(-1)).sort()).toEqual(["250000000", "3500000000"]);
  expect((await member.get("/usage/csv?range=custom&from=2026-03-02&to=2026-03-01")).status).toBe(400);
});

test("latency, of answered requests of this organisation alone", async () => {
  const html = await page("?metric=latency");
  expect(cells(html, "Latency")).toEqual([["sun", "3", "200 ms", "300 ms", "2 s", "3 s"]]);
  expect(html).toContain("Measured on 3 answered requests");
  expect(html, "one hour is no line, but figures").not.toContain("Latency over time");
  expect(html).toMatch(/Whole answer, median<\/dt><dd>2 s<\/dd><dd class="note">95th percentile 3 s/);
  const span = { fromMs: by.nowMs - hourMs, toMs: by.nowMs + hourMs };
  expect(await timedRequests(env.DB, "org_of_somebody_else", span)).toEqual([]);
  expect(await timedRequests(env.DB, member.organisationId, { ...span, toMs: span.fromMs })).toEqual([]);
  expect([percentile([5, 1, 3], 0.5), percentile([1, 2], 0.95), percentile([], 0.5)]).toEqual([3, 2, null]);
});

test("latency of a single day is told by its hours, and not as one dot", async () => {
  const other = await newMember("viewer");
  const { key } = await createKey(env.DB, by, env.KEY_PEPPER, { organisationId: other.organisationId, name: "k", policy: keyPolicySchema.parse({}), expiresAtMs: null, prefix: "sk-forge-" });
  const ended = (at: number, sequence: number) => ({
    id: `req_${at.toString(16).padStart(12, "0")}0${other.organisationId}`, at, sequence, outcome: JSON.stringify({ model: "sun", end: "complete", status: 200, stream: false, firstByteMs: 1, totalMs: 1_000 * sequence }),
  });
  const times = [by.nowMs - 3 * hourMs, by.nowMs];
  await rollUp(env.DB, { keyId: key.id, organisationId: other.organisationId }, times.map((at) => totals("sun", Math.floor(at / hourMs), 1)), times.map((at, i) => ended(at, i + 1)));
  const html = await (await other.get("/usage?metric=latency&range=30d")).text();
  expect(html).toContain("Latency over time");
  const hours = cells(html, "Latency over time");
  expect(hours.map((row) => row[3])).toEqual(["2 s", "–", "–", "1 s"]);
  expect(hours[0]![0]).toMatch(/\d\d:00$/);
});

test("budgets, and what is left of them", async () => {
  const { accounts, standings } = await putBudget(env.DB, by, member.organisationId, { id: "all", scope: "organisation", unit: "nanoUsd", window: "month", rolling: false, amount: 10_000_000_000, soft: [] });
  await adopt(env, standings, accounts);
  const html = await page("?range=month");
  expect(html, "a sentence, and no formula").toContain("for each day that is left what the last days cost on average.");
  expect(html).toContain("<strong>Month&#39;s budget of organisation</strong><span>$10.00 left</span>");
  expect(html).toContain("<strong>&lt;b&gt;web&lt;/b&gt;, in all</strong><span>$0.50 left</span>");
  expect(html).toContain("$3.50 of $4.00 spent");
});
