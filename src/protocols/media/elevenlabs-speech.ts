/** ElevenLabs' speech: the voice stands in the path, the format in the query. https://elevenlabs.io/docs/api-reference/text-to-speech/convert */
import type { Crossing } from "../crossing.ts";
import { segmentOf } from "./path-segment.ts";
import { flowingSpeech, noSpeech, speechIn, unheard } from "./speech-request.ts";
import { formatAt, pcmRate, wavHead } from "./speech-formats.ts";

/** WAV is its PCM with a head before it. */
const formats = { mp3: "mp3_44100_128", opus: "opus_48000_128", wav: "pcm_24000", pcm: "pcm_24000" } as const;
/** Its slowest and its fastest. */
const [slowest, fastest] = [0.7, 1.2];

export const elevenlabsSpeech: Crossing = {
  id: "elevenlabs-speech",
  path({ json, provider }) {
    const { voice, format } = speechIn(json);
    return `/v1/text-to-speech/${segmentOf(voice, "voice")}?output_format=${formatAt(formats, format, provider)}`;
  },
  render({ json, upstreamId }) {
    const { input, instructions, speed } = speechIn(json);
    const nearest = speed && Math.min(Math.max(speed, slowest), fastest);
    const body = JSON.stringify({ text: input, model_id: upstreamId, ...(nearest !== undefined && { voice_settings: { speed: nearest } }) });
    return { body, losses: unheard({ instructions, speed: nearest !== speed }) };
  },
  read: (_, { provider }) => noSpeech(provider),
  flows: (contentType, context) => flowingSpeech(contentType, context, speechIn(context.json).format === "wav" ? wavHead(pcmRate) : undefined),
};
