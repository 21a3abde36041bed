/** What travels with a request from the route to the ledger. Nothing in it changes. */
import type { Isolate } from "./isolate.ts";

export type RequestContext = {
  readonly request: Request;
  readonly isolate: Isolate;
  /** `req_…`: the ledger's id, and the client's `X-Request-ID`. */
  readonly requestId: string;
  /** Unix ms at which the request came in. */
  readonly startedAtMs: number;
  readonly waitUntil: (promise: Promise<unknown>) => void;
};

/** A fresh request id: 122 random bits. */
export const newRequestId = (): string => `req_${crypto.randomUUID().replaceAll("-", "")}`;
