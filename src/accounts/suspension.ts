/** An organisation that whoever runs the gateway has suspended: none of its keys opens anything until it is restored. What it has and owes stays as it is. */
import { auditIfChanged, type By } from "./audit.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

async function change(db: D1Database, organisationId: string, update: D1PreparedStatement, audit: D1PreparedStatement): Promise<KeyStanding[]> {
  const results = await db.batch([
    update, audit, bumpIfChanged(db, { organisation: organisationId }), selectStandings(db, { organisation: organisationId }), db.prepare("SELECT 1 FROM organisations WHERE id = ?").bind(organisationId),
  ]);
  if (results.at(-1)!.results.length === 0) throw noSuchOrganisation(organisationId);
  return standingsOf(results.at(-2));
}

/** Suspends it from its keys' next requests on; who is suspended already is so for the new reason. The keys must hear of it. Throws `not_found`. */
export const suspendOrganisation = (db: D1Database, by: By, id: string, reason: string): Promise<KeyStanding[]> => change(
  db, id,
  db.prepare("UPDATE organisations SET suspended_at = coalesce(suspended_at, ?2), suspended_for = ?3 WHERE id = ?1 AND (suspended_at IS NULL OR suspended_for <> ?3)").bind(id, by.nowMs, reason),
  auditIfChanged(db, by, { action: "organisation.suspend", subject: id, organisationId: id, detail: { reason } }),
);

/** Restores it. Who is not suspended stays as it is. The keys must hear of it. Throws `not_found`. */
export const restoreOrganisation = (db: D1Database, by: By, id: string): Promise<KeyStanding[]> => change(
  db, id,
  db.prepare("UPDATE organisations SET suspended_at = NULL, suspended_for = NULL WHERE id = ?1 AND suspended_at IS NOT NULL").bind(id),
  auditIfChanged(db, by, { action: "organisation.restore", subject: id, organisationId: id }),
);
