/** How the Worker comes to a call's object. */
import { GatewayError } from "../errors.ts";
import { ask } from "./ask.ts";
import type { IdempotentCall } from "./idempotent-call.do.ts";
import { nameOf } from "./identity.ts";
import { noBytes, type Call, type Claim } from "./page.ts";

export class Calls {
  private readonly namespace: DurableObjectNamespace<IdempotentCall>;

  constructor(namespace: DurableObjectNamespace<IdempotentCall>) {
    this.namespace = namespace;
  }

  /** Whether the request `run` is to run, or joins one that does or did. Throws `limiter_unavailable`: unasked it could run twice. */
  async claim(keyId: string, value: string, fingerprint: string, run: string): Promise<{ claim: Claim; call: Call }> {
    const call = this.namespace.getByName(await nameOf(keyId, value)) as unknown as Call;
    try {
      return { call, claim: await ask(() => call.claim(fingerprint, run)) };
    } catch {
      // The object may hold what its caller is now told has failed: take it back.
      await ask(() => call.write({ run, from: 0, bytes: noBytes, standing: "refused" })).catch(() => {});
      throw new GatewayError("limiter_unavailable", "Idempotency keys cannot be checked right now.", { retryAfterSeconds: 1 });
    }
  }
}
