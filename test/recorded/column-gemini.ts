/** The Gemini client: `/v1beta/models/{model}:generateContent` and `:streamGenerateContent?alt=sse` by Google's SDK. */
import { GoogleGenAI, type GenerateContentResponse } from "@google/genai";
import { audioIn, nothingRead, objectIn, type Answer, type Column, type Frame } from "./column.ts";

type Json = Record<string, unknown>;
type Chunk = { candidates?: { index?: number; content?: { role?: unknown; parts?: unknown }; finishReason?: unknown }[]; usageMetadata?: unknown; modelVersion?: unknown; responseId?: unknown; error?: unknown };

const statuses = new Set([
  "INVALID_ARGUMENT", "FAILED_PRECONDITION", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "ALREADY_EXISTS", "RESOURCE_EXHAUSTED",
  "INTERNAL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED",
]);

/** Adds what the first candidate of an answer, or of a piece of it, says. */
function add(read: Answer, { candidates = [], usageMetadata: usage }: GenerateContentResponse): void {
  for (const { index = 0, content, finishReason } of candidates) {
    if (index !== 0) continue;
    for (const { text, thought, functionCall } of content?.parts ?? []) {
      if (thought) read.reasoning += text ?? "";
      else read.text += text ?? "";
      if (functionCall) read.calls.push({ id: functionCall.id, name: functionCall.name ?? "", args: JSON.stringify(functionCall.args ?? {}) });
    }
    read.finish = finishReason ?? read.finish;
  }
  if (!usage) return;
  const reasoning = usage.thoughtsTokenCount ?? 0;
  const input = (usage.promptTokenCount ?? 0) + (usage.toolUsePromptTokenCount ?? 0);
  read.usage = {
    input, output: (usage.candidatesTokenCount ?? 0) + reasoning, reasoning, cached: usage.cachedContentTokenCount ?? 0, total: usage.totalTokenCount,
    audio_in: audioIn(usage.promptTokensDetails), audio_out: audioIn(usage.candidatesTokensDetails),
  };
}

/** Parts have one kind of content each. */
const contents = ["text", "functionCall", "inlineData", "fileData", "executableCode", "codeExecutionResult", "functionResponse"];
const isPart = (part: Json): boolean => contents.filter((key) => key in part).length === 1;

/** One answer in pieces: a constant head, whole parts, one finish in the last piece, and the counts there. */
function grammar(frames: readonly Frame[], counted: boolean): string[] {
  const chunks = frames.map(objectIn<Chunk>);
  const heads = new Set(chunks.map((chunk) => JSON.stringify([chunk?.modelVersion, chunk?.responseId])));
  const firsts = chunks.map((chunk) => chunk?.candidates?.find(({ index }) => (index ?? 0) === 0));
  const finished = firsts.flatMap((candidate, at) => (candidate?.finishReason ? [at] : []));
  const last = chunks.at(-1);
  const said = chunks.flatMap((chunk) => chunk?.candidates ?? []);
  const faults: Record<string, boolean> = {
    "no events": frames.length === 0,
    "last event without a blank line": frames.at(-1)?.unterminated === true,
    "an event is not JSON": chunks.includes(undefined),
    "an event is an error": chunks.some((chunk) => chunk?.error !== undefined),
    "the head changes": heads.size > 1,
    "no modelVersion or responseId": chunks.some((chunk) => typeof chunk?.modelVersion !== "string" || typeof chunk.responseId !== "string"),
    "a content is not the model's": said.some(({ content }) => content?.role !== "model"),
    "a content without parts": said.some(({ content }) => !Array.isArray(content?.parts) || content.parts.length === 0),
    "a part of no or of several kinds": said.some(({ content }) => Array.isArray(content?.parts) && !(content.parts as Json[]).every(isPart)),
    [`finishReason x${finished.length}`]: finished.length !== 1,
    "content behind the finish": firsts.slice((finished[0] ?? chunks.length) + 1).some((candidate) => candidate !== undefined),
    "no counts at the end": counted && !last?.usageMetadata,
  };
  return Object.keys(faults).filter((fault) => faults[fault]);
}

export const geminiColumn: Column = {
  takes: () => true,
  async ask({ url, secret, headers, fetch }, { model, prompt, tools, stream }) {
    const google = new GoogleGenAI({ apiKey: secret, httpOptions: { baseUrl: url, headers, fetch, timeout: 30_000 } });
    const functionDeclarations = tools.map((name) => ({ name, description: "x", parametersJsonSchema: { type: "object", properties: {}, additionalProperties: true } }));
    const request = { model, contents: prompt, config: { thinkingConfig: { includeThoughts: true }, ...(tools.length > 0 && { tools: [{ functionDeclarations }] }) } };
    const read = nothingRead();
    if (!stream) add(read, await google.models.generateContent(request));
    else for await (const piece of await google.models.generateContentStream(request)) add(read, piece);
    return read;
  },
  grammar,
  errorShape(body) {
    const { error } = (body ?? {}) as { error?: { code?: unknown; message?: unknown; status?: unknown } };
    return typeof error?.code === "number" && typeof error.message === "string" && statuses.has(String(error.status));
  },
  schema: { spec: "gemini", whole: "GenerateContentResponse", event: "GenerateContentResponse" },
  finishes: { stop: ["STOP"], tool_calls: ["STOP"], length: ["MAX_TOKENS"], content_filter: ["SAFETY"] },
  narrowed: ["refusal is text", "no finish for calls", "no ids", "writes are input", "input wrapped"],
};
