/** How the Worker comes to a call's object. */
import { GatewayError } from "../errors.ts";
import { ask } from "./ask.ts";
import type { IdempotentCall } from "./idempotent-call.do.ts";
import { nameOf } from "./identity.ts";
import { noBytes, type Call, type Claim } from "./page.ts";

/** While nothing has run yet a client may as well ask again itself. */
const soonMs = [30, 300];

/** `name`: the client's, which means something only together with its key. `run`: the id of this request. */
export type Claimant = { readonly keyId: string; readonly name: string; readonly fingerprint: string; readonly run: string; readonly waitUntil: (promise: Promise<unknown>) => void };

export class Calls {
  private readonly namespace: DurableObjectNamespace<IdempotentCall>;

  constructor(namespace: DurableObjectNamespace<IdempotentCall>) {
    this.namespace = namespace;
  }

  /** Whether the request `run` is to run, or joins one that does or did. Throws `limiter_unavailable`: unasked it could run twice. */
  async claim({ keyId, name, fingerprint, run, waitUntil }: Claimant): Promise<{ claim: Claim; call: Call }> {
    const call = this.namespace.getByName(await nameOf(keyId, name)) as unknown as Call;
    try {
      return { call, claim: await ask(() => call.claim(fingerprint, run), soonMs) };
    } catch {
      // The object may hold what its caller is now told has failed: take it back.
      waitUntil(ask(() => call.write({ run, from: 0, bytes: noBytes, standing: "refused" })).catch(() => {}));
      throw new GatewayError("limiter_unavailable", "Idempotency keys cannot be checked right now.", { retryAfterSeconds: 1 });
    }
  }
}
