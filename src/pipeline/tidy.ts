/** The nightly cron: what has outlived its time goes. */
import { removeExpiredInvitations, removeExpiredSecrets, removeExpiredSessions, removeOldAttempts } from "../accounts/index.ts";
import { pruneRequests } from "../ledger/index.ts";
import { Pictures } from "../pictures/index.ts";
import { isolateOf } from "./isolate.ts";

export async function tidy(env: Cloudflare.Env, nowMs: number): Promise<void> {
  await pruneRequests(env.DB, nowMs);
  await removeExpiredSecrets(env.DB, nowMs);
  await removeExpiredSessions(env.DB, nowMs);
  await removeExpiredInvitations(env.DB, nowMs);
  await removeOldAttempts(env.DB, nowMs);
  const { bodies, files, uploads } = isolateOf(env);
  await uploads.tidy(nowMs);
  await files.tidy(nowMs);
  await bodies.tidy(nowMs);
  await new Pictures(env.FILES).tidy(nowMs);
}
