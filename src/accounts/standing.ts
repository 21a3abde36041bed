/** What keys may do now, for the Durable Objects that meter them, and the version that tells old from new. */
import { keyPools } from "./budgets.ts";
import { effectiveLimits, keyPolicySchema, type KeyStanding } from "./policy.ts";
import { termsColumns, termsJoins, termsOf, type TermsRow } from "./terms.ts";

/** The keys that a change concerns. A revoked key is concerned by nothing but its own revocation. */
export type Concerned = { key: string } | { organisation: string } | { plan: string };

function condition(concerned: Concerned): { where: string; value: string } {
  if ("key" in concerned) return { where: "k.id = ?1", value: concerned.key };
  if ("organisation" in concerned) return { where: "k.organisation_id = ?1 AND k.revoked_at IS NULL", value: concerned.organisation };
  return { where: "k.organisation_id IN (SELECT id FROM organisations WHERE plan_id = ?1) AND k.revoked_at IS NULL", value: concerned.plan };
}

/** Gives the keys a new version. Belongs right behind the audit statement, and does nothing when that recorded nothing. */
export function bumpIfChanged(db: D1Database, concerned: Concerned): D1PreparedStatement {
  const { where, value } = condition(concerned);
  return db.prepare(`UPDATE api_keys AS k SET version = version + 1 WHERE ${where} AND changes() > 0`).bind(value);
}

type Row = TermsRow & { id: string; name: string; organisation_id: string; version: number; policy: string; expires_at: number | null; revoked_at: number | null; suspended_at: number | null };

/** Selects the keys' standings; read the result with `standingsOf`. */
export function selectStandings(db: D1Database, concerned: Concerned): D1PreparedStatement {
  const { where, value } = condition(concerned);
  return db.prepare(`
    SELECT k.id, k.name, k.organisation_id, k.version, k.policy, k.expires_at, k.revoked_at, o.suspended_at, ${termsColumns}
    FROM api_keys k JOIN organisations o ON o.id = k.organisation_id ${termsJoins} WHERE ${where}`,
  ).bind(value);
}

/** The standings in the result of `selectStandings`. */
export function standingsOf(result: D1Result | undefined): KeyStanding[] {
  return ((result?.results ?? []) as Row[]).map((row) => {
    const policy = keyPolicySchema.parse(JSON.parse(row.policy));
    const terms = termsOf(row);
    const pools = keyPools(terms, row.id, policy);
    return {
      keyId: row.id,
      keyName: row.name,
      ...(terms.keyShares && { keyShares: terms.keyShares }),
      organisationId: row.organisation_id,
      version: row.version,
      enabled: row.revoked_at === null && policy.disabled !== true,
      ...(row.suspended_at !== null && { suspended: true }),
      ...(row.expires_at !== null && { expiresAtMs: row.expires_at }),
      ...(terms.paidUntilMs !== undefined && { paidUntilMs: terms.paidUntilMs }),
      ...(pools.length > 0 && { pools }),
      limits: effectiveLimits(policy.limits, terms.plan.limits, policy.installation),
    };
  });
}
