/** One reservation from its grant to its single settlement. */
import type { Outcome } from "../ledger/entry.ts";
import { leaseMs, type MeterPolicy } from "../limits/index.ts";
import type { RequestContext } from "./context.ts";

const renewEveryMs = leaseMs * 0.8;

/** Renews the lease while the request runs; `settle` posts the outcome once, whoever calls it first. */
export class Hold {
  private settled = false;
  private readonly context: RequestContext;
  private readonly policy: MeterPolicy;
  private readonly renewal: ReturnType<typeof setInterval>;

  constructor(context: RequestContext, policy: MeterPolicy) {
    this.context = context;
    this.policy = policy;
    const { requestId: id, isolate, waitUntil } = context;
    this.renewal = setInterval(() => void isolate.meters.submit({ do: "renew", id }, policy, waitUntil).catch(() => {}), renewEveryMs);
  }

  /** Posts the outcome. Returns at once; the write runs on behind the answer. */
  settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    clearInterval(this.renewal);
    const { requestId: id, isolate, waitUntil } = this.context;
    isolate.meters.settle({ do: "settle", id, outcome }, this.policy, waitUntil);
  }
}
