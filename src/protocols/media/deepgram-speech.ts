/** Deepgram's speech: the voice is the model. https://developers.deepgram.com/reference/text-to-speech/speak-request */
import type { Crossing } from "../crossing.ts";
import { flowingSpeech, noSpeech, speechIn, unheard } from "./speech-request.ts";
import { formatAt } from "./speech-formats.ts";

/** Encoding, container and rate of each format. https://developers.deepgram.com/docs/tts-media-output-settings */
const formats = {
  mp3: "encoding=mp3", opus: "encoding=opus&container=ogg", aac: "encoding=aac", flac: "encoding=flac",
  wav: "encoding=linear16&container=wav&sample_rate=24000", pcm: "encoding=linear16&container=none&sample_rate=24000",
} as const;
/** A voice's whole name: `aura-2-thalia-en`. */
const wholeName = /^aura(?:-\d+)?-[a-z]+-[a-z]{2}$/;

/** The model with its voice, and whether the voice that was asked for is not heard. */
function voiceOf(model: string, voice: string): { model: string; lost: boolean } {
  if (wholeName.test(voice)) return { model: voice, lost: false };
  if (wholeName.test(model)) return { model, lost: model.split("-").at(-2) !== voice };
  return { model: `${model}-${voice}-en`, lost: false };
}

export const deepgramSpeech: Crossing = {
  id: "deepgram-speech",
  path({ json, upstreamId, provider }) {
    const { voice, format } = speechIn(json);
    return `/v1/speak?model=${encodeURIComponent(voiceOf(upstreamId, voice).model)}&${formatAt(formats, format, provider)}`;
  },
  render({ json, upstreamId }) {
    const { input, voice, instructions, speed } = speechIn(json);
    return { body: JSON.stringify({ text: input }), losses: unheard({ voice: voiceOf(upstreamId, voice).lost, instructions, speed }) };
  },
  read: (_, { provider }) => noSpeech(provider),
  flows: flowingSpeech,
};
