/** One reservation from its grant to its single settlement, and the one timer that a request has. */
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { leaseMs, postingOf, type MeterPolicy } from "../limits/index.ts";
import type { RequestContext } from "./context.ts";

/** Often enough that a lost renewal or two cost nothing. */
const renewEveryMs = leaseMs * 0.3;
/** How long a whole answer is waited for once its client has left: the runtime gives a request some 30 s then. */
const finishMs = 20_000;

/**
 * Renews the lease while the request runs, ends the upstream call when its answer takes too long or its client leaves, and posts
 * the outcome once. A stream is ended as soon as its client leaves; a whole answer is finished for its exact usage, within bounds.
 */
export class Hold {
  /** Aborts the upstream call; its reason is the GatewayError to tell. */
  readonly signal: AbortSignal;
  clientGone = false;
  private settled = false;
  private awaitingAnswer = true;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly controller = new AbortController();
  private readonly context: RequestContext;
  private readonly policy: MeterPolicy;
  private readonly leave: () => void;

  constructor(context: RequestContext, policy: MeterPolicy, stream: boolean) {
    this.context = context;
    this.policy = policy;
    this.signal = this.controller.signal;
    this.leave = stream || context.named ? () => this.clientLeft() : () => void setTimeout(() => this.clientLeft(), finishMs);
    const client = context.request.signal;
    if (client.aborted) this.leave();
    else client.addEventListener("abort", this.leave, { once: true });
    this.arm();
  }

  /** A stream has begun, or the whole answer is here: from now on only the lease is watched. */
  answered(): void {
    this.awaitingAnswer = false;
    this.context.request.signal.removeEventListener("abort", this.leave);
  }

  /** Posts the outcome. Returns at once; the write runs on behind the answer. */
  settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.answered();
    this.context.named?.settled(outcome);
    const { requestId: id, isolate, waitUntil } = this.context;
    isolate.meters.settle({ do: "settle", id, posting: postingOf(outcome) }, this.policy, waitUntil);
  }

  private arm(): void {
    const { startedAtMs, isolate } = this.context;
    const deadlineMs = isolate.settings.UPSTREAM_HEADERS_TIMEOUT_MS - (Date.now() - startedAtMs);
    const wait = this.awaitingAnswer ? Math.min(renewEveryMs, Math.max(0, deadlineMs)) : renewEveryMs;
    this.timer = setTimeout(() => (this.awaitingAnswer && wait === Math.max(0, deadlineMs) ? this.late() : this.renew()), wait);
  }

  private renew(): void {
    const { requestId: id, isolate, waitUntil } = this.context;
    waitUntil(isolate.meters.submit({ do: "renew", id }, this.policy).catch(() => {}));
    this.arm();
  }

  private late(): void {
    const seconds = Math.round(this.context.isolate.settings.UPSTREAM_HEADERS_TIMEOUT_MS / 1000);
    this.controller.abort(new GatewayError("upstream_timeout", `The provider sent nothing for ${seconds} seconds.`));
  }

  private clientLeft(): void {
    if (!this.awaitingAnswer) return;
    this.clientGone = true;
    this.controller.abort(new GatewayError("upstream_error", "The client left."));
  }
}
