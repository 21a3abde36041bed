/** Writes turns as `system` and `messages`. https://docs.anthropic.com/en/api/messages */
import { isFrom, textOf, type CacheBreakpoint, type Part, type TextPart, type ToolResultPart, type Turn } from "../../chat/index.ts";
import type { Target } from "../protocol.ts";
import { ownCitation } from "./render-answer.ts";
import { renderFile, type Lose } from "./render-files.ts";
import { inputObject } from "./render-tool-input.ts";
import { isObject, protocol, toolId, type Json } from "./words.ts";

export type Message = { role: string; content: Json[] };

/** Who gets the request, and whether the client speaks Messages itself. */
export type Towards = { readonly target: Target; readonly own: boolean; readonly lose: Lose };

const isSystem = ({ role }: Turn): boolean => role === "system" || role === "developer";

/** The leading system turns as blocks, and all other turns as messages of alternating roles. The vendor's documents want the user's first. */
export function renderTurns(turns: readonly Turn[], towards: Towards): { system: Json[]; messages: Message[] } {
  const first = turns.findIndex((turn) => !isSystem(turn));
  const border = first < 0 ? turns.length : first;
  const { lose } = towards;
  if (turns.some(({ role }) => role === "developer")) lose("developer_role");
  if (turns.some(({ name }) => name !== undefined)) lose("message_name");
  const system = turns.slice(0, border).flatMap(({ parts }) => parts.flatMap((part) => renderPart(part, towards))).filter(({ type }) => type === "text");
  const messages = join(turns.slice(border).map((turn) => renderTurn(turn, towards)));
  if (messages.length === 0 || (!towards.own && messages[0]!.role !== "user")) messages.unshift({ role: "user", content: [{ type: "text", text: "." }] });
  const last = messages.at(-1);
  if (last?.role === "assistant") trimLast(last);
  return { system, messages };
}

function renderTurn(turn: Turn, towards: Towards): Message {
  const content = turn.parts.flatMap((part) => renderPart(part, towards));
  if (turn.role === "assistant") return { role: "assistant", content: content.filter((block) => sayable(block, towards.lose)) };
  if (!isSystem(turn)) return { role: "user", content };
  if (towards.own) return { role: "system", content };
  towards.lose("system_position");
  return { role: "user", content };
}

/** The vendor takes no pictures or documents from the assistant. */
function sayable({ type }: Json, lose: Lose): boolean {
  if (type !== "image" && type !== "document") return true;
  lose("model_media");
  return false;
}

/** Joins neighbours of one role and drops what says nothing. Within a message, tool results come first. */
function join(messages: readonly Message[]): Message[] {
  const joined: Message[] = [];
  for (const { role, content } of messages) {
    if (content.length === 0) continue;
    const before = joined.at(-1);
    if (before?.role === role) before.content.push(...content);
    else joined.push({ role, content: [...content] });
  }
  const rank = ({ type }: Json): number => (type === "tool_result" ? 0 : 1);
  for (const message of joined) if (message.role === "user") message.content.sort((a, b) => rank(a) - rank(b));
  return joined;
}

/** An answer to go on with may not end in white space. */
function trimLast({ content }: Message): void {
  const last = content.at(-1);
  if (typeof last?.text === "string") last.text = last.text.trimEnd();
}

const cached = (block: Json, cache: CacheBreakpoint | undefined): Json => (cache ? { ...block, cache_control: { type: "ephemeral", ...cache } } : block);

function renderPart(part: Part, towards: Towards): Json[] {
  const renderer = renderers[part.type] as (part: Part, towards: Towards) => Json[];
  return renderer(part, towards);
}

const renderers: { [T in Part["type"]]: (part: Extract<Part, { type: T }>, towards: Towards) => Json[] } = {
  text: renderText,
  reasoning: (part, { target, lose }) => {
    if (!isFrom(part.origin, target.origin)) {
      lose("reasoning");
      return [];
    }
    const { signature, encrypted } = part;
    const thinking = textOf(part);
    if (thinking || signature !== undefined) return [{ type: "thinking", thinking, signature: signature ?? encrypted ?? "" }];
    return encrypted === undefined ? [] : [{ type: "redacted_thinking", data: encrypted }];
  },
  "tool-call": ({ id, name, input, cache }) => [cached({ type: "tool_use", id: toolId(id), name, input: inputObject(input) }, cache)],
  "tool-result": renderToolResult,
  file: (part, { own, lose }) => {
    const block = renderFile(part, own, lose);
    return block ? [cached(block, part.cache)] : [];
  },
  opaque: ({ protocol: whose, value }, { lose }) => {
    if (whose === protocol) return [copied(value as Json)];
    lose("provider_content");
    return [];
  },
};

/** The client's own block, so that its breakpoints and those of blocks in it can be taken out: the request itself stays as it is. */
const copied = (block: Json): Json =>
  Array.isArray(block.content) ? { ...block, content: (block.content as unknown[]).map((one) => (isObject(one) ? copied(one) : one)) } : { ...block };

/** The vendor refuses empty text, and in most places text without a visible character. */
function renderText({ text, citations = [], refusal, cache }: TextPart, { own: kept, lose }: Towards): Json[] {
  if (refusal) lose("refusal");
  const own = citations.map(ownCitation).filter((one) => one !== undefined);
  if (own.length < citations.length) lose("citations");
  return (kept ? text : text.trim()) === "" ? [] : [cached({ type: "text", text, ...(own.length > 0 && { citations: own }) }, cache)];
}

const resultTypes: readonly unknown[] = ["text", "image", "document", "search_result", "tool_reference"];

function renderToolResult({ id, content, isError, cache }: ToolResultPart, towards: Towards): Json[] {
  const lose: Lose = (loss) => towards.lose(loss === "audio" || loss === "video" ? "tool_result_media" : loss);
  const blocks = content.flatMap((part) => renderPart(part, { ...towards, lose })).filter(({ type }) => resultTypes.includes(type));
  const [only] = blocks;
  const plain = blocks.length === 1 && only?.type === "text" && Object.keys(only).length === 2;
  const said = plain ? only.text : blocks;
  return [cached({ type: "tool_result", tool_use_id: toolId(id), ...(blocks.length > 0 && { content: said }), ...(isError && { is_error: true }) }, cache)];
}
