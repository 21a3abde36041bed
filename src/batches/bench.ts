/** What whoever does a part of a batch works with. */
import type { Isolate } from "../pipeline/index.ts";
import { log } from "../telemetry/log.ts";
import { nameOf, type Native } from "./batch.ts";
import type { BatchRun } from "./batch-run.do.ts";
import { renewEveryMs } from "./part.ts";
import { BatchSeal } from "./seal.ts";
import type { Face, Gap, Leaving, Piece, Planned, Read, Result, Work } from "./words.ts";

/** A batch's object, as it is called from elsewhere. */
export type Run = {
  create(batch: Face["batch"]): Promise<Face>;
  face(): Promise<Face | undefined>;
  cancel(): Promise<Face | undefined>;
  forget(): Promise<boolean>;
  claim(part: number): Promise<Work | undefined>;
  renew(part: number, lease: number): Promise<boolean>;
  plan(lease: number, parts: readonly Planned[]): Promise<boolean>;
  planned(lease: number, read: Read): Promise<void>;
  record(part: number, lease: number, results: readonly Result[]): Promise<boolean>;
  leave(part: number, lease: number, leaving: Leaving): Promise<void>;
  native(lease: number, native: Native): Promise<boolean>;
  keepAnswers(lease: number, answers: readonly Piece[]): Promise<boolean>;
  answersOf(part: number, from: number): Promise<{ pieces: Piece[]; next: number | undefined }>;
  pieces(from: number, failed: boolean | undefined): Promise<{ pieces: Piece[]; next: number | undefined }>;
  gaps(from: number): Promise<{ gaps: Gap[]; next: number | undefined }>;
  written(lease: number, files: { output: boolean; errors: boolean }): Promise<void>;
  undeliverable(part: number): Promise<void>;
};

export const runOf = (namespace: DurableObjectNamespace<BatchRun>, organisationId: string, batchId: string): Run =>
  namespace.getByName(nameOf(organisationId, batchId)) as unknown as Run;

/** Where work is done: `wanted` turns false when the lease was lost, or the work is no more wanted. */
export class Bench {
  readonly isolate: Isolate;
  readonly run: Run;
  readonly work: Work;
  readonly seal: BatchSeal;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  wanted = true;
  private readonly timer: ReturnType<typeof setInterval>;

  constructor({ isolate, run, work, waitUntil }: { isolate: Isolate; run: Run; work: Work; waitUntil: (promise: Promise<unknown>) => void }) {
    this.isolate = isolate;
    this.run = run;
    this.work = work;
    this.waitUntil = waitUntil;
    this.seal = new BatchSeal(isolate.settings.KEY_PEPPER, work.batch);
    this.timer = setInterval(() => waitUntil(this.renew()), renewEveryMs);
  }

  /** No more signs of life. */
  close(): void {
    clearInterval(this.timer);
  }

  /** Takes an answer of the object's on whether to go on. */
  heard(wanted: boolean): void {
    this.wanted &&= wanted;
  }

  private async renew(): Promise<void> {
    const { part: { part, lease }, batch } = this.work;
    await this.run.renew(part, lease).then((wanted) => this.heard(wanted), (error: unknown) => log("warn", "batch_renewal_failed", { batch: batch.id, message: String(error) }));
  }
}
