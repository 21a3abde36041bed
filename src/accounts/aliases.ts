/** Aliases as administrators write them; the catalog reads them. Organisation '' is everyone. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";

/** How an alias chooses, as the catalog has it. */
export type AliasRule = { pick: string; hedges: boolean; continues: boolean };
export type Alias = AliasRule & { organisationId: string; name: string; targets: { name: string; weight: number }[] };

type Row = { organisation_id: string; name: string; target: string; weight: number; pick: string | null; hedges: number | null; continues: number | null };

/** Aliases of one organisation ('' = everyone's), or all of them. */
export async function listAliases(db: D1Database, organisationId?: string): Promise<Alias[]> {
  const { results } = await db.prepare(`
    SELECT a.organisation_id, a.name, a.target, a.weight, r.pick, r.hedges, r.continues
    FROM aliases a LEFT JOIN alias_rules r ON r.organisation_id = a.organisation_id AND r.name = a.name
    WHERE ?1 IS NULL OR a.organisation_id = ?1 ORDER BY a.organisation_id, a.name, a.position`,
  ).bind(organisationId ?? null).all<Row>();
  const groups = Map.groupBy(results, (row) => JSON.stringify([row.organisation_id, row.name]));
  return [...groups.values()].map((rows) => {
    const { organisation_id, name, pick, hedges, continues } = rows[0]!;
    return {
      organisationId: organisation_id, name, pick: pick ?? "order", hedges: hedges === 1, continues: continues === 1,
      targets: rows.map((row) => ({ name: row.target, weight: row.weight })),
    };
  });
}

/** Creates or replaces an alias. */
export async function putAlias(db: D1Database, by: By, { organisationId, name, targets, pick, hedges, continues }: Alias): Promise<void> {
  const known = "?1 = '' OR EXISTS (SELECT 1 FROM organisations WHERE id = ?1)";
  const results = await db.batch([
    db.prepare("DELETE FROM aliases WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    db.prepare(`
      INSERT INTO alias_rules (organisation_id, name, pick, hedges, continues) SELECT ?1, ?2, ?3, ?4, ?5 WHERE ${known}
      ON CONFLICT (organisation_id, name) DO UPDATE SET pick = excluded.pick, hedges = excluded.hedges, continues = excluded.continues`,
    ).bind(organisationId, name, pick, Number(hedges), Number(continues)),
    db.prepare(`
      INSERT INTO aliases (organisation_id, name, position, target, weight)
      SELECT ?1, ?2, key, json_extract(value, '$.name'), json_extract(value, '$.weight') FROM json_each(?3) WHERE ${known}`,
    ).bind(organisationId, name, JSON.stringify(targets)),
    auditIfChanged(db, by, { action: "alias.put", subject: name, ...(organisationId !== "" && { organisationId }), detail: { targets, pick, hedges, continues } }),
  ]);
  if (results[2]!.meta.changes > 0) return;
  throw new GatewayError("invalid_request", `There is no organisation '${organisationId}'.`, { param: "organisation" });
}

/** Removes an alias. */
export async function deleteAlias(db: D1Database, by: By, { organisationId, name }: Pick<Alias, "organisationId" | "name">): Promise<void> {
  const [, removal] = await db.batch([
    db.prepare("DELETE FROM alias_rules WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    db.prepare("DELETE FROM aliases WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    auditIfChanged(db, by, { action: "alias.delete", subject: name, ...(organisationId !== "" && { organisationId }) }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", `There is no alias '${name}'.`);
}
