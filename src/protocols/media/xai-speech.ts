/** xAI's speech. It has one model, which is not named. https://docs.x.ai/developers/model-capabilities/audio/text-to-speech */
import type { Crossing } from "../crossing.ts";
import { flowingSpeech, noSpeech, speechIn, unheard } from "./speech-request.ts";
import { formatAt, pcmRate } from "./speech-formats.ts";

const formats = { mp3: "mp3", wav: "wav", pcm: "pcm" } as const;

export const xaiSpeech: Crossing = {
  id: "xai-speech",
  path: () => "/tts",
  render({ json, provider }) {
    const { input, voice, instructions, speed, format } = speechIn(json);
    const codec = formatAt(formats, format, provider);
    const body = JSON.stringify({ text: input, voice_id: voice, language: "auto", output_format: { codec, sample_rate: pcmRate }, ...(speed !== undefined && { speed }) });
    return { body, losses: unheard({ instructions }) };
  },
  read: (_, { provider }) => noSpeech(provider),
  flows: flowingSpeech,
};
