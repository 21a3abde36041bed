/** Counts of what can be guessed or abused, in D1: every isolate counts in the same place. */

/** At most `most` tries in `spanMs`, which begins with the first. `whose`: an address, an account, … */
export type Allowance = { what: string; whose: string; most: number; spanMs: number };

const bucketOf = async ({ what, whose }: Pick<Allowance, "what" | "whose">): Promise<string> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${what}\n${whose}`))).toHex();

/** Counts one try against each allowance, before it is made. Returns the milliseconds to wait when one of them is used up, else 0. */
export async function countAttempt(db: D1Database, nowMs: number, allowances: readonly Allowance[]): Promise<number> {
  const counted = await db.batch<{ count: number; ends_at: number }>(await Promise.all(allowances.map(async (allowance) => db.prepare(`
    INSERT INTO attempts (bucket, count, ends_at) VALUES (?1, 1, ?2 + ?3)
    ON CONFLICT (bucket) DO UPDATE SET
      count = CASE WHEN ends_at <= ?2 THEN 1 ELSE count + 1 END,
      ends_at = CASE WHEN ends_at <= ?2 THEN ?2 + ?3 ELSE ends_at END
    RETURNING count, ends_at`,
  ).bind(await bucketOf(allowance), nowMs, allowance.spanMs))));
  const waits = counted.map(({ results: [row] }, i) => (row!.count > allowances[i]!.most ? row!.ends_at - nowMs : 0));
  return Math.max(0, ...waits);
}

/** Forgets the tries of somebody who has proved to be who they say they are. */
export async function forgetAttempts(db: D1Database, allowance: Pick<Allowance, "what" | "whose">): Promise<void> {
  await db.prepare("DELETE FROM attempts WHERE bucket = ?").bind(await bucketOf(allowance)).run();
}

/** For the nightly cron. */
export async function removeOldAttempts(db: D1Database, nowMs: number): Promise<void> {
  await db.prepare("DELETE FROM attempts WHERE ends_at <= ?").bind(nowMs).run();
}
