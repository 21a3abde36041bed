/** One response in several turns of the model, told as its events. https://platform.openai.com/docs/api-reference/responses-streaming */
import type { Json } from "../protocols/json.ts";
import { usageTogether } from "../protocols/usage-together.ts";
import { callItem, type Call, type Outcome } from "./items.ts";

/** How a response ends: the event's type behind `response.`. */
export type End = "completed" | "incomplete" | "failed";

export class Telling {
  /** The items so far. One that is not done has its place, and nothing in it. */
  readonly output: Json[] = [];
  /** Of all turns; undefined before the first, null where one of them was not told. */
  usage: Json | null | undefined;
  /** Nothing was told yet. */
  opened = false;
  private frames = "";
  private sequence = 0;
  private first: Json = {};
  private readonly tells: boolean;
  private readonly echo: Json;

  /** `tells`: somebody hears the events. `echo`: fields of the request as the client sent them, as its answer repeats them. */
  constructor(tells: boolean, echo: Json) {
    this.tells = tells;
    this.echo = echo;
  }

  /** Tells an event, by its type behind `response.`. */
  say(name: string, fields: Json): void {
    const type = name === "error" ? name : `response.${name}`;
    if (this.tells) this.frames += `event: ${type}\ndata: ${JSON.stringify({ ...fields, type, sequence_number: this.sequence })}\n\n`;
    this.sequence += 1;
  }

  /** What is to be told since it was asked last. */
  take(): string {
    const { frames } = this;
    this.frames = "";
    return frames;
  }

  /** `response`: as the first turn has it. */
  open(response: Json): void {
    if (this.opened) return;
    this.opened = true;
    this.first = response;
    const begun = { ...response, ...this.echo, status: "in_progress", output: [], usage: null };
    this.say("created", { response: begun });
    this.say("in_progress", { response: begun });
  }

  /** An item that comes whole. */
  item(item: Json, events: (place: Json) => void = () => {}, shown: Json = item): void {
    const output_index = this.output.push(item) - 1;
    this.say("output_item.added", { output_index, item: shown });
    events({ output_index, item_id: item.id });
    this.say("output_item.done", { output_index, item });
  }

  /** The tools of a server. */
  listed(item: Json): void {
    this.item(item, (place) => {
      this.say("mcp_list_tools.in_progress", place);
      this.say("mcp_list_tools.completed", place);
    }, { ...item, tools: [] });
  }

  /** A call begins, at its place or at the next one. */
  calling(call: Call, output_index = this.output.length): number {
    const item = callItem({ ...call, arguments: "" }, "in_progress");
    this.output[output_index] = item;
    this.say("output_item.added", { output_index, item });
    this.say("mcp_call.in_progress", { output_index, item_id: call.id });
    return output_index;
  }

  /** What came of it. `incomplete`: it was not made, for the answer ended. */
  called(call: Call, output_index: number, outcome: Outcome, incomplete = false): void {
    const status = incomplete ? "incomplete" : outcome.error === null ? "completed" : "failed";
    const item = callItem(call, status, outcome);
    this.output[output_index] = item;
    if (!incomplete) this.say(`mcp_call.${status}`, { output_index, item_id: call.id });
    this.say("output_item.done", { output_index, item });
  }

  /** A turn is over. */
  used(usage: unknown): void {
    const known = typeof usage === "object" && usage !== null ? (usage as Json) : null;
    this.usage = this.usage === undefined || known === null ? known : this.usage && usageTogether(this.usage, known);
  }

  /** Ends it with the last turn's response. Returns the whole. */
  end(end: End, response: Json): Json {
    this.open(response);
    const { id, created_at } = this.first;
    const whole: Json = { ...response, id, created_at, ...this.echo, status: end, output: this.output.filter(Boolean), usage: this.usage ?? null };
    delete whole.output_text;
    this.say(end, { response: whole });
    return whole;
  }

  /** Ends it in the middle, with an error in place of the next turn. */
  fail(code: string, message: string): void {
    this.end("failed", { ...this.first, error: { code, message }, incomplete_details: null });
  }
}
