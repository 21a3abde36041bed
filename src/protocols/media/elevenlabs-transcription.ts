/** ElevenLabs' Scribe: words in time, with their speakers. https://elevenlabs.io/docs/api-reference/speech-to-text/convert */
import { formWith, type Crossing, type Retold } from "../crossing.ts";
import { objects, stringIn } from "../json.ts";
import { answerIn } from "./answer.ts";
import { unheard } from "./speech-request.ts";
import type { Word } from "./subtitles.ts";
import { told } from "./transcript.ts";
import { ownFieldsIn, transcriptionIn } from "./transcription-request.ts";

export const elevenlabsTranscription: Crossing = {
  id: "elevenlabs-transcriptions",
  path: () => "/v1/speech-to-text",
  /** Laughter and applause are no words that anybody said. */
  render({ json, upstreamId }) {
    const { file, language, temperature, prompt, timed, speakers } = transcriptionIn(json, "transcribe");
    const form = formWith({}, {
      model_id: upstreamId, file, language_code: language, temperature, tag_audio_events: false, timestamps_granularity: timed ? "word" : "none", diarize: speakers || undefined,
    });
    return { body: { form }, losses: unheard({ prompt, ...ownFieldsIn(json) }) };
  },
  read({ bytes }, { json, facts, provider }): Retold {
    const { text, language_code, words, audio_duration_secs } = answerIn(bytes, provider);
    const spoken = objects(words).filter(({ type }) => type === "word" || type === undefined).map((word): Word => (
      { word: stringIn(word.text) ?? "", start: Number(word.start) || 0, end: Number(word.end) || 0, speaker: stringIn(word.speaker_id) }));
    const seconds = typeof audio_duration_secs === "number" ? audio_duration_secs : undefined;
    return told({ text: stringIn(text) ?? "", language: stringIn(language_code), seconds, words: spoken.length > 0 ? spoken : undefined }, transcriptionIn(json, "transcribe"), facts, provider);
  },
};
