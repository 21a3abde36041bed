/**
 * Random organisations, keys, aliases, catalogs, requests and failures, every route that takes a prompt: a sovereign request calls the
 * owner's servers and nobody else, and its prompt is written down nowhere. Some cases here; `npm run test:sovereign` draws 10,000.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import worker from "../../src/worker.ts";
import { answer } from "./stage.ts";
import { everythingStored, holding, type Place } from "./stored.ts";
import { build, elsewhere, requestFor, requestOf, selfHosts, worldOf, type Asked, type Built, type Play, type World } from "./worlds.ts";

const cases = Number((env as unknown as { SOVEREIGN_CASES?: string }).SOVEREIGN_CASES ?? 100);
/** Requests to one world. */
const perWorld = Math.min(50, cases);
const canary = "the treasure of case";
const canaryOf = (nth: number): string => `canary prompt: ${canary} ${nth} lies under the oak`;

/** What a gateway must not do, done on purpose: each must be found out. */
type Fault = "ignores the header" | "ignores keys and organisations" | "follows redirects" | "logs what it is asked" | "keeps what it is asked" | "caches what it is asked" | "queues what it is asked" | "tells another what it is asked";

type Dialled = { readonly host: string; readonly url: string; readonly body: string };
type Counts = { cases: number; sovereign: number; dialled: number; elsewhere: number; answered: number; unavailable: number; named: number; replayed: number; routes: Set<string>; plays: Set<string> };
const newCounts = (): Counts => ({ cases: 0, sovereign: 0, dialled: 0, elsewhere: 0, answered: 0, unavailable: 0, named: 0, replayed: 0, routes: new Set(), plays: new Set() });

const encoder = new TextEncoder();
let nth = 0;
afterEach(() => void vi.restoreAllMocks());

/** Its body is made by JavaScript: the runtime does not pipe text that it holds itself into a stream that is read here. */
const events = (...list: string[]): Response => {
  const pull = (controller: ReadableByteStreamController): void => {
    const next = list.shift();
    if (next === undefined) return controller.close();
    controller.enqueue(encoder.encode(`data: ${next}\n\n`));
  };
  return new Response(new ReadableStream({ type: "bytes", pull }), { headers: { "content-type": "text/event-stream" } });
};
const word = '{"choices":[{"index":0,"delta":{"content":"hi"}}]}';
/** What a server says of a request may repeat it. */
const echo = (body: string): object => ({ error: { message: `bad: ${body.slice(0, 400)}`, type: "x", param: null, code: "echo" } });
const away = { location: `https://${elsewhere}/v1/chat/completions`, link: `<https://${elsewhere}/>; rel=next`, "retry-after": "1" };

const plays: Record<Play, (body: string, signal: AbortSignal) => Response | Promise<Response>> = {
  "answers": answer,
  "streams": () => events(word, '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}', "[DONE]"),
  "streams half": () => events(word),
  "streams an error": () => events(JSON.stringify(echo("no"))),
  "text, then an error": () => events(word, JSON.stringify(echo("no"))),
  "answers with an error": () => Response.json(echo("no")),
  "answers with a page": () => new Response("<html>no</html>", { headers: { "content-type": "text/html" } }),
  "redirects": () => new Response(null, { status: 302, headers: away }),
  "redirects for good": () => new Response(null, { status: 308, headers: away }),
  "redirects a stream": () => new Response("data: {}\n\n", { status: 307, headers: { ...away, "content-type": "text/event-stream" } }),
  "refuses": (body) => Response.json(echo(body), { status: 400 }),
  "fails": (body) => Response.json(echo(body), { status: 500, headers: away }),
  "is busy": (body) => Response.json(echo(body), { status: 429, headers: away }),
  "is away": () => Promise.reject(new Error("connect failed")),
  "is silent": (_, signal) => new Promise((__, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true })),
  "breaks off": () => new Response(new ReadableStream({ type: "bytes", pull: (controller) => controller.error(new Error("reset")) }), { headers: { "content-type": "text/event-stream" } }),
};

/** Stands in for all that is outside, and writes down whom the Worker calls: with a redirect that is followed, also where that leads. */
function outside(world: World, fault: Fault | undefined): { dialled: Dialled[]; order: (asked: Asked) => void } {
  const dialled: Dialled[] = [];
  let order: readonly Play[] = ["answers"];
  let turn = 0;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    const body = await request.clone().text();
    dialled.push({ host: new URL(request.url).host, url: request.url, body });
    const response = request.url.endsWith("/models") ? listing(world) : await plays[order[Math.min(turn++, order.length - 1)]!](body, request.signal);
    const location = response.headers.get("location");
    if ((request.redirect !== "manual" || fault === "follows redirects") && response.status >= 300 && response.status < 400 && location) dialled.push({ host: new URL(location).host, url: location, body });
    return response;
  });
  return { dialled, order: ({ plays: next }) => void ([order, turn] = [next, 0]) };
}

const listing = ({ listing: how, served }: World): Response =>
  how === "lists" ? Response.json({ data: served.map((id) => ({ id })) }) : how === "fails" ? new Response("no", { status: 500 }) : new Response(null, { status: 307, headers: { location: `https://${elsewhere}/v1/models` } });

/** Everything that is said aloud or handed to a cache or a queue. */
function overhear(): Place[] {
  const heard: Place[] = [];
  for (const level of ["log", "info", "warn", "error", "debug", "trace"] as const) vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => void heard.push({ where: `console.${level}`, text: parts.map(String).join(" ") }));
  vi.spyOn(caches.default, "put").mockImplementation(async (key, response) => void heard.push({ where: "cache", text: `${String(key)} ${await response.clone().text()}` }));
  vi.spyOn(caches, "open").mockImplementation(async () => caches.default);
  return heard;
}

/** What a faulty gateway does with a request on its way in. */
async function misdo(fault: Fault | undefined, request: Request, built: Built): Promise<Request> {
  const text = fault === undefined ? "" : await request.clone().text();
  if (fault === "logs what it is asked") console.warn(text);
  if (fault === "keeps what it is asked") await env.DB.prepare("INSERT INTO events (id, at) VALUES (?, 1)").bind(text).run().catch(() => env.DB.prepare("INSERT INTO plans (id, limits) VALUES (?, '{}')").bind(text).run());
  if (fault === "caches what it is asked") await caches.default.put("https://cache.example/", new Response(text));
  if (fault === "queues what it is asked") await built.env.BATCHES.send(text);
  if (fault === "tells another what it is asked") await fetch("https://moderation.example/", { method: "POST", body: text, redirect: "manual" }).catch(() => {});
  if (fault !== "ignores the header") return request;
  const heedless = new Request(request);
  heedless.headers.delete("x-sovereign");
  return heedless;
}

/** Plays requests in a world, one after another, and throws at the first that breaks the promise. */
async function play(world: World, asked: readonly Asked[], counts: Counts, fault?: Fault): Promise<void> {
  const heard = overhear();
  const built = await build(world, { keys: fault !== "ignores keys and organisations" });
  const { dialled, order } = outside(world, fault);
  let named: { one: Asked; nth: number } | undefined;
  for (const drawnOne of asked) {
    nth += 1;
    // What has a name may be asked again, with the same words: then it joins, or gets the answer that is kept.
    const again = drawnOne.name === "again" ? named : undefined;
    const one = again?.one ?? drawnOne;
    const number = again?.nth ?? nth;
    if (one.name !== undefined) named = { one, nth: number };
    const sovereign = one.by !== "none";
    dialled.length = 0;
    heard.length = 0;
    order(one);
    const request = await misdo(fault, requestFor(one, built, canaryOf(number), number), built);
    const response = await inTime(answered(one, request, built), () => `It never ended. The request: ${JSON.stringify(one)}. The world: ${JSON.stringify(world)}`);
    count(counts, one, sovereign, response, dialled);
    if (!sovereign) continue;
    const own = selfHosts.slice(0, world.origins);
    const foreign = dialled.filter(({ host }) => !own.includes(host)).map(({ url }) => url);
    const told = holding(canary, [...heard, ...built.sent.map((message) => ({ where: "queue", text: JSON.stringify(message) }))]);
    if (foreign.length + told.length > 0) throw new Error(`${foreign.length > 0 ? `It called ${foreign.join(", ")}` : `The prompt came out: ${told.join(", ")}`}. The request: ${JSON.stringify(one)}. The world: ${JSON.stringify(world)}`);
  }
  vi.restoreAllMocks();
}

/** The answer once it was read, or left, and everything behind it is done. */
async function answered({ leaves }: Asked, request: Request, built: Built): Promise<Response> {
  const ctx = createExecutionContext();
  const response = await worker.fetch(request, built.env, ctx);
  if (leaves) await response.body?.cancel();
  else await response.arrayBuffer().catch(() => {});
  await waitOnExecutionContext(ctx);
  return response;
}

/** Far longer than all of a world's time limits together. */
const endsWithinMs = 10_000;

async function inTime<T>(promise: Promise<T>, otherwise: () => string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(new Error(otherwise())), endsWithinMs)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function count(counts: Counts, { by, route, plays: order, name }: Asked, sovereign: boolean, { status, headers }: Response, dialled: readonly Dialled[]): void {
  counts.cases += 1;
  counts.routes.add(route.route);
  if (!sovereign) return void (by === "none" && dialled.some(({ host }) => !selfHosts.includes(host)) && (counts.elsewhere += 1));
  counts.sovereign += 1;
  if (name !== undefined) counts.named += 1;
  if (headers.has("idempotent-replayed")) counts.replayed += 1;
  if (status < 300) counts.answered += 1;
  if (status === 503) counts.unavailable += 1;
  const asked = dialled.filter(({ url }) => !url.endsWith("/models"));
  if (asked.length > 0) counts.dialled += 1;
  for (const [i] of asked.entries()) counts.plays.add(order[Math.min(i, order.length - 1)]!);
}

const drawn = fc.tuple(worldOf, fc.array(requestOf, { minLength: perWorld, maxLength: perWorld }));

/** Draws so many worlds. The first request that breaks the promise is named, and the seed. */
const draw = (counts: Counts, numRuns: number, fault?: Fault, seed?: number): Promise<void> =>
  fc.assert(fc.asyncProperty(drawn, ([world, asked]) => play(world, asked, counts, fault)), {
    numRuns, endOnFailure: true, ...(seed !== undefined && { seed }),
    reporter: ({ failed, errorInstance, seed: drawnBy }) => {
      if (failed) throw new Error(`${(errorInstance as Error).message} (seed ${drawnBy})`);
    },
  });

test("a sovereign request calls nobody but the owner's servers, and its prompt is kept nowhere (property)", async () => {
  const counts = newCounts();
  // A few are always the same; thousands are drawn anew each time. One request in twelve is not sovereign, to see that the others would have had somewhere to go.
  await draw(counts, Math.ceil((cases * 1.15) / perWorld), undefined, cases < 1_000 ? 5 : undefined);
  const places = await everythingStored();
  expect(places.map(({ where }) => where)).toEqual(expect.arrayContaining(["D1.api_keys", "D1.aliases", "D1.requests", "D1.audit_events"]));
  for (const namespace of ["KEY_METER", "IDEMPOTENT_CALL"]) expect(places.some(({ where, text }) => where.startsWith(namespace) && text !== "")).toBe(true);
  expect(holding(canary, places)).toEqual([]);
  // The drive was one: it reached the servers by every route and in every mood, and others where nothing forbade it.
  expect(counts.sovereign).toBeGreaterThan(cases * 0.85);
  expect(counts.dialled).toBeGreaterThan(cases * 0.1);
  expect(counts.unavailable).toBeGreaterThan(0);
  expect(counts.elsewhere).toBeGreaterThan(0);
  if (cases >= 5_000) {
    const { routes, plays: played, ...figures } = counts;
    console.log(Object.entries({ ...figures, routes: routes.size, "upstream behaviours": played.size, "places searched": places.length }).map(([what, n]) => `${what.padEnd(20)} ${String(n).padStart(6)}`).join("\n"));
  }
}, 1_200_000);

const faults: readonly Fault[] = ["ignores the header", "ignores keys and organisations", "follows redirects", "logs what it is asked", "caches what it is asked", "queues what it is asked", "tells another what it is asked"];
test.each(faults)("a gateway that %s is found out", async (fault) => {
  await expect(draw(newCounts(), 20, fault, 1)).rejects.toThrow(/^(It called https:|The prompt came out: )/);
}, 60_000);

test("a gateway that keeps what it is asked is found out", async () => {
  const [world, asked] = fc.sample(drawn, { numRuns: 1, seed: 1 })[0]!;
  await play(world, asked.slice(0, 3), newCounts(), "keeps what it is asked");
  expect(holding(canary, await everythingStored())).toEqual([expect.stringMatching(/^D1\./)]);
}, 60_000);
