/** zod's schemas as OpenAPI 3.1 has them: JSON Schema 2020-12 of what a client sends, before anything is made of it. */
import * as z from "zod";
import { words } from "./words.ts";

export type Json = Record<string, unknown>;

/** Bounds that only say that a number is an integer, and patterns that say a format once more, tell nobody anything. */
function tidied(json: Json): void {
  if (json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum;
  if (json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum;
  if (json.format !== undefined) delete json.pattern;
}

/** The schema, and for each field of it what it means, where that is known: `meanings` are those of requests unless others are given. */
export function jsonSchema(schema: z.ZodType, meanings: Readonly<Record<string, string>> = words): Json {
  const { $schema: _, "~standard": __, ...json } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override: ({ jsonSchema }) => tidied(jsonSchema as Json) }) as Json;
  for (const [name, field] of Object.entries((json.properties ?? {}) as Record<string, Json>)) {
    const meaning = meanings[name];
    if (meaning !== undefined && field.description === undefined) field.description = meaning;
  }
  return json;
}

/** The fields of a query as OpenAPI's parameters. */
export function queryParameters(schema: z.ZodObject): Json[] {
  const { properties = {}, required = [] } = jsonSchema(schema) as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...field }]) => ({
    name, in: "query", required: required.includes(name), ...(description !== undefined && { description }), schema: field,
  }));
}
