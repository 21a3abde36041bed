/** Requests that were refused before any provider was asked: counted by key, hour and code, the last of each key kept by their ids. */
import type { ErrorCode } from "../errors.ts";
import { refusalWords } from "./refusal-words.ts";
import type { Viewer } from "./report.ts";
import type { RequestFilters } from "./request-list.ts";
import { requestIdFrom } from "./requests.ts";
import { isShown, shownFrom } from "./shown.ts";
import { ofKeys } from "./usage-rows.ts";

/** A request that nobody was asked for. `at`: Unix ms; `model`: as it was asked for, null where the request did not come so far, or is sovereign; `protocol`: the client's. */
export type RefusedRequest = { id: string; at: number; status: number; code: ErrorCode; model: string | null; protocol: string };
export type KeptRefusal = RefusedRequest & { keyId: string };
/** How many requests were refused with a code in an hour (Unix time / 3,600,000). */
export type RefusedHour = { hour: number; code: ErrorCode; requests: number };

/** As many of each key are kept by their ids. */
export const refusalsKept = 100;

const insertHours = `
  INSERT INTO refusals_hourly (key_id, hour, code, organisation_id, requests)
  SELECT ?1, value ->> 'hour', value ->> 'code', ?2, value ->> 'requests' FROM json_each(?3) WHERE true
  ON CONFLICT (key_id, hour, code) DO UPDATE SET requests = excluded.requests WHERE excluded.requests > requests`;

const insertRequests = `
  INSERT OR IGNORE INTO refused_requests (id, at, key_id, organisation_id, status, code, model, protocol)
  SELECT value ->> 'id', value ->> 'at', ?1, ?2, value ->> 'status', value ->> 'code', value ->> 'model', value ->> 'protocol' FROM json_each(?3)`;

const dropOlder = `
  DELETE FROM refused_requests WHERE key_id = ?1 AND id < (SELECT id FROM refused_requests WHERE key_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ${refusalsKept - 1})`;

/** Writes a key's absolute counts and its last refused requests, all or none. Repeating it changes nothing. Throws when D1 does. */
export async function rollUpRefusals(db: D1Database, { keyId, organisationId }: { keyId: string; organisationId: string }, hours: readonly RefusedHour[], requests: readonly RefusedRequest[]): Promise<void> {
  await db.batch([
    db.prepare(insertHours).bind(keyId, organisationId, JSON.stringify(hours)),
    db.prepare(insertRequests).bind(keyId, organisationId, JSON.stringify(requests)),
    db.prepare(dropOlder).bind(keyId),
  ]);
}

/** As programs are told of one: in the words of a finished request's entry, as far as they fit. */
export const toldRefusal = ({ code, ...refused }: KeptRefusal) => ({ ...refused, end: "refused", errorCode: code, attempts: 0, costNanoUsd: 0, ...refusalWords(code) }) as const;

const columns = "id, at, key_id AS keyId, status, code, model, protocol";

/** A refused request that has left the key's object, if the viewer may see it. */
export async function findRefused(db: D1Database, viewer: Viewer, id: string): Promise<KeptRefusal | undefined> {
  const [column, value] = viewer.usageScope === "organisation" ? ["organisation_id", viewer.organisationId] : ["key_id", viewer.keyId];
  return (await db.prepare(`SELECT ${columns} FROM refused_requests WHERE id = ? AND ${column} = ? AND ${isShown("organisation_id")}`).bind(id, value).first<KeptRefusal>()) ?? undefined;
}

/** What each filter asks of a refused one. Those that are not here nothing refused can fit: it has no end and no cost. */
const conditionOf: Partial<Record<keyof RequestFilters, (value: string) => string>> = {
  keyId: (value) => `key_id = ${value}`,
  model: (value) => `model = ${value}`,
  ...ofKeys,
  status: (value) => `status = ${value}`,
  fromMs: (value) => `id >= printf('req_%012x', ${value})`,
  toMs: (value) => `id < printf('req_%012x', ${value})`,
  failed: (value) => `${value} IN (0, 1)`,
};

/** An organisation's refused requests that fit, newest first; `sinceMs`: only those of then on. */
export async function listRefused(db: D1Database, organisationId: string, filters: RequestFilters, { before = "req_g", sinceMs = 0, limit }: { before?: string; sinceMs?: number; limit: number }): Promise<KeptRefusal[]> {
  const { outcome, ...narrowed } = filters;
  const names = (Object.keys(narrowed) as (keyof typeof narrowed)[]).filter((name) => narrowed[name] !== undefined);
  if (outcome === "asked" || names.some((name) => !conditionOf[name])) return [];
  const values: (string | number)[] = [organisationId, requestIdFrom(sinceMs), before, limit];
  const conditions = names.map((name) => conditionOf[name]!(`?${values.push(name === "failed" ? 1 : (narrowed[name] as string | number))}`));
  const { results } = await db.prepare(`
    SELECT ${columns} FROM refused_requests WHERE organisation_id = ?1 AND id >= max(?2, ${shownFrom("?1")}) AND id < ?3 ${conditions.map((one) => `AND ${one}`).join(" ")}
    ORDER BY id DESC LIMIT ?4`).bind(...values).all<KeptRefusal>();
  return results;
}

/** The last refused request of a key. */
export async function lastRefused(db: D1Database, keyId: string): Promise<KeptRefusal | undefined> {
  return (await db.prepare(`SELECT ${columns} FROM refused_requests WHERE key_id = ? ORDER BY id DESC LIMIT 1`).bind(keyId).first<KeptRefusal>()) ?? undefined;
}
