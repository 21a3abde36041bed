/** What travels with a request from the route to the ledger. Nothing in it changes. */
import type { Principal } from "../accounts/index.ts";
import type { Loss } from "../chat/index.ts";
import type { GatewayError } from "../errors.ts";
import type { Outcome } from "../ledger/entry.ts";
import type { MeterOperation, MeterPolicy } from "../limits/index.ts";
import type { Attempt, Plan } from "../router/index.ts";
import type { Isolate } from "./isolate.ts";
import type { Relay } from "./relay.ts";
import type { Share } from "./undertaking.ts";

/** What is posted when a request is over: the operation, under which policy, and the whole outcome. Plain data. */
export type Settlement = { readonly operation: Extract<MeterOperation, { do: "settle" }>; readonly policy: MeterPolicy; readonly outcome: Outcome };

export type RequestContext = {
  readonly request: Request;
  readonly isolate: Isolate;
  /** `req_…`: the ledger's id, and the client's `X-Request-ID`. */
  readonly requestId: string;
  /** Unix ms at which the request came in. */
  readonly startedAtMs: number;
  readonly waitUntil: (promise: Promise<unknown>) => void;
  /** Its body, where a layer before the path has read it already, or made it. */
  readonly read?: { readonly text: string; readonly json: unknown };
  /** Whose request it is, by the id of a key, where it carries no secret: something made it in the name of a key that asked for it before. */
  readonly keyId?: string;
  /** Takes the outcome, and posts it itself: whoever runs a request twice after a crash must have its answer before it is charged. */
  readonly settles?: (settlement: Settlement) => void;
  /** Hears who the caller is as its key's object knows it, before anything is reserved. What it throws refuses the request. */
  readonly recognised?: (caller: Principal) => void;
  /** Hears that the request may run: it was read, planned and reserved for. */
  readonly admitted?: () => void;
  /** Tells a whole answer otherwise before it leaves: what stands in it by address, or by its bytes. undefined: as it is. An error: nothing is left of it. */
  readonly retells?: (run: Relay, attempt: Attempt, body: string | Uint8Array) => Promise<{ body: string | Uint8Array; type?: string; losses?: readonly Loss[] } | { error: GatewayError } | undefined>;
  /** When its answer is no longer waited for, Unix ms, where that is before the installation's own patience ends. */
  readonly untilMs?: number;
  /** What it is a step of, which has reserved for all its steps together. */
  readonly under?: Share;
  /** Where it goes, where that was planned before and is what it costs by: nothing is planned anew. */
  readonly planned?: Plan;
  /** Set where others may join this request: its body was read before, `request.signal` comes only when no more can be waited for, and `settled` hears the outcome once. */
  readonly named?: { readonly body: Uint8Array | ArrayBuffer; readonly settled: (outcome: Outcome) => void };
};

/** Randomness for a hundred ids at a time: asking for it costs more than all the rest of an id. */
const random = new Uint8Array(1_000);
const bytesPerId = 10;
let drawn = random.length;

function randomHex(): string {
  if (drawn === random.length) {
    crypto.getRandomValues(random);
    drawn = 0;
  }
  return random.subarray(drawn, (drawn += bytesPerId)).toHex();
}

/** A fresh request id: 48 bits of time, then 80 random ones. Ids grow, so that a key's rows lie together. */
export const newRequestId = (): string => `req_${Date.now().toString(16).padStart(12, "0")}${randomHex()}`;
