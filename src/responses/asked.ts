/** What a Responses request asks of the store. Pure. */
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { parseExact } from "../chat/index.ts";
import { threadOfConversation, threadOfItem, threadOfResponse } from "./names.ts";
import { objects, secretInclude, type Json } from "./teller.ts";

const bool = z.boolean("must be true or false").nullish();
export const askedSchema = z.object({
  store: bool,
  background: bool,
  stream: bool,
  previous_response_id: z.string("must be a string").nullish(),
  conversation: z.union([z.string(), z.object({ id: z.string() })], "must be the id of a conversation").nullish(),
});

export type Asked = {
  readonly store: boolean | undefined;
  readonly background: boolean;
  readonly stream: boolean;
  readonly previous: { readonly id: string; readonly thread: string } | undefined;
  readonly conversation: { readonly id: string; readonly thread: string } | undefined;
  /** Its input as items. */
  readonly input: readonly Json[];
  /** Those of them that only name one that is stored, with where it is. */
  readonly references: readonly { readonly id: string; readonly thread: string; readonly index: number }[];
  /** What its maker alone can read is asked for. */
  readonly secrets: boolean;
  readonly instructions: unknown;
  readonly model: unknown;
};

const invalid = (param: string, message: string): GatewayError => new GatewayError("invalid_request", message, { param });
export const noPrevious = (id: string): GatewayError => new GatewayError("previous_response_not_found", `Previous response with id '${id.slice(0, 100)}' not found.`, { param: "previous_response_id" });
export const noItem = (id: string, param: string): GatewayError => new GatewayError("not_found", `Item with id '${id.slice(0, 100)}' not found.`, { param });
export const noConversation = (id: string): GatewayError => new GatewayError("not_found", `Conversation with id '${id.slice(0, 100)}' not found.`, { param: "conversation" });

/** An item that only names one that is stored. Its `type` may be left out. */
const isReference = (item: Json): boolean => item.type === "item_reference" || (item.type == null && item.role == null && typeof item.id === "string");

/** Reads what a request asks. Throws `invalid_request`, `previous_response_not_found` or `not_found`. */
export function readAsked(json: unknown, text: string): Asked {
  const read = askedSchema.safeParse(json);
  if (!read.success) {
    const [field = ""] = read.error.issues[0]!.path;
    throw invalid(String(field), `${String(field)}: ${read.error.issues[0]!.message}`);
  }
  const { store, background, stream, previous_response_id: previous, conversation } = read.data;
  if (previous && conversation) throw invalid("previous_response_id", "previous_response_id: goes not together with conversation: a response follows one of them");
  const { include, instructions, model, input } = json as Json;
  const named = conversation == null ? undefined : typeof conversation === "string" ? conversation : conversation.id;
  const items = typeof input === "string" ? [said(input)] : objects((/\d{16}/.test(text) ? (parseExact(text) as Json) : (json as Json)).input);
  return {
    store: store ?? undefined,
    background: background === true,
    stream: stream === true,
    previous: previous ? { id: previous, thread: threadOfResponse(previous) ?? fail(noPrevious(previous)) } : undefined,
    conversation: named === undefined ? undefined : { id: named, thread: threadOfConversation(named) ?? fail(noConversation(named)) },
    input: items,
    references: items.flatMap((item, index) => (isReference(item) ? [referenceOf(item, index)] : [])),
    secrets: Array.isArray(include) && include.includes(secretInclude),
    instructions: instructions ?? null,
    model,
  };
}

function referenceOf({ id }: Json, index: number): Asked["references"][number] {
  const param = `input[${index}]`;
  if (typeof id !== "string") throw invalid(param, `${param}.id: must be a string`);
  return { id, index, thread: threadOfItem(id) ?? fail(noItem(id, param)) };
}

function fail(error: GatewayError): never {
  throw error;
}

/** A text as the item that it stands for. */
export const said = (text: string): Json => ({ type: "message", role: "user", content: [{ type: "input_text", text }] });

/** Whether a request has to do with what is stored, but for being stored itself. */
export const buildsOn = ({ previous, conversation, references }: Asked): boolean => previous !== undefined || conversation !== undefined || references.length > 0;
