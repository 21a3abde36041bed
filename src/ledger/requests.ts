/** Single requests that have left their key's object: looked up by id, removed when they are old. */
import type { Link, Receipt } from "../receipts/index.ts";
import type { LedgerEntry, Outcome } from "./entry.ts";
import type { Viewer } from "./report.ts";
import { isShown } from "./shown.ts";

/** A finished request that has left the key's object, if the viewer may see it. */
export async function findRequest(db: D1Database, viewer: Viewer, id: string): Promise<LedgerEntry | undefined> {
  const [column, value] = ownerOf(viewer);
  const row = await db.prepare(`SELECT at, entry FROM requests WHERE id = ? AND ${column} = ? AND ${isShown("organisation_id")}`).bind(id, value).first<{ at: number; entry: string }>();
  return row ? { id, at: row.at, ...(JSON.parse(row.entry) as Omit<LedgerEntry, "id" | "at">) } : undefined;
}

/** Of these finished requests, and those numbered behind them (`req_…r2`), the ones that have left their key's object, whosever they are. */
export async function findRequests(db: D1Database, ids: readonly string[]): Promise<LedgerEntry[]> {
  if (ids.length === 0) return [];
  const { results } = await db.prepare("SELECT r.id, r.at, r.entry FROM json_each(?) AS one JOIN requests r ON r.id = one.value OR (r.id >= one.value || 'r' AND r.id < one.value || 's')").bind(JSON.stringify(ids)).all<{ id: string; at: number; entry: string }>();
  return results.map(({ id, at, entry }) => ({ id, at, ...(JSON.parse(entry) as Outcome) }));
}

type Row = { id: string; at: number; key_id: string; organisation_id: string; entry: string };

/** An entry apart from its place in its key's chain. */
function receiptOf({ id, at, key_id: keyId, organisation_id: organisationId, entry }: Row): Receipt {
  const { chain, ...outcome } = JSON.parse(entry) as Outcome & { chain: Link };
  return { entry: { id, at, keyId, organisationId, ...outcome }, chain };
}

const ownerOf = (viewer: Viewer): [column: string, value: string] =>
  viewer.usageScope === "organisation" ? ["organisation_id", viewer.organisationId] : ["key_id", viewer.keyId];

/** The receipt of a request that has left its key's object, if the viewer may see it. */
export async function findReceipt(db: D1Database, viewer: Viewer, id: string): Promise<Receipt | undefined> {
  const [column, value] = ownerOf(viewer);
  const row = await db.prepare(`SELECT id, at, key_id, organisation_id, entry FROM requests WHERE id = ? AND ${column} = ? AND ${isShown("organisation_id")}`).bind(id, value).first<Row>();
  return row ? receiptOf(row) : undefined;
}

/** Where a list of receipts goes on: behind this place in this key's chain. */
export type ReceiptPlace = { keyId: string; sequence: number };

/** Receipts by key and by their place in its chain: of one key, what comes later always stands behind. */
export async function listReceipts(db: D1Database, viewer: Viewer, { after, limit }: { after: ReceiptPlace; limit: number }): Promise<Receipt[]> {
  const key = viewer.usageScope === "key" ? viewer.keyId : null;
  const { results } = await db.prepare(`
    SELECT r.id, r.at, r.key_id, r.organisation_id, r.entry FROM receipts p JOIN requests r ON r.id = p.request_id
    WHERE p.organisation_id = ?1 AND (?2 IS NULL OR p.key_id = ?2) AND (p.key_id, p.sequence) > (?3, ?4) AND ${isShown("?1", "r.at")} ORDER BY p.key_id, p.sequence LIMIT ?5`,
  ).bind(viewer.organisationId, key, after.keyId, after.sequence, limit).all<Row>();
  return results.map(receiptOf);
}

/** A request of whatever key, and whose it is. For the operator. */
export async function findAnyRequest(db: D1Database, id: string): Promise<{ keyId: string; entry: LedgerEntry } | undefined> {
  const row = await db.prepare("SELECT id, at, key_id, organisation_id, entry FROM requests WHERE id = ?").bind(id).first<Row>();
  return row ? { keyId: row.key_id, entry: { id, at: row.at, ...(JSON.parse(row.entry) as Outcome) } } : undefined;
}

/** How many requests of a key have been rolled up. */
export async function requestsOfKey(db: D1Database, keyId: string): Promise<number> {
  const row = await db.prepare("SELECT sum(requests) AS requests FROM usage_hourly WHERE key_id = ?").bind(keyId).first<{ requests: number | null }>();
  return row?.requests ?? 0;
}

/** Where ids of requests from `ms` on begin: they start with the time (pipeline/context.ts). */
export const requestIdFrom = (ms: number): string => `req_${ms.toString(16).padStart(12, "0")}`;

const dayMs = 86_400_000;
/** How long finished requests are kept, in days, where their organisation does not say less. */
const usualDays = 30;

/** By night: removes requests that have had their time. */
export async function pruneRequests(db: D1Database, nowMs: number): Promise<void> {
  await prune(db, nowMs - usualDays * dayMs);
  const { results } = await db.prepare("SELECT id, retention ->> '$.requestDays' AS days FROM organisations WHERE retention ->> '$.requestDays' < ?").bind(usualDays).all<{ id: string; days: number }>();
  for (const { id, days } of results) await prune(db, nowMs - days * dayMs, id);
}

/** Removes requests older than `beforeMs`, a chunk at a time. Ids of corrections come before all others and tell no time. */
async function prune(db: D1Database, beforeMs: number, organisationId?: string): Promise<void> {
  const whose = organisationId === undefined ? [] : [organisationId];
  await db.prepare(`DELETE FROM refused_requests WHERE ${organisationId === undefined ? "" : "organisation_id = ?2 AND "}id < ?1`).bind(requestIdFrom(beforeMs), ...whose).run();
  const old = `SELECT id FROM requests WHERE ${organisationId === undefined ? "" : "organisation_id = ?3 AND "}id < ?1 AND (id >= 'req_' OR at < ?2) ORDER BY id LIMIT 1000`;
  for (;;) {
    const [, removal] = await db.batch([
      db.prepare(`DELETE FROM receipts WHERE (organisation_id, key_id, sequence) IN (
        SELECT organisation_id, key_id, json_extract(entry, '$.chain.sequence') FROM requests WHERE id IN (${old}))`).bind(requestIdFrom(beforeMs), beforeMs, ...whose),
      db.prepare(`DELETE FROM requests WHERE id IN (${old})`).bind(requestIdFrom(beforeMs), beforeMs, ...whose),
    ]);
    if (removal!.meta.changes < 1000) return;
  }
}
