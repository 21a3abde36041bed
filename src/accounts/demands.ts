/** What an organisation can demand of every request of its keys: the words, without the store. */
import * as z from "zod";
import { modelListSchema } from "./policy.ts";

const price = z.number().positive().max(1_000_000).optional();

export const houseRulesSchema = z.strictObject({
  /** Only who does not train on requests, and only who keeps nothing of them. */
  noTraining: z.boolean().optional(),
  zeroRetention: z.boolean().optional(),
  /** USD for a million tokens. */
  maxPrice: z.strictObject({ prompt: price, completion: price }).optional(),
});
export type HouseRules = z.infer<typeof houseRulesSchema>;

/** An organisation's rules as its row has them. */
export const rulesOf = (json: string): HouseRules => houseRulesSchema.parse(JSON.parse(json));

/** Models and aliases that its keys may call, from the same row: as a key's policy names them; undefined: all. */
export const allowedModelsOf = (json: string | null): string[] | undefined => (json === null ? undefined : modelListSchema.parse(JSON.parse(json)));
