/** Two deployments for one request: the second is asked when the first is slower than it nearly always is, and the quicker one answers. */
import type { Attempt } from "../router/index.ts";
import { begin, outrun, type Begun } from "./begin.ts";
import type { Part } from "./legs.ts";
import type { Relay } from "./relay.ts";
import type { Next, Tries } from "./tries.ts";

type Runner = { readonly attempt: Attempt; readonly begun: Promise<Begun>; readonly stop: AbortController };
type Failed = Extract<Begun, { failure: unknown }>;

/** What came of one or two attempts: the answer or the last failure, and who failed before it. */
export type Raced = { readonly begun: Begun; readonly failed?: Failed };

/**
 * Begins an attempt, and after `afterMs` without a word of it the next fresh one beside it. The first that begins to answer is the
 * answer, the other is hung up on. A failure of one leaves the other running; of both, the later one is `begun` and the other `failed`.
 * Neither is settled before it is decided which of them answers, also when the client leaves both.
 */
export async function raced(run: Relay, first: Next, tries: Tries, afterMs: number): Promise<Raced> {
  const decided = Promise.withResolvers<void>();
  const start = (attempt: Attempt, why?: "hedged"): Runner => {
    const stop = new AbortController();
    return { attempt, stop, begun: begin(run, attempt, false, { cancel: stop.signal, decided: decided.promise, ...(why && { why }) }) };
  };
  try {
    const slow = Symbol();
    const one = start(first.attempt);
    const early = await Promise.race([one.begun, scheduler.wait(afterMs).then((): typeof slow => slow)]);
    if (early !== slow) return { begun: early };
    const next = run.hold.clientGone ? undefined : tries.fresh(Date.now());
    return next ? await quicker(run, one, start(next.attempt, "hedged")) : { begun: await one.begun };
  } finally {
    decided.resolve();
  }
}

async function quicker(run: Relay, one: Runner, two: Runner): Promise<Raced> {
  // When the whole request ends both throw, and one of them is heard.
  for (const { begun } of [one, two]) begun.catch(() => {});
  const quick = await Promise.race([one, two].map((runner) => runner.begun.then((begun) => ({ runner, begun })))).catch((thrown: unknown) => {
    run.outran.push(outrunPart(run, two.attempt, true));
    throw thrown;
  });
  const other = quick.runner === one ? two : one;
  if ("failure" in quick.begun) return { begun: await other.begun, failed: quick.begun };
  run.outran.push(outrunPart(run, other.attempt, other === two));
  other.stop.abort(outrun);
  return { begun: quick.begun };
}

/** What is owed for an attempt that was hung up on: nobody knows, so what it was asked to read is counted. */
const outrunPart = ({ facts, protocol }: Relay, attempt: Attempt, second: boolean): Part => ({
  attempt, protocol: attempt.protocols[0] ?? protocol.id, facts, seen: undefined, upstreamRequestId: null, firstByteMs: null, end: "outrun", cut: true, ...(second && { why: "hedged" }),
});
