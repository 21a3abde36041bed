/** A key's limit and its use, as OpenRouter tells them: in USD, and one limit with one period. */
import type { Budget } from "../accounts/budgets.ts";
import type { KeyRecord } from "../accounts/key-record.ts";
import type { Limits } from "../accounts/index.ts";
import { nothingSpent, type Spending } from "../ledger/index.ts";
import { iso } from "./admin/output.ts";

export const resets = ["daily", "weekly", "monthly"] as const;
export type Reset = (typeof resets)[number] | null;

/** Days and weeks of one key are budgets that only it draws on; months, and all time, are limits of its own. */
export const windows = { daily: "day", weekly: "week" } as const;
const periods = { day: "daily", week: "weekly" } as const;
const spentIn = { daily: "day", weekly: "week", monthly: "month", none: "total" } as const;

/** The id of the budget that is one key's limit, and whose it is. */
export const limitId = (keyId: string): string => `limit-${keyId}`;
export const scopeOf = (keyId: string): string => `key:${keyId}`;

const usd = (nano: number): number => nano / 1e9;

type Limit = { nanoUsd: number; reset: Reset };

/** The limit that a key has: its day's or week's first, for it is the nearest. */
export function limitOf(keyId: string, { monthlyNanoUsd, budgetNanoUsd }: Limits, budgets: readonly Budget[]): Limit | undefined {
  const own = budgets.find(({ id, scope }) => id === limitId(keyId) && scope === scopeOf(keyId));
  if (own && (own.window === "day" || own.window === "week")) return { nanoUsd: own.amount, reset: periods[own.window] };
  if (monthlyNanoUsd !== undefined) return { nanoUsd: monthlyNanoUsd, reset: "monthly" };
  return budgetNanoUsd === undefined ? undefined : { nanoUsd: budgetNanoUsd, reset: null };
}

/** What every view of a key has. Use of the organisation's own accounts at providers counts as all use does, and is not told apart. */
export function useView(limit: Limit | undefined, spent: Spending = nothingSpent) {
  return {
    limit: limit ? usd(limit.nanoUsd) : null,
    limit_remaining: limit ? usd(Math.max(0, limit.nanoUsd - spent[spentIn[limit.reset ?? "none"]])) : null,
    limit_reset: limit?.reset ?? null,
    include_byok_in_limit: true,
    usage: usd(spent.total), usage_daily: usd(spent.day), usage_weekly: usd(spent.week), usage_monthly: usd(spent.month),
    byok_usage: 0, byok_usage_daily: 0, byok_usage_weekly: 0, byok_usage_monthly: 0,
  };
}

/** A key by its id, which is its `hash` here: it outlives its secrets. */
export function keyView({ id, organisationId, name, policy, secrets, createdAtMs, expiresAtMs }: KeyRecord, budgets: readonly Budget[], spent: Spending | undefined) {
  return {
    hash: id, name, label: secrets[0]?.hint ?? name, disabled: policy.disabled === true, ...useView(limitOf(id, policy.limits, budgets), spent),
    created_at: iso(createdAtMs), updated_at: null, expires_at: iso(expiresAtMs), creator_user_id: null, external_user: null, workspace_id: organisationId,
  };
}
