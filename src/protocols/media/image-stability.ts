/** Stability AI's own API: a form in, one picture out. https://platform.stability.ai/docs/api-reference */
import { filled } from "../json.ts";
import type { FormValue } from "../protocol.ts";
import { GatewayError } from "../../errors.ts";
import type { Maker } from "./image-answer.ts";
import { jsonOf, refusedFor } from "./image-google.ts";
import { fileOf, nearestRatio, type ImageWish, type Source } from "./image-wish.ts";

const ratios = ["16:9", "1:1", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21"];
/** How much of the picture to begin from may change, where the client does not say. */
const usualStrength = "0.7";

/** The part of the API that a model is. The SD3 family shares one, and names the model in the form. */
const familyOf = (upstreamId: string): string => (/ultra/.test(upstreamId) ? "ultra" : /core/.test(upstreamId) ? "core" : "sd3");

function file(source: Source, name: string): FormValue {
  const one = fileOf(source, name);
  if (!one) throw new GatewayError("invalid_request", `${name}: this provider takes no pictures by address or id, send their bytes`, { param: name });
  return one;
}

function formOf({ prompt, size, images, mask, format, seed, json }: ImageWish, upstreamId: string): Record<string, FormValue> {
  const [image] = images;
  const family = familyOf(upstreamId);
  const style = ["style_preset", "negative_prompt"].flatMap((field) => (filled(json[field]) === undefined ? [] : [[field, String(json[field])] as const]));
  return {
    prompt, ...Object.fromEntries(style), output_format: format ?? "png", ...(seed !== undefined && { seed: String(seed) }),
    ...(size && !image && { aspect_ratio: nearestRatio(size, ratios).ratio }),
    ...(!mask && family === "sd3" && { model: upstreamId, mode: image ? "image-to-image" : "text-to-image" }),
    ...(image && { image: file(image, "image") }), ...(image && !mask && { strength: filled(json.strength) ?? usualStrength }), ...(mask && { mask: file(mask, "mask") }),
  };
}

export const stability: Maker = {
  id: "stability-images",
  headers: { accept: "application/json" },
  path: ({ json, upstreamId }) => `/v2beta/stable-image/${json.mask ? "edit/inpaint" : `generate/${familyOf(upstreamId)}`}`,
  said: ["size", "aspect_ratio", "output_format", "seed", "style_preset", "negative_prompt", "strength"],
  times: ({ n }) => n,
  render(wish, { upstreamId }) {
    const { size, images, mask } = wish;
    const sized = size && images.length === 0 && nearestRatio(size, ratios).exact;
    const losses = [...(size && !sized ? [`field:${size.field}` as const] : []), ...(images.length > 1 ? (["field:image"] as const) : []), ...(mask && images.length === 0 ? (["field:mask"] as const) : [])];
    if (familyOf(upstreamId) === "core" && images.length > 0 && !mask) throw new GatewayError("invalid_request", `image: ${upstreamId.slice(0, 100)} edits only where a mask says so`, { param: "image" });
    return { body: { form: formOf(wish, upstreamId) }, losses };
  },
  made(answer, context) {
    const { image, finish_reason: reason } = jsonOf(answer, context);
    const base64 = filled(image);
    return base64 === undefined || reason === "CONTENT_FILTERED" ? { pictures: [], refused: refusedFor(context.provider, filled(reason) ?? "it does not say why") } : { pictures: [{ base64 }] };
  },
};
