import type { AccountPolicy, KeyStanding } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import type { MeterPolicy } from "../limits/index.ts";
import { log } from "../telemetry/log.ts";

const callsAtOnce = 50;

/**
 * Tells each account's and each key's Durable Object what they may do now, before the call that changed it answers; accounts first, so that keys
 * draw on nothing that is not there. Throws `limiter_unavailable` when one cannot be told, once all others were: the change itself stands,
 * and the same call may be made again.
 */
export async function adopt(env: Cloudflare.Env, standings: KeyStanding[], accounts: AccountPolicy[] = []): Promise<void> {
  const policies: MeterPolicy[] = standings;
  const failures = [
    ...(await each(accounts, (account) => env.ORG_ACCOUNT.getByName(account.organisationId).adopt(account))),
    ...(await each(policies, (policy) => env.KEY_METER.getByName(policy.keyId).adopt(policy))),
  ];
  if (failures.length === 0) return;
  log("error", "adopt_failed", { accounts: accounts.length, keys: policies.length, failed: failures.length, message: String(failures[0]) });
  throw new GatewayError("limiter_unavailable", "The change is stored, but not every key's limiter knows it yet. Send it again.", { retryAfterSeconds: 1 });
}

async function each<T>(list: T[], tell: (one: T) => Promise<void>): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (let i = 0; i < list.length; i += callsAtOnce) {
    const told = await Promise.allSettled(list.slice(i, i + callsAtOnce).map(tell));
    failures.push(...told.flatMap((one) => (one.status === "rejected" ? [one.reason] : [])));
  }
  return failures;
}
