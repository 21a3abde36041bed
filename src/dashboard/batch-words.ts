/** A batch as people read it: how far it is, in words and as a part of the whole. Pure. */
import { isOver, type Batch, type Face } from "../batches/index.ts";
import { count } from "./figures.ts";

type Tone = "neutral" | "good" | "warn" | "bad" | "accent";

const states: Record<Batch["status"], { label: string; tone: Tone }> = {
  validating: { label: "being read", tone: "neutral" }, failed: { label: "refused", tone: "bad" }, in_progress: { label: "running", tone: "accent" }, finalizing: { label: "being written", tone: "accent" },
  completed: { label: "done", tone: "good" }, expired: { label: "out of time", tone: "warn" }, cancelling: { label: "being cancelled", tone: "warn" }, cancelled: { label: "cancelled", tone: "neutral" },
};

/** `done`: lines that have their answer, or failed; `total`: 0 until it is known. */
export type Progress = { status: Batch["status"]; label: string; tone: Tone; over: boolean; done: number; failed: number; total: number; words: string };

export function progressOf({ batch, sums: { completed, failed } }: Face): Progress {
  const done = completed + failed;
  const words = batch.total === 0 ? (isOver(batch) ? "No request was run." : "Its lines are being counted.") : `${count(done)} of ${count(batch.total)}${failed > 0 ? `, ${count(failed)} failed` : ""}`;
  return { ...states[batch.status], status: batch.status, over: isOver(batch), done, failed, total: batch.total, words };
}
