/** What an organisation decides for all of its keys: columns of its row. */
import { auditIfChanged, type By } from "./audit.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";

type Column = "rules" | "models" | "retention" | "body_days";

/** What such columns hold. Throws `not_found`. */
export async function settingsOf<T extends Partial<Record<Column, unknown>>>(db: D1Database, organisationId: string, columns: readonly Column[]): Promise<T> {
  const row = await db.prepare(`SELECT ${columns.join(", ")} FROM organisations WHERE id = ?`).bind(organisationId).first<T>();
  if (!row) throw noSuchOrganisation(organisationId);
  return row;
}

/** Changes them, from the next request of every key on: they must hear of it. `detail`: what the audit trail says. Throws `not_found`. */
export async function changeSettings(db: D1Database, by: By, organisationId: string, values: Partial<Record<Column, string | number | null>>, detail: Record<string, unknown>): Promise<KeyStanding[]> {
  const [update, , , standings] = await db.batch([
    db.prepare(`UPDATE organisations SET ${Object.keys(values).map((column, i) => `${column} = ?${i + 2}`).join(", ")} WHERE id = ?1`).bind(organisationId, ...Object.values(values)),
    auditIfChanged(db, by, { action: "organisation.update", subject: organisationId, organisationId, detail }),
    bumpIfChanged(db, { organisation: organisationId }),
    selectStandings(db, { organisation: organisationId }),
  ]);
  if (update!.meta.changes === 0) throw noSuchOrganisation(organisationId);
  return standingsOf(standings);
}
