/**
 * Reads chat completion chunks, those of OpenAI and of its many look-alikes. A whole answer is one chunk whose delta is the
 * message. https://platform.openai.com/docs/api-reference/chat-streaming
 */
import { defined, type ChatError, type ChatEvent } from "../../chat/index.ts";
import type { ParseContext, StreamParser } from "../protocol.ts";
import { objectOf } from "../sse.ts";
import { ChoiceReader } from "./parse-choice.ts";
import { list, record } from "../json.ts";
import { parseReportedCost, parseUsage, usageIn } from "./usage.ts";
import { parseError } from "./words.ts";

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

/** Where an answer's words stand. Perplexity sends both: an empty delta in a whole answer, the whole message so far in a stream. */
const slots = { delta: ["delta", "message"], message: ["message", "delta"] } as const;

/** Reads chunks into events. */
export class ChunkReader implements StreamParser {
  private readonly context: ParseContext;
  private readonly choices = new Map<number, ChoiceReader>();
  private head: { id?: string; model?: string; createdAtS?: number; serviceTier?: string } = {};
  private events: ChatEvent[] = [];
  private started = false;
  private over = false;

  private readonly slots: readonly string[];

  constructor(context: ParseContext, slot: keyof typeof slots = "delta") {
    this.context = context;
    this.slots = slots[slot];
  }

  push({ event, data }: { event?: string; data: string }): ChatEvent[] {
    if (data.trim() === "[DONE]") return this.done();
    const chunk = objectOf<Record<string, unknown>>(data);
    if (chunk === undefined) return [];
    return this.read(event === "error" && chunk.error === undefined ? { error: chunk } : chunk);
  }

  /** Reads one chunk, or a whole answer. */
  read(chunk: Record<string, unknown>): ChatEvent[] {
    if (this.over) return [];
    const { id, model, created, service_tier: serviceTier } = chunk;
    const createdAtS = typeof created === "number" && created > 0 ? created : undefined;
    this.head = { ...this.head, ...defined({ id: this.head.id ?? text(id), model: text(model), createdAtS: this.head.createdAtS ?? createdAtS, serviceTier: text(serviceTier) }) };
    const choices = list(chunk.choices);
    if (choices.length > 0) this.start();
    for (const choice of choices) this.readChoice(record(choice), chunk);
    if (choices.length === 0 && chunk.usage) this.finish();
    this.readUsage(chunk);
    const error = this.errorIn(chunk, choices);
    if (error) this.fail(error);
    return this.take();
  }

  end(): ChatEvent[] {
    if (!this.over) this.finish();
    return this.take();
  }

  /** `[DONE]`, or the last byte of a whole answer. */
  done(): ChatEvent[] {
    if (this.over) return [];
    this.finish(true);
    this.emit({ type: "end" });
    this.over = true;
    return this.take();
  }

  private readChoice(choice: Record<string, unknown>, chunk: Record<string, unknown>): void {
    const index = typeof choice.index === "number" && choice.index >= 0 ? choice.index : 0;
    let reader = this.choices.get(index);
    if (!reader) this.choices.set(index, (reader = new ChoiceReader(index, this.context, (event) => this.emit(event))));
    const slot = this.slots.find((name) => choice[name]);
    reader.read(choice, record(slot && choice[slot]), chunk);
  }

  private readUsage(chunk: Record<string, unknown>): void {
    const from = usageIn(chunk);
    const usage = parseUsage(from);
    if (!usage) return;
    this.emit({ type: "usage", usage, ...defined({ serviceTier: this.head.serviceTier, reportedNanoUsd: parseReportedCost(from) }) });
  }

  /** OpenRouter puts an error beside the choices, in one of them, or just says so in a finish reason. */
  private errorIn({ error, object, message }: Record<string, unknown>, choices: readonly unknown[]): ChatError | undefined {
    if (error) return parseError(error);
    if (object === "error") return parseError({ message });
    for (const choice of choices) {
      const { error: own, finish_reason: reason } = record(choice);
      if (own) return parseError(own);
      if (reason === "error") return { status: 502, message: "the provider broke off its answer" };
    }
    return undefined;
  }

  private fail(error: ChatError): void {
    for (const choice of this.choices.values()) choice.close();
    this.emit({ type: "error", error });
    this.over = true;
  }

  private finish(hasEnded = false): void {
    for (const choice of this.choices.values()) choice.finish(hasEnded);
  }

  private start(): void {
    if (this.started) return;
    this.started = true;
    this.events.push({ type: "start", ...this.head });
  }

  private emit(event: ChatEvent): void {
    this.start();
    this.events.push(event);
  }

  private take(): ChatEvent[] {
    const { events } = this;
    this.events = [];
    return events;
  }
}
