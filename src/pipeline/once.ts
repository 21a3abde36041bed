/**
 * A request that its client gave a name (`Idempotency-Key`): it runs once, whoever asks for it again joins that run or gets its
 * answer. A layer around the one path: the first request takes it as ever, and is recorded.
 */
import { keysHeader, type Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { bodyOf, fingerprintOf, follow, idempotencyKeyOf, opening, Cipher, Recorder, sealed, Tail, type Call, type Head, type Standing } from "../replay/index.ts";
import { callerOf, look } from "./admit.ts";
import { rateHeaders } from "./answer.ts";
import { readBytes } from "./body.ts";
import { identified, readForm } from "./form-body.ts";
import type { RequestContext } from "./context.ts";
import { refusal } from "./refusal.ts";
import type { Serve } from "./relay.ts";

/** A request with a name, and the object that knows it. */
type Named = { readonly context: RequestContext; readonly protocol: Protocol; readonly call: Call };

/** How long a run goes on without its first client, who may come back: the runtime gives a request some 30 s then. */
const drainMs = 25_000;
/** How long a refusal waits for its name to be free again. */
const mostHeldMs = 1_000;
const encoder = new TextEncoder();

/** Runs `serve` for the first request of a name, and answers all others with what came of it. Never rejects. */
export async function once(context: RequestContext, protocol: Protocol, serve: Serve): Promise<Response> {
  const { request, isolate, requestId, waitUntil } = context;
  let caller: Principal | undefined;
  try {
    caller = await callerOf(context);
    const name = idempotencyKeyOf(request.headers);
    const read = protocol.form && (await readForm(request, protocol.form));
    const body = read ? await identified(read.json) : await readBytes(request);
    const { claim, call } = await isolate.calls.claim({ keyId: caller.keyId, name, fingerprint: await fingerprintOf(request, body, request.headers.get(keysHeader)), run: requestId, waitUntil });
    const { keyId } = caller;
    const readable = (run: string): Call => sealed(call, new Cipher(isolate.settings.KEY_PEPPER, keyId, run));
    if (claim.is === "lead") return await lead({ context: read ? { ...context, read } : context, protocol, call: readable(requestId) }, serve, body);
    if (claim.is === "join") return await join({ context, protocol, call: readable(claim.run) }, caller, claim.run);
    throw new GatewayError("idempotency_conflict", "This Idempotency-Key was used for a request with another body or URL, or other keys of providers. Send a new one.", { param: "Idempotency-Key", shouldRetry: false });
  } catch (thrown) {
    return refusal(context, protocol, caller, thrown);
  }
}

/** Takes the one path, with a signal that lets the run outlive its client, and records what comes of it. */
async function lead({ context, protocol, call }: Named, serve: Serve, body: Uint8Array | ArrayBuffer): Promise<Response> {
  const { request, requestId: run, waitUntil } = context;
  const recorder = new Recorder(call, run);
  waitUntil(recorder.written);
  const settled = Promise.withResolvers<Outcome>();
  let outcome: Outcome | undefined;
  const { method, headers } = request;
  const response = await serve({
    ...context,
    request: new Request(request.url, { method, headers, signal: late(request.signal, drainMs) }),
    named: { body, settled: (one) => settled.resolve((outcome = one)) },
  }, protocol);
  const head: Head = { status: response.status, headers: [...response.headers] };
  // What is settled before it is handed out is whole; a stream is settled when it ends.
  if (response.ok && !outcome) {
    const tail = new Tail();
    recorder.begin(head);
    const over = record(response.body!, tail, recorder).then(async () => standingOf(head.status, await settled.promise), () => "lost" as const);
    waitUntil(over.then((standing) => recorder.finish(standing)));
    const words = brokenOff(protocol, run, response.headers);
    return new Response(bodyOf(tail.pieces((from) => follow(call, { run, from }, words))), { status: head.status, headers: response.headers });
  }
  const whole = new Uint8Array(await response.arrayBuffer());
  waitUntil(recorder.push(whole));
  const standing = standingOf(head.status, outcome);
  const finished = recorder.finish(standing, standing === "lost" ? undefined : head);
  // A client that is refused may come again at once, and must not join what has just failed.
  if (!response.ok) await Promise.race([finished, scheduler.wait(mostHeldMs)]);
  return new Response(whole, { status: head.status, headers: response.headers });
}

/** Reads a stream to its end, whoever is still there to hear it. */
async function record(body: ReadableStream<Uint8Array>, tail: Tail, recorder: Recorder): Promise<void> {
  try {
    for await (const piece of body) {
      tail.push(piece);
      await recorder.push(piece);
    }
  } finally {
    tail.close();
  }
}

/**
 * An answer is kept when it is whole or something was charged for it. What was refused, or failed and cost nothing, is forgotten: the
 * next request runs anew. What could be waited for no longer is charged by estimate, and lost.
 */
export function standingOf(status: number, outcome: Pick<Outcome, "end" | "usage" | "costNanoUsd"> | undefined): Standing {
  if (!outcome) return "refused";
  if (outcome.end === "client_gone") return "lost";
  const { usage, costNanoUsd, end } = outcome;
  const spent = costNanoUsd > 0 || usage.inputTokens + usage.outputTokens > 0;
  return spent || (status < 400 && end === "complete") ? "kept" : "refused";
}

/** The first request's answer, as it was and with its id; only the counters are today's. A key that may call no more reads nothing. */
async function join({ context, protocol, call }: Named, caller: Principal, run: string): Promise<Response> {
  const { rate } = await look(context, caller);
  const first = await opening(call, run).catch(() => {
    throw new GatewayError("limiter_unavailable", "The answer to this Idempotency-Key cannot be read right now.", { retryAfterSeconds: 1 });
  });
  if (!first.head) throw unknown(run);
  const { status, headers: kept } = first.head;
  const headers = new Headers({ ...Object.fromEntries(kept), ...rateHeaders(rate), "idempotent-replayed": "true" });
  return new Response(bodyOf(follow(call, { run, from: 0, first }, brokenOff(protocol, run, headers))), { status, headers });
}

const unknown = (run: string): GatewayError =>
  new GatewayError("idempotency_unknown", `The request with this Idempotency-Key (${run}) ended and its answer is not here. It may have been charged, so it is not run again: see /dashboard/requests/${run}, or send a new key.`, { param: "Idempotency-Key", shouldRetry: false });

/** The last words of a stream whose rest is lost. Anything else that is cut must look broken: these throw then. */
const brokenOff = (protocol: Protocol, run: string, headers: Headers) => (): Uint8Array => {
  if (!headers.get("content-type")?.startsWith("text/event-stream")) throw unknown(run);
  return encoder.encode(`\n\n${protocol.renderStreamError(unknown(run), run)}`);
};

/** A signal that comes `ms` after another one. */
function late(signal: AbortSignal, ms: number): AbortSignal {
  const controller = new AbortController();
  const leave = (): void => void setTimeout(() => controller.abort(), ms);
  if (signal.aborted) leave();
  else signal.addEventListener("abort", leave, { once: true });
  return controller.signal;
}
