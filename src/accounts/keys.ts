/** API keys in D1. Every function is one transaction: the change, its audit event, the new version. */
import { GatewayError } from "../errors.ts";
import { hashSecret, hintOf, mintSecret } from "./api-key.ts";
import { auditIfChanged, type By } from "./audit.ts";
import { newId } from "./base62.ts";
import { readKey, selectKey, type KeyRecord } from "./key-record.ts";
import type { KeyPolicy, KeyPolicyPatch, KeyStanding } from "./policy.ts";
import { selectStandings, standingsOf } from "./standing.ts";

export type NewKey = { organisationId: string; name: string; policy: KeyPolicy; expiresAtMs: number | null; prefix: string };
/** What is absent stays. `expiresAtMs` null: the key never ends. */
export type KeyPatch = { name?: string; policy?: KeyPolicyPatch; expiresAtMs?: number | null };

/** Creates a key with its first secret, which is in the answer and nowhere else. */
export async function createKey(db: D1Database, by: By, pepper: string, wanted: NewKey): Promise<{ key: KeyRecord; secret: string }> {
  const { key, secret } = await createKeyOnce(db, by, pepper, wanted, newId("key_"));
  return { key, secret: secret! };
}

/** The same under an id of the caller's, unless that is there: then it is as it was, and its secret is not to be had again. */
export async function createKeyOnce(db: D1Database, by: By, pepper: string, wanted: NewKey, id: string): Promise<{ key: KeyRecord; secret: string | undefined }> {
  const { organisationId, name, policy, expiresAtMs, prefix } = wanted;
  const secret = mintSecret(prefix);
  const results = await db.batch([
    db.prepare(`
      INSERT INTO api_keys (id, organisation_id, name, policy, expires_at, created_at)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?2) ON CONFLICT (id) DO NOTHING`,
    ).bind(id, organisationId, name, JSON.stringify(policy), expiresAtMs, by.nowMs),
    auditIfChanged(db, by, { action: "key.create", subject: id, organisationId, detail: { name, policy, expiresAtMs } }),
    // The last change was the audit event: there is one when the key is new.
    db.prepare("INSERT INTO api_key_secrets (hash, key_id, hint, created_at) SELECT ?1, ?2, ?3, ?4 WHERE changes() > 0").bind(await hashSecret(pepper, secret), id, hintOf(secret), by.nowMs),
    selectKey(db, id),
  ]);
  const key = readKey(results.at(-1));
  if (!key) throw new GatewayError("invalid_request", `There is no organisation '${organisationId}'.`, { param: "organisation" });
  return { key, secret: results[0]!.meta.changes > 0 ? secret : undefined };
}

/**
 * Makes a key without a secret, which nobody but the gateway itself can ask with, unless one of this id is there. Returns the one that is, whatever has become of it.
 */
export async function ensureSecretlessKey(db: D1Database, by: By, { id, organisationId, name, policy }: Pick<NewKey, "organisationId" | "name" | "policy"> & { id: string }): Promise<KeyRecord> {
  const results = await db.batch([
    db.prepare("INSERT INTO api_keys (id, organisation_id, name, policy, created_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING").bind(id, organisationId, name, JSON.stringify(policy), by.nowMs),
    auditIfChanged(db, by, { action: "key.create", subject: id, organisationId, detail: { name, policy, secret: "none" } }),
    selectKey(db, id),
  ]);
  return readKey(results.at(-1))!;
}

/** Changes a key. The policy is merged (RFC 7396) by the database, so that two changes at once both count. `version`: only as long as it has that one. Throws `not_found`, `conflict`. */
export async function updateKey(db: D1Database, by: By, id: string, patch: KeyPatch, version?: number): Promise<{ key: KeyRecord; standings: KeyStanding[] }> {
  const { name, policy = {}, expiresAtMs } = patch;
  return changed(id, await db.batch([
    db.prepare(`
      UPDATE api_keys SET version = version + 1, name = coalesce(?2, name), policy = json_patch(policy, ?3),
        expires_at = CASE WHEN ?4 THEN ?5 ELSE expires_at END
      WHERE id = ?1 AND revoked_at IS NULL AND version = coalesce(?6, version)`,
    ).bind(id, name ?? null, JSON.stringify(policy), expiresAtMs === undefined ? 0 : 1, expiresAtMs ?? null, version ?? null),
    auditIfChanged(db, by, { action: "key.update", subject: id, detail: patch }),
    selectStandings(db, { key: id }),
    selectKey(db, id),
  ]));
}

/**
 * Adds a secret, which is in the answer and nowhere else, and lets the older ones end after `graceMs`, or when they would
 * have ended anyway if that is sooner. `version`: only as long as the key has that one. Throws `not_found`, `conflict`.
 */
export async function rotateKey(
  db: D1Database, by: By, pepper: string, { id, graceMs, version }: { id: string; graceMs: number; version?: number },
): Promise<{ key: KeyRecord; secret: string; standings: KeyStanding[] }> {
  const newest = await db.prepare("SELECT hint FROM api_key_secrets WHERE key_id = ? ORDER BY created_at DESC LIMIT 1").bind(id).first<{ hint: string }>();
  if (!newest) throw noSuchKey(id);
  const secret = mintSecret(newest.hint.slice(0, newest.hint.indexOf("…")));
  const [hash, endsAtMs] = [await hashSecret(pepper, secret), by.nowMs + graceMs];
  const { key, standings } = changed(id, await db.batch([
    db.prepare("UPDATE api_keys SET version = version + 1 WHERE id = ?1 AND revoked_at IS NULL AND version = coalesce(?2, version)").bind(id, version ?? null),
    auditIfChanged(db, by, { action: "key.rotate", subject: id, detail: { olderSecretsEndAtMs: endsAtMs } }),
    // The last change was the audit event, then the new secret: there are both when the key was changed.
    db.prepare("INSERT INTO api_key_secrets (hash, key_id, hint, created_at) SELECT ?1, ?2, ?3, ?4 WHERE changes() > 0").bind(hash, id, hintOf(secret), by.nowMs),
    db.prepare("UPDATE api_key_secrets SET expires_at = min(coalesce(expires_at, ?2), ?2) WHERE key_id = ?1 AND hash <> ?3 AND changes() > 0").bind(id, endsAtMs, hash),
    selectStandings(db, { key: id }),
    selectKey(db, id),
  ]));
  return { key, secret, standings };
}

/** Revokes a key for ever. Revoking it again changes nothing and still tells its standing. */
export async function revokeKey(db: D1Database, by: By, id: string): Promise<{ key: KeyRecord; standings: KeyStanding[] }> {
  const results = await db.batch([
    db.prepare("UPDATE api_keys SET version = version + 1, revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL").bind(id, by.nowMs),
    auditIfChanged(db, by, { action: "key.revoke", subject: id }),
    selectStandings(db, { key: id }),
    selectKey(db, id),
  ]);
  const key = readKey(results.at(-1));
  if (!key) throw noSuchKey(id);
  return { key, standings: standingsOf(results.at(-2)) };
}

/** Removes secrets whose grace period is over. For the nightly cron. */
export async function removeExpiredSecrets(db: D1Database, nowMs: number): Promise<void> {
  await db.prepare("DELETE FROM api_key_secrets WHERE expires_at <= ?").bind(nowMs).run();
}

/** The 404 for a key. */
export const noSuchKey = (id: string): GatewayError => new GatewayError("not_found", `There is no key '${id}'.`);

/** Reads a batch that begins with the change and ends with standings and record. Throws when the change met no live key. */
function changed(id: string, results: D1Result[]): { key: KeyRecord; standings: KeyStanding[] } {
  const key = readKey(results.at(-1));
  if (!key) throw noSuchKey(id);
  if (results[0]!.meta.changes === 0) throw new GatewayError("conflict", key.revokedAtMs === null ? "This key has been changed meanwhile." : "This key is revoked and cannot be changed.");
  return { key, standings: standingsOf(results.at(-2)) };
}
