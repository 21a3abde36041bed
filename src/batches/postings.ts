/**
 * What a batch's object says to its key's meter: the posting of each line's outcome, and the taking back of requests whose result nobody
 * brought. Both may be said again. A hold that ran out before was charged by estimate: that is corrected, so that what lines cost together is
 * what they cost one by one.
 */
import { findRequests } from "../ledger/requests.ts";
import type { LedgerEntry } from "../ledger/entry.ts";
import type { Adjusted, MeterOperation, MeterReply } from "../limits/index.ts";
import type { Settlement } from "../pipeline/index.ts";
import { within } from "../within.ts";
import type { BatchRows } from "./batch-rows.ts";
import type { Due } from "./words.ts";

/** The part of a key's meter that is needed here. */
export type Meter = {
  apply(operations: MeterOperation[], policy?: Settlement["policy"]): Promise<MeterReply[]>;
  under(ids: string[]): Promise<{ open: string[]; entries: LedgerEntry[] }>;
  adjust(adjustment: { id: string; request: string; nanoUsd: number; reason: string }, original: LedgerEntry): Promise<Adjusted>;
};

/** As many are said in one call. */
const atOnce = 200;
const callMs = 10_000;

const inTime = async <T>(call: Promise<T>): Promise<T> => {
  const answer = await within(call, callMs);
  if (answer === undefined) throw new Error("The key's object did not answer in time.");
  return answer;
};

/** Says all of it. Throws when the meter or D1 cannot be reached: then all of it is to be said again. */
async function post(dues: readonly Due[], meter: Meter, db: D1Database): Promise<void> {
  const settlements = new Map(dues.flatMap(({ id, settle }) => (settle === undefined ? [] : [[id, JSON.parse(settle) as Settlement] as const])));
  // A line may have been several requests: whoever takes it back takes all of them.
  const released = dues.flatMap(({ id }) => (settlements.has(id) ? [] : [id]));
  const behind = released.length === 0 ? [] : (await inTime(meter.under(released))).open.filter((id) => !released.includes(id));
  const operations = [...dues.map(({ id }): MeterOperation => settlements.get(id)?.operation ?? { do: "release", id }), ...behind.map((id): MeterOperation => ({ do: "release", id }))];
  const newest = [...settlements.values()].reduce<Settlement["policy"] | undefined>((best, { policy }) => (best && best.version >= policy.version ? best : policy), undefined);
  const replies = await inTime(meter.apply(operations, newest));
  const unchanged = dues.filter((_, i) => !(replies[i] as { changed?: boolean }).changed).map(({ id }) => id);
  if (unchanged.length === 0) return;
  // The meter writes to D1 before it forgets, so what it does not have any more is there.
  const here = (await inTime(meter.under(unchanged))).entries;
  const entries = new Map([...(await findRequests(db, unchanged)), ...here].map((entry) => [entry.id, entry]));
  for (const entry of [...entries.values()].filter(({ id, end }) => end === "lease_expired" && (settlements.has(id) || released.some((one) => id.startsWith(one))))) {
    const nanoUsd = (settlements.get(entry.id)?.operation.posting.nanoUsd ?? 0) - entry.costNanoUsd;
    if (nanoUsd === 0) continue;
    const reason = settlements.has(entry.id) ? "batch: its usage came after its lease had run out" : "batch: the line ran again as another request";
    const adjusted = await inTime(meter.adjust({ id: entry.id.replace("req_", "adj_"), request: entry.id, nanoUsd, reason }, entry));
    if (adjusted.is === "conflict" || adjusted.is === "too_much") throw new Error(`The charge of ${entry.id} cannot be corrected: ${adjusted.is}.`);
  }
}

/** What is due stays in its row until the meter has heard it. */
export class Postings {
  private running: Promise<void> | undefined;
  private readonly rows: BatchRows;
  private readonly meter: () => Meter;
  private readonly db: D1Database;
  private readonly failed: (error: unknown) => void;

  constructor(rows: BatchRows, meter: () => Meter, db: D1Database, failed: (error: unknown) => void) {
    this.rows = rows;
    this.meter = meter;
    this.db = db;
    this.failed = failed;
  }

  get isEmpty(): boolean {
    return this.rows.dues(1).length === 0;
  }

  /** Says all that is due, one call after the other. Never rejects: what could not be said is due the next time. */
  post(): Promise<void> {
    this.running ??= this.all().catch(this.failed).finally(() => (this.running = undefined));
    return this.running;
  }

  private async all(): Promise<void> {
    for (let dues = this.rows.dues(atOnce); dues.length > 0; dues = this.rows.dues(atOnce)) {
      await post(dues, this.meter(), this.db);
      this.rows.dropDues(dues.map(({ id }) => id));
    }
  }
}
