/** What holds of every plan, whatever is asked of whichever world. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Capability, Catalog } from "../../src/catalog/index.ts";
import type { RoutingWish } from "../../src/protocols/protocol.ts";
import type { ExclusionReason } from "../../src/router/question.ts";
import { resolve, stickTo, weigh, type Needs, type Plan, type Question, type Vital } from "../../src/router/index.ts";
import { ask, catalogOf, ownAt, principalOf } from "./stage.ts";

const capabilities = ["tools", "vision", "reasoning"] as const satisfies readonly Capability[];
const reachable = ["openai", "groq", "mistral", "openrouter"];
const modelIds = ["a", "b", "c", "d", "e", "small:free", "vectors", "other-vectors"];
const places = modelIds.flatMap((id) => [...reachable, "anthropic"].map((provider) => ({ id, name: `${provider}/${id}` })));

/** Every reason there is: the compiler says which is missing. */
const reasons: Record<ExclusionReason, true> = {
  unknown: true, not_configured: true, protocol: true, not_native: true, not_self_hosted: true, taken_out: true, not_allowed: true, not_priced: true, free: true, not_free: true, ignored: true, not_in_only: true,
  fallbacks_off: true, trains: true, retains: true, quantization: true, max_price: true, unhealthy: true, other_embedding: true, not_needed: true, kind: true, context: true,
  output_tokens: true, output_modality: true, lacks_tools: true, lacks_vision: true, lacks_audio: true, lacks_video: true, lacks_pdf: true, lacks_json_schema: true, lacks_reasoning: true,
};

type Deployed = { id: string; name: string; unpriced: boolean; input: number; output: number; cached: number };

const model = fc.record({
  capabilities: fc.subarray([...capabilities]), outputModalities: fc.constantFrom<string[][]>(["text"], ["text", "image"]),
  contextTokens: fc.constantFrom(1_000, 100_000), maxOutputTokens: fc.constantFrom(null, 100, 4_096),
});
const price = { input: fc.integer({ min: 1, max: 9 }), output: fc.integer({ min: 1, max: 9 }), cached: fc.integer({ min: 0, max: 3 }) };
const deployed = fc.array(fc.record({ place: fc.constantFrom(...places), unpriced: fc.boolean(), ...price }), { minLength: 1, maxLength: 24 })
  .map((all): Deployed[] => [...new Map(all.map(({ place, ...one }) => [place.name, { ...place, ...one }])).values()]);
const needed = fc.record({
  kind: fc.constant("chat" as const), capabilities: fc.subarray([...capabilities]), outputModalities: fc.constantFrom<string[][]>([], ["image"]),
  inputTokens: fc.constantFrom(10, 5_000), outputTokens: fc.constantFrom(undefined, 50, 1_000),
});
const called = fc.subarray(["openai", "OpenAI", "groq", "mistral", "openrouter", "anthropic/fast", "nobody"], { minLength: 1 });
const wish = fc.record({
  models: fc.subarray(["a", "auto", "mistral/b", "nothing"]), allowFallbacks: fc.boolean(), requireParameters: fc.boolean(), noTraining: fc.boolean(), zeroRetention: fc.boolean(),
  order: called, only: called, ignore: called, sort: fc.constantFrom("price", "throughput", "latency"), maxPrice: fc.record({ prompt: fc.constantFrom(0, 5), completion: fc.constant(6) }),
  leastThroughput: fc.constant(30), mostLatency: fc.constant(0.25), fields: fc.constant(["provider"]),
}, { requiredKeys: ["models", "allowFallbacks", "requireParameters", "noTraining", "zeroRetention", "fields"] });

const world = fc.record({
  models: fc.tuple(...modelIds.map(() => model)), deployed, needs: needed, wish: fc.option(wish, { nil: undefined }),
  down: fc.subarray(places.map(({ name }) => name)), quick: fc.subarray(places.map(({ name }) => name)),
  own: fc.subarray(["anthropic", "groq"]), selfHostedModels: fc.subarray(["a", "mine", "vectors"]), sovereign: fc.boolean(), budget: fc.boolean(),
  allowed: fc.option(fc.subarray(["a", "auto", "openai/*", "*"]), { nil: undefined }), seed: fc.string(), stuck: fc.option(fc.constantFrom(...places.map(({ name }) => name)), { nil: undefined }),
});
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;

const aliases = {
  "/auto": ["cheapest:", "*"], "/fast": ["fastest:", "a", "b", "groq/*"], "/flow": ["throughput:", "*"], "/shared": ["weighted:", "a*3", "b*1", "c*0"], "acme/first": ["c", "fast", "mistral/new"],
  "/embedding": ["vectors", "other-vectors"], "/near": ["cheapest:", "other-vectors", "vectors"], "/mixed": ["weighted:", "vectors", "other-vectors"],
};
const names = ["a", "b", "auto", "fast", "flow", "shared", "first", "openai/a", "groq/unheard-of", "a:floor", "b:nitro", "a:free", "auto:free", "auto:floor", "openai/a:nitro", "small:free", "mine", "nothing", "nothing:floor"];

function builtFrom({ models, deployed }: Pick<World, "models" | "deployed">): Catalog {
  const of = (id: string) => deployed.filter((one) => one.id === id);
  const known = Object.fromEntries(modelIds.map((id, i) => [id, { ...models[i]!, ...(id.includes("vectors") && { kind: "embedding" as const }) }]));
  const prices = Object.fromEntries(deployed.map(({ name, input, output, cached }) => [name, { input, output, cached }]));
  return catalogOf(Object.fromEntries(modelIds.map((id) => [id, of(id).map(({ name, unpriced }) => name + (unpriced ? "!" : ""))])), aliases, { ...known, ...prices });
}

function questionOf(one: World, name: string, over: Partial<Question> = {}): Question {
  const vital = (deployment: string): Vital => ({ state: one.down.includes(deployment) ? "open" : "closed", ...(one.quick.includes(deployment) && { firstByteMs: { p50: 100 }, tokensPerSecond: 50 }) });
  return ask(name, builtFrom(one), {
    needs: () => one.needs, wish: one.wish as RoutingWish | undefined, health: vital, seed: one.seed, stuck: one.stuck, selfHostedModels: one.selfHostedModels, sovereign: one.sovereign,
    principal: principalOf({ credentials: ownAt(Object.fromEntries(one.own.map((id) => [id, "own"])), false), models: one.allowed, limits: { requestsPerMinute: 1, ...(one.budget && { budgetNanoUsd: 1 }) } }), ...over,
  });
}

const deploymentsOf = ({ attempts }: Pick<Plan, "attempts">): string[] => [...new Set(attempts.map(({ deployment }) => deployment))];
const providerIn = (deployment: string): string => deployment.slice(0, deployment.indexOf("/"));

describe("whatever is asked", () => {
  test("every deployment of a name is either tried or left out for a reason, exactly once", () => {
    fc.assert(fc.property(world, fc.constantFrom(...names), (one, name) => {
      const question = questionOf(one, name);
      const { attempts, excluded } = weigh(question);
      const told = [...deploymentsOf({ attempts }), ...excluded.flatMap(({ deployment, reason }) => (reason === "unknown" ? [] : deployment))];
      expect(told.filter((deployment, i) => told.indexOf(deployment) !== i)).toEqual([]);
      expect(new Set(attempts.map(({ vital }) => vital)).size).toBe(attempts.length);
      for (const { reason } of excluded) expect(reasons).toHaveProperty(reason);
      const { catalog, selfHostedModels } = question;
      const meant = [name, ...(question.wish?.models ?? [])].flatMap((each) => resolve(each, { organisationId: "acme", catalog, selfHostedModels }).map((candidate) => candidate.name));
      const roams = [name, ...(question.wish?.models ?? [])].some((each) => each.includes("/")) && [question.wish?.sort, question.wish?.order, question.wish?.only, question.wish?.ignore].some(Boolean);
      for (const deployment of name.includes(":") ? [] : meant) expect(told).toContain(deployment);
      if (!name.includes(":") && !roams) expect(told.toSorted()).toEqual([...new Set(meant)].sort());
    }), { numRuns: 200 });
  });

  test("a sovereign request is planned for the owner's machines and nobody else", () => {
    fc.assert(fc.property(world, fc.constantFrom(...names), (one, name) => {
      const { attempts, excluded } = weigh(questionOf(one, name, { sovereign: true }));
      expect(attempts.filter(({ endpoint }) => endpoint.provider.selfHosted !== true)).toEqual([]);
      expect(excluded.filter(({ deployment, reason }) => reason !== "not_self_hosted" && reason !== "unknown" && !deployment.startsWith("selfhosted/"))).toEqual([]);
    }), { numRuns: 100 });
  });

  test("whom the request wants is tried first, whom it does not want never", () => {
    const is = (deployment: string, called: readonly string[]): boolean => called.some((name) => name.toLowerCase().split("/")[0] === providerIn(deployment));
    fc.assert(fc.property(world, wish, fc.constantFrom(...names), (one, wanted, name) => {
      const asked = { ...wanted, models: [] } as RoutingWish;
      const found = deploymentsOf(weigh(questionOf(one, name, { wish: asked })));
      const { only, ignore, order, allowFallbacks } = asked;
      if (only) expect(found.filter((deployment) => !is(deployment, only))).toEqual([]);
      if (ignore) expect(found.filter((deployment) => is(deployment, ignore))).toEqual([]);
      if (order && !allowFallbacks) expect(found.filter((deployment) => !is(deployment, order))).toEqual([]);
      if (!order && !allowFallbacks) expect(found.length).toBeLessThanOrEqual(1);
      if (order && !asked.leastThroughput && !asked.mostLatency) {
        const at = found.map((deployment) => order.findIndex((name) => is(deployment, [name]))).map((place) => (place < 0 ? Infinity : place));
        expect(at).toEqual(at.toSorted((a, b) => a - b));
      }
    }), { numRuns: 200 });
  });

  test("who is down is tried only when all are", () => {
    fc.assert(fc.property(world, fc.constantFrom(...names), (one, name) => {
      const question = questionOf({ ...one, wish: undefined, own: [] }, name);
      const { attempts, excluded } = weigh(question);
      const down = attempts.filter(({ deployment }) => one.down.includes(deployment));
      if (down.length === 0) return;
      expect(down).toHaveLength(attempts.length);
      expect(excluded.filter(({ deployment, reason }) => (reason === "not_needed" || reason === "unhealthy") && !one.down.includes(deployment))).toEqual([]);
    }), { numRuns: 200 });
  });
});

/** What `auto` may choose from, told without the router: where nobody can say as much as is allowed, whoever can say less. */
function canDo(one: World): Deployed[] {
  const all = able(one);
  return (all.length > 0 ? all : able({ ...one, needs: { ...one.needs, outputTokens: undefined } })).filter(({ name }) => !one.down.includes(name));
}

function able({ models, deployed, needs }: World): Deployed[] {
  return deployed.filter(({ id, name }) => {
    const { capabilities: has, outputModalities, contextTokens, maxOutputTokens } = models[modelIds.indexOf(id)]!;
    return !id.includes("vectors") && !id.endsWith(":free") && reachable.includes(providerIn(name)) && needs.capabilities.every((need) => has.includes(need))
      && needs.outputModalities.every((modality) => outputModalities.includes(modality)) && needs.inputTokens + (needs.outputTokens ?? 0) <= contextTokens
      && (needs.outputTokens === undefined || maxOutputTokens === null || needs.outputTokens <= maxOutputTokens);
  });
}
const costOf = ({ unpriced, input, output, cached, name }: Deployed, { inputTokens, outputTokens = 500 }: Needs, stuck?: string): number =>
  unpriced ? Infinity : (name === stuck ? cached : input) * inputTokens + output * Math.min(outputTokens, 500);

describe("auto", () => {
  const plainly = (one: World, over: Partial<Question> = {}) =>
    weigh(questionOf({ ...one, wish: undefined, own: [], allowed: undefined, budget: false, sovereign: false, selfHostedModels: [], stuck: undefined }, "auto", over));

  test("chooses whoever can do what is asked, and nobody who could is cheaper; what costs nobody knows what comes last", () => {
    fc.assert(fc.property(world, (one) => {
      const fit = canDo(one);
      const found = deploymentsOf(plainly(one)).filter((name) => !one.down.includes(name));
      const costs = found.map((name) => costOf(fit.find((each) => each.name === name) ?? expect.fail(`${name} cannot do it`), one.needs));
      expect(costs).toEqual(fit.map((each) => costOf(each, one.needs)).sort((a, b) => a - b).slice(0, 8));
    }), { numRuns: 200 });
  });

  test("stays where a conversation ran while that is well and can do what is asked, however many are cheaper", () => {
    fc.assert(fc.property(world, fc.constantFrom(...places.map(({ name }) => name)), (one, stuck) => {
      const fit = canDo(one);
      const { attempts, excluded } = plainly(one, { stuck });
      if (fit.some(({ name }) => name === stuck)) expect(attempts[0]!.deployment).toBe(stuck);
      else if (fit.length > 0) expect(attempts.map(({ deployment }) => deployment)).not.toContain(stuck);
      expect(excluded.filter(({ deployment }) => deployment === attempts[0]?.deployment)).toEqual([]);
    }), { numRuns: 100 });
  });

  test("takes the owner's own machines before anybody who is paid by the token", () => {
    const catalog = catalogOf({ a: ["openai/a", "groq/a!"] }, aliases, { "openai/a": { input: 1, output: 1 } });
    expect(deploymentsOf(weigh(ask("auto", catalog, { selfHostedModels: ["mine"] })))).toEqual(["selfhosted/mine", "openai/a", "groq/a"]);
  });

  test("counts input and output as the request has them", () => {
    const catalog = catalogOf({ talker: ["openai/talker"], reader: ["groq/reader"] }, aliases, { talker: { input: 1, output: 8 }, reader: { input: 2, output: 4 } });
    const first = (inputTokens: number, outputTokens: number) => weigh(ask("auto", catalog, { needs: () => ({ kind: "chat", capabilities: [], outputModalities: [], inputTokens, outputTokens }) })).attempts[0]!.deployment;
    expect([first(10_000, 100), first(10, 400)]).toEqual(["openai/talker", "groq/reader"]);
  });
});

describe("fast", () => {
  const catalog = catalogOf({ a: ["openai/a"], b: ["groq/b"], c: ["mistral/c"] }, { "/fast": ["fastest:", "a", "b", "c"], "/flow": ["throughput:", "a", "b", "c"] });
  const order = (name: string, vitals: Record<string, Partial<Vital>>) => deploymentsOf(weigh(ask(name, catalog, { health: (vital) => (vitals[vital] ? { state: "closed", ...vitals[vital] } : undefined) })));

  test("is as the list has it until somebody is measured", () => expect(order("fast", {})).toEqual(["openai/a", "groq/b", "mistral/c"]));
  test("brings whoever answers first to the front, and the slow behind who is not measured", () => {
    expect(order("fast", { "openai/a": { firstByteMs: { p50: 2_000 } }, "mistral/c": { firstByteMs: { p50: 90 } } })).toEqual(["mistral/c", "groq/b", "openai/a"]);
  });
  test("by tokens per second takes the most of them", () => {
    expect(order("flow", { "groq/b": { tokensPerSecond: 20 }, "mistral/c": { tokensPerSecond: 400 } })).toEqual(["mistral/c", "groq/b", "openai/a"]);
  });
});

describe("weights", () => {
  const catalog = catalogOf({ a: ["openai/a"], b: ["groq/b"], c: ["mistral/c"] }, { "/shared": ["weighted:", "a*7", "b*2", "c*1"], "/spare": ["weighted:", "a*1", "b*0"], "/idle": ["weighted:", "a*0", "b*0"] });
  const planned = (seed: string, name = "shared", over: Partial<Question> = {}) => deploymentsOf(weigh(ask(name, catalog, { seed, ...over })));

  test("are the shares of 10,000 requests", () => {
    const firsts: Record<string, number> = {};
    const question = ask("shared", catalog);
    for (let i = 0; i < 10_000; i += 1) {
      const first = weigh({ ...question, seed: `req_${i}` }).attempts[0]!.deployment;
      firsts[first] = (firsts[first] ?? 0) + 1;
    }
    for (const [deployment, share] of [["openai/a", 0.7], ["groq/b", 0.2], ["mistral/c", 0.1]] as const) expect(Math.abs(firsts[deployment]! / 10_000 - share)).toBeLessThan(0.03);
  });
  test("send the same conversation to the same deployment, and the others stand behind it", () => {
    for (const seed of ["x", "y", "conversation"]) {
      expect(planned(seed)).toEqual(planned(seed));
      expect(planned(seed).toSorted()).toEqual(["groq/b", "mistral/c", "openai/a"]);
    }
  });
  test("of nothing make a spare, which is tried when all others have been", () => {
    for (let i = 0; i < 200; i += 1) expect(planned(String(i), "spare")).toEqual(["openai/a", "groq/b"]);
    expect(planned("x", "spare", { health: (vital) => ({ state: vital === "openai/a" ? "open" : "closed" }) })).toEqual(["groq/b"]);
    expect(planned("x", "idle").toSorted()).toEqual(["groq/b", "openai/a"]);
  });
});

describe("embeddings", () => {
  const vectors = (one: World, name: string, over: Partial<Question> = {}) =>
    weigh(questionOf({ ...one, wish: undefined }, name, { kind: "embedding", protocols: ["openai-embeddings"], needs: () => ({ kind: "embedding", capabilities: [], outputModalities: [], inputTokens: 10, outputTokens: undefined }), ...over }));
  const modelOf = (deployment: string): string => deployment.slice(deployment.indexOf("/") + 1);

  test("of two models never stand in one plan", () => {
    fc.assert(fc.property(world, fc.constantFrom("embedding", "near", "mixed", "vectors", "auto"), (one, name) => {
      expect(new Set(vectors(one, name).attempts.map(({ deployment }) => modelOf(deployment))).size).toBeLessThanOrEqual(1);
    }), { numRuns: 100 });
  });
  test("stay with their model when its deployments are down or slow, and whichever conversation asks", () => {
    fc.assert(fc.property(world, fc.constantFrom("embedding", "near", "mixed"), fc.string(), (one, name, seed) => {
      const models = [{}, { health: undefined }, { seed }, { stuck: undefined }].map((over) => vectors(one, name, over).attempts[0]?.model);
      expect(new Set(models).size).toBe(1);
    }), { numRuns: 100 });
  });
});

describe("where a conversation ran", () => {
  const catalog = catalogOf({ a: ["openai/a", "groq/a", "mistral/a"] });
  const planned = weigh(ask("a", catalog));
  const shown = ({ attempts }: Plan) => attempts.map(({ vital, foreign }) => (foreign ? `(${vital})` : vital));

  test("is tried first, the others behind it in their order", () => {
    expect(shown(stickTo(planned, "mistral/a", false))).toEqual(["mistral/a", "openai/a", "groq/a"]);
    expect(stickTo(planned, "openai/a", false)).toBe(planned);
  });
  test("changes nothing when it is in the plan no longer, or nobody remembers", () => {
    expect(stickTo(planned, "azure/a", false)).toBe(planned);
    expect(stickTo(planned, undefined, false)).toBe(planned);
  });
  test("alone gets what only it can read", () => {
    expect(shown(stickTo(planned, "groq/a", true))).toEqual(["groq/a", "(openai/a)", "(mistral/a)"]);
    expect(shown(stickTo(planned, "azure/a", true))).toEqual(["(openai/a)", "(mistral/a)", "(groq/a)"]);
    expect(shown(stickTo({ ...planned, attempts: planned.attempts.slice(0, 1) }, "azure/a", true))).toEqual(["(openai/a)"]);
  });
  test("is the first of the plan when nobody remembers it, and it alone gets what is sealed", () => {
    expect(shown(stickTo(planned, undefined, true))).toEqual(["openai/a", "(mistral/a)", "(groq/a)"]);
  });
  test("comes behind whom the request itself puts first, unless only it can read what was said", () => {
    const ordered = weigh(ask("a", catalog, { stuck: "openai/a", wish: { models: [], allowFallbacks: true, requireParameters: false, noTraining: false, zeroRetention: false, order: ["mistral"], fields: [] } }));
    expect(shown(stickTo(ordered, "openai/a", false))).toEqual(["mistral/a", "openai/a", "groq/a"]);
    expect(shown(stickTo(ordered, "openai/a", true))).toEqual(["openai/a", "(mistral/a)", "(groq/a)"]);
  });
});
