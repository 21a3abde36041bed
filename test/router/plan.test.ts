import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Principal } from "../../src/accounts/index.ts";
import { GatewayError } from "../../src/errors.ts";
import { selfHosted } from "../../src/providers/index.ts";
import { allows } from "../../src/router/against.ts";
import { callableModels, plan, weigh, type Question } from "../../src/router/index.ts";
import { ask, catalogOf, ownAt, principalOf, reach } from "./stage.ts";

const catalog = catalogOf({
  "gpt-4o": ["openai/gpt-4o", "openrouter/openai/gpt-4o"],
  "gpt-4o-mini": ["openai/gpt-4o-mini"],
  "claude": ["anthropic/claude", "openrouter/anthropic/claude"],
  "llama": ["groq/llama", "openrouter/meta/llama"],
  "free": ["groq/free!", "openrouter/free!"],
}, { "/fast": ["llama", "gpt-4o-mini"], "acme/ours": ["fast", "free"], "/closed": ["anthropic/claude"], "/dead": ["nothing", "dead"] });

const planned = (name: string, over: Partial<Question> = {}) => plan(ask(name, catalog, over));
const deployments = (name: string, over: Partial<Question> = {}) => planned(name, over).attempts.map(({ deployment }) => deployment);
const refusal = (name: string, over: Partial<Question> = {}): GatewayError => {
  try {
    planned(name, over);
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error(`${name} was planned`);
};
const key = (over: Partial<Principal>) => ({ principal: principalOf(over) });

describe("a plan", () => {
  test("tries every deployment of a name, and says what it needs to call it", () => {
    const { attempts, excluded } = planned("gpt-4o");
    expect(attempts.map(({ deployment, upstreamId, endpoint, maxOutputTokens }) => [deployment, upstreamId, endpoint.baseUrl, endpoint.secret, maxOutputTokens])).toEqual([
      ["openai/gpt-4o", "gpt-4o", "https://api.openai.com/v1", "sk-openai", 4096],
      ["openrouter/openai/gpt-4o", "openai/gpt-4o", "https://openrouter.ai/api/v1", "sk-openrouter", 4096],
    ]);
    expect(excluded).toEqual([]);
  });

  test("by a provider's name tries that one and no other", () => {
    expect(deployments("openai/gpt-4o")).toEqual(["openai/gpt-4o"]);
    expect(deployments("groq/never-heard-of")).toEqual(["groq/never-heard-of"]);
  });

  test("by the name of a provider that is not set up goes to one that uses the same id", () => {
    expect(planned("anthropic/claude")).toMatchObject({ attempts: [{ deployment: "openrouter/anthropic/claude" }], excluded: [{ deployment: "anthropic/claude", reason: "not_configured" }] });
  });

  test("is made of those that can be told of a provider's own tools", () => {
    const protocols = ["openai-responses", "openai-chat", "anthropic-messages"];
    const asking = (must: boolean) => ({ protocols, nativeOnly: { protocol: "openai-responses", param: "tools", what: ["file_search", "web_search"], must } });
    for (const must of [true, false]) expect(plan(ask("two", catalogOf({ two: ["openai/two", "mistral/two"] }), asking(must)))).toMatchObject({ attempts: [{ deployment: "openai/two" }], excluded: [{ deployment: "mistral/two", reason: "not_native" }] });
    expect(planned("gpt-4o-mini", asking(true)).attempts[0]!.protocols).toEqual(["openai-responses"]);
    expect(planned("mistral/any", asking(false)).attempts).toMatchObject([{ deployment: "mistral/any", protocols: ["openai-chat"] }]);
    expect(refusal("mistral/any", asking(true))).toMatchObject({ status: 400, code: "invalid_request", detail: { param: "tools", shouldRetry: false } });
    expect(refusal("mistral/any", asking(true)).message).toBe("tools: file_search, web_search can only be told in openai-responses, which is not spoken by mistral/any. Ask for a model whose provider does.");
  });

  test("says of each deployment left out why", () => {
    expect(planned("claude").excluded).toEqual([{ deployment: "anthropic/claude", reason: "not_configured" }]);
    expect(planned("llama", { sovereign: true, selfHostedModels: ["llama"] })).toMatchObject({
      attempts: [{ deployment: "selfhosted/llama" }],
      excluded: [{ deployment: "groq/llama", reason: "not_self_hosted" }, { deployment: "openrouter/meta/llama", reason: "not_self_hosted" }],
    });
    expect(planned("llama", { protocols: ["openai-embeddings"] }).excluded).toEqual([{ deployment: "groq/llama", reason: "protocol" }]);
    expect(planned("llama", key({ models: ["openrouter/*"] })).excluded).toEqual([{ deployment: "groq/llama", reason: "not_allowed" }]);
    expect(planned("ours", key({ limits: { requestsPerMinute: 1, budgetNanoUsd: 1 } })).excluded).toEqual([
      { deployment: "groq/free", reason: "not_priced" }, { deployment: "openrouter/free", reason: "not_priced" },
    ]);
  });
});

describe("a sovereign request", () => {
  test("goes to the owner's own machines or nowhere", () => {
    expect(deployments("llama", { sovereign: true, selfHostedModels: ["llama"] })).toEqual(["selfhosted/llama"]);
    expect(deployments("selfhosted/x", { sovereign: true })).toEqual(["selfhosted/x"]);
  });
  test.each(["llama", "nothing", "groq/llama", "fast"])("for %s says the same, whether it exists or not", (name) => {
    expect(refusal(name, { sovereign: true })).toMatchObject({ code: "sovereign_unavailable", status: 503, detail: { shouldRetry: false } });
    expect(refusal(name, { sovereign: true }).message).toBe(refusal("anything", { sovereign: true }).message);
  });
  test("goes nowhere without a server of the owner's", () => {
    const endpoints = new Map([...reach("openai")].filter(([id]) => id !== selfHosted.id));
    expect(refusal("llama", { sovereign: true, endpoints, selfHostedModels: ["llama"] }).code).toBe("sovereign_unavailable");
  });
  test("never leaves the house, whatever is asked (property)", () => {
    const names = fc.oneof(fc.constantFrom("gpt-4o", "fast", "ours", "llama", "free", "openai/gpt-4o", "selfhosted/x", "meta/llama"), fc.string());
    fc.assert(fc.property(names, fc.subarray(["llama", "gpt-4o", "fast"]), fc.option(fc.array(fc.constantFrom("*", "llama", "selfhosted/*", "groq/*")), { nil: undefined }), (name, selfHostedModels, models) => {
      try {
        expect(planned(name, { sovereign: true, selfHostedModels, ...key({ models, credentials: ownAt({ groq: "own" }) }) }).attempts.every(({ endpoint }) => endpoint.provider === selfHosted)).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: "sovereign_unavailable" });
      }
    }));
  });
});

describe("an allow-list", () => {
  test.each<[string[] | undefined, string[], boolean]>([
    [undefined, ["x"], true], [[], ["x"], false], [["x"], ["x"], true], [["x"], ["y", "x"], true], [["x"], ["xy"], false], [["x*"], ["xy"], true], [["*"], ["x"], true],
    [["openai/*"], ["openai/gpt-4o"], true], [["openai/*"], ["gpt-4o"], false], [["*-mini"], ["gpt-4o-mini"], false], [["X"], ["x"], false], [["x.z"], ["xyz"], false],
  ])("%j lets %j: %s", (models, names, allowed) => expect(allows(models, names)).toBe(allowed));

  test("knows a model by its name, its deployment's, and the one that was asked for", () => {
    expect(deployments("gpt-4o", key({ models: ["gpt-4o"] }))).toHaveLength(2);
    expect(deployments("gpt-4o", key({ models: ["openai/*"] }))).toEqual(["openai/gpt-4o"]);
    expect(deployments("openai/gpt-4o", key({ models: ["gpt-4o"] }))).toEqual(["openai/gpt-4o"]);
    expect(deployments("fast", key({ models: ["fast"] }))).toHaveLength(3);
    expect(deployments("fast", key({ models: ["gpt-4o-mini"] }))).toEqual(["openai/gpt-4o-mini"]);
    expect(deployments("fast", key({ models: ["fast"], planModels: ["openai/*"], organisationModels: ["gpt-4o-mini"] }))).toEqual(["openai/gpt-4o-mini"]);
  });
  test("refuses all else", () => {
    expect(refusal("gpt-4o", key({ models: ["gpt-4o-mini"] }))).toMatchObject({ code: "model_not_allowed", status: 403, detail: { param: "model" } });
    expect(refusal("gpt-4o", key({ models: [] })).code).toBe("model_not_allowed");
    expect(refusal("groq/new", key({ models: ["gpt-4o"] })).code).toBe("model_not_allowed");
  });
});

describe("a budget", () => {
  test.each([["for ever", { budgetNanoUsd: 1 }], ["a month", { monthlyNanoUsd: 1 }]])("%s takes no model whose price nobody knows", (_, limits) => {
    expect(refusal("free", key({ limits: { requestsPerMinute: 1, ...limits } }))).toMatchObject({ code: "model_not_priced", status: 403 });
    expect(refusal("groq/new", key({ limits: { requestsPerMinute: 1, ...limits } })).code).toBe("model_not_priced");
    expect(deployments("gpt-4o", key({ limits: { requestsPerMinute: 1, ...limits } }))).toHaveLength(2);
    const limited = key({ limits: { requestsPerMinute: 1, ...limits } });
    const protocols = ["openai-responses", "openai-chat"];
    expect(refusal("gpt-4o", { ...limited, protocols, searches: "openai-responses" }).code).toBe("model_not_priced");
    expect(deployments("gpt-4o", { ...limited, protocols: ["openai-chat"], searches: "openai-responses" })).toHaveLength(2);
    expect(refusal("gpt-4o", { ...limited, tier: "priority" }).code).toBe("model_not_priced");
    expect(deployments("gpt-4o", { ...limited, tier: "flex" })).toHaveLength(2);
    expect(deployments("selfhosted/x", key({ limits: { requestsPerMinute: 1, ...limits } }))).toEqual(["selfhosted/x"]);
  });
  test("of tokens minds no price", () => expect(deployments("free", key({ limits: { requestsPerMinute: 1, monthlyTokens: 1 } }))).toHaveLength(2));
});

describe("an organisation's own credential", () => {
  const own = { ...key({ credentials: ownAt({ anthropic: "sk-own", openai: "sk-own-openai" }) }), endpoints: reach("openai") };
  test("makes a provider usable", () => {
    expect(refusal("closed", { endpoints: reach("openai") }).code).toBe("no_provider");
    expect(planned("closed", own).attempts).toMatchObject([{ deployment: "anthropic/claude", endpoint: { secret: "sk-own", baseUrl: "https://api.anthropic.com" } }]);
  });
  test("comes before the installation's, and does not stay", () => {
    expect(planned("openai/gpt-4o", own).attempts[0]!.endpoint.secret).toBe("sk-own-openai");
    expect(planned("openai/gpt-4o").attempts[0]!.endpoint.secret).toBe("sk-openai");
  });
  test("does not say where a provider is", () => {
    expect(refusal("azure/gpt-4o", key({ credentials: ownAt({ azure: "sk" }) })).code).toBe("no_provider");
  });
});

describe("a refusal", () => {
  test("of an unknown name offers names like it", () => {
    expect(refusal("gpt-4o-mni")).toMatchObject({ code: "model_not_found", status: 404, detail: { param: "model" } });
    expect(refusal("gpt-4o-mni").message).toBe('The model "gpt-4o-mni" does not exist. Did you mean gpt-4o-mini?');
    expect(refusal("LLAMA").message).toContain("Did you mean llama?");
    expect(refusal("xyzzyxyzzy").message).toBe('The model "xyzzyxyzzy" does not exist. GET /v1/models lists what this key can call.');
  });
  test("offers at most three, and none that the key may not call", () => {
    const many = catalogOf(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`gpt-4${i}`, [`openai/gpt-4${i}`]])));
    expect(() => plan(ask("gpt-4", many))).toThrow("Did you mean gpt-40, gpt-41, gpt-42?");
    expect(refusal("gpt-4o-mni", key({ models: ["llama"] })).message).not.toContain("gpt-4o-mini");
  });
  test("of a very long name is short work", () => {
    const startedMs = performance.now();
    expect(refusal("x".repeat(256)).code).toBe("model_not_found");
    expect(performance.now() - startedMs).toBeLessThan(100);
  });
  test("says what is missing", () => {
    const bare = { endpoints: reach("openai") };
    expect(refusal("anthropic/claude", bare)).toMatchObject({ code: "no_provider", status: 503, detail: { shouldRetry: false } });
    expect(refusal("anthropic/claude", bare).message).toBe('The model "anthropic/claude" cannot be called: no provider of it is set up here (anthropic, openrouter).');
    expect(refusal("groq/llama", { protocols: ["openai-embeddings"] }).message).toContain("no provider of it offers this endpoint (groq)");
  });
  test("names no provider that the key may not use", () => {
    expect(refusal("closed", key({ models: ["other"] }))).toMatchObject({ code: "model_not_allowed" });
  });
});

describe("the list of models", () => {
  const list = (over: Partial<Question> = {}) => callableModels(ask("", catalog, over));
  const ids = (over: Partial<Question> = {}) => list(over).map(({ id }) => id);

  test("has every name once, sorted", () => {
    expect(ids({ selfHostedModels: ["llama", "qwen"] })).toEqual([
      "anthropic/claude", "claude", "closed", "fast", "free", "gpt-4o", "gpt-4o-mini", "groq/free", "groq/llama", "llama", "openai/gpt-4o", "openai/gpt-4o-mini",
      "openrouter/anthropic/claude", "openrouter/free", "openrouter/meta/llama", "openrouter/openai/gpt-4o", "ours", "qwen", "selfhosted/llama", "selfhosted/qwen",
    ]);
  });
  test("says whose a model is", () => {
    const found = new Map(list({ selfHostedModels: ["qwen"] }).map((model) => [model.id, model]));
    expect(found.get("gpt-4o")).toMatchObject({ id: "gpt-4o", owner: "gpt-4o-owner", createdAtMs: 1_700_000_000_000 });
    expect(found.get("qwen")).toMatchObject({ id: "qwen", owner: "selfhosted", createdAtMs: 0 });
    expect(found.get("ours")!.owner).toBe("forge");
  });
  test("of a sovereign key has the owner's machines only", () => {
    expect(ids({ ...key({ sovereign: true }), selfHostedModels: ["llama", "qwen"] })).toEqual(["fast", "llama", "ours", "qwen", "selfhosted/llama", "selfhosted/qwen"]);
  });
  test("shows an alias that the key may call, also when it may not call its targets", () => {
    expect(ids(key({ models: ["fast"] }))).toEqual(["fast"]);
  });
  test("shows an organisation's alias to nobody else, and in the place of everyone's", () => {
    expect(ids(key({ organisationId: "other" }))).not.toContain("ours");
    const shadowed = catalogOf({ llama: ["groq/llama"] }, { "/fast": ["llama"], "acme/fast": ["nothing"] });
    expect(callableModels(ask("", shadowed)).map(({ id }) => id)).toEqual(["groq/llama", "llama"]);
  });

  test("is exactly what plan accepts, whoever asks (property)", () => {
    const modelNames = ["a", "b", "c", "openai/gpt"];
    const places = ["openai", "groq", "mistral", "anthropic", "openrouter", "azure"];
    const deployment = fc.tuple(fc.constantFrom(...places), fc.constantFrom("a", "b", "x", "openai/gpt", "x/y"), fc.constantFrom("", "!")).map(([place, id, mark]) => `${place}/${id}${mark}`);
    const target = fc.constantFrom(...modelNames, "fast", "slow", "groq/x", "x/y", "nothing");
    const world = fc.record({
      models: fc.dictionary(fc.constantFrom(...modelNames), fc.uniqueArray(deployment, { maxLength: 3, selector: (name) => name.replace("!", "") })),
      aliases: fc.dictionary(fc.constantFrom("/fast", "/slow", "acme/fast", "other/slow", "/a"), fc.array(target, { minLength: 1, maxLength: 3 })),
      keys: fc.subarray(places),
      selfHostedModels: fc.subarray(["a", "mine", "x/y"]),
      allowed: fc.option(fc.array(fc.constantFrom("a", "fast", "openai/*", "groq/*", "mine", "*"), { maxLength: 3 }), { nil: undefined }),
      sovereign: fc.boolean(),
      budget: fc.boolean(),
      own: fc.subarray(["anthropic", "mistral"]),
    });
    fc.assert(fc.property(world, ({ models, aliases, keys, selfHostedModels, allowed, sovereign, budget, own }) => {
      const seen = new Set<string>();
      const unique = Object.fromEntries(Object.entries(models).map(([id, names]) => [id, names.filter((name) => !seen.has(name.replace("!", "")) && seen.add(name.replace("!", "")))]));
      const some = catalogOf(unique, aliases);
      const principal = principalOf({ models: allowed, sovereign, credentials: ownAt(Object.fromEntries(own.map((id) => [id, "own"]))), limits: { requestsPerMinute: 1, ...(budget && { budgetNanoUsd: 1 }) } });
      const question = ask("", some, { principal, sovereign, selfHostedModels, endpoints: reach(...keys) });
      const accepts = (name: string): boolean => ["openai-chat", "openai-embeddings", "anthropic-messages", "gemini-generate"].some((protocol) => {
        try {
          return plan({ ...question, name, protocols: [protocol] }).attempts.length > 0;
        } catch {
          return false;
        }
      });
      const written = [
        ...some.byModel.keys(), ...some.byName.keys(), ...selfHostedModels, ...selfHostedModels.map((name) => `selfhosted/${name}`),
        ...Object.keys(aliases).filter((name) => !name.startsWith("other/")).map((name) => name.split("/")[1]!),
      ];
      expect(callableModels(question).map(({ id }) => id)).toEqual([...new Set(written)].filter(accepts).sort());
    }), { numRuns: 300 });
  });
});

describe("what can be asked of models for different things", () => {
  const catalog = catalogOf(
    { ranker: ["cohere/ranker"], vectors: ["openai/vectors", "cohere/vectors"], talker: ["openai/talker"] }, { "/rank": ["talker", "vectors", "ranker"], "/all": ["cheapest:", "*"] },
    { ranker: { kind: "rerank" }, vectors: { kind: "embedding" } });
  const kinds = new Map([["openai-embeddings", "embedding"], ["cohere-embeddings", "embedding"], ["cohere-rerank", "rerank"]] as const);
  const needs = () => ({ kind: "rerank" as const, alsoKinds: [...kinds.values()], capabilities: [], outputModalities: [], inputTokens: 10, outputTokens: 0 });
  const row = (id: string, speaks: string[]) => ({ provider: { id, name: id, baseUrl: "https://x.example", speaks }, baseUrl: "https://x.example", secret: "s" });
  const endpoints = new Map([["openai", [row("openai", ["openai-chat", "openai-embeddings"])]], ["cohere", [row("cohere", ["cohere-rerank", "cohere-embeddings"])]]]);
  const asked = (name: string, over: Partial<Question> = {}) => weigh(ask(name, catalog, { protocols: ["cohere-rerank", "openai-embeddings", "cohere-embeddings"], kind: "rerank", kinds, needs, endpoints, ...over }));

  test("is asked for what each model is for, of whoever speaks both", () => {
    expect(asked("rank").attempts.map(({ deployment, protocols }) => [deployment, protocols[0]])).toEqual([
      ["openai/vectors", "openai-embeddings"], ["cohere/vectors", "cohere-embeddings"], ["cohere/ranker", "cohere-rerank"]]);
    expect(asked("rank").excluded).toEqual([{ deployment: "openai/talker", reason: "kind" }]);
  });
  test("is no other model's business, by its own name either", () => expect(asked("talker")).toMatchObject({ attempts: [], excluded: [{ deployment: "openai/talker", reason: "kind" }] }));
  test("and neither kind is anybody to talk to under an alias of everything", () => {
    const chat = asked("all", { protocols: ["openai-chat", "cohere-rerank"], kind: "chat", kinds: undefined, needs: () => ({ ...needs(), kind: "chat", alsoKinds: [] }) });
    expect(chat.attempts.map(({ deployment }) => deployment)).toEqual(["openai/talker"]);
  });
});
