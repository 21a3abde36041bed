import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { routingOf } from "../../src/protocols/routing.ts";

const plain = { models: [], allowFallbacks: true, requireParameters: false, noTraining: false, zeroRetention: false };
const provider = (wish: object) => routingOf({ provider: wish });
const refused = (body: object): GatewayError => {
  try {
    routingOf(body);
  } catch (error) {
    if (error instanceof GatewayError) return error;
  }
  return expect.fail(`${JSON.stringify(body)} was read`);
};

describe("a body without wishes", () => {
  test("has none", () => {
    expect(routingOf({ model: "m", messages: [], user: "u" })).toBeUndefined();
    expect(routingOf(Object.create({ provider: {} }) as object)).toBeUndefined();
  });
  test("has none either when it says so, but its fields are ours", () => {
    expect(routingOf({ models: null, provider: null, session_id: null, route: "fallback" })).toEqual({ ...plain, fields: ["models", "provider", "session_id", "route"] });
    expect(provider({})).toEqual({ ...plain, fields: ["provider"] });
    expect(provider({ order: null, only: null, sort: null, max_price: null, zdr: null, allow_fallbacks: null, data_collection: null })).toEqual({ ...plain, fields: ["provider"] });
  });
  test("has none in lists that name nobody", () => {
    expect(provider({ order: [], only: [], ignore: [], quantizations: [] })).toEqual({ ...plain, fields: ["provider"] });
    expect(routingOf({ models: [] })).toEqual({ ...plain, fields: ["models"] });
  });
});

describe("a wish", () => {
  test("is read as OpenRouter has it", () => {
    expect(routingOf({
      models: ["a", "b/c:free"], session_id: "s", route: "fallback",
      provider: {
        order: ["openai"], only: ["openai", "azure"], ignore: ["groq"], quantizations: ["fp8"], allow_fallbacks: false, require_parameters: true, zdr: true, data_collection: "deny", sort: "latency",
        max_price: { prompt: 1, completion: "2.5", request: 0, image: ".01", audio: "9" }, preferred_min_throughput: 50, preferred_max_latency: { p50: 1.5, p99: 9 }, enforce_distillable_text: true,
      },
    })).toEqual({
      models: ["a", "b/c:free"], session: "s", order: ["openai"], only: ["openai", "azure"], ignore: ["groq"], quantizations: ["fp8"], allowFallbacks: false, requireParameters: true, zeroRetention: true, noTraining: true,
      sort: "latency", maxPrice: { prompt: 1, completion: 2.5, request: 0, image: 0.01 }, leastThroughput: 50, mostLatency: 1.5, fields: ["models", "provider", "session_id", "route"],
    });
  });
  test.each([["price", "price"], ["throughput", "throughput"], [{ by: "latency", partition: "none" }, "latency"], ["exacto", undefined], [{ by: "exacto" }, undefined], [{ partition: "model" }, undefined], [{ by: null }, undefined]])("sort %j is %s", (sort, read) => expect(provider({ sort })?.sort).toBe(read));
  test.each([["allow", false], ["deny", true]])("data_collection %s", (data_collection, noTraining) => expect(provider({ data_collection })).toMatchObject({ noTraining }));
  test("of a speed for other percentiles than the middle one is none that is known here", () => expect(provider({ preferred_max_latency: { p90: 3 }, preferred_min_throughput: { p50: null } })).toEqual({ ...plain, fields: ["provider"] }));
});

describe("what cannot be meant is refused with its field and the reason", () => {
  test.each<[object, string, RegExp]>([
    [{ models: "a" }, "models", /array of model names/], [{ models: [""] }, "models", /empty/], [{ models: ["a b"] }, "models", /without spaces/], [{ models: Array.from({ length: 21 }, () => "a") }, "models", /at most 20/],
    [{ session_id: "" }, "session_id", /./], [{ session_id: 7 }, "session_id", /string/], [{ session_id: "x".repeat(257) }, "session_id", /256/],
    [{ provider: "openai" }, "provider", /object/], [{ provider: ["openai"] }, "provider", /object/], [{ provider: { order: "openai" } }, "provider", /array of names/], [{ provider: { only: [""] } }, "provider", /./],
    [{ provider: { sort: "cheap" } }, "provider", /price, throughput or latency/], [{ provider: { allow_fallbacks: "no" } }, "provider", /true or false/], [{ provider: { data_collection: "never" } }, "provider", /allow or deny/],
    [{ provider: { max_price: 5 } }, "provider", /object/], [{ provider: { max_price: { prompt: -1 } } }, "provider", /./], [{ provider: { max_price: { prompt: "cheap" } } }, "provider", /price in USD/], [{ provider: { max_price: { prompt: "-1" } } }, "provider", /./],
    [{ provider: { preferred_min_throughput: 0 } }, "provider", /./], [{ provider: { preferred_max_latency: "fast" } }, "provider", /./], [{ provider: { zdr: 1 } }, "provider", /true or false/],
  ])("%j", (body, field, reason) => {
    const { code, status, detail, message } = refused(body);
    expect([code, status]).toEqual(["invalid_request", 400]);
    expect(detail.param).toContain(field);
    expect(message).toMatch(reason);
  });

  test("and nothing else is thrown, whatever is there (property)", () => {
    const value = fc.jsonValue({ maxDepth: 2 });
    const fields = fc.dictionary(fc.constantFrom("order", "only", "ignore", "sort", "max_price", "zdr", "data_collection", "preferred_max_latency", "allow_fallbacks", "quantizations"), value);
    fc.assert(fc.property(fc.record({ models: value, provider: fc.oneof(value, fields), session_id: value }, { requiredKeys: [] }), (body) => {
      try {
        const wish = routingOf(body);
        expect(wish === undefined).toBe(Object.keys(body).length === 0);
        for (const list of [wish?.order, wish?.only, wish?.ignore]) expect(list === undefined || list.length > 0).toBe(true);
      } catch (error) {
        expect(error).toMatchObject({ code: "invalid_request" });
      }
    }), { numRuns: 300 });
  });
});
