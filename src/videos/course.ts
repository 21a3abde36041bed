/** The course of a film: how it stands at first, what its client hears while it is not there, and when its object has something to do. Pure. */
import { GatewayError } from "../errors.ts";
import { newFileId } from "../files/index.ts";
import type { Progress } from "../protocols/job.ts";
import { videoWishIn } from "../protocols/media/video-wish.ts";
import { callsBack } from "./callback.ts";
import { fieldsFromRpc, mostKeepTries, type Job, type Order } from "./job.ts";

/** Questions come slower and slower, but never so slowly that what is held would be lost. */
const slower = 1.6;
const longestPollMs = 20_000;
/** While it is begun its object wakes up this often, to see whether somebody still begins it. */
export const beginningMs = 60_000;
/** What could not be posted or kept is tried again. */
export const againMs = 10_000;
/** A film that nobody finishes has failed. */
export const longestMs = 24 * 3_600_000;
/** How long a film is told of behind its end. */
const keptMs = 30 * 86_400_000;
/** A provider that says so often that it does not know a film has lost it. */
export const mostGone = 3;

export function ordered({ id, organisationId, keyId, requestId, createdAtMs, fingerprint, from, fields }: Order, nowMs: number): Job {
  const json = fieldsFromRpc(fields);
  return {
    id, organisationId, keyId, requestId, createdAtMs, fingerprint, standing: "reserving", model: String(json.model), seconds: videoWishIn(json).seconds, size: typeof json.size === "string" ? json.size : undefined,
    prompt: undefined, madeFrom: from?.id, losses: [], reserved: { tokens: 0, nanoUsd: 0 }, renewedAtMs: nowMs, refused: [], begun: false, percent: 0, polls: 0, unanswered: 0, posted: false, deleted: false,
  };
}

/** It is to be kept here, and was not yet, nor tried too often. */
export const keepsTrying = ({ keeping, deleted }: Job): boolean => keeping !== undefined && !keeping.done && !deleted && keeping.tries < mostKeepTries;

/** When its object has something to do; "over": there is nothing left. Nothing at all is kept for ever. */
export function wakesAt(job: Job, firstPollMs: number, nowMs: number): number | "over" {
  const next = nextStepAt(job, firstPollMs, nowMs);
  if (!callsBack(job)) return next;
  const callAtMs = Math.max(nowMs, job.callback!.nextAtMs);
  return next === "over" ? callAtMs : Math.min(next, callAtMs);
}

function nextStepAt(job: Job, firstPollMs: number, nowMs: number): number | "over" {
  if (job.standing === "running") return nowMs + Math.min(longestPollMs, firstPollMs * slower ** Math.min(job.polls, 20));
  if (job.standing === "reserving" || job.standing === "submitting") return nowMs + beginningMs;
  if (!job.posted || keepsTrying(job)) return nowMs + againMs;
  return job.deleted || nowMs - job.endedAtMs! > keptMs ? "over" : job.endedAtMs! + keptMs + 1;
}

export function notReady({ id, standing, error }: Job): GatewayError {
  if (error) return new GatewayError("conflict", `${id} has ${standing}: ${error.message}`, { shouldRetry: false });
  return new GatewayError("conflict", `${id} is not there yet.`, { retryAfterSeconds: 5 });
}

const interruptedWhile: Partial<Record<Job["standing"], string>> = {
  reserving: "The gateway was interrupted before it could ask for this film. It costs nothing.",
  submitting: "The gateway was interrupted while it asked for this film: whether it was begun is not known, and it is not asked for again. It costs nothing.",
};

export const interrupted = ({ standing }: Job): NonNullable<Job["error"]> => ({ code: "interrupted", message: interruptedWhile[standing]! });

/** One that is made. What its provider keeps for no longer than its answer, or not for long (`fleeting`), is to be kept here. */
export function madeOf(job: Job, { bytes, film, size, seconds, expiresAtS }: Extract<Progress, { is: "done" }>, fleeting: boolean): Job {
  const keeping = (fleeting || bytes !== undefined) && !job.deleted ? { fileId: newFileId(job.createdAtMs), done: false, tries: 0 } : undefined;
  return { ...job, percent: 100, film, size: job.size ?? size, seconds: job.seconds ?? seconds, filmEndsAtS: expiresAtS, unanswered: 0, ...(keeping && { keeping }) };
}
