/**
 * What a key's own limits have come to, for people to be told: noticed where the key is metered, in the transaction that spends, and handed to its organisation's
 * account, which tells it as it tells of budgets.
 */
import { usualShares, type AccountPool, type Window } from "../accounts/budgets.ts";
import type { Alert } from "../alerts/index.ts";
import { AlertBook } from "./alert-book.ts";
import type { Counters } from "./allowance.ts";
import type { Estimate, MeterPolicy, Refusal, RefusalCode } from "./policy.ts";
import { bucketAt } from "./windows.ts";

type Own = { pool: AccountPool & { amount: number }; spent: number };

const month: Window = { of: "month", rolling: false };
const ever: Window = { of: "total", rolling: false };

/** A key's own limits as pools of which it is the only key, and what it has spent of each. */
function ownOf({ keyId, keyName = keyId, keyShares = usualShares, limits }: MeterPolicy, { month: { tokens, nanoUsd }, spentNanoUsd }: Counters): Own[] {
  const { budgetNanoUsd, monthlyNanoUsd, monthlyTokens } = limits;
  if (budgetNanoUsd === undefined && monthlyNanoUsd === undefined && monthlyTokens === undefined) return [];
  const key = `key ${keyName.replace(/\p{Cc}+/gu, " ")}`;
  const own = (id: string, name: string, unit: "nanoUsd" | "tokens", window: Window, amount: number | undefined, spent: number): Own[] =>
    amount === undefined ? [] : [{ pool: { id: `key:${keyId}:${id}`, name: `${name} of ${key}`, unit, window, amount, soft: keyShares }, spent }];
  return [
    ...own("budget", "budget", "nanoUsd", ever, budgetNanoUsd, spentNanoUsd), ...own("monthly-money", "month's budget", "nanoUsd", month, monthlyNanoUsd, nanoUsd),
    ...own("monthly-tokens", "month's tokens", "tokens", month, monthlyTokens, tokens),
  ];
}

/** What of a refusal's codes is about what may be spent. */
const spent: readonly RefusalCode[] = ["insufficient_credits", "quota_exceeded"];

export class OwnAlerts {
  private readonly sql: SqlStorage;
  private readonly policy: () => MeterPolicy | undefined;
  private readonly counters: () => Counters;
  private readonly tell: (organisation: string, alert: Alert) => Promise<void>;
  private made: AlertBook | undefined;

  /** `tell` hands one to the account of an organisation, which takes it once however often it comes. */
  constructor(sql: SqlStorage, policy: () => MeterPolicy | undefined, counters: () => Counters, tell: (organisation: string, alert: Alert) => Promise<void>) {
    this.sql = sql;
    this.policy = policy;
    this.counters = counters;
    this.tell = tell;
  }

  private get book(): AlertBook {
    return (this.made ??= new AlertBook(this.sql));
  }

  private own(policy = this.policy()): Own[] {
    return policy ? ownOf(policy, this.counters()) : [];
  }

  /** Something was spent: which thresholds are spent through by it? Most keys have none, and then nothing is read or written. */
  see(nowMs: number): void {
    for (const one of this.own()) if (one.pool.soft.some((share) => one.spent >= share * one.pool.amount)) this.book.see(this.policy()!.organisationId, one.pool, stateOf(one, nowMs));
  }

  /** A request was refused that needs more than is left, whatever is held by others. */
  refused({ code }: Refusal, estimate: Estimate, nowMs: number): void {
    if (!spent.includes(code)) return;
    for (const one of this.own()) if (one.spent + estimate[one.pool.unit] > one.pool.amount) this.book.refused(this.policy()!.organisationId, one.pool, stateOf(one, nowMs));
  }

  /** A newer policy comes. Of a limit that is another one than before, what is not spent through now may be told again. */
  changing(policy: MeterPolicy): void {
    const amounts = new Map(this.own().map(({ pool }) => [pool.id, pool.amount]));
    for (const { pool, spent: used } of this.own(policy)) if (amounts.has(pool.id) && amounts.get(pool.id) !== pool.amount) this.book.rearm(pool, used, pool.amount);
  }

  /** Hands over what nobody has been told of. Returns whether something is left; what fails is handed over again. */
  async hand(nowMs: number): Promise<boolean> {
    const own = this.own();
    if (own.length === 0) return false;
    const { organisationId } = this.policy()!;
    await Promise.allSettled(this.book.due(nowMs).map(async (due) => {
      await this.tell(organisationId, due.alert);
      this.book.save(due, { mailed: [], heard: true, done: true });
    }));
    this.book.forget(own.map(({ pool }) => pool), nowMs);
    return this.book.next() !== undefined;
  }
}

const stateOf = ({ pool, spent: used }: Own, nowMs: number) => ({ spent: used, limit: pool.amount, bucketMs: bucketAt(pool.window, nowMs).startMs, nowMs });
