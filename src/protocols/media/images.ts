/** OpenAI's images: made, edited, varied. https://platform.openai.com/docs/api-reference/images */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { SentFile } from "../crossing.ts";
import type { Json } from "../json.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import type { Protocol, RequestFacts } from "../protocol.ts";
import { textBound } from "../text-bound.ts";
import { imageCrossing, type Event } from "./image-answer.ts";
import { asForm, asJson, editMakers, makers } from "./image-makers.ts";
import { imageConversation } from "./image-conversation.ts";
import { observeImages, PictureStream } from "./image-seen.ts";
import { imagesIn, numberIn, pixelsOf, wishIn } from "./image-wish.ts";

const mostPictures = 10;
/** A form's fields are text. */
const countField = z.union([z.number(), z.string().regex(/^\d{1,9}$/).transform(Number)], "must be an integer")
  .pipe(z.number().int("must be an integer").min(1, "must be at least 1").max(mostPictures, `must be at most ${mostPictures}`)).nullish();
const streamField = z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")], "must be true or false").nullish();
const promptField = z.string("must be a string").min(1, "must not be empty");

export const madeSchema = z.object({ model: modelField, prompt: promptField, n: countField, stream: streamField, response_format: z.enum(["url", "b64_json"], "must be url or b64_json").nullish() });
export const variedSchema = madeSchema.omit({ prompt: true });

/**
 * Most tokens of a picture: 6,240 for one of 1024 by 1536 of high quality, and 100 for each partial one
 * (https://platform.openai.com/docs/guides/image-generation#cost-and-latency); what is larger, or of a quality above high, has more in proportion.
 */
const mostTokens = 8_192;
const usualPixels = 1_024 * 1_536;
const tokensOfPartial = 100;
const finer: Readonly<Record<string, number>> = { xhigh: 2, max: 4 };
/** English text has about four characters a token, and a picture that is read some hundreds. */
const charactersPerToken = 4;
const likelyPictureTokens = 1_500;

/** What must be known of a wish for pictures. */
export function factsOf(json: Json, { model, n, stream, prompt = "" }: { model: string; n?: number | null | undefined; stream?: boolean | null | undefined; prompt?: string }): RequestFacts {
  const wish = wishIn(json);
  const pictures = wish.images.length + (wish.mask ? 1 : 0);
  const { width = 0, height = 0 } = pixelsOf(wish) ?? {};
  const larger = Math.max(1, (width * height) / usualPixels);
  const each = mostTokens * larger * (finer[String(json.quality)] ?? 1) + (numberIn(json.partial_images) ?? 0) * tokensOfPartial;
  const choices = n ?? 1;
  return {
    model, stream: stream === true, usageAsked: false,
    inputTokens: textBound(prompt) + 64, likelyInputTokens: Math.ceil(prompt.length / charactersPerToken) + pictures * likelyPictureTokens, pictures,
    outputTokens: Math.ceil(each) * choices, choices, pieces: { image: choices },
  };
}

const made = (body: unknown): RequestFacts => factsOf(body as Json, readFields(madeSchema, body));

function edited(body: unknown): RequestFacts {
  const facts = made(body);
  const json = body as Json;
  if (imagesIn(json).length === 0) throw new GatewayError("invalid_request", "image: is missing", { param: "image" });
  return checkedPictures(json, facts);
}

function varied(body: unknown): RequestFacts {
  const json = body as Json;
  const facts = factsOf(json, readFields(variedSchema, body));
  if (!(json.image instanceof SentFile)) throw new GatewayError("invalid_request", "image: must be a file", { param: "image" });
  return checkedPictures(json, facts);
}

/** What is no picture of pixels is none, whatever it is called: nobody here or there is to draw what a document says. */
function checkedPictures(json: Json, facts: RequestFacts): RequestFacts {
  for (const [field, value] of Object.entries(json)) {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) if (one instanceof SentFile && isDrawing(one)) throw new GatewayError("invalid_request", `${field.slice(0, 100)}: must be a PNG, JPEG or WebP file`, { param: field.slice(0, 100) });
  }
  return facts;
}

const ascii = new TextDecoder("latin1");
const isDrawing = ({ type, pieces }: SentFile): boolean => /svg|xml|html/i.test(type) || /^\s*(?:\ufeff|ï»¿)?\s*<(?:[?!]|svg|html|script)/i.test(ascii.decode(pieces[0]?.subarray(0, 256)));

const { conversation: _, ...plain } = openaiChat;
const shared = { ...plain, kind: "image", edits: () => ({}), observe: observeImages, watch: () => new PictureStream() } as const satisfies Partial<Protocol>;
const mostBytes = 64 * 1024 * 1024;
const crossingsOf = (list: Parameters<typeof imageCrossing>[0][], event: Event) => list.map((maker) => imageCrossing(maker, event));

/** POST /v1/images/generations */
export const openaiImages: Protocol = {
  ...shared, id: "openai-images", path: "/images/generations", parse: made,
  crossings: crossingsOf(makers, "image_generation"), conversation: imageConversation("image_generation"),
};

/** POST /v1/images/edits: a form with its pictures, and the same as JSON with their addresses. */
export const openaiImageEdits: Protocol = {
  ...shared, id: "openai-image-edits", path: "/images/edits", parse: edited, form: { mostBytes },
  crossings: [asJson, ...crossingsOf(editMakers, "image_edit")], conversation: imageConversation("image_edit"),
};
export const openaiImageEditsJson: Protocol = {
  ...shared, id: "openai-image-edits-json", path: "/images/edits", parse: edited,
  crossings: [asForm, ...crossingsOf(editMakers, "image_edit")], conversation: imageConversation("image_edit"),
};

/** POST /v1/images/variations */
export const openaiImageVariations: Protocol = { ...shared, id: "openai-image-variations", path: "/images/variations", parse: varied, form: { mostBytes }, crossings: [] };
