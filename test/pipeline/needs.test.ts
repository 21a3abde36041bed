import { describe, expect, test } from "vitest";
import type { ChatRequest, Part } from "../../src/chat/index.ts";
import { needsOf } from "../../src/pipeline/needs.ts";
import { anthropicMessages, openaiChat } from "../../src/protocols/index.ts";
import type { RequestFacts } from "../../src/protocols/protocol.ts";

const facts = (over: Partial<RequestFacts> = {}): RequestFacts => ({ model: "m", stream: false, usageAsked: false, inputTokens: 90, likelyInputTokens: 30.2, outputTokens: undefined, choices: 1, ...over });
const chat = (body: object): ChatRequest => openaiChat.conversation!.parseRequest({ model: "m", messages: [{ role: "user", content: "hi" }], ...body });
const capabilities = (body: object) => needsOf(facts(), "chat", chat(body)).capabilities;
const said = (...content: object[]) => ({ messages: [{ role: "user", content }] });
const tool = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const schema = { type: "json_schema", json_schema: { name: "s", schema: { type: "object" } } };

describe("what a request needs", () => {
  test.each<[string, object, string[]]>([
    ["words", {}, []], ["tools", { tools: [tool] }, ["tools"]], ["tools that shall not be called", { tools: [tool], tool_choice: "none" }, []], ["no tools", { tools: [] }, []],
    ["a schema", { response_format: schema }, ["json_schema"]], ["any JSON", { response_format: { type: "json_object" } }, []],
    ["thought", { reasoning_effort: "low" }, ["reasoning"]], ["no thought", { reasoning_effort: "none" }, []],
    ["a picture", said({ type: "image_url", image_url: { url: "https://example.com/a.png" } }), ["vision"]], ["a sound", said({ type: "input_audio", input_audio: { data: "AAAA", format: "wav" } }), ["audio"]],
    ["a document", said({ type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,AAAA" } }), ["pdf"]],
    ["two pictures", said({ type: "image_url", image_url: { url: "https://example.com/a.png" } }, { type: "image_url", image_url: { url: "https://example.com/b.png" } }), ["vision"]],
    ["all of it", { ...said({ type: "image_url", image_url: { url: "https://example.com/a.png" } }), tools: [tool], response_format: schema, reasoning_effort: "high" }, ["tools", "vision", "json_schema", "reasoning"]],
  ])("for %s", (_, body, needed) => expect(capabilities(body)).toEqual(needed));

  test("to read a tool's pictures is vision, and a plain text is words", () => {
    const read = (part: Part) => needsOf(facts(), "chat", { ...chat({}), turns: [{ role: "user", parts: [part] }] } as ChatRequest).capabilities;
    const image = { type: "file", kind: "image", data: { url: "https://example.com/a.png" } } as unknown as Part;
    expect(read({ type: "tool-result", callId: "c", content: [image] } as unknown as Part)).toEqual(["vision"]);
    expect(read({ type: "file", kind: "document", data: { text: "plain" } } as unknown as Part)).toEqual([]);
    expect(read({ type: "file", kind: "document", mediaType: "text/csv", data: { base64: "AAAA" } } as unknown as Part)).toEqual([]);
  });
  test("by a budget for thoughts is thought", () => {
    const thinking = (body: object) => needsOf(facts(), "chat", anthropicMessages.conversation!.parseRequest({ model: "m", max_tokens: 4_096, messages: [{ role: "user", content: "hi" }], ...body })).capabilities;
    expect(thinking({ thinking: { type: "enabled", budget_tokens: 1_024 } })).toEqual(["reasoning"]);
    expect(thinking({ thinking: { type: "disabled" } })).toEqual([]);
  });
  test("to answer in pictures is more than words", () => {
    expect(needsOf(facts(), "chat", chat({ modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } })).outputModalities).toEqual(["audio"]);
    expect(needsOf(facts(), "chat", chat({})).outputModalities).toEqual([]);
  });
  test("is as long as it probably is, and one answer of those that were asked for", () => {
    expect(needsOf(facts({ outputTokens: 100, choices: 3 }), "chat", undefined)).toEqual({ kind: "chat", capabilities: [], outputModalities: [], inputTokens: 31, outputTokens: 34 });
    expect(needsOf(facts(), "embedding", undefined)).toMatchObject({ kind: "embedding", outputTokens: undefined });
  });
});
