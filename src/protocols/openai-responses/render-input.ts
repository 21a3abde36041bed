/** Writes a conversation's turns as input items. https://platform.openai.com/docs/api-reference/responses/create */
import {
  defined, isFrom, type ChatRequest, type FilePart, type Loss, type OpaquePart, type Part, type ReasoningPart, type TextPart,
  type ToolCallPart, type ToolResultPart, type Turn,
} from "../../chat/index.ts";
import { renderDetail } from "../detail.ts";
import { lastMarked, renderBreakpoint, takesBreakpoints } from "../openai-breakpoints.ts";
import type { Target } from "../protocol.ts";
import { formatOf } from "./render-items.ts";
import { argumentsOf, protocolId, type Json } from "./words.ts";

/** Protocols whose clients name files by the ids that OpenAI gave them. */
const ownFileIds = new Set([protocolId, "openai-chat"]);

type Scene = {
  readonly target: Target;
  readonly lose: (loss: Loss) => void;
  /** Ids of calls whose input is free text. */
  readonly custom: ReadonlySet<string>;
  readonly fileIds: boolean;
  /** The model takes breakpoints of the prompt cache. */
  readonly breaks: boolean;
};

/** `instructions` and `input` of a request. `holdsReasoning`: some item is the target's own, encrypted. */
export function renderInput(request: ChatRequest, target: Target, lose: (loss: Loss) => void): { instructions?: string; input: Json[]; holdsReasoning: boolean } {
  const { turns } = request;
  const breaks = takesBreakpoints(target);
  const leading = turns.findIndex((turn) => !isInstructions(turn));
  const before = leading === -1 ? turns.length : leading;
  // Instructions are one text, which has no breakpoints: those that have some go as messages.
  const split = breaks && turns.slice(0, before).some(({ parts }) => parts.some((part) => (part as TextPart).cache)) ? 0 : before;
  const calls = turns.flatMap(({ parts }) => parts).filter((part) => part.type === "tool-call" && part.custom);
  const custom = new Set(calls.map((part) => (part as ToolCallPart).id));
  const scene: Scene = { target, lose, custom, fileIds: ownFileIds.has(request.rest.protocol), breaks };
  const instructions = turns.slice(0, split).flatMap(({ parts }) => parts as TextPart[]);
  if (instructions.some(({ cache }) => cache)) lose("cache_breakpoint");
  const input = turns.slice(split).flatMap((turn) => itemsOf(turn, scene));
  const last = turns.at(-1);
  if (request.rest.protocol !== protocolId && last?.role === "assistant" && last.parts.at(-1)?.type === "text") lose("assistant_prefill");
  return {
    ...(instructions.length > 0 && { instructions: instructions.map(({ text }) => text).join("\n\n") }),
    input,
    holdsReasoning: input.some(({ type, encrypted_content }) => type === "reasoning" && typeof encrypted_content === "string"),
  };
}

const isInstructions = ({ role, parts }: Turn): boolean => role === "system" && parts.every(({ type }) => type === "text");

/** Items of one turn: what a message can hold is gathered, everything else is an item of its own, in the order of the parts. */
function itemsOf({ role, parts, name }: Turn, scene: Scene): Json[] {
  if (name !== undefined) scene.lose("message_name");
  const items: Json[] = [];
  let content: Json[] = [];
  const flush = (): void => {
    if (content.length > 0) items.push({ type: "message", role: role === "tool" ? "user" : role, content: contentOf(content) });
    content = [];
  };
  for (const part of parts) {
    if (role !== "assistant" && (part.type === "text" || part.type === "file")) content.push(...contentPart(part, scene));
    else {
      if (part.type !== "tool-result" && "cache" in part && part.cache) scene.lose("cache_breakpoint");
      flush();
      items.push(...itemOf(part, scene, items.length));
    }
  }
  flush();
  return items;
}

/** One plain text is written as a string: every look-alike reads that. */
const contentOf = (content: Json[]): string | Json[] => (content.length === 1 && content[0]!.type === "input_text" && !content[0]!.prompt_cache_breakpoint ? (content[0]!.text as string) : content);

function contentPart(part: TextPart | FilePart, scene: Scene): Json[] {
  const written = part.type === "text" ? { type: "input_text", text: part.text } : renderFile(part, scene);
  return written ? [{ ...written, ...renderBreakpoint(part.cache, scene.breaks, scene.lose) }] : [];
}

function itemOf(part: Part, scene: Scene, index: number): Json[] {
  switch (part.type) {
    case "text": return [answerText(part, scene, index)];
    case "reasoning": return renderReasoning(part, scene);
    case "tool-call": return [renderCall(part)];
    case "tool-result": return [renderResult(part, scene)];
    case "opaque": return renderOpaque(part, scene);
    case "file": return answerFile(part, scene);
  }
}

/** What the model said before. A plain text goes as an easy message, the only form without an id. */
function answerText({ text, refusal, citations, logprobs }: TextPart, { lose }: Scene, index: number): Json {
  if (logprobs) lose("logprobs");
  const own = citations?.filter(({ raw }) => raw.protocol === protocolId) ?? [];
  if (own.length < (citations?.length ?? 0)) lose("citations");
  const plain = !refusal && own.length === 0;
  if (plain) return { type: "message", role: "assistant", content: text };
  const annotations = own.map(({ raw }) => raw.value);
  const content = refusal ? { type: "refusal", refusal: text } : { type: "output_text", text, annotations, logprobs: [] };
  return { type: "message", id: `msg_${index}`, role: "assistant", status: "completed", content: [content] };
}

/** Only encrypted thoughts, and open ones of a provider that shows them, mean something to a provider that stored nothing. */
function renderReasoning({ texts, summarised, encrypted, id, origin }: ReasoningPart, { target, lose }: Scene): Json[] {
  const open = texts.length > 0 && !summarised;
  if (!isFrom(origin, target.origin) || (encrypted === undefined && !open)) {
    lose("reasoning");
    return [];
  }
  const summary = open ? [] : texts.map((text) => ({ type: "summary_text", text }));
  const content = open ? texts.map((text) => ({ type: "reasoning_text", text })) : undefined;
  return [{ type: "reasoning", ...defined({ id, summary, content, encrypted_content: encrypted }) }];
}

function renderCall({ id, name, namespace, input, custom, search }: ToolCallPart): Json {
  if (search) return { type: "tool_search_call", call_id: id, status: "completed", execution: "client", arguments: argumentsOf(input) };
  const head = { call_id: id, name, ...defined({ namespace }) };
  return custom ? { type: "custom_tool_call", ...head, input } : { type: "function_call", ...head, arguments: input || "{}" };
}

function renderResult({ id, content, isError, custom, cache }: ToolResultPart, scene: Scene): Json {
  const marked = lastMarked(content, scene.breaks ? cache : undefined);
  if (cache && (!scene.breaks || !marked)) scene.lose("cache_breakpoint");
  if (isError) scene.lose("tool_result_error");
  const found = content.find((part) => part.type === "opaque" && part.tools !== undefined) as OpaquePart | undefined;
  if (found) return { type: "tool_search_output", call_id: id, status: "completed", execution: "client", tools: found.value };
  const parts = (marked ?? content).flatMap((part): Json[] => {
    if (part.type === "opaque" && part.cache) scene.lose("cache_breakpoint");
    if (part.type === "opaque") return renderOpaque(part, scene);
    return contentPart(part, scene);
  });
  const told = isError && !parts.some(({ text }) => typeof text === "string" && /error/i.test(text)) ? withError(parts) : parts;
  const output = told.length === 0 ? "" : contentOf(told);
  return { type: custom || scene.custom.has(id) ? "custom_tool_call_output" : "function_call_output", call_id: id, output };
}

const withError = ([first, ...others]: Json[]): Json[] =>
  first?.type === "input_text" ? [{ ...first, text: `Error: ${first.text as string}` }, ...others] : [{ type: "input_text", text: "Error" }, ...(first ? [first] : []), ...others];

function renderOpaque({ protocol, value }: OpaquePart, { lose }: Scene): Json[] {
  if (protocol === protocolId) return [value as Json];
  lose("provider_content");
  return [];
}

/** A file of a user or a tool as a content part; undefined where there is no word for it. */
function renderFile(part: FilePart, { lose, fileIds }: Scene): Json | undefined {
  const { kind, data, mediaType, filename, title, context, cite } = part;
  if (kind === "audio" || kind === "video") return lost(lose, kind);
  if ("fileId" in data && !fileIds) return lost(lose, "uploaded_file");
  if (title !== undefined || context !== undefined || cite || (filename !== undefined && !("base64" in data))) lose("document_metadata");
  if ("text" in data) return { type: "input_text", text: data.text };
  if (kind === "image") {
    const source = "fileId" in data ? { file_id: data.fileId } : { image_url: "url" in data ? data.url : dataUrl(data.base64, mediaType ?? "image/png") };
    return { type: "input_image", ...renderDetail({ ...part, detail: part.detail ?? "auto" }, lose, imageDetails), ...source };
  }
  const detail = renderDetail(part, lose);
  if ("fileId" in data) return { type: "input_file", ...detail, file_id: data.fileId };
  if ("url" in data) return { type: "input_file", ...detail, file_url: data.url };
  const type = mediaType ?? "application/pdf";
  return { type: "input_file", ...detail, filename: filename ?? title ?? (type === "application/pdf" ? "document.pdf" : "document"), file_data: dataUrl(data.base64, type) };
}

const imageDetails = ["auto", "low", "high", "original"];
const dataUrl = (base64: string, mediaType: string): string => `data:${mediaType};base64,${base64}`;

/** A file that the model made. Only a picture that came from here has its item. */
function answerFile({ kind, data, mediaType, id, transcript, raw }: FilePart, { lose }: Scene): Json[] {
  if (raw?.protocol === protocolId) return [raw.value as Json];
  if (kind === "image" && "base64" in data && id !== undefined) return [{ type: "image_generation_call", id, status: "completed", ...defined({ output_format: formatOf(mediaType) }), result: data.base64 }];
  lose("model_media");
  return transcript === undefined ? [] : [{ type: "message", role: "assistant", content: transcript }];
}

function lost(lose: (loss: Loss) => void, loss: Loss): undefined {
  lose(loss);
}
