/** Single requests that have left their key's object: looked up by id, removed when they are old. */
import type { LedgerEntry } from "./entry.ts";
import type { Viewer } from "./report.ts";

/** A finished request that has left the key's object, if the viewer may see it. */
export async function findRequest(db: D1Database, viewer: Viewer, id: string): Promise<LedgerEntry | undefined> {
  const [column, value] = viewer.usageScope === "organisation" ? ["organisation_id", viewer.organisationId] : ["key_id", viewer.keyId];
  const row = await db.prepare(`SELECT at, entry FROM requests WHERE id = ? AND ${column} = ?`).bind(id, value).first<{ at: number; entry: string }>();
  return row ? { id, at: row.at, ...(JSON.parse(row.entry) as Omit<LedgerEntry, "id" | "at">) } : undefined;
}

/** Where ids of requests from `ms` on begin: they start with the time (pipeline/context.ts). */
const requestIdFrom = (ms: number): string => `req_${ms.toString(16).padStart(12, "0")}`;

/** Removes requests older than `beforeMs`, a chunk at a time. */
export async function pruneRequests(db: D1Database, beforeMs: number): Promise<void> {
  for (;;) {
    const { meta } = await db.prepare("DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE id < ? ORDER BY id LIMIT 1000)").bind(requestIdFrom(beforeMs)).run();
    if (meta.changes < 1000) return;
  }
}
