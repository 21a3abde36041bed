/** What was heard in a recording, whoever wrote it down, and how it is told in each of OpenAI's formats. Pure. */
import { noUsage, type Usage } from "../../chat/usage.ts";
import { GatewayError } from "../../errors.ts";
import type { Retold } from "../crossing.ts";
import type { Observation, RequestFacts } from "../protocol.ts";
import { segmentsOf, srtOf, vttOf, type Segment, type Word } from "./subtitles.ts";
import { deltaEvent, endEvent, segmentEvent, streamEnd } from "./transcription-events.ts";
import { usualTokensPerSecond, type Transcription } from "./transcription-request.ts";

/** `seconds`: the recording's length as its provider says it; `usage`: the tokens that it counted. */
export type Transcript = {
  readonly text: string; readonly language?: string | undefined; readonly seconds?: number | undefined; readonly usage?: Usage | undefined;
  readonly words?: readonly Word[] | undefined; readonly segments?: readonly Segment[] | undefined;
};

/** What was used for a transcript, in every way in which it may be charged. `seconds`: what its provider said; else what the file says, or is like. */
export function heard({ text, seconds, usage }: Pick<Transcript, "text" | "seconds" | "usage">, { sound, likelyInputTokens }: Pick<RequestFacts, "sound" | "likelyInputTokens">, lastSeconds = 0): Observation {
  const counted = seconds ?? Math.max(sound?.seconds ?? 0, sound?.exact ? 0 : lastSeconds);
  const inputAudioTokens = Math.ceil(counted * usualTokensPerSecond);
  const tokens = usage ?? { ...noUsage, inputTokens: Math.max(inputAudioTokens, likelyInputTokens), inputAudioTokens, outputTokens: Math.ceil(text.length / 4) };
  const guessed = [...(usage ? [] : (["tokens"] as const)), ...(seconds === undefined && !sound?.exact ? (["audio_second"] as const) : [])];
  return { usage: { ...tokens, pieces: { audio_second: counted } }, guessed, reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: text.length };
}

/** OpenAI's count: of tokens where they were counted, else of seconds. */
function usageOf({ usage }: Transcript, { usage: used }: Observation): object {
  if (!usage) return { type: "duration", seconds: Math.ceil(used?.pieces?.audio_second ?? 0) };
  const { inputTokens, outputTokens, inputAudioTokens } = usage;
  return { type: "tokens", input_tokens: inputTokens, output_tokens: outputTokens, total_tokens: inputTokens + outputTokens, input_token_details: { audio_tokens: inputAudioTokens, text_tokens: inputTokens - inputAudioTokens } };
}

/** Figures that only Whisper has: clients check that they are there. */
const ofWhisper = { seek: 0, tokens: [], temperature: 0, avg_logprob: 0, compression_ratio: 0, no_speech_prob: 0 };

/** Speakers by letters, in the order in which they speak. */
function lettered(segments: readonly Segment[]): { speaker: string; segment: Segment }[] {
  const known = [...new Set(segments.map(({ speaker = "" }) => speaker))];
  const letter = (index: number): string => (index < 26 ? "" : letter(Math.floor(index / 26) - 1)) + String.fromCharCode(65 + (index % 26));
  return segments.map((segment) => ({ segment, speaker: letter(known.indexOf(segment.speaker ?? "")) }));
}

/** The transcript in the form that was asked for. Throws `upstream_error` where times were asked for and none came. */
export function told(transcript: Transcript, asked: Transcription, facts: RequestFacts, provider: string): Retold {
  const { format, task, words: wantsWords, segments: wantsSegments, timed } = asked;
  const { text, language, words } = transcript;
  const segments = transcript.segments ?? (words && segmentsOf(words));
  if (timed && text.trim() !== "" && (!segments || segments.length === 0)) throw new GatewayError("upstream_error", `${provider} did not say when anything was said.`);
  const cues = segments ?? [];
  const last = Math.max(0, ...cues.map(({ end }) => end));
  const seen = heard(transcript, facts, last);
  const usage = usageOf(transcript, seen);
  const duration = transcript.seconds ?? (facts.sound?.exact ? facts.sound.seconds : last);
  const diarized = (): object[] => lettered(cues).map(({ segment, speaker }, i) => ({ id: `seg_${i}`, type: "transcript.text.segment", start: segment.start, end: segment.end, speaker, text: segment.text }));
  if (asked.stream) {
    const events = format === "diarized_json" ? diarized().map(segmentEvent).join("") : deltaEvent(text);
    return { body: events + endEvent(text, usage) + streamEnd, type: "text/event-stream; charset=utf-8", seen };
  }
  const json = (body: object): Retold => ({ body: JSON.stringify(body), type: "application/json", seen });
  if (format === "json") return json({ text, usage });
  if (format === "diarized_json") return json({ task, duration, text, segments: diarized(), usage });
  if (format === "verbose_json") {
    return json({
      task, ...(language !== undefined && { language }), duration, text,
      ...(wantsWords && { words: (words ?? []).map(({ word, start, end }) => ({ word, start, end })) }),
      ...(wantsSegments && { segments: cues.map(({ text: said, start, end, more }, id) => ({ ...ofWhisper, ...more, id, start, end, text: said })) }),
      usage,
    });
  }
  const body = format === "srt" ? srtOf(cues) : format === "vtt" ? vttOf(cues) : `${text}\n`;
  return { body, type: "text/plain; charset=utf-8", seen };
}

/** Refuses what a provider has no word for. */
export function refuse(field: string, why: string): never {
  throw new GatewayError("invalid_request", `${field}: ${why}`, { param: field });
}
