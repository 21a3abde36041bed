/** Several requests to models that make one answer: one reservation before the first of them, one entry when the last is over. */
import type { Principal } from "../accounts/index.ts";
import { together, noUsage, type Usage } from "../chat/index.ts";
import { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import { postingOf, type Estimate, type MeterOperation } from "../limits/index.ts";
import type { Protocol, RequestFacts } from "../protocols/protocol.ts";
import { plan } from "../router/index.ts";
import { ask, bound, callerOf, type Granted } from "./admit.ts";
import { reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import { joined, legOf } from "./legs.ts";
import { questionFor } from "./planning.ts";

/** The most that each of so many steps can use: on whichever deployment of one of `models` it will run. `outputTokens` undefined: as many as that writes. */
export type StepBound = { readonly models: readonly string[]; readonly inputTokens: number; readonly outputTokens: number | undefined; readonly times?: number };
/** What a step was called, how it ended, and when it began and ended, Unix ms. */
export type StepDone = { readonly name: string; readonly startedMs: number; readonly endedMs: number; readonly outcome: Outcome };

/** A step's share of what is reserved for all. Throws `insufficient_credits` where it does not hold another step. */
export type Share = { take(reserving: (principal: Principal) => Promise<Extract<MeterOperation, { do: "reserve" }>>): Promise<Granted> };

/**
 * A request that is answered in steps. Every step is planned, sent and priced as any request; none may use what is not reserved, and
 * none but the last one what that needs.
 */
export class Undertaking {
  readonly reserved: Estimate;
  readonly done: StepDone[] = [];
  private readonly context: RequestContext;
  private readonly granted: Granted;
  private readonly spared: Estimate;
  private held: Estimate = none;
  private open = 0;
  private closed = false;
  private idling: (() => void)[] = [];

  private constructor(context: RequestContext, granted: Granted, { reserved, spared }: { reserved: Estimate; spared: Estimate }) {
    this.context = context;
    this.granted = granted;
    this.reserved = reserved;
    this.spared = spared;
  }

  /**
   * Reserves the most that the steps can use together. `sample`: the client's request, as `protocol` has it. A step that has nowhere to run
   * counts for nothing. Throws what a refused reservation is refused with, what keeps the caller from calling at all, and why the last
   * step has nowhere to run: nothing is paid for the sake of an answer that nobody can give.
   */
  static async begin(context: RequestContext, protocol: Protocol, sample: string, steps: readonly StepBound[]): Promise<Undertaking> {
    const caller = await callerOf(context);
    let [reserved, spared]: [Estimate, Estimate] = [none, none];
    const granted = await ask(context, caller, async (current) => {
      const most = await Promise.all(steps.map((step, index) => mostOf(context, current, protocol, sample, step, index === steps.length - 1)));
      reserved = most.reduce(sum, none);
      spared = most.at(-1)!;
      return { do: "reserve", id: context.requestId, version: current.version, estimate: reserved, model: steps.at(-1)!.models[0]!, protocol: protocol.id };
    });
    return new Undertaking(context, granted, { reserved, spared });
  }

  /** What the steps that are over used and cost, USD. */
  get spent(): { usage: Usage; usd: number } {
    return { usage: this.done.map(({ outcome }) => outcome.usage).reduce(together, noUsage), usd: this.nanoUsd / 1e9 };
  }

  /** A step's request: made of `json`, in the client's name, under its id. `untilMs`: when its answer is no longer waited for; `last`: no other follows it. */
  step(name: string, json: object, { untilMs, last = false }: { untilMs?: number; last?: boolean } = {}): RequestContext {
    const { named: _, ...context } = this.context;
    const startedMs = Date.now();
    let estimate: Estimate | undefined;
    const under: Share = {
      take: async (reserving) => {
        estimate = (await reserving(this.granted.principal)).estimate;
        this.hold(estimate, last ? none : this.spared);
        return this.granted;
      },
    };
    return {
      ...context, startedAtMs: startedMs, ...(untilMs !== undefined && { untilMs }), under, read: { text: JSON.stringify(json), json },
      settles: ({ outcome }) => {
        this.held = less(this.held, estimate!);
        this.open -= 1;
        this.done.push({ name, startedMs, endedMs: Date.now(), outcome });
        if (this.open === 0) for (const resolve of this.idling.splice(0)) resolve();
        this.post();
      },
    };
  }

  /** Once no step is under way: an answer that came as a stream is counted only when it has ended. */
  idle(): Promise<void> {
    return this.open === 0 ? Promise.resolve() : new Promise((resolve) => this.idling.push(resolve));
  }

  /** No more steps come. The entry is written when those under way are over. */
  close(): void {
    this.closed = true;
    this.post();
  }

  private get nanoUsd(): number {
    return this.done.reduce((all, { outcome }) => all + outcome.costNanoUsd, 0);
  }

  private hold(estimate: Estimate, spared: Estimate): void {
    const used: Estimate = { tokens: this.done.reduce((all, { outcome: { usage } }) => all + usage.inputTokens + usage.outputTokens, 0), nanoUsd: this.nanoUsd };
    const { tokens, nanoUsd } = [this.held, estimate, spared].reduce(sum, used);
    if (tokens > this.reserved.tokens || nanoUsd > this.reserved.nanoUsd) {
      throw new GatewayError("insufficient_credits", "What is reserved for this request does not hold another step.", { shouldRetry: false });
    }
    this.held = sum(this.held, estimate);
    this.open += 1;
  }

  private post(): void {
    if (!this.closed || this.open > 0) return;
    const { isolate, requestId: id, waitUntil, startedAtMs, named } = this.context;
    const { policy } = this.granted;
    if (this.done.length === 0) return void waitUntil(isolate.meters.submit({ do: "release", id }, policy).catch(() => {}));
    const outcomes = this.done.map(({ outcome }) => outcome);
    const legs = this.done.flatMap(({ name: step, outcome }) => (outcome.legs ?? [outcome]).map((leg) => legOf({ ...outcome, ...leg }, { ...("why" in leg && { why: leg.why }), step })));
    const whole = outcomes.length === 1 ? outcomes[0]! : joined(outcomes, legs);
    const outcome: Outcome = {
      ...whole, reserved: this.reserved, totalMs: Date.now() - startedAtMs, attempts: outcomes.reduce((all, { attempts }) => all + attempts, 0), refused: outcomes.flatMap(({ refused }) => refused),
    };
    named?.settled(outcome);
    isolate.meters.settle({ do: "settle", id, posting: postingOf(outcome) }, policy, waitUntil);
  }
}

const none: Estimate = { tokens: 0, nanoUsd: 0 };
const sum = (one: Estimate, other: Estimate): Estimate => ({ tokens: one.tokens + other.tokens, nanoUsd: one.nanoUsd + other.nanoUsd });
const less = (from: Estimate, { tokens, nanoUsd }: Estimate): Estimate => ({ tokens: from.tokens - tokens, nanoUsd: from.nanoUsd - nanoUsd });

async function mostOf(context: RequestContext, principal: Principal, protocol: Protocol, sample: string, { models, times = 1, ...tokens }: StepBound, last: boolean): Promise<Estimate> {
  const each = await Promise.all(models.map((model) => mostAt(context, principal, protocol, sample, { model, ...tokens }, last)));
  return { tokens: times * Math.max(...each.map((most) => most.tokens)), nanoUsd: times * Math.max(...each.map((most) => most.nanoUsd)) };
}

type One = { readonly model: string; readonly inputTokens: number; readonly outputTokens: number | undefined };

async function mostAt(context: RequestContext, principal: Principal, protocol: Protocol, sample: string, { model, inputTokens, outputTokens }: One, needed: boolean): Promise<Estimate> {
  // Wherever it may run: how long it will really be nobody knows yet.
  const facts: RequestFacts = { model, stream: false, usageAsked: false, inputTokens, likelyInputTokens: 0, outputTokens, choices: 1 };
  try {
    const { attempts } = plan(await questionFor(context, principal, { protocol, facts, read: reading(protocol, sample), session: () => undefined }));
    return bound(attempts, facts, protocol.id, context.startedAtMs);
  } catch (error) {
    if (error instanceof GatewayError && !needed) return none;
    throw error;
  }
}
