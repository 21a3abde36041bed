/** One turn of the model, retold as a part of the whole response: its calls of MCP tools become items of their own. Pure. */
import { filled, list, record, stringIn, type Json } from "../protocols/json.ts";
import { approvalItem, type Call } from "./items.ts";
import type { End, Telling } from "./telling.ts";
import type { Known, Toolset } from "./toolset.ts";

/** A call that the model has made. `item` is the model's own word for it. */
export type Made = { readonly call: Call; readonly item: Json; readonly known: Known; readonly output_index: number };

type Open = { readonly known: Known; readonly id: string; readonly output_index: number; readonly asks: boolean; argumentsTold: boolean; input: string; done: boolean };

const ends: Readonly<Record<string, End>> = { "response.completed": "completed", "response.incomplete": "incomplete", "response.failed": "failed" };

/** Items that the client has to act on. */
const forClients: ReadonlySet<unknown> = new Set(["function_call", "custom_tool_call", "computer_call", "local_shell_call", "shell_call", "apply_patch_call", "mcp_approval_request"]);

export class Round {
  /** What the model has said, as the next turn gets it back. */
  readonly said: Json[] = [];
  /** Calls to be made now. */
  readonly calls: Made[] = [];
  /** Somebody else has to act before the next turn: the client must approve a call, or make one of its own. */
  waits = false;
  /** How it ended, and with which response; undefined while it has not. */
  ended: { readonly end: End; readonly response: Json } | undefined;
  /** It ended in an error event, which is told. */
  broke = false;
  private readonly open = new Map<number, Open>();
  /** Where its first item stands in the whole; known once it begins. */
  private at: number | undefined;
  private readonly telling: Telling;
  private readonly toolset: Toolset;
  private readonly idOf: (prefix: string, index: number) => string;
  private readonly begin: () => void;

  /** `idOf`: an id for the item at that place. `begin`: tells what stands before the first turn. */
  constructor(telling: Telling, toolset: Toolset, idOf: (prefix: string, index: number) => string, begin: () => void) {
    this.telling = telling;
    this.toolset = toolset;
    this.idOf = idOf;
    this.begin = begin;
  }

  /** Reads a whole answer. */
  whole(response: Json): void {
    this.push({ type: "response.created", response });
    list(response.output).map(record).forEach((item, output_index) => {
      this.push({ type: "response.output_item.added", output_index, item });
      this.push({ type: "response.output_item.done", output_index, item });
    });
    const status = response.status === "incomplete" || response.status === "failed" ? response.status : "completed";
    this.push({ type: `response.${status}`, response });
  }

  /** Reads an event of a stream. */
  push(event: Json): void {
    const { type, sequence_number: _, ...fields } = event;
    const name = stringIn(type) ?? "";
    if (this.ended || this.broke) return;
    if (name === "error") {
      this.broke = true;
      return this.telling.say("error", fields);
    }
    if (!this.telling.opened) {
      this.telling.open(record(event.response));
      this.begin();
    }
    this.at ??= this.telling.output.length;
    const end = ends[name];
    if (end) this.ended = { end, response: record(event.response) };
    else if (typeof event.output_index === "number") this.item(name.replace(/^response\./, ""), event.output_index, fields);
    else if (!["response.created", "response.in_progress", "response.queued"].includes(name)) this.telling.say(name.replace(/^response\./, ""), fields);
  }

  private item(name: string, index: number, fields: Json): void {
    const output_index = this.at! + index;
    const item = record(fields.item);
    const known = name === "output_item.added" && item.type === "function_call" && filled(item.namespace) === undefined ? this.toolset.find(item.name) : undefined;
    if (known) this.open.set(index, this.begun(known, output_index));
    const open = this.open.get(index);
    if (open) return known ? undefined : this.ofCall(name, open, fields);
    if (name === "output_item.added") this.telling.output[output_index] = item;
    if (name === "output_item.done") {
      this.telling.output[output_index] = item;
      this.said.push(item);
      this.waits ||= forClients.has(item.type) || (item.type === "tool_search_call" && item.execution === "client");
    }
    this.telling.say(name, { ...fields, output_index });
  }

  private begun(known: Known, output_index: number): Open {
    const asks = known.server.needsApproval(known.tool);
    const id = this.idOf(asks ? "mcpr" : "mcp", output_index);
    const open: Open = { known, id, output_index, asks, argumentsTold: false, input: "", done: false };
    if (!asks) this.telling.calling(callOf(open, ""), output_index);
    return open;
  }

  private ofCall(name: string, open: Open, fields: Json): void {
    const { id: item_id, asks, known, output_index } = open;
    const place = { output_index, item_id };
    if (name === "function_call_arguments.delta") {
      open.input += stringIn(fields.delta) ?? "";
      if (!asks) this.telling.say("mcp_call_arguments.delta", { delta: fields.delta, ...place });
    }
    if (name === "function_call_arguments.done" && !asks) this.argumentsDone(open, place, fields.arguments);
    if (name !== "output_item.done") return;
    open.done = true;
    const item = record(fields.item);
    const input = stringIn(item.arguments) ?? "";
    this.said.push(item);
    if (asks) {
      this.waits = true;
      const asked = approvalItem(item_id, callOf(open, input));
      this.telling.output[output_index] = asked;
      this.telling.say("output_item.added", { output_index, item: asked });
      return this.telling.say("output_item.done", { output_index, item: asked });
    }
    this.argumentsDone(open, place, input);
    this.calls.push({ call: callOf(open, input), item, known, output_index });
  }

  /** The answer is over: calls that were not made because of it are told as such. */
  close(): void {
    for (const { call, output_index } of this.calls.splice(0)) this.telling.called(call, output_index, notMade, true);
    for (const open of this.open.values()) if (!open.done && !open.asks) this.telling.called(callOf(open, open.input), open.output_index, notMade, true);
  }

  private argumentsDone(open: Open, place: Json, input: unknown): void {
    if (!open.argumentsTold) this.telling.say("mcp_call_arguments.done", { arguments: input, ...place });
    open.argumentsTold = true;
  }
}

const notMade = { output: null, error: null };

const callOf = ({ known: { server, tool }, id }: Open, input: string): Call => ({ id, server_label: server.label, name: tool.name, arguments: input });

/**
 * A turn's items as they can be sent again. Thoughts that nobody kept mean nothing without their ciphertext, and where they are missing other items
 * must not be known as those that they led to.
 */
export function repeatable(items: readonly Json[]): Json[] {
  const isKept = ({ type, encrypted_content }: Json): boolean => type !== "reasoning" || typeof encrypted_content === "string";
  if (items.every(isKept)) return [...items];
  return items.filter(isKept).map(({ id, ...item }) => (item.type === "function_call" || item.type === "message" ? item : { id, ...item }));
}
