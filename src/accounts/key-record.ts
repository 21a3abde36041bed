/** A key as people see it: everything but its secrets. */
import * as z from "zod";
import type { Place } from "./audit.ts";
import { keyPolicySchema, type KeyPolicy } from "./policy.ts";

export type KeySecret = { hint: string; createdAtMs: number; expiresAtMs: number | null };

export type KeyRecord = {
  id: string;
  organisationId: string;
  name: string;
  policy: KeyPolicy;
  version: number;
  createdAtMs: number;
  expiresAtMs: number | null;
  revokedAtMs: number | null;
  /** Hints only, newest first. More than one while a rotation's grace period runs. */
  secrets: KeySecret[];
};

const selectRecord = `
SELECT k.id, k.organisation_id, k.name, k.policy, k.version, k.created_at, k.expires_at, k.revoked_at,
  (SELECT json_group_array(json_object('hint', s.hint, 'createdAtMs', s.created_at, 'expiresAtMs', s.expires_at))
     FROM api_key_secrets s WHERE s.key_id = k.id) AS secrets
FROM api_keys k`;

type Row = {
  id: string; organisation_id: string; name: string; policy: string; version: number;
  created_at: number; expires_at: number | null; revoked_at: number | null; secrets: string;
};

const secretsSchema = z.array(z.object({ hint: z.string(), createdAtMs: z.number(), expiresAtMs: z.number().nullable() }));

/** A secret without an end is newer than one with an end that was made in the same millisecond. */
const newestFirst = (a: KeySecret, b: KeySecret): number => b.createdAtMs - a.createdAtMs || (b.expiresAtMs ?? Infinity) - (a.expiresAtMs ?? Infinity);

const recordOf = (row: Row): KeyRecord => ({
  id: row.id,
  organisationId: row.organisation_id,
  name: row.name,
  policy: keyPolicySchema.parse(JSON.parse(row.policy)),
  version: row.version,
  createdAtMs: row.created_at,
  expiresAtMs: row.expires_at,
  revokedAtMs: row.revoked_at,
  secrets: secretsSchema.parse(JSON.parse(row.secrets)).sort(newestFirst),
});

/** Selects one key; read the result with `readKey`. */
export const selectKey = (db: D1Database, id: string): D1PreparedStatement => db.prepare(`${selectRecord} WHERE k.id = ?`).bind(id);

/** The key in the result of `selectKey`, if there is one. */
export function readKey(result: D1Result | undefined): KeyRecord | undefined {
  const row = result?.results[0] as Row | undefined;
  return row && recordOf(row);
}

/** One key. */
export async function getKey(db: D1Database, id: string): Promise<KeyRecord | undefined> {
  return readKey(await selectKey(db, id).all());
}

/** Keys, newest first, older than `after`; `live`: those that are not revoked; `search`: a part of the name or of a secret's hint, an id, or its member, project or tag. */
export async function listKeys(
  db: D1Database, { organisationId, limit, after, live = false, search }: { organisationId?: string; limit: number; after?: Place; live?: boolean; search?: string | undefined },
): Promise<KeyRecord[]> {
  const found = `
    AND (instr(lower(k.name), lower(?6)) > 0 OR k.id = ?6 OR lower(k.policy ->> 'member') = lower(?6) OR k.policy ->> 'project' = ?6
      OR EXISTS (SELECT 1 FROM json_each(k.policy, '$.tags') WHERE value = ?6) OR EXISTS (SELECT 1 FROM api_key_secrets s WHERE s.key_id = k.id AND instr(s.hint, ?6) > 0))`;
  const { results } = await db.prepare(`
    ${selectRecord}
    WHERE (?1 IS NULL OR k.organisation_id = ?1) AND (?2 IS NULL OR (k.created_at, k.id) < (?2, ?3)) AND (NOT ?5 OR k.revoked_at IS NULL)${search === undefined ? "" : found}
    ORDER BY k.created_at DESC, k.id DESC LIMIT ?4`,
  ).bind(organisationId ?? null, after?.atMs ?? null, after?.id ?? null, limit, Number(live), ...(search === undefined ? [] : [search])).all<Row>();
  return results.map(recordOf);
}

/** Which of an organisation's keys that are not revoked: of one project, if it says so, and whether those switched off are among them. */
export type KeySelection = { organisationId: string; project?: string | undefined; disabled: boolean };

/** So many of an organisation's keys, newest first, behind the first `offset`. */
export async function listLiveKeys(db: D1Database, { organisationId, project, disabled }: KeySelection, { offset, limit }: { offset: number; limit: number }): Promise<KeyRecord[]> {
  const { results } = await db.prepare(`
    ${selectRecord}
    WHERE k.organisation_id = ?1 AND k.revoked_at IS NULL AND (?2 IS NULL OR k.policy ->> 'project' = ?2) AND (?3 OR coalesce(k.policy ->> 'disabled', 0) = 0)
    ORDER BY k.created_at DESC, k.id DESC LIMIT ?4 OFFSET ?5`,
  ).bind(organisationId, project ?? null, Number(disabled), limit, offset).all<Row>();
  return results.map(recordOf);
}
