/** Turns the events of an answer into output items, telling on the way what a stream has to say of each. */
import type { ChatEvent, Loss, Origin } from "../../chat/index.ts";
import type { RenderContext } from "../protocol.ts";
import {
  annotationOf, callForm, callItem, itemId, logprobsOf, messageItem, reasoningItem, refusalContent, textContent, unwrapInput, wholeItem,
  type CallForm, type Status,
} from "./render-items.ts";
import { protocolId, type Json } from "./words.ts";

type Told<T extends ChatEvent["type"]> = Extract<ChatEvent, { type: T }>;
/** An event of the stream: its type behind `response.`, and its fields without `sequence_number`. */
export type Say = (type: string, fields: Json) => void;

type Message = { kind: "message"; id: string; content: Json[] };
type Text = { refusal: boolean; text: string; annotations: Json[]; logprobs: Json[] };
type Thought = { kind: "reasoning"; id: string; origin: Origin; texts: string[] };
type Call = { kind: "call"; id: string; form: CallForm; callId: string; name: string; input: string };

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
    "reasoning-start": ({ id, origin }) => {
      const own = origin.protocol === protocolId ? id : undefined;
      this.item = this.begin("rs", (made) => ({ kind: "reasoning", id: own ?? made, origin, texts: [] }), (made) => reasoningItem(own ?? made, [], "in_progress"));
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
    if (item?.kind === "reasoning") this.closeReasoning(item, "completed", { ...secret, origin: item.origin });
  }

  private closeReasoning(item: Thought, status: Status, secret?: { signature?: string; encrypted?: string; origin: Origin }): void {
    this.endParagraph(item);
    this.done(reasoningItem(item.id, item.texts, status, secret));
  }

  private openCall(event: Told<"tool-call-start">): void {
    const form = callForm(event, this.context.request.tools);
    const { id: callId, name } = event;
    this.item = this.begin(form.prefix, (id) => ({ kind: "call", id, form, callId, name, input: "" }), (id) => callItem(id, form, callId, name, "", "in_progress"));
  }

  private input(input: string): void {
    const { item } = this;
    if (item?.kind !== "call") return;
    item.input += input;
    if (!item.form.unwrap) this.sayInput(item, input);
  }

  private sayInput({ id, form }: Call, delta: string): void {
    if (delta !== "") this.say(`${inputEvent(form)}.delta`, { item_id: id, output_index: this.index, delta });
  }

  private closeCall(item: Call, status: Status): void {
    const { id, form, callId, name } = item;
    const whole = status === "completed";
    const input = form.unwrap ? unwrapInput(item.input) : item.input === "" && whole && form.type === "function_call" ? "{}" : item.input;
    if (form.unwrap || item.input === "") this.sayInput(item, input);
    const done = { item_id: id, output_index: this.index };
    this.say(`${inputEvent(form)}.done`, form.type === "function_call" ? { ...done, name, arguments: input } : { ...done, input });
    this.done(callItem(id, form, callId, name, input, status));
  }
}

const inputEvent = ({ type }: CallForm): string => (type === "function_call" ? "function_call_arguments" : "custom_tool_call_input");

const contentOf = ({ refusal, text, annotations, logprobs }: Text): Json => (refusal ? refusalContent(text) : textContent(text, [...annotations], [...logprobs]));
