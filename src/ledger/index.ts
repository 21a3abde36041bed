/**
 * What was used and what it cost: entries, prices, roll-ups, reports. Does not belong here: whether it may be spent
 * (limits). Imports: the conversation's usage type, errors.
 */
export type { CostSource, End, LedgerEntry, Outcome, Way } from "./entry.ts";
export { costOf, isPriced, tierOf, worstCost, type Most, type Price, type PriceClass, type Tier } from "./price.ts";
export { findRequest, pruneRequests, usageReport, type UsageReport } from "./report.ts";
export { rollUp } from "./roll-up.ts";
