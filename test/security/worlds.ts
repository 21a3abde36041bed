/** Random installations and random requests to them: what fast-check draws, and how a drawn world is built. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { admin, type Json } from "./stage.ts";
import { methodOf, routes, type Route } from "./routes.ts";

export const selfHosts = ["self.example", "second.self.example"];
/** Whoever is no machine of the owner's: providers, and those that a failing server points to. */
export const elsewhere = "evil.example";

const picks = ["order", "cheapest", "fastest", "throughput", "weighted"] as const;
const cloud = ["openai/gpt-test", "groq/gpt-test", "anthropic/claude-test", "gemini/gemini-test", "openrouter/some/model", "gpt-test", "claude-test", "openai/*"];
const own = ["selfhosted/local-test", "local-test", "selfhosted/gpt-test", "selfhosted/*", "*"];
const aliasNames = ["auto", "mixed", "second", "local-test", "gpt-test"];
const target = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...cloud) }, { weight: 4, arbitrary: fc.constantFrom(...own) }, { weight: 1, arbitrary: fc.constantFrom(...aliasNames) });

const alias = fc.record({
  name: fc.constantFrom(...aliasNames),
  everyones: fc.boolean(),
  pick: fc.constantFrom(...picks),
  hedges: fc.boolean(),
  continues: fc.boolean(),
  targets: fc.uniqueArray(fc.record({ name: target, weight: fc.integer({ min: 1, max: 9 }) }), { minLength: 1, maxLength: 5, selector: ({ name }) => name }),
});

const organisation = fc.record({
  plan: fc.constantFrom("default", "default", "default", "enterprise", "enterprise", "enterprise", "enterprise", "enterprise", "enterprise", "free"),
  credential: fc.option(fc.record({ provider: fc.constantFrom("openai", "groq", "anthropic"), only: fc.boolean() }), { nil: undefined }),
  headerCredentials: fc.constantFrom(true, true, true, false),
  aliases: fc.uniqueArray(alias, { minLength: 2, maxLength: 8, selector: ({ name, everyones }) => `${name} ${everyones}` }),
  key: fc.record({ models: fc.constantFrom(undefined, undefined, undefined, [], ["*"], ["selfhosted/*"], ["openai/*", "local-test"], ["auto", "mixed"]), onDisconnect: fc.option(fc.constantFrom("cancel", "drain"), { nil: undefined }) }),
});

/** What the operator has made of the catalog: a model of the owner's servers may be said to be served by anybody. */
const edit = fc.record({
  deployment: fc.constantFrom("openai/gpt-test", "groq/local-test", "anthropic/local-test", "openrouter/claude-test", "selfhosted/local-test", "selfhosted/own-test"), model: fc.constantFrom("gpt-test", "claude-test", "local-test"),
  serves: fc.constantFrom(true, true, true, false),
});

/** `served`: which models the owner's servers say they have; a model of the catalog may be among them, with or without a price there. */
export const worldOf = fc.record({
  origins: fc.integer({ min: 1, max: 2 }),
  served: fc.constantFrom(["local-test"], ["local-test", "gpt-test"], ["local-test", "gpt-test"], ["local-test", "gpt-test", "claude-test"], ["gpt-test", "claude-test"], []),
  listing: fc.constantFrom("lists", "lists", "lists", "lists", "lists", "lists", "redirects", "fails"),
  inCatalog: fc.subarray(["openai/gpt-test", "groq/gpt-test", "anthropic/claude-test", "selfhosted/gpt-test", "openrouter/gpt-test"]),
  edits: fc.uniqueArray(edit, { maxLength: 3, selector: ({ deployment }) => deployment }),
  open: organisation,
  sovereign: organisation,
});
export type World = typeof worldOf extends fc.Arbitrary<infer T> ? T : never;

/** Whose flag makes a request sovereign; `none`: it is not, and may go anywhere. */
const flags = ["header", "header", "header", "key", "key", "key", "organisation", "organisation", "organisation", "all", "all", "none"] as const;

export const ways = [
  "answers", "answers", "streams", "streams half", "streams an error", "text, then an error", "answers with an error", "answers with a page", "redirects", "redirects for good", "redirects a stream",
  "refuses", "fails", "is busy", "is away", "is silent", "breaks off",
] as const;
export type Play = (typeof ways)[number];

/** The table's routes that take what a model shall read. */
const asking: readonly Route[] = routes.filter(({ by, body, lasting }) => by === "key" && JSON.stringify(body ?? "").includes("canary prompt") && !lasting);

const wish = fc.record({
  order: fc.constantFrom(["openai"], ["groq", "anthropic"], ["selfhosted", "openai"]), only: fc.constantFrom(["openai"], ["selfhosted"], ["anthropic", "groq"]), ignore: fc.constantFrom(["selfhosted"], ["openai"]),
  allow_fallbacks: fc.boolean(), require_parameters: fc.boolean(), zdr: fc.boolean(), data_collection: fc.constantFrom("allow", "deny"), sort: fc.constantFrom("price", "throughput", "latency"),
}, { requiredKeys: [] });

const named = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...own.filter((name) => !name.endsWith("*"))) },
  { weight: 6, arbitrary: fc.constantFrom(...aliasNames) },
  { weight: 3, arbitrary: fc.constantFrom(...cloud.filter((name) => !name.endsWith("*"))) },
  { weight: 1, arbitrary: fc.constantFrom("https://evil.example/x", "openai@evil.example/x", "selfhosted/../x", "selfhosted/x?host=evil.example", "openai/../../evil", "nobody/knows") },
);

/** Now and then some of these, mostly none: each may be a reason to refuse the request. */
const seldom = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constantFrom(...(Object.keys(fields) as (keyof T)[])).chain((field) => fields[field].map((value) => ({ [field]: value }) as unknown as Partial<T>)) }, { weight: 1, arbitrary: fc.record(fields, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>> });

export const requestOf = fc.record({
  by: fc.constantFrom(...flags),
  said: fc.constantFrom("true", "TRUE", "1", "yes", "", " true ", "true, true", "required"),
  route: fc.constantFrom(...asking),
  model: fc.tuple(named, fc.constantFrom("", "", "", "", "", "", ":floor", ":nitro", ":free", ":online")).map(([name, suffix]) => name + suffix),
  stream: fc.boolean(),
  fields: seldom({
    models: fc.constantFrom([], ["openai/gpt-test"], ["selfhosted/local-test", "groq/gpt-test"]), provider: wish, session_id: fc.constantFrom("one", "two"), max_tokens: fc.constant(50),
    base_url: fc.constant("https://evil.example"), tools: fc.constant([{ type: "function", function: { name: "f", parameters: { type: "object" } } }]),
  }),
  headers: seldom({
    "x-forge-continue": fc.constantFrom("true", "false"), "x-forge-hedge": fc.constantFrom("true", "1"), "x-forge-strict": fc.constant("true"), "x-forge-protocol": fc.constantFrom("openai-chat", "openai-responses"),
    "x-provider-api-keys": fc.constantFrom('{"openai":"sk-brought"}', '{"groq":"sk-brought","anthropic":"sk-brought"}'), "x-forwarded-host": fc.constant("evil.example"), "x-forge-cost": fc.constant("false"),
  }),
  name: fc.option(fc.constantFrom("fresh", "fresh", "again"), { nil: undefined, freq: 2 }),
  leaves: fc.boolean(),
  plays: fc.array(fc.constantFrom(...ways), { minLength: 1, maxLength: 4 }),
}, { noNullPrototype: true });
export type Asked = typeof requestOf extends fc.Arbitrary<infer T> ? T : never;

/** The secrets of a world's keys: a plain one and a sovereign one of the same organisation, and one whose organisation is sovereign. */
export type Built = { readonly env: Cloudflare.Env; readonly keys: { readonly plain: string; readonly sovereign: string; readonly ofSovereign: string }; readonly sent: Json[] };

const limits = { requestsPerMinute: 1_000_000, concurrentRequests: 1_000 };

async function buildOrganisation({ plan, credential, headerCredentials, aliases, key }: World["open"], sovereign: boolean): Promise<{ id: string; secret: (policy: Json) => Promise<string> }> {
  const { id } = await admin("POST", "/organisations", { name: "Drawn", plan, sovereign });
  if (headerCredentials) await admin("PATCH", `/organisations/${id}`, { headerCredentials });
  if (credential) await admin("PUT", `/organisations/${id}/credentials/${credential.provider}`, { secret: "sk-own", only: credential.only });
  await env.DB.batch(aliases.flatMap(({ name, everyones, pick, hedges, continues, targets }) => {
    const owner = everyones ? "" : id;
    return [
      ...targets.map((one, position) => env.DB.prepare("INSERT OR REPLACE INTO aliases (organisation_id, name, position, target, weight) VALUES (?, ?, ?, ?, ?)").bind(owner, name, position, one.name, one.weight)),
      env.DB.prepare("INSERT OR REPLACE INTO alias_rules (organisation_id, name, pick, hedges, continues) VALUES (?, ?, ?, ?, ?)").bind(owner, name, pick, Number(hedges), Number(continues)),
    ];
  }).concat(env.DB.prepare("SELECT 1")));
  const secret = async (policy: Json): Promise<string> => (await admin("POST", "/keys", { organisation: id, name: "drawn", policy: { limits, ...key, ...policy } })).secret as string;
  return { id, secret };
}

async function fillCatalog(deployments: readonly string[], edits: World["edits"]): Promise<void> {
  const parts = (name: string) => [name.slice(0, name.indexOf("/")), name.slice(name.indexOf("/") + 1)] as const;
  const rows = deployments.map(parts);
  await env.DB.batch([
    ...["aliases", "alias_rules", "prices", "deployments", "models", "deployment_edits", "model_edits"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
    ...["gpt-test", "claude-test"].map((id) => env.DB.prepare("INSERT INTO models VALUES (?, 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\",\"tools\"]', 100000, 1000, 0)").bind(id)),
    ...rows.flatMap(([provider, model]) => [
      env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES (?, ?, ?)").bind(provider, model, model),
      ...["input", "output"].map((kind) => env.DB.prepare("INSERT INTO prices (provider, upstream_id, class, pico_usd, source) VALUES (?, ?, ?, 1000000, 'test')").bind(provider, model, kind)),
    ]),
    env.DB.prepare("INSERT INTO model_edits VALUES ('local-test', 'us', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\",\"tools\"]', 100000, 1000, 0)"),
    ...edits.map(({ deployment, model, serves }) => env.DB.prepare("INSERT INTO deployment_edits VALUES (?, ?, ?, ?)").bind(...parts(deployment), model, Number(serves))),
  ]);
}

/** Its own environment makes the Worker begin anew: its catalog, its endpoints, what it knows of its keys. */
export async function build({ origins, inCatalog, edits, open, sovereign }: World, heeds: { keys: boolean }): Promise<Built> {
  await fillCatalog(inCatalog, edits);
  const [plain, sealed] = [await buildOrganisation(open, false), await buildOrganisation(sovereign, heeds.keys)];
  const keys = { plain: await plain.secret({}), sovereign: await plain.secret({ sovereign: heeds.keys }), ofSovereign: await sealed.secret({}) };
  const sent: Json[] = [];
  const queue = { send: async (message: unknown) => void sent.push({ message }), sendBatch: async (messages: Iterable<unknown>) => void sent.push({ messages: [...messages] }) };
  const vars = {
    SOVEREIGN_ORIGIN: selfHosts.slice(0, origins).map((host) => `http://${host}/v1`).join(","), BATCHES: queue,
    ANTHROPIC_API_KEY: "sk-anthropic", GEMINI_API_KEY: "gemini", OPENROUTER_API_KEY: "sk-or", AZURE_BASE_URL: "https://mine.openai.azure.com", AZURE_API_KEY: "azure",
    UPSTREAM_CONNECT_TIMEOUT_MS: "30", UPSTREAM_FIRST_BYTE_TIMEOUT_MS: "30", UPSTREAM_HEADERS_TIMEOUT_MS: "60", STREAM_IDLE_TIMEOUT_MS: "30", DRAIN_TIMEOUT_MS: "40", UPSTREAM_RETRIES: "1", UPSTREAM_RETRY_BUDGET_MS: "20",
  };
  return { env: { ...env, ...vars } as unknown as Cloudflare.Env, keys, sent };
}

/** The request as the Worker gets it. `canary`: what nobody but the owner's servers may ever read. */
export function requestFor(asked: Asked, { keys }: Built, canary: string, nth: number): Request {
  const { by, said, route, model, stream, fields, headers, name } = asked;
  const secret = by === "key" || by === "all" ? keys.sovereign : by === "organisation" ? keys.ofSovereign : keys.plain;
  const drawn = JSON.parse(JSON.stringify(route.body).replaceAll("canary prompt: the treasure lies under the oak", canary)) as Json;
  const inPath = route.path.includes(":generateContent");
  const path = inPath ? route.path.replace("openai/gpt-test", encodeURI(model)).replace("generateContent", stream ? "streamGenerateContent?alt=sse" : "generateContent") : route.path;
  const body = { ...fields, ...drawn, ...(inPath ? {} : { model, stream }) };
  return new Request(`https://forge.example${path}`, {
    method: methodOf(route),
    headers: {
      authorization: `Bearer ${secret}`, "content-type": "application/json", ...headers, ...((by === "header" || by === "all") && { "x-sovereign": said }),
      ...(name !== undefined && { "idempotency-key": `name-${nth}` }),
    },
    body: JSON.stringify(body),
  });
}
