/** An answer that comes as a stream: passed on as it comes, watched for usage, settled once however it ends. */
import { GatewayError } from "../errors.ts";
import type { End } from "../ledger/entry.ts";
import type { StreamObserver } from "../protocols/protocol.ts";
import { cutOut } from "../telemetry/log.ts";
import { eventStreamOf, Opening, passOn, type StreamEnd } from "../upstream/index.ts";
import { answerHeaders, lossHeader } from "./answer.ts";
import { passing, type Failure } from "./attempt.ts";
import type { Answered } from "./buffered.ts";
import { Digest } from "./digest.ts";
import { outcomeOf } from "./outcome.ts";
import { routeHeader, routeOf, stayedAt } from "./route.ts";

/**
 * The client's stream. Its end, whatever the cause, settles the reservation. `waitMs`: so long another attempt can still take its place,
 * and it is an answer only once it says its first word; undefined: it is the answer.
 */
export async function streamed({ run, attempt, exchange, startedMs, cancel, response, upstreamRequestId }: Answered, waitMs: number | undefined): Promise<{ respond: () => Response; abandon: () => void } | { failure: Failure }> {
  const { context, protocol, facts, admission, hold } = run;
  const { settings, health } = context.isolate;
  if (waitMs === undefined) hold.answered();
  const events = eventStreamOf(response)!;
  const { name } = attempt.endpoint.provider;
  const { native, broken, type = events.type, ...watch } = exchange.watch();
  const observer = discreet(watch.observer, attempt.endpoint.secret);
  const digest = new Digest();
  const headersMs = Date.now() - context.startedAtMs;
  const opening = waitMs === undefined ? undefined : new Opening();
  let begunMs: number | undefined;
  let abandoned = false;
  const { readable, end } = passOn(response.body!, native, {
    observer, opening,
    began() {
      begunMs = Date.now();
      health.note(attempt.vital, { is: "answered", firstByteMs: begunMs - startedMs }, begunMs);
    },
    cutter: events.cutter,
    heartbeatMs: protocol.takesComments === false ? Infinity : settings.STREAM_HEARTBEAT_MS,
    idleMs: settings.STREAM_IDLE_TIMEOUT_MS,
    clientLeft: context.request.signal,
    graceMs: hold.graceMs,
    sent: digest.update,
    lastWords: (how) => broken(brokenOff(how, name)),
  });
  const over = end.then(async (how) => {
    if (how === "refused" || abandoned) return;
    noteEnd(how);
    const ending = {
      end: endOf(how, observer.seen.terminated), status: response.status, way: native && !events.cutter ? "native" : "pump",
      firstByteMs: headersMs, totalMs: Date.now() - context.startedAtMs, upstreamRequestId,
      cut: how !== "done" && how !== "drained", ...routeOf(run),
      responseHash: how === "client_gone" || how === "drained" ? null : await digest.end(),
    } as const;
    hold.settle(outcomeOf(facts, exchange.protocol, attempt, observer.seen, ending, context.startedAtMs), stayedAt(run, attempt));
  });
  context.waitUntil(over);
  cancel?.addEventListener("abort", () => opening?.giveUp(), { once: true });
  const late = opening && setTimeout(() => opening.giveUp(), waitMs);
  const opened = opening ? await opening.opened : "begun";
  clearTimeout(late ?? null);
  if (opened === "begun") return { respond, abandon };
  if (hold.signal.aborted) throw hold.signal.reason;
  const error = opened === "late" ? new GatewayError("upstream_timeout", `${name} sent nothing in time.`)
    : observer.seen.error !== undefined ? new GatewayError("upstream_error", cutOut(`${name}: ${observer.seen.error.slice(0, 2_000)}`, attempt.endpoint.secret))
    : new GatewayError("upstream_error", `The answer of ${name} broke off before it began.`);
  return { failure: { error, upstreamRequestId, ...passing } };

  function respond(): Response {
    hold.answered();
    return new Response(readable, { status: response.status, headers: { ...answerHeaders(context.requestId, admission.rate, type), ...routeHeader(run, attempt), ...lossHeader(exchange.losses) } });
  }

  function abandon(): void {
    abandoned = true;
    void readable.cancel().catch(() => {});
  }

  /** A stream that broke tells of its deployment as one that never came; one that ran to its end tells how fast it was. */
  function noteEnd(how: StreamEnd): void {
    if (how === "upstream_error" || how === "idle" || (how === "done" && (observer.seen.error !== undefined || !observer.seen.terminated))) health.note(attempt.vital, { is: "failed" }, Date.now());
    else if (how === "done" && begunMs !== undefined) health.note(attempt.vital, { is: "streamed", outputTokens: observer.seen.usage?.outputTokens ?? 0, streamMs: Date.now() - begunMs }, Date.now());
  }
}

/** An observer through which no error inside the stream carries our key. Once text flows natively the runtime asks nobody. */
const discreet = (observer: StreamObserver, secret: string | undefined): StreamObserver => ({
  get seen() {
    return observer.seen;
  },
  push(frames) {
    const kept = observer.push(frames);
    return observer.seen.error === undefined ? kept : cutOut(kept, secret);
  },
  ...(observer.close && { close: () => cutOut(observer.close!(), secret) }),
});

const endOf = (how: StreamEnd, terminated: boolean): End =>
  how === "client_gone" || how === "drained" ? "client_gone"
  : how === "idle" ? "upstream_timeout"
  : how === "upstream_error" ? "upstream_error"
  : terminated ? "complete" : "unterminated";

const brokenOff = (how: StreamEnd, name: string): GatewayError =>
  how === "idle"
    ? new GatewayError("upstream_timeout", `${name} went silent in the middle of its answer.`)
    : new GatewayError("upstream_error", `The answer of ${name} broke off.`);
