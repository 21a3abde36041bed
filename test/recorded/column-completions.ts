/** The legacy completions client: `/v1/completions` by OpenAI's SDK, text in and text out. */
import OpenAI from "openai";
import { nothingRead, objectIn, type Answer, type Column, type Frame } from "./column.ts";

type Chunk = { id?: unknown; object?: unknown; created?: unknown; model?: unknown; choices?: { index?: number; text?: unknown; finish_reason?: unknown }[]; usage?: unknown; error?: unknown };

/** Features of exchanges in which something else than text is asked or answered. */
const beyondText = /^(tool|server_tools|stateful|code_execution|(image|document|audio)_|block_|item_)/;

function count(read: Answer, usage: OpenAI.CompletionUsage | null | undefined): void {
  if (!usage) return;
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total, prompt_tokens_details: before, completion_tokens_details: after } = usage;
  read.usage = {
    input, output, total, cached: before?.cached_tokens ?? 0, cache_write: before?.cache_write_tokens ?? 0, reasoning: after?.reasoning_tokens ?? 0,
    audio_in: before?.audio_tokens ?? 0, audio_out: after?.audio_tokens ?? 0,
  };
}

/** Adds what the first choice of an answer, or of a piece of it, says. */
function add(read: Answer, { choices, usage }: OpenAI.Completion): void {
  for (const { index, text, finish_reason: finish } of choices) {
    if (index !== 0) continue;
    read.text += text;
    read.finish = finish ?? read.finish;
  }
  count(read, usage);
}

/** Chunks of one head, texts in them, one finish, one count where it was told, and `[DONE]` at the very end. */
function grammar(frames: readonly Frame[], counted: boolean): string[] {
  const done = frames.filter(({ data }) => data.trim() === "[DONE]").length;
  const chunks = frames.filter(({ data }) => data.trim() !== "[DONE]").map(objectIn<Chunk>);
  const choices = chunks.flatMap((chunk) => chunk?.choices ?? []).filter(({ index }) => index === 0);
  const finished = choices.filter(({ finish_reason: finish }) => finish).length;
  const counts = chunks.filter((chunk) => chunk?.usage).length;
  const faults: Record<string, boolean> = {
    "no events": frames.length === 0,
    "last event without a blank line": frames.at(-1)?.unterminated === true,
    [`[DONE] x${done}`]: done !== 1,
    "something behind [DONE]": done === 1 && frames.at(-1)!.data.trim() !== "[DONE]",
    "a chunk is not JSON": chunks.includes(undefined),
    "a chunk is an error": chunks.some((chunk) => chunk?.error !== undefined),
    "a chunk without its head": chunks.some((chunk) => chunk?.object !== "text_completion" || !chunk.id || typeof chunk.created !== "number" || typeof chunk.model !== "string"),
    "the id changes": new Set(chunks.map((chunk) => chunk?.id)).size > 1,
    "no choices": chunks.some((chunk) => !Array.isArray(chunk?.choices)),
    "a text is none": choices.some(({ text }) => typeof text !== "string"),
    [`finish_reason x${finished}`]: finished !== 1,
    "text behind the finish": choices.findIndex(({ finish_reason: finish }) => finish) < choices.length - 1,
    [`usage x${counts}`]: counts !== (counted ? 1 : counts),
  };
  return Object.keys(faults).filter((fault) => faults[fault]);
}

export const completionsColumn: Column = {
  takes: ({ features }) => !features.some((feature) => beyondText.test(feature)),
  async ask({ url, secret, headers, fetch }, { model, prompt, stream }) {
    const openai = new OpenAI({ apiKey: secret, baseURL: `${url}/v1`, maxRetries: 0, timeout: 30_000, fetch, defaultHeaders: headers });
    const read = nothingRead();
    if (!stream) add(read, await openai.completions.create({ model, prompt }));
    else for await (const piece of await openai.completions.create({ model, prompt, stream: true, stream_options: { include_usage: true } })) add(read, piece);
    return read;
  },
  grammar,
  errorShape(body) {
    const { error } = (body ?? {}) as { error?: object & { message?: unknown } };
    if (typeof error?.message !== "string") return false;
    return ["type", "code", "param"].every((key) => key in error) || "soft";
  },
  schema: { spec: "openai", whole: "CreateCompletionResponse" },
  finishes: { stop: ["stop"], tool_calls: ["stop"], length: ["length"], content_filter: ["content_filter"] },
  narrowed: ["refusal is text", "no reasoning"],
};
