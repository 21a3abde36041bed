import { DurableObject } from "cloudflare:workers";
import { noBytes, pieceBytes, type Claim, type Head, type Page, type Place, type Portion, type Taken } from "./page.ts";
import { joined } from "../bytes.ts";

/** How long an answer is kept, from the request's beginning. */
export const keptMs = 24 * 3_600_000;
/** How long a run lives without a sign of life. It is held in memory: an object that woke up gives its run this long anew. */
export const leaseMs = 30_000;
/** A read waits this long for more: the object is billed while somebody waits, and for every call. */
const waitMs = 1_000;
/** Who has read within this time reads along. */
const followingMs = 3 * waitMs;
const mostRefusals = 8;

type Run = { readonly id: string; readonly fingerprint: string; readonly standing: "running" | "kept" | "lost"; readonly head?: Head };

const runRow = "run";
const chunkRow = "chunk:";
const rowAt = (offset: number): string => chunkRow + String(offset).padStart(10, "0");

/**
 * One request by the name that its client gave it: who runs it, and its answer in chunks, one row each. Every call may be repeated,
 * and none stays open for longer than a second: a stream is read in steps.
 */
export class IdempotentCall extends DurableObject<Cloudflare.Env> {
  private run: Run | undefined;
  private size = 0;
  private leaseUntilMs = Date.now() + leaseMs;
  private joined = false;
  private readAtMs = 0;
  /** Answers that are not kept, for those who had joined when they came. */
  private readonly refusals = new Map<string, Page>();
  private news = Promise.withResolvers<void>();

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    const { kv } = state.storage;
    this.run = kv.get<Run>(runRow);
    for (const [key, bytes] of kv.list<Uint8Array>({ prefix: chunkRow, reverse: true, limit: 1 })) this.size = Number(key.slice(chunkRow.length)) + bytes.length;
  }

  /** The first to come leads; who comes with another request is told so. */
  claim(fingerprint: string, id: string): Claim {
    this.lapse();
    const { run } = this;
    if (!run) {
      this.save({ id, fingerprint, standing: "running" });
      this.leaseUntilMs = Date.now() + leaseMs;
      this.joined = false;
      void this.ctx.storage.setAlarm(Date.now() + keptMs);
      return { is: "lead" };
    }
    if (run.fingerprint !== fingerprint) return { is: "conflict" };
    if (run.id === id && run.standing === "running") return { is: "lead" };
    this.joined = true;
    return { is: "join", run: run.id };
  }

  /** Takes what the run has to add; an empty portion renews its lease. */
  async write({ run: id, from, bytes, head, standing }: Portion): Promise<Taken> {
    const { run } = this;
    if (run?.id !== id) return { is: "gone" };
    if (run.standing !== "running") return run.standing === standing ? { is: "taken", followed: false } : { is: "gone" };
    if (from > this.size) return { is: "gone" };
    if (from === this.size && bytes.length > 0) {
      this.ctx.storage.kv.put(rowAt(from), bytes);
      this.size += bytes.length;
    }
    if (standing === "refused") await this.refuse(id, head);
    else if (head || standing !== "running") this.save({ ...run, standing, ...(head && { head }) });
    this.leaseUntilMs = Date.now() + leaseMs;
    this.tell();
    return { is: "taken", followed: Date.now() - this.readAtMs < followingMs };
  }

  /** The answer from byte `from` on. Waits a moment where there is nothing new: no head yet or, once that is known, no more bytes. */
  async read({ run: id, from, headKnown }: Place): Promise<Page> {
    this.readAtMs = Date.now();
    const page = this.page(id, from);
    if (page.standing !== "running" || (headKnown ? page.bytes.length > 0 : page.head)) return page;
    await this.newsInTime();
    this.readAtMs = Date.now();
    return this.page(id, from);
  }

  /** A day is over: nothing stays. */
  override async alarm(): Promise<void> {
    this.lapse();
    if (this.run?.standing === "running") return this.ctx.storage.setAlarm(Date.now() + leaseMs);
    this.refusals.clear();
    await this.forget();
  }

  private page(id: string, from: number): Page {
    const refusal = this.refusals.get(id);
    if (refusal) return { ...refusal, bytes: refusal.bytes.slice(from) };
    if (this.run?.id === id) this.lapse();
    const { run } = this;
    if (run?.id !== id) return { bytes: noBytes, standing: "lost" };
    if (!run.head) return { bytes: noBytes, standing: run.standing };
    const bytes = this.bytesFrom(from);
    return { head: run.head, bytes, standing: from + bytes.length < this.size ? "running" : run.standing };
  }

  private bytesFrom(from: number): Uint8Array {
    if (from >= this.size) return noBytes;
    const { kv } = this.ctx.storage;
    const pieces: Uint8Array[] = [];
    let length = 0;
    const [[first] = [rowAt(from)]] = kv.list({ prefix: chunkRow, end: rowAt(from + 1), reverse: true, limit: 1 });
    for (const [key, chunk] of kv.list<Uint8Array>({ prefix: chunkRow, start: first })) {
      const piece = chunk.subarray(Math.max(0, from - Number(key.slice(chunkRow.length))));
      pieces.push(piece);
      length += piece.length;
      if (length >= pieceBytes) break;
    }
    return joined(pieces);
  }

  /** Nothing was spent: the name is free again, and only those who have joined are told the answer. */
  private async refuse(id: string, head: Head | undefined): Promise<void> {
    if (this.joined && head) {
      if (this.refusals.size >= mostRefusals) this.refusals.delete(this.refusals.keys().next().value!);
      this.refusals.set(id, { head, bytes: this.bytesFrom(0), standing: "refused" });
    }
    await this.forget();
  }

  /** The rows go in the same step as what memory holds of them: whoever claims next must find both or neither. */
  private async forget(): Promise<void> {
    this.run = undefined;
    this.size = 0;
    await this.ctx.storage.deleteAll();
  }

  /** A run that gave no sign of life is lost: its isolate died, and nobody knows what the provider did. */
  private lapse(): void {
    if (this.run?.standing !== "running" || Date.now() <= this.leaseUntilMs) return;
    this.save({ ...this.run, standing: "lost" });
    this.tell();
  }

  private save(run: Run): void {
    this.ctx.storage.kv.put(runRow, run);
    this.run = run;
  }

  private tell(): void {
    this.news.resolve();
    this.news = Promise.withResolvers();
  }

  private async newsInTime(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | null = null;
    await Promise.race([this.news.promise, new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)))]);
    clearTimeout(timer);
  }
}
