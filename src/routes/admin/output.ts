/** What administrators get: times as ISO 8601, lists as pages. */

/** Unix ms as ISO 8601. */
export const iso = <T extends number | null>(ms: T): T extends null ? string | null : string =>
  (ms === null ? null : new Date(ms).toISOString()) as T extends null ? string | null : string;

/** One page of a list of which one row more than `limit` was read. `next` is the cursor of the page behind it. */
export function page<Row, View>(rows: Row[], { limit, view, cursor }: { limit: number; view: (row: Row) => View; cursor: (row: Row) => string }) {
  const shown = rows.slice(0, limit);
  return { data: shown.map(view), next: rows.length > limit ? cursor(shown.at(-1)!) : null };
}
