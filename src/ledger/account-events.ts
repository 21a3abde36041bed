/** What an organisation's account writes to D1: its credit ledger, and budgets that have passed a threshold. Idempotent by id. */

/** One line of the credit ledger, as `credit_entries` takes it. */
type CreditLine = { id: string; atMs: number; kind: string; nanoUsd: number; reason: string; expiresAtMs: number | null };
/** A budget of which a `share` is handed out or spent, in the bucket that began at `bucketMs`. */
type Passed = { pool: string; name: string; bucketMs: number; share: number; atMs: number };

const insertCredits = `
  INSERT OR IGNORE INTO credit_entries (organisation_id, id, at, kind, nano_usd, reason, expires_at)
  SELECT ?1, value ->> 'id', value ->> 'atMs', value ->> 'kind', value ->> 'nanoUsd', value ->> 'reason', value ->> 'expiresAtMs' FROM json_each(?2)`;

const insertEvents = `
  INSERT OR IGNORE INTO events (id, organisation_id, at, kind, subject, detail)
  SELECT ?1 || ' ' || (value ->> 'pool') || ' ' || (value ->> 'bucketMs') || ' ' || (value ->> 'share') || ' ' || (value ->> 'atMs'), ?1, value ->> 'atMs', 'budget.threshold', value ->> 'pool', value
  FROM json_each(?2)`;

/** Writes both, or neither. Throws when D1 does. */
export async function tellAccount(db: D1Database, organisationId: string, credits: readonly CreditLine[], passed: readonly Passed[]): Promise<void> {
  await db.batch([
    db.prepare(insertCredits).bind(organisationId, JSON.stringify(credits)),
    db.prepare(insertEvents).bind(organisationId, JSON.stringify(passed)),
  ]);
}
