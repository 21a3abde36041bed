/** Two deployments for one request: the second is asked when the first is slower than it nearly always is, and the quicker one answers. */
import type { Attempt } from "../router/index.ts";
import { begin, outrun, type Begun } from "./begin.ts";
import type { Part } from "./legs.ts";
import type { Relay } from "./relay.ts";
import type { Next, Tries } from "./tries.ts";

type Runner = { readonly attempt: Attempt; readonly begun: Promise<Begun>; readonly stop: AbortController };

/** What came of one or two attempts: the answer or the last failure, and who was asked in vain. */
export type Raced = { readonly begun: Begun; readonly failed?: Extract<Begun, { failure: unknown }>; readonly outran?: Part };

function start(run: Relay, attempt: Attempt, why?: "hedged"): Runner {
  const stop = new AbortController();
  return { attempt, stop, begun: begin(run, attempt, false, { cancel: stop.signal, ...(why && { why }) }) };
}

const isAnswer = (begun: Begun): boolean => "respond" in begun;

/**
 * Begins an attempt, and after `afterMs` without a word of it the next fresh one beside it. The first that begins to answer is the
 * answer, the other is hung up on. A failure of one leaves the other running; of both, the later one is `begun` and the other `failed`.
 */
export async function raced(run: Relay, first: Next, tries: Tries, afterMs: number): Promise<Raced> {
  const slow = Symbol();
  const one = start(run, first.attempt);
  const early = await Promise.race([one.begun, scheduler.wait(afterMs).then((): typeof slow => slow)]);
  if (early !== slow) return { begun: early };
  const next = run.hold.clientGone ? undefined : tries.fresh(Date.now());
  if (!next) return { begun: await one.begun };
  const two = start(run, next.attempt, "hedged");
  // When the whole request ends both throw, and one of them is heard.
  for (const { begun } of [one, two]) begun.catch(() => {});
  const tagged = [one, two].map((runner) => runner.begun.then((begun) => ({ runner, begun })));
  const quick = await Promise.race(tagged);
  const other = quick.runner === one ? two : one;
  if (!isAnswer(quick.begun)) {
    const late = await other.begun;
    return { begun: late, failed: quick.begun as Extract<Begun, { failure: unknown }> };
  }
  other.stop.abort(outrun);
  void other.begun.then((begun) => "abandon" in begun && begun.abandon(), () => {});
  return { begun: quick.begun, outran: outrunPart(run, other.attempt, other === two) };
}

/** What is owed for an attempt that was hung up on: nobody knows, so what it was asked to read is counted. */
const outrunPart = ({ facts, protocol }: Relay, attempt: Attempt, second: boolean): Part => ({
  attempt, protocol: attempt.protocols[0] ?? protocol.id, facts, seen: undefined, upstreamRequestId: null, firstByteMs: null, end: "outrun", cut: true, ...(second && { why: "hedged" }),
});
