/** The parts of a batch that are not done, as its object holds them beside their rows. */
import { mostLeases, requestIdOf, type Batch } from "./batch.ts";
import type { BatchRows } from "./batch-rows.ts";
import { claimed, faster, firstPace, holds, isAnswered, isLapsed, lapsed, leaseMs, mostStrikes, nativePart, progressed, sentMs, slower, toSend, type Pace, type Part } from "./part.ts";
import { noLineUsage, together, type Result } from "./words.ts";

export class Parts {
  /** In order. */
  private readonly all = new Map<number, Part>();
  /** Until when word of a part may be under way; a part that is leased is here as long as its holder is heard. */
  private readonly underWay = new Map<number, number>();
  private pace: Pace = firstPace;
  private readonly rows: BatchRows;

  constructor(rows: BatchRows) {
    this.rows = rows;
  }

  /** Takes up those that have rows, and are wanted. */
  load(wanted: (part: Part) => boolean): void {
    for (const part of this.rows.openParts()) if (wanted(part)) this.all.set(part.part, part);
  }

  get(number: number): Part | undefined {
    return this.all.get(number);
  }

  /** A new one. */
  open(part: Part): void {
    this.rows.addPart(part, null);
    this.all.set(part.part, part);
  }

  save(part: Part): void {
    this.all.set(part.part, part);
    this.rows.savePart(part);
  }

  /** It is done. */
  close(number: number): void {
    this.all.delete(number);
    this.underWay.delete(number);
  }

  /** It is done, and nothing of it is to be known any more. */
  drop(number: number): void {
    this.close(number);
    this.rows.dropPart(number);
  }

  /** The part, if this lease is the one that holds it: its holder has been heard. */
  held(number: number, lease: number, nowMs: number): Part | undefined {
    const part = this.all.get(number);
    if (!part || !holds(part, lease)) return undefined;
    this.underWay.set(number, nowMs + leaseMs);
    return part;
  }

  /** A new lease. */
  claim(part: Part, nowMs: number): Part | undefined {
    const next = claimed(part, nowMs);
    if (!next) return undefined;
    this.save(next);
    this.underWay.set(next.part, nowMs + leaseMs);
    return next;
  }

  /** It is open again. */
  reopen(part: Part): void {
    this.save(part);
    this.underWay.delete(part.part);
  }

  /** Parts from which nobody came back: whatever was begun there is taken back, and a line that seems to kill whoever runs it is given up. */
  lapse(batch: Batch, nowMs: number): void {
    for (const [number, untilMs] of this.underWay) if (untilMs <= nowMs) this.underWay.delete(number);
    for (const part of [...this.all.values()].filter((one) => isLapsed(one, nowMs))) {
      const open = lapsed(part);
      this.reopen(open);
      this.takeBack(batch, part, undefined);
      if (part.part > 0 && (open.strikes >= mostStrikes || open.lease >= mostLeases)) this.give(open, 1, "lost");
    }
  }

  /** Takes back the requests that a lease has begun and has no result of; `begun` undefined: nobody knows of which lines. `unread`: lines whose answer by the provider is dropped. */
  takeBack({ id, native }: Batch, part: Part, begun: readonly number[] | undefined, unread: readonly number[] = []): void {
    for (const line of unread) this.rows.dropAnswer(line);
    const held = part.part === nativePart && native?.state === "offered" ? [0] : [];
    this.rows.takeBack([...held, ...(begun ?? this.rows.openLines(part))].map((line) => requestIdOf(id, line, part.lease)));
  }

  /** Gives up a part's first open lines, at most so many. */
  give(part: Part, most: number, code: string): void {
    const next = this.add(part, this.rows.openLines(part).slice(0, most).map((line) => ({ line, failed: true, code, pieces: [], settles: [], usage: noLineUsage })));
    this.save(next);
    if (isAnswered(next)) this.close(part.part);
  }

  /** Writes results. Returns what the part then is. */
  add(part: Part, results: readonly Result[]): Part {
    const fresh = results.filter((result) => this.rows.addResult(result));
    if (fresh.length === 0) return part;
    const failed = fresh.filter((result) => result.failed).length;
    this.rows.addToSums(part.part, { completed: fresh.length - failed, failed, usage: fresh.map(({ usage }) => usage).reduce(together) });
    return progressed(part, fresh.length);
  }

  get hasLines(): boolean {
    for (const number of this.all.keys()) if (number > 0) return true;
    return false;
  }

  get isLeased(): boolean {
    for (const { leasedUntilMs } of this.all.values()) if (leasedUntilMs !== undefined) return true;
    return false;
  }

  faster(): void {
    this.pace = faster(this.pace);
  }

  slower(untilMs: number): void {
    this.pace = slower(this.pace, untilMs);
  }

  /** Which parts to send word of now. */
  toSend(wanted: (part: Part) => boolean, nowMs: number): number[] {
    const numbers = toSend([...this.all.values()].filter(wanted), this.pace, new Set(this.underWay.keys()), nowMs);
    for (const number of numbers) this.underWay.set(number, nowMs + sentMs);
    return numbers;
  }

  /** Word of these did not go out. */
  unsent(numbers: readonly number[]): void {
    for (const number of numbers) this.underWay.delete(number);
  }

  /** When the next part that waits may be begun. */
  nextMs(nowMs: number): number {
    let next = Infinity;
    for (const { notBeforeMs } of this.all.values()) {
      const ms = Math.max(notBeforeMs, this.pace.notBeforeMs);
      if (ms > nowMs && ms < next) next = ms;
    }
    return next;
  }
}
