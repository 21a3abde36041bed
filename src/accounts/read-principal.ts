/** One secret's principal, read from D1 in one query. */
import * as z from "zod";
import type { GatewayError } from "../errors.ts";
import { hashSecret } from "./api-key.ts";
import { openerOf, type Masters } from "./credentials.ts";
import { keyPools } from "./budgets.ts";
import { allowedModelsOf, rulesOf } from "./demands.ts";
import { effectiveLimits, keyPolicySchema, type Principal } from "./policy.ts";
import { keepsOf } from "./retention.ts";
import { termsColumns, termsJoins, termsOf, type TermsRow } from "./terms.ts";

/** Why a secret opens nothing. */
export type Refused = { refused: Extract<GatewayError["code"], "invalid_api_key" | "key_revoked" | "key_expired" | "organisation_suspended"> };

/** Reads what a secret opens, or who bears the id of a key. */
export type PrincipalSource = (name: string, nowMs: number) => Promise<Principal | Refused>;

const select = (secretExpiresAt: string, from: string, suspendedAt = "o.suspended_at"): string => `
SELECT k.id, k.name, k.organisation_id, k.policy, k.version, k.expires_at, k.revoked_at, ${secretExpiresAt} AS secret_expires_at, ${suspendedAt} AS suspended_at,
  o.sovereign, o.header_credentials, o.rules, o.models, o.retention, o.body_days, ${termsColumns},
  (SELECT json_group_array(json_object('provider', c.provider, 'iv', c.iv, 'ciphertext', c.ciphertext, 'sealedBy', c.sealed_by, 'only', c.only))
     FROM provider_credentials c WHERE c.organisation_id = k.organisation_id) AS credentials
FROM ${from}
JOIN organisations o ON o.id = k.organisation_id
${termsJoins}
`;

const bySecret = `${select("s.expires_at", "api_key_secrets s JOIN api_keys k ON k.id = s.key_id")} WHERE s.hash = ?`;
const byKey = `${select("NULL", "api_keys k")} WHERE k.id = ?`;

/** A key of an organisation that sets nothing of its own. What a suspended one could call is told all the same. */
const byOrganisation = `${select("NULL", "(SELECT '' AS id, '' AS name, id AS organisation_id, '{}' AS policy, 0 AS version, NULL AS expires_at, NULL AS revoked_at FROM organisations) k", "NULL")} WHERE k.organisation_id = ?`;

type Row = TermsRow & {
  id: string; name: string; organisation_id: string; policy: string; version: number; expires_at: number | null; revoked_at: number | null;
  secret_expires_at: number | null; suspended_at: number | null; sovereign: number; header_credentials: number; rules: string; models: string | null; retention: string; body_days: number; credentials: string;
};

const credentialsSchema = z.array(z.object({ provider: z.string(), iv: z.string(), ciphertext: z.string(), sealedBy: z.string().nullable(), only: z.number() }));

/** By secret, over D1. `pepper` hashes secrets, `masters` open organisations' credentials. */
export const principalSource = (db: D1Database, { pepper, masters }: { pepper: string; masters: Masters }): PrincipalSource =>
  async (secret, nowMs) => read(await db.prepare(bySecret).bind(await hashSecret(pepper, secret)).first<Row>(), masters, nowMs);

/** By the id of a key: for what is done in its name when its secret is no longer there. It lives as long as the key, whatever becomes of its secrets. */
export const principalOfKeySource = (db: D1Database, { masters }: { masters: Masters }): PrincipalSource =>
  async (keyId, nowMs) => read(await db.prepare(byKey).bind(keyId).first<Row>(), masters, nowMs);

/** What an organisation's callers have in common: a key of it that sets nothing of its own, for what is told where no key asks. It can spend nothing. */
export async function principalOfOrganisation(db: D1Database, masters: Masters, organisationId: string, nowMs: number): Promise<Principal> {
  const principal = await read(await db.prepare(byOrganisation).bind(organisationId).first<Row>(), masters, nowMs);
  if ("refused" in principal) throw new Error(`There is no organisation ${organisationId}.`);
  return principal;
}

async function read(row: Row | null, masters: Masters, nowMs: number): Promise<Principal | Refused> {
  if (!row) return { refused: "invalid_api_key" };
  if (row.revoked_at !== null) return { refused: "key_revoked" };
  const ends = [row.expires_at, row.secret_expires_at].filter((end) => end !== null);
  const expiresAtMs = ends.length > 0 ? Math.min(...ends) : undefined;
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return { refused: "key_expired" };
  const policy = keyPolicySchema.parse(JSON.parse(row.policy));
  if (policy.disabled) return { refused: "key_revoked" };
  if (row.suspended_at !== null) return { refused: "organisation_suspended" };
  const terms = termsOf(row);
  const keeps = keepsOf(row.retention);
  return {
    keyId: row.id,
    keyName: row.name,
    organisationId: row.organisation_id,
    version: row.version,
    limits: effectiveLimits(policy.limits, terms.plan.limits, policy.installation),
    models: policy.models,
    planModels: terms.plan.models,
    maySovereign: terms.plan.sovereign,
    paidUntilMs: terms.paidUntilMs,
    pools: keyPools(terms, row.id, policy),
    sovereign: policy.sovereign || row.sovereign === 1,
    usageScope: policy.usageScope,
    onDisconnect: policy.onDisconnect,
    managesKeys: policy.managesKeys,
    expiresAtMs,
    keyExpiresAtMs: row.expires_at ?? undefined,
    credentials: await openAll(masters, row.organisation_id, row.credentials),
    installation: policy.installation,
    installations: policy.installations,
    bringsKeys: row.header_credentials === 1,
    ...(row.models !== null && { organisationModels: allowedModelsOf(row.models) }),
    ...(row.rules !== "{}" && { rules: rulesOf(row.rules) }),
    ...(terms.keyShares && { keyShares: terms.keyShares }),
    ...(row.retention !== "{}" && { keeps }),
    ...(row.body_days > 0 && { bodyDays: Math.min(row.body_days, keeps.requestDays ?? Infinity) }),
  };
}

/**
 * A credential that does not open fails the look-up: calling on with the installation's own would send the organisation's
 * prompts to an account, and on a bill, that it did not choose.
 */
async function openAll(masters: Masters, organisationId: string, json: string): Promise<Principal["credentials"]> {
  const rows = credentialsSchema.parse(JSON.parse(json));
  const open = openerOf(masters);
  return new Map(await Promise.all(rows.map(async ({ provider, only, ...sealed }) => {
    return [provider, { secret: await open({ organisationId, provider }, sealed), only: only === 1 }] as const;
  })));
}
