/** Pictures by Amazon Bedrock's InvokeModel. https://docs.aws.amazon.com/nova/latest/userguide/image-gen-req-resp-structure.html */
import { GatewayError } from "../../errors.ts";
import { filled, list } from "../json.ts";
import type { Answer, CrossingContext } from "../protocol.ts";
import type { Made, Maker } from "./image-answer.ts";
import { jsonOf, refusedFor } from "./image-google.ts";
import { bytesOf, nearestRatio, pixelsOf, type ImageWish, type Source } from "./image-wish.ts";

/** What Nova Canvas and Titan make in one call. */
const mostAtOnce = 5;
/** The largest picture that they make. */
const mostPixels = 2_048 * 2_048;

export const base64In = (source: Source): string => {
  const bytes = bytesOf(source);
  if (!bytes) throw new GatewayError("invalid_request", "image: this provider takes no pictures by address or id, send their bytes", { param: "image" });
  return bytes.base64;
};

/** The task: made from words, filled in where the mask is, or varied. */
function taskOf({ prompt, images, mask, json }: ImageWish): Record<string, unknown> {
  const negative = filled(json.negative_prompt) === undefined ? {} : { negativeText: json.negative_prompt };
  const [image] = images;
  if (!image) return { taskType: "TEXT_IMAGE", textToImageParams: { text: prompt, ...negative } };
  if (mask) return { taskType: "INPAINTING", inPaintingParams: { text: prompt, image: base64In(image), maskImage: base64In(mask), ...negative } };
  return { taskType: "IMAGE_VARIATION", imageVariationParams: { text: prompt, images: images.map(base64In), ...negative } };
}

const qualities: Readonly<Record<string, string>> = { low: "standard", medium: "standard", standard: "standard", high: "premium", hd: "premium" };

/** Amazon's Nova Canvas and Titan Image Generator. */
export const canvas: Maker = {
  id: "bedrock-images",
  path: ({ upstreamId }) => `/model/${encodeURIComponent(upstreamId)}/invoke`,
  said: ["size", "aspect_ratio", "resolution", "quality", "seed", "negative_prompt", "output_format"],
  times: ({ n }) => Math.ceil(n / mostAtOnce),
  render(wish) {
    const { size, n, seed, json, images, resolution } = wish;
    const quality = qualities[String(json.quality)];
    const wanted = images.length === 0 ? pixelsOf(wish) : undefined;
    const pixels = wanted && (size?.pixels || wanted.width * wanted.height <= mostPixels) ? { width: wanted.width, height: wanted.height } : {};
    const body = { ...taskOf(wish), imageGenerationConfig: { numberOfImages: Math.min(n, mostAtOnce), ...pixels, ...(quality && { quality }), ...(seed !== undefined && { seed }) } };
    const unsized = !("width" in pixels);
    const losses = [...(size && unsized ? [`field:${size.field}` as const] : []), ...(resolution && resolution !== "1K" && unsized ? (["field:resolution"] as const) : []), ...(wish.format !== undefined && wish.format !== "png" ? (["field:output_format"] as const) : [])];
    return { body: JSON.stringify(body), losses };
  },
  made: (answer, context) => madeOf(answer, context, "error"),
};

const ratios = ["16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"];

/** Stability's models there. https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html */
export const stabilityOnBedrock: Maker = {
  ...canvas,
  times: ({ n }) => n,
  render({ prompt, size, resolution, images, mask, format, seed, json }) {
    const near = size && images.length === 0 ? nearestRatio(size, ratios) : undefined;
    const image = images[0] && { mode: "image-to-image", image: base64In(images[0]), strength: typeof json.strength === "number" ? json.strength : 0.7 };
    const body = { prompt, ...(near && { aspect_ratio: near.ratio }), ...image, ...(format && { output_format: format }), ...(seed !== undefined && { seed }), ...(filled(json.negative_prompt) && { negative_prompt: json.negative_prompt }) };
    const losses = [...(size && !near?.exact ? [`field:${size.field}` as const] : []), ...(resolution && resolution !== "1K" ? (["field:resolution"] as const) : []), ...(mask ? (["field:mask"] as const) : []), ...(images.length > 1 ? (["field:image"] as const) : []), ...(filled(json.quality) && json.quality !== "auto" ? (["field:quality"] as const) : [])];
    return { body: JSON.stringify(body), losses };
  },
  made: (answer, context) => madeOf(answer, context, "finish_reasons"),
};

function madeOf(answer: Answer, context: CrossingContext, why: string): Made {
  const json = jsonOf(answer, context);
  const reasons = Array.isArray(json[why]) ? list(json[why]) : [];
  const pictures = list(json.images).flatMap((one, i) => (typeof one === "string" && !filled(reasons[i]) ? [{ base64: one }] : []));
  const reason = [filled(json[why]), ...reasons.map(filled)].find(Boolean) ?? "it does not say why";
  return { pictures, ...(pictures.length === 0 && { refused: refusedFor(context.provider, reason) }) };
}
