import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holdsEncrypted, sessionOf } from "../../src/pipeline/session.ts";
import type { RoutingWish } from "../../src/protocols/protocol.ts";

const session = (body: unknown, headers: Record<string, string> = {}, wish?: Partial<RoutingWish>) => sessionOf(body, { model: "m", wish: wish as RoutingWish | undefined }, new Headers(headers));
/** By its name, or by how it opened. */
const id = (...of: Parameters<typeof session>): string | undefined => session(...of)?.ids.at(-1);
const user = (content: unknown) => ({ role: "user", content });
const assistant = (content: unknown) => ({ role: "assistant", content });
const long = (end: string): string => `${"x".repeat(5_000)}${end}`;

describe("a conversation that is named", () => {
  test("is that one whatever it says, by the body or the header, in this order", () => {
    const named = session({ messages: [user("hi")] }, { "x-session-id": "s1" });
    expect(named).toEqual({ ids: [id({ input: [] }, { "x-session-id": "s1" })], begun: true });
    expect(id({ messages: [] }, {}, { session: "s1" })).toBe(named!.ids[0]);
    expect(id({}, { "x-session-id": "s2" }, { session: "s1" })).toBe(named!.ids[0]);
    expect(id({ messages: [] }, { "x-session-id": "s2" })).not.toBe(named!.ids[0]);
  });
  test("is not the one that says its name", () => expect(id({ messages: [user("s1")] })).not.toBe(id({}, { "x-session-id": "s1" })));
  test("is not by the key of a cache, which many share", () => expect(id({ prompt_cache_key: "s1" })).toBeUndefined());
});

describe("a conversation", () => {
  test("is known by its instructions and its first turn; once it has begun, first by its first answer; and by the model that it is held with", () => {
    const first = session({ messages: [{ role: "system", content: "be brief" }, user("hi")] })!;
    const second = session({ messages: [{ role: "system", content: "be brief" }, user("hi"), assistant("hello"), user("how are you")] })!;
    expect([first.begun, second.begun]).toEqual([false, true]);
    expect([second.ids[1], first.ids.length]).toEqual([first.ids[0], 1]);
    const told = (answer: string) => session({ messages: [user("hi"), assistant(answer), user("more")] })!.ids;
    expect(told("a")[0]).toBe(told("a")[0]);
    expect(told("a")[0]).not.toBe(told("b")[0]);
    expect(told("a")[1]).toBe(told("b")[1]);
    expect(sessionOf({ messages: [user("hi")] }, { model: "other", wish: undefined }, new Headers())!.ids).not.toEqual(session({ messages: [user("hi")] })!.ids);
  });
  test.each<[string, unknown, unknown]>([
    ["another first turn", { messages: [user("hi")] }, { messages: [user("ho")] }], ["other instructions", { system: "a", messages: [user("hi")] }, { system: "b", messages: [user("hi")] }],
    ["other instructions to Responses", { instructions: "a", input: [user("hi")] }, { instructions: "b", input: [user("hi")] }],
    ["other instructions to Gemini", { systemInstruction: { parts: [{ text: "a" }] }, contents: [{ parts: [{ text: "hi" }] }] }, { systemInstruction: { parts: [{ text: "b" }] }, contents: [{ parts: [{ text: "hi" }] }] }],
    ["other tools", { tools: [{}], messages: [user("hi")] }, { tools: [{}, {}], messages: [user("hi")] }], ["a longer text", { messages: [user(long(""))] }, { messages: [user(long("y"))] }],
    ["another picture", { messages: [user([{ type: "image_url", image_url: { url: "https://a" } }])] }, { messages: [user([{ type: "image_url", image_url: { url: "https://b" } }])] }],
  ])("with %s is another", (_, one, other) => expect(id(one)).not.toBe(id(other)));

  test("stays the same when its marks move on, and when its text becomes a list of parts", () => {
    const marked = { type: "text", text: "hi", cache_control: { type: "ephemeral" } };
    const before = id({ system: [{ ...marked, text: "be brief" }], messages: [user([marked])] });
    expect(id({ system: [{ type: "text", text: "be brief" }], messages: [user([{ type: "text", text: "hi" }]), assistant("hello"), user([marked])] })).toBe(before);
    expect(id({ system: "be brief", messages: [user("hi"), assistant("hello")] })).toBe(before);
  });
  test("is one in every protocol's turns", () => {
    expect(session({ input: [user([{ type: "input_text", text: "hi" }]), { type: "reasoning", encrypted_content: "x" }] })).toMatchObject({ begun: true });
    expect(session({ contents: [{ role: "user", parts: [{ text: "hi" }] }, { role: "model", parts: [{ text: "hello" }] }] })).toMatchObject({ begun: true });
  });
  test.each<[string, unknown]>([
    ["nothing", {}], ["no turns", { messages: [] }], ["a text", { input: "hi" }], ["texts to embed", { input: ["a", "b"] }], ["tokens to embed", { input: [[1, 2], [3]] }], ["a prompt", { prompt: "hi" }], ["turns that are none", { messages: [null, 1] }],
  ])("is not in a request with %s", (_, body) => expect(session(body)).toBeUndefined());
  test("is told from thousands of others", () => {
    expect(new Set(Array.from({ length: 5_000 }, (_, i) => id({ messages: [user(`question ${i}`)] }))).size).toBe(5_000);
  });
  test("may be anything that is JSON (property)", () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), fc.array(fc.jsonValue()), (turn, turns) => {
      const body = { messages: [turn, ...turns], system: turn, tools: turn };
      expect(session(body)).toEqual(session(structuredClone(body)));
    }), { numRuns: 200 });
  });
  test("of turns within turns without end is short work", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 3_000; i += 1) deep = { content: [deep] };
    expect(id({ messages: [user([deep, { text: "hi" }])] })).toBe(id({ messages: [user("hi")] }));
  });
});

describe("what only its maker can read", () => {
  const cipher = "gAAAAABnSomething0123456789";
  test.each<[string, unknown]>([
    ["reasoning of Responses", { input: [{ type: "reasoning", encrypted_content: cipher }] }], ["a signed thought of Claude's", { messages: [assistant([{ type: "thinking", thinking: "…", signature: cipher }])] }],
    ["a redacted thought", { messages: [assistant([{ type: "redacted_thinking", data: cipher }])] }], ["Gemini's signature", { contents: [{ parts: [{ functionCall: {}, thoughtSignature: cipher }] }] }],
    ["the same in its other spelling", { contents: [{ parts: [{ thought_signature: cipher }] }] }], ["a signature on OpenRouter", { messages: [{ reasoning_details: [{ type: "reasoning.text", text: "…", signature: cipher }] }] }],
    ["ciphertext on OpenRouter", { messages: [{ reasoning_details: [{ type: "reasoning.encrypted", data: cipher }] }] }], ["search results of Claude's", { content: [{ type: "web_search_tool_result", content: [{ encrypted_content: cipher }] }] }],
  ])("is %s", (_, body) => {
    expect(holdsEncrypted(JSON.stringify(body))).toBe(true);
    expect(holdsEncrypted(JSON.stringify(body, undefined, 2))).toBe(true);
    expect(holdsEncrypted(JSON.stringify(user(JSON.stringify(body))))).toBe(false);
    expect(holdsEncrypted(JSON.stringify(body).replace(cipher, `forge.${cipher}`))).toBe(false);
  });
  test.each<[string, unknown]>([
    ["a picture where thoughts are asked for", { thinking: { type: "enabled", budget_tokens: 1_024 }, messages: [user([{ type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgoAAAANSUhEUg" } }])] }],
    ["a picture in Gemini's words", { contents: [{ parts: [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgoAAAANSUhEUg" } }] }] }], ["a signature of nobody's thoughts", { tools: [{ input: { signature: cipher } }] }],
    ["an empty one", { input: [{ type: "reasoning", encrypted_content: "" }] }], ["none", { input: [{ type: "reasoning", encrypted_content: null }] }], ["a wish for some", { include: ["reasoning.encrypted_content"] }],
  ])("is not %s", (_, body) => expect(holdsEncrypted(JSON.stringify(body))).toBe(false));
});
