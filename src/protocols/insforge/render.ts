/** Writes answers as InsForge's AI proxy does. */
import type { ChatEvent, ChatResponse, Citation, Loss, Part, TextPart, ToolCallPart, Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { RenderContext, StreamRenderer } from "../protocol.ts";
import { renderStreamError } from "./error.ts";

const isText = (part: Part): part is TextPart => part.type === "text";
const isCall = (part: Part): part is ToolCallPart => part.type === "tool-call";

const renderUsage = ({ inputTokens, outputTokens }: Usage): object => ({ promptTokens: inputTokens, completionTokens: outputTokens, totalTokens: inputTokens + outputTokens });
const renderCall = ({ id, name, input }: Pick<ToolCallPart, "id" | "name" | "input">): object => ({ id, type: "function", function: { name, arguments: input } });
const renderCitation = ({ url, title, quote, start, end }: Citation, offset: number): object[] =>
  url === undefined ? [] : [{ type: "url_citation", urlCitation: { url, ...(title !== undefined && { title }), ...(quote !== undefined && { content: quote }), ...(start !== undefined && { startIndex: offset + start }), ...(end !== undefined && { endIndex: offset + end }) } }];

const annotationsOf = (texts: readonly TextPart[]): object[] => {
  let offset = 0;
  return texts.flatMap(({ text, citations = [] }) => {
    const told = citations.flatMap((citation) => renderCitation(citation, offset));
    offset += text.length;
    return told;
  });
};

const metadataOf = ({ model, usage }: ChatResponse, { request }: RenderContext): object => ({ model: model ?? request.model, ...(usage && { usage: renderUsage(usage) }) });
const wordsOf = ({ choices }: ChatResponse): Part[] => choices[0]?.parts ?? [];

/** A whole answer as JSON text: the first choice, for there is never another. */
export function renderChat(response: ChatResponse, context: RenderContext): { body: string; losses: Loss[] } {
  const parts = wordsOf(response);
  const texts = parts.filter(isText);
  const [calls, annotations] = [parts.filter(isCall).map(renderCall), annotationsOf(texts)];
  const losses: Loss[] = parts.some(({ type }) => type === "file" || type === "opaque") ? ["provider_content"] : [];
  const body = { text: texts.map(({ text }) => text).join(""), ...(calls.length > 0 && { tool_calls: calls }), ...(annotations.length > 0 && { annotations }), metadata: metadataOf(response, context) };
  return { body: JSON.stringify(body), losses };
}

/** Pictures as it has them: data URLs, or addresses. */
export function renderPictures(response: ChatResponse, context: RenderContext): { body: string; losses: Loss[] } {
  const parts = wordsOf(response);
  const text = parts.filter(isText).map((part) => part.text).join("");
  const images = parts.flatMap((part) => {
    if (part.type !== "file" || part.kind !== "image") return [];
    const { data, mediaType = "image/png" } = part;
    return "base64" in data ? [{ type: "imageUrl", imageUrl: `data:${mediaType};base64,${data.base64}` }] : "url" in data ? [{ type: "imageUrl", imageUrl: data.url }] : [];
  });
  return { body: JSON.stringify({ ...(text !== "" && { text }), images, metadata: metadataOf(response, context) }), losses: [] };
}

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

/** Writes a stream: text as it comes, and when it is whole what it used, its calls, its citations, and that it is done. */
export class EventRenderer implements StreamRenderer {
  private readonly calls = new Map<number, ToolCallPart>();
  private readonly citations: object[] = [];
  private written = 0;
  private partBegan = 0;
  private usage: Usage | undefined;

  push(told: ChatEvent): string {
    if ("choice" in told && told.choice > 0) return "";
    switch (told.type) {
      case "text-start": this.partBegan = this.written; return "";
      case "text-delta": {
        this.written += told.text.length;
        return told.text === "" ? "" : event({ chunk: told.text });
      }
      case "text-citation": this.citations.push(...renderCitation(told.citation, this.partBegan)); return "";
      case "tool-call-start": this.calls.set(told.at, { type: "tool-call", id: told.id, name: told.name, input: "" }); return "";
      case "tool-call-delta": this.calls.get(told.at)!.input += told.input; return "";
      case "usage": this.usage = told.usage; return "";
      default: return "";
    }
  }

  end(): string {
    const calls = [...this.calls.values()].map(renderCall);
    return [
      ...(this.usage ? [{ tokenUsage: renderUsage(this.usage) }] : []), ...(calls.length > 0 ? [{ tool_calls: calls }] : []),
      ...(this.citations.length > 0 ? [{ annotations: this.citations }] : []), { done: true },
    ].map(event).join("");
  }

  fail(error: GatewayError): string {
    return renderStreamError(error);
  }
}
