/** Reads a Responses stream. https://platform.openai.com/docs/api-reference/responses-streaming */
import type { ChatEvent } from "../../chat/index.ts";
import type { ParseContext, StreamParser } from "../protocol.ts";
import { headOf, tailOf } from "./parse-response.ts";
import { StreamItem } from "./stream-item.ts";
import { objectIn } from "../json.ts";
import { filled, number, parseError, parseFinish, record, records, type Json } from "./words.ts";

const ends = new Set(["response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"]);
const heads = new Set(["response.created", "response.in_progress", "response.queued"]);

/** The items of an event whose own `output_item.added` never came. */
const kinds: readonly [prefix: string, type: string][] = [
  ["response.output_text", "message"], ["response.refusal", "message"], ["response.content_part", "message"],
  ["response.function_call_arguments", "function_call"], ["response.custom_tool_call_input", "custom_tool_call"],
  ["response.reasoning", "reasoning"],
];

/**
 * Items are handed out one after the other in the order in which they began; what one says while another is still open waits.
 * A text may come in deltas, whole in a `done` event, or only in the last event's output: each is said once.
 */
export class ResponsesStreamParser implements StreamParser {
  private readonly context: ParseContext;
  private readonly items: StreamItem[] = [];
  private started = false;
  private ended = false;
  /** Items handed out whole, and parts begun. */
  private closed = 0;
  private at = -1;

  constructor(context: ParseContext) {
    this.context = context;
  }

  push({ data, event: name }: { event?: string; data: string }): ChatEvent[] {
    const event = objectIn(data);
    if (this.ended || event === undefined) return [];
    const type = filled(event.type) ?? name ?? "";
    if (type === "error" || event.error) return this.fail(event.error ?? event);
    if (heads.has(type)) return this.start(record(event.response));
    if (ends.has(type)) return this.finish(record(event.response), type);
    const item = this.itemOf(type, event);
    if (item === undefined) return [];
    item.read(type, event);
    return [...this.start({}), ...this.drain()];
  }

  end(): ChatEvent[] {
    if (this.ended || !this.started) return [];
    this.ended = true;
    return this.closeAll();
  }

  private start(response: Json): ChatEvent[] {
    if (this.started) return [];
    this.started = true;
    return [{ type: "start", ...headOf(response) }];
  }

  private fail(error: unknown): ChatEvent[] {
    const events = [...this.start({}), ...this.closeAll()];
    this.ended = true;
    return [...events, { type: "error", error: parseError(error) }];
  }

  private finish(response: Json, type: string): ChatEvent[] {
    const events = this.start(response);
    records(response.output).forEach((item, index) => {
      const known = this.known(item, index);
      if (known) known.complete(item);
      else this.add(item, undefined).complete(item);
    });
    events.push(...this.closeAll());
    this.ended = true;
    const { usage, reportedNanoUsd } = tailOf(response);
    const { serviceTier } = headOf(response);
    const told: ChatEvent[] = usage ? [{ type: "usage", usage, ...(serviceTier && { serviceTier }), ...(reportedNanoUsd !== undefined && { reportedNanoUsd }) }] : [];
    if (type === "response.failed" || response.status === "failed" || response.error) {
      return [...events, ...told, { type: "error", error: parseError(response.error ?? { message: "The response failed." }) }];
    }
    const status = filled(response.status) ?? type.slice("response.".length);
    const finish = parseFinish({ ...response, status: status === "done" ? "completed" : status }, this.items.some(({ called }) => called));
    return [...events, { type: "finish", choice: 0, finish }, ...told, { type: "end" }];
  }

  /** The item that an event is about; a new one where it begins or was never announced. */
  private itemOf(type: string, event: Json): StreamItem | undefined {
    const index = number(event.output_index);
    if (type === "response.output_item.added" || type === "response.output_item.done") {
      const item = record(event.item);
      return this.items.find((known) => known.is(item, index)) ?? this.add(item, index);
    }
    const id = filled(event.item_id);
    const known = this.items.find((item) => (index === undefined || item.index === undefined ? item.id !== undefined && item.id === id : item.index === index));
    if (known) return known;
    const kind = kinds.find(([prefix]) => type.startsWith(prefix))?.[1];
    return kind === undefined ? undefined : this.add({ type: kind, ...(id && { id }) }, index);
  }

  /** The item of the last event's output that was streamed before. */
  private known(item: Json, index: number): StreamItem | undefined {
    return this.items.find((known) => known.same(item)) ?? this.items.find((known) => known.index === index && known.type === item.type);
  }

  private add(item: Json, index: number | undefined): StreamItem {
    const added = new StreamItem(item, index, this.items.length, this.context);
    this.items.push(added);
    return added;
  }

  /** What may be said now: all of the first open item, and of those behind it once it is closed. */
  private drain(): ChatEvent[] {
    const events: ChatEvent[] = [];
    for (;;) {
      const item = this.items[this.closed];
      if (item === undefined) return events;
      for (const event of item.take()) {
        if (event.type === "part" || event.type.endsWith("-start")) this.at += 1;
        events.push({ ...event, at: this.at, choice: 0 } as ChatEvent);
      }
      if (!item.closed) return events;
      this.closed += 1;
    }
  }

  private closeAll(): ChatEvent[] {
    for (const item of this.items) item.close();
    return this.drain();
  }
}
