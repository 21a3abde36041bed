/** What a budget's form means. */
import * as z from "zod";
import { budgetSchema, scopeSchema, windowNames, type Budget } from "../accounts/budgets.ts";
import { listLiveKeys } from "../accounts/key-record.ts";
import { count } from "./figures.ts";
import { countField, usdField } from "./key-form.ts";
import { type Filled, type Form } from "./form.ts";
import type { MemberVisit } from "./visit.ts";

/** So many keys are offered. */
const mostKeys = 200;

const calendar: Record<(typeof windowNames)[number], string> = { day: "A day", week: "A week, from Monday", month: "A month", total: "All time" };
/** In which time it counts, by what the form calls it. */
export const windows: readonly (readonly [value: string, label: string])[] = [
  ...windowNames.map((name) => [name, calendar[name]] as const), ["rolling-day", "The last 24 hours"], ["rolling-week", "The last 7 days"], ["rolling-month", "The last 30 days"],
];
export const units = [["nanoUsd", "US dollars"], ["tokens", "tokens"]] as const;

const idField = z.string("Fill this in.").trim().regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/, "1 to 64 letters, digits, - and _, beginning with a letter or digit.");
export const sharesField = z.string().default("").transform((text) => text.split(/[\s,;%]+/).filter(Boolean).map(Number))
  .pipe(z.array(z.number("Percents such as 50, 80, 100.").gt(0, "More than 0 %.").max(100, "At most 100 %.")).max(8, "At most eight."))
  .transform((percents) => percents.map((percent) => percent / 100));
const typed = z.object({ unit: z.enum(["nanoUsd", "tokens"]), amount: z.string("Fill this in.").trim().min(1, "Fill this in."), shares: sharesField });

/** A form that makes a budget, and one that changes its amount and shares. */
export const newBudgetSchema = typed.extend({ id: idField, scope: scopeSchema, window: z.enum(windows.map(([value]) => value), "Choose one.") });
export const budgetChangeSchema = typed.extend({ id: idField });

/** The amount that was typed, in nano-USD or tokens. */
export function amountOf<T extends { unit: Budget["unit"]; amount: string }>(form: Form<T>): Form<T & { nano: number }> {
  if (!form.ok) return form;
  const read = (form.data.unit === "tokens" ? countField : usdField).safeParse(form.data.amount);
  if (read.success && read.data !== undefined) return { ...form, data: { ...form.data, nano: read.data } };
  return { ok: false, values: form.values, errors: { amount: read.error?.issues[0]?.message ?? "Fill this in." } };
}

/** The budget that a new form asks for. Throws where it is none. */
export function budgetOf({ id, scope, unit, window, nano, shares }: z.output<typeof newBudgetSchema> & { nano: number }): Budget {
  const rolling = window.startsWith("rolling-");
  return { id, ...budgetSchema.parse({ scope, unit, window: rolling ? window.slice("rolling-".length) : window, rolling, amount: nano, soft: shares }) };
}

/** An amount as a form has it. */
export const written = ({ unit, amount }: Pick<Budget, "unit" | "amount">): string => (unit === "tokens" ? count(amount) : (amount / 1e9).toFixed(9).replace(/\.?0+$/, ""));
export const percents = (soft: readonly number[]): string => soft.map((share) => Math.round(share * 10_000) / 100).join(", ");

/** Whose budget it can be: all keys, one, or those of a project, a person or a tag. */
export async function scopesOf({ env, membership: { organisationId } }: MemberVisit): Promise<(readonly [string, string])[]> {
  const keys = await listLiveKeys(env.DB, { organisationId, disabled: true }, { offset: 0, limit: mostKeys });
  const groups = keys.flatMap(({ policy: { project, member, tags = [] } }) => [
    ...(project ? [[`project:${project}`, `Project ${project}`] as const] : []), ...(member ? [[`member:${member.toLowerCase()}`, `Keys of ${member}`] as const] : []),
    ...tags.map((tag) => [`tag:${tag}`, `Tag ${tag}`] as const),
  ]);
  return [["organisation", "All keys together"], ...new Map(groups), ...keys.map(({ id, name }) => [`key:${id}`, `Key ${name}`] as const)];
}

/** A new form as it stands at first. */
export const fresh: Filled = { window: "month", unit: "nanoUsd", shares: "50, 80, 100" };
