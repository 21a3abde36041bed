/** Reads Cohere's answers: a stream, and a whole one as the stream that it could have been. https://docs.cohere.com/reference/chat-stream */
import { collect, defined, type ChatEvent, type ChatResponse } from "../../chat/index.ts";
import { objectIn } from "../json.ts";
import type { ParseContext, StreamParser } from "../protocol.ts";
import { citationOf, finishOf, isObject, parseUsage, record, words, type Json } from "./words.ts";

type Kind = "text" | "reasoning" | "tool-call";

/** A block stays open until another begins: citations come behind the end of their text. */
export class CohereStreamParser implements StreamParser {
  private open: Kind | undefined;
  private at = -1;
  /** The open call has said something of its input. */
  private hasInput = false;
  private started = false;
  private over = false;
  private readonly context: ParseContext;

  constructor(context: ParseContext) {
    this.context = context;
  }

  push({ data }: { data: string }): ChatEvent[] {
    if (this.over) return [];
    const event = (objectIn(data) ?? {});
    const type = String(event.type);
    if (!Object.hasOwn(this.readers, type)) {
      const message = words(event.message);
      if (message === undefined || event.type !== undefined) return [];
      this.over = true;
      return [{ type: "error", error: { status: 502, message } }];
    }
    return [...this.start(event), ...this.readers[type]!(record(event.delta))];
  }

  end(): ChatEvent[] {
    return this.over ? [] : this.close();
  }

  private readonly readers: Readonly<Record<string, (delta: Json) => ChatEvent[]>> = {
    "message-start": () => [],
    "content-start": ({ message }) => this.say(record(record(message).content), true),
    "content-delta": ({ message }) => this.say(record(record(message).content), false),
    "tool-plan-delta": ({ message }) => this.say({ thinking: record(message).tool_plan }, false),
    "tool-call-start": ({ message }) => {
      const { id, function: called } = record(record(message).tool_calls);
      const events = this.begin("tool-call", words(id), words(record(called).name));
      return [...events, ...this.input(record(called).arguments)];
    },
    "tool-call-delta": ({ message }) => this.input(record(record(record(message).tool_calls).function).arguments),
    "tool-call-end": () => this.close(),
    "citation-start": ({ message }) =>
      this.open === "text" ? [{ type: "text-citation", at: this.at, choice: 0, citation: citationOf(record(message).citations) }] : [],
    "message-end": ({ finish_reason: reason, usage, error }) => {
      this.over = true;
      const told = parseUsage(usage);
      const failed = words(error);
      return [
        ...this.close(),
        ...(failed === undefined ? [{ type: "finish", choice: 0, finish: finishOf(words(reason) ?? "") } as const] : []),
        ...(told ? [{ type: "usage", usage: told } as const] : []),
        ...(failed === undefined ? [{ type: "end" } as const] : [{ type: "error", error: { status: 502, message: failed } } as const]),
      ];
    },
  };

  private start({ id }: Json): ChatEvent[] {
    if (this.started) return [];
    this.started = true;
    return [{ type: "start", ...defined({ id: words(id) }) }];
  }

  private begin(kind: Kind, id?: string, name = ""): ChatEvent[] {
    const closing = this.close();
    this.open = kind;
    this.hasInput = false;
    this.at += 1;
    const place = { at: this.at, choice: 0 };
    const { origin, idSeed } = this.context;
    const began: Record<Kind, ChatEvent> = {
      text: { type: "text-start", ...place },
      reasoning: { type: "reasoning-start", ...place, origin },
      "tool-call": { type: "tool-call-start", ...place, id: id ?? `call_${idSeed}${this.at}`, name },
    };
    return [...closing, began[kind]];
  }

  private say({ text, thinking }: Json, anew: boolean): ChatEvent[] {
    const kind = thinking === undefined ? "text" : "reasoning";
    const said = words(thinking ?? text) ?? "";
    const began = anew || this.open !== kind ? this.begin(kind) : [];
    const place = { at: this.at, choice: 0 };
    if (said === "") return began;
    return [...began, kind === "text" ? { type: "text-delta", ...place, text: said } : { type: "reasoning-delta", ...place, text: said, paragraph: 0 }];
  }

  private input(value: unknown): ChatEvent[] {
    const input = isObject(value) ? JSON.stringify(value) : words(value);
    if (this.open !== "tool-call" || !input) return [];
    this.hasInput = true;
    return [{ type: "tool-call-delta", at: this.at, choice: 0, input }];
  }

  /** A call without an input has an empty one. */
  private close(): ChatEvent[] {
    if (this.open === undefined) return [];
    const place = { at: this.at, choice: 0 };
    const type = `${this.open}-end` as const;
    this.open = undefined;
    return [...(type === "tool-call-end" && !this.hasInput ? [{ type: "tool-call-delta", ...place, input: "{}" } as const] : []), { type, ...place }];
  }
}

/** Reads a whole answer. */
export function parseResponse(body: unknown, context: ParseContext): ChatResponse {
  const { id, message, finish_reason, usage } = record(body);
  if (!isObject(message)) return { choices: [] };
  const parser = new CohereStreamParser(context);
  const push = (type: string, delta: object = {}): ChatEvent[] => parser.push({ data: JSON.stringify({ type, id, delta }) });
  const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
  const content = typeof message.content === "string" ? [{ type: "text", text: message.content }] : list(message.content);
  return collect([
    ...push("message-start"),
    ...(message.tool_plan ? push("tool-plan-delta", { message: { tool_plan: message.tool_plan } }) : []),
    ...content.flatMap((one) => push("content-start", { message: { content: one } })),
    ...list(message.citations).flatMap((citations) => push("citation-start", { message: { citations } })),
    ...list(message.tool_calls).flatMap((tool_calls) => [...push("tool-call-start", { message: { tool_calls } }), ...push("tool-call-end")]),
    ...push("message-end", { finish_reason, usage }),
  ]);
}
