/** OpenRouter's wish for pictures. https://openrouter.ai/docs/api-reference/images */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { factsOf } from "../media/images.ts";
import { filled, objects, record, type Json } from "../json.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import { routingFields } from "../routing.ts";
import type { RequestFacts } from "../protocol.ts";

/** Longer than it is high at most so often, or higher than long. */
const mostRatio = 8;
const mostReferences = 16;

const isRatio = (text: string): boolean => {
  const [, width, height] = /^(\d{1,3}(?:\.\d{1,3})?):(\d{1,3}(?:\.\d{1,3})?)$/.exec(text) ?? [];
  const ratio = Number(width) / Number(height);
  return ratio >= 1 / mostRatio && ratio <= mostRatio;
};

const address = z.string("must be a data URL or an address").refine(
  (url) => /^data:image\/(?:png|jpe?g|webp|gif);base64,[A-Za-z0-9+/]+={0,2}$/.test(url) || (/^https?:\/\//.test(url) && URL.canParse(url)), "must be a data URL of a PNG, JPEG, WebP or GIF picture, or an address",
);
export const imageSchema = z.object({
  model: modelField,
  prompt: z.string("must be a string").min(1, "must not be empty"),
  n: z.int("must be an integer").min(1, "must be at least 1").max(10, "must be at most 10").nullish(),
  stream: z.boolean("must be true or false").nullish(),
  size: z.string("must be a string").regex(/^(?:512|[124]K|[1-9]\d{1,4}x[1-9]\d{1,4})$/i, "must be 512, 1K, 2K, 4K, or pixels as in 1024x1536").nullish(),
  resolution: z.enum(["512", "1K", "2K", "4K"], "must be 512, 1K, 2K or 4K").nullish(),
  aspect_ratio: z.string("must be a string").refine(isRatio, `must be a ratio as in 16:9, at most ${mostRatio}:1`).nullish(),
  quality: z.enum(["auto", "low", "medium", "high", "xhigh", "max"], "must be auto, low, medium, high, xhigh or max").nullish(),
  background: z.enum(["auto", "transparent", "opaque"], "must be auto, transparent or opaque").nullish(),
  output_format: z.enum(["png", "jpeg", "webp"], "must be png, jpeg or webp").nullish(),
  output_compression: z.int("must be an integer").min(0, "must be at least 0").max(100, "must be at most 100").nullish(),
  seed: z.int("must be an integer").nullish(),
  user: z.string("must be a string").max(512, "must have at most 512 characters").nullish(),
  input_references: z.array(z.looseObject({ type: z.literal("image_url", "must be image_url"), image_url: z.looseObject({ url: address }, "must be an object with a url") }, "must be a picture"), "must be an array of pictures").max(mostReferences, `must have at most ${mostReferences}`).nullish(),
});

/** Pixels are the last word: a ratio or a resolution beside them that says otherwise is a contradiction. Throws `invalid_request`. */
function checkSize({ size, resolution, aspect_ratio: ratio }: { size?: string | null | undefined; resolution?: string | null | undefined; aspect_ratio?: string | null | undefined }): void {
  if (size == null) return;
  const against = (param: string): GatewayError => new GatewayError("invalid_request", `${param}: contradicts size ${size}`, { param });
  const [width, height] = size.toLowerCase().split("x").map(Number);
  if (height === undefined) {
    if (resolution != null && resolution !== size.toUpperCase()) throw against("resolution");
    return;
  }
  if (resolution != null) throw against("resolution");
  const [w = 1, h = 1] = ratio?.split(":").map(Number) ?? [width!, height];
  if (Math.abs(Math.log(width! / height / (w / h))) > 0.03) throw against("aspect_ratio");
}

export function parseImages(body: unknown): RequestFacts {
  const said = readFields(imageSchema, body);
  checkSize(said);
  return factsOf(inHouseWords(body as Json), said);
}

export const referencesIn = (body: unknown): readonly Json[] => objects(record(body).input_references);

/** Pictures that are only known by where they lie. */
export const hasAddresses = (references: readonly Json[]): boolean => references.some(({ image_url: image }) => !filled(record(image).url)?.startsWith("data:"));

const isTier = (size: unknown): size is string => typeof size === "string" && /^(?:512|[124]K)$/i.test(size);

/** The same as the makers of pictures read it: sizes that are resolutions as such, pictures to begin from as `images`, and nothing that is for the gateway. */
export function inHouseWords({ input_references: references, size, ...json }: Json): Json {
  const asked = Object.fromEntries(Object.entries(json).filter(([field]) => !routingFields.includes(field)));
  return { ...asked, ...(isTier(size) ? { resolution: size.toUpperCase() } : size != null && { size }), ...(Array.isArray(references) && references.length > 0 && { images: references }) };
}
