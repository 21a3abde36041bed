/** An answer of bytes: passed on as it comes, and settled when it ends. */
import { GatewayError } from "../errors.ts";
import { answerHeaders, lossHeader } from "./answer.ts";
import type { Answered } from "./buffered.ts";
import { Digest } from "./digest.ts";
import type { Flow } from "../protocols/protocol.ts";
import { outcomeOf } from "./outcome.ts";
import { routeHeader, routeOf, stayedAt } from "./route.ts";
import { flow } from "../upstream/index.ts";

/** The client's answer. Its end, whatever the cause, settles the reservation: by what went through, where nobody says what was used. */
export function flowed({ run, attempt, exchange, response, upstreamRequestId }: Answered, { type, observe, telling }: Flow): { respond: () => Response } {
  const { context, facts, admission, hold } = run;
  const { settings, health } = context.isolate;
  const firstByteMs = Date.now() - context.startedAtMs;
  return { respond };

  function respond(): Response {
    hold.answered();
    const digest = new Digest();
    let length = 0;
    const { readable, end } = flow(response.body!, {
      idleMs: settings.STREAM_IDLE_TIMEOUT_MS,
      signal: context.request.signal,
      came: (piece) => (length += piece.length),
      sent: digest.update,
      telling,
      lastWords: telling?.fail && (() => telling.fail!(new GatewayError("upstream_error", `The answer of ${attempt.endpoint.provider.name} broke off.`))),
    });
    context.waitUntil(end.then(async (how) => {
      const came = how === "done" || how === "client_gone";
      health.note(attempt.vital, came ? { is: "answered" } : { is: "failed", why: { code: how === "idle" ? "upstream_timeout" : "broke_off" } }, Date.now());
      const ended = how === "done" ? "complete" : how === "client_gone" ? "client_gone" : how === "idle" ? "upstream_timeout" : "upstream_error";
      const ending = {
        end: ended, status: response.status, way: "pump", firstByteMs, totalMs: Date.now() - context.startedAtMs, upstreamRequestId, losses: exchange.losses, ...routeOf(run),
        responseHash: how === "done" ? await digest.end() : null,
      } as const;
      hold.settle(outcomeOf(facts, exchange.protocol, attempt, { ...observe(length), terminated: how === "done" }, ending, context.startedAtMs), stayedAt(run, attempt));
    }));
    const headers = { ...answerHeaders(context.requestId, admission.rate, type), ...routeHeader(run, attempt), ...lossHeader(exchange.losses) };
    return new Response(readable, { status: response.status, headers });
  }
}
