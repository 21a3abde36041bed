import { calcPrice } from "@pydantic/genai-prices";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { sqlStatements } from "../../scripts/local.ts";
import { noUsage } from "../../src/chat/usage.ts";
import { modelKinds } from "../../src/catalog/index.ts";
import { everyDeployment, everyModel } from "../../src/catalog/rows.ts";
import { costOf, type Price } from "../../src/ledger/price.ts";

const schema = readFileSync(new URL("../../schema.sql", import.meta.url), "utf8");
const catalog = readFileSync(new URL("../../src/catalog/catalog.sql", import.meta.url), "utf8");
const aliases = readFileSync(new URL("../../src/catalog/aliases.sql", import.meta.url), "utf8");
const db = new DatabaseSync(":memory:");
db.exec("PRAGMA foreign_keys = ON");
db.exec(schema);
db.exec(catalog);
db.exec(aliases);

const all = <Row>(sql: string, ...values: string[]): Row[] => db.prepare(sql).all(...values) as Row[];
const pricesOf = (provider: string, upstreamId: string): Price[] =>
  all<Price>("SELECT class, pico_usd picoUsd, above_tokens aboveTokens, valid_from validFromMs FROM prices WHERE provider = ? AND upstream_id = ?", provider, upstreamId);

describe("the file", () => {
  test("can be run again and changes nothing", () => {
    const dump = () => ["models", "deployments", "prices"].map((table) => all(`SELECT * FROM ${table}`));
    const before = dump();
    db.exec(catalog);
    expect(dump()).toEqual(before);
    expect(before.map((rows) => rows.length > 400)).toEqual([true, true, true]);
  });

  test("falls into statements D1 takes", () => {
    const statements = sqlStatements(catalog);
    expect(Math.max(...statements.map((statement) => Buffer.byteLength(statement)))).toBeLessThan(100_000);
    const other = new DatabaseSync(":memory:");
    other.exec(schema);
    for (const statement of statements) other.prepare(statement).run();
    expect(other.prepare("SELECT count(*) n FROM prices").get()).toEqual(db.prepare("SELECT count(*) n FROM prices").get());
  });
});

describe("everyone's aliases", () => {
  const targets = all<{ name: string; target: string }>("SELECT name, target FROM aliases WHERE organisation_id = '' ORDER BY name, position");

  test("are there, each with a way to pick, and name models that are there", () => {
    expect(all("SELECT name, pick FROM alias_rules WHERE organisation_id = '' ORDER BY name")).toEqual([
      { name: "auto", pick: "cheapest" }, { name: "embedding", pick: "order" }, { name: "fast", pick: "fastest" }, { name: "moderation", pick: "order" }, { name: "reasoning", pick: "order" },
      { name: "rerank", pick: "order" },
    ]);
    const known = new Set(all<{ id: string }>("SELECT id FROM models JOIN deployments ON model_id = id").map(({ id }) => id));
    expect(targets.filter(({ target }) => !target.endsWith("*") && !known.has(target))).toEqual([]);
    const able = (alias: string, capability: string) => all(`SELECT id FROM aliases a JOIN models m ON m.id = a.target WHERE a.organisation_id = '' AND a.name = '${alias}' AND m.capabilities NOT LIKE '%"${capability}"%'`);
    expect([able("reasoning", "reasoning"), able("embedding", "embedding"), able("fast", "text")]).toEqual([[], [], []]);
  });

  describe("with a later deployment", () => {
    const later = aliases.replace("('*','fast',0,'gpt-6-luna'),", "('*','fast',0,'gpt-7-luna'),").replace(",('*','rerank',7,'selfhosted/*')", "").replace("('*','reasoning','order')", "('*','reasoning','cheapest')");
    const applied = (change: string) => {
      const own = new DatabaseSync(":memory:");
      for (const sql of [schema, catalog, aliases, change, later, later]) own.exec(sql);
      return (name: string) => ({
        targets: own.prepare("SELECT target FROM aliases WHERE organisation_id = '' AND name = ? ORDER BY position").all(name).map((row) => row.target),
        rule: own.prepare("SELECT pick, own FROM alias_rules WHERE organisation_id = '' AND name = ?").get(name),
      });
    };

    test("those that nobody has touched follow it", () => {
      const is = applied("");
      expect(is("fast").targets.slice(0, 2)).toEqual(["gpt-7-luna", "claude-haiku-5-5"]);
      expect(is("rerank").targets).toEqual(targets.filter(({ name, target }) => name === "rerank" && target !== "selfhosted/*").map(({ target }) => target));
      expect([is("reasoning").rule, is("auto").rule]).toEqual([{ pick: "cheapest", own: 0 }, { pick: "cheapest", own: 0 }]);
    });

    test("stay as the operator has changed them, or removed", () => {
      const mine = "DELETE FROM aliases WHERE organisation_id = '' AND name = 'fast'; INSERT INTO aliases (organisation_id, name, position, target) VALUES ('', 'fast', 0, 'mine');";
      const is = applied(`${mine} UPDATE alias_rules SET pick = 'order', own = 1 WHERE organisation_id = '' AND name = 'fast';
        DELETE FROM aliases WHERE organisation_id = '' AND name = 'rerank'; UPDATE alias_rules SET own = 1 WHERE organisation_id = '' AND name = 'rerank'`);
      expect(is("fast")).toEqual({ targets: ["mine"], rule: { pick: "order", own: 1 } });
      expect(is("rerank").targets).toEqual([]);
    });

    test("in a database from before, those of which the audit trail says so stay", () => {
      const mine = "DELETE FROM aliases WHERE organisation_id = '' AND name IN ('fast', 'rerank'); INSERT INTO aliases (organisation_id, name, position, target) VALUES ('', 'fast', 0, 'mine'), ('', 'rerank', 0, 'mine');";
      const event = (id: string, action: string, name: string) => `INSERT INTO audit_events (id, at, actor, action, subject, detail) VALUES ('${id}', 1, 'admin', '${action}', '${name}', '{}');`;
      const is = applied(`${mine} ${event("a", "alias.put", "fast")} ${event("b", "alias.put", "rerank")} ${event("c", "alias.restore", "rerank")}`);
      expect(is("fast")).toEqual({ targets: ["mine"], rule: { pick: "fastest", own: 1 } });
      expect(is("rerank").targets[0]).toBe("rerank-v3.5");
    });
  });
});

test("what an administrator set stays set, whatever a later file says; other classes follow it", () => {
  const own = new DatabaseSync(":memory:");
  own.exec(schema);
  own.exec(catalog);
  const now = Date.parse("2026-11-21");
  own.prepare("INSERT INTO prices VALUES ('openai', 'gpt-4o', 'input', 0, ?, 1000000, 'admin: our contract')").run(now);
  // The prices of a later run, as it would write them.
  const later = sqlStatements(catalog).filter((statement) => statement.includes("INTO prices")).map((statement) =>
    statement.replaceAll(/\('openai','gpt-4o','(input|output)',0,\d+,\d+\)/g, `('openai','gpt-4o','$1',0,${now + 1},7000000)`));
  expect(later.join("").match(/'openai','gpt-4o','(?:in|out)put',0,\d+,7000000\)/g)).toHaveLength(2);
  for (const statement of later) own.exec(statement);
  const prices = own.prepare("SELECT class, pico_usd picoUsd, above_tokens aboveTokens, valid_from validFromMs FROM prices WHERE provider = 'openai' AND upstream_id = 'gpt-4o'").all() as Price[];
  expect(costOf(prices, { ...noUsage, inputTokens: 1_000_000 }, now + 2)).toBe(1_000_000_000);
  expect(costOf(prices, { ...noUsage, outputTokens: 1_000_000 }, now + 2)).toBe(7_000_000_000);
});

describe("models and deployments", () => {
  test("count as the operator has them, whatever a later file says, until that is taken back", () => {
    const own = new DatabaseSync(":memory:");
    for (const sql of [schema, catalog]) own.exec(sql);
    own.exec(`INSERT INTO model_edits VALUES ('gpt-4o', 'us', 'chat', '["text"]', '["text"]', '["text"]', 1000, 10, 0), ('house/engine-1', 'us', 'chat', '["text"]', '["text"]', '["text"]', 1000, 10, 0);
      INSERT INTO deployment_edits VALUES ('openai', 'gpt-4o', 'gpt-4o', 0), ('groq', 'engine-1', 'house/engine-1', 1)`);
    const before = own.prepare("SELECT count(*) n FROM models").get()!.n as number;
    own.exec(catalog.replace(/\('gpt-4o','openai',[^)]*\)/, (row) => row.replace("128000", "256000")));
    const rows = (sql: string) => own.prepare(sql).all();
    expect(rows("SELECT context_tokens FROM models WHERE id = 'gpt-4o'"), "what was published has grown").toEqual([{ context_tokens: 256_000 }]);
    const models = `SELECT id, context_tokens, edited FROM ${everyModel} WHERE id IN ('gpt-4o', 'gpt-4o-mini', 'house/engine-1') ORDER BY id`;
    expect(rows(models)).toEqual([{ id: "gpt-4o", context_tokens: 1_000, edited: 1 }, { id: "gpt-4o-mini", context_tokens: 128_000, edited: 0 }, { id: "house/engine-1", context_tokens: 1_000, edited: 1 }]);
    expect(rows(`SELECT count(*) n FROM ${everyModel}`)).toEqual([{ n: before + 1 }]);
    expect(rows(`SELECT provider, model_id, serves, published FROM ${everyDeployment} WHERE model_id IN ('gpt-4o', 'house/engine-1') AND provider IN ('azure', 'openai', 'groq') ORDER BY provider`)).toEqual([
      { provider: "azure", model_id: "gpt-4o", serves: 1, published: "gpt-4o" }, { provider: "groq", model_id: "house/engine-1", serves: 1, published: null }, { provider: "openai", model_id: "gpt-4o", serves: 0, published: "gpt-4o" },
    ]);
    own.exec("DELETE FROM model_edits; DELETE FROM deployment_edits");
    expect(rows(models)).toEqual([{ id: "gpt-4o", context_tokens: 256_000, edited: 0 }, { id: "gpt-4o-mini", context_tokens: 128_000, edited: 0 }]);
    expect(rows(`SELECT count(*) n FROM ${everyDeployment} WHERE serves = 0 OR edited = 1`)).toEqual([{ n: 0 }]);
  });

  test("every deployment has a model and every model a deployment", () => {
    expect(all("SELECT * FROM deployments WHERE model_id NOT IN (SELECT id FROM models)")).toEqual([]);
    expect(all("SELECT * FROM models WHERE id NOT IN (SELECT model_id FROM deployments)")).toEqual([]);
    expect(all("SELECT provider, upstream_id FROM prices EXCEPT SELECT provider, upstream_id FROM deployments")).toEqual([]);
  });

  test("a host's copy is the maker's model", () => {
    const of = (model: string) => all<{ name: string }>("SELECT provider || ' ' || upstream_id name FROM deployments WHERE model_id = ? ORDER BY 1", model).map(({ name }) => name);
    expect(of("gpt-4o")).toEqual(["azure gpt-4o", "openai gpt-4o", "openrouter openai/gpt-4o"]);
    expect(of("claude-opus-5-5")).toEqual(["anthropic claude-opus-5-5", "openrouter anthropic/claude-opus-5.5"]);
    expect(of("gpt-oss-120b")).toEqual(expect.arrayContaining(["cerebras gpt-oss-120b", "groq openai/gpt-oss-120b", "workers-ai @cf/openai/gpt-oss-120b"]));
  });

  test("a variant that costs or behaves otherwise stays a model of its own", () => {
    expect(all("SELECT * FROM deployments WHERE upstream_id LIKE '%:free' AND model_id <> upstream_id")).toEqual([]);
  });

  test("a model knows what it can do", () => {
    const [gpt4o] = all<{ owner: string; capabilities: string; context_tokens: number; max_output_tokens: number }>("SELECT * FROM models WHERE id = 'gpt-4o'");
    expect(gpt4o).toMatchObject({ owner: "openai", context_tokens: 128_000, max_output_tokens: 16_384 });
    expect(JSON.parse(gpt4o!.capabilities)).toEqual(["text", "vision", "pdf", "tools", "json_schema"]);
    expect(all("SELECT kind, capabilities FROM models WHERE id = 'text-embedding-3-small'")).toEqual([{ kind: "embedding", capabilities: '["embedding"]' }]);
  });
});

describe("prices", () => {
  test("are whole, not negative, and complete for chat", () => {
    expect(all("SELECT * FROM prices WHERE pico_usd < 0 OR typeof(pico_usd) <> 'integer'")).toEqual([]);
    expect(all(`SELECT d.provider, d.upstream_id FROM deployments d JOIN models m ON m.id = d.model_id JOIN prices p USING (provider, upstream_id)
      WHERE m.kind = 'chat' GROUP BY 1, 2 HAVING sum(class = 'input' AND above_tokens = 0) = 0 OR sum(class = 'output' AND above_tokens = 0) = 0`)).toEqual([]);
  });

  test("nobody but a free variant or a free tier costs nothing", () => {
    expect(all("SELECT DISTINCT provider, upstream_id FROM prices WHERE class = 'input' AND pico_usd = 0 AND upstream_id NOT LIKE '%:free' ORDER BY 1, 2")).toMatchInlineSnapshot(`
      [
        {
          "provider": "gemini",
          "upstream_id": "gemma-4-26b-a4b-it",
        },
        {
          "provider": "gemini",
          "upstream_id": "gemma-4-31b-it",
        },
        {
          "provider": "mistral",
          "upstream_id": "labs-leanstral-1-5-1",
        },
        {
          "provider": "openai",
          "upstream_id": "omni-moderation-2024-09-26",
        },
        {
          "provider": "openai",
          "upstream_id": "omni-moderation-latest",
        },
      ]
    `);
  });

  test("what is no conversation is priced as it is charged, at the dearest size and quality", () => {
    const picoOf = (provider: string, id: string) => Object.fromEntries(pricesOf(provider, id).filter((price) => !price.class.includes(":")).map((price) => [price.class, price.picoUsd]));
    expect(picoOf("cohere", "rerank-v3.5")).toEqual({ search_unit: 2_000_000_000 });
    expect(picoOf("voyage", "rerank-2.5")).toEqual({ input: 50_000 });
    expect(picoOf("openai", "tts-1")).toEqual({ character: 15_000_000 });
    expect(picoOf("openai", "whisper-1")).toEqual({ audio_second: 100_000_000 });
    expect(picoOf("openai", "gpt-image-2")).toMatchObject({ input: 5_000_000, input_image: 8_000_000, output_image: 30_000_000 });
    expect(picoOf("black-forest-labs", "flux-pro-1.1")).toEqual({ image: 40_000_000_000 });
    // xAI's is listed as what a picture that goes in costs; fal's and Veo's by size.
    expect(picoOf("xai", "grok-imagine-image-2.0")).toEqual({ image: 60_000_000_000 });
    expect(picoOf("fal", "openai/gpt-image-2")).toEqual({ image: 401_000_000_000 });
    expect(picoOf("gemini", "veo-3.1-generate-001")).toEqual({ video_second: 600_000_000_000 });
    expect(all("SELECT kind FROM models GROUP BY kind ORDER BY kind").map((row) => (row as { kind: string }).kind)).toEqual([...modelKinds].sort());
    // A nought in a list where something else is charged is no price.
    expect(all("SELECT * FROM prices p JOIN deployments d USING (provider, upstream_id) JOIN models m ON m.id = d.model_id WHERE pico_usd = 0 AND kind NOT IN ('chat', 'moderation')")).toEqual([]);
  });

  test("a cached token costs at most what a fresh one costs, on every day a price begins", () => {
    const dearer = all<{ provider: string; upstream_id: string }>("SELECT DISTINCT provider, upstream_id FROM prices WHERE class = 'cached_input'").filter(({ provider, upstream_id }) => {
      const prices = pricesOf(provider, upstream_id);
      return prices.some(({ aboveTokens, validFromMs }) => {
        const input = aboveTokens + 1;
        return costOf(prices, { ...noUsage, inputTokens: input, cachedTokens: input }, validFromMs)! > costOf(prices, { ...noUsage, inputTokens: input }, validFromMs)!;
      });
    });
    expect(dearer).toEqual([]);
  });

  /** Provider ids of genai-prices; `input` is all input tokens, 500 of them cached. */
  test.each([
    ["openai", "openai", "gpt-4o", 1_500, "2026-11-15"],
    ["openai", "openai", "gpt-4o-mini", 1_500, "2026-11-15"],
    ["openai", "openai", "gpt-6-sol", 300_000, "2026-11-15"],
    ["openai", "openai", "gpt-5.6-sol", 1_500, "2026-08-01"],
    ["openai", "openai", "gpt-5.6-sol", 1_500, "2026-11-15"],
    ["anthropic", "anthropic", "claude-opus-5-5", 1_500, "2026-11-15"],
    ["anthropic", "anthropic", "claude-opus-4-6", 250_000, "2026-03-01"],
    ["anthropic", "anthropic", "claude-opus-4-6", 250_000, "2026-11-15"],
    ["gemini", "google", "gemini-2.5-pro", 250_000, "2026-11-15"],
    ["gemini", "google", "gemini-3.8-flash", 1_500, "2026-11-15"],
    ["gemini", "google", "gemini-3.8-flash", 1_500, "2027-02-01"],
    ["mistral", "mistral", "mistral-large-2512", 1_500, "2026-11-15"],
    ["xai", "x-ai", "grok-4.6", 1_500, "2026-11-15"],
    ["groq", "groq", "openai/gpt-oss-120b", 1_500, "2026-11-15"],
    ["perplexity", "perplexity", "sonar-pro", 1_500, "2026-11-15"],
    ["workers-ai", "cloudflare", "@cf/meta/llama-3.3-70b-instruct-fp8-fast", 1_500, "2026-11-15"],
  ])("%s: what %s says %s costs for %i tokens on %s", (provider, theirs, model, inputTokens, day) => {
    const timestamp = new Date(`${day}T12:00:00Z`);
    const usage = { input_tokens: inputTokens, cache_read_tokens: 500, output_tokens: 200 };
    const expected = calcPrice(usage, model, { providerId: theirs, timestamp })!.total_price;
    expect(costOf(pricesOf(provider, model), { ...noUsage, inputTokens, cachedTokens: 500, outputTokens: 200 }, timestamp.getTime())).toBe(Math.round(expected * 1e9));
  });

  test("where genai-prices lags, the fresh price holds from its day on and the old one before", () => {
    const prices = pricesOf("mistral", "mistral-large-latest");
    const at = (day: string) => costOf(prices, { ...noUsage, inputTokens: 1_000_000 }, Date.parse(day));
    expect([at("2026-09-01"), at("2026-11-15")]).toEqual([2_000_000_000, 500_000_000]);
  });
});
