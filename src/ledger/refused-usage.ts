/** How often requests were refused before any provider was asked: sums over the hourly counts, as `usage-rows.ts` sums what was used. */
import type { ErrorCode } from "../errors.ts";
import { keyConditions, type Selection } from "./usage-rows.ts";

/** What refusals can be told by. */
export type RefusedBy = "code" | "key" | "day" | "hour";

/** Requests that were refused, none of which any provider was asked for: they are not among `requests` and `errors`. Null: what is asked for has no refusals, as they have no application, and their model counts for nothing. */
export type RefusedUsage = {
  requests: number;
  byCode: { code: ErrorCode; requests: number }[];
  byKey: { keyId: string; name: string | null; requests: number }[];
  byDay: { day: string; requests: number }[];
};

type Row = { code: ErrorCode; key: string; name: string | null; day: number; hour: number; requests: number };

const dayMs = 86_400_000;
const columnOf: Record<RefusedBy, string> = { code: "code", key: "key_id AS key", day: "hour / 24 AS day", hour: "hour" };

/** Selects the sums by `groupBy`; undefined: a filter is set that refusals do not know. */
export function selectRefused(db: D1Database, { organisationId, keyId, fromHour, toHour, filters }: Selection, groupBy: readonly RefusedBy[]): D1PreparedStatement | undefined {
  if (filters.model !== undefined || filters.app !== undefined) return undefined;
  const values: (string | number)[] = [organisationId, fromHour, toHour];
  const conditions = keyConditions(filters, (value) => `?${values.push(value)}`);
  if (keyId !== undefined) conditions.push(`key_id = ?${values.push(keyId)}`);
  const places = groupBy.map((_, i) => i + 1).join(", ");
  const sums = `SELECT ${groupBy.map((by) => columnOf[by]).join(", ")}, sum(requests) AS requests FROM refusals_hourly
    WHERE organisation_id = ?1 AND hour >= ?2 AND hour < ?3 ${conditions.map((one) => `AND ${one}`).join(" ")} GROUP BY ${places} ORDER BY ${places}`;
  return db.prepare(groupBy.includes("key") ? `SELECT sums.*, api_keys.name FROM (${sums}) AS sums LEFT JOIN api_keys ON api_keys.id = sums.key` : sums).bind(...values);
}

/** The statements of a report, in the order in which `refusedUsage` takes what they find. */
export const refusedStatements = (db: D1Database, selection: Selection): D1PreparedStatement[] =>
  ([["code"], ["key"], ["day"]] as const).flatMap((groupBy) => selectRefused(db, selection, groupBy) ?? []);

/** What such statements found. */
export function refusedUsage(found: readonly (readonly unknown[])[]): RefusedUsage | null {
  if (found.length === 0) return null;
  const [codes, keys, days] = found as readonly (readonly Row[])[];
  return {
    requests: codes!.reduce((sum, row) => sum + row.requests, 0),
    byCode: codes!.map(({ code, requests }) => ({ code, requests })),
    byKey: keys!.map(({ key, name, requests }) => ({ keyId: key, name, requests })),
    byDay: days!.map(({ day, requests }) => ({ day: new Date(day * dayMs).toISOString().slice(0, 10), requests })),
  };
}

/** Refusals of a span by code, key and column of a chart. Times are Unix ms on the hour. */
export async function refusedOverTime(db: D1Database, selection: Selection, bucket: "day" | "hour"): Promise<{ code: ErrorCode; keyId: string; name: string | null; atMs: number; requests: number }[]> {
  const rows = (await selectRefused(db, selection, ["key", "code", bucket])?.all<Row>())?.results ?? [];
  return rows.map((row) => ({ code: row.code, keyId: row.key, name: row.name, atMs: bucket === "day" ? row.day * dayMs : row.hour * 3_600_000, requests: row.requests }));
}
