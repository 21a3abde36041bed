/** What a plan's form means: its fields as a plan, a plan as its fields. */
import * as z from "zod";
import type { Plan } from "../accounts/organisations.ts";
import { planRulesSchema } from "../accounts/terms.ts";
import type { Filled } from "./form.ts";
import { countField, filledLimits, limitFields, limitsOf, listOf, ticked, usdField, usdText } from "./key-form.ts";

export const planSchema = z.object({
  id: z.string("Fill this in.").trim().regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/, "1 to 64 letters, digits, - and _, beginning with a letter or digit."),
  ...limitFields,
  jointTokens: countField, jointNanoUsd: usdField,
  models: listOf(planRulesSchema.shape.models),
  sovereign: ticked,
});

/** The plan of these fields. */
export function planOf(fields: z.output<typeof planSchema>): Plan {
  const { id, jointTokens: monthlyTokens, jointNanoUsd: monthlyNanoUsd, models, sovereign } = fields;
  return { id, limits: limitsOf(fields), joint: { ...(monthlyTokens !== undefined && { monthlyTokens }), ...(monthlyNanoUsd !== undefined && { monthlyNanoUsd }) }, sovereign, ...(models && { models }) };
}

/** A plan as its form is filled with it. */
export const filledPlan = ({ id, limits, joint = {}, models = [], sovereign = true }: Plan): Filled => ({
  id, ...filledLimits(limits), jointTokens: String(joint.monthlyTokens ?? ""), jointNanoUsd: usdText(joint.monthlyNanoUsd), models: models.join("\n"), ...(sovereign && { sovereign: "on" }),
});
