import { describe, expect, test } from "vitest";
import { resolve } from "../../src/router/index.ts";
import { catalogOf } from "./stage.ts";

const models = {
  "gpt-4o": ["openrouter/openai/gpt-4o", "openai/gpt-4o", "azure/gpt-4o"],
  "gpt-4o-2024-08-06": ["openai/gpt-4o-2024-08-06"],
  "llama-3.1-70b": ["groq/llama-3.1-70b-versatile", "openrouter/meta-llama/llama-3.1-70b", "together/meta-llama/llama-3.1-70b"],
};

function names(name: string, aliases: Record<string, string[]> = {}, selfHostedModels: string[] = [], organisationId = "acme"): string[] {
  return resolve(name, { organisationId, catalog: catalogOf(models, aliases), selfHostedModels }).map(({ provider, upstreamId }) => `${provider}/${upstreamId}`);
}

describe("a model's name", () => {
  test("means all its deployments, in the providers' order", () => {
    expect(names("gpt-4o")).toEqual(["openai/gpt-4o", "azure/gpt-4o", "openrouter/openai/gpt-4o"]);
  });
  test("with a date means that one only", () => {
    expect(names("gpt-4o-2024-08-06")).toEqual(["openai/gpt-4o-2024-08-06"]);
  });
  test.each(["gpt-5o", "GPT-4o", "", "/", "/gpt-4o", "gpt-4o/", "nobody/gpt-4o", "openai/"])("%j means nothing", (name) => expect(names(name)).toEqual([]));
  test.each(["constructor", "__proto__", "toString"])("%s means nothing either", (name) => expect(names(name)).toEqual([]));
});

describe("a provider's name before it", () => {
  test("means that provider first, then whoever uses the same id", () => {
    expect(names("groq/llama-3.1-70b-versatile")).toEqual(["groq/llama-3.1-70b-versatile"]);
    expect(names("openai/gpt-4o")).toEqual(["openai/gpt-4o", "openrouter/openai/gpt-4o"]);
  });
  test("reaches ids that the catalog does not know yet, slashes and colons included", () => {
    const [candidate] = resolve("openrouter/new/model:free", { organisationId: "acme", catalog: catalogOf(models), selfHostedModels: [] });
    expect(candidate).toEqual({ provider: "openrouter", upstreamId: "new/model:free", name: "openrouter/new/model:free", model: undefined, prices: [], rates: undefined, pricedFromMs: undefined, gift: false });
  });
  test("carries what the catalog knows", () => {
    const [candidate] = resolve("openai/gpt-4o", { organisationId: "acme", catalog: catalogOf(models), selfHostedModels: [] });
    expect(candidate!.model?.id).toBe("gpt-4o");
    expect(candidate!.prices).toHaveLength(2);
  });
});

describe("an id that providers use, with a slash of its own", () => {
  test("means them, and then whoever has the same model", () => {
    expect(names("meta-llama/llama-3.1-70b")).toEqual(["openrouter/meta-llama/llama-3.1-70b", "together/meta-llama/llama-3.1-70b", "groq/llama-3.1-70b-versatile"]);
  });
  test("that begins with a provider of ours means what that provider calls otherwise", () => {
    const spelled = { "claude-haiku-4-5": ["anthropic/claude-haiku-4-5", "bedrock/anthropic.claude-haiku-4-5", "openrouter/anthropic/claude-haiku-4.5"] };
    expect(resolve("anthropic/claude-haiku-4.5", { organisationId: "acme", catalog: catalogOf(spelled), selfHostedModels: [] }).map(({ name }) => name))
      .toEqual(["anthropic/claude-haiku-4-5", "openrouter/anthropic/claude-haiku-4.5", "bedrock/anthropic.claude-haiku-4-5"]);
  });
});

describe("the self-hosted server's own models", () => {
  test("come first", () => expect(names("llama-3.1-70b", {}, ["llama-3.1-70b"])[0]).toBe("selfhosted/llama-3.1-70b"));
  test("need no catalog", () => expect(names("qwen2.5:0.5b", {}, ["qwen2.5:0.5b"])).toEqual(["selfhosted/qwen2.5:0.5b"]));
  test("by the provider's name need not even be listed", () => expect(names("selfhosted/anything")).toEqual(["selfhosted/anything"]));
});

describe("an alias", () => {
  test("means its targets in order", () => {
    expect(names("fast", { "/fast": ["llama-3.1-70b", "gpt-4o-2024-08-06"] })).toEqual([
      "groq/llama-3.1-70b-versatile", "together/meta-llama/llama-3.1-70b", "openrouter/meta-llama/llama-3.1-70b", "openai/gpt-4o-2024-08-06",
    ]);
  });
  test("of the organisation comes before everyone's, another organisation's is none", () => {
    const aliases = { "/fast": ["gpt-4o"], "acme/fast": ["groq/a"], "other/fast": ["groq/b"], "other/theirs": ["groq/b"] };
    expect(names("fast", aliases)).toEqual(["groq/a"]);
    expect(names("fast", aliases, [], "third")).toEqual(names("gpt-4o"));
    expect(names("theirs", aliases)).toEqual([]);
  });
  test("may name aliases", () => {
    expect(names("a", { "/a": ["b"], "/b": ["c"], "/c": ["d"], "/d": ["e"], "/e": ["f"], "/f": ["gpt-4o-2024-08-06"] })).toEqual(["openai/gpt-4o-2024-08-06"]);
  });
  test("may bear a model's name and stand for that model and others", () => {
    expect(names("gpt-4o", { "/gpt-4o": ["gpt-4o", "groq/x"] })).toEqual([...names("gpt-4o"), "groq/x"]);
    expect(names("gpt-4o", { "/gpt-4o": ["groq/x", "gpt-4o"] })).toEqual(["groq/x", ...names("gpt-4o")]);
  });
  test("hides the model whose name it bears", () => expect(names("gpt-4o", { "/gpt-4o": ["groq/x"] })).toEqual(["groq/x"]));
  test("in a circle means what else is in it", () => {
    expect(names("a", { "/a": ["a"] })).toEqual([]);
    expect(names("a", { "/a": ["b", "groq/x"], "/b": ["a", "groq/y"] })).toEqual(["groq/y", "groq/x"]);
  });
  test("means each deployment once", () => {
    expect(names("a", { "/a": ["gpt-4o", "openai/gpt-4o", "b"], "/b": ["gpt-4o", "gpt-4o"] })).toEqual(names("gpt-4o"));
  });
  test("that names many that name many is no work", () => {
    const all = Array.from({ length: 20 }, (_, i) => `a${i}`);
    const startedMs = performance.now();
    expect(names("a0", Object.fromEntries(all.map((name) => [`/${name}`, [...all, "groq/x"]])))).toEqual(["groq/x"]);
    expect(performance.now() - startedMs).toBeLessThan(200);
  });
});
