/** A recording written down, or translated into English, by Gemini: a model that listens, and is told what to do. https://ai.google.dev/gemini-api/docs/audio */
import { GatewayError } from "../../errors.ts";
import type { Crossing, Retold } from "../crossing.ts";
import { parseUsage } from "../gemini/usage.ts";
import { filled, objectIn, objects, record, stringIn } from "../json.ts";
import { answerIn } from "./answer.ts";
import { withBase64 } from "./base64-json.ts";
import { mediaTypeOf } from "./sound.ts";
import { unheard } from "./speech-request.ts";
import type { Segment } from "./subtitles.ts";
import { refuse, told } from "./transcript.ts";
import { ownFieldsIn, transcriptionIn, type Task, type Transcription } from "./transcription-request.ts";

const tasks: Readonly<Record<Task, string>> = {
  transcribe: "Write down word for word what is said in the recording, in the language in which it is said.",
  translate: "Write down in English what is said in the recording.",
};
const seconds = { type: "NUMBER", description: "Seconds from the beginning of the recording" };
const schemaOf = (speakers: boolean): object => ({
  type: "OBJECT",
  properties: {
    language: { type: "STRING", description: "ISO 639-1 code of the spoken language" },
    segments: { type: "ARRAY", items: { type: "OBJECT", properties: { start: seconds, end: seconds, text: { type: "STRING" }, ...(speakers && { speaker: { type: "STRING" } }) }, required: ["start", "end", "text", ...(speakers ? ["speaker"] : [])] } },
  },
  required: ["language", "segments"],
});

function instructionsFor({ task, language, prompt, timed, speakers }: Transcription): string {
  return [
    tasks[task],
    ...(language && task === "transcribe" ? [`The language is ${language}.`] : []),
    ...(prompt ? [`What helps to understand it: ${prompt}`] : []),
    timed ? `Cut it into sentences, each with its start and end in seconds${speakers ? " and its speaker" : ""}.` : "Answer with these words and nothing else. If nothing is said, answer with nothing.",
  ].join("\n");
}

export const geminiTranscription = (task: Task): Crossing => ({
  id: task === "transcribe" ? "gemini-transcriptions" : "gemini-translations",
  path: ({ upstreamId }) => `/models/${encodeURIComponent(upstreamId)}:generateContent`,
  render({ json, provider }) {
    const asked = transcriptionIn(json, task);
    const { file, temperature, timed, words, speakers } = asked;
    if (words) refuse("timestamp_granularities", `${provider} knows when sentences were said, not words`);
    const body = withBase64(file, (data) => ({
      contents: [{ role: "user", parts: [{ text: instructionsFor(asked) }, { inlineData: { mimeType: mediaTypeOf(file), data } }] }],
      generationConfig: { ...(temperature !== undefined && { temperature }), ...(timed && { responseMimeType: "application/json", responseSchema: schemaOf(speakers) }) },
    }));
    return { body, losses: unheard(ownFieldsIn(json)) };
  },
  read({ bytes }, { json, facts, provider }): Retold {
    const answer = answerIn(bytes, provider);
    const candidate = record(objects(answer.candidates)[0]);
    const said = objects(record(candidate.content).parts).filter(({ thought }) => thought !== true).map(({ text }) => stringIn(text) ?? "").join("");
    const refused = filled(record(answer.promptFeedback).blockReason) ?? filled(candidate.finishReason);
    if (refused !== undefined && refused !== "STOP") throw new GatewayError("upstream_error", `${provider} wrote nothing to its end: ${refused}.`);
    const asked = transcriptionIn(json, task);
    const usage = parseUsage(answer.usageMetadata);
    if (!asked.timed) return told({ text: said.trim(), usage }, asked, facts, provider);
    const heard = objectIn(said);
    if (!heard) throw new GatewayError("upstream_error", `${provider} did not keep to the form that it was given.`);
    const segments = objects(heard.segments).map(({ text, start, end, speaker }): Segment => ({ text: stringIn(text) ?? "", start: Number(start) || 0, end: Number(end) || 0, speaker: stringIn(speaker) }));
    return told({ text: segments.map(({ text }) => text.trim()).join(" "), language: stringIn(heard.language), segments, usage }, asked, facts, provider);
  },
});
