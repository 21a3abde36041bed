/** How long recent requests took: from the requests themselves, since roll-ups do not know. */
import { requestIdFrom } from "./requests.ts";
import { shownFrom } from "./shown.ts";

/** One request that was answered to its end. `firstByteMs` null: its answer was not streamed. */
export type Timed = { atMs: number; keyId: string; model: string; app: string | null; firstByteMs: number | null; totalMs: number };

/** So many requests are looked at for one answer, the newest ones. */
export const mostTimed = 2_000;

/** Of an organisation's newest requests in a span those that were answered to their end. Bounded whatever there is, along the index of requests by organisation. */
export async function timedRequests(db: D1Database, organisationId: string, { fromMs, toMs }: { fromMs: number; toMs: number }): Promise<Timed[]> {
  const { results } = await db.prepare(`
    SELECT at AS atMs, key_id AS keyId, entry ->> 'model' AS model, entry ->> '$.app.name' AS app, entry ->> 'firstByteMs' AS firstByteMs, entry ->> 'totalMs' AS totalMs, entry ->> 'stream' AS stream
    FROM (SELECT at, key_id, entry FROM requests WHERE organisation_id = ?1 AND id >= max(?2, ${shownFrom("?1")}) AND id < ?3 ORDER BY id DESC LIMIT ?4)
    WHERE entry ->> 'end' = 'complete' AND entry ->> 'status' < 400`,
  ).bind(organisationId, requestIdFrom(fromMs), requestIdFrom(toMs), mostTimed).all<Timed & { stream: number }>();
  return results.map(({ stream, firstByteMs, ...timed }) => ({ ...timed, firstByteMs: stream ? firstByteMs : null }));
}

/** The measurement below which this share of them lies, by nearest rank; null: there are none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
