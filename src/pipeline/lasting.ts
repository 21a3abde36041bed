/**
 * Work that goes on when its request is over. What is held for it is reserved as for any request, renewed while it lasts, and settled once:
 * every step is idempotent by the request's id, so that whoever wakes up in the middle may simply take it again.
 */
import type { LedgerEntry, Outcome } from "../ledger/entry.ts";
import { findRequest } from "../ledger/index.ts";
import { postingOf, type MeterPolicy } from "../limits/index.ts";
import type { Isolate } from "./isolate.ts";

/** Whose reservation, and for which request. */
export type Held = { readonly requestId: string; readonly policy: MeterPolicy };

/** Often enough that a lost renewal or two cost nothing: a lease lasts for five minutes. */
export const renewEveryMs = 90_000;

/** Keeps the reservation alive. Throws `limiter_unavailable`. */
export async function renew({ meters }: Isolate, { requestId: id, policy }: Held): Promise<void> {
  await meters.submit({ do: "renew", id }, policy);
}

/**
 * Posts the outcome; again changes nothing. Where nobody could renew in time the estimate was charged for it: that is corrected to what it
 * came to. Throws when the objects cannot be reached.
 */
export async function post(isolate: Isolate, { requestId: id, policy }: Held, outcome: Outcome): Promise<void> {
  const reply = await isolate.meters.submit({ do: "settle", id, posting: postingOf(outcome) }, policy);
  if (reply.is === "done" && reply.changed) return;
  const entry = await entryOf(isolate, { requestId: id, policy });
  const nanoUsd = entry?.end === "lease_expired" ? outcome.costNanoUsd - entry.costNanoUsd : 0;
  if (nanoUsd !== 0) await isolate.meters.of(policy.keyId).adjust({ id: `adj_${id.replace(/^req_/, "")}`, request: id, nanoUsd, reason: "It lasted longer than its reservation could be kept." }, entry!);
}

/** The ledger's entry, from the key's object or from where that writes it. */
const entryOf = async ({ meters, env }: Isolate, { requestId, policy: { keyId, organisationId } }: Held): Promise<LedgerEntry | undefined> =>
  (await meters.of(keyId).entry(requestId)) ?? findRequest(env.DB, { usageScope: "key", keyId, organisationId }, requestId);
