/** Aliases as administrators write them; the catalog reads them. Organisation '' is everyone. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";

export type Alias = { organisationId: string; name: string; targets: string[] };

type Row = { organisation_id: string; name: string; target: string };

/** Aliases of one organisation ('' = everyone's), or all of them. */
export async function listAliases(db: D1Database, organisationId?: string): Promise<Alias[]> {
  const { results } = await db.prepare(`
    SELECT organisation_id, name, target FROM aliases
    WHERE ?1 IS NULL OR organisation_id = ?1 ORDER BY organisation_id, name, position`,
  ).bind(organisationId ?? null).all<Row>();
  const groups = Map.groupBy(results, (row) => JSON.stringify([row.organisation_id, row.name]));
  return [...groups.values()].map((rows) => ({
    organisationId: rows[0]!.organisation_id, name: rows[0]!.name, targets: rows.map((row) => row.target),
  }));
}

/** Creates or replaces an alias. */
export async function putAlias(db: D1Database, by: By, { organisationId, name, targets }: Alias): Promise<void> {
  const results = await db.batch([
    db.prepare("DELETE FROM aliases WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    db.prepare(`
      INSERT INTO aliases (organisation_id, name, position, target)
      SELECT ?1, ?2, key, value FROM json_each(?3) WHERE ?1 = '' OR EXISTS (SELECT 1 FROM organisations WHERE id = ?1)`,
    ).bind(organisationId, name, JSON.stringify(targets)),
    auditIfChanged(db, by, { action: "alias.put", subject: name, ...(organisationId !== "" && { organisationId }), detail: { targets } }),
  ]);
  if (results[1]!.meta.changes > 0) return;
  throw new GatewayError("invalid_request", `There is no organisation '${organisationId}'.`, { param: "organisation" });
}

/** Removes an alias. */
export async function deleteAlias(db: D1Database, by: By, { organisationId, name }: Omit<Alias, "targets">): Promise<void> {
  const [removal] = await db.batch([
    db.prepare("DELETE FROM aliases WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    auditIfChanged(db, by, { action: "alias.delete", subject: name, ...(organisationId !== "" && { organisationId }) }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", `There is no alias '${name}'.`);
}
