/** Everybody who makes pictures in a wire format of their own, and OpenAI's own in its two forms. */
import { GatewayError } from "../../errors.ts";
import type { Json } from "../json.ts";
import type { Crossing, FormValue, SentFile } from "../protocol.ts";
import { canvas, stabilityOnBedrock } from "./image-bedrock.ts";
import { flux } from "./image-flux.ts";
import { googleImages } from "./image-google.ts";
import { jsonImages, textToImage, workersImages } from "./image-json.ts";
import { stability } from "./image-stability.ts";
import type { Maker } from "./image-answer.ts";
import { observeImages, PictureStream } from "./image-seen.ts";
import { fileOf, urlOf, wishIn } from "./image-wish.ts";

/** By Amazon's and by Stability's models one service is spoken to in two ways. */
const bedrockImages: Maker = {
  ...canvas,
  render: (wish, context) => bedrockMaker(context.upstreamId).render(wish, context),
  made: (answer, context) => bedrockMaker(context.upstreamId).made(answer, context),
  times: (wish, context) => bedrockMaker(context.upstreamId).times?.(wish, context) ?? 1,
};
const bedrockMaker = (upstreamId: string): Maker => (/(?:^|\.)stability\./.test(upstreamId) ? stabilityOnBedrock : canvas);

export const makers: Maker[] = [googleImages, bedrockImages, stability, flux, jsonImages, textToImage, workersImages];
/** Those that take pictures to begin from. */
export const editMakers: Maker[] = [googleImages, bedrockImages, stability, flux, jsonImages];

const passed: Crossing["read"] = ({ bytes, contentType }, context) => {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new GatewayError("upstream_error", `${context.provider} did not answer with JSON.`);
  }
  return { body: bytes, type: contentType, seen: observeImages(body) };
};

/**
 * A form's request for those who take edits as JSON, with pictures as data URLs. xAI knows ratios and no sizes.
 * https://docs.x.ai/docs/guides/image-generations
 */
export const asJson: Crossing = {
  id: "openai-image-edits-json",
  path: () => "/images/edits",
  render({ json, upstreamId }) {
    const { images, mask } = wishIn(json);
    const { image: _, "image[]": __, mask: ___, ...fields } = withoutFormat(json, upstreamId);
    const reference = (url: string | undefined) => ({ type: "image_url", url });
    const body = { ...Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, typed(field, value)])), model: upstreamId, images: images.map((one) => reference(urlOf(one))), ...(mask && { mask: reference(urlOf(mask)) }) };
    return { body: JSON.stringify(body), losses: [] };
  },
  read: passed,
  watch: () => new PictureStream(),
};

/** GPT Image answers with bytes always, and refuses to be asked how. */
const withoutFormat = ({ response_format: format, ...json }: Json, upstreamId: string): Json => (format === undefined || /gpt-image/.test(upstreamId) ? json : { ...json, response_format: format });

/** Of a form's fields those that JSON has as numbers or truths. */
const typed = (field: string, value: unknown): unknown =>
  typeof value !== "string" ? value : ["n", "output_compression", "partial_images"].includes(field) && /^\d+$/.test(value) ? Number(value) : field === "stream" ? value === "true" : value;

/** JSON for those who take edits as a form: its pictures must be there, in data URLs. */
export const asForm: Crossing = {
  id: "openai-image-edits",
  path: () => "/images/edits",
  render({ json, upstreamId }) {
    const { images, mask } = wishIn(json);
    const file = (source: (typeof images)[number], name: string): SentFile => {
      const one = fileOf(source, name);
      if (!one) throw new GatewayError("invalid_request", `${name}: this provider takes no pictures by address or id, send their bytes`, { param: name });
      return one;
    };
    const { image: _, images: __, mask: ___, ...fields } = withoutFormat(json, upstreamId);
    const texts = Object.entries(fields).flatMap(([field, value]): [string, FormValue][] => (value === null || value === undefined ? [] : [[field, typeof value === "string" ? value : JSON.stringify(value)]]));
    return { body: { form: { ...Object.fromEntries(texts), model: upstreamId, "image[]": images.map((one) => file(one, "image")), ...(mask && { mask: file(mask, "mask") }) } }, losses: [] };
  },
  read: passed,
  watch: () => new PictureStream(),
};
