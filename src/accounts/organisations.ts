/** Organisations and plans in D1. A change that concerns keys gives each of them a new version in the same transaction. */
import { GatewayError } from "../errors.ts";
import { auditIfChanged, type By } from "./audit.ts";
import type { AccountPolicy } from "./budgets.ts";
import type { KeyStanding, Limits } from "./policy.ts";
import { bumpIfChanged, selectStandings, standingsOf } from "./standing.ts";
import { accountsOf, bumpAccountsIfChanged, planRulesOf, selectAccounts, type PlanRules } from "./terms.ts";

/** `headerCredentials`: its keys may bring providers' secrets in a request's header; `suspended`: since when it is, and why, as its people are told. */
export type Organisation = { id: string; name: string; plan: string; sovereign: boolean; headerCredentials: boolean; createdAtMs: number; suspended?: { sinceMs: number; reason: string } };
export type Plan = { id: string; limits: Limits } & Partial<Omit<PlanRules, "limits">>;

type Row = { id: string; name: string; plan_id: string; sovereign: number; header_credentials: number; created_at: number; suspended_at: number | null; suspended_for: string | null };

const organisationOf = (row: Row): Organisation => ({
  id: row.id, name: row.name, plan: row.plan_id, sovereign: row.sovereign === 1, headerCredentials: row.header_credentials === 1, createdAtMs: row.created_at,
  ...(row.suspended_at !== null && { suspended: { sinceMs: row.suspended_at, reason: row.suspended_for ?? "" } }),
});

const flagOf = (flag: boolean | undefined): number | null => (flag === undefined ? null : Number(flag));

const noSuchPlan = (id: string): GatewayError => new GatewayError("invalid_request", `There is no plan '${id}'.`, { param: "plan" });

/** The 404 for an organisation. */
export const noSuchOrganisation = (id: string): GatewayError => new GatewayError("not_found", `There is no organisation '${id}'.`);

/** Who founds an organisation, and how many they may found in all. */
export type Founder = { readonly email: string; readonly most: number };

/** How many organisations somebody has founded. */
export const foundedBy = async (db: D1Database, email: string): Promise<number> =>
  (await db.prepare("SELECT count(*) AS count FROM organisations WHERE founded_by = ?").bind(email).first<number>("count")) ?? 0;

/** Creates an organisation, with `founder` as its first member and owner, whose account must hear what its plan grants. Throws `conflict` when the id is taken, `not_permitted` when the founder may found no more. */
export async function createOrganisation(db: D1Database, by: By, wanted: Omit<Organisation, "createdAtMs" | "suspended">, founder?: Founder): Promise<{ organisation: Organisation; accounts: AccountPolicy[] }> {
  const { id, name, plan, sovereign, headerCredentials } = wanted;
  const [insert, , plans, accounts] = await db.batch([
    db.prepare(`
      INSERT INTO organisations (id, name, plan_id, sovereign, header_credentials, created_at, founded_by)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE EXISTS (SELECT 1 FROM plans WHERE id = ?3)
        AND (?7 IS NULL OR (SELECT count(*) FROM organisations WHERE founded_by = ?7) < ?8) ON CONFLICT DO NOTHING`,
    ).bind(id, name, plan, Number(sovereign), Number(headerCredentials), by.nowMs, founder?.email ?? null, founder?.most ?? null),
    auditIfChanged(db, by, { action: "organisation.create", subject: id, organisationId: id, detail: { name, plan, sovereign, headerCredentials } }),
    db.prepare("SELECT 1 FROM plans WHERE id = ?").bind(plan),
    selectAccounts(db, { organisation: id }),
    // The last change was the audit event: there is one when the organisation is new.
    db.prepare("INSERT INTO members (organisation_id, email, role, created_at) SELECT ?1, ?2, 'owner', ?3 WHERE ?2 IS NOT NULL AND changes() > 0").bind(id, founder?.email ?? null, by.nowMs),
  ]);
  if (plans!.results.length === 0) throw noSuchPlan(plan);
  if (insert!.meta.changes === 0) {
    if (await getOrganisation(db, id)) throw new GatewayError("conflict", `There is an organisation '${id}' already.`, { param: "id" });
    throw new GatewayError("not_permitted", "You have founded as many organisations as one person may.");
  }
  return { organisation: { ...wanted, createdAtMs: by.nowMs }, accounts: accountsOf(accounts) };
}

/** One organisation. */
export async function getOrganisation(db: D1Database, id: string): Promise<Organisation | undefined> {
  const row = await db.prepare("SELECT * FROM organisations WHERE id = ?").bind(id).first<Row>();
  return row ? organisationOf(row) : undefined;
}

/** Organisations by id, behind `after`. `search`: a part of the name, or an id of the organisation or of one of its keys, or the address of a member; `suspended`: those alone. */
export async function listOrganisations(db: D1Database, { limit, after = "", search, suspended = false }: { limit: number; after?: string; search?: string | undefined; suspended?: boolean }): Promise<Organisation[]> {
  const found = `
    AND (instr(lower(name), lower(?3)) > 0 OR id = ?3 OR id IN (SELECT organisation_id FROM api_keys WHERE id = ?3) OR id IN (SELECT organisation_id FROM members WHERE email = lower(?3)))`;
  const { results } = await db.prepare(`SELECT * FROM organisations WHERE id > ?1 ${suspended ? "AND suspended_at IS NOT NULL" : ""} ${search === undefined ? "" : found} ORDER BY id LIMIT ?2`)
    .bind(after, limit, ...(search === undefined ? [] : [search])).all<Row>();
  return results.map(organisationOf);
}

/** Changes an organisation; what is absent stays. */
export async function updateOrganisation(
  db: D1Database, by: By, id: string, patch: Partial<Pick<Organisation, "name" | "plan" | "sovereign" | "headerCredentials">>,
): Promise<{ organisation: Organisation; accounts: AccountPolicy[]; standings: KeyStanding[] }> {
  const { name, plan, sovereign, headerCredentials } = patch;
  const concernsKeys = plan !== undefined || sovereign !== undefined || headerCredentials !== undefined;
  const concerned = { organisation: id };
  const [update, , , , accounts, standings] = await db.batch([
    db.prepare(`
      UPDATE organisations SET name = coalesce(?2, name), plan_id = coalesce(?3, plan_id), sovereign = coalesce(?4, sovereign),
        header_credentials = coalesce(?5, header_credentials)
      WHERE id = ?1 AND (?3 IS NULL OR EXISTS (SELECT 1 FROM plans WHERE id = ?3)) RETURNING *`,
    ).bind(id, name ?? null, plan ?? null, flagOf(sovereign), flagOf(headerCredentials)),
    auditIfChanged(db, by, { action: "organisation.update", subject: id, organisationId: id, detail: patch }),
    ...(concernsKeys ? [bumpAccountsIfChanged(db, concerned), bumpIfChanged(db, concerned), selectAccounts(db, concerned), selectStandings(db, concerned)] : []),
  ]);
  const row = update!.results[0] as Row | undefined;
  if (row) return { organisation: organisationOf(row), accounts: accountsOf(accounts), standings: standingsOf(standings) };
  throw (await getOrganisation(db, id)) ? noSuchPlan(plan!) : noSuchOrganisation(id);
}

/** Every plan. */
export async function listPlans(db: D1Database): Promise<Plan[]> {
  const { results } = await db.prepare("SELECT id, limits FROM plans ORDER BY id").all<{ id: string; limits: string }>();
  return results.map(({ id, limits }) => ({ id, ...planRulesOf(limits) }));
}

/** How many organisations are on each plan. */
export async function planSizes(db: D1Database): Promise<ReadonlyMap<string, number>> {
  const { results } = await db.prepare("SELECT plan_id, count(*) AS size FROM organisations GROUP BY plan_id").all<{ plan_id: string; size: number }>();
  return new Map(results.map(({ plan_id, size }) => [plan_id, size]));
}

/** Creates or replaces a plan. */
export async function putPlan(db: D1Database, by: By, { id, ...rules }: Plan): Promise<{ plan: Plan; accounts: AccountPolicy[]; standings: KeyStanding[] }> {
  const { limits, ...rest } = rules;
  const results = await db.batch([
    db.prepare("INSERT INTO plans (id, limits) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET limits = excluded.limits").bind(id, JSON.stringify({ ...limits, ...rest })),
    auditIfChanged(db, by, { action: "plan.put", subject: id, detail: rules }),
    bumpAccountsIfChanged(db, { plan: id }),
    bumpIfChanged(db, { plan: id }),
    selectAccounts(db, { plan: id }),
    selectStandings(db, { plan: id }),
  ]);
  return { plan: { id, ...rules }, accounts: accountsOf(results.at(-2)), standings: standingsOf(results.at(-1)) };
}

/** The organisations that were founded last, the newest first. */
export async function newestOrganisations(db: D1Database, limit: number): Promise<Organisation[]> {
  const { results } = await db.prepare("SELECT * FROM organisations ORDER BY created_at DESC, id LIMIT ?").bind(limit).all<Row>();
  return results.map(organisationOf);
}

/** How many organisations there are, and how many of them are suspended. */
export async function organisationCounts(db: D1Database): Promise<{ all: number; suspended: number }> {
  return (await db.prepare("SELECT count(*) AS \"all\", count(suspended_at) AS suspended FROM organisations").first<{ all: number; suspended: number }>())!;
}
