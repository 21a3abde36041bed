/**
 * Google's pictures: Gemini's image models by generateContent, Imagen by predict, at its own API and at Vertex AI.
 * https://ai.google.dev/gemini-api/docs/image-generation and https://ai.google.dev/gemini-api/docs/imagen
 */
import type { Loss } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { parseUsage, tierOf } from "../gemini/usage.ts";
import { filled, objectIn, objects, record, type Json } from "../json.ts";
import type { Answer, CrossingContext } from "../protocol.ts";
import type { Made, Maker } from "./image-answer.ts";
import { bytesOf, nearestRatio, type ImageWish, type Source } from "./image-wish.ts";

const isImagen = (upstreamId: string): boolean => /(?:^|\/)imagen/.test(upstreamId);
/** The longest edge in pixels up to which a picture is called so. */
const scales: readonly (readonly [number, string])[] = [[1_600, "1K"], [3_000, "2K"], [Infinity, "4K"]];
const geminiRatios = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"];
const imagenRatios = ["1:1", "3:4", "4:3", "9:16", "16:9"];
/** What Imagen makes in one call. */
const mostAtOnce = 4;

export const jsonOf = ({ bytes }: Answer, { provider }: Pick<CrossingContext, "provider">): Json => {
  const json = objectIn(new TextDecoder().decode(bytes));
  if (!json) throw new GatewayError("upstream_error", `${provider} did not answer with JSON.`);
  return json;
};

export const refusedFor = (provider: string, reason: string): GatewayError => new GatewayError("upstream_refused", `${provider} made no picture: ${reason.slice(0, 1_000)}`, {}, 400);

function shapeOf({ size, resolution }: ImageWish, ratios: readonly string[], upstreamId: string): { shape: Json; losses: Loss[] } {
  const near = size && nearestRatio(size, ratios);
  const wanted = size?.pixels ? scales.find(([most]) => Math.max(size.width, size.height) <= most)![1] : resolution;
  const scale = isImagen(upstreamId) && wanted === "4K" ? "2K" : wanted;
  // Smaller models make one size only.
  const scaled = (scale === "2K" || scale === "4K") && /gemini-[3-9]|imagen-4/.test(upstreamId);
  const unheard = resolution !== undefined && resolution !== "1K" && !(scaled && scale === resolution);
  return {
    shape: { ...(near && { aspectRatio: near.ratio }), ...(scaled && { [isImagen(upstreamId) ? "sampleImageSize" : "imageSize"]: scale }) },
    losses: [...(near && !near.exact ? [`field:${size!.field}` as const] : []), ...(unheard ? ["field:resolution" as const] : [])],
  };
}

const partOf = (source: Source): Json => {
  const bytes = bytesOf(source);
  if (bytes) return { inlineData: { mimeType: bytes.type, data: bytes.base64 } };
  if ("url" in source) return { fileData: { fileUri: source.url } };
  throw new GatewayError("invalid_request", "image: this provider does not know the file", { param: "image" });
};

const spoken = (wish: ImageWish, upstreamId: string) => {
  const { shape, losses } = shapeOf(wish, geminiRatios, upstreamId);
  const said = wish.mask ? [...wish.images, wish.mask] : wish.images;
  const body = {
    contents: [{ role: "user", parts: [{ text: wish.prompt }, ...said.map(partOf)] }],
    generationConfig: { responseModalities: ["TEXT", "IMAGE"], ...(wish.seed !== undefined && { seed: wish.seed }), ...(Object.keys(shape).length > 0 && { imageConfig: shape }) },
  };
  return { body: JSON.stringify(body), losses: [...losses, ...(wish.mask ? (["field:mask"] as const) : [])] };
};

const predicted = (wish: ImageWish, upstreamId: string) => {
  if (wish.images.length > 0) throw new GatewayError("invalid_request", `image: ${upstreamId.slice(0, 100)} makes pictures and edits none`, { param: "image" });
  const { shape, losses } = shapeOf(wish, imagenRatios, upstreamId);
  const type = wish.format === undefined || wish.format === "png" ? {} : { outputOptions: { mimeType: `image/${wish.format}` } };
  return { body: JSON.stringify({ instances: [{ prompt: wish.prompt }], parameters: { sampleCount: Math.min(wish.n, mostAtOnce), ...shape, ...type, ...(wish.seed !== undefined && { seed: wish.seed, addWatermark: false }) } }), losses };
};

export const googleImages: Maker = {
  id: "google-images",
  path: ({ upstreamId }) => `/models/${encodeURIComponent(upstreamId)}:${isImagen(upstreamId) ? "predict" : "generateContent"}`,
  said: ["size", "aspect_ratio", "resolution", "seed", "output_format"],
  times: ({ n }, { upstreamId }) => (isImagen(upstreamId) ? Math.ceil(n / mostAtOnce) : n),
  render: (wish, { upstreamId }) => {
    const { body, losses } = isImagen(upstreamId) ? predicted(wish, upstreamId) : spoken(wish, upstreamId);
    return { body, losses: [...losses, ...(wish.format !== undefined && wish.format !== "png" && !isImagen(upstreamId) ? (["field:output_format"] as const) : [])] };
  },
  made: (answer, context) => (isImagen(context.upstreamId) ? imagened(answer, context) : told(answer, context)),
};

function told(answer: Answer, context: CrossingContext): Made {
  const { candidates, usageMetadata, promptFeedback } = jsonOf(answer, context);
  const [candidate] = objects(candidates);
  const parts = objects(record(candidate?.content).parts).filter(({ thought }) => thought !== true);
  const texts = parts.flatMap(({ text }) => filled(text) ?? []).join("");
  const pictures = parts.flatMap(({ inlineData }) => filled(record(inlineData).data) ?? []).map((base64) => ({ base64, ...(texts && { revisedPrompt: texts }) }));
  const reason = [texts, filled(candidate?.finishMessage), filled(candidate?.finishReason), filled(record(promptFeedback).blockReason)].find(Boolean) ?? "it does not say why";
  return { pictures, usage: parseUsage(usageMetadata), serviceTier: tierOf(usageMetadata), ...(pictures.length === 0 && { refused: refusedFor(context.provider, reason) }) };
}

function imagened(answer: Answer, context: CrossingContext): Made {
  const predictions = objects(jsonOf(answer, context).predictions);
  const pictures = predictions.flatMap(({ bytesBase64Encoded, prompt }) => {
    const base64 = filled(bytesBase64Encoded);
    return base64 === undefined ? [] : [{ base64, revisedPrompt: filled(prompt) }];
  });
  const reason = predictions.flatMap(({ raiFilteredReason }) => filled(raiFilteredReason) ?? [])[0] ?? "it was filtered";
  return { pictures, ...(pictures.length === 0 && { refused: refusedFor(context.provider, reason) }) };
}
