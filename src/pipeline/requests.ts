/** Several requests that one answer is made of: each is planned, reserved for and settled by the path like any other. */
import type { Outcome } from "../ledger/entry.ts";
import { usdOf } from "../ledger/index.ts";
import type { Protocol } from "../protocols/protocol.ts";
import type { RequestContext } from "./context.ts";
import type { Serve } from "./relay.ts";

const nanoPerUsd = 1e9;

export class Requests {
  private readonly context: RequestContext;
  private readonly protocol: Protocol;
  private readonly serve: Serve;
  private count = 0;
  private waiting = 0;
  private over = false;
  private outcome: Outcome | undefined;
  /** Of all answers that came whole, nano-USD; undefined where one of them has no price. */
  private cost: number | undefined = 0;
  private readonly losses = new Set<string>();

  constructor(context: RequestContext, protocol: Protocol, serve: Serve) {
    this.context = context;
    this.protocol = protocol;
    this.serve = serve;
  }

  /** Makes a request of this body. The first has the client's id, the others that id with their number behind it: `req_…r2`. */
  async ask(text: string): Promise<Response> {
    const { context } = this;
    const { requestId, startedAtMs, named } = context;
    this.count += 1;
    this.waiting += 1;
    const first = this.count === 1;
    let open = true;
    const settled = (outcome: Outcome): void => {
      open = false;
      this.settled(outcome);
    };
    const response = await this.serve({
      ...context,
      requestId: first ? requestId : `${requestId}r${this.count}`,
      startedAtMs: first ? startedAtMs : Date.now(),
      read: { text, json: JSON.parse(text) as unknown },
      ...(named && { named: { ...named, settled } }),
    }, this.protocol);
    // Whatever is refused has been settled by now, or never will be.
    if (!response.ok && open) this.waiting -= 1;
    const cost = response.headers.get("x-forge-cost");
    this.cost = cost === null || this.cost === undefined ? undefined : this.cost + Math.round(Number(cost) * nanoPerUsd);
    for (const loss of response.headers.get("x-forge-losses")?.split(", ") ?? []) this.losses.add(loss);
    return response;
  }

  /** No more is asked: the answer stands under the client's id, and has ended as its last request has. */
  end(): void {
    this.over = true;
    this.tellOutcome();
  }

  /** The headers of one of the answers as the whole has them. `whole`: it comes with its cost. */
  headersOf(response: Response, whole: boolean): Headers {
    const headers = new Headers(response.headers);
    headers.delete("content-length");
    for (const name of ["x-request-id", "request-id"]) headers.set(name, this.context.requestId);
    headers.delete("x-forge-cost");
    if (whole && this.cost !== undefined) headers.set("x-forge-cost", usdOf(this.cost));
    if (this.losses.size > 0) headers.set("x-forge-losses", [...this.losses].join(", "));
    return headers;
  }

  private settled(outcome: Outcome): void {
    this.waiting -= 1;
    this.outcome = outcome;
    this.tellOutcome();
  }

  private tellOutcome(): void {
    if (this.over && this.waiting <= 0 && this.outcome) this.context.named?.settled(this.outcome);
  }
}
