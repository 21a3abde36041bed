/** Budgets, prepayment and the end of a subscription in D1. A change gives the account and its keys new versions in the same transaction. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type AuditAction, type By } from "./audit.ts";
import type { AccountPolicy, Budget } from "./budgets.ts";
import { noSuchOrganisation } from "./organisations.ts";
import type { KeyStanding } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";
import { accountsOf, bumpAccountsIfChanged, selectAccounts, termsOf, type Agreement, type TermsRow } from "./terms.ts";

/** Whom a change concerns: the accounts must hear of it before the keys. */
export type Concerns = { accounts: AccountPolicy[]; standings: KeyStanding[] };

/** What an organisation has agreed to. Throws `not_found`. */
export async function agreementOf(db: D1Database, organisationId: string): Promise<Agreement> {
  const row = (await selectAccounts(db, { organisation: organisationId }).all()).results[0] as TermsRow | undefined;
  if (!row) throw noSuchOrganisation(organisationId);
  return termsOf(row);
}

/** One change of what an organisation's keys share. Throws `not_found` when it met nothing. */
async function change(
  db: D1Database, by: By, organisationId: string, statement: D1PreparedStatement, entry: { action: AuditAction; subject: string; detail?: Record<string, unknown> },
): Promise<Concerns & { changed: boolean }> {
  const organisation = { organisation: organisationId };
  const results = await db.batch([
    statement,
    auditIfChanged(db, by, { ...entry, organisationId }),
    bumpAccountsIfChanged(db, organisation),
    bumpIfChanged(db, organisation),
    selectAccounts(db, organisation),
    selectStandings(db, organisation),
  ]);
  const accounts = accountsOf(results[4]);
  if (accounts.length === 0) throw noSuchOrganisation(organisationId);
  return { accounts, standings: standingsOf(results[5]), changed: results[0]!.meta.changes > 0 };
}

/** Creates a budget, or changes its amount and thresholds. Throws `conflict` when it would become another budget. */
export async function putBudget(db: D1Database, by: By, organisationId: string, budget: Budget): Promise<Concerns> {
  const { id, scope, unit, window, rolling, amount, soft } = budget;
  const put = db.prepare(`
    INSERT INTO budgets (organisation_id, id, scope, unit, window, rolling, amount, soft, created_at)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
    ON CONFLICT (organisation_id, id) DO UPDATE SET amount = excluded.amount, soft = excluded.soft
    WHERE scope = excluded.scope AND unit = excluded.unit AND window = excluded.window AND rolling = excluded.rolling`,
  ).bind(organisationId, id, scope, unit, window, Number(rolling), amount, JSON.stringify(soft), by.nowMs);
  const { changed, ...concerns } = await change(db, by, organisationId, put, { action: "budget.put", subject: id, detail: budget });
  if (!changed) throw new GatewayError("conflict", `The budget '${id}' has another scope, unit or window. Delete it, or take another id.`);
  return concerns;
}

/** Removes a budget. */
export async function deleteBudget(db: D1Database, by: By, organisationId: string, id: string): Promise<Concerns> {
  const removal = db.prepare("DELETE FROM budgets WHERE organisation_id = ? AND id = ?").bind(organisationId, id);
  const { changed, ...concerns } = await change(db, by, organisationId, removal, { action: "budget.delete", subject: id });
  if (!changed) throw new GatewayError("not_found", `'${organisationId}' has no budget '${id}'.`);
  return concerns;
}

/** What is absent stays. `paidUntilMs` null: the subscription has no end. */
export async function updateAccount(db: D1Database, by: By, organisationId: string, patch: { prepaid?: boolean | undefined; paidUntilMs?: number | null | undefined }): Promise<Concerns> {
  const { prepaid, paidUntilMs } = patch;
  const update = db.prepare(`
    INSERT INTO accounts (organisation_id, prepaid, paid_until) SELECT ?1, coalesce(?2, 0), ?4 WHERE EXISTS (SELECT 1 FROM organisations WHERE id = ?1)
    ON CONFLICT (organisation_id) DO UPDATE SET prepaid = coalesce(?2, prepaid), paid_until = CASE WHEN ?3 THEN ?4 ELSE paid_until END`,
  ).bind(organisationId, prepaid === undefined ? null : Number(prepaid), paidUntilMs === undefined ? 0 : 1, paidUntilMs ?? null);
  return change(db, by, organisationId, update, { action: "account.update", subject: organisationId, detail: patch });
}
