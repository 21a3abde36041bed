/** An organisation's finished requests, as people look through them: newest first, filtered, a page at a time. */
import type { End, LedgerEntry, Outcome } from "./entry.ts";
import { listRefused, type KeptRefusal } from "./refusals.ts";
import { requestIdFrom } from "./requests.ts";
import { isShown, shownFrom } from "./shown.ts";
import { ofKeys } from "./usage-rows.ts";

/** What a request must be to be listed. `model`: as it was asked for, or the deployment; `app`: as it called itself; `member`, `project`, `tag`: of its key, as it has them now; `failed`: the client got none of it, or not all; `outcome`: whether a provider was `asked`, or it was `refused` before; times are Unix ms of its beginning, `toMs` the first one outside. */
export type RequestFilters = { keyId?: string; model?: string; app?: string; member?: string; project?: string; tag?: string; end?: End; status?: number; failed?: boolean; outcome?: "refused" | "asked"; aboveNanoUsd?: number; fromMs?: number; toMs?: number };
export type KeptRequest = LedgerEntry & { keyId: string };

/** So many requests are looked at for one page: where few of many fit, the page says how far it has looked. */
const mostSeen = 2_000;
/** Requests that began longer ago are not waited for by who watches. */
const longestMs = 15 * 60_000;
/** How late the ledger may hear of a request that has ended. */
const reportsWithinMs = 90_000;
/** Above all ids of requests. */
const end = "req_g";

type Row = { id: string; at: number; key_id: string; entry: string };
const kept = ({ id, at, key_id, entry }: Row): KeptRequest => ({ id, at, keyId: key_id, ...(JSON.parse(entry) as Outcome) });

const of = (field: string): string => `entry ->> '$.${field}'`;
/** What each filter asks of a row, with the place of its value. */
const conditionOf: { readonly [F in Exclude<keyof RequestFilters, "fromMs" | "toMs" | "outcome">]-?: (value: string) => string } = {
  keyId: (value) => `key_id = ${value}`,
  model: (value) => `(${of("model")} = ${value} OR ${of("deployment")} = ${value})`,
  app: (value) => `${of("app.name")} = ${value}`,
  ...ofKeys,
  end: (value) => `${of("end")} = ${value}`,
  status: (value) => `${of("status")} = ${value}`,
  // As the meter counts errors (src/limits/posting.ts).
  failed: (value) => `(${value} = 0 OR (${of("end")} <> 'client_gone' AND (${of("status")} >= 400 OR ${of("end")} <> 'complete')))`,
  aboveNanoUsd: (value) => `${of("costNanoUsd")} > ${value}`,
};

type Window = { fromId: string; beforeId: string; limit: number };

/** The requests of a part of the ledger that fit, and the oldest that was looked at where there is more behind it. */
async function select(db: D1Database, organisationId: string, filters: RequestFilters, { fromId, beforeId, limit }: Window, more: readonly [sql: string, value: number][] = []) {
  const values: (string | number)[] = [organisationId, fromId, beforeId];
  const bound = (value: string | number | boolean): string => `?${values.push(typeof value === "boolean" ? Number(value) : value)}`;
  const names = (Object.keys(conditionOf) as (keyof typeof conditionOf)[]).filter((name) => filters[name] !== undefined);
  const conditions = [...names.map((name) => conditionOf[name](bound(filters[name]!))), ...more.map(([sql, value]) => sql.replace("?", bound(value)))];
  const range = `organisation_id = ?1 AND id >= max(?2, ${shownFrom("?1")}) AND id < ?3 ORDER BY id DESC`;
  const [found, reached] = await db.batch([
    db.prepare(`SELECT id, at, key_id, entry FROM (SELECT id, at, key_id, entry FROM requests WHERE ${range} LIMIT ${mostSeen}) WHERE ${conditions.join(" AND ") || "true"} ORDER BY id DESC LIMIT ${bound(limit)}`).bind(...values),
    db.prepare(`SELECT id FROM requests WHERE ${range} LIMIT 1 OFFSET ${mostSeen - 1}`).bind(organisationId, fromId, beforeId),
  ]);
  return { requests: (found!.results as Row[]).map(kept), reached: (reached!.results as { id: string }[])[0]?.id };
}

/** A page of requests. `next`: what the following one is `before`; absent: there is none. Fewer than `limit` with a `next`: no more fit among those that were looked at. */
export async function listRequests(db: D1Database, organisationId: string, filters: RequestFilters, { before, limit }: { before?: string; limit: number }): Promise<{ requests: KeptRequest[]; next?: string }> {
  const until = filters.toMs === undefined ? end : requestIdFrom(filters.toMs);
  const beforeId = before !== undefined && before < until ? before : until;
  const { requests, reached } = await select(db, organisationId, filters, { fromId: requestIdFrom(filters.fromMs ?? 0), beforeId, limit: limit + 1 });
  const page = requests.slice(0, limit);
  const next = requests.length > limit ? page.at(-1)!.id : reached;
  return { requests: page, ...(next !== undefined && { next }) };
}

/** Requests that have ended, or were heard of, since a moment: of those that began within a quarter of an hour. Some may have been told before. */
export async function newlyEnded(db: D1Database, organisationId: string, filters: RequestFilters, { sinceMs, limit }: { sinceMs: number; limit: number }): Promise<KeptRequest[]> {
  const fromMs = Math.max(filters.fromMs ?? 0, sinceMs - longestMs);
  const { requests } = await select(db, organisationId, filters, { fromId: requestIdFrom(fromMs), beforeId: end, limit }, [[`at + ${of("totalMs")} >= ?`, sinceMs - reportsWithinMs]]);
  return requests;
}

/** Whether a listed request was refused before any provider was asked. */
export const isRefused = (one: KeptRequest | KeptRefusal): one is KeptRefusal => "code" in one;

const newestFirst = <T extends { id: string }>(all: readonly T[]): T[] => all.toSorted((a, b) => (a.id < b.id ? 1 : -1));

/** A page of finished and of refused requests, as `listRequests` has one of the finished. */
export async function listAll(db: D1Database, organisationId: string, filters: RequestFilters, page: { before?: string; limit: number }): Promise<{ requests: (KeptRequest | KeptRefusal)[]; next?: string }> {
  const { limit } = page;
  const nothing: Awaited<ReturnType<typeof listRequests>> = { requests: [] };
  const [finished, refused] = await Promise.all([
    filters.outcome === "refused" ? nothing : listRequests(db, organisationId, filters, page), listRefused(db, organisationId, filters, { ...page, limit: limit + 1 }),
  ]);
  // Nobody has looked at what is behind the finished ones' end yet.
  const far = finished.next ?? "";
  const both = newestFirst([...finished.requests, ...refused.filter(({ id }) => id > far)]);
  const requests = both.slice(0, limit);
  const next = both.length > limit ? requests.at(-1)!.id : finished.next;
  return { requests, ...(next !== undefined && { next }) };
}

/** The finished ones as `newlyEnded` has them, and those that were refused since. */
export async function newlyCome(db: D1Database, organisationId: string, filters: RequestFilters, window: { sinceMs: number; limit: number }): Promise<(KeptRequest | KeptRefusal)[]> {
  const [finished, refused] = await Promise.all([
    filters.outcome === "refused" ? [] : newlyEnded(db, organisationId, filters, window), listRefused(db, organisationId, filters, { ...window, sinceMs: Math.max(0, window.sinceMs - reportsWithinMs) }),
  ]);
  return newestFirst([...finished, ...refused]).slice(0, window.limit);
}

/** What belongs to a request: the others that its answer was made of (`req_…r2`), and corrections of what it was charged. */
export async function belongingTo(db: D1Database, organisationId: string, id: string): Promise<{ parts: KeptRequest[]; corrections: KeptRequest[] }> {
  const [parts, corrections] = await db.batch<Row>([
    db.prepare(`SELECT id, at, key_id, entry FROM requests WHERE organisation_id = ?1 AND id >= ?2 || 'r' AND id < ?2 || 's' AND ${isShown("?1")} ORDER BY id`).bind(organisationId, id),
    db.prepare(`SELECT id, at, key_id, entry FROM requests WHERE organisation_id = ?1 AND id < 'req_' AND entry ->> '$.adjusts.request' = ?2 AND ${isShown("?1")} ORDER BY at`).bind(organisationId, id),
  ]);
  return { parts: parts!.results.map(kept), corrections: corrections!.results.map(kept) };
}
