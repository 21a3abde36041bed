/** What is written down about one request. Never a prompt, an answer or a secret. */

import type { Usage } from "../chat/usage.ts";

/** Why a request ended. */
export type End =
  | "complete"          // the upstream's answer was passed on to its end
  | "client_gone"       // the client left first
  | "upstream_error"    // an error status, an error inside the answer, or a connection that broke
  | "upstream_timeout"  // no headers, or silence in a stream, for too long
  | "unterminated"      // the stream stopped without the protocol's terminal event
  | "lease_expired";    // nobody settled: the isolate died

/** How the answer's bytes were passed on. */
export type Way = "buffered" | "native" | "pump";

/** Where a cost came from: our price list, the provider's own figure, the reservation, or no price at all. */
export type CostSource = "price" | "reported" | "estimated" | "unpriced";

/** What is known when a request ends. Times are milliseconds, money nano-USD. */
export type Outcome = {
  /** Public name the client asked for. */
  model: string;
  /** `provider/upstream id` that answered, or was tried last. */
  deployment: string;
  protocol: string;
  stream: boolean;
  status: number;
  end: End;
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
};

/** A finished request as the ledger keeps it. `at`: Unix ms of the reservation. */
export type LedgerEntry = Outcome & { id: string; at: number };
