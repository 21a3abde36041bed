/**
 * The architecture, as a document that fails the build when it is no longer true. Who may import whom, what a room may do,
 * how files are named and how large they grow. To change a rule, change it here, with its reason, in the same commit.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

/**
 * A room is a folder of src/ or a file right in it. `may`: rooms it imports (itself is understood); `room/file` means that
 * file only, `type …` means types only, which are gone at run time. A permission that nobody uses must be struck out.
 */
const rooms: Record<string, { may: string[]; why: string }> = {
  bytes: { may: [], why: "everybody who has bytes in pieces" },
  chat: { may: [], why: "the conversation's words are the same for everybody, so they can know nobody" },
  errors: { may: [], why: "everybody throws them" },
  form: { may: ["bytes", "errors"], why: "a multipart body is read the same way by whoever takes one" },
  within: { may: [], why: "everybody waits for somebody, and for nobody without end" },
  telemetry: { may: [], why: "everybody may log" },
  providers: { may: ["type protocols/protocol"], why: "who and where; how bytes look is none of its business, but for what its dialect of them is called" },
  protocols: { may: ["bytes", "chat", "errors"], why: "pure over bytes: a wire format that knew who sends it could not be reused for the next sender" },
  upstream: { may: ["bytes", "providers", "protocols/sse", "type protocols/protocol", "errors", "within"], why: "the HTTP call; it watches bytes through a protocol's eyes without knowing which" },
  ledger: { may: ["chat/usage", "errors", "type receipts/index"], why: "what was used and what it cost: arithmetic and SQL, nobody's request" },
  catalog: { may: ["ledger/price", "ledger/plausible", "accounts/audit", "errors"], why: "what can be called and what it costs, and edits of that, which leave an audit event; who may call it is decided elsewhere" },
  accounts: { may: ["errors", "telemetry"], why: "who is calling; nothing about what they call" },
  mail: { may: ["type env", "telemetry/log"], why: "an e-mail on its way: who gets it and what it says is for others" },
  alerts: { may: ["accounts", "env", "mail", "upstream/notify"], why: "people and servers are told what a budget has come to; that there is something to tell, and once, is for limits" },
  limits: { may: ["accounts/budgets", "alerts", "type accounts/policy", "errors", "chat/usage", "telemetry", "ledger/roll-up", "ledger/refusals", "ledger/account-events", "type ledger/entry", "receipts", "within"], why: "a hold row becomes the ledger's entry, so it speaks the ledger's words; it never prices anything" },
  pictures: { may: [], why: "a picture by its address, sealed with it: who asked for it and what it shows is none of its business" },
  receipts: { may: [], why: "proof over whatever it is given: it knows no ledger" },
  payments: { may: ["errors", "telemetry", "type limits"], why: "what Stripe says of money, as entries of the credit ledger; posting them is the routes' business" },
  health: { may: ["telemetry", "within"], why: "how deployments do, by a name each: it knows neither providers nor requests" },
  replay: { may: ["bytes", "errors", "within"], why: "one run and one answer by a client's own name for it; bytes and bookkeeping, nobody's protocol" },
  files: { may: ["accounts/base62", "accounts/credentials", "errors", "telemetry"], why: "bytes and what is known of them; their keys are sealed as organisations' credentials are" },
  router: { may: ["catalog", "providers", "accounts/policy", "ledger/price", "type protocols/protocol", "errors"], why: "pure over lists: it can be tried out on any list; what a request wishes stands in its facts" },
  env: { may: [], why: "read once, before anything runs" },
  icon: { may: [], why: "Forge's sign, wherever people come" },
  pipeline: {
    may: ["accounts", "bytes", "catalog", "chat", "env", "errors", "files", "form", "health", "ledger", "limits", "pictures", "protocols/conversations", "protocols/crossing", "protocols/file-places", "type protocols/protocol", "protocols/json", "protocols/openai-completions/join", "protocols/openai-completions/native", "protocols/retelling", "protocols/routing", "protocols/sse", "providers", "receipts", "replay", "router", "telemetry", "upstream"],
    why: "the one path a request takes, through all rooms; never up to routes or dashboard",
  },
  mcp: {
    may: ["pipeline/index", "type accounts/index", "accounts/recent-map", "chat/index", "errors", "protocols/json", "protocols/openai-responses/render-items", "protocols/usage-together", "type protocols/protocol", "providers", "telemetry/log", "upstream"],
    why: "a layer around the path, for one protocol: it asks the model turn by turn, and MCP servers through the one dial that leads to them",
  },
  responses: {
    may: ["bytes", "mcp", "pipeline/index", "protocols/index", "protocols/sse", "accounts/index", "chat/index", "type ledger/entry", "replay/ask", "replay/index", "upstream/splice", "errors", "telemetry", "within"],
    why: "a layer around the path, and what it keeps; the path knows nothing of it",
  },
  batches: {
    may: ["bytes", "pipeline/index", "pipeline/shape", "mcp/index", "videos/index", "files/index", "protocols/index", "replay/index", "upstream/splice", "upstream/provider-batches", "providers/index", "type router/index", "accounts/base62", "accounts/index", "errors", "telemetry", "within", "ledger/requests", "ledger/price", "type ledger/entry", "type limits"],
    why: "many requests made in a key's name, each through the one path; whether each was charged is settled with the key's meter itself",
  },
  videos: {
    may: ["accounts", "chat", "errors", "files", "limits", "pipeline", "protocols/index", "protocols/crossing", "protocols/job", "protocols/media/video-wish", "providers", "router/index", "telemetry", "type ledger", "upstream"],
    why: "films outlive their requests: an object takes the pipeline's steps by itself, in its own time",
  },
  brain: { may: ["pipeline/index", "protocols/index", "errors", "within"], why: "thinks about a request in steps, each of which is a request as any other" },
  routes: { may: ["alerts", "batches/index", "brain/index", "dashboard/index", "mcp", "pipeline", "accounts", "payments/index", "type limits", "ledger/index", "ledger/price", "ledger/requests", "ledger/usage-csv", "type receipts/index", "files/index", "form", "pictures", "videos/index", "catalog/edit-schemas", "catalog/model-edits", "type catalog/deployment-edits", "catalog/price-edits", "catalog/rows", "protocols/index", "responses/index", "router/index", "errors", "telemetry"], why: "URLs: they pick a protocol by name and a pipeline; stores only for pages and the admin API" },
  dashboard: {
    may: ["accounts", "batches/index", "alerts", "catalog/index", "catalog/deployment-edits", "catalog/edit-doubts", "catalog/edit-schemas", "catalog/model-edits", "catalog/price-edits", "env", "errors", "files/index", "form", "ledger/index", "ledger/usage-csv", "type health/index", "type limits/index", "mail", "payments/index", "pipeline/index", "protocols/index", "router/index", "telemetry/log", "videos/index", "icon"],
    why: "pages for people: the stores through their own functions, the playground through the one path, never over HTTP; loaded by one route when a browser comes",
  },
  reference: { may: ["dashboard/assets", "dashboard/components/field", "dashboard/components/icon", "dashboard/components/parts", "dashboard/islands/call", "accounts/budgets", "accounts/demands", "accounts/members", "accounts/policy", "accounts/retention", "accounts/token-issuers", "errors", "protocols/index", "protocols/request-schemas", "responses/asked", "routes", "icon"], why: "tells of the API by the schemas that read it, wherever they stand; nothing that answers a model's request imports it; its pages are made of the dashboard's parts" },
  app: { may: ["routes", "reference/index", "pipeline/index", "errors"], why: "the table of contents" },
  worker: { may: ["app", "batches/index", "pipeline/tidy", "health/index", "limits/index", "replay/index", "responses/index", "upstream/sovereign-origin", "videos/index"], why: "the entry: no logic; the platform finds classes only here" },
};

/** Who may import which package. Everything else is ours or the platform's. */
const packages: Record<string, { rooms: string[]; why: string }> = {
  "@modelcontextprotocol/client": { rooms: ["mcp"], why: "MCP's own client; loaded when the first request names a server" },
  zod: { rooms: ["mcp", "protocols", "accounts", "catalog", "brain", "routes", "responses", "payments", "env", "dashboard", "reference"], why: "schemas stand at trust boundaries: requests, vars, stored JSON; zod writes them as JSON Schema itself" },
  hono: { rooms: ["app", "routes", "dashboard", "reference"], why: "HTTP ends at the routes, and at the pages" },
  "better-auth": { rooms: ["dashboard"], why: "people, their passwords and sessions are a craft of its own; it evaluates nothing for an API call" },
  "@better-auth/passkey": { rooms: ["dashboard"], why: "WebAuthn, as a part of better-auth by its authors; loaded when somebody uses a passkey" },
  "node:crypto": { rooms: ["dashboard"], why: "scrypt by the runtime itself" },
  "d3-array": { rooms: ["dashboard"], why: "round numbers for a chart's scale; pure" },
  "d3-shape": { rooms: ["dashboard"], why: "lines and areas as SVG paths; pure, so charts need no script in the browser" },
  marked: { rooms: ["dashboard"], why: "reads Markdown as CommonMark has it, in the browser only; what it makes of HTML is not used" },
  "export-to-csv": { rooms: ["ledger"], why: "CSV with a defence against formulas, no Buffer, 3 kB" },
  multipasta: { rooms: ["form"], why: "a multipart parser that streams: no file is held, no Node, no dependency, 12 kB" },
  "fastest-levenshtein": { rooms: ["router"], why: "near matches of a model's name" },
  "@smithy/eventstream-codec": { rooms: ["upstream"], why: "AWS's own reader of its binary event streams" },
  aws4fetch: { rooms: ["providers"], why: "AWS signatures by Web Crypto, made for Workers, 2.5 kB" },
  jose: { rooms: ["upstream", "receipts"], why: "JWTs by Web Crypto: Google gives access tokens for one; receipts are signed" },
  canonicalize: { rooms: ["receipts"], why: "canonical JSON (RFC 8785) by one of its authors: what is hashed and signed" },
  stripe: { rooms: ["payments"], why: "Stripe's own reader of its signatures and events; it calls api.stripe.com itself, for administrators and webhooks only, never for a request to a model" },
  "cloudflare:workers": { rooms: ["batches", "health", "limits", "replay", "responses", "upstream", "videos", "dashboard"], why: "the Durable Objects' base class; upstream: the entrypoint that is all a sovereign call's sandbox gets, and the way to hand it over" },
};

/** Cycles between rooms that we live with, each with the way out: `a ↔ b`. */
const openCycles: Record<string, string> = {};

/** Tables of schema.sql that no code names yet. */
const tablesToCome: Record<string, string> = {
};

/** Folders inside a room. Everything else is flat: a reader finds a file by its room and its name. */
const foldersInRooms: Record<string, string> = {
  "protocols/*": "one folder per wire format, media/ for the small ones",
  "dashboard/*": "pages by what they are for, the parts they are made of, and what goes to the browser as it is",
  "routes/admin": "the admin API is a dozen URL families of its own behind one secret",
};

const bannedWords = ["utils", "util", "helpers", "helper", "common", "manager", "service", "handler", "wrapper", "mapper", "misc", "shared"];
const largeFiles: string[] = [];

type Import = { file: string; from: string; to: string; typeOnly: boolean };

const files = readdirSync(new URL("src/", root), { recursive: true, encoding: "utf8" }).filter((path) => /\.tsx?$/.test(path)).sort();
const texts = new Map(files.map((file) => [file, read(`src/${file}`)]));
const code = (file: string): string => texts.get(file)!.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
const roomOf = (path: string): string => path.split("/")[0]!.replace(/\.tsx?$/, "");
const folders = readdirSync(new URL("src/", root), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);

function importsOf(file: string): Import[] {
  const statements = [...code(file).matchAll(/^\s*(?:import|export)\s+(?:([^"';]*?)\s+from\s+)?"([^"]+)"/gm)].map(([, what = "", from]) => ({ what, from: from! }));
  const dynamic = [...code(file).matchAll(/\bimport\(\s*"([^"]+)"/g)].map(([, from]) => ({ what: "", from: from! }));
  return [...statements, ...dynamic].map(({ what, from }) => {
    const named = /^\{([\s\S]*)\}$/.exec(what.trim())?.[1];
    const typeOnly = /^type\b/.test(what) || (named !== undefined && named.split(",").map((part) => part.trim()).filter(Boolean).every((part) => part.startsWith("type ")));
    const to = from.startsWith(".") ? new URL(from, `file:///${file}`).pathname.slice(1) : from;
    return { file, from, to, typeOnly };
  });
}

const imports = files.flatMap(importsOf);
const ours = imports.filter(({ from }) => from.startsWith("."));
const between = ours.filter(({ file, to }) => roomOf(file) !== roomOf(to));

function permits(permission: string, { to, typeOnly }: Import): boolean {
  const [kind, path] = permission.startsWith("type ") ? ["type", permission.slice(5)] : ["value", permission];
  return (kind === "value" || typeOnly) && (path === roomOf(to) || `${path}.ts` === to || `${path}.tsx` === to);
}

/** Programs of other people, as texts that are shown. */
const shownPrograms = ["dashboard/snippets.ts", "dashboard/islands/request.ts"];

/** Islands run in the browser, where the gateway is what they call. */
const inBrowser = (file: string): boolean => file.startsWith("dashboard/islands/");

const offences = (pattern: RegExp, among: (file: string) => boolean): string[] =>
  files.filter(among).flatMap((file) => [...code(file).matchAll(pattern)].map(([found]) => `${file}: ${found.trim()}`));

describe("who may import whom", () => {
  test("every room has its rule", () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(Object.keys(rooms).sort());
  });

  test.each(Object.entries(rooms))("%s", (room, { may, why }) => {
    const own = between.filter(({ file }) => roomOf(file) === room);
    const forbidden = own.filter((one) => !may.some((permission) => permits(permission, one))).map(({ file, to, typeOnly }) => `${file} → ${typeOnly ? "type " : ""}${to}`);
    expect(forbidden, `${room} may import ${may.join(", ") || "nothing"}: ${why}`).toEqual([]);
    expect(may.filter((permission) => !own.some((one) => permits(permission, one))), "permissions that nobody uses").toEqual([]);
  });

  test("every import exists, and none reaches out of src", () => {
    expect(ours.filter(({ to }) => !texts.has(to)).map(({ file, from }) => `${file} → ${from}`)).toEqual([]);
  });

  test("packages", () => {
    const foreign = imports.filter(({ file, from }) => !from.startsWith(".") && !shownPrograms.includes(file));
    const nameOf = (from: string): string => /^(?:@[^/]+\/)?[^/]+/.exec(from)![0];
    expect(foreign.filter(({ file, from }) => !packages[nameOf(from)]?.rooms.includes(roomOf(file))).map(({ file, from }) => `${file} → ${from}`)).toEqual([]);
  });

  test("zod comes as a namespace: `{ z }` is an object of all it has, messages in some fifty languages among it, and a bundler can leave none of it out", () => {
    expect(offences(/import .*\} from "zod.*/g, () => true)).toEqual([]);
  });

  test("rooms do not import each other in circles", () => {
    const next = Map.groupBy(between, ({ file }) => roomOf(file));
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      (next.get(from) ?? []).some(({ to: path }) => {
        const room = roomOf(path);
        return room === to || (!seen.has(room) && reaches(room, to, seen.add(room)));
      });
    const names = Object.keys(rooms);
    const cycles = names.flatMap((a) => names.filter((b) => a < b && reaches(a, b) && reaches(b, a)).map((b) => `${a} ↔ ${b}`));
    expect(cycles).toEqual(Object.keys(openCycles));
  });
});

describe("what a room may do", () => {
  test("only upstream/ calls out", () => {
    expect(offences(/(?<!\w|ASSETS\.|room\.)fetch\(.*/g, (file) => roomOf(file) !== "upstream" && !inBrowser(file))).toEqual([]);
  });

  test("protocols, router, chat and the ledger's arithmetic know no clock and no chance", () => {
    const pure = (file: string): boolean => ["protocols", "router", "chat"].includes(roomOf(file)) || /^ledger\/(price|entry|forecast)\.ts$/.test(file);
    expect(offences(/Date\.now|new Date\(\)|Math\.random|performance\.now|getRandomValues|randomUUID|set(?:Timeout|Interval)/g, pure)).toEqual([]);
  });

  test("protocols and router wait for nothing and read no environment", () => {
    expect(offences(/\basync\b|\bawait\b|\benv\b/g, (file) => ["protocols", "router", "chat"].includes(roomOf(file)))).toEqual([]);
  });

  test("a provider is named nowhere but in providers/ and catalog/", () => {
    const ids = [...code("providers/index.ts").matchAll(/from "\.\/([a-z-]+)\.ts"/g)].map(([, file]) => file!)
      .flatMap((file) => [...code(`providers/${file}.ts`).matchAll(/openaiLike\("([^"]+)"/g)].map(([, id]) => id!));
    expect(ids.length).toBeGreaterThan(10);
    const literal = new RegExp(`["'\`](?:${ids.join("|")})(?:["'\`]|/.*)`, "g");
    expect(offences(literal, (file) => !["providers", "catalog"].includes(roomOf(file)) && !shownPrograms.includes(file))).toEqual([]);
  });

  test("SQL stands in the stores", () => {
    const stores = ["accounts", "batches", "catalog", "files", "ledger", "limits", "videos"];
    expect(offences(/\b(?:SELECT\s.+\sFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|DELETE\s+FROM|UPDATE\s+\w+\s+SET)\b.*/g, (file) => !stores.includes(roomOf(file)))).toEqual([]);
  });

  test("every table of schema.sql is written or read by somebody, or is to come", () => {
    const tables = [...read("schema.sql").matchAll(/^CREATE TABLE IF NOT EXISTS (\w+)/gm)].map(([, table]) => table!);
    expect(tables.length).toBeGreaterThan(10);
    const named = (table: string): boolean => files.some((file) => new RegExp(`\\b(?:FROM|INTO|UPDATE|JOIN)\\s+${table}\\b`).test(texts.get(file)!));
    expect(tables.filter((table) => !named(table) && !code("dashboard/auth.ts").includes(`modelName: "${table}"`))).toEqual(Object.keys(tablesToCome));
  });
});

describe("how files are named and how large they grow", () => {
  test("kebab-case, without words that mean nothing", () => {
    const names = files.map((file) => file.split("/").at(-1)!);
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.do)?\.tsx?$/.test(name))).toEqual([]);
    expect(files.filter((file) => file.replace(/\.tsx?$/, "").split(/[/.-]/).some((word) => bannedWords.includes(word)))).toEqual([]);
  });

  test("a Durable Object stands in its own *.do.ts, and wrangler.toml knows it", () => {
    const classes = files.flatMap((file) => [...code(file).matchAll(/class (\w+) extends DurableObject\b/g)].map(([, name]) => ({ file, name: name! })));
    expect(classes.map(({ file }) => file)).toEqual(files.filter((file) => file.endsWith(".do.ts")));
    const bound = [...read("wrangler.toml").matchAll(/^class_name = "(\w+)"/gm)].map(([, name]) => name!);
    expect(classes.map(({ name }) => name).sort()).toEqual(bound.sort());
    for (const { name } of classes) expect(code("worker.ts"), `worker.ts exports ${name}`).toMatch(new RegExp(`export \\{[^}]*\\b${name}\\b`));
  });

  test("400 lines are the wall, 250 a smell, 120 the median", () => {
    const sizes = files.map((file) => ({ file, lines: texts.get(file)!.split("\n").length }));
    expect(sizes.filter(({ lines }) => lines > 400)).toEqual([]);
    expect(sizes.filter(({ lines }) => lines > 250).map(({ file }) => file)).toEqual(largeFiles);
    expect(sizes.map(({ lines }) => lines).sort((a, b) => a - b)[Math.floor(sizes.length / 2)]).toBeLessThanOrEqual(120);
  });

  test("each room's index.ts says what belongs there", () => {
    for (const folder of folders) expect(texts.get(`${folder}/index.ts`), `src/${folder}/index.ts opens with a comment`).toMatch(/^\/\*\*\n \* /);
  });

  test("a file is at most one folder deep in its room, and few rooms have folders", () => {
    const inFolders = files.filter((file) => file.split("/").length > 2);
    expect(inFolders.filter((file) => file.split("/").length > 3)).toEqual([]);
    const folderOf = (file: string): string => file.split("/").slice(0, 2).join("/");
    expect(inFolders.filter((file) => !(folderOf(file) in foldersInRooms) && !(`${roomOf(file)}/*` in foldersInRooms))).toEqual([]);
  });
});
