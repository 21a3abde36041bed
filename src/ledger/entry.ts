/** What is written down about one request. Never a prompt, an answer or a secret. */

import type { Usage } from "../chat/usage.ts";
import type { PriceLine } from "./price.ts";

/** Why a request ended. */
export type End =
  | "complete"          // the upstream's answer was passed on to its end
  | "client_gone"       // the client left first
  | "upstream_error"    // an error status, an error inside the answer, or a connection that broke
  | "upstream_timeout"  // no headers, or silence in a stream, for too long
  | "unterminated"      // the stream stopped without the protocol's terminal event
  | "lease_expired"     // nobody settled: the isolate died
  | "outrun"            // of a leg: another deployment was quicker, this one was hung up on
  | "adjustment";       // no request: a correction of what one was charged

/** How the answer's bytes were passed on. */
export type Way = "buffered" | "native" | "pump";

/** Where a cost came from: our price list, the provider's own figure, the reservation, no price at all, or a correction. */
export type CostSource = "price" | "reported" | "estimated" | "unpriced" | "adjusted";

/** A deployment that was tried and did not answer. */
export type Refused = { deployment: string; status: number; errorCode: string; upstreamRequestId: string | null };

/**
 * One deployment's part in an answer that several had one in, and what it cost by itself. `why` it was asked beside the one before it: that
 * broke off (`broke`), or was slow (`hedged`); absent: it was the first. `step`: what it was asked for, where the answer was made in steps. `firstByteMs` counts from the request's beginning.
 */
export type Leg = Pick<Outcome, "deployment" | "protocol" | "end" | "usage" | "costNanoUsd" | "costSource" | "lines" | "estimated" | "upstreamRequestId" | "firstByteMs" | "ownKey"> & { why?: "broke" | "hedged"; step?: string };

/** An application: its title, or the host where it is, and its origin. */
export type App = { name: string; url?: string };

/** What is known when a request ends. Times are milliseconds, money nano-USD. */
export type Outcome = {
  /** Public name the client asked for. */
  model: string;
  /** `provider/upstream id` that answered, or was tried last; of legs, the one that ended the answer. */
  deployment: string;
  protocol: string;
  stream: boolean;
  status: number;
  end: End;
  /** It was asked on the organisation's own account at its provider. */
  ownKey?: true;
  /** The application that asked, as it calls itself. */
  app?: App;
  /** Of legs, what all of them used and cost together. */
  usage: Usage;
  costNanoUsd: number;
  costSource: CostSource;
  /** The service tier that the provider says it was served in; null: it says none. */
  serviceTier: string | null;
  /** true: the upstream's last word on what was used is missing; figures are what it said so far, or the best estimate. */
  estimated: boolean;
  firstByteMs: number | null;
  totalMs: number;
  way: Way;
  attempts: number;
  upstreamRequestId: string | null;
  errorCode: string | null;
  /** What was held for it while it ran. */
  reserved: { tokens: number; nanoUsd: number };
  /** What of it was charged at which price; empty: the provider's own figure, or no price. Their sum is the cost, rounded half up once. */
  lines: readonly PriceLine[];
  /** Since when the newest of the prices applied is in force, Unix ms: the price list's version. */
  pricesFromMs: number | null;
  /** Deployments that were tried and gave nothing of the answer. */
  refused: readonly Refused[];
  /** Where the answer was not one deployment's alone: each one's part; who was outrun comes first, then in the order in which they answered. Their `lines` in that order are the outcome's. */
  legs?: readonly Leg[];
  /** Where there was a choice: how it was made, how many were planned, and why not the first of the others. */
  route?: { pick: string; planned: number; excluded: readonly { deployment: string; reason: string }[]; others: number };
  /** What of the request or of its answer could not be told in the other's protocol; absent: nothing was lost. */
  losses?: readonly string[];
  /** SHA-256, in hex, of the body that was sent to the client; null: it was not sent to its end. */
  responseHash: string | null;
  /** Of a correction: which request it corrects, and why. */
  adjusts?: { request: string; reason: string };
};

/** A finished request as the ledger keeps it. `at`: Unix ms of the reservation. */
export type LedgerEntry = Outcome & { id: string; at: number };
