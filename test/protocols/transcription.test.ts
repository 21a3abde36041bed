/** What every crossing of transcripts owes, whoever listens. Goldens of what is sent: golden/transcription.json. */
import { describe, expect, test } from "vitest";
import { GatewayError } from "../../src/errors.ts";
import { SentFile, type Told } from "../../src/protocols/crossing.ts";
import { openaiTranscriptions, openaiTranslations } from "../../src/protocols/index.ts";
import type { Crossing, CrossingContext, Protocol, SentBody } from "../../src/protocols/protocol.ts";
import { wavHead } from "../../src/protocols/media/speech-formats.ts";
import { transcriptFormats } from "../../src/protocols/media/transcription-request.ts";
import golden from "./golden/transcription.json" with { type: "json" };
import { cases, crossingOf, text, translations, type Case } from "./transcription-cases.ts";

/** Four seconds of silence, in pieces that are no whole threes. */
const pcmRate = 400;
const pcm = new Uint8Array(4 * pcmRate * 2);
const wav = new SentFile("meeting.wav", "audio/wav", [wavHead(pcmRate, pcm.length), pcm.subarray(0, 1_000), pcm.subarray(1_000)]);
const whole = new Uint8Array([...wavHead(pcmRate, pcm.length), ...pcm]);

const contextOf = (protocol: Protocol, { upstreamId }: Case, more: object = {}): CrossingContext => {
  const json = { file: wav, model: "ours", ...more };
  return { json, facts: protocol.parse(json), upstreamId, provider: "Theirs", requestId: "req_0", nowS: 1 };
};

const asked: Record<string, object> = {
  plain: {}, told: { language: "en", prompt: "Names: Ada.", temperature: "0.2" }, words: { response_format: "verbose_json", "timestamp_granularities[]": ["word", "segment"] }, stream: { stream: "true" },
  "diarized stream": { stream: "true", response_format: "diarized_json" }, "OpenAI's own": { "include[]": ["logprobs"], chunking_strategy: "auto", "known_speaker_names[]": ["Ada"] },
  ...Object.fromEntries(transcriptFormats.map((format) => [format, { response_format: format }])),
};

/** The recording as it is sent, wherever it stands. */
function recordingIn(body: SentBody): number {
  if (typeof body === "string") return 0;
  if ("form" in body) return Object.values(body.form).filter((value) => value === wav).length;
  const sent = new Uint8Array([...body.pieces].flatMap((piece) => [...piece]));
  expect(sent.length).toBe(body.bytes);
  if (body.type !== "application/json") return Number(sent.length === whole.length && sent.every((byte, i) => byte === whole[i]));
  return JSON.stringify(JSON.parse(new TextDecoder().decode(sent))).split(whole.toBase64()).length - 1;
}

/** What is sent, the recording left out. */
function readable(body: SentBody): unknown {
  if (typeof body === "string") return JSON.parse(body);
  if ("form" in body) return Object.fromEntries(Object.entries(body.form).map(([name, value]) => [name, value === wav ? "<the recording>" : value]));
  if (body.type !== "application/json") return `<the recording as ${body.type}>`;
  return JSON.parse(new TextDecoder().decode(new Uint8Array([...body.pieces].flatMap((piece) => [...piece]))).replace(whole.toBase64(), "<the recording>"));
}

type Sent = { path: string; body: unknown; losses: string[] } | { refused: string; param: string | undefined };
function sent(protocol: Protocol, one: Case, more: object): Sent {
  try {
    const context = contextOf(protocol, one, more);
    const crossing = crossingOf(protocol.crossings!, one);
    const { body, losses } = crossing.render(context);
    expect(recordingIn(body)).toBe(1);
    return { path: crossing.path(context), body: readable(body), losses: [...losses] };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return { refused: thrown.message, param: thrown.detail.param };
  }
}

const inJson = (answer: object) => ({ bytes: new TextEncoder().encode(JSON.stringify(answer)), contentType: "application/json" });
const bodyOf = ({ body }: Told): string => (typeof body === "string" ? body : new TextDecoder().decode(body));
const eventsIn = (body: string): Record<string, any>[] => body.split("\n\n").filter((frame) => frame && frame !== "data: [DONE]").map((frame) => JSON.parse(frame.slice(6)) as Record<string, any>);
const all = (protocol: Protocol, of: Record<string, Case>): object => Object.fromEntries(Object.entries(of).map(([name, one]) => [name, Object.fromEntries(Object.entries(asked).flatMap(([how, more]) => {
  if (protocol === openaiTranslations && JSON.stringify(more).includes("diarized")) return [];
  return [[how, sent(protocol, one, more)]];
}))]));

test("what is sent is what it was", () => {
  const rendered = { ...all(openaiTranscriptions, cases), ...Object.fromEntries(Object.entries(all(openaiTranslations, translations)).map(([name, value]) => [`${name}, translated`, value])) };
  if (JSON.stringify(rendered) !== JSON.stringify(golden)) console.log(JSON.stringify(rendered));
  expect(rendered).toEqual(golden);
});

const suites: [string, Protocol, Case][] = [
  ...Object.entries(cases).map(([name, one]): [string, Protocol, Case] => [name, openaiTranscriptions, one]),
  ...Object.entries(translations).map(([name, one]): [string, Protocol, Case] => [`${name}, translated`, openaiTranslations, one]),
];

describe.each(suites)("%s", (_, protocol, one) => {
  const crossing: Crossing = crossingOf(protocol.crossings!, one);
  /** The answer in a form; undefined: it is refused with the field's name. */
  function answered(more: { response_format?: string; stream?: string }): Told | undefined {
    const said = sent(protocol, one, more);
    if ("refused" in said) {
      expect(said.param).toMatch(/^(?:response_format|timestamp_granularities)$/);
      return undefined;
    }
    const timed = !["json", "text", undefined].includes(more.response_format);
    return crossing.read(inJson(one.answer(timed)), contextOf(protocol, one, more)) as Told;
  }

  test("a hint is heard or declared", () => {
    const said = sent(protocol, one, asked.told!) as Exclude<Sent, { refused: string }>;
    for (const [field, word] of [["prompt", "Ada"], ["language", '"en"'], ["temperature", "0.2"]] as const) {
      const heard = JSON.stringify(said.body).includes(word) || said.path.includes(`${field}=${word.replaceAll('"', "")}`) || (field === "language" && JSON.stringify(said.body).includes("language is en"));
      expect([field, heard || said.losses.includes(`field:${field}`) || (field === "language" && protocol === openaiTranslations)]).toEqual([field, true]);
    }
  });

  test("JSON and text have the words, and the seconds that they are charged for", () => {
    const json = answered({})!;
    expect(JSON.parse(bodyOf(json))).toMatchObject({ text });
    expect(bodyOf(answered({ response_format: "text" })!)).toBe(`${text}\n`);
    expect(answered({ response_format: "text" })!.type).toBe("text/plain; charset=utf-8");
    expect(json.seen).toMatchObject({ terminated: true, error: undefined, usage: { pieces: { audio_second: 4 } } });
    expect(json.seen.guessed).not.toContain("audio_second");
  });

  test("subtitles have every word in time", () => {
    const srt = answered({ response_format: "srt" });
    if (!srt) return;
    expect(bodyOf(srt)).toBe("1\n00:00:00,100 --> 00:00:01,200\nHello there.\n\n2\n00:00:02,500 --> 00:00:03,600\nWho is it?\n\n");
    expect(bodyOf(answered({ response_format: "vtt" })!)).toBe("WEBVTT\n\n00:00:00.100 --> 00:00:01.200\nHello there.\n\n00:00:02.500 --> 00:00:03.600\nWho is it?\n\n");
  });

  test("verbose JSON has what clients check, and words where they were asked for", () => {
    const verbose = answered({ response_format: "verbose_json" });
    if (!verbose) return;
    const body = JSON.parse(bodyOf(verbose)) as Record<string, any>;
    expect(body).toMatchObject({ text, duration: 4, segments: [{ id: 0, start: 0.1, end: 1.2 }, { id: 1, start: 2.5, end: 3.6 }] });
    for (const segment of body.segments) for (const field of ["seek", "tokens", "temperature", "avg_logprob", "compression_ratio", "no_speech_prob"]) expect(segment).toHaveProperty(field);
    const words = answered(asked.words as { response_format: string });
    if (words && one.crossing !== "mistral-transcriptions") expect(JSON.parse(bodyOf(words)).words.map(({ word }: { word: string }) => word)).toEqual(["Hello", "there.", "Who", "is", "it?"]);
  });

  test("speakers are lettered as they come", () => {
    if (protocol === openaiTranslations) return;
    const diarized = answered({ response_format: "diarized_json" });
    if (!diarized) return;
    expect(JSON.parse(bodyOf(diarized))).toMatchObject({ task: "transcribe", text, segments: [{ id: "seg_0", type: "transcript.text.segment", speaker: "A", text: "Hello there." }, { speaker: "B" }] });
    const events = eventsIn(bodyOf(answered(asked["diarized stream"]!)!));
    expect(events.map(({ type, speaker }) => [type, speaker])).toEqual([["transcript.text.segment", "A"], ["transcript.text.segment", "B"], ["transcript.text.done", undefined]]);
  });

  test("a stream of who does not stream is made of the whole", () => {
    const told = answered({ stream: "true" })!;
    expect(told.type).toBe("text/event-stream; charset=utf-8");
    const events = eventsIn(bodyOf(told));
    expect(events.map(({ type }) => type)).toEqual(["transcript.text.delta", "transcript.text.done"]);
    expect([events[0]!.delta, events[1]!.text]).toEqual([text, text]);
    const observer = protocol.watch(false);
    observer.push(bodyOf(told));
    expect(observer.seen).toMatchObject({ terminated: true, outputCharacters: text.length });
  });

  test.each<[string, object | string]>([["an error", { error: { message: "no" } }], ["a page", "<html>"], ["a failure", { success: false, errors: [{ message: "no" }] }]])("%s is no transcript", (_, answer) => {
    expect(() => crossing.read({ bytes: new TextEncoder().encode(typeof answer === "string" ? answer : JSON.stringify(answer)), contentType: "application/json" }, contextOf(protocol, one))).toThrow(expect.objectContaining({ code: "upstream_error" }));
  });

  test("words without times where times were asked for are no answer", () => {
    if (!answered({ response_format: "srt" })) return;
    const bare = one.crossing.startsWith("gemini") ? one.answer(false) : one.crossing.startsWith("workers-ai") ? { result: { text, results: { channels: [{ alternatives: [{ transcript: text }] }] } } } : { text, results: { channels: [{ alternatives: [{ transcript: text }] }] } };
    expect(() => crossing.read(inJson(bare), contextOf(protocol, one, { response_format: "srt" }))).toThrow(expect.objectContaining({ code: "upstream_error" }));
  });
});

test("Mistral's own stream is told as OpenAI's", () => {
  const observer = crossingOf(openaiTranscriptions.crossings!, cases.mistral!).watch!(contextOf(openaiTranscriptions, cases.mistral!, { stream: "true" }));
  const frames = [{ type: "transcription.language", audio_language: "en" }, { type: "transcription.text.delta", text: "Hello" }, { type: "transcription.text.delta", text: " there." }, { type: "transcription.done", text: "Hello there.", model: "m", segments: [], usage: { prompt_audio_seconds: 3, prompt_tokens: 3, total_tokens: 389, completion_tokens: 11, prompt_tokens_details: { audio_tokens: 375 } } }];
  const told = frames.map((frame) => observer.push(`event: ${frame.type}\ndata: ${JSON.stringify(frame)}\n\n`)).join("");
  expect(eventsIn(told)).toEqual([{ type: "transcript.text.delta", delta: "Hello" }, { type: "transcript.text.delta", delta: " there." }, { type: "transcript.text.done", text: "Hello there.", usage: { type: "tokens", input_tokens: 378, output_tokens: 11, total_tokens: 389 } }]);
  expect(observer.seen).toMatchObject({ terminated: true, usage: { inputTokens: 378, outputTokens: 11, inputAudioTokens: 375, pieces: { audio_second: 3 } } });
});

describe("OpenAI's own answer", () => {
  const facts = openaiTranscriptions.parse({ file: wav, model: "ours" });
  const mp3 = openaiTranscriptions.parse({ file: new SentFile("a.mp3", "audio/mpeg", [new Uint8Array(160_000)]), model: "ours" });

  test.each<[string, object, object]>([
    ["tokens", { text, usage: { type: "tokens", input_tokens: 37, output_tokens: 12, total_tokens: 49, input_token_details: { audio_tokens: 30, text_tokens: 7 } } }, { usage: { inputTokens: 37, outputTokens: 12, inputAudioTokens: 30, pieces: { audio_second: 4 } }, guessed: [] }],
    ["seconds", { text, usage: { type: "duration", seconds: 5 } }, { usage: { pieces: { audio_second: 5 } }, guessed: ["tokens"] }],
    ["how long it is", { text, duration: 4.2, segments: [] }, { usage: { pieces: { audio_second: 4.2 } }, guessed: ["tokens"] }],
    ["its cost", { text, usage: { input_tokens: 37, output_tokens: 12, cost: 0.00010625 } }, { reportedNanoUsd: 106_250 }],
    ["nothing, and the file says it", { text }, { usage: { pieces: { audio_second: 4 } }, guessed: ["tokens"] }],
    ["an error", { error: { message: "no" } }, { error: "no" }],
  ])("says %s", (_, answer, seen) => {
    expect(openaiTranscriptions.observe(answer, facts)).toMatchObject(seen);
  });

  test("that says nothing of a file that says nothing is an estimate", () => {
    expect(openaiTranscriptions.observe({ text }, mp3)).toMatchObject({ usage: { pieces: { audio_second: 10 } }, guessed: ["tokens", "audio_second"] });
    const srt = new TextEncoder().encode("1\n00:00:00,000 --> 01:02:03,500\nHi\n\n");
    expect(openaiTranscriptions.observeBytes!({ contentType: "text/plain", length: srt.length, bytes: srt }, mp3).usage!.pieces).toEqual({ audio_second: 3_723.5 });
    expect(openaiTranscriptions.observeBytes!({ contentType: "text/plain", length: srt.length, bytes: srt }, facts).usage!.pieces).toEqual({ audio_second: 4 });
  });

  test("that came whole is told as the stream that was asked for", () => {
    const spoken = { text, segments: [{ id: "seg_0", start: 0, end: 1, speaker: "A", text }], usage: { type: "duration", seconds: 4 } };
    expect(eventsIn(openaiTranscriptions.streamed!(spoken)).map(({ type }) => type)).toEqual(["transcript.text.segment", "transcript.text.done"]);
    expect(eventsIn(openaiTranscriptions.streamed!({ text }))).toEqual([{ type: "transcript.text.delta", delta: text }, { type: "transcript.text.done", text }]);
  });

  test("in a stream passes as it is and is counted", () => {
    const frames = 'data: {"type":"transcript.text.delta","delta":"Hi"}\n\ndata: {"type":"transcript.text.done","text":"Hi","usage":{"type":"tokens","total_tokens":49,"input_tokens":37,"input_token_details":{"text_tokens":0,"audio_tokens":37},"output_tokens":12}}\n\ndata: [DONE]\n\n';
    const observer = openaiTranscriptions.watch(false);
    expect(observer.push(frames)).toBe(frames);
    expect(observer.seen).toMatchObject({ terminated: true, outputCharacters: 2, usage: { inputTokens: 37, outputTokens: 12, inputAudioTokens: 37 } });
  });
});

describe("a request", () => {
  const parse = (over: object) => openaiTranscriptions.parse({ file: wav, model: "ours", ...over });
  test.each<[string, object]>([
    ["file", { file: undefined }], ["file", { file: "a text" }], ["file", { file: [wav, wav] }], ["file", { file: new SentFile("a.wav", "audio/wav", []) }], ["response_format", { response_format: "xml" }], ["stream", { stream: "perhaps" }],
    ["timestamp_granularities[][0]", { "timestamp_granularities[]": ["letter"] }], ["include[0]", { include: ["all"] }], ["temperature", { temperature: "2" }], ["model", { model: wav }], ["prompt", { prompt: wav }], ["File", { File: wav }],
  ])("says which field is wrong: %s", (param, over) => {
    expect(() => parse(over)).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });

  test("of a translation knows no speakers", () => {
    expect(() => openaiTranslations.parse({ file: wav, model: "ours", response_format: "diarized_json" })).toThrow(expect.objectContaining({ detail: { param: "response_format" } }));
  });

  test.each(["timestamp_granularities", "timestamp_granularities[]"])("%s may stand once or several times", (field) => {
    for (const value of ["word", ["word"], ["word", "segment"]]) expect(parse({ [field]: value }).stream).toBe(false);
  });

  test("as JSON is the same as its form", () => {
    const json = openaiTranscriptions.form!.fromJson!({ model: "ours", input_audio: { data: whole.toBase64(), format: "wav" }, language: "en", temperature: 0.5, stream: true, timestamp_granularities: ["word"] });
    expect(openaiTranscriptions.parse(json)).toEqual({ ...parse({ language: "en" }), stream: true });
    for (const wrong of [{ model: "m" }, { input_audio: "x" }, { input_audio: { data: "?", format: "wav" } }, { input_audio: { data: "AAAA", format: "../x" } }, { input_audio: { format: "wav" } }, { file: "text" }]) {
      expect(() => openaiTranscriptions.form!.fromJson!(wrong)).toThrow(expect.objectContaining({ code: "invalid_request" }));
    }
  });
});
