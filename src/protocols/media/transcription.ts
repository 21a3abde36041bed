/** OpenAI's transcriptions and translations: a recording in a form, its words back. https://platform.openai.com/docs/api-reference/audio/createTranscription */
import { record, stringIn } from "../json.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { errorMessage } from "../openai-chat/stream.ts";
import type { Bytes, Crossing, Observation, Protocol, RequestFacts } from "../protocol.ts";
import { cohereTranscription } from "./cohere-transcription.ts";
import { deepgramTranscription } from "./deepgram-transcription.ts";
import { elevenlabsTranscription } from "./elevenlabs-transcription.ts";
import { geminiTranscription } from "./gemini-transcription.ts";
import { mistralTranscription } from "./mistral-transcription.ts";
import { segmentedTranscription } from "./segmented-transcription.ts";
import { lastCueOf } from "./subtitles.ts";
import { heard } from "./transcript.ts";
import { usageOfAnswer } from "./transcript-usage.ts";
import { deltaEvent, endEvent, segmentEvent, streamEnd, TranscriptObserver } from "./transcription-events.ts";
import { formFrom, parseAs, type Task } from "./transcription-request.ts";
import { workersAiTranscription } from "./workers-ai-transcription.ts";
import { xaiTranscription } from "./xai-transcription.ts";

/** OpenAI's limit of a file, and room for its fields. https://platform.openai.com/docs/guides/speech-to-text */
export const mostFormBytes = 25 * 1024 * 1024;
const utf8 = new TextDecoder();

/** What a whole answer says of its use; where it says nothing, what its recording and its text are like. */
export function observeTranscript(body: unknown, facts?: Pick<RequestFacts, "sound" | "likelyInputTokens">): Observation {
  const { error, text } = record(body);
  const said = stringIn(text) ?? "";
  const { usage, seconds, reportedNanoUsd } = usageOfAnswer(body);
  const seen = heard({ text: said, seconds, usage }, facts ?? { likelyInputTokens: 0 });
  return { ...seen, reportedNanoUsd, error: error && text === undefined ? errorMessage(error) : undefined };
}

/** Text and subtitles: the last cue says how long a recording is at least. */
function observeText({ bytes, length }: Bytes, facts: RequestFacts): Observation {
  const text = bytes ? utf8.decode(bytes) : "";
  return { ...heard({ text, seconds: undefined, usage: undefined }, facts, lastCueOf(text)), outputCharacters: length };
}

/** The events of an answer that came whole. */
function streamed(body: unknown): string {
  const { text, segments, usage } = record(body);
  const said = stringIn(text) ?? "";
  const spoken = Array.isArray(segments) && segments.some((segment) => record(segment).speaker !== undefined);
  return (spoken ? (segments as object[]).map(segmentEvent).join("") : deltaEvent(said)) + endEvent(said, usage) + streamEnd;
}

const { conversation: _, ...plain } = openaiChat;

const asked = (task: Task, id: string, path: string, crossings: readonly Crossing[]): Protocol => ({
  ...plain, id, path, crossings,
  kind: "transcription",
  parse: parseAs(task),
  edits: () => ({}),
  observe: observeTranscript,
  observeBytes: observeText,
  streamed,
  watch: () => new TranscriptObserver(),
  form: { mostBytes: mostFormBytes, lists: ["timestamp_granularities", "include", "known_speaker_names", "known_speaker_references", "keywords", "languages"], fromJson: formFrom },
});

export const openaiTranscriptions = asked("transcribe", "openai-transcriptions", "/audio/transcriptions", [
  segmentedTranscription("transcribe"), mistralTranscription, elevenlabsTranscription, deepgramTranscription, geminiTranscription("transcribe"), xaiTranscription, cohereTranscription, workersAiTranscription("transcribe"),
]);

export const openaiTranslations = asked("translate", "openai-translations", "/audio/translations", [segmentedTranscription("translate"), geminiTranscription("translate"), workersAiTranscription("translate")]);
