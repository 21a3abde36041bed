/**
 * Principals held in the isolate. Staleness costs nothing: the key's Durable Object knows the newest version and refuses
 * an older one, upon which the caller reloads.
 */
import { GatewayError } from "../errors.ts";
import { log } from "../telemetry/log.ts";
import { looksLikeSecret } from "./api-key.ts";
import type { Principal } from "./policy.ts";
import type { PrincipalSource, Refused } from "./read-principal.ts";
import { RecentMap } from "./recent-map.ts";

const freshMs = 60_000;
const refusedMs = 10_000;
/** A refresh dies with the request that runs it, so after this long another request tries again. */
const refreshRetryMs = 10_000;

type Held = { principal: Principal; refreshAtMs: number };

const messages: Record<Refused["refused"], string> = {
  invalid_api_key: "Invalid API key provided.",
  key_revoked: "This API key has been revoked or disabled.",
  key_expired: "This API key has expired.",
  organisation_suspended: "The organisation of this API key is suspended. Its people find the reason in the dashboard.",
};

const refusal = (code: Refused["refused"]): GatewayError => new GatewayError(code, messages[code], { shouldRetry: false });

const expired = ({ expiresAtMs }: Principal, nowMs: number): boolean => expiresAtMs !== undefined && expiresAtMs <= nowMs;

function presentSecret(secret: string | undefined): string {
  if (secret !== undefined) return secret;
  throw new GatewayError("missing_api_key", "Send your API key as `Authorization: Bearer <key>`.", { shouldRetry: false });
}

/** Who is calling, by secret, or in whose name something is done, by the id of a key. One of each per isolate. */
export class Principals {
  private readonly source: PrincipalSource;
  private readonly held: RecentMap<Held>;
  private readonly refused: RecentMap<{ code: Refused["refused"]; untilMs: number }>;

  private readonly mayBe: (name: string) => boolean;

  /** `mayBe`: whether a name is worth a look. */
  constructor(source: PrincipalSource, capacity = 10_000, mayBe = looksLikeSecret) {
    this.source = source;
    this.mayBe = mayBe;
    this.held = new RecentMap(capacity);
    this.refused = new RecentMap(capacity);
  }

  /** The principal if it is at hand, without waiting; an old one starts one refresh in `waitUntil`. Undefined: ask `find`. */
  cached(secret: string | undefined, nowMs: number, waitUntil: (promise: Promise<unknown>) => void): Principal | undefined {
    const held = secret === undefined ? undefined : this.held.get(secret);
    if (held === undefined || expired(held.principal, nowMs)) return undefined;
    if (nowMs >= held.refreshAtMs) {
      held.refreshAtMs = nowMs + refreshRetryMs;
      waitUntil(this.refresh(secret!, nowMs));
    }
    return held.principal;
  }

  /** The principal, from D1 when cold. Throws `missing_api_key`, `invalid_api_key`, `key_revoked` or `key_expired`. */
  async find(secret: string | undefined, nowMs: number): Promise<Principal> {
    const present = presentSecret(secret);
    const held = this.held.get(present);
    if (held !== undefined && !expired(held.principal, nowMs)) return held.principal;
    if (!this.mayBe(present)) throw refusal("invalid_api_key");
    const refused = this.refused.get(present);
    if (refused !== undefined && nowMs < refused.untilMs) throw refusal(refused.code);
    return this.read(present, nowMs);
  }

  /**
   * Reads the key anew: its Durable Object said that `staleVersion` is not the newest. Without a query when another request
   * has brought a newer one meanwhile. Throws as `find`.
   */
  async reload(secret: string | undefined, nowMs: number, staleVersion = Infinity): Promise<Principal> {
    const present = presentSecret(secret);
    const held = this.held.get(present);
    if (held !== undefined && held.principal.version > staleVersion && !expired(held.principal, nowMs)) return held.principal;
    return this.read(present, nowMs);
  }

  /** Each cold caller reads for itself: another request's I/O must not be awaited, it ends when that request does. */
  private async read(secret: string, nowMs: number): Promise<Principal> {
    const found = await this.source(secret, nowMs);
    if ("refused" in found) {
      this.held.delete(secret);
      this.refused.set(secret, { code: found.refused, untilMs: nowMs + refusedMs });
      throw refusal(found.refused);
    }
    const held = this.held.get(secret);
    if (held !== undefined && held.principal.version > found.version) return held.principal;
    this.refused.delete(secret);
    this.held.set(secret, { principal: found, refreshAtMs: nowMs + freshMs });
    return found;
  }

  private async refresh(secret: string, nowMs: number): Promise<void> {
    try {
      await this.read(secret, nowMs);
    } catch (error) {
      if (!(error instanceof GatewayError)) log("warn", "principal_refresh_failed", { message: String(error) });
    }
  }
}
