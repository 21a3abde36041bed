/** Cohere's transcriptions: text, and nothing of when it was said. https://docs.cohere.com/reference/create-transcription */
import { formWith, type Crossing, type Retold } from "../crossing.ts";
import { stringIn } from "../json.ts";
import { answerIn } from "./answer.ts";
import { unheard } from "./speech-request.ts";
import { refuse, told } from "./transcript.ts";
import { ownFieldsIn, transcriptionIn } from "./transcription-request.ts";

export const cohereTranscription: Crossing = {
  id: "cohere-transcriptions",
  path: () => "/v2/audio/transcriptions",
  render({ json, upstreamId, provider }) {
    const { file, language, prompt, temperature, timed } = transcriptionIn(json, "transcribe");
    if (timed) refuse("response_format", `${provider} does not say when anything was said: ask for json or text`);
    return { body: { form: formWith({}, { model: upstreamId, language, temperature, file }) }, losses: unheard({ prompt, ...ownFieldsIn(json) }) };
  },
  read: ({ bytes }, { json, facts, provider }): Retold => told({ text: (stringIn(answerIn(bytes, provider).text) ?? "").trim() }, transcriptionIn(json, "transcribe"), facts, provider),
};
