/** Canonical requests, one for each thing that a wire format may be unable to say. Every upstream protocol renders all of them. */
import type { ChatRequest, FilePart, Origin, Part, TextPart, Tool, ToolResultPart, Turn } from "../../src/chat/index.ts";
import type { Dialect, Rendered, UpstreamHalf } from "../../src/protocols/protocol.ts";

const text = (words: string): TextPart => ({ type: "text", text: words });
const turn = (role: Turn["role"], ...parts: Part[]): Turn => ({ role, parts });
const user = (...parts: Part[]): Turn => turn("user", ...parts);
const assistant = (...parts: Part[]): Turn => turn("assistant", ...parts);
const file = (kind: FilePart["kind"], data: FilePart["data"], more: Partial<FilePart> = {}): Partial<ChatRequest> => ({ turns: [user({ type: "file", kind, data, ...more }, text("What is it?"))] });

const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const weather: Tool = { type: "function", name: "weather", description: "The weather in a city", parameters: schema };
const time: Tool = { type: "function", name: "time", parameters: schema };
const call = (id: string, name = "weather"): Part => ({ type: "tool-call", id, name, input: '{"city":"Rome","id":12345678901234567890}' });
const answered = (result: Partial<ToolResultPart>): Partial<ChatRequest> => ({
  tools: [weather],
  turns: [user(text("Rome?")), assistant(call("call_1")), turn("tool", { type: "tool-result", id: "call_1", name: "weather", content: [text("Rain")], ...result })],
});
const thought = (origin: Origin): Partial<ChatRequest> => ({
  tools: [weather],
  reasoning: { effort: "medium" },
  turns: [
    user(text("Rome?")),
    assistant({ type: "reasoning", texts: ["It wants weather."], signature: "c2ln", origin }, call("call_1")),
    turn("tool", { type: "tool-result", id: "call_1", name: "weather", content: [text("Rain")] }),
  ],
});
const png = "iVBORw0KGgo=";

/** By name: what a request has beside "Hi". `own` is the origin of what the target itself once said. */
export const cases: Record<string, (own: Required<Origin>) => Partial<ChatRequest>> = {
  "plain": () => ({}),
  "developer message": () => ({ turns: [turn("developer", text("Be brief.")), user(text("Hi"))] }),
  "system message in mid-conversation": () => ({ turns: [turn("system", text("Be brief.")), user(text("Hi")), assistant(text("Hello.")), turn("system", text("Be long.")), user(text("Again"))] }),
  "author's name": () => ({ turns: [{ role: "user", name: "ada", parts: [text("Hi")] }] }),
  "prefill": () => ({ turns: [user(text("Hi")), assistant(text("He"))] }),
  "image, base64": () => file("image", { base64: png }, { mediaType: "image/png", detail: "low" }),
  "image, url": () => file("image", { url: "https://a.example/cat.png" }, { mediaType: "image/png" }),
  "pdf, base64": () => file("document", { base64: "JVBERi0=" }, { mediaType: "application/pdf", filename: "a.pdf" }),
  "pdf, url": () => file("document", { url: "https://a.example/a.pdf" }, { mediaType: "application/pdf" }),
  "document with title and context": () => file("document", { text: "Rome is wet." }, { mediaType: "text/plain", title: "Rome", context: "a letter", cite: true }),
  "uploaded file": () => file("document", { fileId: "file_1" }),
  "audio": () => file("audio", { base64: "UklGRg==" }, { mediaType: "audio/wav" }),
  "video": () => file("video", { base64: "AAAA" }, { mediaType: "video/mp4" }),
  "picture that a model made": (own) => ({
    turns: [
      user(text("Draw a cat.")), assistant(text("Here."), { type: "reasoning", texts: [], signature: "c2ln", origin: own }, { type: "file", kind: "image", data: { base64: png }, mediaType: "image/png", id: "ig_1" }),
      user(text("Now a dog.")),
    ],
  }),
  "recording that a model made": () => ({
    turns: [user(text("Say it.")), assistant({ type: "file", kind: "audio", data: { fileId: "audio_1" }, id: "audio_1", transcript: "It is done." }), user(text("Again."))],
  }),
  "picture that somebody else's model made": () => ({
    turns: [user(text("Draw a cat.")), assistant({ type: "file", kind: "image", data: { base64: png }, mediaType: "image/png" }), user(text("Now a dog."))],
  }),
  "parallel tools": () => ({
    tools: [weather, time],
    turns: [
      user(text("Rome?")), assistant(text("Let me see."), call("call_1"), call("call_2", "time")),
      turn("tool", { type: "tool-result", id: "call_1", name: "weather", content: [text("Rain")] }), turn("tool", { type: "tool-result", id: "call_2", name: "time", content: [text("Noon")] }),
    ],
  }),
  "one tool at a time": () => ({ tools: [weather, time], parallelTools: false }),
  "forced tool": () => ({ tools: [weather, time], toolChoice: { type: "tool", name: "weather" } }),
  "allowed tools": () => ({ tools: [weather, time, { ...time, name: "date" }], toolChoice: { type: "allowed", mode: "required", names: ["weather", "time"] } }),
  "any tool": () => ({ tools: [weather, time], toolChoice: { type: "required" } }),
  "no tool": () => ({ tools: [weather], toolChoice: { type: "none" } }),
  "strict tool": () => ({ tools: [{ ...weather, strict: true }] }),
  "custom tool": () => ({ tools: [{ type: "custom", name: "sql", description: "Runs SQL", format: { type: "text" } }] }),
  "custom tool and its call": () => ({
    tools: [{ type: "custom", name: "sql", description: "Runs SQL", format: { type: "grammar", syntax: "lark", definition: "start: /SELECT .+/" } }],
    turns: [
      user(text("How many?")), assistant({ type: "tool-call", id: "call_1", name: "sql", input: 'SELECT "n"\nFROM t', custom: true }),
      turn("tool", { type: "tool-result", id: "call_1", name: "sql", content: [text("7")], custom: true }),
    ],
  }),
  "tools in namespaces": () => ({
    tools: [
      time, { ...weather, namespace: { name: "mcp__sky", description: "What is above." } }, { ...time, namespace: { name: "mcp__sky", description: "What is above." } },
      { type: "custom", name: "exec", description: "Runs code", namespace: { name: "functions" } },
    ],
    toolChoice: { type: "allowed", mode: "auto", names: ["weather", "exec"] },
    turns: [
      user(text("Rome?")), assistant({ ...call("call_1"), namespace: "mcp__sky" } as Part, { type: "tool-call", id: "call_2", name: "exec", namespace: "functions", input: "rain()", custom: true }),
      turn("tool", { type: "tool-result", id: "call_1", name: "weather", content: [text("Rain")] }, { type: "tool-result", id: "call_2", name: "exec", content: [text("Yes")], custom: true }),
    ],
  }),
  "tools that are found, and tools that are brought": () => ({
    tools: [{ type: "function", name: "tool_search", search: true, description: "Finds tools", parameters: schema }],
    turns: [
      turn("developer", { type: "opaque", protocol: "openai-responses", value: { type: "additional_tools", role: "developer", tools: [time] }, tools: [time] }), user(text("Rome?")),
      assistant({ type: "tool-call", id: "call_1", name: "tool_search", search: true, input: '{"city":"Rome"}' }),
      turn("tool", { type: "tool-result", id: "call_1", name: "tool_search", content: [{ type: "opaque", protocol: "openai-responses", value: [weather], tools: [{ ...weather, namespace: { name: "sky" } }] }] }),
      assistant({ type: "tool-call", id: "call_2", name: "tool_search", search: true, input: '{"city":"Oslo"}' }),
      turn("tool", { type: "tool-result", id: "call_2", name: "tool_search", content: [{ type: "opaque", protocol: "openai-responses", value: [], tools: [] }] }),
    ],
  }),
  "tool result with image": () => answered({ content: [text("See"), { type: "file", kind: "image", data: { base64: png }, mediaType: "image/png" }] }),
  "tool result with a document": () => answered({ content: [text("See"), { type: "file", kind: "document", data: { base64: "JVBERi0=" }, mediaType: "application/pdf", filename: "a.pdf" }] }),
  "tool result that is an error": () => answered({ isError: true }),
  "json mode": () => ({ output: { type: "json" } }),
  "json schema": () => ({ output: { type: "json-schema", name: "place", schema, strict: true } }),
  "bounds and sampling": () => ({ maxOutputTokens: 100, temperature: 0.5, topP: 0.9 }),
  "top_k": () => ({ topK: 40 }),
  "min_p": () => ({ minP: 0.1 }),
  "stop": () => ({ stop: ["END"] }),
  "seed": () => ({ seed: 7 }),
  "penalties": () => ({ frequencyPenalty: 0.5, presencePenalty: 0.25 }),
  "logit_bias": () => ({ logitBias: { "50256": -100 } }),
  "logprobs": () => ({ logprobs: { top: 2 } }),
  "n": () => ({ choices: 2 }),
  "effort": () => ({ reasoning: { effort: "high" } }),
  "budget": () => ({ reasoning: { budgetTokens: 8_000 }, maxOutputTokens: 16_000 }),
  "thoughts shown": () => ({ reasoning: { effort: "medium", show: "detailed" } }),
  "own signed thinking": thought,
  "own redacted thinking": (own) => ({ turns: [user(text("Hi")), assistant({ type: "reasoning", texts: [], encrypted: "c2VjcmV0", origin: own }, text("Hello.")), user(text("Again"))] }),
  "foreign redacted thinking": () => ({ turns: [user(text("Hi")), assistant({ type: "reasoning", texts: [], encrypted: "c2VjcmV0", origin: { protocol: "elsewhere", provider: "there" } }, text("Hello.")), user(text("Again"))] }),
  "foreign thinking": () => thought({ protocol: "elsewhere", provider: "there" }),
  "citations": () => ({
    turns: [user(text("Rome?")), assistant({ ...text("Rain."), citations: [{ url: "https://a.example", title: "A", start: 0, end: 5, raw: { protocol: "elsewhere", value: {} } }] }), user(text("Sure?"))],
  }),
  "refusal": () => ({ turns: [user(text("A bomb?")), assistant({ ...text("No."), refusal: true }), user(text("Sure?"))] }),
  "cache breakpoints, five minutes": () => ({ turns: [turn("system", { ...text("Long."), cache: {} }), user({ ...text("Hi"), cache: {} }), assistant(call("call_1")), turn("tool", { type: "tool-result", id: "call_1", name: "weather", content: [text("Rain")], cache: {} })], tools: [weather] }),
  "cache breakpoints": () => ({ turns: [turn("system", { ...text("Long."), cache: {} }), user({ ...text("Hi"), cache: { ttl: "1h" } })], tools: [{ ...weather, cache: {} }] }),
  "cache key": () => ({ promptCacheKey: "key" }),
  "service tier": () => ({ serviceTier: "priority" }),
  "verbosity": () => ({ verbosity: "low" }),
  "spoken answer": () => ({ modalities: ["text", "audio"], audio: { voice: "alloy", format: "wav" } }),
  "metadata and user": () => ({ metadata: { team: "blue" }, user: "user-1" }),
};

const plain: ChatRequest = { model: "m", stream: false, streamUsage: false, turns: [user(text("Hi"))], tools: [], rest: { protocol: "elsewhere", fields: {} } };
/** As the vendor of the protocol itself has it. */
const vendor: Dialect = { maxTokensField: "max_completion_tokens", developerRole: true, reasoning: "effort", jsonSchema: true, breakpoints: /^model-1$/ };

type Parse = (text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown) => unknown;
/** Integers that no double holds are kept as text, so that a rounded one differs. */
const exact = (_: string, value: unknown, { source }: { source?: string }): unknown => (typeof value === "number" && source && Math.abs(value) > Number.MAX_SAFE_INTEGER ? `${source}n` : value);

/** All cases as one protocol says them, by name; bodies as plain JSON. */
export function renderCases(half: UpstreamHalf): Record<string, { body: unknown; losses: string[] }> {
  const origin = { protocol: half.id, provider: "here" };
  const render = (of: Partial<ChatRequest>): Rendered => half.renderRequest({ ...plain, ...of }, { upstreamId: "model-1", origin, dialect: vendor, maxOutputTokens: 64_000 });
  return Object.fromEntries(Object.entries(cases).map(([name, of]) => {
    const { body, losses } = render(of(origin));
    return [name, { body: (JSON.parse as Parse)(JSON.stringify(body), exact), losses: [...losses].sort() }];
  }));
}
