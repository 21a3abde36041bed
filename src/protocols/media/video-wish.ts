/** What a client asks of a maker of films, in OpenAI's words and in those that others have added. https://platform.openai.com/docs/api-reference/videos/create */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { SentFile } from "../crossing.ts";
import { filled, list, record, type Json } from "../json.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";
import { numberIn, wishIn, type Size, type Source } from "./image-wish.ts";

export type VideoWish = {
  readonly prompt: string;
  readonly seconds: number | undefined;
  readonly size: Size | undefined;
  /** `720p`, as the client has it or as its size is. */
  readonly resolution: string | undefined;
  /** The picture that it begins with. */
  readonly image: Source | undefined;
  readonly seed: number | undefined;
  readonly json: Json;
};

const promptField = z.string("must be a string").min(1, "must not be empty").max(32_000, "must have at most 32000 characters");
/** OpenAI has seconds as text. */
const secondsField = z.union([z.number(), z.string().regex(/^\d{1,3}$/).transform(Number)], "must be a number of seconds").pipe(z.number().int("must be whole").min(1, "must be at least 1").max(120, "must be at most 120")).nullish();
export const requestSchema = z.object({ model: modelField, prompt: promptField.nullish(), seconds: secondsField, duration: secondsField, size: z.string("must be a string").max(20).nullish() });

/** Longer than what anybody makes of a request that does not say: OpenAI 4, Google 8, xAI 6. */
export const mostUnsaid = 20;

/** Reads the facts. Throws `invalid_request`. */
export function parseVideo(body: unknown): RequestFacts {
  const { model, prompt, seconds, duration } = readFields(requestSchema, body);
  if (prompt == null && !referenceIn(body as Json)) throw new GatewayError("invalid_request", "prompt: is missing, and there is no picture to begin with", { param: "prompt" });
  return { model, stream: false, usageAsked: false, inputTokens: 0, likelyInputTokens: 0, outputTokens: 0, choices: 1, pieces: { video_second: seconds ?? duration ?? mostUnsaid } };
}

/** `input_reference` as a file, an address or an id; in a form its fields stand in brackets. OpenRouter's first frame is the same. */
function referenceIn(json: Json): Source | undefined {
  const { input_reference: reference, "input_reference[image_url]": url, "input_reference[file_id]": fileId, frame_images: frames, image } = json;
  if (reference instanceof SentFile) return reference;
  const first = list(frames).map(record).find((one) => one.frame_type !== "last_frame");
  const own = typeof url === "string" ? { image_url: url } : typeof fileId === "string" ? { file_id: fileId } : undefined;
  return wishIn({ images: [own ?? reference ?? first ?? image].filter((one) => one !== undefined && one !== null) }).images[0];
}

export function videoWishIn(json: Json): VideoWish {
  const { size } = wishIn(json);
  const lines = size?.pixels ? Math.min(size.width, size.height) : undefined;
  return {
    prompt: filled(json.prompt) ?? "", seconds: numberIn(json.seconds) ?? numberIn(json.duration), size, resolution: filled(json.resolution) ?? (lines === undefined ? undefined : `${lines}p`),
    image: referenceIn(json), seed: numberIn(json.seed), json,
  };
}

/** Fields in which a picture to begin with may stand, and those that every maker hears. */
export const heardByAll = ["model", "prompt", "seconds", "duration", "input_reference", "input_reference[image_url]", "input_reference[file_id]", "frame_images", "image", "video"];
