import { routingOf } from "../../src/protocols/routing.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { appOf } from "../../src/pipeline/attribution.ts";
import { checkShape } from "../../src/pipeline/shape.ts";
import { openaiChat, openaiEmbeddings } from "../../src/protocols/index.ts";

/** What is refused, or undefined. */
function refusal(act: () => unknown): GatewayError | undefined {
  try {
    act();
  } catch (error) {
    return error as GatewayError;
  }
  return undefined;
}

describe("a body's shape", () => {
  test("any JSON whose fields differ passes (property)", () => {
    fc.assert(fc.property(fc.json(), (text) => checkShape(text)));
    fc.assert(fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), (value) => checkShape(JSON.stringify(value, null, 1))));
  });

  test("any text at all ends, and only with an error of ours (property)", () => {
    const jsonLike = fc.array(fc.constantFrom('"', "\\", "{", "}", "[", "]", ",", ":", "a", "\\u0061", " ", "1"), { maxLength: 60 }).map((parts) => parts.join(""));
    fc.assert(fc.property(fc.oneof(fc.string(), jsonLike), (text) => {
      const error = refusal(() => checkShape(text));
      expect(error === undefined || error instanceof GatewayError).toBe(true);
    }), { numRuns: 2_000 });
  });

  test("a field that stands twice is told apart by its name, not by its spelling (property)", () => {
    const escaped = (text: string): string => [...text].map((sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`).join("");
    fc.assert(fc.property(fc.stringMatching(/^[a-z_]{1,12}$/), fc.jsonValue(), fc.boolean(), (key, value, plain) => {
      const text = `{"${key}":1,"other":${JSON.stringify(value)}, "${plain ? key : escaped(key)}" : 2}`;
      const error = refusal(() => checkShape(text));
      if (key === "other") expect(error).toBeInstanceOf(GatewayError);
      else expect(error).toMatchObject({ code: "invalid_request", detail: { param: key } });
    }));
  });

  test("the same name further down, or in a list, is no doubling", () => {
    for (const text of ['{"a":{"a":1,"b":{"a":2}},"b":[{"a":1},{"a":2},"a","a"]}', '["a","a"]', '{"a":"b","b":"a"}', '{"a":"\\"a\\":1,\\"a\\":2"}']) expect(refusal(() => checkShape(text))).toBeUndefined();
  });

  test("depth and number of values have a bound, what stands in strings does not count", () => {
    const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(refusal(() => checkShape(nested(128)))).toBeUndefined();
    expect(refusal(() => checkShape(nested(129)))).toMatchObject({ code: "invalid_json" });
    expect(refusal(() => checkShape(`{"a":${nested(127)}}`))).toBeUndefined();
    expect(refusal(() => checkShape(`{"a":${nested(128)}}`))).toMatchObject({ code: "invalid_json" });
    expect(refusal(() => checkShape(`[${"1,".repeat(499_998)}1]`))).toBeUndefined();
    expect(refusal(() => checkShape(`[${"1,".repeat(500_000)}1]`))).toMatchObject({ code: "invalid_json" });
    expect(refusal(() => checkShape(JSON.stringify({ a: "[{,".repeat(600_000) })))).toBeUndefined();
  });

  test("ten megabytes of anything are looked through in no time", () => {
    const ten = 10_000_000;
    for (const text of ["[".repeat(ten), `{"a":"${"\\".repeat(ten)}"}`, `{"a":"${'\\"'.repeat(ten / 2)}"}`, " ".repeat(ten), '"'.repeat(ten), "1".repeat(ten), `{${'"a":'.repeat(ten / 4)}`]) {
      const from = performance.now();
      refusal(() => checkShape(text));
      expect(performance.now() - from).toBeLessThan(1_500);
    }
  });
});

describe("fields that only look like ours", () => {
  const chat = { model: "m", messages: [{ role: "user", content: "x" }] };

  test.each(["Model", "MODEL", "mOdel", "ſtream", "ſtream_optionſ", "MAX_TOKENS", "max_toKenſ", "max_toKens", "N", "Messages", "toolſ"])("%s is refused for a chat", (key) => {
    expect(refusal(() => openaiChat.parse({ ...chat, [key]: "x" }))).toMatchObject({ code: "invalid_request", detail: { param: key } });
  });

  test.each(["Input", "INPUT", "Model"])("%s is refused for embeddings", (key) => {
    expect(refusal(() => openaiEmbeddings.parse({ model: "m", input: "x", [key]: "y" }))).toMatchObject({ code: "invalid_request", detail: { param: key } });
  });

  test("fields that nobody here knows pass", () => {
    expect(openaiChat.parse({ ...chat, Custom: 1, "x-y": 2, temperature: 1, constructor: 1, ["__proto__"]: 2, toString: 3 }).model).toBe("m");
  });

  test("a second list of models is seen, and nothing but names is in it", () => {
    expect(routingOf({ ...chat, models: ["other"] })).toMatchObject({ models: ["other"], fields: ["models"] });
    expect(routingOf({ ...chat, models: null })).toMatchObject({ models: [] });
    expect(refusal(() => openaiChat.parse({ ...chat, models: [{}] }))).toMatchObject({ code: "invalid_request", detail: { param: "models[0]" } });
  });

  test("what is inherited is not sent: a model in __proto__ is no model", () => {
    expect(refusal(() => openaiChat.parse(JSON.parse('{"__proto__":{"model":"m"},"messages":[{}]}')))).toMatchObject({ detail: { param: "model" } });
  });
});

describe("what is wrong is named", () => {
  const message = (body: object): string | undefined => refusal(() => openaiChat.parse(body))?.message;
  const chat = { model: "m", messages: [{}] };

  test.each<[object, string]>([
    [{ messages: [{}] }, "model: must be a string"], [{ ...chat, model: "" }, "model: must not be empty"], [{ ...chat, model: "a".repeat(257) }, "model: must have at most 256 characters"],
    [{ ...chat, model: "a b" }, "model: must be printable characters without spaces"], [{ ...chat, model: "a\r\nb" }, "model: must be printable characters without spaces"],
    [{ model: "m" }, "messages: must be an array of messages"], [{ ...chat, messages: [] }, "messages: must have at least one message"], [{ ...chat, messages: [{}, 7] }, "messages[1]: must be an object"],
    [{ ...chat, max_tokens: "9" }, "max_tokens: must be a number"], [{ ...chat, max_tokens: 1.5 }, "max_tokens: must be an integer"], [{ ...chat, max_tokens: -1 }, "max_tokens: must not be negative"],
    [{ ...chat, max_completion_tokens: 1e12 }, "max_completion_tokens: must be at most 100000000"], [{ ...chat, n: 0 }, "n: must be at least 1"], [{ ...chat, n: 1e6 }, "n: must be at most 128"],
    [{ ...chat, stream: "yes" }, "stream: must be true or false"], [{ ...chat, tools: {} }, "tools: must be an array"],
  ])("%j", (body, expected) => expect(message(body)).toBe(expected));
});

describe("the name of an application", () => {
  const named = (headers: Record<string, string>) => appOf(new Headers(headers));

  test.each([
    [{ "x-title": "Your App", "http-referer": "https://your-app.example/a/b?token=1#c" }, { name: "Your App", url: "https://your-app.example" }],
    [{ "x-title": "Old", "x-openrouter-title": " New \t one " }, { name: "New one" }],
    [{ "http-referer": "http://localhost:3000/x" }, { name: "localhost:3000", url: "http://localhost:3000" }],
    [{ "x-title": "<script>alert('1')</script>" }, { name: "scriptalert(1)/script" }],
    [{ "x-title": "a".repeat(5_000) }, { name: "a".repeat(64) }],
    [{ "x-title": " ", "http-referer": "javascript:alert(1)" }, undefined],
    [{ "http-referer": `https://x.example/${"a".repeat(5_000)}` }, undefined],
    [{ referer: "https://browser.example/" }, undefined],
  ])("%j", (headers, app) => expect(named(headers as Record<string, string>)).toEqual(app));

  test("is short, one line, and no sign to a browser, whatever is sent (property)", () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }).map((text) => text.replace(/[^\x20-\x7e\xa0-\xff]/g, "<")), fc.webUrl({ withQueryParameters: true }), (title, url) => {
      const app = named({ "x-title": title, "http-referer": url });
      expect(app!.name).toMatch(/^[^<>"'`\\\p{C}]{1,64}$/u);
      expect(new URL(app!.url!).origin).toBe(app!.url);
    }));
  });
});
