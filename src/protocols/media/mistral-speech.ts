/** Mistral's speech: OpenAI's names, a voice by its id, sound as base64 in JSON. https://docs.mistral.ai/studio/audio/text-to-speech/generate-speech */
import type { Crossing } from "../crossing.ts";
import { answerIn, bytesIn } from "./answer.ts";
import { noSpeech, retoldSpeech, speechIn, unheard } from "./speech-request.ts";
import { formatAt } from "./speech-formats.ts";

const formats = { mp3: "mp3", opus: "opus", flac: "flac", wav: "wav", pcm: "pcm" } as const;

export const mistralSpeech: Crossing = {
  id: "mistral-speech",
  path: () => "/audio/speech",
  render({ json, upstreamId, provider }) {
    const { input, voice, instructions, speed, format } = speechIn(json);
    const body = JSON.stringify({ model: upstreamId, input, voice_id: voice, response_format: formatAt(formats, format, provider) });
    return { body, losses: unheard({ instructions, speed }) };
  },
  read({ bytes }, { json, facts, provider }) {
    const { audio_data } = answerIn(bytes, provider);
    return typeof audio_data === "string" ? retoldSpeech(speechIn(json), facts, bytesIn(audio_data, provider)) : noSpeech(provider);
  },
};
