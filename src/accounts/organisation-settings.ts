/** What an organisation decides for all of its keys: a column of its row each. */
import { auditIfChanged, type By } from "./audit.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

type Column = "rules" | "models" | "retention" | "body_days";

/** What such a column holds. Throws `not_found`. */
export async function settingOf<T>(db: D1Database, organisationId: string, column: Column): Promise<T> {
  const row = await db.prepare(`SELECT ${column} AS value FROM organisations WHERE id = ?`).bind(organisationId).first<{ value: T }>();
  if (!row) throw noSuchOrganisation(organisationId);
  return row.value;
}

/** Changes it, from the next request of every key on: they must hear of it. `detail`: what the audit trail says. Throws `not_found`. */
export async function changeSetting(db: D1Database, by: By, organisationId: string, [column, value]: readonly [Column, string | number | null], detail: Record<string, unknown>): Promise<KeyStanding[]> {
  const [update, , , standings] = await db.batch([
    db.prepare(`UPDATE organisations SET ${column} = ?2 WHERE id = ?1`).bind(organisationId, value),
    auditIfChanged(db, by, { action: "organisation.update", subject: organisationId, organisationId, detail }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  if (update!.meta.changes === 0) throw noSuchOrganisation(organisationId);
  return standingsOf(standings);
}
