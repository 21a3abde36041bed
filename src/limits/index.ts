/**
 * May this principal spend this? Reservations, rate limits, quotas and budgets, exact, in one Durable Object per key, and what keys
 * share in one per organisation. Does not belong here: prices (ledger), who is calling (accounts). Imports: errors, telemetry, the ledger's entry.
 */
export { KeyMeter, leaseMs } from "./key-meter.do.ts";
export { OrgAccount } from "./org-account.do.ts";
export type { AccountStanding, Posted } from "./account-standing.ts";
export { creditKinds, type CreditEntry } from "./credits.ts";
export { Meters } from "./meters.ts";
export { postingOf, type Adjusted, type Adjustment } from "./posting.ts";
export type { Estimate, MeterOperation, MeterPolicy, MeterReply, RateState, Refusal } from "./policy.ts";
