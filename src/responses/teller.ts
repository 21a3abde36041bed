/** How a response is told: with our ids, and what it is stored as. Pure. */
import { givenId, markedId, markOf } from "./names.ts";

export type Json = Record<string, unknown>;

export const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
export const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** Fields that a response has from us, whoever made it. */
export type Echo = { readonly previous_response_id: string | null; readonly instructions: unknown; readonly background: boolean; readonly store: boolean; readonly conversation?: { readonly id: string } };

/** What clients get only when they ask: reasoning that its maker alone can read. It is kept for the next turn all the same. */
export const secretInclude = "reasoning.encrypted_content";

/** An item without what was not asked for. */
export function shownItem(item: Json, secrets: boolean): Json {
  if (secrets || item.type !== "reasoning" || !("encrypted_content" in item)) return item;
  const { encrypted_content: _, ...shown } = item;
  return shown;
}

/** A response without what was not asked for. */
export const shownResponse = (response: Json, secrets: boolean): Json =>
  (secrets || !Array.isArray(response.output) ? response : { ...response, output: response.output.map((item) => (isObject(item) ? shownItem(item, false) : item)) });

/** Tells one response under its id. */
export class Teller {
  readonly id: string;
  private readonly mark: string;
  private readonly echo: Echo;
  private readonly renamed: Readonly<Record<string, string>>;

  /** `renamed`: ids of the request that were sent on otherwise, theirs → ours. */
  constructor(id: string, echo: Echo, renamed: Readonly<Record<string, string>> = {}) {
    this.id = id;
    this.renamed = renamed;
    this.mark = markOf(id);
    this.echo = echo;
  }

  /** The response object, with everything that is kept of it. */
  response(response: Json): Json {
    const output = Array.isArray(response.output) ? response.output.map((item, index) => (isObject(item) ? this.item(item, index) : item)) : [];
    return { ...response, id: this.id, ...this.echo, output };
  }

  item(item: Json, index: number): Json {
    const { approval_request_id: approval } = item;
    return { ...item, id: this.itemId(item.id, index, item.type), ...(typeof approval === "string" && { approval_request_id: this.renamed[approval] ?? approval }) };
  }

  /** An event of its stream. `sequence`: its place, which its maker may have counted otherwise. */
  event(event: Json, sequence: number): Json {
    const index = typeof event.output_index === "number" ? event.output_index : 0;
    return {
      ...event,
      sequence_number: sequence,
      ...(isObject(event.response) && { response: this.response(event.response) }),
      ...(isObject(event.item) && { item: this.item(event.item, index) }),
      ...("item_id" in event && { item_id: this.itemId(event.item_id, index, undefined) }),
    };
  }

  private itemId(native: unknown, index: number, type: unknown): string {
    return typeof native === "string" && native !== "" ? markedId(this.mark, native) : givenId(this.mark, type, `n${index}`);
  }
}

/** The same event as its client gets it. */
export function shownEvent(event: Json, secrets: boolean): Json {
  if (secrets) return event;
  return {
    ...event,
    ...(isObject(event.response) && { response: shownResponse(event.response, false) }),
    ...(isObject(event.item) && { item: shownItem(event.item, false) }),
  };
}

export const frameOf = (event: Json): string => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`;

const ends = new Set(["response.completed", "response.incomplete", "response.failed"]);
/** Whether an event is the last of a response. */
export const isEnd = ({ type }: Json): boolean => typeof type === "string" && ends.has(type);

/** A response that came to no end of its own. */
export const failedAs = (response: Json, code: string, message: string): Json => ({ ...response, status: "failed", completed_at: null, error: { code, message } });
/** An event that ends a response. */
export const endingWith = (response: Json, sequence: number): Json =>
  ({ type: response.status === "failed" ? "response.failed" : response.status === "completed" ? "response.completed" : "response.incomplete", sequence_number: sequence, response });
