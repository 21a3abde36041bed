/** What an organisation has agreed to, read from D1 beside a key or on its own: plan, prepayment, end of subscription, budgets. */
import * as z from "zod";
import { accountPools, budgetSchema, jointSchema, sharesSchema, usualShares, type AccountPolicy, type Terms } from "./budgets.ts";
import { limitsSchema, modelListSchema, type Limits } from "./policy.ts";

/** A plan's rules as D1 has them: the limits of each key, and what else it grants. */
export const planRulesSchema = limitsSchema.extend({
  /** What all keys of an organisation may use together. */
  joint: jointSchema.default({}),
  /** Models that may be called, as in a key's policy. Absent = all. */
  models: modelListSchema.optional(),
  /** false: requests that must stay on self-hosted models are refused. */
  sovereign: z.boolean().default(true),
});

export type PlanRules = { limits: Limits; joint: Terms["joint"]; models: readonly string[] | undefined; sovereign: boolean };

/** A plan's rules from its JSON. */
export function planRulesOf(json: string): PlanRules {
  const { joint, models, sovereign, ...limits } = planRulesSchema.parse(JSON.parse(json));
  return { limits, joint, models, sovereign };
}

/** Columns that `termsOf` reads, of `organisations AS o` joined as `termsJoins` says. */
export const termsColumns = `
  coalesce(p.limits, '{}') AS plan, coalesce(a.prepaid, 0) AS prepaid, a.paid_until,
  (SELECT json_group_array(json_object('id', b.id, 'scope', b.scope, 'unit', b.unit, 'window', b.window, 'rolling', b.rolling, 'amount', b.amount, 'soft', json(b.soft)))
     FROM budgets b WHERE b.organisation_id = o.id) AS budgets,
  (SELECT t.key_shares FROM alert_targets t WHERE t.organisation_id = o.id) AS key_shares`;
export const termsJoins = "LEFT JOIN plans p ON p.id = o.plan_id LEFT JOIN accounts a ON a.organisation_id = o.id";

export type TermsRow = { plan: string; prepaid: number; paid_until: number | null; budgets: string; key_shares: string | null };

const budgetRows = z.array(budgetSchema.extend({ id: z.string(), rolling: z.number().transform(Boolean) }));

export type Agreement = Terms & { plan: PlanRules; paidUntilMs: number | undefined; /** At which shares of keys' own limits people are told; undefined: as usual. */ keyShares: readonly number[] | undefined };

export function termsOf({ plan, prepaid, paid_until, budgets, key_shares }: TermsRow): Agreement {
  const rules = planRulesOf(plan);
  return { plan: rules, prepaid: prepaid === 1, joint: rules.joint, budgets: budgetRows.parse(JSON.parse(budgets)), paidUntilMs: paid_until ?? undefined, keyShares: key_shares === null || key_shares === JSON.stringify(usualShares) ? undefined : sharesSchema.parse(JSON.parse(key_shares)) };
}

/** The organisations that a change concerns. */
export type ConcernedAccounts = { organisation: string } | { plan: string };

const condition = (concerned: ConcernedAccounts): { where: string; value: string } =>
  "plan" in concerned ? { where: "o.plan_id = ?1", value: concerned.plan } : { where: "o.id = ?1", value: concerned.organisation };

/** Gives the accounts a new version. Belongs right behind the audit statement, and does nothing when that recorded nothing. */
export function bumpAccountsIfChanged(db: D1Database, concerned: ConcernedAccounts): D1PreparedStatement {
  const { where, value } = condition(concerned);
  return db.prepare(`
    INSERT INTO accounts (organisation_id, version) SELECT o.id, 1 FROM organisations o WHERE ${where} AND changes() > 0
    ON CONFLICT (organisation_id) DO UPDATE SET version = version + 1`,
  ).bind(value);
}

/** Selects what accounts hand out; read the result with `accountsOf`. */
export function selectAccounts(db: D1Database, concerned: ConcernedAccounts): D1PreparedStatement {
  const { where, value } = condition(concerned);
  return db.prepare(`SELECT o.id, coalesce(a.version, 0) AS version, ${termsColumns} FROM organisations o ${termsJoins} WHERE ${where}`).bind(value);
}

/** The accounts in the result of `selectAccounts`. */
export const accountsOf = (result: D1Result | undefined): AccountPolicy[] =>
  ((result?.results ?? []) as (TermsRow & { id: string; version: number })[]).map((row) => ({ organisationId: row.id, version: row.version, pools: accountPools(termsOf(row)) }));
