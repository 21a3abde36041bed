/** A request for moderation: a text, texts, or the texts and pictures of one thing. https://platform.openai.com/docs/api-reference/moderations/create */
import * as z from "zod";
import { boundParts, boundTexts } from "../bound.ts";
import { isObject } from "../json.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";

const partField = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text"), text: z.string() }),
  z.looseObject({ type: z.literal("image_url"), image_url: z.looseObject({ url: z.string().min(1) }) }),
], "must be a text or an image_url");
export type ModerationPart = z.infer<typeof partField>;

const inputField = z.union([z.string(), z.array(z.string()).min(1), z.array(partField).min(1)], "must be a string, an array of strings, or an array of texts and pictures");
export const requestSchema = z.object({ model: modelField.nullish(), input: inputField });

/** The alias that a request without a model means. */
export const usualModel = "moderation";

/** Inputs, each of its parts. Throws `invalid_request` with the field and the reason. */
export function moderationIn(body: unknown): { model: string; inputs: ModerationPart[][] } {
  const { model, input } = readFields(requestSchema, body);
  const text = (one: string): ModerationPart[] => [{ type: "text", text: one }];
  const inputs = typeof input === "string" ? [text(input)] : isParts(input) ? [input] : input.map(text);
  return { model: model ?? usualModel, inputs };
}

const isParts = (input: string[] | ModerationPart[]): input is ModerationPart[] => isObject(input[0]);

/** What a judge reads beside the input, tokens at most, and what it writes: scores and some thought for the first input, scores for every other. */
const judgeReads = 4_000;
const judgeReadsPerInput = 40;
const judgeThinks = 3_500;
const judgeWritesPerInput = 300;
export const judgeWrites = (inputs: number): number => judgeThinks + judgeWritesPerInput * inputs;

export function parseModeration(body: unknown): RequestFacts {
  const { model, inputs } = moderationIn(body);
  const { input } = body as { input: unknown };
  const bounds = Array.isArray(input) && isObject(input[0]) ? boundParts(input) : boundTexts(input);
  return {
    model, stream: false, usageAsked: false, ...bounds, readings: inputs.length, outputTokens: 0, choices: 1,
    // A text stands in the prompt as JSON, where a character may become six.
    standIn: { inputTokens: judgeReads + judgeReadsPerInput * inputs.length + 5 * bounds.inputTokens, outputTokens: judgeWrites(inputs.length) },
  };
}
