import type { KeyStanding } from "../../accounts/index.ts";
import { GatewayError } from "../../errors.ts";
import type { MeterPolicy } from "../../limits/index.ts";
import { log } from "../../telemetry/log.ts";

const callsAtOnce = 50;

/**
 * Tells each key's Durable Object what the key may do now, before the admin call answers. Throws `limiter_unavailable`
 * when one cannot be told: the change itself stands, and the same admin call may be made again.
 */
export async function adopt(env: Cloudflare.Env, standings: KeyStanding[]): Promise<void> {
  const policies: MeterPolicy[] = standings;
  try {
    for (let i = 0; i < policies.length; i += callsAtOnce) {
      await Promise.all(policies.slice(i, i + callsAtOnce).map((policy) => env.KEY_METER.getByName(policy.keyId).adopt(policy)));
    }
  } catch (error) {
    log("error", "adopt_failed", { keys: policies.length, message: String(error) });
    throw new GatewayError("limiter_unavailable", "The change is stored, but not every key's limiter knows it yet. Send it again.", { retryAfterSeconds: 1 });
  }
}

/** The one who changes something through the admin API, now. */
export const byAdmin = () => ({ actor: "admin", nowMs: Date.now() });
