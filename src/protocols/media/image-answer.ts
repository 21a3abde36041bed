/** Pictures that a provider made, told as OpenAI tells them. https://platform.openai.com/docs/api-reference/images/object */
import { noUsage, together, type Loss, type Usage } from "../../chat/index.ts";
import type { GatewayError } from "../../errors.ts";
import type { Answer, Crossing, CrossingContext, Errand, Observation, Retold, SentBody } from "../protocol.ts";
import { typeOfBase64, unsaid, wishIn, type ImageWish } from "./image-wish.ts";

export type Picture = { readonly base64?: string | undefined; readonly url?: string | undefined; readonly revisedPrompt?: string | undefined };

/** What one answer of a provider brought. `refused`: it made none, and why. `serviceTier`: what it says that it was served in. */
export type Made = { readonly pictures: readonly Picture[]; readonly usage?: Usage | undefined; readonly reportedNanoUsd?: number | undefined; readonly serviceTier?: string | undefined; readonly refused?: GatewayError };

/** One provider's half of making pictures. */
export type Maker = {
  readonly id: string;
  readonly headers?: Readonly<Record<string, string>>;
  path(context: CrossingContext): string;
  /** Fields of the request that it hears beside the prompt, the pictures and how many are wanted. */
  readonly said: readonly string[];
  render(wish: ImageWish, context: CrossingContext): { readonly body: SentBody; readonly losses?: readonly Loss[] };
  made(answer: Answer, context: CrossingContext): Made;
  times?(wish: ImageWish, context: CrossingContext): number;
  follow?(answer: Answer, context: CrossingContext): Errand | undefined;
};

/** What the events of a stream are called. */
export type Event = "image_generation" | "image_edit";

/** A maker as a crossing. */
export function imageCrossing({ id, headers, path, said, render, made, times, follow }: Maker, event: Event): Crossing {
  return {
    id,
    ...(headers && { headers }),
    path,
    ...(times && { times: (context) => times(wishIn(context.json), context) }),
    ...(follow && { follow }),
    render(context) {
      const { body, losses = [] } = render(wishIn(context.json), context);
      return { body, losses: [...unsaid(context.json, said), ...losses] };
    },
    read: (answer, context, more = []) => retold([answer, ...more].map((one) => made(one, context)), context, event),
  };
}

/** All that was made, as one answer. Fewer than were asked for are a loss. */
function retold(all: readonly Made[], context: CrossingContext, event: Event): Retold {
  const pictures = all.flatMap((one) => one.pictures);
  const { usage, reportedNanoUsd } = all.reduce(added, {});
  const serviceTier = all[0]?.serviceTier;
  const seen: Observation = { ...madeUsage(usage, pictures.length), reportedNanoUsd, ...(serviceTier !== undefined && { serviceTier }), error: undefined, terminated: true, outputCharacters: pictures.length };
  const refused = all.find((one) => one.refused)?.refused;
  if (pictures.length === 0 && refused) return { seen: { ...seen, error: refused.message }, error: refused };
  const losses: Loss[] = pictures.length < wishIn(context.json).n ? ["field:n"] : [];
  return { ...renderPictures(pictures, usage, { ...context, stream: context.facts.stream }, event), seen, losses };
}

type Spent = { readonly usage?: Usage | undefined; readonly reportedNanoUsd?: number | undefined };

const added = (sum: Spent, one: Spent): Spent => ({
  usage: sum.usage && one.usage ? together(sum.usage, one.usage) : (sum.usage ?? one.usage),
  reportedNanoUsd: one.reportedNanoUsd === undefined ? sum.reportedNanoUsd : (sum.reportedNanoUsd ?? 0) + one.reportedNanoUsd,
});

/** What was used, in tokens where they were told, and in pictures. */
export const madeUsage = (usage: Usage | undefined, pictures: number): Pick<Observation, "usage"> => ({ usage: { ...(usage ?? noUsage), pieces: { image: pictures } } });

/** What of a request an answer repeats. */
type Said = Pick<CrossingContext, "json" | "nowS">;

/** The answer, or the stream of one event for each picture that a provider without a stream leaves. */
export function renderPictures(pictures: readonly Picture[], usage: Usage | undefined, { json, stream, nowS }: Said & { readonly stream: boolean }, event: Event): { body: string; type: string } {
  const told = usage && renderImageUsage(usage);
  if (stream) return { body: pictures.map((one, i) => completed(one, i === pictures.length - 1 ? told : undefined, { json, nowS }, event)).join(""), type: "text/event-stream; charset=utf-8" };
  const data = pictures.map(({ base64, url, revisedPrompt }) => ({ ...(base64 === undefined ? { url } : { b64_json: base64 }), ...(revisedPrompt !== undefined && { revised_prompt: revisedPrompt }) }));
  return { body: JSON.stringify({ created: nowS, data, ...(told && { usage: told }) }), type: "application/json" };
}

/** The last event of a picture. */
export function completed({ base64, url }: Picture, usage: object | undefined, { json, nowS }: Said, event: Event): string {
  const { size = "auto", quality = "auto", background = "auto" } = json;
  const type = `${event}.completed`;
  const format = base64 === undefined ? "png" : typeOfBase64(base64).replace("image/", "");
  const frame = { type, ...(base64 === undefined ? { url } : { b64_json: base64 }), created_at: nowS, size, quality, background, output_format: format, ...(usage && { usage }) };
  return `event: ${type}\ndata: ${JSON.stringify(frame)}\n\n`;
}

/** https://platform.openai.com/docs/api-reference/images/object#images/object-usage */
export const renderImageUsage = ({ inputTokens, outputTokens, inputImageTokens, outputImageTokens }: Usage): object => ({
  input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens,
  input_tokens_details: { text_tokens: Math.max(0, inputTokens - inputImageTokens), image_tokens: inputImageTokens },
  output_tokens_details: { text_tokens: Math.max(0, outputTokens - outputImageTokens), image_tokens: outputImageTokens },
});
