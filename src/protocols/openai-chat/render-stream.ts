/** Writes chat completion chunks. https://platform.openai.com/docs/api-reference/chat-streaming */
import { seal, type ChatEvent, type ReasoningPart, type Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { RenderContext, StreamRenderer } from "../protocol.ts";
import { isPicture, renderCitation, renderFile, renderLogprobs, signed } from "./render-parts.ts";
import { signsOnly } from "./render-response.ts";
import { openaiWording, type Head, type Wording } from "./wording.ts";

type Json = Record<string, unknown>;

/**
 * One answer's state. `written`: characters of content before the open text, `length`: of the open text. Every list of a delta has an
 * `index` in its entries, counted through the answer: without it the vendor's Python SDK throws at a list's second delta.
 */
type Answer = {
  hasRole: boolean; calls: number; custom: boolean; refusal: boolean; written: number; length: number; blocks: number; images: number; citations: number; reasoning?: ReasoningPart;
};

type Write<T extends ChatEvent["type"]> = (event: Extract<ChatEvent, { type: T }>, answer: Answer) => string;
type Placed = Exclude<ChatEvent["type"], "start" | "usage" | "error" | "end">;

export class ChunkRenderer implements StreamRenderer {
  private readonly context: RenderContext;
  private readonly wording: Wording;
  private readonly answers = new Map<number, Answer>();
  private told: Head = {};
  /** The head as every chunk begins with it. */
  private opening = "";
  private usage: Usage | undefined;

  constructor(context: RenderContext, wording = openaiWording) {
    this.context = context;
    this.wording = wording;
  }

  private get head(): Json {
    return this.wording.head("chat.completion.chunk", this.told, this.context);
  }

  push(event: ChatEvent): string {
    if (event.type === "start") {
      const { id, model, createdAtS, serviceTier } = event;
      this.told = { ...this.told, ...(id && { id }), ...(model && { model }), ...(createdAtS && { createdAtS }), ...(serviceTier && { serviceTier }) };
      this.opening = "";
      return "";
    }
    if (event.type === "usage") this.usage = event.usage;
    if (!("choice" in event)) return "";
    return (this.writes[event.type] as (event: ChatEvent, answer: Answer) => string)(event, this.answerAt(event.choice));
  }

  end(): string {
    const { usage } = this;
    const last = { ...(usage && this.context.request.streamUsage && { usage: this.wording.usage(usage, this.context) }), ...this.wording.beside?.(this.context) };
    const counted = Object.keys(last).length > 0 ? this.frame({ choices: [], ...last }) : "";
    return `${counted}data: [DONE]\n\n`;
  }

  fail(error: GatewayError): string {
    return this.wording.fail(error, this.head);
  }

  private readonly writes: { [T in Placed]: Write<T> } = {
    "text-start": ({ choice, refusal }, answer) => {
      answer.refusal = refusal === true;
      answer.length = 0;
      return this.flush(choice, answer);
    },
    "text-delta": ({ choice, text, logprobs }, answer) => {
      if (!answer.refusal) answer.length += text.length;
      const tokens = logprobs && renderLogprobs(logprobs);
      const measured = tokens && { logprobs: answer.refusal ? { content: null, refusal: tokens } : { content: tokens, refusal: null } };
      return text === "" && !tokens ? "" : this.delta(choice, { [answer.refusal ? "refusal" : "content"]: text }, measured);
    },
    "text-citation": ({ choice, citation }, answer) => {
      const annotation = renderCitation(citation, answer.written, answer.length);
      return annotation === undefined ? "" : this.delta(choice, { annotations: [{ ...annotation, index: answer.citations++ }] });
    },
    "text-end": (_, answer) => {
      answer.written += answer.length;
      answer.length = 0;
      return "";
    },
    "reasoning-start": ({ choice, origin, id, summarised }, answer) => {
      const flushed = this.flush(choice, answer);
      answer.reasoning = { type: "reasoning", texts: [], origin, ...(id && { id }), ...(summarised && { summarised }) };
      return flushed;
    },
    "reasoning-delta": ({ choice, text, paragraph }, { reasoning, blocks }) => {
      if (!reasoning) return "";
      const gap = paragraph > 0 && reasoning.texts[paragraph] === undefined ? "\n\n" : "";
      while (reasoning.texts.length <= paragraph) reasoning.texts.push("");
      reasoning.texts[paragraph] += text;
      return text === "" ? "" : this.delta(choice, this.wording.thought(gap + text, reasoning, blocks));
    },
    "reasoning-end": ({ choice, signature, encrypted }, answer) => {
      const { reasoning } = answer;
      if (!reasoning) return "";
      Object.assign(reasoning, signature !== undefined && { signature }, encrypted !== undefined && { encrypted });
      return signsOnly(reasoning) ? "" : this.flush(choice, answer);
    },
    "tool-call-start": ({ choice, id, name, custom }, answer) => {
      const { reasoning } = answer;
      const signature = signsOnly(reasoning) ? seal(reasoning) : undefined;
      if (signature !== undefined) delete answer.reasoning;
      const flushed = this.flush(choice, answer);
      answer.custom = custom === true;
      const call = custom ? { type: "custom", custom: { name, input: "" } } : { type: "function", function: { name, arguments: "" } };
      answer.calls += 1;
      return flushed + this.delta(choice, { tool_calls: [{ index: answer.calls - 1, id, ...call, ...signed(signature) }] });
    },
    "tool-call-delta": ({ choice, input }, { calls, custom }) =>
      input === "" ? "" : this.delta(choice, { tool_calls: [{ index: calls - 1, ...(custom ? { custom: { input } } : { function: { arguments: input } }) }] }),
    "tool-call-end": () => "",
    part: ({ choice, part }, answer) => {
      const flushed = this.flush(choice, answer, isPicture(part));
      const file = part.type === "file" ? renderFile(part, this.context.nowS) : undefined;
      const images = file?.images?.map((image) => ({ ...image, index: answer.images++ }));
      return flushed + (file ? this.delta(choice, images ? { images } : file) : "");
    },
    finish: ({ choice, finish }, answer) => this.flush(choice, answer) + this.delta(choice, {}, this.wording.finish(finish)),
  };

  /** Hands out what a client has to give back of a block that has ended. `pictured`: a picture is next. */
  private flush(choice: number, answer: Answer, pictured = false): string {
    const { reasoning } = answer;
    delete answer.reasoning;
    if (!reasoning) return "";
    const details = this.wording.endOfThought(reasoning, answer.blocks, { chars: answer.written, calls: answer.calls, ...(pictured && signsOnly(reasoning) && { picture: answer.images }) });
    answer.blocks += 1;
    return details.length === 0 ? "" : this.delta(choice, { reasoning_details: details });
  }

  private answerAt(choice: number): Answer {
    let answer = this.answers.get(choice);
    if (!answer) this.answers.set(choice, (answer = { hasRole: false, calls: 0, custom: false, refusal: false, written: 0, length: 0, blocks: 0, images: 0, citations: 0 }));
    return answer;
  }

  private delta(index: number, delta: Json, fields: Json = {}): string {
    const answer = this.answerAt(index);
    const role = answer.hasRole ? undefined : { role: "assistant", content: "" };
    answer.hasRole = true;
    return this.frame({ choices: [{ index, delta: { ...role, ...delta }, logprobs: null, finish_reason: null, ...fields }] });
  }

  private frame(fields: Json): string {
    this.opening ||= JSON.stringify(this.head).slice(0, -1);
    return `data: ${this.opening},${JSON.stringify(fields).slice(1)}\n\n`;
  }
}

