/** What of a request a provider does not hear. */
import type { Loss } from "../../chat/index.ts";
import type { CrossingContext } from "../protocol.ts";

/** Fields of a request that nobody said, neither to the provider nor to us. One that is null asks for nothing. */
export const unsaid = ({ json, facts }: Pick<CrossingContext, "json" | "facts">, said: readonly string[]): Loss[] =>
  Object.entries(json).filter(([field, value]) => value !== null && value !== undefined && !said.includes(field) && !facts.wish?.fields.includes(field)).map(([field]) => `field:${field}` as const);
