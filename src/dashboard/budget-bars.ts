/** The budgets of an organisation and of its keys, each as its keeper knows it: pools from the organisation's account, keys' own from the ledger. */
import type { KeyRecord } from "../accounts/key-record.ts";
import { listLiveKeys } from "../accounts/key-record.ts";
import { agreementOf } from "../accounts/organisation-budgets.ts";
import { nothingSpent, spendingOf } from "../ledger/index.ts";
import type { AccountStanding } from "../limits/index.ts";
import type { Bar } from "./components/budgets.tsx";
import { dayOfYear } from "./figures.ts";
import type { MemberVisit } from "./visit.ts";

/** So many keys are looked through for budgets of their own. */
const mostKeys = 200;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Prepaid credits, the plan's quotas and the organisation's budgets. */
export async function organisationBars({ env, membership: { organisationId }, nowMs }: MemberVisit): Promise<Bar[]> {
  const { pools } = (await env.ORG_ACCOUNT.getByName(organisationId).standing(nowMs)) as AccountStanding;
  return pools.map(({ name, unit, spent, held, limit, window, endMs }) => ({ name: capital(name), unit, spent, held, limit, ...(window.of !== "total" && !window.rolling && { until: dayOfYear(endMs) }) }));
}

/** What keys may spend by themselves, in a month or ever, as they or their plan have it; the nearest to its end first. */
export async function keyBars({ env, membership: { organisationId }, nowMs }: MemberVisit): Promise<Bar[]> {
  const [keys, { plan }] = await Promise.all([listLiveKeys(env.DB, { organisationId, disabled: false }, { offset: 0, limit: mostKeys }), agreementOf(env.DB, organisationId)]);
  const limited = keys.map((key) => ({ key, limits: { ...plan.limits, ...key.policy.limits } })).filter(({ limits }) => limits.budgetNanoUsd !== undefined || limits.monthlyNanoUsd !== undefined);
  const spent = await spendingOf(env.DB, organisationId, limited.map(({ key }) => key.id), nowMs);
  const until = dayOfYear(Date.UTC(new Date(nowMs).getUTCFullYear(), new Date(nowMs).getUTCMonth() + 1, 1));
  const bar = (key: KeyRecord, what: string, limit: number | undefined, used: number, more: Partial<Bar> = {}): Bar[] => (limit === undefined ? [] : [{ name: `${key.name}, ${what}`, unit: "nanoUsd", spent: used, limit, ...more }]);
  const bars = limited.flatMap(({ key, limits: { budgetNanoUsd, monthlyNanoUsd } }) => {
    const { total, month } = spent.get(key.id) ?? nothingSpent;
    return [...bar(key, "this month", monthlyNanoUsd, month, { until }), ...bar(key, "in all", budgetNanoUsd, total)];
  });
  return bars.toSorted((a, b) => b.spent / b.limit - a.spent / a.limit);
}
