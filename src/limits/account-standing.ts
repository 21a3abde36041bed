/** What an organisation's account says of itself. */
import type { AccountPool } from "../accounts/budgets.ts";
import type { CreditEntry } from "./credits.ts";

/** A credit entry was written, was there before, contradicts one of the same id, or would take back more than is free. */
export type Posted = { is: "posted" | "known" | "conflict" } | { is: "lacking"; free: number };

export type PoolStanding = AccountPool & { bucketMs: number; endMs: number; limit: number; spent: number; held: number; free: number };
export type AccountStanding = { pools: PoolStanding[]; creditEntries: CreditEntry[]; creditNanoUsd: number; credit: { spent: number; held: number; free: number } };
