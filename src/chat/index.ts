/**
 * The conversation's own words: plain types and pure folds, the same for every wire format. Imports nothing.
 * Does not belong here: anything that knows a protocol, a provider or a price.
 */
export { noUsage, type Usage } from "./usage.ts";
