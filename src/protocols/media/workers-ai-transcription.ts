/** Transcripts of Cloudflare's models by their run call: two of Whisper's, and Deepgram's. https://developers.cloudflare.com/workers-ai/models/?tasks=Automatic+Speech+Recognition */
import type { Crossing, CrossingContext, Retold } from "../crossing.ts";
import { objects, record, stringIn } from "../json.ts";
import { answerIn } from "./answer.ts";
import { withBase64 } from "./base64-json.ts";
import { queryOf, transcriptIn } from "./deepgram-transcription.ts";
import { segmentsOf as spansOf, type Segment } from "./subtitles.ts";
import { segmentsOf } from "./path-segment.ts";
import { segmentsIn, wordsIn } from "./segmented-transcription.ts";
import { unheard } from "./speech-request.ts";
import { refuse, told, type Transcript } from "./transcript.ts";
import { ownFieldsIn, transcriptionIn, type Task } from "./transcription-request.ts";
import { mediaTypeOf } from "./sound.ts";

/** Whisper's newest takes JSON and translates; the older ones take bytes and nothing else; Deepgram's take bytes and a query. */
const isTurbo = (upstreamId: string): boolean => upstreamId.includes("turbo");
const isDeepgram = (upstreamId: string): boolean => upstreamId.includes("/deepgram/");

export const workersAiTranscription = (task: Task): Crossing => ({
  id: task === "transcribe" ? "workers-ai-transcriptions" : "workers-ai-translations",
  path({ json, upstreamId }) {
    const run = `/run/${segmentsOf(upstreamId, "model")}`;
    return isDeepgram(upstreamId) ? `${run}?${queryOf(transcriptionIn(json, task))}` : run;
  },
  render({ json, upstreamId, provider }) {
    const asked = transcriptionIn(json, task);
    const { file, language, prompt, temperature, speakers } = asked;
    const own = ownFieldsIn(json);
    if (task === "translate" && !isTurbo(upstreamId)) refuse("model", `${provider} translates with whisper-large-v3-turbo only`);
    if (speakers && !isDeepgram(upstreamId)) refuse("response_format", "this model does not tell speakers apart");
    if (isTurbo(upstreamId)) {
      return { body: withBase64(file, (audio) => ({ audio, task, ...(language !== undefined && { language }), ...(prompt !== undefined && { initial_prompt: prompt }) })), losses: unheard({ temperature, ...own }) };
    }
    return { body: { type: mediaTypeOf(file), bytes: file.bytes, pieces: file.pieces }, losses: unheard({ ...(isDeepgram(upstreamId) ? {} : { language }), prompt, temperature, ...own }) };
  },
  read({ bytes }, context: CrossingContext): Retold {
    const { json, facts, provider, upstreamId } = context;
    const answer = answerIn(bytes, provider);
    const result = "result" in answer ? record(answer.result) : answer;
    return told(isDeepgram(upstreamId) ? transcriptIn(result) : whisperIn(result), transcriptionIn(json, task), facts, provider);
  },
});

function whisperIn({ text, segments, words, transcription_info }: Record<string, unknown>): Transcript {
  const { language, duration } = record(transcription_info);
  const spans: Segment[] | undefined = segmentsIn(segments)?.map((segment) => ({ ...segment, more: { ...segment.more, words: undefined } }));
  const each = wordsIn(words) ?? wordsIn(objects(segments).flatMap((segment) => objects(segment.words)));
  const spoken = each && each.length > 0 ? each : undefined;
  return { text: (stringIn(text) ?? "").trim(), language: stringIn(language), seconds: typeof duration === "number" ? duration : undefined, words: spoken, segments: spans ?? (spoken && spansOf(spoken)) };
}
