/**
 * What was used and what it cost: entries, prices, roll-ups, reports. Does not belong here: whether it may be spent
 * (limits). Imports: the conversation's usage type, errors.
 */
export type { App, CostSource, End, LedgerEntry, Outcome, Way } from "./entry.ts";
export { priceClasses, costOf, isPriced, listed, tierOf, worstCost, type Most, type Price, type PriceClass, type PriceLine, type Tier } from "./price.ts";
export { sampledADay, sampledWaits, usageOfAll, type DayOfAll, type SampledDay } from "./everybody.ts";
export { firstUse, keyDays, keysUsedSince, lastUsed } from "./key-use.ts";
export { listAlerts } from "./account-events.ts";
export { usdOf, usdOfPico } from "./money.ts";
export { groupedUsage, usageReport, type GroupedUsage, type Question, type UsageGroup, type UsageReport, type UsageTotals, type Viewer } from "./report.ts";
export { findRefused, lastRefused, toldRefusal, type KeptRefusal, type RefusedRequest } from "./refusals.ts";
export { refusedOverTime, type RefusedUsage } from "./refused-usage.ts";
export { refusalWords } from "./refusal-words.ts";
export { belongingTo, isRefused, listAll, newlyCome, type KeptRequest, type RequestFilters } from "./request-list.ts";
export { findReceipt, findRequest, pruneRequests, requestsOfKey } from "./requests.ts";
export { rollUp } from "./roll-up.ts";
export { nothingSpent, spendingOf, spentByAll, type Spending } from "./spending.ts";
export { dimensions, type Dimension, type Filters } from "./usage-rows.ts";
export { mostTimed, percentile, timedRequests, type Timed } from "./latency.ts";
