/** Black Forest Labs: a picture is asked for, and asked after until it is there. https://docs.bfl.ai/quick_start/generating_images */
import type { Loss } from "../../chat/index.ts";
import { GatewayError } from "../../errors.ts";
import { filled, record, type Json } from "../json.ts";
import { base64In } from "./image-bedrock.ts";
import type { Maker } from "./image-answer.ts";
import { jsonOf, refusedFor } from "./image-google.ts";
import { nearestRatio, pixelsOf, stepped, type ImageWish } from "./image-wish.ts";

const askAgainMs = 500;
const ratios = ["21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16", "9:21"];
/** Those that know ratios and no pixels. */
const byRatio = (upstreamId: string): boolean => /kontext|ultra/.test(upstreamId);
/** Those of its second generation are bounded by their pixels, all others by their longer edge. https://docs.bfl.ai/flux_2/flux2_overview */
const mostPixels = 2_048 * 2_048;
const mostEdge = 1_440;
/** What is so much of what was asked for is what was asked for. */
const nearly = 0.9;
const waiting = new Set(["Pending", "Queued", "Processing"]);
/** What becomes of a request that will bring no picture. */
const refusals = new Set(["Request Moderated", "Content Moderated"]);

function shapeOf(wish: ImageWish, upstreamId: string): { shape: Json; losses: Loss[] } {
  const { size, resolution } = wish;
  const wanted = byRatio(upstreamId) ? undefined : pixelsOf(wish);
  if (!wanted) {
    const near = size && nearestRatio(size, ratios);
    const unheard = resolution && resolution !== "1K" ? ["field:resolution" as const] : [];
    return { shape: near ? { aspect_ratio: near.ratio } : {}, losses: [...(size && !near!.exact ? [`field:${size.field}` as const] : []), ...unheard] };
  }
  const { width, height } = wanted;
  if (size?.pixels) return { shape: { width: stepped(width), height: stepped(height) }, losses: stepped(width) === width && stepped(height) === height ? [] : ["field:size"] };
  const less = Math.min(1, /flux-2/.test(upstreamId) ? Math.sqrt(mostPixels / (width * height)) : mostEdge / Math.max(width, height));
  return { shape: { width: stepped(width * less), height: stepped(height * less) }, losses: less < nearly ? ["field:resolution"] : [] };
}

export const flux: Maker = {
  id: "flux-images",
  path: ({ upstreamId }) => `/v1/${encodeURIComponent(upstreamId)}`,
  said: ["size", "aspect_ratio", "resolution", "output_format", "seed", "safety_tolerance"],
  times: ({ n }) => n,
  render(wish, { upstreamId }) {
    const { prompt, images, mask, format, seed, json } = wish;
    const many = Object.fromEntries(images.map((one, i) => [i === 0 ? "input_image" : `input_image_${i + 1}`, base64In(one)]));
    const fill = mask && images[0] ? { image: base64In(images[0]), mask: base64In(mask) } : many;
    const { shape, losses } = shapeOf(wish, upstreamId);
    const body = { prompt, ...shape, ...fill, ...(format && { output_format: format }), ...(seed !== undefined && { seed }), ...(typeof json.safety_tolerance === "number" && { safety_tolerance: json.safety_tolerance }) };
    return { body: JSON.stringify(body), losses };
  },
  follow(answer, context) {
    const { status, polling_url: url } = jsonOf(answer, context);
    const at = filled(url);
    if (at !== undefined) return { url: at, afterMs: askAgainMs };
    if (waiting.has(String(status))) return { afterMs: askAgainMs };
    if (status === "Ready" || refusals.has(String(status))) return undefined;
    throw new GatewayError("upstream_error", `${context.provider}: ${String(status).slice(0, 100)}`);
  },
  made(answer, context) {
    const { status, result } = jsonOf(answer, context);
    const url = filled(record(result).sample);
    return url === undefined ? { pictures: [], refused: refusedFor(context.provider, String(status)) } : { pictures: [{ url }] };
  },
};
