/** The nightly cron: what has outlived its time goes. */
import { removeExpiredSecrets } from "../accounts/index.ts";
import { pruneRequests } from "../ledger/index.ts";

const requestsLiveMs = 30 * 86_400_000;

export async function tidy(db: D1Database, nowMs: number): Promise<void> {
  await pruneRequests(db, nowMs - requestsLiveMs);
  await removeExpiredSecrets(db, nowMs);
}
