/** The parts of a batch that are not done, as its object holds them beside their rows. */
import type { BatchRows } from "./batch-rows.ts";
import { claimed, faster, firstPace, holds, isLapsed, leaseMs, sentMs, slower, toSend, type Pace, type Part } from "./part.ts";

export class Parts {
  /** In order. */
  private readonly open = new Map<number, Part>();
  /** Until when word of a part may be under way; a part that is leased is here as long as its holder is heard. */
  private readonly underWay = new Map<number, number>();
  private pace: Pace = firstPace;
  private readonly rows: BatchRows;

  constructor(rows: BatchRows) {
    this.rows = rows;
  }

  /** Takes up those that have rows, and are wanted. */
  load(wanted: (part: Part) => boolean): void {
    for (const part of this.rows.openParts()) if (wanted(part)) this.open.set(part.part, part);
  }

  get(number: number): Part | undefined {
    return this.open.get(number);
  }

  add(part: Part): void {
    this.rows.addPart(part, null);
    this.open.set(part.part, part);
  }

  save(part: Part): void {
    this.open.set(part.part, part);
    this.rows.savePart(part);
  }

  /** It is done. */
  close(number: number): void {
    this.open.delete(number);
    this.underWay.delete(number);
  }

  /** It is done, and nothing of it is to be known any more. */
  drop(number: number): void {
    this.close(number);
    this.rows.dropPart(number);
  }

  /** The part, if this lease is the one that holds it: its holder has been heard. */
  held(number: number, lease: number, nowMs: number): Part | undefined {
    const part = this.open.get(number);
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

  /** Parts from which nobody came back. */
  lapsed(nowMs: number): Part[] {
    for (const [number, untilMs] of this.underWay) if (untilMs <= nowMs) this.underWay.delete(number);
    return [...this.open.values()].filter((part) => isLapsed(part, nowMs));
  }

  get hasLines(): boolean {
    for (const number of this.open.keys()) if (number > 0) return true;
    return false;
  }

  get isLeased(): boolean {
    for (const { leasedUntilMs } of this.open.values()) if (leasedUntilMs !== undefined) return true;
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
    const numbers = toSend([...this.open.values()].filter(wanted), this.pace, new Set(this.underWay.keys()), nowMs);
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
    for (const { notBeforeMs } of this.open.values()) {
      const ms = Math.max(notBeforeMs, this.pace.notBeforeMs);
      if (ms > nowMs && ms < next) next = ms;
    }
    return next;
  }
}
