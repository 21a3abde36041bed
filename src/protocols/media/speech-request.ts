/** A request for speech, in OpenAI's words, and what there is to charge for it. https://platform.openai.com/docs/api-reference/audio/createSpeech */
import * as z from "zod";
import type { Loss } from "../../chat/index.ts";
import { noUsage } from "../../chat/usage.ts";
import { GatewayError } from "../../errors.ts";
import { boundTexts } from "../bound.ts";
import type { Asked, Flow, Retold } from "../crossing.ts";
import type { Json } from "../json.ts";
import { mostTokensPerSecond } from "../media-bound.ts";
import { modelField, readFields } from "../openai-chat/request.ts";
import type { Observation, RequestFacts } from "../protocol.ts";
import { textBound } from "../text-bound.ts";
import { doneEvent, Headed, SpeechEvents, speechEvent } from "./speech-events.ts";
import { secondsOf, speechFormats, typeOfFormat, type SpeechFormat } from "./speech-formats.ts";

const voiceField = z.union([z.string().min(1), z.looseObject({ id: z.string().min(1) })], "must be the name of a voice, or {id}");

export const requestSchema = z.object({
  model: modelField,
  input: z.string("must be a string").min(1, "must not be empty"),
  voice: voiceField,
  instructions: z.string("must be a string").nullish(),
  response_format: z.enum(speechFormats, `must be one of ${speechFormats.join(", ")}`).nullish(),
  speed: z.number("must be a number").min(0.25, "must be at least 0.25").max(4, "must be at most 4").nullish(),
  stream_format: z.enum(["audio", "sse"], "must be audio or sse").nullish(),
});

/**
 * The slowest speech, seconds for a byte of text (a digit is said in half a second) and at its ends; somebody who asks for pauses gets as
 * much again. A provider speaks some 14 characters a second.
 */
const mostSecondsPerByte = 0.5;
const mostSilenceSeconds = 10;
/** OpenAI's tokens of a second of speech: 0.015 USD a minute at 12 USD per million. https://platform.openai.com/docs/pricing */
const tokensPerSecond = 21;

const eventStream = "text/event-stream; charset=utf-8";

/** Reads the facts of a request. Throws `invalid_request`. */
export function parseSpeech(body: unknown): RequestFacts {
  const { model, input, instructions, speed, stream_format } = readFields(requestSchema, body);
  const mostSeconds = ((mostSilenceSeconds + textBound(input) * mostSecondsPerByte) * (instructions ? 2 : 1)) / (speed ?? 1);
  return {
    model, stream: stream_format === "sse", usageAsked: true, ...boundTexts([input, instructions ?? ""]), choices: 1,
    outputTokens: Math.ceil(mostSeconds * mostTokensPerSecond),
    pieces: { character: [...input].length, audio_second: Math.ceil(mostSeconds) },
  };
}

/** A request's words, once it was read. */
export type Speech = { readonly input: string; readonly voice: string; readonly instructions: string | undefined; readonly format: SpeechFormat; readonly asked: boolean; readonly speed: number | undefined; readonly events: boolean };

/** `asked`: the client named the format itself. */
export function speechIn(json: Json): Speech {
  const { input, voice, instructions, response_format, speed, stream_format } = json as z.infer<typeof requestSchema>;
  return {
    input, voice: typeof voice === "string" ? voice : voice.id, instructions: instructions || undefined, format: response_format ?? "mp3", asked: response_format != null,
    speed: speed == null || speed === 1 ? undefined : speed, events: stream_format === "sse",
  };
}

/** What of a request a provider cannot be told. */
export const unheard = (fields: Readonly<Record<string, unknown>>): Loss[] => Object.entries(fields).flatMap(([field, said]) => (said === undefined || said === false ? [] : [`field:${field}` as const]));

/** The format that a content type names. */
export const formatOf = (contentType: string): SpeechFormat =>
  (["opus", "aac", "flac", "wav", "pcm"] as const).find((name) => contentType.includes(name)) ?? (/ogg|webm/.test(contentType) ? "opus" : /l16|octet/i.test(contentType) ? "pcm" : "mp3");

/** What speech of so many bytes used: its characters are known, what else there is to charge follows from its length. */
export function spoken(facts: RequestFacts, format: SpeechFormat, bytes: number): Observation {
  const seconds = secondsOf(format, bytes);
  const outputTokens = Math.min(Math.ceil(seconds * tokensPerSecond), facts.outputTokens ?? Infinity);
  const usage = { ...noUsage, inputTokens: facts.likelyInputTokens, outputTokens, outputAudioTokens: outputTokens, pieces: { character: facts.pieces?.character ?? 0, audio_second: Math.min(seconds, facts.pieces?.audio_second ?? seconds) } };
  return { usage, guessed: ["tokens", "audio_second"], reportedNanoUsd: undefined, error: undefined, terminated: true, outputCharacters: 0 };
}

/** Speech that came whole, as the client asked for it. `seen`: what its provider said of it. */
export function retoldSpeech({ events, format }: Pick<Speech, "events" | "format">, facts: RequestFacts, bytes: Uint8Array, seen: Observation = spoken(facts, format, bytes.length)): Retold {
  return events ? { body: speechEvent(bytes) + doneEvent(seen.usage), type: eventStream, seen } : { body: bytes, type: typeOfFormat[format], seen };
}

/** Speech that comes as bytes: told as it comes, or as the events that were asked for. `head`: what must stand before it. */
export function flowingSpeech(contentType: string, { json, facts }: Asked, head?: Uint8Array): Flow | undefined {
  if (!/^audio\/|^application\/octet-stream\b/i.test(contentType)) return undefined;
  const { events, format } = speechIn(json);
  const observe = (bytes: number): Observation => spoken(facts, format, bytes);
  return { type: events ? eventStream : typeOfFormat[format], observe, telling: events ? new SpeechEvents(observe, head) : head && new Headed(head) };
}

/** A JSON answer where sound was awaited. */
export function noSpeech(provider: string): never {
  throw new GatewayError("upstream_error", `${provider} did not answer with sound.`);
}
