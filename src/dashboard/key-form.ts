/** What a key's form means: its fields as a policy, a policy as its fields, and that nobody gives a key more than their plan gives. */
import * as z from "zod";
import { effectiveLimits, keyPolicySchema, type KeyPolicy, type KeyPolicyPatch, type Limits } from "../accounts/policy.ts";
import type { KeyRecord } from "../accounts/key-record.ts";
import { onceField } from "./once.ts";
import { exactly, count } from "./figures.ts";
import { nameField, type Filled, type Form } from "./form.ts";

const dayMs = 86_400_000;
const mostCount = 1e12;
const blank = (text: string): undefined | string => (text.trim() === "" ? undefined : text.trim());
/** What may stay empty. */
export const optional = z.string().default("").transform(blank);

/** A whole number above nothing, or nothing. `20,000` is one too. */
export const countField = optional.pipe(z.string().regex(/^\d[\d,_ ]*$/, "A whole number, please.").transform((text) => Number(text.replace(/[,_ ]/g, "")))
  .pipe(z.number().int().min(1, "At least 1; leave it empty for no limit of its own.").max(mostCount, "That is too large.")).optional());

/** Decimal US dollars as nano-USD, exact; or nothing. */
export const usdField = optional.pipe(z.string().regex(/^\$?\d{1,7}(\.\d{1,9})?$/, "An amount in US dollars, such as 50 or 12.50.").transform((text) => {
  const [whole, part = ""] = text.replace("$", "").split(".");
  return Number(whole) * 1e9 + Number(part.padEnd(9, "0"));
}).pipe(z.number().int().min(1, "More than nothing; leave it empty for no limit of its own.").max(1e15, "At most a million dollars.")).optional());

export const listOf = <S extends z.ZodType<string[] | undefined, string[] | undefined>>(schema: S) => z.string().max(50_000, "That is too long.").default("")
  .transform((text) => [...new Set(text.split(/[\s,]+/).filter(Boolean))]).transform((list) => (list.length > 0 ? list : undefined)).pipe(schema);

const dateField = optional.pipe(z.iso.date("A day, such as 2027-01-31.").transform((day) => Date.parse(day) + dayMs).optional());
export const ticked = z.string().optional().transform((value) => value === "on");
const { shape } = keyPolicySchema;

/** The limits of one key. */
export const limitFields = { requestsPerMinute: countField, tokensPerMinute: countField, concurrentRequests: countField, monthlyTokens: countField, monthlyNanoUsd: usdField, budgetNanoUsd: usdField };

export const keyFormSchema = z.object({
  once: onceField,
  name: nameField(),
  ...limitFields,
  models: listOf(shape.models),
  expires: dateField,
  sovereign: ticked,
  managesKeys: ticked,
  usageScope: shape.usageScope.removeDefault().catch("key"),
  onDisconnect: z.string().default("").transform(blank).pipe(shape.onDisconnect),
  project: optional.pipe(shape.project),
  member: z.string().default("").transform((text) => blank(text)?.toLowerCase()).pipe(shape.member),
  tags: listOf(shape.tags),
});
export type KeyFields = z.output<typeof keyFormSchema>;

export const limitNames = ["requestsPerMinute", "tokensPerMinute", "concurrentRequests", "monthlyTokens", "monthlyNanoUsd", "budgetNanoUsd"] as const satisfies readonly (keyof Limits)[];
type LimitName = (typeof limitNames)[number];

/** How a limit is said. */
const wording: Record<LimitName, (value: number) => string> = {
  requestsPerMinute: (value) => `${count(value)} requests a minute`,
  tokensPerMinute: (value) => `${count(value)} tokens a minute`,
  concurrentRequests: (value) => `${count(value)} at once`,
  monthlyTokens: (value) => `${count(value)} tokens a month`,
  monthlyNanoUsd: (value) => `${exactly(value)} a month`,
  budgetNanoUsd: (value) => `${exactly(value)} in all`,
};

/** Limits in words, each by itself. */
export const limitsInWords = (limits: Limits): string[] => limitNames.flatMap((name) => (limits[name] === undefined ? [] : [wording[name](limits[name])]));

/** What is wrong with these limits beside the plan's. What a key has already, because an administrator gave it, it may keep. */
export function beyondPlan(fields: KeyFields, plan: Limits, has: Limits = {}): Filled {
  const most = effectiveLimits({}, plan);
  return Object.fromEntries(limitNames.flatMap((name) => {
    const allowed = most[name] === undefined ? undefined : Math.max(most[name], has[name] ?? 0);
    return fields[name] !== undefined && allowed !== undefined && fields[name] > allowed ? [[name, `Your plan gives a key ${wording[name](most[name]!)}.`]] : [];
  }));
}

/** Names in an allow-list that nothing here is called by. */
export const unknownModels = ({ models = [] }: KeyFields, known: ReadonlySet<string>, has: readonly string[] = []): string[] =>
  models.filter((name) => !name.endsWith("*") && !known.has(name) && !has.includes(name));

/** A form that was read, with what more is wrong with it. */
export const withErrors = <T>(form: Form<T>, errors: Filled): Form<T> => (Object.keys(errors).length === 0 ? form : { ok: false, values: form.values, errors: { ...errors, ...(!form.ok && form.errors) } });

export const limitsOf = (fields: Pick<KeyFields, LimitName>): Limits => Object.fromEntries(limitNames.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])));

/** The policy of a new key. */
export const policyOf = (fields: KeyFields): KeyPolicy => {
  const { models, sovereign, usageScope, project, member, tags, onDisconnect, managesKeys } = fields;
  const given = Object.fromEntries(Object.entries({ models, project, member, tags, onDisconnect, ...(managesKeys && { managesKeys }) }).filter(([, value]) => value !== undefined));
  return { limits: limitsOf(fields), sovereign, usageScope, ...given };
};

/** The change that makes a key's policy what the form says; of what the form does not show nothing. */
export const patchOf = (fields: KeyFields): KeyPolicyPatch => ({
  limits: Object.fromEntries(limitNames.map((name) => [name, fields[name] ?? null])),
  models: fields.models ?? null, sovereign: fields.sovereign, usageScope: fields.usageScope, project: fields.project ?? null, member: fields.member ?? null,
  tags: fields.tags ?? null, onDisconnect: fields.onDisconnect ?? null, managesKeys: fields.managesKeys || null,
});

/** The last day on which something works that ends at a moment. */
export const lastDayOf = (endsAtMs: number | null): string => (endsAtMs === null ? "" : new Date(endsAtMs - 1).toISOString().slice(0, 10));

/** When the key ends by the form: to the moment as it was where the day is the same. */
export const endOf = ({ expires }: KeyFields, key?: KeyRecord): number | null =>
  expires === undefined ? null : key && key.expiresAtMs !== null && lastDayOf(key.expiresAtMs) === lastDayOf(expires) ? key.expiresAtMs : expires;

export const usdText = (nanoUsd: number | undefined): string => (nanoUsd === undefined ? "" : exactly(nanoUsd).slice(1));
const text = (value: number | undefined): string => (value === undefined ? "" : String(value));

/** Limits as fields are filled with them. */
export const filledLimits = ({ requestsPerMinute, tokensPerMinute, concurrentRequests, monthlyTokens, monthlyNanoUsd, budgetNanoUsd }: Limits): Filled => ({
  requestsPerMinute: text(requestsPerMinute), tokensPerMinute: text(tokensPerMinute), concurrentRequests: text(concurrentRequests),
  monthlyTokens: text(monthlyTokens), monthlyNanoUsd: usdText(monthlyNanoUsd), budgetNanoUsd: usdText(budgetNanoUsd),
});

/** A key as its form is filled with it. */
export function filledFrom({ name, policy, expiresAtMs }: KeyRecord): Filled {
  const { limits, models = [], sovereign, managesKeys, usageScope, onDisconnect = "", project = "", member = "", tags = [] } = policy;
  return {
    name, models: models.join("\n"), expires: lastDayOf(expiresAtMs), usageScope, onDisconnect, project, member, tags: tags.join(", "),
    ...(sovereign && { sovereign: "on" }), ...(managesKeys && { managesKeys: "on" }),
    ...filledLimits(limits),
  };
}
