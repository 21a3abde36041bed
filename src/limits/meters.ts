/**
 * How the Worker talks to the meters. Operations on one key that come up together travel in one call (group commit): at
 * rest every request makes its own two calls, under load many requests share one, so a hot key costs one RPC and one
 * durable write per group and not per request. Each operation keeps its own id and its own answer.
 */
import { GatewayError } from "../errors.ts";
import { log } from "../telemetry/index.ts";
import type { KeyMeter } from "./key-meter.do.ts";
import type { MeterOperation, MeterPolicy, MeterReply } from "./policy.ts";
import { within } from "../within.ts";

/** Calls under way per key and isolate. Beyond that, operations gather for the next call. */
const callsAtOnce = 2;
/** With this many requests of one key open in the isolate, a call waits for company: grouping beats a prompt start then. */
const busyFrom = 6;
const gatherMs = 2;
/** How long a settle may wait for a reserve to ride with. */
const lingerMs = 20;
const groupSize = 256;
const callMs = 10_000;
const sendAgainAfterMs = 30;
/** A settle is tried this often, with these pauses; after that the lease charges the estimate. */
const settleAgainAfterMs = [250, 1_000, 4_000, 0];
/** A group whose leading request died with its context is sent again by a follower after this long. */
const rescueMs = 5_000;

type Ticket = {
  operation: MeterOperation;
  policy: MeterPolicy;
  /** Settles when a call has brought the answer. */
  answer: PromiseWithResolvers<MeterReply | GatewayError>;
  /** Settles when it is this ticket's turn to lead a call. */
  turn: PromiseWithResolvers<void>;
  answered: boolean;
};

type Lane = {
  id: DurableObjectId;
  waiting: Ticket[];
  /** Deadlines of the calls under way: one whose context died stops counting when its deadline has passed. */
  calls: Set<{ untilMs: number }>;
  /** Until when some request gathers company for the next call. */
  gatheringUntilMs: number;
  /** Highest policy version that the object has seen from here. */
  known: number;
  /** Requests reserved and not settled, as far as this isolate knows; only ever used to choose between prompt and grouped. */
  open: number;
  usedAtMs: number;
};

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

  /**
   * Sends one operation and waits for its durable answer; keep the promise in `waitUntil`, others may ride with it. Throws
   * `limiter_unavailable` when the object cannot be reached.
   */
  async submit(operation: MeterOperation, policy: MeterPolicy): Promise<MeterReply> {
    const lane = this.lane(policy.keyId);
    try {
      return await this.join(lane, operation, policy);
    } catch (error) {
      // The object may hold what its caller is now told has failed: take it back.
      if (operation.do === "reserve") {
        const release: MeterOperation = { do: "release", id: operation.id };
        await this.join(lane, release, policy).catch(() => log("error", "release_failed", { requestId: operation.id, keyId: policy.keyId }));
      }
      throw error;
    }
  }

  /**
   * Sends a settle that nobody waits for, again while it fails: its usage is known. It lingers a moment to ride with the next
   * reserve of the same key, unless the key limits concurrency: then its place must be free at once.
   */
  settle(operation: Extract<MeterOperation, { do: "settle" }>, policy: MeterPolicy, waitUntil: Patience): void {
    const wait = policy.limits.concurrentRequests === undefined ? lingerMs : 0;
    waitUntil(this.settled(operation, policy, wait));
  }

  private async settled(operation: MeterOperation, policy: MeterPolicy, linger: number): Promise<void> {
    for (const pauseMs of settleAgainAfterMs) {
      try {
        await this.join(this.lane(policy.keyId), operation, policy, linger);
        return;
      } catch {
        await scheduler.wait(pauseMs);
      }
    }
    log("error", "settle_failed", { keyId: policy.keyId });
  }

  private lane(keyId: string): Lane {
    let lane = this.lanes.get(keyId);
    if (!lane) {
      if (this.lanes.size >= 10_000) for (const [key, idle] of this.lanes) if (idle.calls.size === 0 && idle.waiting.length === 0) this.lanes.delete(key);
      lane = { id: this.namespace.idFromName(keyId), waiting: [], calls: new Set(), gatheringUntilMs: 0, known: 0, open: 0, usedAtMs: 0 };
      this.lanes.set(keyId, lane);
    }
    return lane;
  }

  private async join(lane: Lane, operation: MeterOperation, policy: MeterPolicy, linger = 0, again = true): Promise<MeterReply> {
    const ticket: Ticket = { operation, policy, answer: Promise.withResolvers(), turn: Promise.withResolvers(), answered: false };
    lane.waiting.push(ticket);
    count(lane, operation);
    if (linger > 0) await within(Promise.race([ticket.answer.promise, ticket.turn.promise]), linger);
    else if (calling(lane) >= callsAtOnce || Date.now() < lane.gatheringUntilMs) await within(Promise.race([ticket.answer.promise, ticket.turn.promise]), rescueMs);
    else if (lane.open >= busyFrom) await this.gather(lane);
    while (!ticket.answered) {
      if (lane.waiting.includes(ticket)) await this.call(lane);
      else if ((await within(ticket.answer.promise, rescueMs)) === undefined && !ticket.answered) lane.waiting.push(ticket);
    }
    const answer = await ticket.answer.promise;
    if (operation.do === "reserve" && (answer instanceof GatewayError || answer.is !== "granted")) lane.open -= 1;
    if (answer instanceof GatewayError) throw answer;
    if (answer.is === "unknown" && again) {
      lane.known = 0;
      return this.join(lane, operation, policy, 0, false);
    }
    return answer;
  }

  /** One call, and once more when it broke: what has run already changes nothing, every operation has its id. */
  private async send(lane: Lane, operations: MeterOperation[], policy: MeterPolicy | undefined): Promise<MeterReply[]> {
    try {
      return await this.apply(lane, operations, policy);
    } catch (error) {
      if ((error as { overloaded?: boolean }).overloaded) throw error;
      await scheduler.wait(sendAgainAfterMs);
      return this.apply(lane, operations, policy);
    }
  }

  private async apply(lane: Lane, operations: MeterOperation[], policy: MeterPolicy | undefined): Promise<MeterReply[]> {
    const replies = await within(Promise.resolve(this.namespace.get(lane.id).apply(operations, policy)), callMs);
    if (!replies) throw new Error("The key's object did not answer in time.");
    return replies;
  }

  private async gather(lane: Lane): Promise<void> {
    lane.gatheringUntilMs = Date.now() + 10 * gatherMs;
    await scheduler.wait(gatherMs);
    lane.gatheringUntilMs = 0;
  }

  /** Takes all that waits and sends it in one call, then gives the next ticket its turn: no context leads for ever. */
  private async call(lane: Lane): Promise<void> {
    const group = lane.waiting.splice(0, groupSize);
    const newest = group.reduce((policy, ticket) => (ticket.policy.version > policy.version ? ticket.policy : policy), group[0]!.policy);
    const call = { untilMs: Date.now() + rescueMs };
    lane.calls.add(call);
    try {
      const operations = group.map((ticket) => ticket.operation);
      const replies = await this.send(lane, operations, newest.version > lane.known ? newest : undefined);
      lane.known = Math.max(lane.known, newest.version);
      group.forEach((ticket, i) => resolve(ticket, replies[i]!));
    } catch {
      const failure = new GatewayError("limiter_unavailable", "Limits cannot be checked right now.", { retryAfterSeconds: 1 });
      for (const ticket of group) resolve(ticket, failure);
    } finally {
      lane.calls.delete(call);
      lane.waiting[0]?.turn.resolve();
    }
  }
}

function resolve(ticket: Ticket, answer: MeterReply | GatewayError): void {
  ticket.answered = true;
  ticket.answer.resolve(answer);
}

function calling({ calls }: Lane): number {
  if (calls.size >= callsAtOnce) for (const call of calls) if (call.untilMs < Date.now()) calls.delete(call);
  return calls.size;
}

const forgetAfterMs = 10_000;

function count(lane: Lane, operation: MeterOperation): void {
  const now = Date.now();
  if (now - lane.usedAtMs > forgetAfterMs) lane.open = 0;
  lane.usedAtMs = now;
  if (operation.do === "reserve") lane.open += 1;
  else if (operation.do === "settle") lane.open = Math.max(0, lane.open - 1);
}
