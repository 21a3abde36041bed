/** What an organisation demands of every request of its keys, over what a request says itself. */
import { auditIfChanged, type By } from "./audit.ts";
import { rulesOf, type HouseRules } from "./demands.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

/** The rules of an organisation. Throws `not_found`. */
export async function getRules(db: D1Database, organisationId: string): Promise<HouseRules> {
  const row = await db.prepare("SELECT rules FROM organisations WHERE id = ?").bind(organisationId).first<{ rules: string }>();
  if (!row) throw noSuchOrganisation(organisationId);
  return rulesOf(row.rules);
}

/** Sets them, from the next request of every key on. Throws `not_found`. */
export async function putRules(db: D1Database, by: By, organisationId: string, rules: HouseRules): Promise<{ standings: KeyStanding[] }> {
  const [update, , , standings] = await db.batch([
    db.prepare("UPDATE organisations SET rules = ?2 WHERE id = ?1").bind(organisationId, JSON.stringify(rules)),
    auditIfChanged(db, by, { action: "organisation.update", subject: organisationId, organisationId, detail: { rules } }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  if (update!.meta.changes === 0) throw noSuchOrganisation(organisationId);
  return { standings: standingsOf(standings) };
}
