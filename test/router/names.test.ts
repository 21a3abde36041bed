import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { asked, chanceOf, undated } from "../../src/router/names.ts";
import { plan, resolve, weigh, type Question } from "../../src/router/index.ts";
import { ask, catalogOf } from "./stage.ts";

describe("a suffix", () => {
  test.each([
    ["gpt-4o:floor", { name: "gpt-4o", pick: "cheapest" }], ["openai/gpt-4o:nitro", { name: "openai/gpt-4o", pick: "throughput" }], ["meta/llama:free", { name: "meta/llama", free: true }],
    ["qwen2.5:0.5b", { name: "qwen2.5:0.5b" }], ["qwen2.5:0.5b:floor", { name: "qwen2.5:0.5b", pick: "cheapest" }], ["gpt-4o:floor:0.5b", { name: "gpt-4o:floor:0.5b" }],
    ["gpt-4o:FLOOR", { name: "gpt-4o:FLOOR" }], ["gpt-4o:", { name: "gpt-4o:" }], [":floor", { name: ":floor" }], [":free", { name: ":free" }], ["", { name: "" }],
    ["x:thinking", { name: "x:thinking" }], ["x:extended", { name: "x:extended" }], ["x:constructor", { name: "x:constructor" }], ["x:__proto__", { name: "x:__proto__" }],
  ])("of %j", (name, said) => expect(asked(name)).toEqual(said));
});

describe("a date", () => {
  test.each([
    ["gpt-4o-2024-08-06", "gpt-4o"], ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"], ["claude-opus-4-1@20250805", "claude-opus-4-1"],
    ["gpt-4-0613", undefined], ["gpt-4o", undefined], ["-20250929", undefined], ["x-20251399", undefined], ["x-20250941", undefined], ["x-2024-8-6", undefined], ["x-20250929-v1:0", undefined], ["20250929", undefined],
  ])("at the end of %s leaves %s", (name, left) => expect(undated(name)).toBe(left));

  test("that the catalog does not list goes to the model's maker", () => {
    const catalog = catalogOf({ "gpt-4o": ["openai/gpt-4o", "openrouter/openai/gpt-4o"], "gpt-4o-2024-05-13": ["openai/gpt-4o-2024-05-13"] });
    const names = (name: string) => resolve(name, { organisationId: "acme", catalog, selfHostedModels: [] }).map((candidate) => candidate.name);
    expect(names("gpt-4o-2024-08-06")).toEqual(["openai/gpt-4o-2024-08-06"]);
    expect(names("gpt-4o-2024-05-13")).toEqual(["openai/gpt-4o-2024-05-13"]);
    expect(names("gpt-5o-2024-08-06")).toEqual([]);
  });
});

describe("chance", () => {
  test("is the same for the same words, and from 0 to 1", () => {
    fc.assert(fc.property(fc.array(fc.string()), (words) => {
      const chance = chanceOf(...words);
      expect(chanceOf(...words)).toBe(chance);
      expect(chance >= 0 && chance < 1).toBe(true);
    }));
  });
  test("tells words from their letters", () => {
    expect(new Set([chanceOf("ab", "c"), chanceOf("a", "bc"), chanceOf("abc"), chanceOf("abc", ""), chanceOf("", "abc")]).size).toBe(5);
  });
  test("is spread evenly over ids that hardly differ", () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i += 1) tenths[Math.floor(chanceOf(`req_${i}`, "openai/gpt-4o") * 10)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});

describe("OpenRouter's variants", () => {
  const catalog = catalogOf({
    "gpt-4o": ["openai/gpt-4o", "openrouter/openai/gpt-4o"], "llama": ["groq/llama", "openrouter/meta/llama", "mistral/llama"], "meta/llama:free": ["openrouter/meta/llama:free"],
    "gift": ["groq/gift", "mistral/gift"], "exact:free": ["groq/exact:free"],
  }, { "/auto": ["cheapest:", "*"], "/ours": ["llama", "gpt-4o"], "/named:floor": ["gift"] }, {
    "openai/gpt-4o": { input: 3, output: 9 }, "openrouter/openai/gpt-4o": { input: 2, output: 9 }, "groq/llama": { input: 1, output: 5 }, "openrouter/meta/llama": { input: 9, output: 4 },
    "mistral/llama": { input: 1, output: 1 }, "meta/llama:free": { input: 0, output: 0 }, "groq/gift": { input: 0, output: 0 }, "mistral/gift": { input: 0, output: 1 },
  });
  const tried = (name: string, over: Partial<Question> = {}) => weigh(ask(name, catalog, over)).attempts.map(({ deployment }) => deployment);

  test(":floor takes the cheapest first, by input and output", () => {
    expect(tried("llama:floor")).toEqual(["mistral/llama", "groq/llama", "openrouter/meta/llama"]);
    expect(tried("gpt-4o:floor")).toEqual(["openrouter/openai/gpt-4o", "openai/gpt-4o"]);
    const reading = { needs: () => ({ kind: "chat" as const, capabilities: [], outputModalities: [], inputTokens: 0, outputTokens: 100 }) };
    expect(tried("llama:floor", reading)).toEqual(["mistral/llama", "openrouter/meta/llama", "groq/llama"]);
  });
  test(":floor and :nitro are exactly provider.sort", () => {
    const sort = (sort: "price" | "throughput") => ({ wish: { models: [], allowFallbacks: true, requireParameters: false, noTraining: false, zeroRetention: false, sort, fields: [] } });
    const health = (vital: string) => ({ state: "closed" as const, ...(vital === "openrouter/meta/llama" && { tokensPerSecond: 99 }) });
    expect(tried("llama:floor")).toEqual(tried("llama", sort("price")));
    expect(tried("llama:nitro", { health })).toEqual(tried("llama", { ...sort("throughput"), health }));
    expect(tried("llama:nitro", { health })[0]).toBe("openrouter/meta/llama");
    expect(plan(ask("llama:nitro", catalog)).pick).toBe("throughput");
  });
  test("speak of the model, also behind the name of one deployment", () => {
    expect(tried("openai/gpt-4o")).toEqual(["openai/gpt-4o"]);
    expect(tried("openai/gpt-4o:floor")).toEqual(["openrouter/openai/gpt-4o", "openai/gpt-4o"]);
    expect(tried("meta/llama:nitro")).toHaveLength(3);
  });
  test("speak of all that an alias means", () => {
    expect(tried("ours:floor")).toEqual(["mistral/llama", "groq/llama", "openrouter/openai/gpt-4o", "openai/gpt-4o", "openrouter/meta/llama"]);
    expect(tried("auto:floor")).toEqual(tried("auto"));
    expect(weigh(ask("auto", catalog)).excluded).toEqual(expect.arrayContaining(["groq/gift", "mistral/gift", "openrouter/meta/llama:free"].map((deployment) => ({ deployment, reason: "free" }))));
    expect(tried("auto:free")).toEqual(["groq/gift", "openrouter/meta/llama:free", "groq/exact:free"]);
  });
  test(":free is the variant of that name, and what costs nothing", () => {
    expect(tried("meta/llama:free")).toEqual(["openrouter/meta/llama:free"]);
    expect(tried("llama:free")).toEqual(["openrouter/meta/llama:free"]);
    expect(tried("exact:free")).toEqual(["groq/exact:free"]);
    expect(tried("gift:free")).toEqual(["groq/gift"]);
    expect(weigh(ask("gift:free", catalog)).excluded).toEqual([{ deployment: "mistral/gift", reason: "not_free" }]);
    expect(tried("llama:free", { selfHostedModels: ["llama"] })).toEqual(["selfhosted/llama", "openrouter/meta/llama:free"]);
    expect(() => plan(ask("gpt-4o:free", catalog))).toThrow("none of them is free");
  });
  test("that are part of a name are left in it", () => {
    expect(tried("named:floor")).toEqual(["mistral/gift", "groq/gift"]);
    expect(tried("qwen2.5:0.5b", { selfHostedModels: ["qwen2.5:0.5b"] })).toEqual(["selfhosted/qwen2.5:0.5b"]);
    expect(tried("own:free", { selfHostedModels: ["own", "own:free"] })).toEqual(["selfhosted/own:free"]);
    expect(tried("selfhosted/own:floor", { selfHostedModels: ["own", "own:floor"] })).toEqual(["selfhosted/own:floor"]);
  });
  test("of a model that the catalog does not know are its provider's business, but for the order of one", () => {
    expect(tried("openrouter/new/model:free")).toEqual(["openrouter/new/model:free"]);
    expect(tried("openrouter/new/model:thinking")).toEqual(["openrouter/new/model:thinking"]);
    expect(tried("groq/new:floor")).toEqual(["groq/new"]);
  });
  test("of nobody's name are unknown, and near matches are of the name without", () => {
    expect(() => plan(ask("gpt-4o:turbo", catalog))).toThrow("does not exist");
    expect(() => plan(ask("lama:floor", catalog))).toThrow("Did you mean llama?");
  });
});
