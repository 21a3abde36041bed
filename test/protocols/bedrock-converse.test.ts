/** Converse: what a request becomes, and what is read of answers. */
import { describe, expect, test } from "vitest";
import { collect, type ChatRequest, type Turn } from "../../src/chat/index.ts";
import { bedrockConverseUpstream as converse } from "../../src/protocols/bedrock-converse/index.ts";
import type { Target } from "../../src/protocols/protocol.ts";

const origin = { protocol: "bedrock-converse", provider: "there" };
const target: Target = { upstreamId: "eu.anthropic.claude", origin, dialect: {}, maxOutputTokens: undefined };
const context = { origin, idSeed: "0" };
const user: Turn = { role: "user", parts: [{ type: "text", text: "hi" }] };
const request = (over: Partial<ChatRequest>): ChatRequest => ({ model: "m", stream: false, streamUsage: true, turns: [user], tools: [], rest: { protocol: "openai-chat", fields: {} }, ...over });
const rendered = (over: Partial<ChatRequest>) => converse.renderRequest(request(over), target);

describe("a request", () => {
  test("system, settings, tools and the choice among them", () => {
    const { body, losses } = rendered({
      turns: [{ role: "system", parts: [{ type: "text", text: "be brief", cache: {} }] }, user],
      tools: [{ type: "function", name: "f", description: "d", parameters: { type: "object", properties: {} } }],
      toolChoice: { type: "tool", name: "f" }, maxOutputTokens: 9, temperature: 0.5, topP: 0.9, stop: ["x"],
    });
    expect(losses).toEqual([]);
    expect(body).toEqual({
      messages: [{ role: "user", content: [{ text: "hi" }] }],
      system: [{ text: "be brief" }, { cachePoint: { type: "default" } }],
      inferenceConfig: { maxTokens: 9, temperature: 0.5, topP: 0.9, stopSequences: ["x"] },
      toolConfig: { tools: [{ toolSpec: { name: "f", description: "d", inputSchema: { json: { type: "object", properties: {} } } } }], toolChoice: { tool: { name: "f" } } },
    });
  });

  test("signed thoughts go back to where they came from, in their place, and nowhere else; big integers stay whole", () => {
    const turns = (provider: string): Turn[] => [user, {
      role: "assistant",
      parts: [
        { type: "reasoning", texts: ["hm"], signature: "sig", origin: { ...origin, provider } },
        { type: "tool-call", id: "t:1", name: "f", input: '{"id": 12345678901234567890}' },
      ],
    }, { role: "tool", parts: [{ type: "tool-result", id: "t:1", content: [{ type: "text", text: "no" }], isError: true }] }];
    const { body, losses } = rendered({ turns: turns("there") });
    expect(losses).toEqual([]);
    expect(JSON.stringify(body.messages)).toBe(JSON.stringify([
      { role: "user", content: [{ text: "hi" }] },
      { role: "assistant", content: [{ reasoningContent: { reasoningText: { text: "hm", signature: "sig" } } }, { toolUse: { toolUseId: "t_1", name: "f", input: "INPUT" } }] },
      { role: "user", content: [{ toolResult: { toolUseId: "t_1", content: [{ text: "no" }], status: "error" } }] },
    ]).replace('"INPUT"', '{"id":12345678901234567890}'));
    expect(rendered({ turns: turns("elsewhere") }).losses).toEqual(["reasoning"]);
  });

  test.each([
    ["seed", { seed: 1 }], ["choices", { choices: 2 }], ["logprobs", { logprobs: { top: 1 } }], ["logit_bias", { logitBias: { 1: 1 } }], ["verbosity", { verbosity: "low" }],
    ["output_format", { output: { type: "json" as const } }], ["user", { user: "u" }],
    ["image_url", { turns: [{ role: "user" as const, parts: [{ type: "file" as const, kind: "image" as const, data: { url: "https://a.example/b.png" } }] }] }],
    ["audio", { turns: [{ role: "user" as const, parts: [{ type: "file" as const, kind: "audio" as const, data: { url: "https://a.example/b.wav" } }] }] }],
    ["field:x_new", { rest: { protocol: "openai-chat", fields: { x_new: 1 } } }],
    ["document_metadata", { turns: [{ role: "user" as const, parts: [{ type: "file" as const, kind: "document" as const, data: { text: "x" }, title: "Größe" }] }] }],
  ])("%s is a declared loss", (loss, over) => {
    expect(rendered(over).losses).toEqual([loss]);
  });
});

describe("files", () => {
  const blocks = (...parts: Turn["parts"]) => (rendered({ turns: [{ role: "user", parts }] }).body.messages as { content: unknown[] }[])[0]!.content;
  const pdf = { type: "file", kind: "document", data: { base64: "JVBERi0=" }, mediaType: "application/pdf" } as const;

  test("are recordings in the format that they are in", () => {
    for (const [mediaType, format] of [["audio/mpeg", "mp3"], ["audio/wav", "wav"], ["audio/mp4", "m4a"], [undefined, "wav"]] as const) {
      expect(blocks({ type: "file", kind: "audio", data: { base64: "AA==" }, ...(mediaType && { mediaType }) })).toEqual([{ audio: { format, source: { bytes: "AA==" } } }]);
    }
  });

  test("are documents with what is known of them, and whether they shall be cited", () => {
    expect(blocks({ ...pdf, title: "Rome", context: "a letter", cite: true }, { ...pdf, cite: false })).toEqual([
      { document: { format: "pdf", name: "Rome 0-0", source: { bytes: "JVBERi0=" }, context: "a letter", citations: { enabled: true } } }, { document: { format: "pdf", name: "document 0-1", source: { bytes: "JVBERi0=" }, citations: { enabled: false } } },
    ]);
    expect(blocks({ ...pdf, data: { text: "Rain." }, mediaType: "text/plain", cite: true })).toEqual([{ document: { format: "txt", name: "document 0-0", source: { text: "Rain." }, citations: { enabled: true } } }]);
    expect(blocks({ ...pdf, data: { text: "Rain." }, mediaType: "text/plain" })).toEqual([{ text: "Rain." }]);
  });

  test("that the model made come whole, however they were cut", () => {
    const body = { output: { message: { content: [{ text: "Here:" }, { image: { format: "png", source: { bytes: "iVBORw0KGgo=" } } }, { audio: { format: "mp3", source: { bytes: "SUQz" } } }] } }, stopReason: "end_turn", usage };
    const made = [{ type: "text", text: "Here:" }, { type: "file", kind: "image", data: { base64: "iVBORw0KGgo=" }, mediaType: "image/png" }, { type: "file", kind: "audio", data: { base64: "SUQz" }, mediaType: "audio/mpeg" }];
    expect(converse.parseResponse(body, context).choices[0]!.parts).toEqual(made);
    const pieces = (["iVBO", "Rw==", "DQoaCg=="] as const).map((bytes): [string, object] => ["contentBlockDelta", { contentBlockIndex: 1, delta: { image: { source: { bytes } } } }]);
    const parts = collect(streamed([
      ["messageStart", {}], ["contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Here:" } }], ["contentBlockStop", { contentBlockIndex: 0 }],
      ["contentBlockStart", { contentBlockIndex: 1, start: { image: { format: "png" } } }], ...pieces, ["contentBlockStop", { contentBlockIndex: 1 }], ["messageStop", { stopReason: "end_turn" }],
    ])).choices[0]!.parts;
    expect(parts).toEqual(made.slice(0, 2));
  });
});

const usage = { inputTokens: 5, outputTokens: 7, totalTokens: 15, cacheReadInputTokens: 2, cacheWriteInputTokens: 1 };
const whole = {
  output: { message: { role: "assistant", content: [
    { reasoningContent: { reasoningText: { text: "hm", signature: "sig" } } }, { text: "so" }, { toolUse: { toolUseId: "t1", name: "f", input: { a: 1 } } },
  ] } },
  stopReason: "tool_use", usage,
};
const frames: [string, object][] = [
  ["messageStart", { role: "assistant" }],
  ["contentBlockDelta", { contentBlockIndex: 0, delta: { reasoningContent: { text: "h" } } }],
  ["contentBlockDelta", { contentBlockIndex: 0, delta: { reasoningContent: { text: "m" } } }],
  ["contentBlockDelta", { contentBlockIndex: 0, delta: { reasoningContent: { signature: "sig" } } }],
  ["contentBlockStop", { contentBlockIndex: 0 }],
  ["contentBlockDelta", { contentBlockIndex: 1, delta: { text: "so" } }],
  ["contentBlockStop", { contentBlockIndex: 1 }],
  ["contentBlockStart", { contentBlockIndex: 2, start: { toolUse: { toolUseId: "t1", name: "f" } } }],
  ["contentBlockDelta", { contentBlockIndex: 2, delta: { toolUse: { input: '{"a"' } } }],
  ["contentBlockDelta", { contentBlockIndex: 2, delta: { toolUse: { input: ":1}" } } }],
  ["contentBlockStop", { contentBlockIndex: 2 }],
  ["messageStop", { stopReason: "tool_use" }],
  ["metadata", { usage }],
];
const streamed = (some: [string, object][]) => {
  const parser = converse.parseStream(context);
  return [...some.flatMap(([event, data]) => parser.push({ event, data: JSON.stringify(data) })), ...parser.end()];
};

describe("an answer", () => {
  test("is the same whole and streamed", () => {
    const response = converse.parseResponse(whole, context);
    expect(collect(streamed(frames))).toEqual(response);
    expect(response).toMatchObject({
      choices: [{ parts: [{ type: "reasoning", texts: ["hm"], signature: "sig", origin }, { type: "text", text: "so" }, { type: "tool-call", id: "t1", name: "f", input: '{"a":1}' }], finish: { unified: "tool-calls", raw: "tool_use" } }],
      usage: { inputTokens: 8, cachedTokens: 2, cacheWriteTokens: 1, outputTokens: 7 },
    });
  });

  test("that stops says no finish; an exception is an error with its status", () => {
    expect(streamed(frames.slice(0, 6)).some(({ type }) => type === "finish")).toBe(false);
    expect(streamed([...frames.slice(0, 3), ["throttlingException", { message: "slower" }]]).at(-1)).toEqual({ type: "error", error: { status: 429, code: "throttlingException", message: "slower" } });
  });

  test("of a document with citations keeps the words that are cited", () => {
    const body = { output: { message: { content: [{ citationsContent: { content: [{ text: "cited" }], citations: [{ title: "t", location: { web: { url: "https://a.example" } } }] } }] } }, stopReason: "end_turn", usage };
    expect(converse.parseResponse(body, context).choices[0]!.parts).toMatchObject([{ type: "text", text: "cited", citations: [{ title: "t", url: "https://a.example" }] }]);
  });
});
