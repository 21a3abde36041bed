/** Who names a model, a deployment or an alias: other aliases, and what keys, organisations and plans allow. */

/** `aliases`: by name; the others: how many. */
export type Naming = { aliases: string[]; keys: number; organisations: number; plans: number };

/** Whoever has one of these names written down. Revoked keys do not count. */
export async function namingOf(db: D1Database, names: readonly string[]): Promise<Naming> {
  const row = await db.prepare(`
    WITH wanted AS (SELECT value AS name FROM json_each(?1))
    SELECT (SELECT json_group_array(DISTINCT name) FROM aliases WHERE organisation_id <> '*' AND target IN (SELECT name FROM wanted) AND name NOT IN (SELECT name FROM wanted)) AS aliases,
      (SELECT count(DISTINCT k.id) FROM api_keys k, json_each(k.policy, '$.models') m WHERE revoked_at IS NULL AND m.value IN (SELECT name FROM wanted)) AS keys,
      (SELECT count(DISTINCT o.id) FROM organisations o, json_each(o.models) m WHERE m.value IN (SELECT name FROM wanted)) AS organisations,
      (SELECT count(DISTINCT p.id) FROM plans p, json_each(p.limits, '$.models') m WHERE m.value IN (SELECT name FROM wanted)) AS plans`,
  ).bind(JSON.stringify(names)).first<{ aliases: string; keys: number; organisations: number; plans: number }>();
  const { aliases, ...counts } = row!;
  return { ...counts, aliases: (JSON.parse(aliases) as string[]).toSorted() };
}
