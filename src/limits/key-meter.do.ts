import { DurableObject } from "cloudflare:workers";
import type { LedgerEntry } from "../ledger/entry.ts";
import type { Receipt } from "../receipts/index.ts";
import { log } from "../telemetry/log.ts";
import { adjust } from "./adjusting.ts";
import { expiredOutcome, postingOf, type Adjusted, type Adjustment } from "./posting.ts";
import type { Recalled } from "./account.ts";
import { rateOf, refusalOf, refuse, standing, unavailable, type Counters } from "./allowance.ts";
import { Affinity } from "./affinity.ts";
import { AllotmentRows } from "./allotment-rows.ts";
import { Allotments } from "./allotments.ts";
import { Chain } from "./chain.ts";
import { advance, countIn, countOut, countSpent } from "./counters.ts";
import { Drawing, type Short } from "./drawing.ts";
import { Export } from "./export.ts";
import { MeterStore, type Hold } from "./meter-store.ts";
import type { MeterOperation, MeterPolicy, MeterReply, RateState, Refusal } from "./policy.ts";
import { Refusals } from "./refusals.ts";
import { within } from "../within.ts";
import { OwnAlerts } from "./own-alerts.ts";
import { alarmCallMs } from "./patience.ts";

/** How long a hold lives without a sign of life; open requests renew it. */
export const leaseMs = 5 * 60_000;
const rollUpEveryMs = 60_000;
const mostReleased = 1_000;
type Operation<D extends MeterOperation["do"]> = Extract<MeterOperation, { do: D }>;
/**
 * The truth about one API key: its policy, its counters, its open holds and its fresh ledger entries. One object per key.
 * `apply` takes many operations without an `await` between them: they are one transaction, whose answer leaves when its rows are durable.
 * Reservations that lack an allotment wait for one and are tried again as one. Every operation is idempotent by request id.
 */
export class KeyMeter extends DurableObject<Cloudflare.Env> {
  private readonly store: MeterStore;
  private policy: MeterPolicy | undefined;
  private counters: Counters;
  private readonly holds = new Map<string, Hold>();
  private readonly allotments: Allotments;
  private readonly drawing: Drawing;
  private readonly exporting: Export;
  private readonly affinity: Affinity;
  private readonly own: OwnAlerts;
  private readonly refusals: Refusals;
  /** What was taken back: a reserve that is overtaken by its release, or told twice, would be held for nobody. */
  private readonly released = new Set<string>();
  private alarmSet = false;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.store = new MeterStore(state.storage.sql);
    this.policy = this.store.policy();
    this.counters = this.store.counters(Date.now());
    for (const hold of this.store.holds()) this.holds.set(hold.id, hold);
    this.affinity = new Affinity(state.storage.sql);
    this.own = new OwnAlerts(state.storage.sql, () => this.policy, () => this.counters, (organisation, alert) => env.ORG_ACCOUNT.getByName(organisation).alert(alert));
    this.refusals = new Refusals(state.storage.sql);
    this.exporting = new Export({ store: this.store, chain: new Chain(state.storage.sql, this.store.ids()), refusals: this.refusals }, () => this.env.DB);
    this.allotments = new Allotments(new AllotmentRows(state.storage.sql), this.store, this.policy?.pools ?? [], this.holds.values());
    this.drawing = new Drawing(this.allotments, {
      ask: (asks) => env.ORG_ACCOUNT.getByName(this.policy!.organisationId).draw(this.policy!.keyId, asks),
      reserve: (operation) => this.reserve(operation, advance(this.counters, Date.now())),
      refuse: (lacking, operation) => this.refused(operation, refusalOf(lacking, this.policy!, operation.estimate, Date.now()), Date.now()),
    });
    void state.blockConcurrencyWhile(async () => void (this.alarmSet = (await state.storage.getAlarm()) !== null));
  }

  /** Takes a key's newer policy. An older one than it knows is ignored. What runs in a pool that it has come to is drawn for at once. */
  adopt(policy: MeterPolicy): void | Promise<void> {
    if (this.policy && this.policy.version >= policy.version) return;
    this.own.changing(policy);
    this.store.savePolicy((this.policy = policy));
    this.allotments.adopt(policy.pools ?? [], () => this.holds.values(), Date.now());
    if (this.allotments.overdrawn()) return this.drawing.cover();
  }

  /** Runs `operations` in order. `policy` comes along when the caller is not sure that the object has it. */
  apply(operations: MeterOperation[], policy?: MeterPolicy): MeterReply[] | Promise<MeterReply[]> {
    if (policy) void this.adopt(policy);
    const now = advance(this.counters, Date.now());
    const replies = operations.map((operation) => this.one(operation, now));
    this.wakeAt(now + rollUpEveryMs);
    if (this.allotments.overdrawn()) void this.report(now).catch(this.failed("report_failed"));
    return replies.some(({ is }) => is === "short") ? this.drawing.finish(operations, replies) : (replies as MeterReply[]);
  }

  private one(operation: MeterOperation, now: number): MeterReply | Short {
    switch (operation.do) {
      case "reserve": return this.reserve(operation, now);
      case "settle": return { is: "done", changed: this.settle(operation, now) };
      case "release": return { is: "done", changed: this.release(operation.id) };
      case "renew": return { is: "done", changed: this.renew(operation.id, now) };
      case "look": return standing(this.policy, operation.version) ?? this.looked(operation, now);
    }
  }

  private reserve(operation: Operation<"reserve">, now: number): MeterReply | Short {
    const { id, version, estimate, model, sessions, owed } = operation;
    const other = owed ? undefined : standing(this.policy, version);
    if (other) return other;
    if (this.holds.has(id)) return this.granted(sessions, now);
    if (this.released.has(id)) return { is: "refused", refusal: unavailable, rate: this.rate() };
    const refusal = owed ? undefined : refuse(this.policy!, this.counters, estimate, now);
    if (refusal) return this.refused(operation, refusal, now);
    const pools = owed ? [] : this.allotments.short(estimate, () => this.holds.values(), now);
    if (pools.length > 0) return { is: "short", pools };
    const { minute } = this.counters;
    const hold: Hold = { id, at: now, lease: now + leaseMs, minute: minute.window, tokens: estimate.tokens, nanoUsd: estimate.nanoUsd, model, requests: minute.requests + 1 };
    if (!this.store.hold(hold)) return this.granted(sessions, now);
    this.holds.set(id, hold);
    this.allotments.hold(hold);
    countIn(this.counters, hold);
    return this.granted(sessions, now);
  }

  private refused({ id, model, protocol, estimate }: Operation<"reserve">, refusal: Refusal, now: number): MeterReply {
    this.own.refused(refusal, estimate, now);
    if (protocol !== undefined) this.refusals.noteOwn({ id, model, protocol, code: refusal.code }, now);
    return { is: "refused", refusal, rate: this.rate() };
  }

  private looked({ refused }: Operation<"look">, now: number): MeterReply {
    if (refused && !this.holds.has(refused.id) && !this.store.entry(refused.id)) this.refusals.note(refused, now);
    return { is: "granted", rate: this.rate() };
  }

  /** Posts what was really used, also when it is more than was held. False: settled before, or never held. */
  private settle({ id, posting, session }: Operation<"settle">, now: number): boolean {
    const hold = this.lift(id);
    if (!hold) return false;
    if (session) this.affinity.note(session.id, session.vital, now);
    this.store.settle(id, posting);
    const spent = { tokens: posting.inputTokens + posting.outputTokens, nanoUsd: posting.nanoUsd };
    this.allotments.spend(hold, spent);
    countSpent(this.counters, hold, spent);
    this.own.see(now);
    return true;
  }

  /** Takes back a hold whose request never ran. Its place in the minute is free again unless others came after it. */
  private release(id: string): boolean {
    if (this.released.size >= mostReleased) this.released.clear();
    this.released.add(id);
    const hold = this.lift(id);
    if (!hold) return false;
    this.store.release(id);
    const { minute } = this.counters;
    if (hold.minute === minute.window && hold.requests === minute.requests) minute.requests -= 1;
    return true;
  }

  /** Takes a hold out of the counters. */
  private lift(id: string): Hold | undefined {
    const hold = this.holds.get(id);
    if (!hold) return undefined;
    this.holds.delete(id);
    this.allotments.lift(hold);
    countOut(this.counters, hold);
    return hold;
  }

  private renew(id: string, now: number): boolean {
    const hold = this.holds.get(id);
    if (!hold) return false;
    hold.lease = now + leaseMs;
    this.store.renew(id, hold.lease);
    return true;
  }

  private granted(sessions: readonly string[] | undefined, now: number): MeterReply {
    const stuck = sessions && this.affinity.of(sessions, now);
    return { is: "granted", rate: this.rate(), ...(stuck !== undefined && { stuck }) };
  }

  private rate(): RateState {
    return rateOf(this.policy!, this.counters, this.policy!.pools ? this.allotments.warnings(Date.now()) : []);
  }

  /** Gives back to the organisation's account what of its allotments nobody here holds. */
  recall(shares: readonly { pool: string; bucketMs: number; granted: number | undefined }[]): Recalled[] {
    return shares.flatMap(({ pool, bucketMs, granted }) => this.allotments.recall(pool, bucketMs, granted) ?? []);
  }

  /** One finished request while it is still here (D1 has it afterwards). */
  entry(id: string): LedgerEntry | undefined {
    return this.store.entry(id);
  }

  /** What is here of these requests, and of those numbered behind them (`req_…r2`): which are open, and the entries of the others. */
  under(ids: string[]): { open: string[]; entries: LedgerEntry[] } {
    const all = ids.flatMap((id) => this.store.idsUnder(id));
    return { open: all.filter((id) => this.holds.has(id)), entries: all.flatMap((id) => this.store.entry(id) ?? []) };
  }

  /** Counters and rows written, for tests and the operator. */
  inspect(): { counters: Counters; rowsWritten: number; allotments: ReturnType<Allotments["inspect"]> } {
    advance(this.counters, Date.now());
    return { counters: this.counters, rowsWritten: this.store.rowsWritten, allotments: this.allotments.inspect() };
  }

  /** Writes everything settled and refused to D1; `account`: and tells the organisation's account. Safe to repeat. Throws when one of them does. */
  async flush({ account = false } = {}): Promise<void> {
    if (this.policy) await Promise.all([this.exporting.flush(this.policy), account && this.report(Date.now())]);
  }

  /** The receipt of a finished request that is still here (D1 has it afterwards). */
  async receipt(id: string): Promise<Receipt | undefined> {
    return this.policy && this.exporting.receipt(this.policy, id);
  }

  /** Corrects what a request was charged, by an entry of its own. The same correction again changes nothing. */
  adjust(adjustment: Adjustment, original: LedgerEntry): Adjusted {
    const now = advance(this.counters, Date.now());
    const adjusted = adjust({ store: this.store, counters: this.counters, allotments: this.allotments }, adjustment, original, now);
    if (adjusted.is === "posted") this.own.see(now);
    this.wakeAt(now + rollUpEveryMs);
    return adjusted;
  }

  /** Never rejects: the runtime gives up on an alarm that fails for minutes, and D1 may be away for longer. */
  override async alarm(): Promise<void> {
    this.alarmSet = false;
    const now = advance(this.counters, Date.now());
    // Nobody settled these in time (the isolate died): charged at their estimate, never free, never stuck.
    for (const hold of this.holds.values()) if (hold.lease <= now) this.settle({ do: "settle", id: hold.id, posting: postingOf(expiredOutcome(hold, leaseMs)) }, now);
    this.affinity.tidy(now);
    await within(this.flush().catch(this.failed("roll_up_failed")), alarmCallMs);
    const reported = await within(this.report(now).then(() => true, this.failed("report_failed")), alarmCallMs);
    const left = await within(this.own.hand(now), alarmCallMs);
    if (this.store.busy() || this.refusals.busy() || !reported || left !== false) this.wakeAt(Date.now() + rollUpEveryMs);
  }

  private readonly failed = (what: string) => (error: unknown): void => log("warn", what, { key: this.policy?.keyId ?? null, message: String(error) });

  /** Tells the organisation's account what was spent since the last time, and forgets what is over. */
  private async report(now: number): Promise<void> {
    const shares = this.allotments.untold(now);
    if (shares.length > 0) await this.env.ORG_ACCOUNT.getByName(this.policy!.organisationId).report(this.policy!.keyId, shares);
    this.allotments.told(shares, now);
  }

  /** Keeps an earlier alarm, lest naps push the roll-up ahead for ever; written with the hold that needs it, in one transaction. */
  private wakeAt(ms: number): void {
    if (this.alarmSet) return;
    this.alarmSet = true;
    void this.ctx.storage.setAlarm(ms);
  }
}
