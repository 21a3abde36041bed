/**
 * POST /api/v1/images: any maker of pictures, in OpenRouter's words. OpenRouter itself is passed through to; all others are asked as they are
 * under /v1/images, and their answers told anew. https://openrouter.ai/docs/api-reference/images
 */
import { GatewayError } from "../../errors.ts";
import { saying } from "../crossing.ts";
import { imageCrossing, type Event } from "../media/image-answer.ts";
import { imageConversation } from "../media/image-conversation.ts";
import { inOpenaisForm } from "../media/image-form.ts";
import { asForm, asJson, editMakers, makers } from "../media/image-makers.ts";
import { observeImages, PictureStream } from "../media/image-seen.ts";
import { urlOf, wishIn } from "../media/image-wish.ts";
import { openaiImages } from "../media/images.ts";
import type { ClientHalf, Crossing, CrossingContext, Protocol, RenderContext, StreamRenderer } from "../protocol.ts";
import { renderError } from "./error.ts";
import { asEvents, errorFrame, PictureEvents, renderPictures, retellFrames, type Beside } from "./image-answer.ts";
import { hasAddresses, inHouseWords, parseImages, referencesIn } from "./image-request.ts";
import { processing } from "./wording.ts";

const id = "openrouter-images";
const event: Event = "image_generation";

const besideOf = ({ nowS, cost, own }: CrossingContext, seen: () => Parameters<NonNullable<typeof cost>>[0]): Beside => ({ nowS, cost: () => cost?.(seen()), own: own === true });

/** A refusal that names OpenAI's field names ours. */
function named<T>(render: () => T): T {
  try {
    return render();
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.detail.param !== "image") throw thrown;
    throw new GatewayError(thrown.code, thrown.message.replace(/^image:/, "input_references:"), { ...thrown.detail, param: "input_references" }, thrown.status);
  }
}

/** A maker's crossing in OpenRouter's words. Whole answers stay whole: the pipeline makes a stream's events of them when it has all bytes. */
function told(crossing: Crossing): Crossing {
  const asked = saying(crossing, inHouseWords);
  const { watch } = asked;
  return {
    ...asked,
    render(context) {
      const { body, losses } = named(() => asked.render(context));
      return { body, losses: losses.map((loss) => (loss === "field:image" ? "field:input_references" : loss)) };
    },
    read(answer, context, more) {
      const whole = asked.read(answer, { ...context, facts: { ...context.facts, stream: false } }, more);
      return "error" in whole ? whole : { ...whole, type: "application/json", body: renderPictures(whole.body, besideOf(context, () => whole.seen)) };
    },
    ...(watch && {
      watch(context) {
        const own = watch(context);
        return new PictureEvents(own, besideOf(context, () => own.seen));
      },
    }),
  };
}

/** OpenAI's own three ways, in the words of the family that the model is of. */
const generations: Crossing = {
  id: "openai-images", path: () => "/images/generations", read: asForm.read, watch: () => new PictureStream(),
  render({ json, upstreamId }) {
    const { fields, losses } = inOpenaisForm(json, upstreamId);
    return { body: JSON.stringify(fields), losses };
  },
};
const edits = (crossing: Crossing): Crossing => ({
  ...crossing,
  render(context) {
    const { fields, losses } = inOpenaisForm(context.json, context.upstreamId);
    return { ...crossing.render({ ...context, json: { ...fields, images: context.json.images } }), losses };
  },
});
/** xAI names a picture's address otherwise than OpenAI does. */
const editsInJson: Crossing = {
  ...edits(asJson),
  render(context) {
    if (/grok/.test(context.upstreamId)) return edits(asJson).render(context);
    const { fields, losses } = inOpenaisForm(context.json, context.upstreamId);
    return { body: JSON.stringify({ ...fields, images: wishIn(context.json).images.map((one) => ({ image_url: urlOf(one) })) }), losses };
  },
};

const drawing = imageConversation(event);
const besideChat = ({ nowS, cost, own }: RenderContext): Beside => ({ nowS, cost: () => cost?.(), own: own === true });
const conversation: ClientHalf = {
  ...drawing,
  parseRequest: (body) => drawing.parseRequest(inHouseWords(body as Record<string, unknown>)),
  renderResponse(response, context) {
    const { body, losses } = drawing.renderResponse(response, context);
    return { body: renderPictures(body, besideChat(context)), losses };
  },
  renderStream(context): StreamRenderer {
    const own = drawing.renderStream(context);
    const beside = besideChat(context);
    return { push: (one) => retellFrames(own.push(one), beside), end: () => retellFrames(own.end(), beside), fail: errorFrame };
  },
};

const crossings = (list: typeof makers, ...openais: readonly Crossing[]): Crossing[] => [...openais, ...list.filter((one) => one.id !== id).map((one) => imageCrossing(one, event))].map(told);

/** Pictures of nothing but words. */
export const openrouterImages: Protocol = {
  ...openaiImages, id, path: "/images", parse: parseImages, observe: observeImages, watch: () => new PictureStream(), streamed: asEvents, ownErrors: true, comment: processing, renderError, renderStreamError: errorFrame,
  crossings: crossings(makers, generations), conversation,
};
/** Makers that begin from nothing but words say so. */
const makersOnly: Crossing[] = makers.filter((one) => one.id !== id && !editMakers.includes(one)).map((one) => ({
  ...imageCrossing(one, event),
  render: ({ upstreamId }) => {
    throw new GatewayError("invalid_request", `input_references: ${upstreamId.slice(0, 100)} makes pictures of words only`, { param: "input_references" });
  },
}));
/** Pictures that begin from others: by their bytes, or where they lie, which nobody can put into a form. */
const begun: Protocol = { ...openrouterImages, crossings: [...crossings(editMakers, edits(asForm), editsInJson), ...makersOnly] };
const begunElsewhere: Protocol = { ...openrouterImages, crossings: [...crossings(editMakers, editsInJson), ...makersOnly] };

/** How a request is to be answered, by what it begins from. */
export function openrouterImagesFor(body: unknown): Protocol {
  const references = referencesIn(body);
  return references.length === 0 ? openrouterImages : hasAddresses(references) ? begunElsewhere : begun;
}
