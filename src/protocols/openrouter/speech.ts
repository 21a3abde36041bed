/** Speech as OpenRouter's clients want it: PCM, and a voice of the provider's choice, unless they say otherwise. https://openrouter.ai/docs/api-reference/tts/create-speech */
import { GatewayError } from "../../errors.ts";
import { saying } from "../crossing.ts";
import type { Json } from "../json.ts";
import { openaiSpeech } from "../media/speech.ts";
import type { Protocol } from "../protocol.ts";

const unsaid = (raw: string | undefined): boolean => raw === undefined || raw === "null";

/** The voice that each provider's own guide begins with, by the protocol in which it is asked and its model. A provider's whole name of a voice is its own. */
const voices: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  "elevenlabs-speech": [[/^/, "JBFqnCBsd6RMkjVDRZzb"]],
  "gemini-speech": [[/^/, "Kore"]],
  "xai-speech": [[/^/, "eve"]],
  "deepgram-speech": [[/^aura-2/, "thalia"], [/^/, "asteria"]],
  "workers-ai-speech": [[/melotts/, "en"], [/aura-2-es/, "aquila"], [/aura-2/, "luna"], [/^/, "angus"]],
};
const inModel = /^aura(?:-\d+)?-([a-z]+)-[a-z]{2}$/;

function voiceOf(protocol: string, upstreamId: string): string {
  const own = protocol === "deepgram-speech" ? inModel.exec(upstreamId)?.[1] : undefined;
  const voice = own ?? voices[protocol]?.find(([ids]) => ids.test(upstreamId))?.[1];
  if (voice === undefined) throw new GatewayError("invalid_request", `voice: ${upstreamId.slice(0, 100)} has none that is usual, name one`, { param: "voice" });
  return voice;
}

/** OpenAI's must be told one; whoever else takes its form has one, or says that there is none. */
const openaisVoice = (upstreamId: string): Record<string, string> => (/^(?:gpt-|tts-1)/.test(upstreamId) ? { voice: '"alloy"' } : {});

const anyVoice = (body: unknown): unknown => ({ ...(body as Json), voice: (body as Json).voice ?? "any" });

export const speech: Protocol = {
  ...openaiSpeech,
  parse: (body) => openaiSpeech.parse(anyVoice(body)),
  edits: (_, raw, upstreamId): Record<string, string> => ({ ...(unsaid(raw("response_format")) && { response_format: '"pcm"' }), ...(unsaid(raw("voice")) && openaisVoice(upstreamId)) }),
  crossings: openaiSpeech.crossings!.map((crossing) => saying(crossing, (json, upstreamId) => ({ ...json, response_format: json.response_format ?? "pcm", voice: json.voice ?? voiceOf(crossing.id, upstreamId) }))),
};
