/** How long recent requests took: from the requests themselves, since roll-ups do not know. */

/** One request that was answered to its end. `firstByteMs` null: its answer was not streamed. */
export type Timed = { atMs: number; keyId: string; model: string; app: string | null; firstByteMs: number | null; totalMs: number };

/** At most so many requests are looked at for one answer, of at most so many keys. */
const mostRequests = 2_000;
const mostKeys = 200;

/** How many of a key's newest requests are looked at where so many keys are asked about. */
export const sampleOf = (keys: number): number => Math.floor(mostRequests / Math.min(Math.max(keys, 1), mostKeys));

/** Each of these keys' newest requests, as far as they lie in the span. Bounded whatever there is: along the primary key of `receipts`, without an index of its own. */
export async function timedRequests(db: D1Database, organisationId: string, keyIds: readonly string[], { fromMs, toMs }: { fromMs: number; toMs: number }): Promise<Timed[]> {
  const { results } = await db.prepare(`
    SELECT r.at AS atMs, r.key_id AS keyId, r.entry ->> 'model' AS model, r.entry ->> '$.app.name' AS app, r.entry ->> 'firstByteMs' AS firstByteMs, r.entry ->> 'totalMs' AS totalMs, r.entry ->> 'stream' AS stream
    FROM json_each(?2) AS k
    JOIN receipts p ON p.organisation_id = ?1 AND p.key_id = k.value
      AND p.sequence > (SELECT max(sequence) FROM receipts WHERE organisation_id = ?1 AND key_id = k.value) - ?3
    JOIN requests r ON r.id = p.request_id
    WHERE r.at >= ?4 AND r.at < ?5 AND r.entry ->> 'end' = 'complete' AND r.entry ->> 'status' < 400`,
  ).bind(organisationId, JSON.stringify(keyIds.slice(0, mostKeys)), sampleOf(keyIds.length), fromMs, toMs).all<Timed & { stream: number }>();
  return results.map(({ stream, firstByteMs, ...timed }) => ({ ...timed, firstByteMs: stream ? firstByteMs : null }));
}

/** The measurement below which this share of them lies, by nearest rank; null: there are none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}
