/** What OpenAI's answers about pictures say of themselves, whole and as streams. https://platform.openai.com/docs/api-reference/images-streaming */
import { noUsage, type Usage } from "../../chat/index.ts";
import { record } from "../json.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import { count, parseReportedCost } from "../openai-chat/usage.ts";
import type { Observation, StreamObserver } from "../protocol.ts";
import { dataOf, objectOf, splitFrames } from "../sse.ts";
import { madeUsage } from "./image-answer.ts";

/** Tokens that OpenAI, or in its own words OpenRouter, says a picture took; undefined: it says none. */
export function parseImageUsage(value: unknown): Usage | undefined {
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details, input_tokens: input = prompt_tokens, output_tokens: output = completion_tokens, input_tokens_details: read = prompt_tokens_details, output_tokens_details: written = completion_tokens_details } = record(value);
  if (typeof input !== "number" || typeof output !== "number") return undefined;
  const { image_tokens: drawn = output } = record(written);
  return { ...noUsage, inputTokens: count(input), cachedTokens: count(record(read).cached_tokens), inputImageTokens: count(record(read).image_tokens), outputTokens: count(output), outputImageTokens: count(drawn) };
}

/** `data` and `usage`; where no tokens are told, pictures are counted. */
export function observeImages(body: unknown): Observation {
  const { data, usage, error } = record(body);
  const pictures = Array.isArray(data) ? data.length : 0;
  return {
    ...(data === undefined ? { usage: undefined } : madeUsage(parseImageUsage(usage), pictures)),
    reportedNanoUsd: parseReportedCost(usage), error: error && data === undefined ? errorMessage(error) : undefined, terminated: true, outputCharacters: pictures,
  };
}

/** Frames worth opening: a picture's last one, and an error. The others are megabytes. */
const telling = /"type"\s*:\s*"image_(?:generation|edit)\.completed"|^event: ?(?:image_(?:generation|edit)\.completed|error)|"error"\s*:\s*[{"]/m;

export class PictureStream implements StreamObserver {
  readonly seen: Observation = { usage: undefined, reportedNanoUsd: undefined, error: undefined, terminated: false, outputCharacters: 0 };
  private pictures = 0;

  push(frames: string): string {
    if (telling.test(frames)) for (const frame of splitFrames(frames)) if (telling.test(frame)) this.read(frame);
    return frames;
  }

  private read(frame: string): void {
    const event = objectOf<{ type?: unknown; usage?: unknown; error?: unknown }>(dataOf(frame));
    if (event?.error) this.seen.error = errorMessage(event.error);
    if (typeof event?.type !== "string" || !event.type.endsWith(".completed")) return;
    this.pictures += 1;
    const tokens = parseImageUsage(event.usage) ?? this.seen.usage;
    Object.assign(this.seen, madeUsage(tokens, this.pictures), { terminated: true, outputCharacters: this.pictures, reportedNanoUsd: parseReportedCost(event.usage) ?? this.seen.reportedNanoUsd });
  }
}
