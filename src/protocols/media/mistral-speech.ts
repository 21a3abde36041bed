/** Mistral's speech: OpenAI's names, a voice by its id, sound as base64 in JSON. https://docs.mistral.ai/studio/audio/text-to-speech/generate-speech */
import type { Crossing } from "../crossing.ts";
import { answerIn, bytesIn } from "./answer.ts";
import { noSpeech, retoldSpeech, speechIn, unheard } from "./speech-request.ts";
import { formatAt } from "./speech-formats.ts";

const formats = { mp3: "mp3", opus: "opus", flac: "flac", wav: "wav", pcm: "pcm" } as const;

/** Its PCM has floats of 32 bit where OpenAI's has integers of 16: https://github.com/livekit/agents/pull/5245 */
function shortened(floats: Uint8Array): Uint8Array {
  const from = new DataView(floats.buffer, floats.byteOffset);
  const to = new DataView(new ArrayBuffer(Math.floor(floats.length / 4) * 2));
  for (let i = 0; i < to.byteLength / 2; i += 1) to.setInt16(i * 2, Math.round(Math.max(-1, Math.min(1, from.getFloat32(i * 4, true))) * 32_767), true);
  return new Uint8Array(to.buffer);
}

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
    if (typeof audio_data !== "string") return noSpeech(provider);
    const speech = speechIn(json);
    const sound = bytesIn(audio_data, provider);
    return retoldSpeech(speech, facts, speech.format === "pcm" ? shortened(sound) : sound);
  },
};
