/** What we read of a Responses request. https://platform.openai.com/docs/api-reference/responses/create */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { boundConversation, runsTools, unknownSearches } from "../bound.ts";
import { filled, objects, record, type Json } from "../json.ts";
import { modelField, modelsField, objectField, readFields, tokensField } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";

/** What a provider keeps under our key is kept for all our clients at once, so nothing is kept there and nothing is read from there. */
const kept = (instead: string) => z.null(`is not supported: nothing is stored at the provider, ${instead}`).optional();

export const requestSchema = z.object({
  model: modelField,
  input: z.union([z.string(), z.array(objectField)], "must be a string or an array of items").nullish(),
  tools: z.array(z.unknown(), "must be an array").nullish(),
  stream: z.boolean("must be true or false").nullish(),
  max_output_tokens: tokensField,
  store: z.boolean("must be true or false").nullish(),
  background: z.literal(false, "is not supported: ask for the answer itself, or stream it").nullish(),
  previous_response_id: kept("send the whole conversation as input"),
  conversation: kept("send the whole conversation as input"),
  prompt: kept("send its text as instructions and input"),
  models: modelsField,
  max_tool_calls: tokensField,
});

/** Tools that the client runs, or that only say how a tool of its is called. */
const byClients = /^(function|custom|namespace|local_shell|computer|apply_patch)/;

/** Tools that any model can be told of. */
const isPortable = (tool: Json): boolean => ["function", "custom"].includes(tool.type as string) || (tool.type === "tool_search" && tool.execution === "client");

/**
 * What only a provider that speaks Responses itself can be told of. Beside tools of the client's own a web search is an offer, which agents make
 * with every request, and no demand, unless it is what the model shall call.
 */
function providerToolsOf(tools: unknown, choice: unknown): RequestFacts["nativeOnly"] {
  const all = objects(tools).flatMap((tool): Json[] => (tool.type === "namespace" ? objects(tool.tools) : [tool]));
  const own = all.filter((tool) => !isPortable(tool));
  if (own.length === 0) return undefined;
  const demanded = own.filter((tool) => !isSearch(tool) || record(choice).type === tool.type);
  return { param: "tools", what: [...new Set(own.map(({ type }) => filled(type)?.slice(0, 64) ?? "a tool without a type"))], must: demanded.length > 0 || own.length === all.length };
}

const isSearch = (tool: unknown): boolean => filled(record(tool).type)?.startsWith("web_search") ?? false;

/** An item that only names one kept by the provider. Its `type` may be left out. */
const isReference = (item: Record<string, unknown>): boolean => item.type === "item_reference" || (item.type == null && item.role == null && item.id != null);

/** Reads the facts of a Responses request. Throws `invalid_request`. */
export function parseRequest(body: unknown): RequestFacts {
  const { model, input, tools, stream, max_output_tokens, max_tool_calls } = readFields(requestSchema, body);
  const reference = Array.isArray(input) ? input.findIndex(isReference) : -1;
  if (reference !== -1) {
    const param = `input[${reference}]`;
    throw new GatewayError("invalid_request", `${param}: item_reference is not supported: nothing is stored at the provider, send the item itself`, { param });
  }
  const hosted = runsTools(tools, byClients);
  const calls = max_tool_calls ?? unknownSearches;
  return {
    model,
    stream: stream === true,
    usageAsked: true,
    ...boundConversation(body as Json, hosted),
    ...(hosted && { readings: calls + 1 }),
    outputTokens: max_output_tokens ?? undefined,
    choices: 1,
    searches: tools?.some(isSearch) ? calls : 0,
    ...(tools && { nativeOnly: providerToolsOf(tools, (body as Json).tool_choice) }),
  };
}
