/** What keys of one organisation may spend together: prepaid credits, the quotas of its plan, budgets. As pools. */
import * as z from "zod";

export const windowNames = ["day", "week", "month", "total"] as const;
/** A calendar day, week (from Monday) or month, all UTC, or all time; rolling: the last 24 hours, 7 days or 30 days. */
export type Window = { of: (typeof windowNames)[number]; rolling: boolean };

/**
 * A sum that keys of one organisation share. Its account (a Durable Object) hands it out in allotments; a request needs room in each
 * pool that its key belongs to.
 */
export type Pool = { id: string; /** For people: `budget of project:web`. */ name: string; unit: "nanoUsd" | "tokens"; window: Window };

/** A pool as its account knows it. `amount` null: as much as the organisation's credits come to. `soft`: shares of it, rising. */
export type AccountPool = Pool & { amount: number | null; soft: readonly number[] };

/** What an organisation's account hands out, as of one `version`. */
export type AccountPolicy = { organisationId: string; version: number; pools: readonly AccountPool[] };

/** Prepaid credits: what organisations that pay in advance have left. */
export const creditPool: AccountPool = { id: "credits", name: "credits", unit: "nanoUsd", window: { of: "total", rolling: false }, amount: null, soft: [0.8, 0.95] };

const month: Window = { of: "month", rolling: false };
/** When budgets, quotas and keys' own limits say that they are running out, unless somebody says otherwise. */
export const usualShares: readonly number[] = [0.8, 0.95];

/** What all keys of an organisation may use together in a calendar month, as its plan has it. */
export const jointSchema = z.strictObject({ monthlyTokens: z.number().int().positive().optional(), monthlyNanoUsd: z.number().int().positive().optional() });
export type Joint = z.infer<typeof jointSchema>;

/** Whose budget it is: `organisation`, `project:web`, `member:a@b.example`, `tag:nightly`, `key:key_…`. */
export const scopeSchema = z.string().max(210).regex(/^(?:organisation|(?:project|member|tag|key):[\w.@+-]+)$/, "organisation, project:<name>, member:<e-mail>, tag:<name> or key:<id>");

export const sharesSchema = z.array(z.number().gt(0).lte(1)).max(8).transform((soft) => [...new Set(soft)].sort((a, b) => a - b));

export const budgetSchema = z.strictObject({
  scope: scopeSchema.default("organisation"),
  unit: z.enum(["nanoUsd", "tokens"]).default("nanoUsd"),
  window: z.enum(windowNames).default("month"),
  rolling: z.boolean().default(false),
  amount: z.number().int().positive(),
  /** Shares of the amount at which an event is written, answers carry a header, and people are told once it is spent. */
  soft: sharesSchema.default([...usualShares]),
});
export type Budget = z.output<typeof budgetSchema> & { id: string };

/** A budget's id, and whatever of it is not as usual: one that is made anew with another scope, unit or window begins anew. */
const poolIdOf = ({ id, scope, unit, window, rolling }: Budget): string =>
  [`budget:${id}`, scope !== "organisation" && scope, unit !== "nanoUsd" && unit, window !== "month" && window, rolling && "rolling"].filter(Boolean).join(":");

const poolOf = (budget: Budget): AccountPool => {
  const { scope, unit, window, rolling, amount, soft } = budget;
  const name = `${rolling ? "rolling " : ""}${window === "total" ? "" : `${window}'s `}budget of ${scope}`;
  return { id: poolIdOf(budget), name, unit, window: { of: window, rolling }, amount, soft };
};

const quota = (id: string, unit: Pool["unit"], amount: number | undefined): AccountPool[] =>
  amount === undefined ? [] : [{ id, name: `plan's monthly ${unit === "tokens" ? "tokens" : "spending"}`, unit, window: month, amount, soft: usualShares }];

/** What an organisation's keys share. */
export type Terms = { prepaid: boolean; joint: Joint; budgets: readonly Budget[] };

/** The pools of an organisation, each with the scope of the keys that are in it. */
function scoped({ prepaid, joint, budgets }: Terms): { scope: string; pool: AccountPool }[] {
  const everybody = [
    ...(prepaid ? [creditPool] : []),
    ...quota("plan-money", "nanoUsd", joint.monthlyNanoUsd),
    ...quota("plan-tokens", "tokens", joint.monthlyTokens),
  ];
  return [...everybody.map((pool) => ({ scope: "organisation", pool })), ...budgets.map((budget) => ({ scope: budget.scope, pool: poolOf(budget) }))];
}

/** What an organisation's account hands out. */
export const accountPools = (terms: Terms): AccountPool[] => scoped(terms).map(({ pool }) => pool);

/** Addresses are the same however they are written, as in usage views. */
const written = (scope: string | undefined): string | undefined => (scope?.startsWith("member:") ? scope.toLowerCase() : scope);

/** What one key draws on. */
export function keyPools(terms: Terms, id: string, { project, member, tags = [] }: { project?: string | undefined; member?: string | undefined; tags?: readonly string[] | undefined }): Pool[] {
  const own = [`key:${id}`, project && `project:${project}`, member && `member:${member}`, ...tags.map((tag) => `tag:${tag}`)];
  const scopes = new Set(["organisation", ...own.map(written)]);
  return scoped(terms).filter(({ scope }) => scopes.has(written(scope))).map(({ pool: { id, name, unit, window } }) => ({ id, name, unit, window }));
}
