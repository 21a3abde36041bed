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

/** A share of a budget that is spent, of which people are told. */
type Alert = { id: string; atMs: number; budget: string };

/** Writes it down, however often it is told. Throws when D1 does. */
export async function tellAlert(db: D1Database, organisationId: string, alert: Alert): Promise<void> {
  await db.prepare("INSERT OR IGNORE INTO events (id, organisation_id, at, kind, subject, detail) VALUES (?1, ?2, ?3, 'budget.alert', ?4, ?5)")
    .bind(alert.id, organisationId, alert.atMs, alert.budget, JSON.stringify(alert)).run();
}

/** An organisation's newest alerts, as they were told. */
export async function listAlerts<A extends Alert>(db: D1Database, organisationId: string, limit: number): Promise<A[]> {
  const { results } = await db.prepare("SELECT detail FROM events WHERE organisation_id = ? AND kind = 'budget.alert' ORDER BY at DESC, id LIMIT ?").bind(organisationId, limit).all<{ detail: string }>();
  return results.map(({ detail }) => JSON.parse(detail) as A);
}
