/** Who hears of an organisation's alerts, in D1, and what signs them. */
import * as z from "zod";
import { sharesSchema, usualShares } from "./budgets.ts";
import { auditIfChanged, type By } from "./audit.ts";
import type { Masters } from "./credentials.ts";
import { roles, type Role } from "./members.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";
import { webhookSecret } from "./webhook-secret.ts";

/** `keyShares`: at which shares of keys' own limits. */
export type AlertTargets = { roles: readonly Role[]; keyShares: readonly number[]; webhookUrl: string | null; secretVersion: number; rotatedAtMs: number | null };

type Row = { roles: string; key_shares: string; webhook_url: string | null; secret_version: number; rotated_at: number | null };
const rolesSchema = z.array(z.enum(roles));
/** Of an organisation that has said nothing. */
const usual: AlertTargets = { roles: ["owner"], keyShares: usualShares, webhookUrl: null, secretVersion: 1, rotatedAtMs: null };
/** How long the secret before still signs. */
const graceMs = 86_400_000;

/** Whom an organisation wants to be told. */
export async function alertTargetsOf(db: D1Database, organisationId: string): Promise<AlertTargets> {
  const row = await db.prepare("SELECT roles, key_shares, webhook_url, secret_version, rotated_at FROM alert_targets WHERE organisation_id = ?").bind(organisationId).first<Row>();
  return row ? { roles: rolesSchema.parse(JSON.parse(row.roles)), keyShares: sharesSchema.parse(JSON.parse(row.key_shares)), webhookUrl: row.webhook_url, secretVersion: row.secret_version, rotatedAtMs: row.rotated_at } : usual;
}

/** Says whom, and of keys' own limits at which shares (absent: as it was), of which the keys must hear. The audit trail does not keep the webhook's address: it may hold a secret. */
export async function putAlertTargets(db: D1Database, by: By, organisationId: string, { roles: told, webhookUrl, keyShares }: Pick<AlertTargets, "roles" | "webhookUrl"> & Partial<Pick<AlertTargets, "keyShares">>): Promise<KeyStanding[]> {
  const shares = keyShares && JSON.stringify(keyShares);
  const concerned = { organisation: organisationId };
  const results = await db.batch([
    db.prepare(`
      INSERT INTO alert_targets (organisation_id, roles, webhook_url, key_shares) SELECT ?1, ?2, ?3, coalesce(?4, ?5) WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
      ON CONFLICT (organisation_id) DO UPDATE SET roles = excluded.roles, webhook_url = excluded.webhook_url, key_shares = coalesce(?4, key_shares)`,
    ).bind(organisationId, JSON.stringify(told), webhookUrl, shares ?? null, JSON.stringify(usual.keyShares)),
    auditIfChanged(db, by, { action: "alert.put", subject: organisationId, organisationId, detail: { roles: told, webhookHost: webhookUrl === null ? null : new URL(webhookUrl).host, ...(keyShares && { keyShares }) } }),
    ...(shares === undefined ? [] : [bumpIfChanged(db, concerned), selectStandings(db, concerned)]),
  ]);
  return standingsOf(results[3]);
}

/** Gives the webhook another secret; the one before signs beside it for a day. `from`: only in place of this version. Returns whether it did. */
export async function rotateAlertSecret(db: D1Database, by: By, organisationId: string, from?: number): Promise<boolean> {
  const [put] = await db.batch([
    db.prepare(`
      INSERT INTO alert_targets (organisation_id, roles, secret_version, rotated_at) SELECT ?1, ?2, 2, ?3 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
        AND (?4 IS NULL OR ?4 = coalesce((SELECT secret_version FROM alert_targets WHERE organisation_id = ?1), 1))
      ON CONFLICT (organisation_id) DO UPDATE SET secret_version = secret_version + 1, rotated_at = excluded.rotated_at`,
    ).bind(organisationId, JSON.stringify(usual.roles), by.nowMs, from ?? null),
    auditIfChanged(db, by, { action: "alert.rotate", subject: organisationId, organisationId }),
  ]);
  return put!.meta.changes > 0;
}

/** What signs an organisation's alerts now, by one master secret. */
export const alertSecret = (master: string, organisationId: string, version: number): Promise<string> => webhookSecret(master, `alerts ${organisationId} ${version}`);

/** All that sign now: by both master secrets while one replaces the other, and by the version before for a day. */
export function alertSecrets({ current, previous }: Masters, organisationId: string, { secretVersion, rotatedAtMs }: AlertTargets, nowMs: number): Promise<string[]> {
  const versions = rotatedAtMs !== null && nowMs < rotatedAtMs + graceMs ? [secretVersion, secretVersion - 1] : [secretVersion];
  return Promise.all([current, previous].flatMap((master) => (master ? versions.map((version) => alertSecret(master, organisationId, version)) : [])));
}
