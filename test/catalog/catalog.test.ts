import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { doubtAbout } from "../../src/catalog/doubt.ts";
import { buildCatalog, capabilityBits, Held, loadCatalog } from "../../src/catalog/index.ts";
import { sound, type Rows } from "../../src/catalog/rows.ts";

const model = (id: string) => ({
  id, owner: "them", kind: "chat" as const, input_modalities: '["text","image"]', output_modalities: '["text"]', capabilities: '["tools"]',
  context_tokens: 128_000, max_output_tokens: null, released_at: 1,
});
const price = (provider: string, upstream_id: string, pico_usd: number, over = {}) => ({ provider, upstream_id, class: "input" as const, above_tokens: 0, valid_from: 0, pico_usd, ...over });

describe("rows become a catalog", () => {
  const catalog = buildCatalog({
    models: [model("a"), model("b"), model("lonely")],
    deployments: [
      { provider: "groq", upstream_id: "x/a", model_id: "a" }, { provider: "openrouter", upstream_id: "x/a", model_id: "a" },
      { provider: "openai", upstream_id: "b", model_id: "b" }, { provider: "openai", upstream_id: "ghost", model_id: "unknown" },
    ],
    prices: [price("groq", "x/a", 1), price("groq", "x/a", 2, { above_tokens: 200_000, valid_from: 5 }), price("openrouter", "x/a", 3), price("openai", "nobody", 4)],
    aliases: [
      { organisation_id: "", name: "fast", target: "b", weight: 1 }, { organisation_id: "", name: "fast", target: "a", weight: 3 }, { organisation_id: "acme", name: "fast", target: "a", weight: 1 },
    ],
    aliasRules: [{ organisation_id: "", name: "fast", pick: "weighted", hedges: 1, continues: 0 }],
  }, 6);

  test("by model, by name and by the providers' own ids", () => {
    expect([...catalog.models.keys()]).toEqual(["a", "b", "lonely"]);
    expect(catalog.byModel.get("a")!.map(({ provider }) => provider)).toEqual(["groq", "openrouter"]);
    expect(catalog.byName.get("groq/x/a")!.model).toBe(catalog.models.get("a"));
    expect(catalog.byUpstreamId.get("x/a")).toHaveLength(2);
    expect(catalog.byModel.has("lonely")).toBe(false);
  });
  test("with each deployment's own prices", () => {
    expect(catalog.byName.get("groq/x/a")!.prices).toEqual([
      { class: "input", picoUsd: 1, aboveTokens: 0, validFromMs: 0 }, { class: "input", picoUsd: 2, aboveTokens: 200_000, validFromMs: 5 },
    ]);
    expect(catalog.byName.get("openai/b")!.prices).toEqual([]);
  });
  test("without deployments of models that nobody knows", () => expect(catalog.byName.has("openai/ghost")).toBe(false));
  test("with aliases apart by organisation, targets in their order", () => {
    expect([...catalog.aliases]).toEqual([
      ["/fast", { pick: "weighted", targets: [{ name: "b", weight: 1 }, { name: "a", weight: 3 }], hedges: true }],
      ["acme/fast", { pick: "order", targets: [{ name: "a", weight: 1 }] }],
    ]);
  });
  test("with what a model can do", () => {
    expect(catalog.models.get("a")).toEqual({
      id: "a", owner: "them", kind: "chat", inputModalities: ["text", "image"], outputModalities: ["text"], capabilities: ["tools"],
      contextTokens: 128_000, maxOutputTokens: null, releasedAt: 1, can: capabilityBits(["tools"]), responsesOnly: false,
    });
  });
});

test("D1 gives the same in one round trip, targets by position", async () => {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM aliases"),
    env.DB.prepare("INSERT OR REPLACE INTO models VALUES ('t', 'them', 'chat', '[]', '[]', '[]', NULL, 7, NULL)"),
    env.DB.prepare("INSERT OR REPLACE INTO deployments VALUES ('groq', 'y/t', 't')"),
    env.DB.prepare("INSERT OR REPLACE INTO prices VALUES ('groq', 'y/t', 'output', 0, 0, 9, 'test')"),
    env.DB.prepare("INSERT INTO aliases (organisation_id, name, position, target) VALUES ('', 'f', 1, 'second'), ('', 'f', 0, 'first')"),
  ]);
  const catalog = await loadCatalog(env.DB);
  expect(catalog.byName.get("groq/y/t")).toMatchObject({ model: { id: "t", maxOutputTokens: 7 }, prices: [{ class: "output", picoUsd: 9 }] });
  expect(catalog.aliases.get("/f")).toEqual({ pick: "order", targets: [{ name: "first", weight: 1 }, { name: "second", weight: 1 }] });
});

describe("a catalog beside the one that is held", () => {
  const many = Array.from({ length: 40 }, (_, i) => `m${i}`);
  const at = (names: string[], pico: (index: number) => number) => buildCatalog({
    models: names.map(model), deployments: names.map((id) => ({ provider: "openai", upstream_id: id, model_id: id })),
    prices: names.map((id, index) => price("openai", id, 1_000_000, { pico_usd: pico(index) })), aliases: [], aliasRules: [],
  }, 1);
  const last = at(many, () => 3_000_000);

  test.each([
    ["with other prices", at(many, (i) => 3_000_000 + i * 500_000)],
    ["ten times dearer", at(many, () => 30_000_000)],
    ["with a few new prices by hand", at(many, (i) => (i < 5 ? 300_000_000 : 3_000_000))],
    ["with half of its models", at(many.slice(20), () => 3_000_000)],
    ["with new models", at([...many, ...many.map((id) => `${id}-new`)], () => 3_000_000)],
  ])("is taken %s", (_, next) => expect(doubtAbout(next, last)).toBeUndefined());

  test.each([
    ["per token for per million", at(many, () => 3), "40 of 40 deployments cost ten times more or less"],
    ["per million for per thousand", at(many, () => 3_000_000_000), "40 of 40"],
    ["a provider's prices a hundred times off", at(many, (i) => (i < 6 ? 30_000 : 3_000_000)), "6 of 40"],
    ["empty", at([], () => 1), "0 deployments have a price where 40 had one"],
    ["cut in the middle", at(many.slice(21), () => 3_000_000), "19 deployments"],
  ])("is not meant: %s", (_, next, why) => expect(doubtAbout(next, last)).toContain(why));

  test("that is the first one is taken, small as it is", () => expect(doubtAbout(at(many, () => 1), at([], () => 1))).toBeUndefined());
});

describe("rows", () => {
  const rows: Rows = {
    models: [model("a")], deployments: [{ provider: "openai", upstream_id: "a", model_id: "a" }], prices: [price("openai", "a", 1)], aliases: [{ organisation_id: "", name: "f", target: "a", weight: 1 }],
    aliasRules: [{ organisation_id: "", name: "f", pick: "cheapest", hedges: 0, continues: 0 }],
  };
  test("that are sound stay", () => expect(sound(rows)).toEqual({ rows, faults: [] }));

  test.each<[string, keyof Rows, object]>([
    ["a negative price", "prices", { pico_usd: -1 }], ["half a pico-USD", "prices", { pico_usd: 0.5 }], ["a price in words", "prices", { pico_usd: "3" }], ["a price that is none", "prices", { pico_usd: null }],
    ["dollars a token", "prices", { pico_usd: 3e12 }], ["a day before time", "prices", { valid_from: -1 }], ["a day in words", "prices", { valid_from: "2026-11-21" }], ["a step below nothing", "prices", { above_tokens: -1 }],
    ["a class without a name", "prices", { class: "" }], ["lists that are none", "models", { capabilities: '{"a":1}' }], ["broken JSON", "models", { input_modalities: '["text"' }], ["a kind nobody knows", "models", { kind: "oracle" }],
    ["fewer tokens than none", "models", { max_output_tokens: -1 }], ["a deployment without a name", "deployments", { upstream_id: "" }], ["an alias of nothing", "aliases", { target: null }], ["a weight below nothing", "aliases", { weight: -1 }], ["a way to pick that nobody knows", "aliasRules", { pick: "best" }],
  ])("with %s are left out and named", (_, table, fault) => {
    const broken = { ...rows[table][0]!, ...fault };
    const { rows: kept, faults } = sound({ ...rows, [table]: [broken, ...rows[table]] });
    expect(kept).toEqual(rows);
    expect(faults).toEqual([`${table} ${JSON.stringify(broken)}`]);
  });
});

describe("a held value", () => {
  let answers: PromiseWithResolvers<string>[];
  let background: Promise<unknown>[];
  let held: Held<string>;
  const waitUntil = (promise: Promise<unknown>): void => void background.push(promise);

  beforeEach(() => {
    answers = [];
    background = [];
    held = new Held(() => {
      const answer = Promise.withResolvers<string>();
      answers.push(answer);
      return answer.promise;
    }, 60_000);
  });

  async function warm(value: string, nowMs: number): Promise<void> {
    const got = held.get(nowMs, waitUntil);
    answers.at(-1)!.resolve(value);
    expect(await got).toBe(value);
  }

  test("is read when cold, and not again while fresh", async () => {
    expect(held.peek(0, waitUntil)).toBeUndefined();
    await warm("one", 0);
    expect(held.peek(59_999, waitUntil)).toBe("one");
    expect(await held.get(59_999, waitUntil)).toBe("one");
    expect(answers).toHaveLength(1);
  });

  test("when old is served at once and read once in the background", async () => {
    await warm("one", 0);
    expect(held.peek(60_001, waitUntil)).toBe("one");
    expect(held.peek(60_002, waitUntil)).toBe("one");
    expect(answers).toHaveLength(2);
    answers[1]!.resolve("two");
    await Promise.all(background);
    expect(held.peek(60_003, waitUntil)).toBe("two");
    expect(answers).toHaveLength(2);
  });

  test("survives a read that fails, and is tried again", async () => {
    await warm("one", 0);
    held.peek(60_001, waitUntil);
    answers[1]!.reject(new Error("D1 is away"));
    await Promise.all(background);
    expect(held.peek(60_002, waitUntil)).toBe("one");
    held.peek(71_000, waitUntil);
    expect(answers).toHaveLength(3);
  });

  test("is read again by another request when the one that read it died with its context", async () => {
    await warm("one", 0);
    held.peek(60_001, waitUntil);
    held.peek(65_000, waitUntil);
    expect(answers).toHaveLength(2);
    held.peek(71_000, waitUntil);
    expect(answers).toHaveLength(3);
    answers[2]!.resolve("two");
    await background[1];
    expect(held.peek(71_001, waitUntil)).toBe("two");
  });

  test("is not put back by an older read that comes in late", async () => {
    await warm("one", 0);
    held.peek(60_001, waitUntil);
    const anew = held.refresh(60_002);
    answers[2]!.resolve("after the change");
    expect(await anew).toBe("after the change");
    answers[1]!.resolve("before the change");
    await Promise.all(background);
    expect(held.peek(60_003, waitUntil)).toBe("after the change");
  });

  test("that cannot be read when cold says so, every time anew", async () => {
    const got = held.get(0, waitUntil);
    answers[0]!.reject(new Error("D1 is away"));
    await expect(got).rejects.toThrow("D1 is away");
    await warm("one", 1);
  });

  test("that is empty is a value, too", async () => {
    const got = held.get(0, waitUntil);
    answers[0]!.resolve("");
    expect(await got).toBe("");
    expect(held.peek(1, waitUntil)).toBe("");
  });
});
