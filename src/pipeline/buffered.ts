/** An answer that comes whole: read to its end, so that a broken one is never passed on as a success. */
import { GatewayError } from "../errors.ts";
import { cutOut } from "../telemetry/log.ts";
import { answerHeaders } from "./answer.ts";
import type { Relay } from "./relay.ts";
import type { Attempt } from "../router/index.ts";
import { readBounded } from "../upstream/index.ts";
import { outcomeOf } from "./outcome.ts";

/** An upstream's answer with status 2xx, and who gave it. */
export type Answered = {
  readonly run: Relay;
  readonly attempt: Attempt;
  readonly attempts: number;
  readonly response: Response;
  readonly upstreamRequestId: string | null;
};

const utf8 = new TextDecoder();
/** Largest answer that is read whole: an isolate has 128 MB. */
const answerLimit = 48 * 1024 * 1024;

/** Passes a JSON answer on, byte for byte, and settles what it says was used. Throws when it breaks off. */
export async function buffered({ run, attempt, attempts, response, upstreamRequestId }: Answered): Promise<Response> {
  const { context, protocol, facts, admission, hold } = run;
  const firstByteMs = Date.now() - context.startedAtMs;
  const { name } = attempt.endpoint.provider;
  const bytes = await readBounded(response.body, answerLimit).catch(() => {
    throw hold.signal.aborted ? hold.signal.reason : new GatewayError("upstream_error", `The answer of ${name} broke off.`);
  });
  if (!bytes) throw new GatewayError("upstream_error", `The answer of ${name} is larger than ${answerLimit / 1024 / 1024} MiB.`);
  const seen = protocol.observe(parse(bytes, name));
  const ending = { end: "complete", status: response.status, way: "buffered", firstByteMs, totalMs: Date.now() - context.startedAtMs, attempts, upstreamRequestId } as const;
  hold.settle(outcomeOf(facts, protocol.id, attempt, seen, ending, context.startedAtMs));
  return new Response(seen.error === undefined ? bytes : cutOut(utf8.decode(bytes), attempt.endpoint.secret), {
    status: response.status,
    headers: answerHeaders(context.requestId, admission.rate, response.headers.get("content-type") ?? "application/json"),
  });
}

function parse(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    throw new GatewayError("upstream_error", `${name} did not answer with JSON.`);
  }
}
