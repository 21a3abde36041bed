/** An answer that comes as a stream: passed on as it comes, watched for usage, settled once however it ends. */
import { GatewayError } from "../errors.ts";
import type { End } from "../ledger/entry.ts";
import type { StreamObserver } from "../protocols/protocol.ts";
import { cutOut } from "../telemetry/log.ts";
import { eventStreamOf, passOn, type StreamEnd } from "../upstream/index.ts";
import { answerHeaders, lossHeader } from "./answer.ts";
import type { Answered } from "./buffered.ts";
import { Digest } from "./digest.ts";
import { outcomeOf } from "./outcome.ts";

/** The client's stream. Its end, whatever the cause, settles the reservation. */
export function streamed({ run, attempt, exchange, attempts, response, upstreamRequestId }: Answered): Response {
  const { context, protocol, facts, admission, hold } = run;
  const { settings } = context.isolate;
  hold.answered();
  const events = eventStreamOf(response)!;
  const { native, broken, type = events.type, ...watch } = exchange.watch();
  const observer = discreet(watch.observer, attempt.endpoint.secret);
  const digest = new Digest();
  const firstByteMs = Date.now() - context.startedAtMs;
  const { readable, end } = passOn(response.body!, native, {
    observer,
    cutter: events.cutter,
    heartbeatMs: protocol.takesComments === false ? Infinity : settings.STREAM_HEARTBEAT_MS,
    idleMs: settings.STREAM_IDLE_TIMEOUT_MS,
    clientLeft: context.request.signal,
    graceMs: hold.graceMs,
    sent: digest.update,
    lastWords: (how) => broken(brokenOff(how, attempt.endpoint.provider.name)),
  });
  context.waitUntil(end.then(async (how) => {
    const ending = {
      end: endOf(how, observer.seen.terminated), status: response.status, way: native && !events.cutter ? "native" : "pump",
      firstByteMs, totalMs: Date.now() - context.startedAtMs, attempts, upstreamRequestId,
      cut: how !== "done" && how !== "drained", reserved: admission.reserved, refused: run.refused,
      responseHash: how === "client_gone" || how === "drained" ? null : await digest.end(),
    } as const;
    hold.settle(outcomeOf(facts, exchange.protocol, attempt, observer.seen, ending, context.startedAtMs));
  }));
  return new Response(readable, { status: response.status, headers: { ...answerHeaders(context.requestId, admission.rate, type), ...lossHeader(exchange.losses) } });
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
