/** Deepgram's recognition: the recording is the body, all else is in the query. https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded */
import type { Crossing, Retold } from "../crossing.ts";
import { objects, record, stringIn, type Json } from "../json.ts";
import { answerIn } from "./answer.ts";
import { mediaTypeOf } from "./sound.ts";
import { unheard } from "./speech-request.ts";
import type { Segment, Word } from "./subtitles.ts";
import { told, type Transcript } from "./transcript.ts";
import { ownFieldsIn, transcriptionIn, type Transcription } from "./transcription-request.ts";

/** What is asked of its models, as a query. */
export function queryOf({ language, speakers, timed }: Transcription): URLSearchParams {
  return new URLSearchParams({ smart_format: "true", ...(language === undefined ? { detect_language: "true" } : { language }), ...(timed && { utterances: "true" }), ...(speakers && { diarize: "true" }) });
}

const speakerIn = (value: unknown): string | undefined => (typeof value === "number" ? String(value) : undefined);
const seconds = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : 0);

/** Its answer, wherever its models run. */
export function transcriptIn(answer: Json): Transcript {
  const results = record(answer.results);
  const channel = record(objects(results.channels)[0]);
  const alternative = record(objects(channel.alternatives)[0]);
  const duration = record(answer.metadata).duration;
  const utterances = objects(results.utterances).map(({ transcript, start, end, speaker }): Segment => ({ text: stringIn(transcript) ?? "", start: seconds(start), end: seconds(end), speaker: speakerIn(speaker) }));
  const words = objects(alternative.words).map(({ punctuated_word, word, start, end, speaker }): Word => ({ word: stringIn(punctuated_word) ?? stringIn(word) ?? "", start: seconds(start), end: seconds(end), speaker: speakerIn(speaker) }));
  return {
    text: stringIn(alternative.transcript) ?? "", language: stringIn(channel.detected_language), seconds: typeof duration === "number" ? duration : undefined,
    ...(words.length > 0 && { words }), ...(utterances.length > 0 && { segments: utterances }),
  };
}

export const deepgramTranscription: Crossing = {
  id: "deepgram-transcriptions",
  path: ({ json, upstreamId }) => `/v1/listen?model=${encodeURIComponent(upstreamId)}&${queryOf(transcriptionIn(json, "transcribe"))}`,
  render({ json }) {
    const { file, prompt, temperature } = transcriptionIn(json, "transcribe");
    return { body: { type: mediaTypeOf(file), bytes: file.bytes, pieces: file.pieces }, losses: unheard({ prompt, temperature, ...ownFieldsIn(json) }) };
  },
  read: ({ bytes }, { json, facts, provider }): Retold => told(transcriptIn(answerIn(bytes, provider)), transcriptionIn(json, "transcribe"), facts, provider),
};
