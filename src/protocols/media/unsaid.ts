/** What of a request a provider does not hear. */
import type { Loss } from "../../chat/index.ts";
import type { Json } from "../json.ts";
import type { CrossingContext } from "../protocol.ts";

/** Fields of a request that nobody said, neither to the provider nor to us. One that is null asks for nothing. */
export const unsaid = ({ json, facts }: Pick<CrossingContext, "json" | "facts">, said: readonly string[]): Loss[] =>
  Object.entries(json).filter(([field, value]) => value !== null && value !== undefined && !said.includes(field) && !facts.wish?.fields.includes(field)).map(([field]) => `field:${field}` as const);

/** These of its fields, where they say something. */
export const picked = (json: Json, fields: readonly string[]): Json => Object.fromEntries(fields.flatMap((field) => (json[field] === undefined || json[field] === null ? [] : [[field, json[field]]])));
