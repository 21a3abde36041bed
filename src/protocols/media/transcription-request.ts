/** A recording to be written down, in OpenAI's words. https://platform.openai.com/docs/api-reference/audio/createTranscription */
import * as z from "zod";
import { GatewayError } from "../../errors.ts";
import { SentFile } from "../crossing.ts";
import { isObject, record, type Json } from "../json.ts";
import { mostTokensPerSecond } from "../media-bound.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import type { RequestFacts } from "../protocol.ts";
import { textBound } from "../text-bound.ts";
import { soundOf } from "./sound.ts";

export const transcriptFormats = ["json", "text", "srt", "verbose_json", "vtt", "diarized_json"] as const;
export type TranscriptFormat = (typeof transcriptFormats)[number];
/** A translation knows no speakers. */
const translationFormats = transcriptFormats.filter((format) => format !== "diarized_json");

const fileField = z.custom<SentFile>((value) => value instanceof SentFile, "must be one file").refine(({ bytes }) => bytes > 0, "is empty").meta({ type: "string", format: "binary" });
/** A form has text only; JSON may have the value itself. */
const flagField = z.union([z.boolean(), z.string().regex(/^(?:true|false|1|0)$/i).transform((said) => /^(?:true|1)$/i.test(said))], "must be true or false").nullish();
const numberField = z.union([z.number(), z.string().regex(/^\d*\.?\d+$/).transform(Number)], "must be a number").pipe(z.number().min(0, "must be at least 0").max(1, "must be at most 1")).nullish();
const textField = z.string("must be text").nullish();
const listOf = (names: readonly [string, ...string[]]) => z.preprocess((value) => (typeof value === "string" ? [value] : value), z.array(z.enum(names, `must be one of ${names.join(", ")}`), "must be a list").nullish());
const granularities = listOf(["word", "segment"]);
const includes = listOf(["logprobs"]);

const shape = {
  model: modelField, file: fileField, prompt: textField, temperature: numberField,
  language: textField, stream: flagField, chunking_strategy: z.unknown().optional(),
  timestamp_granularities: granularities, "timestamp_granularities[]": granularities, include: includes, "include[]": includes,
};
const formats = (names: readonly string[]) => z.enum(names as [TranscriptFormat, ...TranscriptFormat[]], `must be one of ${names.join(", ")}`).nullish();
export const schemas = {
  transcribe: z.object({ ...shape, response_format: formats(transcriptFormats) }),
  translate: z.object({ ...shape, response_format: formats(translationFormats) }),
} as const;
export type Task = keyof typeof schemas;

/** Most tokens written for a second of speech: one that names speakers writes JSON (145 for 3.7 seconds); and for the shortest answer. */
const mostWrittenPerSecond = 50;
const leastWritten = 1_000;
/** Whisper's window; others cut at pauses. */
const pieceSeconds = 30;
/** OpenAI's tokens of a second of a recording (37 for 3.7 seconds). */
export const usualTokensPerSecond = 10;

/** A request's words, once it was read. `speakers`: it shall say who speaks; `timed`: and when. */
export type Transcription = {
  readonly task: Task; readonly file: SentFile; readonly format: TranscriptFormat; readonly language: string | undefined; readonly prompt: string | undefined;
  readonly temperature: number | undefined; readonly stream: boolean; readonly words: boolean; readonly segments: boolean; readonly speakers: boolean; readonly timed: boolean;
};

/** Reads the facts of a request. Throws `invalid_request`. */
export const parseAs = (task: Task) => (body: unknown): RequestFacts => {
  const { model, file, prompt, stream } = readFields(schemas[task], body);
  const { most, ...sound } = soundOf(file);
  const told = textBound(prompt ?? "");
  const pieces = Math.ceil(most / pieceSeconds);
  return {
    model, stream: stream === true, usageAsked: true,
    // A long recording is cut into pieces, each of which is read and answered by itself.
    readings: pieces, choices: pieces,
    inputTokens: most * mostTokensPerSecond + told + leastWritten, likelyInputTokens: Math.ceil(sound.seconds * usualTokensPerSecond + told / 4),
    outputTokens: most * mostWrittenPerSecond + leastWritten, pieces: { audio_second: most }, sound,
  };
};

/** What a request asks for. It was read before, so that nothing in it is wrong. */
export function transcriptionIn(json: Json, task: Task): Transcription {
  const read = readFields(schemas[task], json);
  const wanted = read["timestamp_granularities[]"] ?? read.timestamp_granularities ?? [];
  const format = read.response_format ?? "json";
  return {
    task, file: read.file, format, language: read.language || undefined, prompt: read.prompt || undefined, temperature: read.temperature ?? undefined, stream: read.stream === true,
    words: wanted.includes("word"), segments: wanted.includes("segment") || !wanted.includes("word"), speakers: format === "diarized_json", timed: !["json", "text"].includes(format) || wanted.length > 0,
  };
}

/** Fields that only OpenAI's own models know, where they are there. */
const ownFields = ["chunking_strategy", "include", "known_speaker_names", "known_speaker_references", "keywords", "languages"];
export const ownFieldsIn = (json: Json): Record<string, unknown> => Object.fromEntries(ownFields.map((field) => [field, ownKeysIn(json).some((key) => key === field || key.startsWith(`${field}[`))]));
/** The same as they stand in the form, brackets and all. */
export const ownKeysIn = (json: Json): string[] => Object.keys(json).filter((key) => ownFields.some((field) => key === field || key.startsWith(`${field}[`)));

/** OpenRouter's way to send a recording: as base64 in JSON. It becomes the form that all others send. https://openrouter.ai/docs/api-reference/transcriptions */
export function formFrom(json: Json): Json {
  const { input_audio, ...fields } = json;
  if (!isObject(input_audio)) {
    if (fields.file !== undefined) throw new GatewayError("invalid_request", "file: send a form with the file in it, or input_audio: {data, format}", { param: "file" });
    throw new GatewayError("invalid_request", "input_audio: must be an object with data and format", { param: "input_audio" });
  }
  const { data, format } = record(input_audio);
  if (typeof data !== "string" || typeof format !== "string" || !/^[a-z0-9]{1,10}$/i.test(format)) throw new GatewayError("invalid_request", "input_audio: must have data in base64 and format", { param: "input_audio" });
  try {
    return { file: new SentFile(`audio.${format}`, "", [Uint8Array.fromBase64(data.replace(/^data:[^,]*,/, ""))]), ...fields };
  } catch {
    throw new GatewayError("invalid_request", "input_audio.data: must be base64", { param: "input_audio.data" });
  }
}
