/** The Queue's end: each message says that a batch has work to be done. What becomes of the message itself is of no importance. */
import { isolateOf } from "../pipeline/index.ts";
import { log } from "../telemetry/log.ts";
import { Bench, runOf } from "./bench.ts";
import { noteUndeliverable } from "./listing.ts";
import { doNative } from "./native.ts";
import { nativePart, readingPart, writingPart } from "./part.ts";
import { readInput } from "./read-input.ts";
import { runPart } from "./run-part.ts";
import type { Word } from "./words.ts";
import { writeOutput } from "./write-output.ts";

const deadLetters = "forge-batches-dlq";
/** What went wrong with a part may pass. */
const againAfterMs = 2_000;
const redeliverAfterSeconds = 30;

/** Takes messages of the batches' queue, and of those that could not be delivered. */
export async function consume({ queue, messages }: MessageBatch<unknown>, env: Cloudflare.Env, ctx: ExecutionContext): Promise<void> {
  const take = queue === deadLetters ? bury : work;
  await Promise.all(messages.map(async (message) => {
    try {
      await take(message.body as Word, env, ctx);
      message.ack();
    } catch (error) {
      log("warn", "batch_message_failed", { queue, message: String(error) });
      message.retry({ delaySeconds: redeliverAfterSeconds });
    }
  }));
}

const tasks: Readonly<Record<number, (bench: Bench) => Promise<void>>> = { [nativePart]: doNative, [readingPart]: readInput, [writingPart]: writeOutput };

/** Does a part, if it is to be done. Rejects only where the batch's object cannot be reached. */
async function work({ organisationId, batchId, part }: Word, env: Cloudflare.Env, ctx: ExecutionContext): Promise<void> {
  const run = runOf(env.BATCH_RUN, organisationId, batchId);
  const claimed = await run.claim(part);
  if (!claimed) return;
  const bench = new Bench({ isolate: isolateOf(env), run, work: claimed, waitUntil: (promise) => ctx.waitUntil(promise) });
  try {
    await (tasks[part] ?? runPart)(bench);
  } catch (error) {
    log("warn", "batch_part_failed", { batch: batchId, part, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    bench.heard(false);
    await run.leave(part, claimed.part.lease, { waitMs: againAfterMs });
  } finally {
    bench.close();
  }
}

async function bury(word: Word, env: Cloudflare.Env): Promise<void> {
  await runOf(env.BATCH_RUN, word.organisationId, word.batchId).undeliverable(word.part);
  await noteUndeliverable(env.DB, word, Date.now());
}
