/** What an operator may write into the catalog. What these schemas refuse nobody can confirm; what is only unlikely is for `edit-doubts.ts`. */
import * as z from "zod";
import { modelKinds } from "./rows.ts";

/** What a model reads and answers with, and what it can do, in the words by which requests and pages know it. */
export const inputModalities = ["text", "image", "audio", "video", "pdf"] as const;
export const outputModalities = ["text", "embedding", "score", "audio", "image", "video"] as const;
export const modelAbilities = [
  "text", "embedding", "rerank", "moderation", "speech", "transcription", "image", "video", "audio", "vision", "pdf", "tools", "json_schema", "reasoning", "web_search", "responses_only",
] as const;

const mostTokens = 100_000_000;
const isPath = (text: string): boolean => text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
/** Names stand in addresses, lists and requests' bodies. */
const name = z.string().trim().min(1).max(200).regex(/^[\w@~][\w@.:/+~-]*$/, "letters, digits and . _ : / @ + ~ -, beginning with a letter, a digit, _, @ or ~").refine(isPath, "no empty part, . or .. between slashes");
const tokens = z.int().min(1, "at least 1; null where nobody says").max(mostTokens, "at most 100,000,000").nullable();
const wordsOf = <T extends string>(words: readonly [T, ...T[]]) => z.array(z.enum(words)).max(words.length).transform((list) => [...new Set(list)]);

/** A model's id, a provider's, and what a provider calls a model. */
export const modelIdSchema = name;
export const providerIdSchema = z.string().trim().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, "the id of a provider");
export const upstreamIdSchema = name;

/** All facts of a model: an edit is the whole row. Tokens: the most it reads and answers, null = nobody says. */
export const modelFactsSchema = z.strictObject({
  owner: z.string().trim().min(1).max(100).regex(/^[^\p{Cc}]*$/u, "one line of text").meta({ description: "Who made it." }),
  kind: z.enum(modelKinds).meta({ description: "What it is for." }),
  inputModalities: wordsOf(inputModalities).refine((list) => list.length > 0, "at least one"),
  outputModalities: wordsOf(outputModalities).refine((list) => list.length > 0, "at least one"),
  capabilities: wordsOf(modelAbilities),
  contextTokens: tokens.meta({ description: "Most tokens that it reads at once; null where nobody says." }),
  maxOutputTokens: tokens.meta({ description: "Most tokens of one answer; null where nobody says." }),
});
