/**
 * Whoever asked for a film is told of its end where it wished to be: at least once, until it has heard or was told often enough.
 * https://openrouter.ai/docs/cookbook/video-generation/video-generation-webhooks
 */
import { signedBy, webhookSecret } from "../accounts/webhook-secret.ts";
import type { Masters } from "../accounts/credentials.ts";
import { renderVideoEvent } from "../protocols/index.ts";
import { notify } from "../upstream/index.ts";
import { inTime, opened } from "./follow.ts";
import { isComing, videoOf, type Callback, type Job } from "./job.ts";

const answerMs = 10_000;
const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
/** What is waited after each time that nobody has heard. */
const pauses = [10 * seconds, 30 * seconds, 2 * minutes, 10 * minutes, 30 * minutes, 2 * hours, 6 * hours];

const ends = { completed: "completed", failed: "failed", cancelled: "cancelled", expired: "expired" } as const;
export type Ending = keyof typeof ends;

/** The end that its client is told of. One that was deleted has been cancelled for it, whatever becomes of the work. */
function endingOf(job: Job): Ending | undefined {
  const { standing, deleted } = job;
  if (standing === "reserving" || standing === "submitting") return undefined;
  if (standing === "running") return deleted ? "cancelled" : undefined;
  return isComing(job) ? undefined : ends[standing];
}

/** Somebody is to be told, and has not heard yet. */
export const callsBack = (job: Job): boolean => job.callback !== undefined && !job.callback.done && endingOf(job) !== undefined;

/** How it stands with telling when it is tried once more: written down before, so that nobody is called for ever. */
export function nextTry({ tries, ...callback }: Callback, nowMs: number): Callback {
  const pause = pauses[tries];
  return { ...callback, tries: tries + 1, nextAtMs: nowMs + (pause ?? 0), done: pause === undefined };
}

/** Tells it. Never throws: whether it was heard. */
export async function tell(masters: Masters, job: Job, callback: Callback, nowMs: number): Promise<boolean> {
  const ending = endingOf(job)!;
  const body = JSON.stringify(renderVideoEvent({ ...videoOf(job, undefined), status: ending }, callback.videosUrl, job.endedAtMs ?? nowMs));
  try {
    const t = Math.floor(nowMs / seconds);
    const secrets = await Promise.all([masters.current, masters.previous].flatMap((master) => (master ? [webhookSecret(master, job.keyId)] : [])));
    const signatures = await Promise.all(secrets.map((secret) => signedBy(secret, `${t},${body}`)));
    const headers = { "x-openrouter-idempotency-key": `${job.id}-${ending}`, "x-openrouter-signature": [`t=${t}`, ...signatures.map((one) => `v1=${one}`)].join(",") };
    const url = await opened(masters, job, callback.url);
    return await inTime(answerMs, (signal) => notify(url, headers, body, signal));
  } catch {
    return false;
  }
}
