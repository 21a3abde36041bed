/**
 * Secrets and a prompt are planted, every route and every failure is driven, and then everything that came out is searched:
 * answers, console, calls to providers, D1, the keys' Durable Objects.
 */
import { listDurableObjectIds, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { filled, methodOf, routes, type Route } from "./routes.ts";
import { admin, answer, bearer, call, fillCatalog, newKey, outside, send, type Json, type Key, type Left } from "./stage.ts";

const vars = env as unknown as Record<string, string>;
const providerKeys = { "api.openai.com": vars.OPENAI_API_KEY!, "api.groq.com": vars.GROQ_API_KEY!, "api.stripe.com": vars.STRIPE_SECRET_KEY! };
const credential = "sk-credential-of-an-organisation/with+odd=signs\"and\\more";
/** Brought in a request's header. */
const brought = "sk-brought-by-a-client/with+odd=signs'and\\more";
const broughtKeys = { "x-provider-api-keys": JSON.stringify({ openai: brought, groq: brought }) };
const prompt = "the treasure lies under the oak";

/** Where something came out, and what. A minted key is taken out of the one answer that hands it over. */
const out: { where: string; text: string }[] = [];
const left: Left[] = [];
const minted = new Set<string>();
let key: Key;
let byo: Key;
let sovereign: Key;

const echoing = ({ headers, body }: Left, status: number, type = "application/json"): Response => {
  const heard = JSON.stringify({ error: { message: `bad: ${[...headers].map((pair) => pair.join(": ")).join("; ")} ${body.length}`, type: "x", param: null, code: "echo" } });
  return new Response(heard, { status, headers: { "content-type": type, "x-request-id": headers.get("authorization") ?? "none", "set-cookie": "a=b", "retry-after": headers.get("authorization") ?? "1" } });
};

const stream = ({ url, body }: Left, ...events: string[]): Response =>
  url.endsWith("/chat/completions") && body.includes('"stream":true') ? new Response(events.map((event) => `data: ${event}\n\n`).join(""), { headers: { "content-type": "text/event-stream" } }) : answer();

/** Ways an upstream can behave. */
const plays: Record<string, (left: Left) => Response | Promise<Response>> = {
  "answers": answer,
  "streams": (one) => stream(one, '{"choices":[{"index":0,"delta":{"content":"hi"},"finish_reason":"stop"}]}', "[DONE]"),
  "streams half": (one) => stream(one, '{"choices":[{"index":0,"delta":{"content":"hi"}}]}'),
  "streams an error that echoes": (one) => stream(one, JSON.stringify({ error: { message: [...one.headers].join() } })),
  "streams text, then an error that echoes": (one) => stream(one, '{"choices":[{"index":0,"delta":{"content":"hi"}}]}', JSON.stringify({ error: { message: [...one.headers].join() } })),
  "answers with an error that echoes": (one) => Response.json({ error: { message: [...one.headers].join() } }),
  "answers with a page": () => new Response("<html>no</html>", { headers: { "content-type": "text/html" } }),
  "redirects": () => new Response(null, { status: 307, headers: { location: "https://elsewhere.example/" } }),
  "cannot be reached": ({ headers }) => Promise.reject(new Error(`connect failed, sent ${headers.get("authorization")}`)),
  ...Object.fromEntries([400, 401, 402, 403, 404, 408, 409, 413, 415, 418, 422, 429, 500, 502, 503, 529].map((status) => [`echoes with ${status}`, (one: Left) => echoing(one, status)])),
  "echoes as text": (one) => echoing(one, 500, "text/plain"),
};

async function note(where: string, response: Response): Promise<Json | undefined> {
  const headers = [...response.headers].map((pair) => pair.join(": ")).join("\n");
  let text = new TextDecoder().decode(await response.arrayBuffer());
  let json: Json | undefined;
  try {
    json = JSON.parse(text) as Json;
  } catch {
    json = undefined;
  }
  if (response.ok && typeof json?.secret === "string") {
    minted.add(json.secret);
    text = text.replace(json.secret, "");
  }
  out.push({ where, text: `${headers}\n${text}` });
  return json;
}

/** Films outlive their requests: their providers say that they have failed. */
async function endFilms(): Promise<void> {
  for (const id of await listDurableObjectIds(env.VIDEO_JOB)) await runDurableObjectAlarm(env.VIDEO_JOB.get(id));
}

const drive = async (who: string, secret: string, route: Route, body: unknown = route.body, headers: Record<string, string> = {}): Promise<void> => {
  const path = filled(route.path, { organisation: key.organisation, key: byo.id });
  const text = body === undefined ? undefined : filled(JSON.stringify(body), { organisation: key.organisation, credential: JSON.stringify(credential).slice(1, -1) });
  await note(`${who}: ${route.route}`, await send(path, { method: methodOf(route), headers: { ...bearer(secret), ...(body !== undefined && { "content-type": "application/json" }), ...headers }, body: text }));
};

beforeAll(async () => {
  for (const level of ["log", "info", "warn", "error", "debug", "trace"] as const) {
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void out.push({ where: `console.${level}`, text: parts.map(String).join(" ") }));
  }
  let play = plays.answers!;
  const leaving = outside((one) => play(one));
  await fillCatalog();
  [key, byo, sovereign] = (await Promise.all([newKey(), newKey(), newKey({ sovereign: true })])) as [Key, Key, Key];
  for (const { secret } of [key, byo, sovereign]) minted.add(secret);
  await admin("PUT", `/organisations/${byo.organisation}/credentials/openai`, { secret: credential });
  await admin("PATCH", `/organisations/${byo.organisation}`, { headerCredentials: true });
  await admin("PUT", "/aliases/anywhere", { targets: ["gpt-test", "selfhosted/local-test"] });

  const spending = routes.filter(({ by, body, again, free, lasting, form }) => by === "key" && body && !again && !free && !lasting && !form);
  for (const [name, one] of Object.entries(plays)) {
    play = one;
    for (const [who, { secret }] of Object.entries({ key, byo, sovereign })) {
      for (const route of spending) {
        for (const model of ["openai/gpt-test", "anywhere"]) await drive(`${who}, ${model}, upstream ${name}`, secret, route, { ...route.body, model });
        await drive(`${who}, stream, upstream ${name}`, secret, route, { ...route.body, stream: true });
        if (secret === byo.secret) for (const stream of [false, true]) await drive(`${who}, brought keys, stream ${stream}, upstream ${name}`, secret, route, { ...route.body, model: "gpt-test", stream }, broughtKeys);
      }
    }
  }
  const selling = routes.find(({ route }) => route.endsWith("/checkout"))!;
  for (const name of ["answers with a page", "cannot be reached", "echoes with 400", "echoes with 401", "echoes with 403", "echoes as text"]) {
    play = plays[name]!;
    await drive(`Stripe ${name}`, env.ADMIN_SECRET, selling);
  }
  play = plays.answers!;
  const planted = { "x-api-key": key.secret, cookie: `session=${env.ADMIN_SECRET}`, "x-forwarded-for": "1.2.3.4", "openai-organization": "org-of-client", traceparent: key.secret };
  for (const route of routes) {
    await drive("with headers of all kinds", route.by === "admin" ? env.ADMIN_SECRET : key.secret, route, route.body, planted);
    await drive("brought keys", byo.secret, route, route.body, { ...broughtKeys, "idempotency-key": route.route });
    for (const slip of [brought, `{"openai":${brought}}`, JSON.stringify({ [brought]: "openai" }), JSON.stringify({ openai: `${brought}\n` + brought })]) await drive("brought keys, wrongly", byo.secret, route, route.body, { "x-provider-api-keys": slip });
    await drive("twice", route.by === "admin" ? env.ADMIN_SECRET : byo.secret, route);
    await drive("admin secret", env.ADMIN_SECRET, route);
    await drive("api key", key.secret, route);
    await drive("pepper", env.KEY_PEPPER, route);
    await drive("provider's key", vars.OPENAI_API_KEY!, route);
    if (route.body) for (const body of [{}, [], { ...route.body, extra: key.secret }, { model: key.secret, messages: key.secret, input: key.secret, name: 7 }]) await drive("odd body", route.by === "admin" ? env.ADMIN_SECRET : key.secret, route, body);
  }
  play = () => Response.json({ id: "c", status: "failed" });
  await endFilms();
  play = plays.answers!;
  await note("missing page", await call(key.secret, "GET", "/nowhere"));
  await vi.waitFor(async () => {
    for (const { id } of [key, byo, sovereign]) expect((await env.KEY_METER.getByName(id).inspect()).counters.held.requests).toBe(0);
  }, 5_000);
  for (const { id } of [key, byo, sovereign]) await env.KEY_METER.getByName(id).flush();
  left.push(...leaving);
}, 120_000);
afterAll(() => void vi.restoreAllMocks());

/** Rows of every table, as text. */
async function rowsOf(tables: string[], read: (table: string) => unknown[] | Promise<unknown[]>, where: string): Promise<{ where: string; text: string }[]> {
  return Promise.all(tables.map(async (table) => ({ where: `${where}.${table}`, text: JSON.stringify(await read(table)) })));
}

async function stored(): Promise<{ where: string; text: string }[]> {
  const listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";
  const inD1 = (await env.DB.prepare(listed).all<{ name: string }>()).results.map(({ name }) => name);
  const d1 = await rowsOf(inD1, async (table) => (await env.DB.prepare(`SELECT * FROM ${table}`).all()).results, "D1");
  const objects = await Promise.all([key, byo, sovereign].map(({ id }) =>
    runInDurableObject(env.KEY_METER.getByName(id), (_, { storage }) => {
      const tables = storage.sql.exec<{ name: string }>(listed).toArray().map(({ name }) => name);
      return rowsOf(tables, (table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray(), id);
    })));
  return [...d1, ...objects.flat()];
}

/** Places whose text holds `secret`, as it is or as JSON writes it. */
const holding = (secret: string, places: { where: string; text: string }[]): string[] => {
  const forms = [secret, JSON.stringify(secret).slice(1, -1), JSON.stringify(JSON.stringify(secret)).slice(3, -3)];
  return [...new Set(places.filter(({ text }) => forms.some((form) => text.includes(form))).map(({ where }) => where))];
};

/** A key that a client wrote into its own request's model or name is named back to it alone. */
const ownWords = /^odd body: /;
const secrets = (): [string, string][] => [
  ["admin secret", env.ADMIN_SECRET], ["pepper", env.KEY_PEPPER], ["master of credentials", vars.CREDENTIALS_SECRET!],
  ["OpenAI's key", vars.OPENAI_API_KEY!], ["Groq's key", vars.GROQ_API_KEY!], ["an organisation's credential", credential], ["a key in a header", brought],
  ["Stripe's key", vars.STRIPE_SECRET_KEY!], ["Stripe's signing secret", vars.STRIPE_WEBHOOK_SECRET!],
];
/** Beside these a provider is sent no header. */
const usual = ["content-type", "user-agent", "authorization"];
const others: Readonly<Record<string, readonly string[]>> = {
  "api.stripe.com": ["accept", "content-length", "idempotency-key", "stripe-version", "x-stripe-client-user-agent"], "hooks.example": ["x-forge-idempotency-key", "x-forge-signature"],
};

test("the drive reached everything", () => {
  expect(out.length).toBeGreaterThan(600);
  expect(new Set(left.map(({ host }) => host))).toEqual(new Set(["api.openai.com", "api.groq.com", "self.example", "api.stripe.com", "hooks.example"]));
  expect(left.some(({ headers }) => headers.get("authorization") === `Bearer ${credential}`)).toBe(true);
  for (const host of ["api.openai.com", "api.groq.com"]) expect(left.some((one) => one.host === host && one.headers.get("authorization") === `Bearer ${brought}`)).toBe(true);
  expect(minted.size).toBeGreaterThan(5);
});

describe("no secret comes out", () => {
  test("in an answer or on the console", () => {
    for (const [name, secret] of secrets()) expect([name, holding(secret, out)]).toEqual([name, []]);
    for (const secret of minted) expect(holding(secret, out).filter((where) => !ownWords.test(where))).toEqual([]);
  });

  test("in D1 or in a key's object", async () => {
    const places = await stored();
    expect(places.map(({ where }) => where)).toEqual(expect.arrayContaining(["D1.api_keys", "D1.requests", "D1.usage_hourly", "D1.audit_events", `${key.id}.entry`]));
    for (const [name, secret] of secrets()) expect([name, holding(secret, places)]).toEqual([name, []]);
    for (const secret of minted) expect(holding(secret, places)).toEqual([]);
  });

  test("to a provider, but its own key to itself in its own header", () => {
    for (const { host, url, headers, body } of left) {
      expect([...headers.keys()].sort().filter((name) => ![...usual, ...(others[host] ?? [])].includes(name))).toEqual([]);
      const expected = host === "self.example" || host === "hooks.example" ? [null] : [`Bearer ${providerKeys[host as keyof typeof providerKeys]}`, ...(host === "api.openai.com" ? [`Bearer ${credential}`] : []), ...(["api.openai.com", "api.groq.com"].includes(host) ? [`Bearer ${brought}`] : [])];
      expect(expected).toContain(headers.get("authorization"));
      const rest = [{ where: url, text: `${url}\n${headers.get("user-agent")}\n${headers.get("content-type")}` }];
      for (const secret of [...secrets().map(([, one]) => one), ...minted]) expect(holding(secret, rest)).toEqual([]);
      for (const [, secret] of secrets()) expect(holding(secret, [{ where: "body", text: body }])).toEqual([]);
    }
  });
});

test("no prompt is written down or logged", async () => {
  expect(left.some(({ body }) => body.includes(prompt))).toBe(true);
  expect(holding(prompt, [...(await stored()), ...out.filter(({ where }) => where.startsWith("console"))])).toEqual([]);
});

test("nothing that a client sends is an exception here", () => {
  expect(out.filter(({ where }) => where.startsWith("console.error"))).toEqual([]);
});

test("a sovereign key's prompts went to the self-hosted server alone", async () => {
  const before = left.length;
  const leaving = outside();
  for (const model of ["openai/gpt-test", "gpt-test", "anywhere", "selfhosted/local-test"]) await (await call(sovereign.secret, "POST", "/v1/chat/completions", { model, messages: [{ role: "user", content: prompt }] })).text();
  expect(new Set(leaving.map(({ host }) => host))).toEqual(new Set(["self.example"]));
  expect(left.length).toBe(before);
});
