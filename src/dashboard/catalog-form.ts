/** What the operator's forms of the catalog mean: their fields as facts of a model, a deployment, an alias, and the other way round. */
import * as z from "zod";
import type { ListedAlias } from "../accounts/aliases.ts";
import { modelKinds, picks } from "../catalog/index.ts";
import type { DeploymentEdit, ModelFacts } from "../catalog/edit-doubts.ts";
import { inputModalities, modelAbilities, modelFactsSchema, modelIdSchema, outputModalities, providerIdSchema, upstreamIdSchema } from "../catalog/edit-schemas.ts";
import type { Filled } from "./form.ts";
import { optional, ticked } from "./key-form.ts";

const tokens = optional.pipe(z.string().regex(/^\d[\d,_ ]*$/, "A whole number, please.").transform((text) => Number(text.replace(/[,_ ]/g, ""))).optional()).transform((count) => count ?? null);
const { shape } = modelFactsSchema;
const needed = (text: string) => z.string(text).trim().min(1, text);

/** A list is ticked word by word: `in-text`, `can-tools`. */
const lists = { in: inputModalities, out: outputModalities, can: modelAbilities } as const;
type List = keyof typeof lists;
/** Each field of a list: its name, and the word that it is for. */
export const ticksOf = (list: List): { name: string; word: string }[] => lists[list].map((word) => ({ name: `${list}-${word}`, word }));
const ticks = Object.fromEntries((Object.keys(lists) as List[]).flatMap((list) => ticksOf(list).map(({ name }) => [name, ticked]))) as Record<string, typeof ticked>;
const chosen = (fields: Readonly<Record<string, unknown>>, list: List): string[] => ticksOf(list).filter(({ name }) => fields[name] === true).map(({ word }) => word);

/** A model's form. `id` stands in it also where it cannot be changed. */
export const modelFormSchema = z.object({
  ...ticks,
  id: needed("Fill this in.").pipe(modelIdSchema), owner: needed("Fill this in.").pipe(shape.owner), kind: z.enum(modelKinds, "Choose one."),
  contextTokens: tokens.pipe(shape.contextTokens), maxOutputTokens: tokens.pipe(shape.maxOutputTokens),
  released: optional.pipe(z.iso.date("A day, such as 2027-01-31.").transform((day) => Date.parse(day)).optional()),
  confirm: ticked,
}).superRefine((fields, context) => {
  for (const list of ["in", "out"] as const) if (chosen(fields, list).length === 0) context.addIssue({ code: "custom", path: [list], message: "Tick at least one." });
});

export const whichModelSchema = z.object({ id: z.string().min(1).max(200) });

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
/** The order of words is kept as it was: only which they are is edited. */
const inOrder = (words: readonly string[], before: readonly string[] = []): string[] => [...before.filter((word) => words.includes(word)), ...words.filter((word) => !before.includes(word))];

/** The model of these fields. `before`: what it is now, of which a release at an hour keeps it. */
export function factsOf(fields: z.output<typeof modelFormSchema>, before?: ModelFacts): ModelFacts {
  const { id, owner, kind, contextTokens, maxOutputTokens, released } = fields;
  const isSameDay = before?.releasedAt != null && released === Date.parse(dayOf(before.releasedAt));
  return {
    id, owner, kind, contextTokens, maxOutputTokens, releasedAt: isSameDay ? before.releasedAt : (released ?? null),
    inputModalities: inOrder(chosen(fields, "in"), before?.inputModalities), outputModalities: inOrder(chosen(fields, "out"), before?.outputModalities), capabilities: inOrder(chosen(fields, "can"), before?.capabilities),
  };
}

/** A model as its form is filled with it. */
export function filledModel({ id, owner, kind, contextTokens, maxOutputTokens, releasedAt, inputModalities: takes, outputModalities: gives, capabilities }: ModelFacts): Filled {
  const on = (list: List, words: readonly string[]): Filled => Object.fromEntries(words.map((word) => [`${list}-${word}`, "on"]));
  return {
    id, owner, kind, contextTokens: String(contextTokens ?? ""), maxOutputTokens: String(maxOutputTokens ?? ""), released: releasedAt === null ? "" : dayOf(releasedAt),
    ...on("in", takes), ...on("out", gives), ...on("can", capabilities),
  };
}

export const deploymentFormSchema = z.object({
  provider: needed("Choose a provider.").pipe(providerIdSchema), upstreamId: needed("Fill this in.").pipe(upstreamIdSchema), model: needed("Fill this in.").pipe(modelIdSchema), serves: ticked, confirm: ticked,
});
export const whichDeploymentSchema = z.object({ provider: providerIdSchema, upstreamId: upstreamIdSchema, confirm: ticked });
export const filledDeployment = ({ provider, upstreamId, model, serves }: DeploymentEdit): Filled => ({ provider, upstreamId, model, ...(serves && { serves: "on" }) });

/** One target a line, with its weight behind it where it is not 1: `gpt-5-nano 3`. */
const target = z.string().regex(/^(?:\*|[^*\s]{1,200}|[^*\s]{1,198}\/\*)(?:\s+\d{1,7})?$/, "Each line is a name, provider/* or *, and a weight behind it where it has one.").transform((line) => {
  const [name, weight = "1"] = line.split(/\s+/);
  return { name: name!, weight: Number(weight) };
}).pipe(z.object({ name: z.string(), weight: z.int().max(1_000_000, "A weight is at most 1,000,000.") }));

export const aliasFormSchema = z.object({
  name: needed("Fill this in.").pipe(z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9._:-]{0,99}$/, "1 to 100 letters, digits and . _ : -, beginning with a letter or digit.")),
  targets: z.string("Fill this in.").max(30_000, "That is too long.").transform((text) => text.split("\n").map((line) => line.trim()).filter(Boolean)).pipe(z.array(z.string()).min(1, "At least one.").max(100, "At most 100.")),
  pick: z.enum(picks, "Choose one."), hedges: ticked, continues: ticked, confirm: ticked,
}).transform((fields, context) => {
  const read = z.array(target).safeParse(fields.targets);
  if (!read.success) context.addIssue({ code: "custom", path: ["targets"], message: read.error.issues[0]!.message });
  const targets = read.data ?? [];
  if (read.success && fields.pick === "weighted" && targets.every(({ weight }) => weight === 0)) context.addIssue({ code: "custom", path: ["targets"], message: "At least one needs a weight above 0." });
  return { ...fields, targets };
});
export const whichAliasSchema = z.object({ name: z.string().min(1).max(100), confirm: ticked });
export const filledAlias = ({ name, targets, pick, hedges, continues }: Omit<ListedAlias, "own" | "organisationId">): Filled => ({
  name, pick, targets: targets.map((one) => (one.weight === 1 ? one.name : `${one.name} ${one.weight}`)).join("\n"), ...(hedges && { hedges: "on" }), ...(continues && { continues: "on" }),
});
