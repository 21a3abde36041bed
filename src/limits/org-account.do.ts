import { DurableObject } from "cloudflare:workers";
import { creditPool, type AccountPolicy, type AccountPool } from "../accounts/budgets.ts";
import type { Alert } from "../alerts/index.ts";
import { tellAccount } from "../ledger/account-events.ts";
import { log } from "../telemetry/log.ts";
import { thresholdOf, type Ask, type Drawn, type Grant, type Lack, type Share } from "./account.ts";
import { Alerting } from "./alerting.ts";
import { AccountBook, type Outstanding } from "./account-book.ts";
import { AccountStore } from "./account-store.ts";
import { CreditBook } from "./credit-book.ts";
import { sameEntry, type CreditEntry } from "./credits.ts";
import type { AccountStanding, Posted } from "./account-standing.ts";
import { bucketAt } from "./windows.ts";
import { within } from "../within.ts";
import { alarmCallMs } from "./patience.ts";

/** How long a key may take to say what it does not need. */
const recallMs = 2_000;
const tellAfterMs = 1_000;
const tellAgainAfterMs = 60_000;
const toldAtOnce = 500;
/** How long after a bucket's end its account looks for what can be forgotten. */
const forgetAfterMs = 60_000;

/** With the pools that are no more: keys that have not heard of it yet draw on them freely. */
type Adopted = AccountPolicy & { dropped?: readonly AccountPool[] };

/**
 * The truth about what an organisation's keys share: its credits, its plan's quotas, its budgets. One object per organisation.
 * Keys draw allotments ahead of need, so it is asked once per allotment and not per request. Draws that find too little free ask the
 * other keys back for what they do not need, one draw after the other: what one has asked back no other takes.
 */
export class OrgAccount extends DurableObject<Cloudflare.Env> {
  private readonly store: AccountStore;
  private readonly book: AccountBook;
  private readonly credits: CreditBook;
  private readonly alerting: Alerting;
  private policy: Adopted | undefined;
  private line: Promise<unknown> | undefined;
  private wakesAtMs: number | undefined;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.store = new AccountStore(state.storage.sql);
    this.policy = this.store.policy();
    this.book = new AccountBook(this.store);
    void state.blockConcurrencyWhile(async () => void (this.wakesAtMs = (await state.storage.getAlarm()) ?? undefined));
    this.credits = new CreditBook(this.store, this.book);
    this.alerting = new Alerting(state.storage.sql, { env: this.env, organisationId: () => this.policy?.organisationId ?? this.ctx.id.name ?? "", book: this.book, policy: () => this.policy, wakeAt: (ms) => this.wakeAt(ms) });
  }

  /**
   * Takes a newer policy. An older one than it knows is ignored. Of a pool that has become less than what was handed out of it keys are asked
   * back for what they do not need. Throws when one could not be asked: the next newer policy tries again.
   */
  async adopt(policy: AccountPolicy): Promise<void> {
    if (this.policy && this.policy.version >= policy.version) return;
    const left = [...(this.policy?.pools ?? []), ...(this.policy?.dropped ?? [])].filter(({ id }) => !policy.pools.some((pool) => pool.id === id));
    const before = this.policy?.pools ?? [];
    this.policy = { ...policy, dropped: left };
    this.store.savePolicy(this.policy);
    this.alerting.changed(policy.pools.filter((pool) => before.find(({ id }) => id === pool.id)?.amount !== pool.amount));
    const overdrawn = policy.pools.filter((pool) => this.book.standing(pool, Date.now()).free < 0);
    if (overdrawn.length > 0 && (await this.inLine(() => this.recall(overdrawn)))) throw new Error("A key could not be asked for what it does not need.");
  }

  /** Hands a key what it asks for, as far as it is there. The same again hands out nothing more. */
  draw(key: string, asks: readonly Ask[]): Drawn | Promise<Drawn> {
    this.hear(key, asks);
    if (!this.line) {
      const drawn = this.hand(key, asks, false);
      if (drawn.lacking.length === 0) return drawn;
    }
    return this.inLine(async () => {
      const drawn = this.hand(key, asks, false);
      if (drawn.lacking.length === 0) return drawn;
      const unsure = await this.recall((this.policy?.pools ?? []).filter(({ id }) => drawn.lacking.some(({ pool }) => pool === id)), { key, asks });
      const last = this.hand(key, asks, true);
      if (!unsure) this.alerting.refused(asks, last.lacking);
      return { ...last, lacking: last.lacking.map((lack) => ({ ...lack, unsure: lack.unsure || unsure })) };
    });
  }

  /** Takes what a key says it has spent and given back. */
  report(key: string, shares: readonly Share[]): void {
    this.hear(key, shares);
  }

  /** Tells people what a key's own limit has come to. The same again is told once. */
  alert(alert: Alert): void {
    this.alerting.take(alert);
  }

  /**
   * Writes a line into the credit ledger. Money is only taken back when no key needs it; `evenIfSpent`: also when it is gone, for
   * what has left already. Then nothing is handed out until the balance is above zero again.
   */
  async post(entry: CreditEntry, { evenIfSpent = false }: { evenIfSpent?: boolean } = {}): Promise<Posted> {
    const known = this.store.credit(entry.id);
    if (known) return { is: sameEntry(known, entry) ? "known" : "conflict" };
    if (entry.nanoUsd >= 0) return this.write(entry);
    return this.inLine(async () => {
      await this.recall([creditPool]);
      const again = this.store.credit(entry.id);
      if (again) return { is: sameEntry(again, entry) ? "known" : "conflict" };
      const free = this.credits.free();
      if (!evenIfSpent && free + entry.nanoUsd < 0) return { is: "lacking", free: Math.max(0, free) };
      return this.write(entry);
    });
  }

  /** What is handed out, spent and left, as of the keys' last words: at most a minute old for a key that spends. */
  standing(nowMs: number): AccountStanding {
    const pools = (this.policy?.pools ?? []).map((pool) => {
      const { startMs, endMs } = bucketAt(pool.window, nowMs);
      const { out, spent, free } = this.book.standing(pool, startMs);
      return { ...pool, bucketMs: startMs, endMs, limit: this.book.amountOf(pool), spent, held: out - spent, free };
    });
    const { out, spent, free } = this.book.standing(creditPool, nowMs);
    return { pools, creditEntries: this.store.creditList(1_000), creditNanoUsd: this.store.credits(), credit: { spent, held: out - spent, free } };
  }

  /** Never rejects: the runtime gives up on an alarm that fails for minutes. */
  override async alarm(): Promise<void> {
    this.wakesAtMs = undefined;
    const now = Date.now();
    let again = this.store.nextExpiry();
    if (again !== undefined && again <= now) {
      await this.inLine(async () => {
        await this.recall([creditPool]);
        this.credits.expire(now);
      });
      again = Math.max(this.store.nextExpiry() ?? Infinity, now + tellAgainAfterMs);
    }
    try {
      for (let more: boolean | undefined = true; more; ) {
        more = await within(this.tell(), alarmCallMs);
        if (more === undefined) throw new Error("D1 did not answer in time.");
      }
    } catch (error) {
      log("warn", "account_events_failed", { organisationId: this.policy?.organisationId ?? null, message: String(error) });
      again = Math.min(again ?? Infinity, now + tellAgainAfterMs);
    }
    again = Math.min(again ?? Infinity, await this.alerting.tell());
    this.book.forget([...(this.policy?.pools ?? []), ...(this.policy?.dropped ?? [])], now);
    if (again < Infinity) this.wakeAt(again);
  }

  private hear(key: string, shares: readonly Share[]): void {
    this.book.hear(key, shares);
    this.alerting.heard(shares);
  }

  /** Does one thing after the other. */
  private inLine<T>(work: () => Promise<T>): Promise<T> {
    const done = (this.line ?? Promise.resolve()).then(work);
    const line = done.catch(() => {}).then(() => {
      if (this.line === line) this.line = undefined;
    });
    this.line = line;
    return done;
  }

  private pool(id: string): AccountPool | undefined {
    const dropped = this.policy?.dropped?.find((pool) => pool.id === id);
    return dropped ? { ...dropped, amount: Number.MAX_SAFE_INTEGER, soft: [] } : this.policy?.pools.find((pool) => pool.id === id);
  }

  private hand(key: string, asks: readonly Ask[], last: boolean): Drawn {
    const now = Date.now();
    const grants: Grant[] = [];
    const lacking: Lack[] = [];
    for (const ask of asks) {
      const pool = this.pool(ask.pool);
      // A pool that the account has not heard of, or a clock that is wrong: nobody can say that there is room.
      if (!pool || !this.book.isCurrent(pool, ask.bucketMs, now)) {
        lacking.push({ pool: ask.pool, obtainable: 0, unsure: true, endMs: now });
        continue;
      }
      // When the bucket is over, older ones can be forgotten.
      if (pool.window.of !== "total" && this.book.isBlank(pool.id, ask.bucketMs)) this.wakeAt(bucketAt(pool.window, ask.bucketMs).endMs + forgetAfterMs);
      const { grant, short } = this.book.hand(pool, key, ask, now, last);
      grants.push(grant);
      // Every bucket that was handed out of has an end at which older ones are forgotten.
      if (pool.window.of !== "total") this.wakeAt(bucketAt(pool.window, ask.bucketMs).endMs);
      if (grant.warning !== undefined && this.store.pass({ pool: pool.id, bucketMs: ask.bucketMs, share: grant.warning, atMs: now })) this.wakeAt(now + tellAfterMs);
      if (short === 0) continue;
      const { free, out, spent } = this.book.standing(pool, ask.bucketMs);
      lacking.push({ pool: pool.id, obtainable: free + out - spent, unsure: false, endMs: bucketAt(pool.window, ask.bucketMs).endMs });
    }
    return { grants, lacking };
  }

  /** Asks keys back for what they do not need, but for the allotments that `but` wants more of. Returns whether one could not be asked. */
  private async recall(pools: readonly AccountPool[], but?: { key: string; asks: readonly Ask[] }): Promise<boolean> {
    const now = Date.now();
    const isWanted = ({ key, pool, bucketMs }: Outstanding): boolean =>
      key === but?.key && but.asks.some((ask) => ask.pool === pool && ask.bucketMs === bucketMs);
    const outstanding = pools.flatMap((pool) => this.book.outstanding(pool, now, now)).filter((one) => !isWanted(one));
    const answers = await Promise.all([...Map.groupBy(outstanding, ({ key }) => key)].map(([key, shares]) => this.recallFrom(key, shares)));
    return answers.includes(false);
  }

  /** Asks one key, again while a grant is on its way to it: that can only be given back once it has arrived. */
  private async recallFrom(key: string, shares: readonly Outstanding[]): Promise<boolean> {
    const stub = this.env.KEY_METER.getByName(key);
    const untilMs = Date.now() + recallMs;
    let open = shares;
    try {
      for (let pauseMs = 2; ; pauseMs *= 2) {
        const asked = open.map(({ pool, bucketMs, granted, isLost }) => ({ pool, bucketMs, granted: isLost ? granted : undefined }));
        const answers = await within(Promise.resolve(stub.recall(asked)), recallMs);
        if (!answers) return false;
        this.hear(key, answers);
        open = open.filter((one) => answers.some(({ pool, bucketMs, granted }) => pool === one.pool && bucketMs === one.bucketMs && granted < one.granted));
        if (open.length === 0 || Date.now() >= untilMs) return open.length === 0;
        await scheduler.wait(pauseMs);
      }
    } catch (error) {
      log("warn", "recall_failed", { keyId: key, message: String(error) });
      return false;
    }
  }

  private write(entry: CreditEntry): Posted {
    this.credits.post(entry);
    this.alerting.changed([creditPool]);
    this.store.rearm(creditPool.id, thresholdOf(creditPool.soft, this.store.credits(), this.book.standing(creditPool, Date.now()).out).passed ?? 0);
    this.wakeAt(Math.min(Date.now() + tellAfterMs, entry.expiresAtMs ?? Infinity));
    return { is: "posted" };
  }

  /** Writes to D1 what it has not heard of yet. Returns whether there is more. */
  private async tell(): Promise<boolean> {
    const untold = this.store.untold(toldAtOnce);
    const organisationId = this.policy?.organisationId ?? this.ctx.id.name;
    if (organisationId === undefined || untold.credits.length + untold.passed.length === 0) return false;
    await tellAccount(this.env.DB, organisationId, untold.credits, untold.passed.map((row) => ({ ...row, name: this.policy?.pools.find(({ id }) => id === row.pool)?.name ?? row.pool })));
    this.store.markTold(untold);
    return untold.credits.length === toldAtOnce || untold.passed.length === toldAtOnce;
  }

  /** Brings the alarm forward, never back. */
  private wakeAt(ms: number): void {
    if (this.wakesAtMs !== undefined && this.wakesAtMs <= ms) return;
    this.wakesAtMs = ms;
    void this.ctx.storage.setAlarm(ms);
  }
}
