/** One reservation from its grant to its single settlement, and what of a request goes by the clock. */
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { leaseMs, postingOf, type MeterPolicy } from "../limits/index.ts";
import type { Admission } from "./admit.ts";
import { appOf } from "./attribution.ts";
import type { RequestContext } from "./context.ts";

/** Often enough that a lost renewal or two cost nothing. */
const renewEveryMs = leaseMs * 0.3;
/** The reason of a call that was ended because nobody waits for its answer. */
export const clientLeft = new GatewayError("upstream_error", "The client left.");

/**
 * Renews the lease while the request runs, ends the upstream call when its answer takes too long, and posts the outcome once. When
 * the client leaves, the call is ended at once, or goes on for its exact usage as long as DRAIN_TIMEOUT_MS allows.
 */
export class Hold {
  /** Aborts the upstream call; its reason is the GatewayError to tell. */
  readonly signal: AbortSignal;
  private leftAtMs: number | undefined;
  private settled = false;
  private awaitingAnswer = true;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private grace: ReturnType<typeof setTimeout> | null = null;
  private readonly controller = new AbortController();
  private readonly context: RequestContext;
  private readonly policy: MeterPolicy;
  private readonly drainMs: number;

  constructor(context: RequestContext, { policy, drains }: Admission) {
    this.context = context;
    this.policy = policy;
    // The signal of a named request is late already: it has been drained when it comes.
    this.drainMs = drains && !context.named ? context.isolate.settings.DRAIN_TIMEOUT_MS : 0;
    this.signal = this.controller.signal;
    const client = context.request.signal;
    if (client.aborted) this.leave();
    else client.addEventListener("abort", this.leave, { once: true });
    this.arm();
  }

  /** The client left before all was over. */
  get clientGone(): boolean {
    return this.leftAtMs !== undefined;
  }

  /** The client has left: how many milliseconds the upstream may still be read. */
  readonly graceMs = (): number => {
    this.leftAtMs ??= Date.now();
    return Math.max(0, this.leftAtMs + this.drainMs - Date.now());
  };

  /** A stream has begun, which sees to its client's leaving itself, or the whole answer is here: from now on only the lease is watched. */
  answered(): void {
    this.awaitingAnswer = false;
    clearTimeout(this.grace);
    this.context.request.signal.removeEventListener("abort", this.leave);
  }

  /** Posts the outcome, and where its conversation ran. Returns at once; the write runs on behind the answer. */
  settle(outcome: Outcome, session?: { id: string; vital: string }): void {
    if (this.settled) return;
    this.settled = true;
    clearTimeout(this.timer);
    this.answered();
    const { requestId: id, isolate, waitUntil, settles, request, named } = this.context;
    const app = appOf(request.headers);
    const signed = app ? { ...outcome, app } : outcome;
    named?.settled(signed);
    const operation = { do: "settle", id, posting: postingOf(signed), session } as const;
    if (settles) settles({ operation, policy: this.policy, outcome: signed });
    else isolate.meters.settle(operation, this.policy, waitUntil);
  }

  /** Waits. False: the request was over before. */
  pause(ms: number): Promise<boolean> {
    return scheduler.wait(ms, { signal: this.signal }).then(() => true, () => false);
  }

  private arm(): void {
    const { startedAtMs, isolate, untilMs = Infinity } = this.context;
    const deadlineMs = Math.min(startedAtMs + isolate.settings.UPSTREAM_HEADERS_TIMEOUT_MS, untilMs) - Date.now();
    const wait = this.awaitingAnswer ? Math.min(renewEveryMs, Math.max(0, deadlineMs)) : renewEveryMs;
    this.timer = setTimeout(() => (this.awaitingAnswer && wait === Math.max(0, deadlineMs) ? this.late() : this.renew()), wait);
  }

  private renew(): void {
    const { requestId: id, isolate, waitUntil } = this.context;
    waitUntil(isolate.meters.submit({ do: "renew", id }, this.policy).catch(() => {}));
    this.arm();
  }

  private late(): void {
    const seconds = Math.round((Date.now() - this.context.startedAtMs) / 1000);
    this.controller.abort(new GatewayError("upstream_timeout", `The provider sent nothing for ${seconds} seconds.`));
  }

  private readonly leave = (): void => {
    const ms = this.graceMs();
    if (ms === 0) this.controller.abort(clientLeft);
    else this.grace = setTimeout(() => this.controller.abort(clientLeft), ms);
  };
}
