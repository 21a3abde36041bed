/** Turns the events of an answer into output items, telling on the way what a stream has to say of each. */
import { defined, type ChatEvent, type Loss, type ReasoningPart } from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import {
  annotationOf, callItem, callPrefix, itemId, logprobsOf, messageItem, reasoningItem, refusalContent, textContent, wholeItem,
  type Called, type Status,
} from "./render-items.ts";
import { protocolId, type Json } from "./words.ts";

type Told<T extends ChatEvent["type"]> = Extract<ChatEvent, { type: T }>;
/** An event of the stream: its type behind `response.`, and its fields without `sequence_number`. */
export type Say = (type: string, fields: Json) => void;

type Message = { kind: "message"; id: string; content: Json[] };
type Text = { refusal: boolean; text: string; annotations: Json[]; logprobs: Json[] };
type Thought = { kind: "reasoning"; id: string; told: Pick<ReasoningPart, "origin" | "id" | "summarised">; texts: string[] };
type Call = { kind: "call"; id: string; call: Called };

/** Texts that follow each other are one message; every other part is an item. Only the first of several answers is told. */
export class ItemWriter {
  /** The items that are done. */
  readonly output: Json[] = [];
  readonly losses = new Set<Loss>();
  private readonly context: RenderContext;
  private readonly say: Say;
  private item: Message | Thought | Call | undefined;
  private part: Text | undefined;

  constructor(context: RenderContext, say: Say) {
    this.context = context;
    this.say = say;
  }

  push(event: ChatEvent): void {
    if ("choice" in event && event.choice > 0) return void this.losses.add("choices");
    (this.writers[event.type] as ((event: ChatEvent) => void) | undefined)?.(event);
  }

  /** Ends what is open. `status`: of an item that was still being written. */
  close(status: Status): void {
    const { item } = this;
    if (item?.kind === "message") this.closeMessage(item, status);
    else if (item?.kind === "reasoning") this.closeReasoning(item, status);
    else if (item?.kind === "call") this.closeCall(item, status);
  }

  private readonly writers: { [T in ChatEvent["type"]]?: (event: Told<T>) => void } = {
    "text-start": ({ refusal }) => this.openText(refusal === true),
    "text-delta": ({ text, logprobs }) => this.text(text, logprobsOf(logprobs)),
    "text-citation": ({ citation }) => this.cite(citation),
    "text-end": () => this.closeText(),
    "reasoning-start": ({ id, origin, summarised }) => {
      const own = origin.protocol === protocolId ? id : undefined;
      this.item = this.begin("rs", (made) => ({ kind: "reasoning", id: own ?? made, told: { origin, ...defined({ id, summarised }) }, texts: [] }), (made) => reasoningItem(own ?? made, [], "in_progress"));
    },
    "reasoning-delta": ({ text, paragraph }) => this.think(text, paragraph),
    "reasoning-end": ({ signature, encrypted }) => this.endReasoning({ signature, encrypted }),
    "tool-call-start": (event) => this.openCall(event),
    "tool-call-delta": ({ input }) => this.input(input),
    "tool-call-end": () => this.item?.kind === "call" && this.closeCall(this.item, "completed"),
    part: ({ part }) => {
      this.close("completed");
      const item = wholeItem(part, itemId("ig", this.context.requestId, this.index));
      if (item === undefined) return void this.losses.add(part.type === "opaque" ? "provider_content" : part.kind);
      this.say("output_item.added", { output_index: this.index, item });
      this.done(item);
    },
  };

  private get index(): number {
    return this.output.length;
  }

  private begin<I>(prefix: string, itemOf: (id: string) => I, shown: (id: string) => Json): I {
    this.close("completed");
    const id = itemId(prefix, this.context.requestId, this.index);
    this.say("output_item.added", { output_index: this.index, item: shown(id) });
    return itemOf(id);
  }

  private done(item: Json): void {
    this.say("output_item.done", { output_index: this.index, item });
    this.output.push(item);
    this.item = undefined;
  }

  private openText(refusal: boolean): void {
    this.closeText();
    if (this.item?.kind !== "message") {
      this.item = this.begin("msg", (id) => ({ kind: "message", id, content: [] }), (id) => messageItem(id, [], "in_progress"));
    }
    this.part = { refusal, text: "", annotations: [], logprobs: [] };
    this.say("content_part.added", { ...this.placeOfText(), part: contentOf(this.part) });
  }

  private placeOfText(): Json {
    const { id, content } = this.item as Message;
    return { item_id: id, output_index: this.index, content_index: content.length };
  }

  private text(text: string, logprobs: Json[]): void {
    const { part } = this;
    if (!part || (text === "" && logprobs.length === 0)) return;
    part.text += text;
    part.logprobs.push(...logprobs);
    if (part.refusal && logprobs.length > 0) this.losses.add("logprobs");
    if (part.refusal) this.say("refusal.delta", { ...this.placeOfText(), delta: text });
    else this.say("output_text.delta", { ...this.placeOfText(), delta: text, logprobs });
  }

  private cite(citation: Told<"text-citation">["citation"]): void {
    const { part } = this;
    const annotation = part && annotationOf(citation, part.text);
    if (!part || !annotation || part.refusal) return void this.losses.add("citations");
    this.say("output_text.annotation.added", { ...this.placeOfText(), annotation_index: part.annotations.length, annotation });
    part.annotations.push(annotation);
  }

  private closeText(): void {
    const { part } = this;
    if (!part || this.item?.kind !== "message") return;
    const content = contentOf(part);
    if (part.refusal) this.say("refusal.done", { ...this.placeOfText(), refusal: part.text });
    else this.say("output_text.done", { ...this.placeOfText(), text: part.text, logprobs: part.logprobs });
    this.say("content_part.done", { ...this.placeOfText(), part: content });
    this.item.content.push(content);
    this.part = undefined;
  }

  private closeMessage(item: Message, status: Status): void {
    this.closeText();
    this.done(messageItem(item.id, item.content, status));
  }

  private placeOfThought(item: Thought, summary_index: number): Json {
    return { item_id: item.id, output_index: this.index, summary_index };
  }

  private think(text: string, paragraph: number): void {
    const { item } = this;
    if (item?.kind !== "reasoning") return;
    while (item.texts.length <= paragraph) {
      this.endParagraph(item);
      item.texts.push("");
      this.say("reasoning_summary_part.added", { ...this.placeOfThought(item, item.texts.length - 1), part: { type: "summary_text", text: "" } });
    }
    if (text === "") return;
    item.texts[paragraph] += text;
    this.say("reasoning_summary_text.delta", { ...this.placeOfThought(item, paragraph), delta: text });
  }

  private endParagraph(item: Thought): void {
    const last = item.texts.length - 1;
    if (last < 0) return;
    const text = item.texts[last]!;
    this.say("reasoning_summary_text.done", { ...this.placeOfThought(item, last), text });
    this.say("reasoning_summary_part.done", { ...this.placeOfThought(item, last), part: { type: "summary_text", text } });
  }

  private endReasoning(secret: { signature?: string; encrypted?: string }): void {
    const { item } = this;
    if (item?.kind === "reasoning") this.closeReasoning(item, "completed", { ...item.told, ...defined(secret) });
  }

  private closeReasoning(item: Thought, status: Status, whole?: Omit<ReasoningPart, "type" | "texts">): void {
    this.endParagraph(item);
    this.done(reasoningItem(item.id, item.texts, status, whole));
  }

  private openCall(event: Told<"tool-call-start">): void {
    const call = { ...event, input: "" };
    this.item = this.begin(callPrefix(call), (id) => ({ kind: "call", id, call }), (id) => callItem(id, call, "in_progress"));
  }

  private input(delta: string): void {
    const { item } = this;
    if (item?.kind !== "call" || delta === "") return;
    item.call.input += delta;
    this.sayInput(item, "delta", { delta });
  }

  /** A search comes whole, in its item. */
  private sayInput({ id, call: { custom, search } }: Call, what: "delta" | "done", fields: Json): void {
    if (!search) this.say(`${custom ? "custom_tool_call_input" : "function_call_arguments"}.${what}`, { item_id: id, output_index: this.index, ...fields });
  }

  private closeCall(item: Call, status: Status): void {
    const { id, call } = item;
    if (call.input === "" && status === "completed" && !call.custom) this.input("{}");
    const { name, input, custom } = call;
    this.sayInput(item, "done", custom ? { input } : { name, arguments: input });
    this.done(callItem(id, call, status));
  }
}

const contentOf = ({ refusal, text, annotations, logprobs }: Text): Json => (refusal ? refusalContent(text) : textContent(text, [...annotations], [...logprobs]));
