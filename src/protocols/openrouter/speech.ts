/** Speech as OpenRouter's clients want it: PCM unless they say otherwise. https://openrouter.ai/docs/api-reference/tts/create-speech */
import { saying } from "../crossing.ts";
import { openaiSpeech } from "../media/speech.ts";
import type { Protocol } from "../protocol.ts";

export const speech: Protocol = {
  ...openaiSpeech,
  edits: (_, raw): Record<string, string> => (raw("response_format") === undefined ? { response_format: '"pcm"' } : {}),
  crossings: openaiSpeech.crossings!.map((crossing) => saying(crossing, (json) => ({ response_format: "pcm", ...json }))),
};
