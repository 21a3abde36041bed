/** What requests say of their own routing, and what becomes of it. */
import { describe, expect, test } from "vitest";
import type { RoutingWish } from "../../src/protocols/protocol.ts";
import { endpoints } from "../../src/providers/index.ts";
import { plan, weigh, type Plan, type Question, type Vital } from "../../src/router/index.ts";
import { isCalled } from "../../src/router/rank.ts";
import { ask, catalogOf, ownAt, principalOf } from "./stage.ts";

const catalog = catalogOf({
  a: ["openai/a", "groq/a", "mistral/a", "openrouter/vendor/a"], plain: ["mistral/plain"], able: ["mistral/able"], unpriced: ["groq/unpriced!"],
}, { "/auto": ["cheapest:", "*"] }, {
  a: { capabilities: ["tools"] }, able: { capabilities: ["tools", "vision"] },
  "openai/a": { input: 3, output: 15 }, "groq/a": { input: 1, output: 2 }, "mistral/a": { input: 2, output: 6 }, "openrouter/vendor/a": { input: 3, output: 14 },
});
const wishing = (wish: Partial<RoutingWish>): RoutingWish => ({ models: [], allowFallbacks: true, requireParameters: false, noTraining: false, zeroRetention: false, fields: ["provider"], ...wish });
const weighed = (wish: Partial<RoutingWish>, over: Partial<Question> = {}, name = "a"): Plan => weigh(ask(name, catalog, { wish: wishing(wish), ...over }));
const tried = (...of: Parameters<typeof weighed>): string[] => weighed(...of).attempts.map(({ deployment }) => deployment);
const reasons = (...of: Parameters<typeof weighed>): Record<string, string> => Object.fromEntries(weighed(...of).excluded.map(({ deployment, reason }) => [deployment, reason]));
const all = ["openai/a", "mistral/a", "groq/a", "openrouter/vendor/a"];

describe("a provider's name", () => {
  test.each([
    ["bedrock", "amazon-bedrock"], ["bedrock", "Amazon Bedrock"], ["vertex", "google-vertex/us-east5"], ["vertex", "Google"], ["gemini", "Google AI Studio"], ["zai", "Z.AI"], ["workers-ai", "cloudflare"],
    ["openai", "OpenAI"], ["azure", "azure"], ["together", "together/fp8"], ["fireworks", "fireworks"],
  ])("of %s may be %s", (id, name) => expect(isCalled(id, [name])).toBe(true));
  test.each([["openai", "open"], ["openai", "azure"], ["vertex", "google-ai-studio"], ["gemini", "google"], ["groq", ""], ["openai", "openaix/openai"]])("of %s is not %s", (id, name) => expect(isCalled(id, [name])).toBe(false));
});

describe("order", () => {
  test("puts those first, in that order, and leaves the others behind them", () => {
    expect(tried({ order: ["groq", "Mistral"] })).toEqual(["groq/a", "mistral/a", "openai/a", "openrouter/vendor/a"]);
    expect(tried({ order: ["nobody", "groq"] })[0]).toBe("groq/a");
  });
  test("without fallbacks means nobody else", () => {
    expect(tried({ order: ["groq", "mistral"], allowFallbacks: false })).toEqual(["groq/a", "mistral/a"]);
    expect(reasons({ order: ["groq"], allowFallbacks: false })).toEqual({ "openai/a": "fallbacks_off", "mistral/a": "fallbacks_off", "openrouter/vendor/a": "fallbacks_off" });
  });
  test("goes before price where both are wished", () => expect(tried({ order: ["openai"], sort: "price" })).toEqual(["openai/a", "groq/a", "mistral/a", "openrouter/vendor/a"]));
  test("reaches over all that an alias means, not only the cheapest few", () => {
    const many = catalogOf(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${i}`, [i === 29 ? "openai/m29" : `groq/m${i}`]])), { "/auto": ["cheapest:", "*"] }, { "openai/m29": { input: 99, output: 99 } });
    expect(plan(ask("auto", many, { wish: wishing({ order: ["openai"] }) })).attempts[0]!.deployment).toBe("openai/m29");
  });
});

describe("only, ignore and allow_fallbacks", () => {
  test("keep and take away", () => {
    expect(tried({ only: ["groq", "openai"] })).toEqual(["openai/a", "groq/a"]);
    expect(tried({ ignore: ["groq", "openai"] })).toEqual(["mistral/a", "openrouter/vendor/a"]);
    expect(reasons({ only: ["groq"], ignore: ["groq"] })).toEqual({ "openai/a": "not_in_only", "groq/a": "ignored", "mistral/a": "not_in_only", "openrouter/vendor/a": "not_in_only" });
  });
  test("of nobody leave nobody, and the client hears why", () => {
    expect(() => plan(ask("a", catalog, { wish: wishing({ only: ["nobody"] }) }))).toThrow("provider.only");
    expect(tried({ only: [] })).toEqual([]);
    expect(tried({ ignore: [] })).toEqual(all);
  });
  test("false tries one deployment, the first that is well", () => {
    expect(tried({ allowFallbacks: false })).toEqual(["openai/a"]);
    expect(tried({ allowFallbacks: false, sort: "price" })).toEqual(["groq/a"]);
    expect(tried({ allowFallbacks: false }, { health: (vital) => (vital === "openai/a" ? { state: "open" } : undefined) })).toEqual(["mistral/a"]);
  });
});

describe("an explicit name", () => {
  const down = { health: (vital: string): Vital | undefined => (vital === "openai/vendor/a" || vital === "openai/a" ? { state: "open" } : undefined) };
  const two = catalogOf({ a: ["openai/a", "openrouter/openai/a"] });
  test("stays with its provider, however that does", () => {
    expect(weigh(ask("openai/a", two, down)).attempts.map(({ deployment }) => deployment)).toEqual(["openai/a"]);
    expect(weigh(ask("a", two, down)).attempts.map(({ deployment }) => deployment)).toEqual(["openrouter/openai/a"]);
  });
});

describe("a model by the name of one of its deployments", () => {
  const wide = catalogOf({ "gpt-4o": ["openai/gpt-4o", "groq/gpt-4o-fast", "openrouter/openai/gpt-4o"], llama: ["groq/llama", "mistral/llama"] }, {}, { "groq/gpt-4o-fast": { input: 0.5, output: 0.5 } });
  const tries = (name: string, wish: Partial<RoutingWish>, over: Partial<Question> = {}) => weigh(ask(name, wide, { wish: wishing(wish), ...over })).attempts.map(({ deployment }) => deployment);

  test("is the model wherever it is, once the request says how to choose among providers", () => {
    expect(tries("openai/gpt-4o", { order: ["groq"] })).toEqual(["groq/gpt-4o-fast", "openai/gpt-4o", "openrouter/openai/gpt-4o"]);
    expect(tries("openai/gpt-4o", { only: ["groq"] })).toEqual(["groq/gpt-4o-fast"]);
    expect(tries("openai/gpt-4o", { ignore: ["openai", "openrouter"] })).toEqual(["groq/gpt-4o-fast"]);
    expect(tries("openai/gpt-4o", { sort: "price" })[0]).toBe("groq/gpt-4o-fast");
    expect(tries("openai/gpt-4o", { sort: "price" })).toEqual(tries("openai/gpt-4o:floor", {}));
  });
  test("is that one while it only says what must not become of its prompts", () => {
    expect(tries("openai/gpt-4o", { noTraining: true })).toEqual(["openai/gpt-4o"]);
    expect(tries("openai/gpt-4o", { models: ["llama"] })).toEqual(["openai/gpt-4o", "mistral/llama", "groq/llama"]);
  });
  test("on the owner's machines stays there, whatever it says and whichever suffix it has", () => {
    const mine = { selfHostedModels: ["llama"] };
    for (const wish of [{ sort: "price" as const }, { order: ["groq"] }, { ignore: ["mistral"] }, {}]) expect(tries("selfhosted/llama", wish, mine)).toEqual(["selfhosted/llama"]);
    for (const suffix of [":floor", ":nitro", ":free"]) expect(tries(`selfhosted/llama${suffix}`, {}, mine)).toEqual(["selfhosted/llama"]);
    expect(tries("selfhosted/llama", { only: ["groq"] }, mine)).toEqual([]);
  });
});

describe("models", () => {
  test("are tried after the first, in their order, each deployment once", () => {
    expect(tried({ models: ["able", "a", "plain"] }, {}, "plain")).toEqual(["mistral/plain", "mistral/able", ...all]);
  });
  test("take over when the first cannot be called or is unknown", () => {
    expect(tried({ models: ["plain"] }, {}, "anthropic/claude")).toEqual(["mistral/plain"]);
    expect(weighed({ models: ["plain"] }, {}, "nothing").attempts).toHaveLength(1);
    expect(reasons({ models: ["nothing", "plain"] }, {}, "able")).toEqual({ nothing: "unknown" });
  });
  test("are held to what the key may call", () => {
    const principal = principalOf({ models: ["plain"] });
    expect(tried({ models: ["a", "able"] }, { principal }, "plain")).toEqual(["mistral/plain"]);
  });
  test("of a sovereign request are the owner's too", () => {
    expect(tried({ models: ["a", "mine"] }, { sovereign: true, selfHostedModels: ["mine"] }, "plain")).toEqual(["selfhosted/mine"]);
  });
  test("that are all unknown are an unknown model", () => {
    expect(() => plan(ask("nothing", catalog, { wish: wishing({ models: ["nor-this"] }) }))).toThrow('"nothing" does not exist');
  });
});

describe("what may become of prompts", () => {
  const at = (vars: Record<string, string> = {}) => endpoints({ vars: { OPENAI_API_KEY: "k", GROQ_API_KEY: "k", MISTRAL_API_KEY: "k", FIREWORKS_API_KEY: "k", OPENROUTER_API_KEY: "k", SOVEREIGN_ORIGIN: "http://10.0.0.1/v1", ...vars }, allowPrivate: false });
  const some = catalogOf({ a: ["openai/a", "mistral/a", "fireworks/a", "openrouter/a"] });
  const found = (wish: Partial<RoutingWish>, over: Partial<Question> = {}) => {
    const { attempts, excluded } = weigh(ask("a", some, { endpoints: at(), wish: wishing(wish), ...over }));
    return { tried: attempts.map(({ deployment, own }) => `${deployment}${own ? " own" : ""}`), excluded: Object.fromEntries(excluded.map(({ deployment, reason }) => [deployment, reason])) };
  };

  test("denied collection leaves those whose page says that they do not train, the owner's machines, and who routes by the same wish", () => {
    expect(found({ noTraining: true }, { selfHostedModels: ["a"] })).toEqual({ tried: ["selfhosted/a", "openai/a", "fireworks/a", "openrouter/a"], excluded: { "mistral/a": "trains" } });
  });
  test("zero retention leaves those whose page says that they keep nothing", () => {
    expect(found({ zeroRetention: true })).toEqual({ tried: ["fireworks/a", "openrouter/a"], excluded: { "openai/a": "retains", "mistral/a": "retains" } });
  });
  test("an agreement of the installation counts as the page does", () => {
    const endpoints = at({ ZERO_RETENTION_PROVIDERS: "openai", NO_TRAINING_PROVIDERS: "mistral" });
    expect(found({ zeroRetention: true }, { endpoints }).tried).toEqual(["openai/a", "fireworks/a", "openrouter/a"]);
    expect(found({ noTraining: true }, { endpoints }).tried).toEqual(["openai/a", "mistral/a", "fireworks/a", "openrouter/a"]);
    expect(found({ noTraining: true, zeroRetention: true }, { endpoints }).excluded).toEqual({ "mistral/a": "retains" });
  });
  test("and does not hold for an organisation's own account, which is left out then", () => {
    const endpoints = at({ ZERO_RETENTION_PROVIDERS: "openai" });
    const principal = (only: boolean) => principalOf({ credentials: ownAt({ openai: "own" }, only) });
    expect(found({ zeroRetention: true, only: ["openai"] }, { endpoints, principal: principal(false) })).toMatchObject({ tried: ["openai/a"] });
    expect(found({ zeroRetention: true, only: ["openai"] }, { endpoints, principal: principal(true) })).toMatchObject({ tried: [], excluded: { "openai/a": "retains" } });
    expect(found({ only: ["openai"] }, { endpoints, principal: principal(false) }).tried).toEqual(["openai/a own", "openai/a"]);
  });
  test("nobody knows of who answers elsewhere in a provider's name", () => {
    expect(found({ zeroRetention: true }, { endpoints: at({ FIREWORKS_BASE_URL: "https://proxy.example.com/v1" }) }).tried).toEqual(["openrouter/a"]);
  });
});

describe("max_price", () => {
  test("is USD for a million tokens, and takes whoever costs as much", () => {
    expect(tried({ maxPrice: { prompt: 2 } })).toEqual(["mistral/a", "groq/a"]);
    expect(tried({ maxPrice: { prompt: 2, completion: 5.9 } })).toEqual(["groq/a"]);
    expect(tried({ maxPrice: { completion: 15 } })).toEqual(all);
    expect(tried({ maxPrice: { request: 0 } })).toEqual(all);
    expect(reasons({ maxPrice: { prompt: 0.99 } })).toEqual(Object.fromEntries(all.map((name) => [name, "max_price"])));
  });
  test("is above no price that nobody knows, and the owner's machines have none", () => {
    expect(reasons({ maxPrice: { prompt: 100 } }, {}, "unpriced")).toEqual({ "groq/unpriced": "max_price" });
    expect(tried({ maxPrice: { prompt: 0 } }, { selfHostedModels: ["unpriced"] }, "unpriced")).toEqual(["selfhosted/unpriced"]);
  });
});

describe("other wishes", () => {
  test("require_parameters leaves who can do all that is asked, also of a plain name", () => {
    const needs = () => ({ kind: "chat" as const, capabilities: ["vision" as const], outputModalities: [], inputTokens: 1, outputTokens: undefined });
    expect(reasons({ requireParameters: true }, { needs }, "plain")).toEqual({ "mistral/plain": "lacks_vision" });
    expect(tried({ requireParameters: true }, { needs }, "able")).toEqual(["mistral/able"]);
    expect(tried({}, { needs }, "plain")).toEqual(["mistral/plain"]);
  });
  test("quantizations are known of nobody but by who routes", () => expect(tried({ quantizations: ["fp8"] })).toEqual(["openrouter/vendor/a"]));
  test("preferred speed puts the slow last, and leaves who is not measured where they are", () => {
    const vitals: Record<string, Vital> = { "openai/a": { state: "closed", tokensPerSecond: 10, firstByteMs: { p50: 100 } }, "mistral/a": { state: "closed", tokensPerSecond: 90, firstByteMs: { p50: 3_000 } } };
    const health = (vital: string) => vitals[vital];
    expect(tried({ leastThroughput: 50 }, { health })).toEqual(["mistral/a", "groq/a", "openrouter/vendor/a", "openai/a"]);
    expect(tried({ mostLatency: 1 }, { health })).toEqual(["openai/a", "groq/a", "openrouter/vendor/a", "mistral/a"]);
  });
  test("none at all leaves everything as it is", () => expect(tried({})).toEqual(weigh(ask("a", catalog)).attempts.map(({ deployment }) => deployment)));
});

describe("several servers of a provider", () => {
  const two = endpoints({ vars: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "https://one.example.com/v1,https://two.example.com/v1" }, allowPrivate: false });
  const vitals = (over: Partial<Question> = {}) => weigh(ask("openai/a", catalog, { endpoints: two, ...over })).attempts.map(({ vital }) => vital);
  test("each have a health of their own: who is down is not tried, unless all are", () => {
    expect(vitals().toSorted()).toEqual(["openai/a @1", "openai/a @2"]);
    expect(vitals({ health: (vital) => (vital.endsWith("@1") ? { state: "open" } : undefined) })).toEqual(["openai/a @2"]);
    expect(vitals({ health: () => ({ state: "open" }) }).toSorted()).toEqual(["openai/a @1", "openai/a @2"]);
  });
  test("share conversations, each of which stays", () => {
    const firsts = Array.from({ length: 200 }, (_, i) => vitals({ seed: `s${i}` })[0]);
    expect(vitals({ seed: "s7" })[0]).toBe(firsts[7]);
    expect(Math.abs(firsts.filter((vital) => vital === "openai/a @1").length - 100)).toBeLessThan(35);
  });
});

test("a provider that routes itself, asked by its own name, hears wishes about its own choice and is not left out by them", () => {
  const catalog = catalogOf({ a: ["openrouter/vendor/a", "openai/a"] });
  const wish = { models: [], allowFallbacks: false, requireParameters: false, noTraining: false, zeroRetention: false, fields: ["provider"], only: ["fireworks"], ignore: ["openrouter"], order: ["Together"], maxPrice: { prompt: 0 }, quantizations: ["fp8"] };
  expect(weigh(ask("openrouter/vendor/a", catalog, { wish })).attempts.map(({ deployment }) => deployment)).toEqual(["openrouter/vendor/a"]);
  expect(weigh(ask("openai/a", catalog, { wish })).attempts).toEqual([]);
});

describe("an organisation's rules", () => {
  const ruled = (rules: NonNullable<Question["principal"]["rules"]>): Partial<Question> => ({ principal: { ...principalOf(), rules } });
  test("hold where a request says nothing, and where it says less", () => {
    expect(reasons({}, ruled({ noTraining: true }))).toMatchObject({ "groq/a": "trains" });
    expect(tried({}, ruled({ noTraining: true }))).toContain("openai/a");
    expect(tried({}, { ...ruled({ noTraining: true }), wish: undefined })).not.toContain("groq/a");
    expect(reasons({ maxPrice: { prompt: 10 } }, ruled({ maxPrice: { prompt: 2.5 } }))).toMatchObject({ "openai/a": "max_price" });
    expect(tried({ maxPrice: { prompt: 1.5 } }, ruled({ maxPrice: { prompt: 2.5 } }))).toEqual(["groq/a"]);
  });
  test("are not told to a provider that routes itself, so it is not asked unless the request tells it", () => {
    expect(reasons({}, ruled({ noTraining: true }))).toMatchObject({ "openrouter/vendor/a": "trains" });
    expect(tried({ noTraining: true }, ruled({ noTraining: true }))).toContain("openrouter/vendor/a");
    expect(reasons({ noTraining: true }, ruled({ zeroRetention: true }))).toMatchObject({ "openrouter/vendor/a": "retains" });
  });
  test("are named as such to whoever is refused", () => {
    expect(() => plan(ask("groq/a", catalog, ruled({ noTraining: true })))).toThrow("your organisation's rule: no training");
    expect(() => plan(ask("groq/a", catalog, { ...ruled({ noTraining: true }), wish: wishing({ noTraining: true }) }))).toThrow("provider.data_collection: deny");
  });
});
