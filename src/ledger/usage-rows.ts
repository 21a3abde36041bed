/**
 * Sums over the hourly roll-ups: whose, from when to when, by what. One statement each, along an index of `usage_hourly`.
 * A roll-up knows its key only; project, member and tags are what the key's policy says at the moment of asking.
 */

/** What usage can be told by. */
export const dimensions = ["day", "hour", "model", "key", "project", "member", "tag", "app"] as const;
export type Dimension = (typeof dimensions)[number];

/** What usage can be narrowed down to. */
export type Filters = Partial<Record<"model" | "key" | "project" | "member" | "tag" | "app", string>>;

/** Which roll-ups: an organisation's, of one key if `keyId` says so, from one hour up to another (Unix time / 3,600,000), and the filters hold. */
export type Selection = { organisationId: string; keyId?: string; fromHour: number; toHour: number; filters: Filters };

export type Sums = Record<
  "requests" | "errors" | "input_tokens" | "cached_tokens" | "cache_write_tokens" | "output_tokens" | "reasoning_tokens" | "cost_nano_usd", number
>;

/** One group: its dimensions, as far as it was asked for them. `key_tags`: a JSON list. Nothing is null but what the key does not have. */
export type UsageRow = Sums & {
  day: number; hour: number; model: string; key_id: string; key_name: string | null; key_tags: string | null;
  project: string | null; member: string | null; tag: string | null; app: string | null;
};

const summed = ["requests", "errors", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "cost_nano_usd"];
const sums = summed
  .map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ");

/** `part`: what the roll-ups themselves have of it; `columns`: how a group shows it, the first of them is what it is grouped by. */
const sqlOf: Record<Dimension, { part?: string; columns: string[] }> = {
  day: { part: "hour / 24 AS day", columns: ["day"] },
  hour: { part: "hour", columns: ["hour"] },
  model: { part: "model", columns: ["model"] },
  key: { columns: ["key_id", "name AS key_name", "policy -> 'tags' AS key_tags"] },
  project: { columns: ["policy ->> 'project' AS project"] },
  member: { columns: ["lower(policy ->> 'member') AS member"] },
  tag: { columns: ["label.value AS tag"] },
  app: { part: "app", columns: ["app"] },
};

const some = (from: string, app: string, sign = ""): string => `SELECT key_id, organisation_id, hour, model, ${app} AS app, ${summed.map((column) => `${sign}${column} AS ${column}`).join(", ")} ${from}`;
/** By application: what each asked for, and what is left of everything when that is taken away. */
const [everything, signed] = ["FROM usage_hourly", "FROM usage_by_app"];
const byApp = `FROM (${[some(everything, "NULL"), some(signed, "NULL", "-"), some(signed, "app")].join(" UNION ALL ")})`;

/** Keys of the organisation (`?1`) of which something holds. */
const keysWith = (condition: string): string => `key_id IN (SELECT id FROM api_keys WHERE organisation_id = ?1 AND ${condition})`;

/** What holds for a row of a key that is of this project, member or tag now. */
export const ofKeys: Record<"project" | "member" | "tag", (value: string) => string> = {
  project: (value) => keysWith(`policy ->> 'project' = ${value}`),
  member: (value) => keysWith(`lower(policy ->> 'member') = lower(${value})`),
  tag: (value) => keysWith(`EXISTS (SELECT 1 FROM json_each(policy, '$.tags') WHERE value = ${value})`),
};

/** What holds for a roll-up that a filter lets through. */
const conditionOf: Record<keyof Filters, (value: string) => string> = {
  model: (value) => `model = ${value}`,
  key: (value) => `key_id = ${value}`,
  app: (value) => `app = ${value}`,
  ...ofKeys,
};

/** What holds for a row of one of the keys that these filters let through. */
export const keyConditions = (filters: Filters, bound: (value: string) => string): string[] =>
  (["key", "project", "member", "tag"] as const).flatMap((name) => (filters[name] === undefined ? [] : [conditionOf[name](bound(filters[name]))]));

/**
 * Selects the sums by `groupBy`, in its order; by nothing that is one row. By tag a request counts once for each tag of its key.
 * The organisation stands in every statement, whatever the filters say.
 */
export function selectUsage(db: D1Database, selection: Selection, groupBy: readonly Dimension[], limit = -1): D1PreparedStatement {
  const { organisationId, keyId, fromHour, toHour, filters } = selection;
  const values: (string | number)[] = [organisationId, fromHour, toHour, limit];
  const bound = (value: string): string => `?${values.push(value)}`;
  const asked = (Object.keys(conditionOf) as (keyof Filters)[]).filter((name) => filters[name] !== undefined);
  const conditions = asked.map((name) => conditionOf[name](bound(filters[name]!)));
  if (keyId !== undefined) conditions.push(`key_id = ${bound(keyId)}`);
  // By key the primary key leads; a + keeps SQLite from taking the organisation's index instead.
  const own = conditions.some((condition) => condition.startsWith("key_id")) ? "+organisation_id" : "organisation_id";
  const parts = [...groupBy.flatMap((dimension) => sqlOf[dimension].part ?? []), "key_id"];
  const shown = groupBy.map((dimension) => sqlOf[dimension].columns);
  const columns = [...shown.map(([first]) => first!), ...shown.flatMap(([, ...beside]) => beside), sums];
  const places = (count: number): string => Array.from({ length: count }, (_, i) => i + 1).join(", ");
  const byTag = groupBy.includes("tag");
  const from = filters.app !== undefined ? signed : groupBy.includes("app") ? byApp : everything;
  return db.prepare(`
    SELECT ${columns.join(", ")} FROM (
      SELECT ${[...parts, sums].join(", ")} ${from}
      WHERE ${[`${own} = ?1`, "hour >= ?2", "hour < ?3", ...conditions].join(" AND ")} GROUP BY ${places(parts.length)}
    ) LEFT JOIN api_keys ON api_keys.id = key_id
    ${byTag ? "LEFT JOIN json_each(policy, '$.tags') AS label" : ""}
    ${byTag && filters.tag !== undefined ? `WHERE label.value = ${bound(filters.tag)}` : ""}
    ${groupBy.length > 0 ? `GROUP BY ${places(groupBy.length)} ${from === byApp ? "HAVING sum(requests) <> 0 OR sum(cost_nano_usd) <> 0" : ""} ORDER BY ${places(groupBy.length)}` : ""} LIMIT ?4`,
  ).bind(...values);
}
