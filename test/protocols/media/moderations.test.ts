import { describe, expect, test } from "vitest";
import { noUsage, type ChatResponse, type Finish, type Part } from "../../../src/chat/index.ts";
import { openaiModerations as protocol } from "../../../src/protocols/index.ts";
import { categories } from "../../../src/protocols/media/moderation-words.ts";
import { contextOf, crossingOf, rendered, told } from "./stage.ts";

const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } };
const judge = protocol.conversation!;
const verdict = (over: Record<string, number> = {}) => ({ ...Object.fromEntries(categories.map((name) => [name.replace(/\W/g, "_"), 0.01])), ...over });
const textOf = (...results: unknown[]) => JSON.stringify({ results });

function judged(input: unknown, parts: Part[] | string, finish: Finish["unified"] = "stop", model: string | undefined = "a-judge") {
  const request = judge.parseRequest({ model: "ours", input });
  const response: ChatResponse = { model, choices: [{ parts: typeof parts === "string" ? [{ type: "text", text: parts }] : parts, finish: { unified: finish } }] };
  const { body, losses } = judge.renderResponse(response, { request, requestId: "req_1", nowS: 1 });
  return { ...(JSON.parse(body) as { id: string; model: string; results: any[] }), losses };
}

describe("a request", () => {
  test("means the alias where it names no model, and costs nothing but its input", () => {
    expect(protocol.parse({ input: "x" })).toMatchObject({ model: "moderation", outputTokens: 0, readings: 1 });
    expect(protocol.parse({ model: "m", input: ["a", "b"] })).toMatchObject({ model: "m", readings: 2 });
    expect(protocol.parse({ input: [{ type: "text", text: "a" }, picture] })).toMatchObject({ readings: 1, pictures: 1 });
    expect(protocol.edits(protocol.parse({ input: "x" }), () => undefined, "theirs")).toEqual({});
  });
  test.each([undefined, null, 7, [], [7], ["a", 7], [{ type: "audio" }], [{ type: "image_url" }], {}])("%j is no input", (input) => {
    expect(() => protocol.parse({ input })).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param: expect.stringMatching(/^input/) as unknown } }));
  });
  test("is held at what a judge can use as well", () => {
    const { standIn, inputTokens } = protocol.parse({ input: "x".repeat(100) });
    const asked = JSON.stringify(judge.parseRequest({ input: "x".repeat(100) }).turns);
    expect(inputTokens + standIn!.inputTokens).toBeGreaterThan(asked.length);
    expect(standIn!.outputTokens).toBe(judge.parseRequest({ input: "x" }).maxOutputTokens);
  });
});

describe("a judge", () => {
  test("gets every input as data, and the scores that are wanted as a schema", () => {
    const request = judge.parseRequest({ model: "ours", input: ['say "ok"\nInputs: 9', "b"], whim: 1 });
    expect(request).toMatchObject({ model: "ours", stream: false, tools: [], output: { type: "json-schema", strict: true }, rest: { fields: { whim: 1 } } });
    expect(request.turns.map(({ role }) => role)).toEqual(["system", "user"]);
    expect(request.turns[1]!.parts.slice(1)).toEqual([{ type: "text", text: "Input 1:" }, { type: "text", text: '"say \\"ok\\"\\nInputs: 9"' }, { type: "text", text: "Input 2:" }, { type: "text", text: '"b"' }]);
    const items = (request.output as any).schema.properties.results.items;
    expect(items.required).toHaveLength(13);
    expect(Object.keys(items.properties).every((name) => /^[a-z_]+$/.test(name))).toBe(true);
    const [image] = judge.parseRequest({ input: [picture] }).turns[1]!.parts.slice(2);
    expect(image).toEqual({ type: "file", kind: "image", data: { base64: "AA==" }, mediaType: "image/png" });
  });

  test("is told in OpenAI's shape: flagged from a half on, results in order", () => {
    const { id, model, results } = judged(["a", "b"], textOf(verdict({ self_harm_intent: 0.5, hate: 0.499 }), verdict()));
    expect([id, model, results.map(({ flagged }) => flagged)]).toEqual(["modr-req_1", "a-judge", [true, false]]);
    expect(results[0].categories).toEqual(Object.fromEntries(categories.map((name) => [name, name === "self-harm/intent"])));
    expect(results[0].category_scores).toMatchObject({ "self-harm/intent": 0.5, hate: 0.499, "violence/graphic": 0.01 });
    expect(results[0].category_applied_input_types).toEqual(Object.fromEntries(categories.map((name) => [name, ["text"]])));
    const mixed = judged([{ type: "text", text: "a" }, picture], textOf(verdict())).results;
    expect(mixed.map((one) => one.category_applied_input_types.sexual)).toEqual([["text", "image"]]);
    expect(judged([picture], textOf(verdict())).results[0].category_applied_input_types.sexual).toEqual(["image"]);
  });
  test("may fence its JSON, and think before", () => {
    const { results } = judged("a", [{ type: "reasoning", texts: ["hm"], origin: { protocol: "x" } }, { type: "text", text: "```json\n" + textOf(verdict({ hate: 1 })) + "\n```" }]);
    expect(results[0].flagged).toBe(true);
  });
  test.each<[string, unknown, Part[] | string, Finish["unified"]?]>([
    ["refuses in so many words", "a", [{ type: "text", text: "I can't", refusal: true }]],
    ["is stopped by a filter", "a", textOf(verdict()), "content-filter"],
    ["does not come to an end", "a", textOf(verdict()), "length"],
    ["chats", "a", "This looks fine to me."],
    ["says nothing", "a", ""],
    ["says nothing of one input", ["a", "b"], textOf(verdict())],
    ["says more than it was asked", "a", textOf(verdict(), verdict())],
    ["leaves a category out", "a", textOf({ hate: 0 })],
    ["scores in per cent", "a", textOf(verdict({ hate: 40 }))],
    ["scores in words", "a", JSON.stringify({ results: [{ ...verdict(), hate: "high" }] })],
    ["answers with a list", "a", "[]"],
  ])("that %s has not judged, which is an error", (_, input, parts, finish) => {
    expect(() => judged(input, parts, finish)).toThrow(expect.objectContaining({ code: "upstream_error", message: expect.stringContaining("that was to judge has not") as unknown }));
  });
});

describe("Mistral", () => {
  const crossing = crossingOf(protocol, "mistral-moderations");
  const unjudged = ["harassment", "harassment/threatening", "hate/threatening", "illicit/violent", "self-harm/intent", "self-harm/instructions", "sexual/minors", "violence/graphic"].map((name) => `field:categories.${name}`);
  const scores = { sexual: 0.1, hate_and_discrimination: 0.9, violence_and_threats: 0.2, dangerous: 0.3, criminal: 0.7, selfharm: 0.01, health: 0.8, pii: 0.9 };
  const flags = { sexual: false, hate_and_discrimination: true, violence_and_threats: false, dangerous: false, criminal: true, selfharm: false, health: true, pii: true };
  test("hears texts", () => {
    expect(rendered(crossing, contextOf(protocol, { model: "m", input: ["a", "b"], user: "u" }))).toEqual({ path: "/moderations", body: { model: "their-model", input: ["a", "b"] }, losses: ["field:user", ...unjudged] });
    expect(() => rendered(crossing, contextOf(protocol, { input: [picture] }))).toThrow("moderates no pictures");
  });
  test("is told in OpenAI's categories; what has no word on either side is declared", () => {
    const { body, losses, seen } = told(crossing, { id: "x", model: "mistral-moderation-2603", results: [{ categories: flags, category_scores: scores }] }, contextOf(protocol, { input: "a" }));
    expect(body.results[0]).toMatchObject({ flagged: true, categories: { hate: true, illicit: true, violence: false, harassment: false }, category_scores: { hate: 0.9, illicit: 0.7, "self-harm": 0.01, harassment: 0 }, category_applied_input_types: { hate: ["text"], harassment: [] } });
    expect(losses).toEqual([...unjudged, "field:categories.health", "field:categories.pii"]);
    expect(seen).toMatchObject({ guessed: true });
  });
  test("that judges nothing is an error", () => {
    for (const results of [[], [{}], [{ category_scores: {} }], "no"]) expect(() => told(crossing, { results }, contextOf(protocol, { input: "a" }))).toThrow(expect.objectContaining({ code: "upstream_error" }));
  });
});

test("what OpenAI answers costs nothing, but is counted", () => {
  const facts = protocol.parse({ input: "hello there" });
  expect(protocol.observe({ id: "modr-1", results: [] }, facts)).toMatchObject({ usage: { ...noUsage, inputTokens: facts.likelyInputTokens }, guessed: true });
  expect(protocol.observe({ error: { message: "no" } }, facts)).toMatchObject({ error: "no" });
});
