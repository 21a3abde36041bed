/** The most that a request can read and write on one deployment. Pure. */
import type { RequestFacts } from "../protocols/protocol.ts";
import type { Provider } from "../providers/provider.ts";

/** What of an attempt bounds a request. */
type Bounds = {
  readonly endpoint: { readonly provider: Pick<Provider, "templateTokens"> };
  readonly upstreamId: string;
  readonly contextTokens?: number | undefined;
  readonly maxOutputTokens: number | undefined;
};

/** Output tokens reserved when neither the client nor the catalog says how many there can be. */
const unknownOutputTokens = 16_384;
/** The widest context window that is common, Gemini's: for models that the catalog does not know. */
const widestWindow = 1_048_576;
/** More than any budget holds, and still an exact integer when it is priced. */
const mostTokens = 10_000_000_000;

/**
 * Most tokens of a picture, by model. GPT-4o mini: 2,833 and 5,667 for each of at most 8 tiles
 * (https://platform.openai.com/docs/guides/images-vision#calculating-costs). Claude: at most 2,576 pixels at the longer edge
 * (https://docs.anthropic.com/en/docs/build-with-claude/vision). All others: the cap of Qwen's, which is above OpenAI's 10,000 patches,
 * Gemini's 2,240 (https://ai.google.dev/gemini-api/docs/media-resolution) and Pixtral's 4,096.
 */
const pictureTokens: readonly [RegExp, number][] = [[/gpt-4o-mini/, 48_169], [/claude/, 4_784]];
const unknownPictureTokens = 16_384;

const ofPicture = (upstreamId: string): number => pictureTokens.find(([name]) => name.test(upstreamId))?.[1] ?? unknownPictureTokens;

/**
 * What can be read for a request: what its text and media are at most, the whole window where not all of that can be seen, and never
 * more than the window as often as it is read.
 */
export function mostInput({ endpoint: { provider }, upstreamId, contextTokens }: Bounds, { inputTokens, pictures = 0, unseen = false, readings = 1 }: RequestFacts): number {
  if (unseen) return Math.min((contextTokens ?? widestWindow) * readings, mostTokens);
  const seen = inputTokens + pictures * ofPicture(upstreamId) + (inputTokens > 0 ? (provider.templateTokens ?? 0) : 0);
  return Math.min(seen, contextTokens === undefined ? mostTokens : contextTokens * readings);
}

/** What can be written: as much as the client allows, never more than the model can, for each answer. */
export function mostOutput({ maxOutputTokens }: Bounds, { outputTokens, choices }: RequestFacts): number {
  const cap = maxOutputTokens === undefined ? undefined : maxOutputTokens * choices;
  return Math.min(outputTokens ?? cap ?? unknownOutputTokens * choices, cap ?? Number.MAX_SAFE_INTEGER);
}

/** How much longer than guessed by its characters a prompt may be. */
const doubt = 1.5;

/** The most that one answer can have in a model's window beside what is probably read; undefined: nobody knows the model. */
export function roomForAnswer({ contextTokens, maxOutputTokens }: Omit<Bounds, "endpoint" | "upstreamId">, { inputTokens, likelyInputTokens }: RequestFacts): number | undefined {
  const left = contextTokens === undefined ? undefined : Math.max(1, contextTokens - Math.min(inputTokens, Math.ceil(doubt * likelyInputTokens)));
  return left === undefined || maxOutputTokens === undefined ? (left ?? maxOutputTokens) : Math.min(left, maxOutputTokens);
}
