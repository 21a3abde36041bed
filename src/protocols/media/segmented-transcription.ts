/**
 * OpenAI's look-alikes that know JSON and no subtitles: those are made here of their segments. Groq, Together, OpenRouter.
 * https://console.groq.com/docs/speech-to-text, https://docs.together.ai/docs/speech-to-text, https://openrouter.ai/docs/api-reference/transcriptions
 */
import { formWith, type Crossing, type Retold } from "../crossing.ts";
import { objects, stringIn } from "../json.ts";
import { answerIn } from "./answer.ts";
import type { Segment, Word } from "./subtitles.ts";
import { refuse, told } from "./transcript.ts";
import { usageOfAnswer } from "./transcript-usage.ts";
import { ownFieldsIn, ownKeysIn, transcriptionIn, type Task } from "./transcription-request.ts";
import { unheard } from "./speech-request.ts";

const timeIn = (value: unknown): number => (typeof value === "number" && value >= 0 ? value : 0);

/** Segments and words as Whisper tells them; undefined: there is no such list. */
export const segmentsIn = (value: unknown): Segment[] | undefined => {
  if (!Array.isArray(value)) return undefined;
  return objects(value).map(({ text, start, end, ...more }) => ({ text: stringIn(text) ?? "", start: timeIn(start), end: timeIn(end), more }));
};
export const wordsIn = (value: unknown): Word[] | undefined => {
  if (!Array.isArray(value)) return undefined;
  return objects(value).map(({ word, text, start, end }) => ({ word: stringIn(word) ?? stringIn(text) ?? "", start: timeIn(start), end: timeIn(end) }));
};

/** What of an answer is the client's already. */
const asItIs = new Set(["json", "verbose_json"]);

export const segmentedTranscription = (task: Task): Crossing => ({
  id: task === "transcribe" ? "segmented-transcriptions" : "segmented-translations",
  path: () => (task === "transcribe" ? "/audio/transcriptions" : "/audio/translations"),
  render({ json, upstreamId, facts, provider }) {
    const { speakers, timed } = transcriptionIn(json, task);
    if (speakers) refuse("response_format", `${provider} does not tell speakers apart`);
    const form = formWith(json, { model: upstreamId, response_format: timed ? "verbose_json" : "json" }, ["stream", ...ownKeysIn(json), ...(facts.wish?.fields ?? [])]);
    return { body: { form }, losses: unheard(ownFieldsIn(json)) };
  },
  read({ bytes }, { json, facts, provider }): Retold {
    const answer = answerIn(bytes, provider);
    const asked = transcriptionIn(json, task);
    const { usage, seconds, reportedNanoUsd } = usageOfAnswer(answer);
    const { text, language, segments, words } = answer;
    const transcript = { text: stringIn(text) ?? "", language: stringIn(language), seconds, usage, words: wordsIn(words), segments: segmentsIn(segments) };
    const retold = told(transcript, asked, facts, provider);
    const seen = { ...retold.seen, reportedNanoUsd };
    return asItIs.has(asked.format) && !asked.stream ? { body: bytes, type: "application/json", seen } : { ...retold, seen };
  },
});
