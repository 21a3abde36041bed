/** Writes a whole chat completion. https://platform.openai.com/docs/api-reference/chat/object */
import { seal, textOf, type ChatResponse, type Choice, type Loss, type Part, type ReasoningPart, type TextPart, type TokenLogprob, type ToolCallPart } from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import type { Detail } from "./reasoning.ts";
import { isPicture, renderCitation, renderFile, renderLogprobs, signed } from "./render-parts.ts";
import { openaiWording, type Wording } from "./wording.ts";

/** A block that only signs the part behind it. */
export const signsOnly = (part: Part | undefined): part is ReasoningPart & { signature: string } =>
  part?.type === "reasoning" && part.texts.length === 0 && part.signature !== undefined && part.encrypted === undefined;

/** A tool call of a message. */
export function renderCall({ id, name, input, custom }: ToolCallPart, signature?: string): Record<string, unknown> {
  return custom
    ? { id, type: "custom", custom: { name, input }, ...signed(signature) }
    : { id, type: "function", function: { name, arguments: input }, ...signed(signature) };
}

const isText = (part: Part): part is TextPart => part.type === "text" && !part.refusal;
const isRefusal = (part: Part): part is TextPart => part.type === "text" && part.refusal === true;
const joined = (texts: readonly TextPart[]): string | null => (texts.length === 0 ? null : texts.map(({ text }) => text).join(""));
const tokensOf = (texts: readonly TextPart[]): TokenLogprob[] => texts.flatMap(({ logprobs = [] }) => logprobs);

function renderAnnotations(texts: readonly TextPart[], losses: Set<Loss>): unknown[] {
  const annotations: unknown[] = [];
  let offset = 0;
  for (const { text, citations = [] } of texts) {
    for (const citation of citations) {
      const annotation = renderCitation(citation, offset, text.length);
      if (annotation === undefined) losses.add("citations");
      else annotations.push(annotation);
    }
    offset += text.length;
  }
  return annotations;
}

function renderReasoning(parts: readonly Part[], wording: Wording): Record<string, unknown> {
  const place = { chars: 0, calls: 0 };
  let pictures = 0;
  const texts: string[] = [];
  const details: Detail[][] = [];
  parts.forEach((part, index) => {
    if (isText(part)) place.chars += part.text.length;
    if (part.type === "tool-call") place.calls += 1;
    if (isPicture(part)) pictures += 1;
    if (part.type !== "reasoning" || (signsOnly(part) && parts[index + 1]?.type === "tool-call")) return;
    texts.push(textOf(part));
    details.push(wording.details(part, details.length, signsOnly(part) && isPicture(parts[index + 1]) ? { ...place, picture: pictures } : place));
  });
  return wording.thoughts(texts.join(""), details.flat());
}

function renderMessage(parts: readonly Part[], { nowS }: RenderContext, wording: Wording, losses: Set<Loss>): Record<string, unknown> {
  const texts = parts.filter(isText);
  const annotations = renderAnnotations(texts, losses);
  const calls = parts.flatMap((part, index) => {
    const before = parts[index - 1];
    return part.type === "tool-call" ? [renderCall(part, signsOnly(before) ? seal(before) : undefined)] : [];
  });
  const message: Record<string, unknown> = { role: "assistant", content: joined(texts), refusal: joined(parts.filter(isRefusal)), ...renderReasoning(parts, wording) };
  const images: unknown[] = [];
  for (const part of parts) {
    if (part.type === "opaque") losses.add("provider_content");
    if (part.type !== "file") continue;
    const file = renderFile(part, nowS);
    if (!file) losses.add("provider_content");
    images.push(...(file?.images ?? []));
    if (file?.audio) message.audio = file.audio;
  }
  const isEmpty = calls.length === 0 && images.length === 0 && !message.audio && message.refusal === null;
  if (message.content === null && isEmpty) message.content = "";
  return { ...message, ...(images.length > 0 && { images }), ...(annotations.length > 0 && { annotations }), ...(calls.length > 0 && { tool_calls: calls }) };
}

/** `{content, refusal}` or null where no token was measured. */
export function logprobsOf(parts: readonly Part[]): unknown {
  const content = tokensOf(parts.filter(isText));
  const refusal = tokensOf(parts.filter(isRefusal));
  if (content.length + refusal.length === 0) return null;
  return { content: content.length > 0 ? renderLogprobs(content) : null, refusal: refusal.length > 0 ? renderLogprobs(refusal) : null };
}

/** An answer as `chat.completion`, as JSON text. */
export function renderResponse(response: ChatResponse, context: RenderContext, wording = openaiWording): { body: string; losses: Loss[] } {
  const losses = new Set<Loss>();
  const renderChoice = ({ parts, finish }: Choice, index: number): unknown => ({
    index,
    message: renderMessage(parts, context, wording, losses),
    logprobs: logprobsOf(parts),
    ...wording.finish(finish),
  });
  const { choices, usage } = response;
  const body = JSON.stringify({
    ...wording.head("chat.completion", response, context), choices: choices.map(renderChoice), ...(usage && { usage: wording.usage(usage, context) }), ...wording.beside?.(context),
  });
  return { body, losses: [...losses] };
}
