/** What we read of a Messages request. https://docs.anthropic.com/en/api/messages */
import * as z from "zod";
import { boundConversation, runsTools, unknownSearches } from "../bound.ts";
import { list, record, type Json } from "../json.ts";
import { modelField, objectField, readFields } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";

const otherModel = z.object({ model: modelField }, "must be an object with a model");

export const countSchema = z.object({
  model: modelField,
  messages: z.array(objectField, "must be an array of messages").min(1, "must have at least one message"),
  system: z.union([z.string(), z.array(objectField)], "must be a string or an array of text blocks").nullish(),
  tools: z.array(objectField, "must be an array of tools").nullish(),
});

export const requestSchema = countSchema.extend({
  max_tokens: z.number("must be a number, and Messages cannot do without it").int("must be an integer").min(0, "must not be negative").max(100_000_000, "must be at most 100000000"),
  stream: z.boolean("must be true or false").nullish(),
  /** Anthropic's own fallbacks. */
  mcp_servers: z.unknown().optional(),
  container: z.unknown().optional(),
  fallbacks: z.array(otherModel, "must be an array of models").nullish(),
  models: z.array(modelField, "must be an array of model names").nullish(),
});

/** Tools of Anthropic's that the client runs. */
const byClients = /^(bash|text_editor|computer|memory)_/;
/**
 * How often Claude goes on by itself after tools that Anthropic runs, before it pauses.
 * https://docs.anthropic.com/en/api/handling-stop-reasons#pause-turn
 */
const mostRounds = 10;

/** Reads the facts of a Messages request. Throws `invalid_request`. */
export function parseRequest(body: unknown): RequestFacts {
  const { model, tools, max_tokens, stream, fallbacks, mcp_servers, container } = readFields(requestSchema, body);
  // An advisor is a tool that names a model.
  const advisors = (tools ?? []).flatMap((tool) => (typeof tool.model === "string" ? [tool.model] : []));
  const otherModels = [...(fallbacks ?? []).map((fallback) => fallback.model), ...advisors];
  // Servers' tools and skills are read too.
  const hosted = runsTools(tools, byClients) || list(mcp_servers).length > 0 || list(record(container).skills).length > 0;
  return {
    model,
    stream: stream === true,
    /** Messages tells its usage unasked. */
    usageAsked: true,
    ...boundConversation(body as Json, hosted),
    ...(hosted && { readings: Math.min(mostRounds, roundsOf(tools)) }),
    outputTokens: max_tokens,
    choices: 1,
    ...(otherModels.length > 0 && { otherModels }),
    searches: (tools ?? []).reduce((sum, tool) => sum + searchesOf(tool), 0),
  };
}

/** Tools may be run as often as they say, and a round comes before each and after the last. */
const roundsOf = (tools: readonly Json[] | null | undefined): number => {
  const uses = (tools ?? []).filter((tool) => runsTools([tool], byClients)).map(({ max_uses: most }) => (Number.isInteger(most) && (most as number) >= 0 ? (most as number) : mostRounds));
  return uses.length === 0 ? mostRounds : uses.reduce((sum, most) => sum + most, 1);
};

const searchesOf = ({ type, max_uses: most }: Record<string, unknown>): number =>
  typeof type !== "string" || !type.startsWith("web_search") ? 0 : typeof most === "number" && most >= 0 ? most : unknownSearches;

/** Reads the facts of a request to count tokens, which uses none itself. Throws `invalid_request`. */
export function parseCountRequest(body: unknown): RequestFacts {
  const { model } = readFields(countSchema, body);
  return { model, stream: false, usageAsked: true, inputTokens: 0, likelyInputTokens: 0, outputTokens: 0, choices: 1 };
}
