/** Gemini's speech: PCM of 24 kHz in a generated answer. https://ai.google.dev/gemini-api/docs/speech-generation */
import { GatewayError } from "../../errors.ts";
import type { Crossing, Retold } from "../crossing.ts";
import { parseUsage } from "../gemini/usage.ts";
import { filled, objects, record } from "../json.ts";
import { answerIn, bytesIn } from "./answer.ts";
import { noSpeech, retoldSpeech, speechIn, spoken, unheard } from "./speech-request.ts";
import { formatAt, pcmRate, wavHead } from "./speech-formats.ts";
import { joined } from "../../bytes.ts";

const formats = { wav: "wav", pcm: "pcm" } as const;

/** Its rate stands in its type: `audio/L16;codec=pcm;rate=24000`. */
const rateOf = (mimeType: string): number => Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? pcmRate);

export const geminiSpeech: Crossing = {
  id: "gemini-speech",
  path: ({ upstreamId }) => `/models/${encodeURIComponent(upstreamId)}:generateContent`,
  /** Instructions stand before the text, as its own guide has it. Nobody who names no format is refused one: it is WAV then. */
  render({ json, provider }) {
    const { input, voice, instructions, speed, format, asked } = speechIn(json);
    if (asked) formatAt(formats, format, provider);
    const body = JSON.stringify({
      contents: [{ role: "user", parts: [{ text: instructions ? `${instructions.replace(/[\s.:]+$/, "")}: ${input}` : input }] }],
      generationConfig: { responseModalities: ["AUDIO"], speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: voice } } } },
    });
    return { body, losses: unheard({ response_format: !asked, speed }) };
  },
  read({ bytes }, { json, facts, provider }): Retold {
    const answer = answerIn(bytes, provider);
    const candidate = record(objects(answer.candidates)[0]);
    const parts = objects(record(candidate.content).parts).map(({ inlineData }) => record(inlineData)).filter(({ data }) => typeof data === "string");
    const refused = filled(candidate.finishReason) ?? filled(record(answer.promptFeedback).blockReason);
    if (parts.length === 0 && refused && refused !== "STOP") throw new GatewayError("upstream_error", `${provider} made no speech: ${refused}.`);
    if (parts.length === 0) noSpeech(provider);
    const pcm = joined(parts.map(({ data }) => bytesIn(data, provider)));
    const { events, format: wanted } = speechIn(json);
    const format = wanted === "pcm" ? "pcm" : "wav";
    const usage = parseUsage(answer.usageMetadata);
    const seen = { ...spoken(facts, "pcm", pcm.length), ...(usage && { usage: { ...usage, outputAudioTokens: usage.outputTokens, pieces: { character: facts.pieces?.character ?? 0 } }, guessed: false }) };
    return retoldSpeech({ events, format }, facts, format === "pcm" ? pcm : joined([wavHead(rateOf(String(parts[0]!.mimeType)), pcm.length), pcm]), seen);
  },
};
