/** One reservation from its grant to its single settlement, and the one timer that a request has. */
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { leaseMs, postingOf, type MeterPolicy } from "../limits/index.ts";
import type { RequestContext } from "./context.ts";

const renewEveryMs = leaseMs * 0.8;

/**
 * Renews the lease while the request runs, ends the upstream call when its headers take too long or the client of a
 * stream leaves before them, and posts the outcome once.
 */
export class Hold {
  /** Aborts the upstream call; its reason is the GatewayError to tell. */
  readonly signal: AbortSignal;
  clientGone = false;
  private settled = false;
  private awaitingHeaders = true;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly controller = new AbortController();
  private readonly context: RequestContext;
  private readonly policy: MeterPolicy;
  private readonly leave = (): void => this.clientLeft();

  constructor(context: RequestContext, policy: MeterPolicy, stream: boolean) {
    this.context = context;
    this.policy = policy;
    this.signal = this.controller.signal;
    if (stream) context.request.signal.addEventListener("abort", this.leave, { once: true });
    this.arm();
  }

  /** The upstream's headers are here: from now on only the lease is watched. */
  answered(): void {
    this.awaitingHeaders = false;
    this.context.request.signal.removeEventListener("abort", this.leave);
  }

  /** Posts the outcome. Returns at once; the write runs on behind the answer. */
  settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.answered();
    const { requestId: id, isolate, waitUntil } = this.context;
    isolate.meters.settle({ do: "settle", id, posting: postingOf(outcome) }, this.policy, waitUntil);
  }

  private arm(): void {
    const { startedAtMs, isolate } = this.context;
    const deadlineMs = isolate.settings.UPSTREAM_HEADERS_TIMEOUT_MS - (Date.now() - startedAtMs);
    const wait = this.awaitingHeaders ? Math.min(renewEveryMs, Math.max(0, deadlineMs)) : renewEveryMs;
    this.timer = setTimeout(() => (this.awaitingHeaders && wait === Math.max(0, deadlineMs) ? this.late() : this.renew()), wait);
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
    this.clientGone = true;
    this.controller.abort(new GatewayError("upstream_error", "The client left."));
  }
}
