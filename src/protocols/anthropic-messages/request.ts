/** What we read of a Messages request. https://docs.anthropic.com/en/api/messages */
import { z } from "zod";
import { boundTokens, unknownSearches } from "../bound.ts";
import { modelField, objectField, readFields } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";

const otherModel = z.object({ model: modelField }, "must be an object with a model");

const countSchema = z.object({
  model: modelField,
  messages: z.array(objectField, "must be an array of messages").min(1, "must have at least one message"),
  system: z.union([z.string(), z.array(objectField)], "must be a string or an array of text blocks").nullish(),
  tools: z.array(objectField, "must be an array of tools").nullish(),
});

const requestSchema = countSchema.extend({
  max_tokens: z.number("must be a number, and Messages cannot do without it").int("must be an integer").min(0, "must not be negative").max(100_000_000, "must be at most 100000000"),
  stream: z.boolean("must be true or false").nullish(),
  /** Anthropic's own fallbacks, and OpenRouter's. */
  fallbacks: z.array(otherModel, "must be an array of models").nullish(),
  models: z.array(modelField, "must be an array of model names").nullish(),
});

/** Reads the facts of a Messages request. Throws `invalid_request`. */
export function parseRequest(body: unknown): RequestFacts {
  const { model, messages, system, tools, max_tokens, stream, fallbacks, models } = readFields(requestSchema, body);
  // An advisor is a tool that names a model.
  const advisors = (tools ?? []).flatMap((tool) => (typeof tool.model === "string" ? [tool.model] : []));
  const otherModels = [...(models ?? []), ...(fallbacks ?? []).map((fallback) => fallback.model), ...advisors];
  return {
    model,
    stream: stream === true,
    /** Messages tells its usage unasked. */
    usageAsked: true,
    inputTokens: boundTokens(system) + boundTokens(messages) + boundTokens(tools),
    outputTokens: max_tokens,
    choices: 1,
    ...(otherModels.length > 0 && { otherModels }),
    searches: (tools ?? []).reduce((sum, tool) => sum + searchesOf(tool), 0),
  };
}

const searchesOf = ({ type, max_uses: most }: Record<string, unknown>): number =>
  typeof type !== "string" || !type.startsWith("web_search") ? 0 : typeof most === "number" && most >= 0 ? most : unknownSearches;

/** Reads the facts of a request to count tokens, which uses none itself. Throws `invalid_request`. */
export function parseCountRequest(body: unknown): RequestFacts {
  const { model } = readFields(countSchema, body);
  return { model, stream: false, usageAsked: true, inputTokens: 0, outputTokens: 0, choices: 1 };
}
