/** Speech as OpenRouter's clients want it: PCM unless they say otherwise. https://openrouter.ai/docs/api-reference/tts/create-speech */
import { saying } from "../crossing.ts";
import { openaiSpeech } from "../media/speech.ts";
import type { Protocol } from "../protocol.ts";

const unsaid = (raw: string | undefined): boolean => raw === undefined || raw === "null";

export const speech: Protocol = {
  ...openaiSpeech,
  edits: (_, raw): Record<string, string> => (unsaid(raw("response_format")) ? { response_format: '"pcm"' } : {}),
  crossings: openaiSpeech.crossings!.map((crossing) => saying(crossing, (json) => ({ ...json, response_format: json.response_format ?? "pcm" }))),
};
