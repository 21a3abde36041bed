/** What every crossing of speech owes, whoever speaks. Goldens of what is sent: golden/speech.json. */
import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { GatewayError } from "../../src/errors.ts";
import { openaiSpeech, openrouterSpeech } from "../../src/protocols/index.ts";
import type { Told } from "../../src/protocols/crossing.ts";
import type { Crossing, CrossingContext, Telling } from "../../src/protocols/protocol.ts";
import { speechFormats } from "../../src/protocols/media/speech-formats.ts";
import golden from "./golden/speech.json" with { type: "json" };

const request = { model: "ours", input: "Héllo wörld.", voice: "alloy" };
const sound = Uint8Array.from({ length: 960 }, (_, i) => i % 251);
/** The same as floats, as Mistral has it. */
const floats = new Uint8Array(Float32Array.from(new Int16Array(sound.buffer), (value) => value / 32_767).buffer);
const encoder = new TextEncoder();
const inJson = (value: object) => ({ bytes: encoder.encode(JSON.stringify(value)), contentType: "application/json" });

/** Each crossing's models, and a whole answer where it gives one. */
const models: Record<string, { upstreamId: string; whole?: (format?: string) => { bytes: Uint8Array; contentType: string } }> = {
  "elevenlabs-speech": { upstreamId: "eleven_flash_v2_5" },
  "deepgram-speech": { upstreamId: "aura-2" },
  "gemini-speech": {
    upstreamId: "gemini-2.5-flash-preview-tts",
    whole: () => inJson({ candidates: [{ content: { parts: [{ inlineData: { mimeType: "audio/L16;codec=pcm;rate=24000", data: sound.toBase64() } }] }, finishReason: "STOP" }], usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 7, totalTokenCount: 12 } }),
  },
  "mistral-speech": { upstreamId: "voxtral-mini-tts-latest", whole: (format) => inJson({ audio_data: (format === "pcm" ? floats : sound).toBase64() }) },
  "xai-speech": { upstreamId: "tts" },
  "workers-ai-speech": { upstreamId: "@cf/deepgram/aura-1", whole: () => inJson({ result: { audio: sound.toBase64() }, success: true }) },
};

const contextOf = (id: string, more: object = {}): CrossingContext =>
  ({ json: { ...request, ...more }, facts: openaiSpeech.parse({ ...request, ...more }), upstreamId: models[id]!.upstreamId, provider: "Theirs", requestId: "req_0", nowS: 1 });

const cases: Record<string, object> = {
  plain: {}, spoken: { instructions: "Whisper." }, slow: { speed: 0.5 }, "voice by id": { voice: { id: "voice_1" } }, events: { stream_format: "sse" },
  ...Object.fromEntries(speechFormats.map((format) => [format, { response_format: format }])),
};

const sent = (crossing: Crossing, more: object): unknown => {
  try {
    const context = contextOf(crossing.id, more);
    const { body, losses } = crossing.render(context);
    return { path: crossing.path(context), body: JSON.parse(body as string) as unknown, losses };
  } catch (thrown) {
    return { refused: (thrown as GatewayError).message, param: (thrown as GatewayError).detail.param };
  }
};

const rendered = Object.fromEntries(openaiSpeech.crossings!.map((crossing) => [crossing.id, Object.fromEntries(Object.entries(cases).map(([name, more]) => [name, sent(crossing, more)]))]));

/** All that a telling says of these pieces. */
function saidOf(telling: Telling | undefined, pieces: readonly Uint8Array[]): Uint8Array {
  const all = telling ? [telling.begin(), ...pieces.map((piece) => telling.piece(piece)), telling.end()] : pieces;
  return new Uint8Array(all.flatMap((piece) => [...piece]));
}

/** The sound and the usage that a stream of events tells. */
function eventsIn(bytes: Uint8Array | string): { sound: number[]; usage: unknown } {
  const events = (typeof bytes === "string" ? bytes : new TextDecoder().decode(bytes)).split("\n\n").filter(Boolean).map((frame) => JSON.parse(frame.slice(6)) as { type: string; audio?: string; usage?: unknown });
  expect(events.at(-1)!.type).toBe("speech.audio.done");
  expect(events.slice(0, -1).every(({ type }) => type === "speech.audio.delta")).toBe(true);
  return { sound: events.flatMap(({ audio }) => (audio ? [...Uint8Array.fromBase64(audio)] : [])), usage: events.at(-1)!.usage };
}

test("what is sent is what it was", () => {
  if (JSON.stringify(rendered) !== JSON.stringify(golden)) console.log(JSON.stringify(rendered));
  expect(rendered).toEqual(golden);
});

describe.each(openaiSpeech.crossings!.map((crossing) => [crossing.id, crossing] as const))("%s", (id, crossing) => {
  test.each(Object.entries(cases))("%s: the text arrives, and what else was said does or is declared", (_, more) => {
    const said = sent(crossing, more) as { path?: string; body?: object; losses?: string[]; refused?: string; param?: string };
    if (said.refused) return expect(said.param).toBe("response_format");
    const whole = decodeURIComponent(said.path! + JSON.stringify(said.body));
    expect(whole).toContain(request.input);
    const heard = { ...request, ...more } as { instructions?: string; speed?: number };
    if (heard.instructions) expect(whole.includes(heard.instructions.replace(".", "")) || said.losses!.includes("field:instructions")).toBe(true);
    if (heard.speed) expect(/speed/.test(whole) && !said.losses!.includes("field:speed") || said.losses!.includes("field:speed")).toBe(true);
  });

  test.each(["..", ".", "../../v1/voices", "a/b?x=1#y", "%2e%2e", "é"])("a voice or a model called %j leads nowhere else", (name) => {
    for (const [voice, upstreamId] of [[name, models[id]!.upstreamId], ["alloy", name]] as const) {
      const base = "https://provider.example/base";
      try {
        const path = crossing.path({ ...contextOf(id, { voice }), upstreamId });
        const [plain, found] = [crossing.path(contextOf(id)), new URL(base + path)];
        expect(found.pathname.split("/").slice(0, 3)).toEqual(new URL(base + plain).pathname.split("/").slice(0, 3));
        expect([found.host, found.hash]).toEqual(["provider.example", ""]);
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "invalid_request" });
      }
    }
  });

  test.each(speechFormats)("%s comes as that, in bytes and in events, and its characters are counted", (format) => {
    const context = contextOf(id, { response_format: format });
    if ("refused" in (sent(crossing, { response_format: format }) as object)) return;
    const asEvents = contextOf(id, { response_format: format, stream_format: "sse" });
    const { whole } = models[id]!;
    const type = { mp3: "audio/mpeg", opus: "audio/opus", aac: "audio/aac", flac: "audio/flac", wav: "audio/wav", pcm: "audio/pcm" }[format];
    const headless = (bytes: number[]): number[] => (bytes.length > sound.length ? bytes.slice(44) : bytes);
    if (whole) {
      const told = crossing.read(whole(format), context) as Told;
      expect([told.type, headless([...(told.body as Uint8Array)])]).toEqual([type, [...sound]]);
      expect(told.seen.usage!.pieces!.character).toBe(12);
      const { sound: heard, usage } = eventsIn((crossing.read(whole(format), asEvents) as Told).body);
      expect(headless(heard)).toEqual([...sound]);
      expect(usage).toEqual({ input_tokens: expect.any(Number) as unknown, output_tokens: expect.any(Number) as unknown, total_tokens: expect.any(Number) as unknown });
    }
    const flow = crossing.flows?.("audio/mpeg", context);
    if (!flow) return expect(whole).toBeDefined();
    const pieces = [sound.subarray(0, 1_000), sound.subarray(1_000)];
    expect([flow.type, headless([...saidOf(flow.telling, pieces)])]).toEqual([type, [...sound]]);
    expect(flow.observe(sound.length)).toMatchObject({ usage: { pieces: { character: 12 } }, guessed: ["tokens", "audio_second"], terminated: true });
    const events = crossing.flows!("audio/mpeg", asEvents)!;
    expect(events.type).toBe("text/event-stream; charset=utf-8");
    expect(headless(eventsIn(saidOf(events.telling, pieces)).sound)).toEqual([...sound]);
    expect(new TextDecoder().decode(events.telling!.fail!(new GatewayError("upstream_error", "broke")))).toMatch(/^data: \{"error".*\n\n$/);
  });

  test.each<[string, object | string]>([["an error", { error: { message: "no" } }], ["nothing", {}], ["a page", "<html>"], ["a failure", { success: false, errors: [{ message: "no" }] }], ["no base64", { audio_data: "?", result: { audio: "?" } }]])("%s is no speech", (_, answer) => {
    expect(() => crossing.read({ bytes: encoder.encode(typeof answer === "string" ? answer : JSON.stringify(answer)), contentType: "application/json" }, contextOf(id))).toThrow(expect.objectContaining({ code: "upstream_error" }));
    expect(crossing.flows?.("application/json", contextOf(id))).toBeUndefined();
  });
});

test("Gemini's tokens are its own count, and a WAV says how long it is", () => {
  const gemini = openaiSpeech.crossings!.find(({ id }) => id === "gemini-speech")!;
  const { body, seen } = gemini.read(models["gemini-speech"]!.whole!(), contextOf("gemini-speech", { response_format: "wav" })) as Told;
  expect(seen).toMatchObject({ guessed: false, usage: { inputTokens: 5, outputTokens: 7, outputAudioTokens: 7 } });
  const head = new DataView((body as Uint8Array).buffer);
  expect([head.getUint32(4, true), head.getUint32(24, true), head.getUint32(40, true)]).toEqual([36 + sound.length, 24_000, sound.length]);
});

describe("a request", () => {
  test("is bounded by the slowest speech of its text", () => {
    const facts = openaiSpeech.parse({ ...request, input: "x".repeat(4_096) });
    expect(facts).toMatchObject({ model: "ours", stream: false, pieces: { character: 4_096, audio_second: 2_058 }, outputTokens: 2_058 * 32 });
    expect(openaiSpeech.parse({ ...request, speed: 0.25 }).outputTokens).toBeGreaterThan(3.9 * openaiSpeech.parse(request).outputTokens!);
    expect(openaiSpeech.parse({ ...request, input: "𝄞é" }).pieces).toMatchObject({ character: 2 });
    expect(openaiSpeech.parse({ ...request, stream_format: "sse" }).stream).toBe(true);
  });

  test.each<[string, object]>([
    ["voice", { voice: undefined }], ["voice", { voice: "" }], ["voice", { voice: {} }], ["voice", { voice: 7 }], ["input", { input: "" }], ["input", { input: undefined }], ["input", { input: ["a"] }],
    ["response_format", { response_format: "ogg" }], ["speed", { speed: 5 }], ["speed", { speed: "fast" }], ["stream_format", { stream_format: "ws" }], ["instructions", { instructions: {} }], ["model", { model: undefined }], ["Input", { Input: "x" }],
  ])("says which field is wrong: %s %j", (param, over) => {
    expect(() => openaiSpeech.parse({ ...request, ...over })).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param } }));
  });
});

describe("OpenAI's own answer", () => {
  const facts = openaiSpeech.parse(request);

  test("in bytes is charged by its characters, or by an estimate of its tokens", () => {
    expect(openaiSpeech.observeBytes!({ contentType: "audio/pcm", length: 96_000 }, facts)).toMatchObject({ usage: { outputTokens: 42, outputAudioTokens: 42, pieces: { character: 12, audio_second: 2 } }, guessed: ["tokens", "audio_second"] });
  });

  test("in events says what it used", () => {
    const observer = openaiSpeech.watch(false);
    const frames = 'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\ndata: {"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":9,"total_tokens":12}}\n\n';
    expect(observer.push(frames)).toBe(frames);
    expect(observer.seen).toMatchObject({ terminated: true, usage: { ...noUsage, inputTokens: 3, outputTokens: 9, outputAudioTokens: 9 } });
    expect(observer.push('data: {"error":{"message":"no"}}\n\n')).toContain("error");
    expect(observer.seen.error).toBe("no");
  });

  test("in bytes where events were asked for is told in events", () => {
    const asked = { json: { ...request, stream_format: "sse" }, facts: openaiSpeech.parse({ ...request, stream_format: "sse" }) };
    expect(eventsIn(saidOf(openaiSpeech.telling!("audio/mpeg", asked), [sound])).sound).toEqual([...sound]);
    expect(openaiSpeech.telling!("audio/mpeg", { json: request, facts })).toBeUndefined();
  });
});

describe("by OpenRouter's clients, without a voice", () => {
  const { voice: _, ...silent } = request;
  const facts = openrouterSpeech.parse({ ...silent, voice: null });

  test("OpenAI is told one, whoever else takes its form is not", () => {
    const edits = (raw: string | undefined, upstreamId: string) => openrouterSpeech.edits(facts, (key) => (key === "voice" ? raw : undefined), upstreamId);
    expect([edits(undefined, "tts-1"), edits("null", "gpt-5-mini-tts"), edits('"nova"', "tts-1"), edits(undefined, "kokoro")]).toEqual([
      { response_format: '"pcm"', voice: '"alloy"' }, { response_format: '"pcm"', voice: '"alloy"' }, { response_format: '"pcm"' }, { response_format: '"pcm"' },
    ]);
  });

  test.each([
    ["elevenlabs-speech", "eleven_flash_v2_5", "JBFqnCBsd6RMkjVDRZzb"], ["gemini-speech", "gemini-2.5-flash-preview-tts", "Kore"], ["xai-speech", "tts", "eve"], ["deepgram-speech", "aura-2", "aura-2-thalia-en"],
    ["deepgram-speech", "aura", "aura-asteria-en"], ["deepgram-speech", "aura-2-apollo-en", "aura-2-apollo-en"], ["workers-ai-speech", "@cf/deepgram/aura-1", "angus"], ["workers-ai-speech", "@cf/deepgram/aura-2-es", "aquila"],
  ])("%s of %s speaks as %s", (id, upstreamId, voice) => {
    const crossing = openrouterSpeech.crossings!.find((one) => one.id === id)!;
    const context: CrossingContext = { json: silent, facts, upstreamId, provider: "Them", requestId: "req_1", nowS: 1 };
    const { body, losses } = crossing.render(context);
    expect(`${crossing.path(context)} ${String(body)}`).toContain(voice);
    expect(losses).toEqual([]);
  });

  test("who has none that is usual refuses", () => {
    const crossing = openrouterSpeech.crossings!.find(({ id }) => id === "mistral-speech")!;
    expect(() => crossing.render({ json: silent, facts, upstreamId: "voxtral-mini-tts-latest", provider: "Them", requestId: "req_1", nowS: 1 })).toThrow(expect.objectContaining({ code: "invalid_request", detail: { param: "voice" } }));
  });
});
