/** Speech of Cloudflare's models by their run call: Deepgram's Aura, which answers in bytes, and MeloTTS in JSON. https://developers.cloudflare.com/workers-ai/models/?tasks=Text-to-Speech */
import type { Crossing } from "../crossing.ts";
import { record } from "../json.ts";
import { segmentsOf } from "./path-segment.ts";
import { answerIn, bytesIn } from "./answer.ts";
import { flowingSpeech, noSpeech, retoldSpeech, speechIn, unheard } from "./speech-request.ts";
import { formatAt, pcmRate, type SpeechFormat } from "./speech-formats.ts";

const auraFormats: Record<SpeechFormat, object> = {
  mp3: { encoding: "mp3" }, opus: { encoding: "opus", container: "ogg" }, aac: { encoding: "aac" }, flac: { encoding: "flac" },
  wav: { encoding: "linear16", container: "wav", sample_rate: pcmRate }, pcm: { encoding: "linear16", container: "none", sample_rate: pcmRate },
};
const meloFormats = { mp3: "mp3" } as const;

/** MeloTTS has languages where others have voices. */
const isMelo = (upstreamId: string): boolean => upstreamId.includes("melotts");

export const workersAiSpeech: Crossing = {
  id: "workers-ai-speech",
  path: ({ upstreamId }) => `/run/${segmentsOf(upstreamId, "model")}`,
  render({ json, upstreamId, provider }) {
    const { input, voice, instructions, speed, format } = speechIn(json);
    const spoken = isMelo(upstreamId) ? { prompt: input, lang: voice } : { text: input, speaker: voice, ...auraFormats[format] };
    if (isMelo(upstreamId)) formatAt(meloFormats, format, provider);
    return { body: JSON.stringify(spoken), losses: unheard({ instructions, speed }) };
  },
  read({ bytes }, { json, facts, provider }) {
    const { result, audio } = answerIn(bytes, provider);
    const sound = record(result).audio ?? audio;
    return typeof sound === "string" ? retoldSpeech(speechIn(json), facts, bytesIn(sound, provider)) : noSpeech(provider);
  },
  flows: flowingSpeech,
};
