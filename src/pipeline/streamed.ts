/** An answer that comes as a stream: passed on as it comes, watched for usage, settled once however it ends. */
import { GatewayError } from "../errors.ts";
import type { End, Way } from "../ledger/entry.ts";
import type { StreamObserver } from "../protocols/protocol.ts";
import { cutOut } from "../telemetry/log.ts";
import { eventStreamOf, Opening, passOn, type Body, type StreamEnd } from "../upstream/index.ts";
import { answerHeaders, lossHeader } from "./answer.ts";
import { passing, type Failure } from "./attempt.ts";
import type { Answered } from "./buffered.ts";
import { goOn } from "./continued.ts";
import { withTold } from "./continuing.ts";
import { Digest } from "./digest.ts";
import { outcomeOfParts, type Part } from "./legs.ts";
import type { Ending } from "./outcome.ts";
import { routeHeader, routeOf, stayedAt } from "./route.ts";
import type { Spliced } from "./spliced.ts";

/**
 * The client's stream. Its end, whatever the cause, settles the reservation. `waitMs`: so long another attempt can still take its place,
 * and it is an answer only once it says its first word; undefined: it is the answer.
 */
export async function streamed({ run, attempt, exchange, startedMs, beside, response, upstreamRequestId }: Answered, waitMs: number | undefined): Promise<{ respond: () => Response } | { failure: Failure }> {
  const { context, protocol, facts, admission, hold } = run;
  const { settings, health } = context.isolate;
  if (waitMs === undefined) hold.answered();
  const events = eventStreamOf(response)!;
  const { name } = attempt.endpoint.provider;
  const { native, broken, type = events.type, spliced, ...watch } = exchange.watch();
  const digest = new Digest();
  const opening = waitMs === undefined ? undefined : new Opening();
  // Who answers now; `parts` are those whose answer it goes on with.
  let now: Answering = { attempt, ...(beside?.why && { why: beside.why }), facts, protocol: exchange.protocol, startedMs, upstreamRequestId, firstByteMs: Date.now() - context.startedAtMs, begunMs: undefined };
  const parts: Part[] = [];
  const observer = discreet(watch.observer, () => now.attempt.endpoint.secret, () => parts.length > 0 && speaks());
  const { readable, end } = passOn(response.body!, native, {
    observer, opening,
    began: speaks,
    cutter: events.cutter,
    heartbeatMs: protocol.takesComments === false ? Infinity : settings.STREAM_HEARTBEAT_MS,
    comment: protocol.comment,
    idleMs: settings.STREAM_IDLE_TIMEOUT_MS,
    clientLeft: context.request.signal,
    // Who is outrun is left by us and not by the client.
    graceMs: () => (beside?.cancel.aborted ? 0 : hold.graceMs()),
    sent: digest.update,
    lastWords: (how) => cutOut(broken(brokenOff(how, now.attempt.endpoint.provider.name)), now.attempt.endpoint.secret),
    next: spliced && ((how, signal) => another(spliced, how, signal)),
  });
  const over = end.then(async (how) => {
    await beside?.decided;
    if (how === "refused" || beside?.cancel.aborted) return;
    close(how);
    const ending = {
      ...endingOf(native && !events.cutter ? "native" : "pump"),
      responseHash: how === "client_gone" || how === "drained" ? null : await digest.end(),
    };
    hold.settle(outcomeOfParts([...run.outran, ...parts], ending, context.startedAtMs), stayedAt(run, now.attempt));
  });
  context.waitUntil(over);
  beside?.cancel.addEventListener("abort", () => void (opening?.giveUp() || readable.cancel().catch(() => {})), { once: true });
  const late = opening && setTimeout(() => opening.giveUp(), waitMs);
  const opened = opening ? await opening.opened : "begun";
  clearTimeout(late ?? null);
  if (opened === "begun") return { respond };
  if (hold.signal.aborted) throw hold.signal.reason;
  const error = opened === "late" ? new GatewayError("upstream_timeout", `${name} sent nothing in time.`)
    : observer.seen.error !== undefined ? new GatewayError("upstream_error", cutOut(`${name}: ${observer.seen.error.slice(0, 2_000)}`, attempt.endpoint.secret))
    : new GatewayError("upstream_error", `The answer of ${name} broke off before it began.`);
  return { failure: { error, upstreamRequestId, ...passing } };

  function respond(): Response {
    hold.answered();
    return new Response(readable, { status: response.status, headers: { ...answerHeaders(context.requestId, admission.rate, type), ...routeHeader(run, attempt), ...lossHeader(exchange.losses) } });
  }

  /** The first word of whoever answers now. */
  function speaks(): void {
    if (now.begunMs !== undefined) return;
    now.begunMs = Date.now();
    health.note(now.attempt.vital, { is: "answered", firstByteMs: now.begunMs - now.startedMs }, now.begunMs);
  }

  /** Who answers now is through, and its part is written down. */
  function close(how: StreamEnd): void {
    noteEnd(how);
    parts.push({ ...now, seen: observer.seen, end: endOf(how, observer.seen.terminated), cut: how !== "done" && how !== "drained" });
  }

  function endingOf(way: Way): Omit<Ending, "end" | "firstByteMs" | "upstreamRequestId"> {
    return { status: response.status, way, totalMs: Date.now() - context.startedAtMs, losses: exchange.losses, ...routeOf(run, run.outran.length + parts.length) };
  }

  /** The answer broke off: who goes on with it. */
  async function another(stream: Spliced, how: StreamEnd, signal: AbortSignal): Promise<Body | undefined> {
    const told = stream.told();
    const following = told === undefined ? undefined : await goOn(run, now.attempt, told, signal);
    if (told === undefined || !following) return undefined;
    close(how);
    const { exchange: { protocol: spoken, parse }, body, echoes, ...asked } = following;
    now = { ...asked, facts: withTold(facts, told), protocol: spoken, why: "broke", firstByteMs: body ? Date.now() - context.startedAtMs : null, begunMs: undefined };
    stream.goOn(parse!(), outcomeOfParts(parts, endingOf("pump"), context.startedAtMs).usage, echoes);
    return body;
  }

  /** A stream that broke tells of its deployment as one that never came; one that ran to its end tells how fast it was. */
  function noteEnd(how: StreamEnd): void {
    const { attempt: { vital }, begunMs } = now;
    if (how === "upstream_error" || how === "idle" || (how === "done" && (observer.seen.error !== undefined || !observer.seen.terminated))) health.note(vital, { is: "failed", why: { code: how === "idle" ? "upstream_timeout" : "broke_off" } }, Date.now());
    else if (how === "done" && begunMs !== undefined) health.note(vital, { is: "streamed", outputTokens: observer.seen.usage?.outputTokens ?? 0, streamMs: Date.now() - begunMs }, Date.now());
  }
}

/** A part of the answer that is being given. `begunMs`: when its first word came. */
type Answering = Omit<Part, "seen" | "end" | "cut"> & { startedMs: number; begunMs: number | undefined };

/** An observer through which no error inside the stream carries our key. Once text flows natively the runtime asks nobody. `said`: something was. */
const discreet = (observer: StreamObserver, secret: () => string | undefined, said: () => void): StreamObserver => ({
  get seen() {
    return observer.seen;
  },
  push(frames) {
    const kept = observer.push(frames);
    if (kept !== "") said();
    return observer.seen.error === undefined ? kept : cutOut(kept, secret());
  },
  ...(observer.close && { close: () => cutOut(observer.close!(), secret()) }),
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
