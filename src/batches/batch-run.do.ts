import { DurableObject } from "cloudflare:workers";
import { log } from "../telemetry/log.ts";
import { advance, endedAtMs, isNative, isOver, keptMs, requestIdOf, runs, type Batch, type Event, type Native } from "./batch.ts";
import { BatchRows } from "./batch-rows.ts";
import { noteStatus, unlist } from "./listing.ts";
import { isAnswered, left, leftFor, nativePart, newPart, readingPart, renewed, writingPart, type Part } from "./part.ts";
import { Parts } from "./parts.ts";
import { Postings, type Meter } from "./postings.ts";
import { type Face, type Gap, type Leaving, type Piece, type Planned, type Read, type Result, type Word, type Work } from "./words.ts";

/** It looks after its parts at least so often. */
const tickMs = 10_000;

/**
 * The truth about one batch: its state, which parts of its work are done by whom, its lines' results, and what the meter must still hear.
 * Its object is named after the organisation too, so that a batch of another one is an empty object. Messages of the Queue only say that there
 * is work; that they come twice, late, out of order or never changes nothing.
 */
export class BatchRun extends DurableObject<Cloudflare.Env> {
  private readonly rows: BatchRows;
  private readonly parts: Parts;
  private batch: Batch | undefined;
  private readonly postings: Postings;
  private alarmAtMs: number | null = null;

  constructor(state: DurableObjectState, env: Cloudflare.Env) {
    super(state, env);
    this.rows = new BatchRows(state.storage.sql);
    this.parts = new Parts(this.rows);
    this.batch = this.rows.batch();
    this.postings = new Postings(this.rows, () => env.KEY_METER.getByName(this.batch!.keyId) as unknown as Meter, env.DB, this.failed("batch_posting_failed"));
    if (this.batch && !isOver(this.batch)) this.parts.load(({ lines }) => lines === 0 || this.batch!.inProgressAtMs !== undefined);
    void state.blockConcurrencyWhile(async () => void (this.alarmAtMs = await state.storage.getAlarm()));
  }

  /** Takes a new batch. The same one again changes nothing. */
  create(batch: Batch): Face {
    if (!this.batch) {
      this.rows.create();
      this.rows.saveBatch((this.batch = batch));
      this.parts.open(newPart(readingPart));
      this.look();
    }
    return this.face()!;
  }

  /** The batch as it stands; undefined: there is no such batch. */
  face(): Face | undefined {
    return this.batch && { batch: this.batch, sums: this.rows.sums() };
  }

  /** Begins no more lines. */
  cancel(): Face | undefined {
    this.happens({ is: "cancel" });
    return this.face();
  }

  /** A lease of a part; undefined: there is nothing to do there now. */
  claim(number: number): Work | undefined {
    const part = this.parts.get(number);
    const next = part && this.wants(part) ? this.parts.claim(part, Date.now()) : undefined;
    if (!next) return undefined;
    if (number === readingPart) this.rows.dropPlan();
    return { batch: this.batch!, part: next, ids: this.rows.ids(number), answered: next.answered === 0 ? [] : [...this.rows.answered(next)], alone: next.strikes > 1 };
  }

  /** A sign of life. false: the lease is another's, or what it was for is no more wanted. */
  renew(number: number, lease: number): boolean {
    return this.keep(this.held(number, lease));
  }

  /** Parts that the reading has found so far. false: it may stop. */
  plan(lease: number, parts: readonly Planned[]): boolean {
    const reading = this.held(readingPart, lease);
    if (reading) this.rows.plan(parts);
    return this.keep(reading);
  }

  /** The reading is over. */
  planned(lease: number, read: Read): void {
    if (!this.held(readingPart, lease)) return;
    this.parts.drop(readingPart);
    this.happens("errors" in read ? { is: "refused", errors: read.errors } : { is: "planned", ...read });
  }

  /** Takes results of a part's lines: the first of each stays. false: no more of them are to be begun. */
  record(number: number, lease: number, results: readonly Result[]): boolean {
    const part = this.held(number, lease);
    const kept = this.keep(part && this.parts.add(part, results));
    void this.postings.post();
    return kept;
  }

  /** Its holder leaves a part: it is done, or open again. */
  leave(number: number, lease: number, { begun, unread, waitMs, ownLimit, again }: Leaving): void {
    const part = this.held(number, lease);
    if (!part) return;
    if (number > 0 && (isAnswered(part) || (this.batch!.ending && waitMs === undefined && begun?.length === 0))) {
      this.parts.close(number);
      this.rows.savePart({ ...part, leasedUntilMs: undefined });
      this.parts.faster();
    } else {
      const open = again ? leftFor(part, waitMs!, Date.now()) : left(part, waitMs, Date.now());
      this.parts.reopen(open);
      this.parts.takeBack(this.batch!, part, begun, unread);
      if (waitMs !== undefined && number > 0) this.parts.slower(ownLimit ? open.notBeforeMs : 0);
    }
    this.look();
  }

  /** How the provider's own batch stands. false: the lease is another's. */
  native(lease: number, native: Native): boolean {
    const part = this.held(nativePart, lease);
    if (!part) return false;
    if (native.state === "over") {
      this.parts.drop(nativePart);
      this.rows.takeBack([requestIdOf(this.batch!.id, 0, native.hold ?? lease)]);
    }
    this.rows.saveBatch((this.batch = { ...this.batch!, native }));
    if (native.state === "over") this.look();
    return true;
  }

  /** Takes the provider's answers to lines, sealed. The first of each stays. */
  keepAnswers(lease: number, answers: readonly Piece[]): boolean {
    const native = this.held(nativePart, lease);
    if (native) this.rows.addAnswers(answers);
    return this.keep(native);
  }

  /** The provider's answers to a part's lines. */
  answersOf(number: number, from: number): { pieces: Piece[]; next: number | undefined } {
    const part = this.parts.get(number);
    return part ? this.rows.answersOf(part, from) : { pieces: [], next: undefined };
  }

  /** A page of answers, and of lines that have none, for whoever writes the output. */
  pieces(from: number, failed: boolean | undefined): { pieces: Piece[]; next: number | undefined } {
    return this.rows.pieces(from, failed);
  }

  gaps(from: number): { gaps: Gap[]; next: number | undefined } {
    return this.batch!.total === 0 ? { gaps: [], next: undefined } : this.rows.gaps(from);
  }

  /** The output is written. */
  written(lease: number, files: { output: boolean; errors: boolean }): void {
    if (!this.held(writingPart, lease)) return;
    this.parts.drop(writingPart);
    this.rows.dropLines();
    this.happens({ is: "written", ...files });
  }

  /** A message about a part could not be delivered, however often it was tried: word of it is sent anew when its time has come, unless somebody has the part. */
  undeliverable(number: number): void {
    const part = this.parts.get(number);
    if (!part || part.leasedUntilMs !== undefined || !this.wants(part)) return;
    this.parts.unsent([number]);
    this.look();
  }

  /** Forgets the batch, if it is over and all of it is posted. */
  async forget(): Promise<boolean> {
    if (!this.batch || !isOver(this.batch)) return false;
    await this.postings.post();
    if (!this.postings.isEmpty) return false;
    this.batch = undefined;
    await this.ctx.storage.deleteAll();
    return true;
  }

  override async alarm(): Promise<void> {
    this.alarmAtMs = null;
    if (!this.batch) return;
    const { id } = this.batch;
    if (isOver(this.batch) && Date.now() >= endedAtMs(this.batch)! + keptMs) {
      await unlist(this.env.DB, id);
      if (await this.forget()) return;
    }
    this.look();
    await this.postings.post();
  }

  /** Sees to whatever is due now, and sets the next alarm. */
  private look(): void {
    const now = Date.now();
    if (this.batch) this.parts.lapse(this.batch, now);
    this.happens({ is: "late" });
    const { batch } = this;
    if (!batch) return;
    if (runs(batch) && !this.parts.hasLines) return this.happens({ is: "exhausted" });
    if (batch.ending && !isOver(batch) && !isNative(batch) && !this.parts.isLeased && !(batch.native?.kept && this.parts.hasLines) && !this.parts.get(writingPart)) this.parts.open(newPart(writingPart));
    this.send(now);
    void this.postings.post();
    this.wake(now);
  }

  /** What becomes of the batch, and what is to be done then. */
  private happens(event: Event): void {
    if (!this.batch) return;
    const { status } = this.batch;
    const next = advance(this.batch, event, Date.now());
    if (next === this.batch) return;
    this.rows.saveBatch((this.batch = next));
    if (event.is === "planned") this.parts.load(({ lines }) => lines > 0);
    if (event.is === "planned" && isNative(next)) this.parts.open(newPart(nativePart));
    if (next.status !== status) this.ctx.waitUntil(noteStatus(this.env.DB, next).catch(this.failed("batch_not_listed")));
    this.look();
  }

  /** Whether a part is still wanted. */
  private readonly wants = ({ part }: Part): boolean => {
    if (!this.batch || isOver(this.batch)) return false;
    if (part === readingPart) return this.batch.status === "validating";
    if (part === nativePart) return true;
    return part === writingPart ? this.batch.ending !== undefined : !isNative(this.batch) && ((runs(this.batch) && Date.now() < this.batch.expiresAtMs) || (this.batch.ending !== undefined && this.batch.native?.kept === true));
  };

  private held(number: number, lease: number): Part | undefined {
    return this.parts.held(number, lease, Date.now());
  }

  /** Its holder is alive, and may go on. */
  private keep(part: Part | undefined): boolean {
    if (part) this.parts.save(renewed(part, Date.now()));
    return part !== undefined && this.wants(part);
  }

  /** Sends word of parts that are to be done. */
  private send(now: number): void {
    const { id: batchId, organisationId } = this.batch!;
    const numbers = this.parts.toSend(this.wants, now);
    if (numbers.length === 0) return;
    const sent = this.env.BATCHES.sendBatch(numbers.map((part) => ({ body: { organisationId, batchId, part } satisfies Word })));
    this.ctx.waitUntil(sent.then(() => {}, () => this.parts.unsent(numbers)));
  }

  private wake(now: number): void {
    const { batch } = this;
    if (!batch) return;
    const done = isOver(batch) && this.postings.isEmpty;
    const atMs = done ? endedAtMs(batch)! + keptMs : Math.min(now + tickMs, this.parts.nextMs(now));
    if (this.alarmAtMs !== null && this.alarmAtMs <= atMs && this.alarmAtMs > now) return;
    this.alarmAtMs = atMs;
    void this.ctx.storage.setAlarm(atMs);
  }

  private readonly failed = (what: string) => (error: unknown): void => log("warn", what, { batch: this.batch?.id ?? null, message: String(error) });
}
