/** A request for vectors, in OpenAI's words and OpenRouter's (`input_type`, parts): what every provider's half is written from. */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import type { Json } from "../json.ts";
import { readFields } from "../openai-chat/request.ts";

/** A picture's bytes or its address. */
const imageSchema = z.looseObject({ type: z.literal("image_url"), image_url: z.looseObject({ url: z.string().min(1) }) });
const partSchema = z.discriminatedUnion("type", [z.looseObject({ type: z.literal("text"), text: z.string() }), imageSchema], "must be a text or an image_url");
export type EmbeddingPart = z.infer<typeof partSchema>;

/** Texts and pictures that together are one thing. */
export const partsField = z.array(z.looseObject({ content: z.array(partSchema, "must be an array of parts").min(1) })).min(1);

/** One thing to embed: a text, its tokens, or its parts. */
export type EmbeddingInput = string | readonly number[] | { readonly content: readonly EmbeddingPart[] };

const wordSchema = z.string("must be a string").min(1).max(64);
export const wishSchema = z.object({
  encoding_format: z.enum(["float", "base64"], "must be float or base64").nullish(),
  dimensions: z.number("must be a number").int("must be an integer").min(1, "must be at least 1").max(100_000, "must be at most 100000").nullish(),
  input_type: wordSchema.nullish(),
});

export type EmbeddingRequest = {
  readonly inputs: readonly EmbeddingInput[];
  /** The vectors shall come as float32 in base64. */
  readonly base64: boolean;
  readonly dimensions: number | undefined;
  /** What they are for, in OpenRouter's and Cohere's words: `search_query`, `search_document`, `classification`, `clustering`, … */
  readonly inputType: string | undefined;
};

/** Reads what `parse` has let pass. Throws `invalid_request` with the field and the reason. */
export function embeddingsIn(json: Json): EmbeddingRequest {
  const { encoding_format, dimensions, input_type } = readFields(wishSchema, json);
  const input = json.input as string | number[] | EmbeddingInput[];
  const inputs = typeof input === "string" || typeof input[0] === "number" ? [input as string | number[]] : (input as EmbeddingInput[]);
  return { inputs, base64: encoding_format === "base64", dimensions: dimensions ?? undefined, inputType: input_type ?? undefined };
}

export const isTokens = (input: EmbeddingInput): input is readonly number[] => Array.isArray(input);

/** What nobody there can embed. Throws `invalid_request`. */
export function refuseInput(what: string, provider: string): never {
  throw new GatewayError("invalid_request", `input: ${provider} takes no ${what} to embed`, { param: "input" });
}

/** Texts only, as parts too. Throws `invalid_request` for tokens and pictures, which `provider` does not take. */
export const textsOf = ({ inputs }: EmbeddingRequest, provider: string): string[] => inputs.map((input) => textOf(input, provider));

export function textOf(input: EmbeddingInput, provider: string): string {
  if (typeof input === "string") return input;
  if (isTokens(input)) return refuseInput("tokens", provider);
  return input.content.map((part) => (part.type === "text" ? part.text : refuseInput("pictures", provider))).join("\n");
}

/** The bytes of a picture that stands in the request, and their type. Throws `invalid_request` where it is only an address. */
export function pictureOf(url: string, provider: string): { type: string; base64: string } {
  const [, type, base64] = /^data:([\w.+-]+\/[\w.+-]+);base64,(.+)$/s.exec(url) ?? [];
  return type && base64 ? { type, base64 } : refuseInput("pictures by address", provider);
}
