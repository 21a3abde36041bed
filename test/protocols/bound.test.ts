import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundConversation, boundParts, boundTexts } from "../../src/protocols/bound.ts";
import { anthropicMessages, gemini, openaiChat, openaiResponses, type RequestFacts } from "../../src/protocols/index.ts";
import { textBound } from "../../src/protocols/text-bound.ts";

/** The most tokens that eight tokenizers (GPT, Claude, Llama 2 and 3, Mistral, Gemma, DeepSeek, Qwen) make of a text. */
const tokenized: [string, string, number][] = [
  ["a word", "hello", 1],
  ["digits, each a token of Llama 2, Gemma and Qwen", "0123456789", 10],
  ["control characters", "\x00\x01\x02\x03", 4],
  ["hexadecimal", "9f3c0b7e", 8],
  ["spaces", " ".repeat(600), 40],
  ["Amharic by its bytes", "ሀለሐ", 9],
  ["Cuneiform", "𒀀", 4],
  ["a family of emoji", "👨‍👩‍👧‍👦", 25],
  ["private use", "\ue000\ue001", 6],
  ["a variation selector", "\u{e0100}", 4],
  ["combining marks, one of which Claude reads as two", "\u0344", 4],
  ["a ligature that Claude reads letter by letter", "\ufdfa", 15],
  ["half a surrogate pair, which is sent as another character", "\ud800", 1],
];

const anyText = fc.string({ unit: "binary", maxLength: 60 });
const units = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((codes) => String.fromCharCode(...codes));

describe("a text", () => {
  test.each(tokenized)("%s", (_, text, tokens) => expect(textBound(text)).toBeGreaterThanOrEqual(tokens));

  test("is no less than its bytes, whatever it is", () => {
    const utf8 = new TextEncoder();
    fc.assert(fc.property(fc.oneof(anyText, units), (text) => textBound(text) >= utf8.encode(text).length && textBound(text) >= utf8.encode(text.normalize("NFKC")).length));
  });

  test("of ASCII is its length", () => {
    fc.assert(fc.property(fc.string({ unit: "binary-ascii" }), (text) => textBound(text) === text.length));
  });

  test("never needs less with more in it", () => {
    fc.assert(fc.property(anyText, anyText, (text, more) => textBound(text + more) >= textBound(text) && textBound(more + text) >= textBound(text)));
  });
});

const user = (...content: object[]) => ({ model: "m", max_tokens: 5, messages: [{ role: "user", content }] });
const items = (...content: object[]) => ({ model: "m", input: [{ role: "user", content }] });
const parts = (...all: object[]) => ({ contents: [{ role: "user", parts: all }] });
const generate = gemini("gemini-2.5-flash", "generateContent", false)!;
const base64 = "QUJD".repeat(50_000);
const url = "https://example.com/a";
const pdf = "application/pdf";

type Part = [string, () => RequestFacts, Partial<RequestFacts>];
const pictures: Part[] = [
  ["chat", () => openaiChat.parse(user({ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }, { type: "image_url", image_url: { url } })), { pictures: 2 }],
  ["chat, an address without an object (Mistral)", () => openaiChat.parse(user({ type: "image_url", image_url: `data:image/png;base64,${base64}` })), { pictures: 1 }],
  ["Responses", () => openaiResponses.parse(items({ type: "input_image", image_url: `data:image/png;base64,${base64}` }, { type: "input_image", file_id: "file_1" })), { pictures: 2 }],
  ["Responses, of a model's", () => openaiResponses.parse({ model: "m", input: [{ type: "image_generation_call", id: "ig_1", result: base64 }, { role: "user", content: "Bluer" }] }), { pictures: 1 }],
  ["chat, of a model's", () => openaiChat.parse({ model: "m", messages: [{ role: "assistant", content: "Here.", images: [{ type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }] }] }), { pictures: 1 }],
  ["Responses, the screen", () => openaiResponses.parse({ model: "m", input: [{ type: "computer_call_output", call_id: "c", output: { type: "computer_screenshot", image_url: `data:image/png;base64,${base64}` } }] }), { pictures: 1 }],
  ["Messages", () => anthropicMessages.parse(user({ type: "image", source: { type: "base64", media_type: "image/png", data: base64 } }, { type: "image", source: { type: "url", url } })), { pictures: 2 }],
  ["Messages, in a tool's result", () => anthropicMessages.parse(user({ type: "tool_result", tool_use_id: "t", content: [{ type: "image", source: { type: "file", file_id: "file_1" } }] })), { pictures: 1 }],
  ["Gemini", () => generate.parse(parts({ inlineData: { mimeType: "image/png", data: base64 } }, { inline_data: { mime_type: "image/png", data: base64 } }, { fileData: { mimeType: "image/png", fileUri: url } })), { pictures: 3 }],
];
const unseen: Part[] = [
  ["a document (chat)", () => openaiChat.parse(user({ type: "file", file: { file_data: `data:${pdf};base64,${base64}` } })), {}],
  ["an uploaded file (chat)", () => openaiChat.parse(user({ type: "file", file: { file_id: "file_1" } })), {}],
  ["an uploaded file (Mistral)", () => openaiChat.parse(user({ type: "file", file_id: "file_1" })), {}],
  ["a document by address (Mistral)", () => openaiChat.parse(user({ type: "document_url", document_url: url })), {}],
  ["a film (chat)", () => openaiChat.parse(user({ type: "video_url", video_url: { url } })), {}],
  ["earlier speech by its id", () => openaiChat.parse({ model: "m", messages: [{ role: "assistant", audio: { id: "audio_1" } }] }), {}],
  ["speech in a codec that says silence in nothing", () => openaiChat.parse(user({ type: "input_audio", input_audio: { data: base64, format: "ogg" } })), {}],
  ["speech by address (Mistral)", () => openaiChat.parse(user({ type: "input_audio", input_audio: url })), {}],
  ["a document (Responses)", () => openaiResponses.parse(items({ type: "input_file", file_url: url })), {}],
  ["a document (Messages)", () => anthropicMessages.parse(user({ type: "document", source: { type: "base64", media_type: pdf, data: base64 } })), {}],
  ["a document by address (Messages)", () => anthropicMessages.parse(user({ type: "document", source: { type: "url", url } })), {}],
  ["a film (Gemini)", () => generate.parse(parts({ fileData: { mimeType: "video/mp4", fileUri: url } })), {}],
  ["a file of no type (Gemini)", () => generate.parse(parts({ fileData: { fileUri: url } })), {}],
  ["a cached content", () => generate.parse({ ...parts({ text: "hi" }), cachedContent: "cachedContents/1" }), {}],
  ["Google's search", () => generate.parse({ ...parts({ text: "hi" }), tools: [{ google_search: {} }] }), {}],
  ["search options", () => openaiChat.parse({ ...user(), web_search_options: {} }), {}],
  ["OpenRouter's search", () => openaiChat.parse({ ...user(), model: "openai/gpt-4o:online" }), {}],
  ["OpenRouter's plugins", () => openaiChat.parse({ ...user(), plugins: [{ id: "web" }] }), {}],
  ["a provider's tool in chat", () => openaiChat.parse({ ...user(), tools: [{ type: "web_search" }] }), {}],
  ["a provider's tool in Responses: ten calls, a reading before each and after the last", () => openaiResponses.parse({ ...items(), tools: [{ type: "code_interpreter" }] }), { readings: 11 }],
  ["as many calls as the client allows", () => openaiResponses.parse({ ...items(), tools: [{ type: "mcp" }], max_tool_calls: 2 }), { readings: 3 }],
  ["Claude's own tools: as often as it goes on by itself", () => anthropicMessages.parse({ ...user(), tools: [{ type: "web_fetch_20250910", name: "web_fetch" }] }), { readings: 10 }],
  ["Claude's own tools, as often as the client allows", () => anthropicMessages.parse({ ...user(), tools: [{ type: "web_search_20250305", name: "web_search", max_uses: 2 }] }), { readings: 3 }],
  ["a limit that is none", () => anthropicMessages.parse({ ...user(), tools: [{ type: "web_search_20250305", name: "web_search", max_uses: -20 }] }), { readings: 10 }],
  ["an MCP server (Messages)", () => anthropicMessages.parse({ ...user(), mcp_servers: [{ type: "url", url, name: "a" }] }), { readings: 10 }],
  ["skills", () => anthropicMessages.parse({ ...user(), container: { skills: [{ type: "anthropic", skill_id: "pptx" }] } }), { readings: 10 }],
];
const seen: Part[] = [
  ["functions", () => openaiChat.parse({ ...user(), tools: [{ type: "function", function: { name: "f", parameters: { properties: { file: { type: "string" } } } } }] }), {}],
  ["functions of Responses and what clients run", () => openaiResponses.parse({ ...items(), tools: [{ type: "function", name: "f" }, { type: "custom", name: "g" }, { type: "local_shell" }] }), {}],
  ["functions of Messages and what clients run", () => anthropicMessages.parse({ ...user(), tools: [{ name: "f", input_schema: {} }, { type: "bash_20250124", name: "bash" }, { type: "custom", name: "g" }] }), {}],
  ["functions of Gemini", () => generate.parse({ ...parts({ text: "hi" }), tools: [{ functionDeclarations: [{ name: "f" }] }, { function_declarations: [] }] }), {}],
  ["a document that is text", () => anthropicMessages.parse(user({ type: "document", source: { type: "text", media_type: "text/plain", data: "hello" } })), {}],
];

describe("media", () => {
  test.each(pictures)("a picture is one, whatever its bytes: %s", (_, parse, facts) => {
    expect(parse()).toMatchObject(facts);
    expect(parse().inputTokens).toBeLessThan(2_500);
    expect(parse().unseen).toBeUndefined();
  });

  test.each(unseen)("nothing says how much there is to read: %s", (_, parse, facts) => expect(parse()).toMatchObject({ ...facts, unseen: true }));

  test.each(seen)("all there is to read is in the request: %s", (_, parse) => {
    expect(parse()).not.toHaveProperty("unseen");
    expect(parse()).not.toHaveProperty("readings");
  });

  test.each([["wav", 8_000], ["mp3", 1_000]])("speech as %s: 32 tokens for the fewest bytes of a second", (format, bytesPerSecond) => {
    const { inputTokens, unseen: hidden } = openaiChat.parse(user({ type: "input_audio", input_audio: { data: base64, format } }));
    expect(inputTokens).toBeGreaterThanOrEqual((150_000 / bytesPerSecond) * 32);
    expect(inputTokens).toBeLessThan((150_000 / bytesPerSecond) * 32 + 2_500);
    expect(hidden).toBeUndefined();
  });
});

describe("what only looks like a picture is text", () => {
  const long = `data:image/png;base64,${base64}`;
  const image = { type: "image_url", image_url: { url: long } };
  test.each<[string, () => RequestFacts]>([
    ["in a text", () => openaiChat.parse(user({ type: "text", text: long }))],
    ["in a tool's schema", () => openaiChat.parse({ ...user(), tools: [{ type: "function", function: { name: "f", parameters: { default: image } } }] })],
    ["in a call's input", () => anthropicMessages.parse(user({ type: "tool_use", id: "t", name: "f", input: { source: { type: "base64", data: base64 }, image } }))],
    ["in a function's response", () => generate.parse(parts({ functionResponse: { name: "f", response: { inlineData: { mimeType: "image/png", data: base64 } } } }))],
    ["in a field that nobody knows", () => openaiChat.parse({ ...user(), more: image })],
  ])("%s", (_, parse) => {
    expect(parse().inputTokens).toBeGreaterThanOrEqual(base64.length);
    expect(parse().pictures).toBeUndefined();
  });
});

describe("a conversation", () => {
  const json = fc.jsonValue({ maxDepth: 4, stringUnit: "binary" });

  test("is no less than the text in it", () => {
    fc.assert(fc.property(fc.array(anyText), (texts) => {
      const bytes = texts.reduce((sum, text) => sum + new TextEncoder().encode(text).length, 0);
      const facts = boundConversation({ messages: texts.map((content) => ({ role: "user", content })) }, false);
      return facts.inputTokens >= bytes && facts.likelyInputTokens <= facts.inputTokens;
    }));
  });

  test("never needs less with more in it", () => {
    fc.assert(fc.property(json, json, anyText, (message, more, key) => {
      const less = boundConversation({ messages: [message] }, false);
      const longer = boundConversation({ messages: [message, more] }, false);
      const wider = boundConversation({ messages: [message], [`x${key}`]: more }, false);
      return longer.inputTokens >= less.inputTokens && wider.inputTokens >= less.inputTokens && (longer.pictures ?? 0) >= (less.pictures ?? 0) && (longer.unseen ?? false) >= (less.unseen ?? false);
    }));
  });

  test("counts what a schema's text becomes in JSON", () => {
    const { inputTokens } = boundConversation({ messages: [], tools: [{ type: "function", function: { name: "f", description: "\n\"".repeat(1_000) } }] }, false);
    expect(inputTokens).toBeGreaterThanOrEqual(4_000);
  });

  test("of a hundred thousand levels is read without recursion", () => {
    let deep: unknown = "x";
    for (let i = 0; i < 100_000; i += 1) deep = [deep];
    expect(boundConversation({ messages: deep }, false).inputTokens).toBeGreaterThan(100_000);
  });

  test("has the template's tokens, more of them with tools", () => {
    const plain = boundConversation({ messages: [] }, false).inputTokens;
    expect(plain).toBeGreaterThanOrEqual(200);
    expect(boundConversation({ messages: [], tools: [] }, false).inputTokens).toBeGreaterThanOrEqual(plain + 900);
    expect(boundConversation({ messages: [{ content: [{ type: "document", citations: { enabled: true } }] }] }, false).inputTokens).toBeGreaterThanOrEqual(plain + 1_000);
    expect(boundConversation({ messages: [], tools: [{ type: "bash_20250124" }] }, false).inputTokens).toBeGreaterThanOrEqual(plain + 1_900);
  });
});

test("texts and lists of tokens have nothing around them", () => {
  expect(boundTexts(["hello", [1, 2, 100_257]]).inputTokens).toBe(5 + 4 + 3);
  expect(boundTexts("").inputTokens).toBe(4);
  expect(boundTexts(undefined).inputTokens).toBe(0);
  expect(boundParts({ parts: [{ text: "hello" }] }).inputTokens).toBeLessThan(60);
});
