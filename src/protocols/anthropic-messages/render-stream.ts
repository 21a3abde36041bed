/** Writes an answer as a stream of Messages. https://docs.anthropic.com/en/docs/build-with-claude/streaming */
import { defined, seal, type ChatEvent, type Finish, type ReasoningPart, type Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { RenderContext, StreamRenderer } from "../protocol.ts";
import { renderCost } from "../render-cost.ts";
import { renderStreamError } from "./error.ts";
import { ownCitation, renderFinish, renderHead, renderTier, renderUsage } from "./render-answer.ts";
import { protocol, toolId, type Json } from "./words.ts";

const frame = (event: { type: string } & Json): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

type Of<T extends ChatEvent["type"]> = Extract<ChatEvent, { type: T }>;

/** Blocks open when their first content comes, so none is empty. Only the first answer is written: there is no second in Messages. */
export class MessagesStreamRenderer implements StreamRenderer {
  private started = false;
  private next = 0;
  private open: string | undefined;
  private custom = false;
  private paragraph = 0;
  private thought: ReasoningPart = { type: "reasoning", texts: [], origin: { protocol } };
  private callsTools = false;
  private usage: Usage | undefined;
  private finish: Finish = { unified: "other" };
  private readonly context: RenderContext;

  constructor(context: RenderContext) {
    this.context = context;
  }

  push(event: ChatEvent): string {
    if (event.type === "error" || ("choice" in event && event.choice !== 0)) return "";
    const head = event.type === "start" ? "" : this.start({ type: "start" });
    return head + (this.writers[event.type] as (event: ChatEvent) => string)(event);
  }

  end(): string {
    const head = this.start({ type: "start" }) + this.close();
    return head + frame({ type: "message_delta", delta: renderFinish(this.finish, this.callsTools), usage: { ...renderUsage(this.usage), ...renderCost(this.context) } }) + frame({ type: "message_stop" });
  }

  fail(error: GatewayError): string {
    return renderStreamError(error, this.context.requestId);
  }

  private readonly writers: { [T in ChatEvent["type"]]: (event: Of<T>) => string } = {
    start: (event) => this.start(event),
    "text-start": () => "",
    "text-delta": ({ text }) => (text ? this.block("text", { text: "" }) + this.delta("text_delta", { text }) : ""),
    "text-citation": ({ citation }) => {
      const own = ownCitation(citation);
      return own ? this.block("text", { text: "" }) + this.delta("citations_delta", { citation: own }) : "";
    },
    "text-end": () => this.close(),
    "reasoning-start": ({ origin, id, summarised }) => {
      this.thought = { type: "reasoning", texts: [], origin, ...defined({ id, summarised }) };
      this.paragraph = 0;
      return "";
    },
    "reasoning-delta": ({ text, paragraph }) => this.think(text, paragraph),
    "reasoning-end": ({ signature, encrypted }) => this.sign(signature, encrypted),
    "tool-call-start": ({ id, name, custom = false }) => {
      this.callsTools = true;
      this.custom = custom;
      return this.block("tool_use", { id: toolId(id), name, input: {} }) + (custom ? this.delta("input_json_delta", { partial_json: '{"input":"' }) : "");
    },
    "tool-call-delta": ({ input }) => (input ? this.delta("input_json_delta", { partial_json: this.custom ? JSON.stringify(input).slice(1, -1) : input }) : ""),
    "tool-call-end": () => (this.custom ? this.delta("input_json_delta", { partial_json: '"}' }) : "") + this.close(),
    part: ({ part }) => {
      if (part.type === "opaque") return part.protocol === protocol ? this.whole(part.value as Json) : "";
      return part.transcript ? this.block("text", { text: "" }) + this.delta("text_delta", { text: part.transcript }) + this.close() : "";
    },
    finish: ({ finish }) => {
      this.finish = finish;
      return this.close();
    },
    usage: ({ usage }) => {
      this.usage = usage;
      return "";
    },
    error: () => "",
    end: () => "",
  };

  private start({ id, model, usage, serviceTier }: Omit<Of<"start">, "createdAtS">): string {
    if (this.started) return "";
    this.started = true;
    this.usage = usage;
    const head = renderHead({ ...(id && { id }), ...(model && { model }) }, this.context);
    return frame({ type: "message_start", message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage: { ...renderUsage(usage), ...renderTier(serviceTier) } } });
  }

  /** Opens a block of this kind unless it is the one that is open. */
  private block(type: string, fields: Json): string {
    if (this.open === type) return "";
    const closing = this.close();
    this.open = type;
    return closing + frame({ type: "content_block_start", index: this.next, content_block: { type, ...fields } });
  }

  private delta(type: string, fields: Json): string {
    return this.open === undefined ? "" : frame({ type: "content_block_delta", index: this.next, delta: { type, ...fields } });
  }

  private close(): string {
    if (this.open === undefined) return "";
    this.open = undefined;
    this.next += 1;
    return frame({ type: "content_block_stop", index: this.next - 1 });
  }

  private think(text: string, paragraph: number): string {
    if (text === "" && paragraph === this.paragraph) return "";
    const border = "\n\n".repeat(paragraph - this.paragraph);
    this.paragraph = paragraph;
    const { texts } = this.thought;
    while (texts.length <= paragraph) texts.push("");
    texts[paragraph] += text;
    return this.block("thinking", { thinking: "", signature: "" }) + this.delta("thinking_delta", { thinking: border + text });
  }

  private sign(signature: string | undefined, encrypted: string | undefined): string {
    const sealed = seal({ ...this.thought, ...defined({ signature, encrypted }) });
    if (this.open === "thinking" || signature !== undefined) {
      const opening = this.block("thinking", { thinking: "", signature: "" });
      return opening + this.delta("signature_delta", { signature: sealed }) + this.close();
    }
    return encrypted === undefined ? "" : this.block("redacted_thinking", { data: sealed }) + this.close();
  }

  /** A block that comes whole; one with an input writes that as a delta, as the vendor does. */
  private whole(block: Json): string {
    const { type, ...fields } = block;
    if (!("input" in fields)) return this.block(String(type), fields) + this.close();
    return this.block(String(type), { ...fields, input: {} }) + this.delta("input_json_delta", { partial_json: JSON.stringify(fields.input) }) + this.close();
  }
}
