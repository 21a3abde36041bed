/** How much an organisation holds: its files, and what its open uploads have room for or have taken. */
import { GatewayError } from "../errors.ts";

/** SQL of a number of bytes; `organisation` and `now` are parameters' names. */
export const heldSql = (organisation: string, now: string): string => `(
  (SELECT coalesce(sum(bytes), 0) FROM files WHERE organisation_id = ${organisation} AND (expires_at IS NULL OR expires_at > ${now}))
  + (SELECT coalesce(sum(max(bytes, taken_bytes)), 0) FROM uploads WHERE organisation_id = ${organisation} AND status = 'pending' AND expires_at > ${now}))`;

export async function heldBytes(db: D1Database, organisationId: string, nowMs: number): Promise<number> {
  return (await db.prepare(`SELECT ${heldSql("?1", "?2")} AS bytes`).bind(organisationId, nowMs).first<number>("bytes")) ?? 0;
}

const MiB = 1024 * 1024;

export const fileTooLarge = (mostBytes: number, param = "file"): GatewayError => new GatewayError("request_too_large", `${param}: is larger than ${Math.floor(mostBytes / MiB)} MiB`, { param });

/** No retry helps until something is deleted or expires. */
export const storageFull = (mostBytes: number): GatewayError =>
  new GatewayError("quota_exceeded", `Your organisation may hold ${Math.floor(mostBytes / MiB)} MiB of files, and this would be more. Delete some, or let them expire.`, { shouldRetry: false });
