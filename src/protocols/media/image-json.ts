/** Providers whose pictures come for a small object of JSON. */
import { filled, list, objects, record } from "../json.ts";
import type { Maker } from "./image-answer.ts";
import { jsonOf, refusedFor } from "./image-google.ts";
import { parseImageUsage } from "./image-seen.ts";
import { nearestRatio, pixelsOf, urlOf } from "./image-wish.ts";
import { parseReportedCost } from "../openai-chat/usage.ts";

/** OpenRouter's images, which are nearly OpenAI's: https://openrouter.ai/docs/api-reference/images */
export const jsonImages: Maker = {
  id: "openrouter-images",
  path: () => "/images",
  said: ["size", "aspect_ratio", "resolution", "quality", "background", "output_format", "output_compression", "seed"],
  render({ prompt, n, images, mask, json }, { upstreamId }) {
    const told = Object.fromEntries(jsonImages.said.flatMap((field) => (json[field] === undefined || json[field] === null ? [] : [[field, json[field]]])));
    const references = images.map((one) => ({ type: "image_url", image_url: { url: urlOf(one) } }));
    return { body: JSON.stringify({ model: upstreamId, prompt, n, ...told, ...(references.length > 0 && { input_references: references }) }), losses: mask ? ["field:mask"] : [] };
  },
  made(answer, context) {
    const { data, usage, error } = jsonOf(answer, context);
    const pictures = objects(data).flatMap(({ b64_json: base64, url }) => (filled(base64) ?? filled(url) ? [{ base64: filled(base64), url: filled(url) }] : []));
    const refused = refusedFor(context.provider, filled(record(error).message) ?? "it does not say why");
    return { pictures, usage: parseImageUsage(usage), reportedNanoUsd: parseReportedCost(usage), ...(pictures.length === 0 && { refused }) };
  },
};

const ratios = ["1:1", "21:9", "16:9", "3:2", "5:4", "4:5", "2:3", "9:16", "9:21", "4:3", "3:4"];

/** Fireworks' Flux. https://docs.fireworks.ai/api-reference/generate-a-new-image-from-a-text-prompt */
export const textToImage: Maker = {
  id: "fireworks-images",
  headers: { accept: "application/json" },
  path: ({ upstreamId }) => `/workflows/${upstreamId.split("/").map(encodeURIComponent).join("/")}/text_to_image`,
  said: ["size", "aspect_ratio", "seed"],
  times: ({ n }) => n,
  render({ prompt, size, seed }) {
    const near = size && nearestRatio(size, ratios);
    return { body: JSON.stringify({ prompt, ...(near && { aspect_ratio: near.ratio }), ...(seed !== undefined && { seed }) }), losses: size && !near!.exact ? [`field:${size.field}`] : [] };
  },
  made(answer, context) {
    const { base64, finishReason } = jsonOf(answer, context);
    const pictures = (Array.isArray(base64) ? list(base64) : [base64]).flatMap((one) => filled(one) ?? []).map((one) => ({ base64: one }));
    return { pictures, ...(pictures.length === 0 && { refused: refusedFor(context.provider, filled(finishReason) ?? "it does not say why") }) };
  },
};

/** The largest picture that Workers AI's models are asked for by a resolution. */
const mostPixels = 2_048 * 2_048;

/** Workers AI: a picture's bytes, or JSON with them, by model. https://developers.cloudflare.com/workers-ai/models/flux-1-schnell/ */
export const workersImages: Maker = {
  id: "workers-images",
  path: ({ upstreamId }) => `/run/${upstreamId.split("/").map(encodeURIComponent).join("/").replaceAll("%40", "@")}`,
  said: ["size", "aspect_ratio", "resolution", "seed", "negative_prompt"],
  times: ({ n }) => n,
  render(wish, { upstreamId }) {
    const { prompt, size, resolution, seed, json } = wish;
    const wanted = /flux-1-schnell/.test(upstreamId) ? undefined : pixelsOf(wish);
    const tooLarge = !size?.pixels && wanted && wanted.width * wanted.height > mostPixels;
    const pixels = wanted && !tooLarge ? { width: wanted.width, height: wanted.height } : {};
    const body = { prompt, ...pixels, ...(seed !== undefined && { seed }), ...(filled(json.negative_prompt) && { negative_prompt: json.negative_prompt }) };
    const unsized = !("width" in pixels);
    return { body: JSON.stringify(body), losses: [...(size && unsized ? [`field:${size.field}` as const] : []), ...(resolution && resolution !== "1K" && unsized ? ["field:resolution" as const] : [])] };
  },
  made(answer, context) {
    if (/^image\//i.test(answer.contentType)) return { pictures: [{ base64: answer.bytes.toBase64() }] };
    const { result, errors } = jsonOf(answer, context);
    const base64 = filled(record(result).image);
    return base64 === undefined ? { pictures: [], refused: refusedFor(context.provider, filled(objects(errors)[0]?.message) ?? "it does not say why") } : { pictures: [{ base64 }] };
  },
};
