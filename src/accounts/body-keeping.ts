/** Whether an organisation keeps the bodies of its requests, and for how many days: it does not unless its people want it. */
import { auditIfChanged, type By } from "./audit.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

/** Days that bodies can be kept. */
export const mostBodyDays = 30;

/** For how many days; 0: not at all. */
export async function bodyDaysOf(db: D1Database, organisationId: string): Promise<number> {
  return (await db.prepare("SELECT body_days FROM organisations WHERE id = ?").bind(organisationId).first<number>("body_days")) ?? 0;
}

/** Changes that. The keys must hear of it. Throws `not_found`. */
export async function keepBodies(db: D1Database, by: By, organisationId: string, days: number): Promise<KeyStanding[]> {
  const [update, , , standings] = await db.batch([
    db.prepare("UPDATE organisations SET body_days = ?2 WHERE id = ?1").bind(organisationId, days),
    auditIfChanged(db, by, { action: "organisation.update", subject: organisationId, organisationId, detail: { bodyDays: days } }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  if (update!.meta.changes === 0) throw noSuchOrganisation(organisationId);
  return standingsOf(standings);
}
