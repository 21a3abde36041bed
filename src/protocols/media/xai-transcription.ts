/** xAI's transcriptions. It has one model, which is not named. https://docs.x.ai/developers/model-capabilities/audio/speech-to-text */
import { formWith, type Crossing, type Retold } from "../crossing.ts";
import { objects, stringIn } from "../json.ts";
import { answerIn } from "./answer.ts";
import { unheard } from "./speech-request.ts";
import type { Word } from "./subtitles.ts";
import { told } from "./transcript.ts";
import { ownFieldsIn, transcriptionIn } from "./transcription-request.ts";

export const xaiTranscription: Crossing = {
  id: "xai-transcriptions",
  path: () => "/stt",
  /** Its page wants the file behind all fields. */
  render({ json }) {
    const { file, language, prompt, temperature, speakers } = transcriptionIn(json, "transcribe");
    return { body: { form: formWith({}, { language, diarize: speakers || undefined, file }) }, losses: unheard({ prompt, temperature, ...ownFieldsIn(json) }) };
  },
  read({ bytes }, { json, facts, provider }): Retold {
    const { text, language, duration, words } = answerIn(bytes, provider);
    const spoken = objects(words).map((word): Word => (
      { word: stringIn(word.text) ?? "", start: Number(word.start) || 0, end: Number(word.end) || 0, speaker: typeof word.speaker === "number" ? String(word.speaker) : undefined }));
    return told({ text: stringIn(text) ?? "", language: stringIn(language), seconds: typeof duration === "number" ? duration : undefined, words: spoken.length > 0 ? spoken : undefined }, transcriptionIn(json, "transcribe"), facts, provider);
  },
};
