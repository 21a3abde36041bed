/** Writes answers as Atlassian's clients read them. */
import type { ChatEvent, ChatResponse, Finish, Loss, Part, TextPart, ToolCallPart, Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import { objectIn } from "../json.ts";
import type { StreamRenderer } from "../protocol.ts";
import { renderError } from "./error.ts";

/** Why an answer ended, in the words that its models use in practice. */
const finishWords: Readonly<Record<Finish["unified"], string>> = {
  stop: "end_turn", length: "max_tokens", "tool-calls": "tool_use", "content-filter": "refusal", error: "error", other: "end_turn",
};

const isText = (part: Part): part is TextPart => part.type === "text";
const isCall = (part: Part): part is ToolCallPart => part.type === "tool-call";

const renderText = (text: string): object => ({ type: "text", text });
const renderCall = ({ id, name, input }: Pick<ToolCallPart, "id" | "name" | "input">, index: number, parsed: boolean): object =>
  ({ id, type: "function", index, function: { name, arguments: parsed ? (objectIn(input || "{}") ?? input) : input } });
const renderUsage = ({ inputTokens, outputTokens }: Usage): object => ({ input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens });

/** A whole answer as JSON text. Thoughts have no place in it, and are no part of what was asked. */
export function renderResponse({ choices, usage }: ChatResponse, parsed: boolean): { body: string; losses: Loss[] } {
  const losses = choices.flatMap(({ parts }) => parts.flatMap((part): Loss[] => (part.type === "file" || part.type === "opaque" ? ["provider_content"] : isText(part) && part.citations?.length ? ["citations"] : [])));
  const told = choices.map(({ parts, finish }, index) => {
    const calls = parts.filter(isCall).map((call, at) => renderCall(call, at, parsed));
    return {
      index, finish_reason: finishWords[finish.unified],
      message: { role: "assistant", content: parts.filter(isText).map(({ text }) => renderText(text)), ...(calls.length > 0 && { tool_calls: calls }) },
    };
  });
  return { body: JSON.stringify({ choices: told, ...(usage && { usage: renderUsage(usage) }) }), losses: [...new Set(losses)] };
}

/** Its parser reads bytes as they come in, without a care for characters of several: so there are none. */
const line = (value: object): string => `${JSON.stringify(value).replace(/[\u0080-\uffff]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;

/** Writes an answer as one object a line: a piece of text, a whole tool call, and at last how it ended and what it used. */
export class LineRenderer implements StreamRenderer {
  private readonly parsed: boolean;
  private readonly calls = new Map<string, ToolCallPart>();
  private readonly told = new Map<number, number>();
  private readonly finished = new Map<number, Finish>();
  private usage: Usage | undefined;

  constructor(parsed: boolean) {
    this.parsed = parsed;
  }

  push(event: ChatEvent): string {
    switch (event.type) {
      case "text-delta": return event.text === "" ? "" : this.message(event.choice, { content: [renderText(event.text)] });
      case "tool-call-start": {
        this.calls.set(`${event.choice} ${event.at}`, { type: "tool-call", id: event.id, name: event.name, input: "" });
        return "";
      }
      case "tool-call-delta": {
        this.calls.get(`${event.choice} ${event.at}`)!.input += event.input;
        return "";
      }
      case "tool-call-end": return this.call(event.choice, this.calls.get(`${event.choice} ${event.at}`)!);
      case "finish": this.finished.set(event.choice, event.finish); return "";
      case "usage": this.usage = event.usage; return "";
      default: return "";
    }
  }

  end(): string {
    const choices = [...this.finished].map(([index, { unified }]) => ({ index, finish_reason: finishWords[unified], message: { role: "assistant", content: [] } }));
    return line({ choices, ...(this.usage && { usage: renderUsage(this.usage) }) });
  }

  /** An error is a line of its own; that no line says how the answer ended tells its clients that it did not. */
  fail(error: GatewayError): string {
    return line(JSON.parse(renderError(error)) as object);
  }

  private call(choice: number, call: ToolCallPart): string {
    const index = this.told.get(choice) ?? 0;
    this.told.set(choice, index + 1);
    return this.message(choice, { content: [], tool_calls: [renderCall(call, index, this.parsed)] });
  }

  private message(index: number, message: object): string {
    return line({ choices: [{ index, message: { role: "assistant", ...message } }] });
  }
}
