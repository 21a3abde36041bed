/** Aliases as administrators write them; the catalog reads them. Organisation '' is everyone. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";

/** How an alias chooses, as the catalog has it. */
export type AliasRule = { pick: string; hedges: boolean; continues: boolean };
export type Alias = AliasRule & { organisationId: string; name: string; targets: { name: string; weight: number }[] };
/** `own`: somebody here wrote it, it is not as aliases.sql has it. */
export type ListedAlias = Alias & { own: boolean };

/** Under this organisation stand everyone's aliases as aliases.sql has them. */
const published = "*";

type Row = { organisation_id: string; name: string; target: string; weight: number; pick: string | null; hedges: number | null; continues: number | null; own: number | null };

/** Aliases of one organisation ('' = everyone's), or all of them. */
export async function listAliases(db: D1Database, organisationId?: string): Promise<ListedAlias[]> {
  const { results } = await db.prepare(`
    SELECT a.organisation_id, a.name, a.target, a.weight, r.pick, r.hedges, r.continues, r.own
    FROM aliases a LEFT JOIN alias_rules r ON r.organisation_id = a.organisation_id AND r.name = a.name
    WHERE CASE WHEN ?1 IS NULL THEN a.organisation_id <> '${published}' ELSE a.organisation_id = ?1 END ORDER BY a.organisation_id, a.name, a.position`,
  ).bind(organisationId ?? null).all<Row>();
  const groups = Map.groupBy(results, (row) => JSON.stringify([row.organisation_id, row.name]));
  return [...groups.values()].map((rows) => {
    const { organisation_id, name, pick, hedges, continues, own } = rows[0]!;
    return {
      organisationId: organisation_id, name, pick: pick ?? "order", hedges: hedges === 1, continues: continues === 1, own: own === 1,
      targets: rows.map((row) => ({ name: row.target, weight: row.weight })),
    };
  });
}

/** Everyone's aliases as they were published. */
export const publishedAliases = (db: D1Database): Promise<ListedAlias[]> => listAliases(db, published);

/** Creates or replaces an alias. Nothing happens to one that is so already. */
export async function putAlias(db: D1Database, by: By, { organisationId, name, targets, pick, hedges, continues }: Alias): Promise<void> {
  const before = (await listAliases(db, organisationId)).find((one) => one.name === name);
  if (before && sameAlias(before, { targets, pick, hedges, continues })) return;
  const known = "?1 = '' OR EXISTS (SELECT 1 FROM organisations WHERE id = ?1)";
  const results = await db.batch([
    db.prepare("DELETE FROM aliases WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    db.prepare(`
      INSERT INTO alias_rules (organisation_id, name, pick, hedges, continues, own) SELECT ?1, ?2, ?3, ?4, ?5, 1 WHERE ${known}
      ON CONFLICT (organisation_id, name) DO UPDATE SET pick = excluded.pick, hedges = excluded.hedges, continues = excluded.continues, own = 1`,
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

/** Whether two mean the same. */
export const sameAlias = (a: AliasRule & Pick<Alias, "targets">, b: AliasRule & Pick<Alias, "targets">): boolean =>
  a.pick === b.pick && a.hedges === b.hedges && a.continues === b.continues && a.targets.length === b.targets.length && a.targets.every(({ name, weight }, i) => name === b.targets[i]!.name && weight === b.targets[i]!.weight);

/** Removes an alias. Of a published one its rule stays behind: the next deployment leaves it away. Throws `not_found`. */
export async function deleteAlias(db: D1Database, by: By, { organisationId, name }: Pick<Alias, "organisationId" | "name">): Promise<void> {
  const isPublished = `organisation_id = '' AND EXISTS (SELECT 1 FROM alias_rules p WHERE p.organisation_id = '${published}' AND p.name = ?2)`;
  const [, , removal] = await db.batch([
    db.prepare(`DELETE FROM alias_rules WHERE organisation_id = ?1 AND name = ?2 AND NOT (${isPublished})`).bind(organisationId, name),
    db.prepare("UPDATE alias_rules SET own = 1 WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    db.prepare("DELETE FROM aliases WHERE organisation_id = ? AND name = ?").bind(organisationId, name),
    auditIfChanged(db, by, { action: "alias.delete", subject: name, ...(organisationId !== "" && { organisationId }) }),
  ]);
  if (removal!.meta.changes === 0) throw new GatewayError("not_found", `There is no alias '${name}'.`);
}

/** Makes one of everyone's aliases what aliases.sql has it be, now and with each deployment. Throws `not_found` when that has none of the name. */
export async function restoreAlias(db: D1Database, by: By, name: string): Promise<void> {
  const known = (await publishedAliases(db)).some((one) => one.name === name);
  if (!known) throw new GatewayError("not_found", `No alias '${name}' is published.`);
  const edited = "EXISTS (SELECT 1 FROM alias_rules WHERE organisation_id = '' AND name = ?1 AND own = 1)";
  await db.batch([
    db.prepare(`DELETE FROM aliases WHERE organisation_id = '' AND name = ?1 AND ${edited}`).bind(name),
    db.prepare(`INSERT OR IGNORE INTO aliases (organisation_id, name, position, target, weight) SELECT '', name, position, target, weight FROM aliases WHERE organisation_id = '${published}' AND name = ?1`).bind(name),
    db.prepare(`
      INSERT INTO alias_rules (organisation_id, name, pick, hedges, continues, own) SELECT '', name, pick, hedges, continues, 0 FROM alias_rules WHERE organisation_id = '${published}' AND name = ?1
      ON CONFLICT (organisation_id, name) DO UPDATE SET pick = excluded.pick, hedges = excluded.hedges, continues = excluded.continues, own = 0 WHERE own = 1`).bind(name),
    auditIfChanged(db, by, { action: "alias.restore", subject: name }),
  ]);
}
