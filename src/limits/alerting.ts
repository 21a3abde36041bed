/** How an organisation's account comes to tell people what its budgets have come to. */
import type { AccountPolicy, AccountPool } from "../accounts/budgets.ts";
import type { Alert } from "../alerts/index.ts";
import { tellAlert } from "../ledger/account-events.ts";
import { log } from "../telemetry/log.ts";
import { within } from "../within.ts";
import type { Ask, Lack, Share } from "./account.ts";
import type { AccountBook } from "./account-book.ts";
import { AlertBook, type Due } from "./alert-book.ts";
import { alarmCallMs } from "./patience.ts";

/** What it needs of its account. `wakeAt` brings its alarm forward. */
export type Account = { env: Cloudflare.Env; organisationId: () => string; book: AccountBook; policy: () => AccountPolicy | undefined; wakeAt: (ms: number) => void };

const tellAfterMs = 1_000;

export class Alerting {
  private readonly account: Account;
  private readonly alerts: AlertBook;

  constructor(sql: SqlStorage, account: Account) {
    this.account = account;
    this.alerts = new AlertBook(sql);
  }

  /** A key has said what it has spent: which thresholds are spent through by it? */
  heard(shares: readonly Pick<Share, "pool" | "bucketMs">[]): void {
    this.note(shares, "see");
  }

  /** A key was refused for want of room. */
  refused(asks: readonly Ask[], lacking: readonly Lack[]): void {
    this.note(asks.filter(({ pool }) => lacking.some((lack) => lack.pool === pool && !lack.unsure)), "refused");
  }

  private note(shares: readonly Pick<Share, "pool" | "bucketMs">[], how: "see" | "refused"): void {
    const { policy, wakeAt } = this.account;
    const { organisationId, pools } = policy() ?? { organisationId: "", pools: [] };
    const nowMs = Date.now();
    for (const { pool: id, bucketMs } of shares) {
      const pool = pools.find((one) => one.id === id);
      if (pool && pool.soft.length > 0 && this.alerts[how](organisationId, pool, { ...this.stateOf(pool, bucketMs), bucketMs, nowMs })) wakeAt(nowMs + tellAfterMs);
    }
  }

  private stateOf(pool: AccountPool, ms: number): { spent: number; limit: number } {
    const { book } = this.account;
    return { spent: book.standing(pool, ms).spent, limit: book.amountOf(pool) };
  }

  /** A key has noticed something of its own limits. */
  take(alert: Alert): void {
    this.alerts.take(alert);
    this.account.wakeAt(Date.now() + tellAfterMs);
  }

  /** Pools that are larger or smaller than they were. */
  changed(pools: readonly AccountPool[]): void {
    for (const pool of pools) {
      const { spent, limit } = this.stateOf(pool, Date.now());
      this.alerts.rearm(pool, spent, limit);
    }
  }

  /** Tells whoever wants to know what is due, and forgets what is over. Never rejects. Returns when to go on. */
  async tell(): Promise<number> {
    const due = this.alerts.due(Date.now());
    if (due.length > 0) await within(Promise.all(due.map((one) => this.tellOne(one))), alarmCallMs);
    this.alerts.forget(this.account.policy()?.pools ?? [], Date.now());
    this.alerts.forgetTaken(Date.now());
    return this.alerts.next() ?? Infinity;
  }

  private async tellOne(due: Due): Promise<void> {
    const { env } = this.account;
    const organisationId = this.account.organisationId();
    try {
      await tellAlert(env.DB, organisationId, due.alert);
      const { tell } = await import("../alerts/index.ts");
      this.alerts.save(due, await tell(env, organisationId, due.alert, due.told, Date.now()));
    } catch (error) {
      log("warn", "alert_failed", { organisationId, message: String(error) });
    }
  }
}
