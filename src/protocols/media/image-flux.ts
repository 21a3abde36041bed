/** Black Forest Labs: a picture is asked for, and asked after until it is there. https://docs.bfl.ai/quick_start/generating_images */
import { GatewayError } from "../../errors.ts";
import { filled, record } from "../json.ts";
import { base64In } from "./image-bedrock.ts";
import type { Maker } from "./image-answer.ts";
import { jsonOf, refusedFor } from "./image-google.ts";
import { nearestRatio } from "./image-wish.ts";

const askAgainMs = 500;
const ratios = ["21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16", "9:21"];
/** Those that know ratios and no pixels. */
const byRatio = (upstreamId: string): boolean => /kontext|ultra/.test(upstreamId);
/** Widths and heights are in steps of so many pixels. */
const step = 16;
const stepped = (pixels: number): number => Math.max(step, Math.round(pixels / step) * step);
const waiting = new Set(["Pending", "Queued", "Processing"]);
/** What becomes of a request that will bring no picture. */
const refusals = new Set(["Request Moderated", "Content Moderated"]);

export const flux: Maker = {
  id: "flux-images",
  path: ({ upstreamId }) => `/v1/${encodeURIComponent(upstreamId)}`,
  said: ["size", "aspect_ratio", "output_format", "seed", "safety_tolerance"],
  times: ({ n }) => n,
  render({ prompt, size, images, mask, format, seed, json }, { upstreamId }) {
    const near = size && nearestRatio(size, ratios);
    const ratio = size && (byRatio(upstreamId) || !size.pixels) ? { aspect_ratio: near!.ratio } : {};
    const pixels = size?.pixels && !byRatio(upstreamId) ? { width: stepped(size.width), height: stepped(size.height) } : {};
    const many = Object.fromEntries(images.map((one, i) => [i === 0 ? "input_image" : `input_image_${i + 1}`, base64In(one)]));
    const fill = mask && images[0] ? { image: base64In(images[0]), mask: base64In(mask) } : many;
    const body = { prompt, ...ratio, ...pixels, ...fill, ...(format && { output_format: format }), ...(seed !== undefined && { seed }), ...(typeof json.safety_tolerance === "number" && { safety_tolerance: json.safety_tolerance }) };
    const lost = size && ("aspect_ratio" in ratio ? !near!.exact : size.width % step + size.height % step > 0);
    return { body: JSON.stringify(body), losses: lost ? ["field:size"] : [] };
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
