/** One output item of a Responses stream while it comes in. */
import { defined, type ChatEvent, type Place } from "../../chat/index.ts";
import type { ParseContext } from "../protocol.ts";
import { madeId, partsOf } from "./parse-response.ts";
import { filled, jsonText, number, parseCitation, parseLogprobs, record, records, string, type Json } from "./words.ts";

type Unplaced<E> = E extends Place ? Omit<E, keyof Place> : never;
/** An event that does not know its place yet. */
export type ItemEvent = Unplaced<ChatEvent>;

/** What was said so far of one text: `said` in deltas, `cited` annotations. */
type Said = { said: string; cited: number; logprobs: boolean };

/** Takes an item's events in any of the ways in which servers send them, and says everything once. */
export class StreamItem {
  readonly type: string;
  readonly index: number | undefined;
  id: string | undefined;
  completed = false;
  closed = false;
  private item: Json;
  private readonly place: number;
  private readonly context: ParseContext;
  private pending: ItemEvent[] = [];
  private readonly texts = new Map<string, Said>();
  private open: string | undefined;
  private begun = false;

  /** `index`: the `output_index`, where the wire says it; `place`: how many items began before this one. */
  constructor(item: Json, index: number | undefined, place: number, context: ParseContext) {
    this.item = item;
    this.type = filled(item.type) ?? "message";
    this.index = index;
    this.id = filled(item.id);
    this.place = place;
    this.context = context;
  }

  /** The client has to run it. */
  get called(): boolean {
    return this.type === "function_call" || this.type === "custom_tool_call";
  }

  is(item: Json, index: number | undefined): boolean {
    return index === undefined || this.index === undefined ? this.same(item) : this.index === index;
  }

  /** Whether the two are one item, by what they are called. */
  same({ type, id, call_id }: Json): boolean {
    if (type !== this.type) return false;
    return (this.id !== undefined && this.id === id) || (filled(call_id) !== undefined && this.item.call_id === call_id);
  }

  /** The events that came up since it was asked last. */
  take(): ItemEvent[] {
    const events = this.pending;
    this.pending = [];
    return events;
  }

  read(type: string, event: Json): void {
    if (this.closed) return;
    if (type === "response.output_item.added") this.item = { ...this.item, ...record(event.item) };
    if (type === "response.output_item.done") {
      this.complete(record(event.item));
      return this.close();
    }
    this.readers[type.slice("response.".length)]?.(event);
  }

  /** Says what of the whole item was not said yet. */
  complete(item: Json): void {
    if (this.completed || this.closed) return;
    this.completed = true;
    this.item = { ...this.item, ...item };
    if (this.called) this.input(jsonText(item.arguments ?? item.input), true);
    else if (this.type === "message") this.contents(records(item.content));
    else if (this.type === "reasoning") this.thoughts(item);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    if (this.called) return this.closeCall();
    if (this.type === "message") return this.closeText();
    if (this.type === "reasoning") return this.closeReasoning();
    if (!this.completed) return;
    for (const part of partsOf(this.item, this.context, this.place)) if (part.type === "file" || part.type === "opaque") this.pending.push({ type: "part", part });
  }

  private readonly readers: Record<string, (event: Json) => void> = {
    "output_text.delta": ({ content_index, delta, logprobs }) => this.text(key("text", content_index), string(delta) ?? "", logprobs),
    "refusal.delta": ({ content_index, delta }) => this.text(key("refusal", content_index), string(delta) ?? ""),
    "output_text.annotation.added": ({ content_index, annotation }) => this.cite(key("text", content_index), record(annotation)),
    "output_text.done": ({ content_index, text, logprobs }) => this.rest(key("text", content_index), text, logprobs),
    "refusal.done": ({ content_index, refusal }) => this.rest(key("refusal", content_index), refusal),
    "content_part.done": ({ content_index, part }) => this.type === "message" && this.part(record(part), number(content_index) ?? 0),
    "reasoning_summary_text.delta": ({ summary_index, delta }) => this.think(key("summary", summary_index), string(delta) ?? ""),
    "reasoning_summary_text.done": ({ summary_index, text }) => this.thinkRest(key("summary", summary_index), text),
    "reasoning_text.delta": ({ content_index, delta }) => this.think(key("thought", content_index), string(delta) ?? ""),
    "reasoning_text.done": ({ content_index, text }) => this.thinkRest(key("thought", content_index), text),
    "function_call_arguments.delta": ({ delta }) => this.input(jsonText(delta), false),
    "function_call_arguments.done": (event) => this.input(jsonText(event.arguments), true, event.name),
    "custom_tool_call_input.delta": ({ delta }) => this.input(string(delta), false),
    "custom_tool_call_input.done": ({ input }) => this.input(string(input), true),
  };

  private state(name: string): Said {
    const known = this.texts.get(name);
    if (known) return known;
    const state: Said = { said: "", cited: 0, logprobs: false };
    this.texts.set(name, state);
    return state;
  }

  /** Opens a text, closing the one before; false when it was closed already. */
  private enter(name: string): boolean {
    if (this.open === name) return true;
    if (this.texts.has(name)) return false;
    this.closeText();
    this.open = name;
    this.state(name);
    this.pending.push({ type: "text-start", ...(name.startsWith("refusal") && { refusal: true as const }) });
    return true;
  }

  private text(name: string, text: string, told?: unknown): void {
    const logprobs = parseLogprobs(told);
    if ((text === "" && !logprobs) || !this.enter(name)) return;
    const state = this.state(name);
    state.said += text;
    state.logprobs ||= logprobs !== undefined;
    this.pending.push({ type: "text-delta", text, ...(logprobs && { logprobs }) });
  }

  private cite(name: string, annotation: Json): void {
    if (!this.enter(name)) return;
    this.state(name).cited += 1;
    this.pending.push({ type: "text-citation", citation: parseCitation(annotation) });
  }

  /** The rest of a text of which the whole is known now. */
  private rest(name: string, whole: unknown, logprobs?: unknown): void {
    if (typeof whole !== "string" || !this.enter(name)) return;
    const state = this.state(name);
    this.text(name, unsaid(state.said, whole), state.logprobs ? undefined : logprobs);
  }

  /** vLLM counts a message's content on from the reasoning before it: as many as were streamed are the same ones. */
  private contents(parts: Json[]): void {
    const names = [...this.texts.keys()];
    parts.forEach((part, index) => this.part(part, index, names.length === parts.length ? names[index] : undefined));
  }

  private part(part: Json, index: number, known?: string): void {
    if (part.type === "refusal") return this.rest(known ?? key("refusal", index), part.refusal);
    const name = known ?? key("text", index);
    this.rest(name, part.text, part.logprobs);
    const { cited } = this.texts.get(name) ?? { cited: 0 };
    for (const annotation of records(part.annotations).slice(cited)) this.cite(name, annotation);
  }

  private closeText(): void {
    if (this.open !== undefined) this.pending.push({ type: "text-end" });
    this.open = undefined;
  }

  private beginReasoning(summarised: boolean): void {
    if (this.begun) return;
    this.begun = true;
    const id = filled(this.item.id);
    this.pending.push({ type: "reasoning-start", origin: this.context.origin, ...(id && { id }), ...(summarised && { summarised: true as const }) });
  }

  private think(name: string, text: string): void {
    const known = this.texts.has(name);
    const state = this.state(name);
    if (known && text === "") return;
    this.beginReasoning(name.startsWith("summary"));
    state.said += text;
    this.pending.push({ type: "reasoning-delta", text, paragraph: [...this.texts.keys()].indexOf(name) });
  }

  private thinkRest(name: string, whole: unknown): void {
    if (typeof whole !== "string") return;
    const state = this.texts.get(name);
    if (!state || state.said !== whole) this.think(name, unsaid(state?.said ?? "", whole));
  }

  private thoughts({ summary, content }: Json): void {
    records(summary).forEach(({ text }, index) => this.thinkRest(key("summary", index), text));
    records(content).forEach(({ text }, index) => this.thinkRest(key("thought", index), text));
  }

  private closeReasoning(): void {
    const encrypted = filled(this.item.encrypted_content);
    if (encrypted !== undefined) this.beginReasoning(false);
    if (this.begun) this.pending.push({ type: "reasoning-end", ...(encrypted !== undefined && { encrypted }) });
  }

  /** A piece of a call's input, or, where it is `whole`, what is left of it. Nothing can be said before the call has its name. */
  private input(text: string | undefined, whole: boolean, name?: unknown): void {
    if (filled(this.item.name) === undefined && filled(name)) this.item.name = name;
    const state = this.state("input");
    if (text !== undefined) this.held += whole ? unsaid(state.said + this.held, text) : text;
    if (filled(this.item.name) !== undefined) this.say();
  }

  private held = "";

  private say(): void {
    if (!this.begun) {
      this.begun = true;
      const { call_id, id, name, namespace } = this.item;
      const custom = this.type === "custom_tool_call" ? (true as const) : undefined;
      const callId = filled(call_id) ?? filled(id) ?? madeId(this.context, this.place);
      this.pending.push({ type: "tool-call-start", id: callId, name: string(name) ?? "", ...defined({ namespace: filled(namespace), custom }) });
    }
    if (this.held === "") return;
    this.state("input").said += this.held;
    this.pending.push({ type: "tool-call-delta", input: this.held });
    this.held = "";
  }

  private closeCall(): void {
    if (!this.completed && this.held === "" && this.state("input").said === "") this.input(jsonText(this.item.arguments ?? this.item.input), true);
    if (this.type === "function_call" && this.held === "" && this.state("input").said === "") this.held = "{}";
    this.say();
    this.pending.push({ type: "tool-call-end" });
  }
}

const key = (kind: string, index: unknown): string => `${kind}${number(index) ?? 0}`;

/** What of a whole text was not said; nothing where the two disagree, because what was said cannot be taken back. */
const unsaid = (said: string, whole: string): string => (whole.startsWith(said) ? whole.slice(said.length) : "");

