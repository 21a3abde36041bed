/**
 * How the Worker talks to the meters. Operations on one key that come up together travel in one call (group commit): at
 * rest every request makes its own two calls, under load many requests share one, so a hot key costs one RPC and one
 * durable write per group and not per request. Each operation keeps its own id and its own answer.
 */
import { GatewayError } from "../errors.ts";
import type { KeyMeter } from "./key-meter.do.ts";
import type { MeterOperation, MeterPolicy, MeterReply } from "./policy.ts";

/** Calls under way per key and isolate. Beyond that, operations gather for the next call. */
const callsAtOnce = 2;
/** How long a settle may wait for a reserve to ride with. */
const lingerMs = 20;
const groupSize = 256;
/** A group whose leading request died with its context is sent again by a follower after this long. */
const rescueMs = 5_000;

type Ticket = {
  operation: MeterOperation;
  policy: MeterPolicy;
  /** Settles when a call has brought the answer. */
  answer: PromiseWithResolvers<MeterReply | GatewayError>;
  /** Settles when it is this ticket's turn to lead a call. */
  turn: PromiseWithResolvers<void>;
};

type Lane = { id: DurableObjectId; waiting: Ticket[]; calls: number; known: number };

export type Patience = (promise: Promise<unknown>) => void;

export class Meters {
  private readonly lanes = new Map<string, Lane>();
  private readonly namespace: DurableObjectNamespace<KeyMeter>;

  constructor(namespace: DurableObjectNamespace<KeyMeter>) {
    this.namespace = namespace;
  }

  /** The object of one key, for the few calls that are not on the hot path. */
  of(keyId: string): DurableObjectStub<KeyMeter> {
    return this.namespace.getByName(keyId);
  }

  /** Sends one operation and waits for its durable answer. Throws `limiter_unavailable` when the object cannot be reached. */
  submit(operation: MeterOperation, policy: MeterPolicy, waitUntil: Patience): Promise<MeterReply> {
    const running = this.join(this.lane(policy.keyId), operation, policy);
    waitUntil(running.catch(() => {}));
    return running;
  }

  /**
   * Sends a settle that nobody waits for. It lingers a moment to ride with the next reserve of the same key, unless the
   * key limits concurrency: then its place must be free at once.
   */
  settle(operation: Extract<MeterOperation, { do: "settle" }>, policy: MeterPolicy, waitUntil: Patience): void {
    const wait = policy.limits.concurrentRequests === undefined ? lingerMs : 0;
    waitUntil(this.join(this.lane(policy.keyId), operation, policy, wait).catch(() => {}));
  }

  private lane(keyId: string): Lane {
    let lane = this.lanes.get(keyId);
    if (!lane) {
      if (this.lanes.size >= 10_000) for (const [key, idle] of this.lanes) if (idle.calls === 0 && idle.waiting.length === 0) this.lanes.delete(key);
      lane = { id: this.namespace.idFromName(keyId), waiting: [], calls: 0, known: 0 };
      this.lanes.set(keyId, lane);
    }
    return lane;
  }

  private async join(lane: Lane, operation: MeterOperation, policy: MeterPolicy, linger = 0): Promise<MeterReply> {
    const ticket: Ticket = { operation, policy, answer: Promise.withResolvers(), turn: Promise.withResolvers() };
    lane.waiting.push(ticket);
    if (linger > 0) await within(Promise.race([ticket.answer.promise, ticket.turn.promise]), linger);
    else if (lane.calls >= callsAtOnce) await within(Promise.race([ticket.answer.promise, ticket.turn.promise]), rescueMs);
    if (lane.waiting.includes(ticket)) await this.call(lane);
    let answer = await within(ticket.answer.promise, rescueMs);
    if (answer === undefined) {
      lane.waiting.push(ticket);
      await this.call(lane);
      answer = await ticket.answer.promise;
    }
    if (answer instanceof GatewayError) throw answer;
    if (answer.is === "unknown" && lane.known > 0) {
      lane.known = 0;
      return this.join(lane, operation, policy);
    }
    return answer;
  }

  /** Takes all that waits and sends it in one call, then gives the next ticket its turn: no context leads for ever. */
  private async call(lane: Lane): Promise<void> {
    const group = lane.waiting.splice(0, groupSize);
    const newest = group.reduce((policy, ticket) => (ticket.policy.version > policy.version ? ticket.policy : policy), group[0]!.policy);
    lane.calls += 1;
    try {
      const operations = group.map((ticket) => ticket.operation);
      const replies = await this.namespace.get(lane.id).apply(operations, newest.version > lane.known ? newest : undefined);
      lane.known = Math.max(lane.known, newest.version);
      group.forEach((ticket, i) => ticket.answer.resolve(replies[i]!));
    } catch {
      const failure = new GatewayError("limiter_unavailable", "Limits cannot be checked right now.", { retryAfterSeconds: 1 });
      for (const ticket of group) ticket.answer.resolve(failure);
    } finally {
      lane.calls -= 1;
      lane.waiting[0]?.turn.resolve();
    }
  }
}

/** The promise's value, or undefined after `ms`. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
