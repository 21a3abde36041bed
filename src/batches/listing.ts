/** Which batches an organisation has, in D1: for lists only, the truth about each lies in its object. */
import { GatewayError } from "../errors.ts";
import type { Batch, Shape } from "./batch.ts";
import type { Word } from "./words.ts";

/** Before its object has it: a batch that runs stands in the list. */
export async function list(db: D1Database, { id, organisationId, keyId, shape, endpoint, inputFileId, status, createdAtMs }: Batch): Promise<void> {
  await db.prepare("INSERT OR IGNORE INTO batches (id, organisation_id, key_id, shape, endpoint, input_file_id, status, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
    .bind(id, organisationId, keyId, shape, endpoint, inputFileId, status, createdAtMs).run();
}

export async function noteStatus(db: D1Database, { id, status }: Pick<Batch, "id" | "status">): Promise<void> {
  await db.prepare("UPDATE batches SET status = ? WHERE id = ?").bind(status, id).run();
}

export async function unlist(db: D1Database, id: string): Promise<void> {
  await db.prepare("DELETE FROM batches WHERE id = ?").bind(id).run();
}

export type ListQuestion = { shape: Shape; after?: string | undefined; before?: string | undefined; limit: number };

/** Ids of an organisation's batches, the newest first. `after` and `before` need not be there any more. */
export async function listed(db: D1Database, organisationId: string, { shape, after, before, limit }: ListQuestion): Promise<{ ids: string[]; hasMore: boolean }> {
  // A page before an id is the one that ends there: read backwards, and turned.
  const backwards = before !== undefined && after === undefined;
  const { results } = await db.prepare(`SELECT id FROM batches WHERE organisation_id = ?1 AND shape = ?2 AND id < ?3 AND id > ?4 ORDER BY id ${backwards ? "ASC" : "DESC"} LIMIT ?5`)
    .bind(organisationId, shape, after ?? "~", before ?? "", limit + 1).all<{ id: string }>();
  const ids = results.slice(0, limit).map(({ id }) => id);
  return { ids: backwards ? ids.reverse() : ids, hasMore: results.length > limit };
}

/** Batches of every organisation that are not over as far as the list knows, the oldest first. */
export async function openBatches(db: D1Database, limit: number): Promise<{ id: string; organisationId: string }[]> {
  const { results } = await db.prepare("SELECT id, organisation_id AS organisationId FROM batches WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling') ORDER BY id LIMIT ?")
    .bind(limit).all<{ id: string; organisationId: string }>();
  return results;
}

/** Throws `conflict` where a file is the input of a batch that is not over: what its provider has answered could be told to nobody. */
export async function refuseInput(db: D1Database, organisationId: string, fileId: string): Promise<void> {
  const id = await db.prepare("SELECT id FROM batches WHERE organisation_id = ? AND input_file_id = ? AND status IN ('validating', 'in_progress', 'finalizing', 'cancelling') LIMIT 1")
    .bind(organisationId, fileId).first<string>("id");
  if (id !== null) throw new GatewayError("conflict", `The batch ${id} runs from this file: cancel it, or wait until it has ended.`, { param: "id", shouldRetry: false });
}

const undeliverable = "batch.undeliverable";

/** Writes down, once, that the queue has given up word of a part. */
export async function noteUndeliverable(db: D1Database, { organisationId, batchId, part }: Word, nowMs: number): Promise<void> {
  await db.prepare("INSERT OR IGNORE INTO events (id, organisation_id, at, kind, subject, detail) VALUES (?, ?, ?, ?, ?, ?)")
    .bind(`${undeliverable} ${batchId} ${part}`, organisationId, nowMs, undeliverable, batchId, JSON.stringify({ part })).run();
}

/** How many messages the queue has given up since a moment. */
export const countDeadLetters = async (db: D1Database, sinceMs: number): Promise<number> =>
  (await db.prepare("SELECT count(*) AS letters FROM events WHERE kind = ? AND at >= ?").bind(undeliverable, sinceMs).first<number>("letters")) ?? 0;

export type DeadLetter = { batchId: string; organisationId: string; atMs: number; part: number };

/** What was given up, the latest first. */
export async function deadLetters(db: D1Database, limit: number): Promise<DeadLetter[]> {
  const { results } = await db.prepare("SELECT organisation_id AS organisationId, subject AS batchId, at AS atMs, detail ->> 'part' AS part FROM events WHERE kind = ? ORDER BY at DESC, id LIMIT ?")
    .bind(undeliverable, limit).all<DeadLetter>();
  return results;
}
