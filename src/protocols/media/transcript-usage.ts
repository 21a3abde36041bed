/** What an answer of OpenAI and its look-alikes says that a transcript used. */
import { noUsage, type Usage } from "../../chat/usage.ts";
import { isTold, record } from "../json.ts";
import { count, parseReportedCost, parseUsage } from "../openai-chat/usage.ts";

export const ofSeconds = (seconds: number): Usage => ({ ...noUsage, pieces: { audio_second: seconds } });

const secondsIn = (value: unknown): number | undefined => (typeof value === "number" && value > 0 && value < Infinity ? value : undefined);

/** OpenAI's tokens or seconds, OpenRouter's cost, Mistral's seconds beside its tokens, and the counts of chat that others send. */
export function usageIn(value: unknown): { usage: Usage | undefined; seconds: number | undefined; reportedNanoUsd: number | undefined } {
  const told = record(value);
  const details = record(told.input_token_details ?? told.input_tokens_details);
  const own = isTold(told.input_tokens, told.output_tokens)
    ? { ...noUsage, inputTokens: count(told.input_tokens), outputTokens: count(told.output_tokens), inputAudioTokens: count(details.audio_tokens), cachedTokens: count(details.cached_tokens) }
    : undefined;
  return { usage: own ?? parseUsage(told), seconds: secondsIn(told.seconds ?? told.prompt_audio_seconds), reportedNanoUsd: parseReportedCost(told) };
}

/** The same of a whole answer, which may say beside it how long the recording is. */
export function usageOfAnswer(answer: unknown): ReturnType<typeof usageIn> {
  const { usage, duration } = record(answer);
  const told = usageIn(usage);
  return { ...told, seconds: told.seconds ?? secondsIn(typeof duration === "string" ? Number(duration) : duration) };
}
