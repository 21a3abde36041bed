/** Pictures as OpenRouter's clients read them: bytes always, tokens by their names for them, and what it cost. https://openrouter.ai/docs/api-reference/images */
import { typeOfBase64 } from "../media/image-wish.ts";
import { parseImageUsage } from "../media/image-seen.ts";
import { defined } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import { filled, objectIn, objects, record, type Json } from "../json.ts";
import type { Cost, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";

/** What stands in an answer beside what its maker said. */
export type Beside = { readonly nowS: number; readonly cost: () => Cost | undefined; readonly own: boolean };

function usageOf(told: unknown, { cost, own }: Beside): Json {
  const tokens = parseImageUsage(told);
  const price = cost();
  if (!tokens && !price) return {};
  const { inputTokens = 0, outputTokens = 0, cachedTokens = 0, outputImageTokens = 0 } = tokens ?? {};
  const details = price?.split && { cost_details: { upstream_inference_cost: price.usd, upstream_inference_prompt_cost: price.split.input, upstream_inference_completions_cost: price.split.output } };
  return {
    usage: {
      prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: inputTokens + outputTokens, ...defined({ cost: price?.usd }), is_byok: own,
      prompt_tokens_details: { cached_tokens: cachedTokens }, completion_tokens_details: { image_tokens: outputImageTokens }, ...details,
    },
  };
}

const pictureOf = ({ b64_json: base64, url }: Json): Json => {
  const bytes = filled(base64);
  return bytes === undefined ? defined({ url: filled(url) }) : { b64_json: bytes, media_type: typeOfBase64(bytes) };
};

/** A whole answer that was OpenAI's. A picture that is only known by its address still has that. */
export function renderPictures(body: string | Uint8Array, beside: Beside): string {
  const { created, data, usage } = objectIn(typeof body === "string" ? body : new TextDecoder().decode(body)) ?? {};
  return JSON.stringify({ created: typeof created === "number" ? Math.floor(created) : beside.nowS, data: objects(data).map(pictureOf), ...usageOf(usage, beside) });
}

const frame = (event: Json): string => `event: ${String(event.type)}\ndata: ${JSON.stringify(event)}\n\n`;

/** A whole answer of ours as the stream that was asked for: one event for each picture, what it took with the last. */
export function asEvents(body: unknown): string {
  const { created, data, usage } = record(body);
  const pictures = objects(data);
  return pictures.map((one, i) => frame({ type: "image_generation.completed", ...one, created, ...(i === pictures.length - 1 && usage !== undefined && { usage }) })).join("");
}

const textOr = (value: unknown): string | null => (typeof value === "string" ? value : typeof value === "number" ? String(value) : null);

export const errorFrame = ({ message, code, detail: { param } }: GatewayError): string => frame({ type: "error", error: { message, code, ...(param !== undefined && { param }) } });

function retold(event: Json, beside: Beside): string {
  const { type, error, partial_image_index: index, usage, created_at: created } = event;
  if (error) {
    const { message, code, type: kind, param } = record(error);
    return frame({ type: "error", error: { message: textOr(message) ?? textOr(error) ?? "The picture could not be made.", code: textOr(code), type: textOr(kind), param: textOr(param) } });
  }
  const { b64_json: base64, media_type: mediaType } = pictureOf(event);
  if (typeof type !== "string" || typeof base64 !== "string") return "";
  if (type.endsWith(".partial_image")) return frame({ type: "image_generation.partial_image", b64_json: base64, partial_image_index: typeof index === "number" ? index : 0 });
  if (!type.endsWith(".completed")) return "";
  return frame({ type: "image_generation.completed", b64_json: base64, media_type: mediaType, created: typeof created === "number" ? Math.floor(created) : beside.nowS, ...(usage !== undefined && usageOf(usage, beside)) });
}

/** Whole frames of OpenAI's events in OpenRouter's words. */
export const retellFrames = (frames: string, beside: Beside): string =>
  splitFrames(frames).map((one) => {
    const event = objectOf<Json>(dataOf(one));
    return event ? retold(event, beside) : "";
  }).join("");

/** A stream of OpenAI's, watched by its own observer and told in OpenRouter's words. */
export class PictureEvents implements StreamObserver {
  private readonly own: StreamObserver;
  private readonly beside: Beside;

  constructor(own: StreamObserver, beside: Beside) {
    this.own = own;
    this.beside = beside;
  }

  get seen() {
    return this.own.seen;
  }

  push(frames: string): string {
    this.own.push(frames);
    return retellFrames(frames, this.beside);
  }
}
