/** What has ended just now: keys report to the ledger and to their organisation's account once a minute, and at once when they are asked to. */
import { getKey, listKeys } from "../accounts/key-record.ts";
import { keysUsedSince } from "../ledger/index.ts";
import { log } from "../telemetry/log.ts";
import type { MemberVisit } from "./visit.ts";

/** Keys that are asked at once: those used last, and the newest. All others report within a minute by themselves. */
const mostAsked = 20;
const newest = 5;
const usedWithinMs = 86_400_000;

/** Has the keys of the visitor's organisation report, or this one of them. What cannot be reached is late. */
export async function freshen({ env, isolate, membership: { organisationId }, nowMs }: MemberVisit, keyId?: string): Promise<void> {
  // Another organisation's key is none of the visitor's business, and an id that is nobody's has no object.
  const own = keyId === undefined ? await asked(env.DB, organisationId, nowMs) : (await getKey(env.DB, keyId))?.organisationId === organisationId ? [keyId] : [];
  const told = await Promise.allSettled(own.map((id) => isolate.meters.of(id).flush({ account: true })));
  const failed = told.filter(({ status }) => status === "rejected").length;
  if (failed > 0) log("warn", "keys_late", { failed });
}

async function asked(db: D1Database, organisationId: string, nowMs: number): Promise<string[]> {
  const [used, made] = await Promise.all([keysUsedSince(db, organisationId, nowMs - usedWithinMs, mostAsked - newest), listKeys(db, { organisationId, limit: newest })]);
  return [...new Set([...used, ...made.map(({ id }) => id)])];
}
