import { OpenRouter } from "@openrouter/sdk";
import { BadRequestError } from "openai";
import { toFile } from "openai/uploads";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hangUp, listen } from "../support/server.ts";
import { Gateway, openaiKey, type Client } from "./gateway.ts";

const sound = Buffer.from(Array.from({ length: 20_000 }, (_, i) => i % 251));
const text = "Hello there. Who is it?";
const segments = [{ id: 0, start: 0.1, end: 1.2, text: "Hello there." }, { id: 1, start: 2.5, end: 3.6, text: "Who is it?" }];
const folder = mkdtempSync(join(tmpdir(), "forge-audio-"));

let gateway: Gateway;
let client: Client;
/** Deepgram, and the owner's own server, as far as they are asked here: what they heard is kept. */
const heard: { url: string; type: string | undefined; key: string | undefined; body: Buffer }[] = [];
const deepgram: Server = createServer(async (request, response) => {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  heard.push({ url: request.url!, type: request.headers["content-type"], key: request.headers.authorization, body: Buffer.concat(pieces) });
  if (request.url!.endsWith("/models")) return void response.writeHead(200, { "content-type": "application/json" }).end('{"data":[{"id":"whisper-local"},{"id":"kokoro"}]}');
  if (request.url!.endsWith("/audio/transcriptions")) return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ text, duration: 4 }));
  if (request.url!.startsWith("/v1/speak") || request.url!.endsWith("/audio/speech")) return void response.writeHead(200, { "content-type": "audio/mpeg" }).end(sound);
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ metadata: { duration: 4 }, results: { channels: [{ alternatives: [{ transcript: text, words: [] }] }], utterances: segments.map(({ start, end, text: transcript }, speaker) => ({ start, end, transcript, speaker })) } }));
});

beforeAll(async () => {
  writeFileSync(join(folder, "speech.mp3"), sound);
  const at = await listen(deepgram);
  gateway = await Gateway.start((mock) => ({ GROQ_BASE_URL: `${mock}/v1`, GROQ_API_KEY: openaiKey, ELEVENLABS_BASE_URL: mock, ELEVENLABS_API_KEY: openaiKey, DEEPGRAM_BASE_URL: at, DEEPGRAM_API_KEY: "dg-key", SOVEREIGN_ORIGIN: `${at}/v1` }));
  client = await gateway.client();
  const audio = sound.toString("base64");
  for (const format of ["mp3", "opus", "aac", "flac", "wav", "pcm"]) gateway.mock.onSpeech(`Say it as ${format}`, { audio, format });
  gateway.mock.onElevenLabsTTS(/.*/, { audio });
  gateway.mock.onTranscription({ transcription: { text, language: "english", duration: 4, usage: { type: "tokens", input_tokens: 40, output_tokens: 12, total_tokens: 52, input_token_details: { audio_tokens: 40, text_tokens: 0 } }, segments } as never });
  gateway.mock.onTranslation({ transcription: { text: "It is eleven.", usage: { type: "duration", seconds: 5 } } as never });
});
afterAll(async () => {
  hangUp(deepgram);
  rmSync(folder, { recursive: true });
  await gateway?.stop();
});

const post = (path: string, body: BodyInit, headers: Record<string, string> = {}): Promise<Response> => fetch(`${gateway.url}/v1/audio${path}`, { method: "POST", headers: { authorization: `Bearer ${client.key}`, ...headers }, body });
const inJson = (path: string, body: object): Promise<Response> => post(path, JSON.stringify(body), { "content-type": "application/json" });
type Event = { type: string; audio?: string; delta?: string; text?: string; usage?: unknown };
const eventsOf = async (response: Response): Promise<Event[]> => (await response.text()).split("\n\n").filter((frame) => frame.startsWith("data: {")).map((frame) => JSON.parse(frame.slice(6)) as Event);

const openrouter = (): OpenRouter => new OpenRouter({ apiKey: client.key, serverURL: `${gateway.url}/api/v1`, retryConfig: { strategy: "none" } });

describe("speech", () => {
  test.each(["mp3", "opus", "aac", "flac", "wav", "pcm"] as const)("%s comes as its provider made it", async (format) => {
    const request = { model: "openai/tts-1", voice: "alloy", input: `Say it as ${format}`, response_format: format };
    const { data, response } = await client.openai.audio.speech.create(request).withResponse();
    const direct = await gateway.direct.audio.speech.create({ ...request, model: "tts-1" });
    expect(Buffer.from(await data.arrayBuffer()).equals(sound)).toBe(true);
    expect(response.headers.get("content-type")).toBe(direct.headers.get("content-type"));
    expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ end: "complete", status: 200 });
  });

  test("as events where the provider gives only bytes", async () => {
    const events = await eventsOf(await inJson("/speech", { model: "openai/tts-1", voice: "alloy", input: "Say it as mp3", stream_format: "sse" }));
    expect(Buffer.concat(events.flatMap(({ audio }) => (audio ? [Buffer.from(audio, "base64")] : []))).equals(sound)).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: "speech.audio.done", usage: { total_tokens: expect.any(Number) as unknown } });
  });

  test("by OpenRouter's SDK is PCM unless it says otherwise, whoever speaks", async () => {
    const spoken = async (speechRequest: object): Promise<Buffer> => Buffer.from(await new Response(await openrouter().tts.createSpeech({ speechRequest: speechRequest as never })).arrayBuffer());
    expect((await spoken({ model: "selfhosted/kokoro", voice: "af_bella", input: "Hi" })).equals(sound)).toBe(true);
    expect(JSON.parse(heard.at(-1)!.body.toString())).toEqual({ model: "kokoro", voice: "af_bella", input: "Hi", response_format: "pcm" });
    const none = await fetch(`${gateway.url}/api/v1/audio/speech`, { method: "POST", headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" }, body: '{"model":"selfhosted/kokoro","voice":"af_bella","input":"Hi","response_format":null}' });
    expect([none.status, JSON.parse(heard.at(-1)!.body.toString())]).toMatchObject([200, { response_format: "pcm" }]);
    await none.body?.cancel();
    expect((await spoken({ model: "deepgram/aura-2", voice: "thalia", input: "Hi" })).equals(sound)).toBe(true);
    expect(heard.at(-1)!.url).toContain("encoding=linear16");
    expect((await spoken({ model: "deepgram/aura-2", voice: "thalia", input: "Hi", responseFormat: "mp3" })).equals(sound)).toBe(true);
    expect(heard.at(-1)!.url).toContain("encoding=mp3");
  });

  test("by OpenRouter's SDK has a voice of its provider's where nobody names one", async () => {
    const spoken = async (model: string): Promise<void> => void (await new Response(await openrouter().tts.createSpeech({ speechRequest: { model, input: "Hi" } })).arrayBuffer());
    await spoken("deepgram/aura-2");
    expect(heard.at(-1)!.url).toContain("model=aura-2-thalia-en");
    await spoken("deepgram/aura-2-andromeda-en");
    expect(heard.at(-1)!.url).toContain("model=aura-2-andromeda-en");
    await spoken("selfhosted/kokoro");
    expect(JSON.parse(heard.at(-1)!.body.toString())).toEqual({ model: "kokoro", input: "Hi", response_format: "pcm" });
    const openais = await fetch(`${gateway.url}/api/v1/audio/speech`, { method: "POST", headers: { authorization: `Bearer ${client.key}`, "content-type": "application/json" }, body: '{"model":"openai/tts-1","input":"Say it as pcm","voice":null}' });
    expect([openais.status, Buffer.from(await openais.arrayBuffer()).equals(sound)]).toEqual([200, true]);
    await expect(openrouter().tts.createSpeech({ speechRequest: { model: "deepgram/aura-2", input: "Hi", voice: "" } })).rejects.toMatchObject({ statusCode: 400 });
  });

  test("by ElevenLabs and Deepgram, each in its own words", async () => {
    const eleven = await client.openai.audio.speech.create({ model: "elevenlabs/eleven_flash_v2_5", voice: "21m00Tcm4TlvDq8ikWAM", input: "Hi", response_format: "mp3" });
    expect(Buffer.from(await eleven.arrayBuffer()).equals(sound)).toBe(true);
    const { data, response } = await client.openai.audio.speech.create({ model: "deepgram/aura-2", voice: "thalia", input: "Hi", instructions: "Whisper.", response_format: "opus" }).withResponse();
    expect(Buffer.from(await data.arrayBuffer()).equals(sound)).toBe(true);
    expect([response.headers.get("content-type"), response.headers.get("x-forge-losses")]).toEqual(["audio/opus", "field:instructions"]);
    expect(heard.at(-1)).toMatchObject({ url: "/v1/speak?model=aura-2-thalia-en&encoding=opus&container=ogg", key: "Token dg-key" });
  });

  test("that cannot be made is a BadRequestError with its field", async () => {
    const ask = (over: object): Promise<unknown> => client.openai.audio.speech.create({ model: "openai/tts-1", voice: "alloy", input: "x", ...over } as never);
    for (const [over, param] of [[{ voice: undefined }, "voice"], [{ response_format: "ogg" }, "response_format"], [{ model: "elevenlabs/x", response_format: "flac" }, "response_format"]] as const) {
      const error = await ask(over).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BadRequestError);
      expect((error as BadRequestError).param).toBe(param);
    }
  });
});

describe("transcriptions", () => {
  const uploads = {
    "a file of the disk": () => createReadStream(join(folder, "speech.mp3")),
    "bytes with a name": () => toFile(sound, "speech.mp3"),
    "a File": () => new File([sound], "speech.mp3", { type: "audio/mpeg" }),
  };

  test.each(Object.entries(uploads))("%s, before and behind its model", async (_, upload) => {
    for (const order of [["model", "file"], ["file", "model"]] as const) {
      const fields = { model: "openai/gpt-4o-transcribe", file: await upload() };
      const { data, response } = await client.openai.audio.transcriptions.create(Object.fromEntries(order.map((name) => [name, fields[name]])) as never).withResponse() as { data: { text: string }; response: Response };
      expect(data.text).toBe(text);
      expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ end: "complete", status: 200, estimated: false, usage: { pieces: { audio_second: 4 } } });
    }
  });

  test("as a stream, its words as they come", async () => {
    const stream = await client.openai.audio.transcriptions.create({ file: await toFile(sound, "a.mp3"), model: "openai/gpt-4o-transcribe", stream: true });
    let told = "";
    let done: string | undefined;
    for await (const event of stream) {
      if (event.type === "transcript.text.delta") told += event.delta;
      if (event.type === "transcript.text.done") done = event.text;
    }
    expect([told, done]).toEqual([text, text]);
  });

  test("as a stream of who does not stream, and as subtitles of who has none", async () => {
    const file = (): Promise<File> => toFile(sound, "a.mp3");
    const events = await Array.fromAsync(await client.openai.audio.transcriptions.create({ file: await file(), model: "groq/whisper-large-v3", stream: true }));
    expect(events.map(({ type }) => type)).toEqual(["transcript.text.delta", "transcript.text.done"]);
    const srt = await client.openai.audio.transcriptions.create({ file: await file(), model: "groq/whisper-large-v3", response_format: "srt" });
    expect(srt).toBe("1\n00:00:00,100 --> 00:00:01,200\nHello there.\n\n2\n00:00:02,500 --> 00:00:03,600\nWho is it?\n\n");
    expect(await client.openai.audio.transcriptions.create({ file: await file(), model: "groq/whisper-large-v3", response_format: "text" })).toBe(`${text}\n`);
  });

  test("by Deepgram, which gets the bytes, with speakers and words", async () => {
    const spoken = await client.openai.audio.transcriptions.create({ file: await toFile(sound, "a.mp3"), model: "deepgram/nova-3", response_format: "diarized_json", chunking_strategy: "auto" });
    expect(spoken).toMatchObject({ text, duration: 4, segments: [{ speaker: "A", text: "Hello there." }, { speaker: "B" }], usage: { type: "duration", seconds: 4 } });
    expect(heard.at(-1)!.body.equals(sound)).toBe(true);
    expect(heard.at(-1)).toMatchObject({ type: "audio/mpeg", url: expect.stringContaining("diarize=true") as unknown });
  });

  test("as JSON, as OpenRouter's clients send them", async () => {
    const response = await inJson("/transcriptions", { model: "openai/gpt-4o-transcribe", input_audio: { data: sound.toString("base64"), format: "mp3" }, language: "en" });
    expect(await response.json()).toMatchObject({ text });
  });

  test("by OpenRouter's SDK, from JSON and from a form", async () => {
    const data = sound.toString("base64");
    const sttRequest = { model: "openai/gpt-4o-transcribe", inputAudio: { data, format: "mp3" }, language: "en", provider: { options: {} }, sessionId: "a-session" };
    expect(await openrouter().stt.createTranscription({ sttRequest })).toMatchObject({ text });
    const requestBody = { model: "groq/whisper-large-v3", file: { fileName: "speech.mp3", content: new Uint8Array(sound) } };
    expect(await openrouter().stt.createTranscriptionMultipart({ requestBody })).toMatchObject({ text });
    const refused = await openrouter().stt.createTranscription({ sttRequest: { ...sttRequest, model: "no-such-model" } }).catch((thrown: unknown) => thrown);
    expect(refused).toMatchObject({ name: "NotFoundResponseError", error: { code: 404 } });
  });

  test("a name runs a form once, whatever its boundary", async () => {
    const ask = async (last: number): Promise<Response> => {
      const form = new FormData();
      form.set("model", "deepgram/nova-3");
      form.set("file", new File([sound, Buffer.from([last])], "a.mp3", { type: "audio/mpeg" }));
      return post("/transcriptions", form, { "idempotency-key": "one form" });
    };
    const before = heard.length;
    const [first, again, other] = [await ask(1), await ask(1), await ask(2)];
    expect([await first.text(), again.headers.get("idempotent-replayed"), other.status]).toEqual([await again.text(), "true", 409]);
    expect(heard.length).toBe(before + 1);
  });

  test.each<[string, (form: FormData) => void, string | null]>([
    ["no file", (form) => form.delete("file"), "file"],
    ["a file that is text", (form) => form.set("file", "sound"), "file"],
    ["an empty file", (form) => form.set("file", new File([], "a.mp3")), "file"],
    ["two files", (form) => form.append("file", new File([sound], "b.mp3")), "file"],
    ["two models", (form) => form.append("model", "openai/other"), "model"],
    ["no such format", (form) => form.set("response_format", "xml"), "response_format"],
    ["times that nobody has", (form) => form.set("timestamp_granularities[]", "letter"), "timestamp_granularities[][0]"],
  ])("%s is a 400 that says so", async (_, spoil, param) => {
    const form = new FormData();
    form.set("model", "openai/whisper-1");
    form.set("file", new File([sound], "a.mp3"));
    spoil(form);
    const response = await post("/transcriptions", form);
    expect([response.status, await response.json()]).toMatchObject([400, { error: { type: "invalid_request_error", param } }]);
  });

  test("30 MB are refused in OpenAI's words, and other bodies as what they are", async () => {
    const form = new FormData();
    form.set("model", "openai/whisper-1");
    form.set("file", new File([Buffer.alloc(30 * 1024 * 1024)], "a.mp3"));
    const response = await post("/transcriptions", form);
    expect([response.status, await response.json()]).toMatchObject([413, { error: { message: expect.stringMatching(/^Maximum content size limit \(26214400\) exceeded \(314\d+ bytes read\)$/) as unknown } }]);
    expect((await post("/transcriptions", "x", { "content-type": "text/plain" })).status).toBe(415);
    expect((await post("/transcriptions", "--x", { "content-type": "multipart/form-data; boundary=x" })).status).toBe(400);
  });
});

describe("a sovereign request", () => {
  const headers = { "x-sovereign": "true" };

  test.each([["short, held", 1], ["long, sent on as it comes", 80]])("takes a recording to the owner's own server: %s", async (_, times) => {
    const whole = Buffer.concat(Array.from({ length: times }, () => sound));
    const { data, response } = await client.openai.audio.transcriptions.create({ model: "selfhosted/whisper-local", file: await toFile(whole, "a.mp3") }, { headers }).withResponse();
    expect([data.text, heard.at(-1)!.url, heard.at(-1)!.body.includes(whole)]).toEqual([text, "/v1/audio/transcriptions", true]);
    expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ end: "complete", deployment: "selfhosted/whisper-local" });
  });

  test("speaks there, and nowhere else", async () => {
    const spoken = await client.openai.audio.speech.create({ model: "selfhosted/kokoro", voice: "af_bella", input: "Hi" }, { headers });
    expect(Buffer.from(await spoken.arrayBuffer()).equals(sound)).toBe(true);
    const before = heard.length;
    for (const model of ["deepgram/aura-2", "openai/tts-1"]) {
      const refused = await client.openai.audio.speech.create({ model, voice: "thalia", input: "Hi" }, { headers }).catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ status: 503, code: "sovereign_unavailable" });
    }
    expect(heard.length).toBe(before);
  });
});

test("translations into English, and by whom not", async () => {
  const { data, response } = await client.openai.audio.translations.create({ file: await toFile(sound, "a.mp3"), model: "openai/whisper-1" }).withResponse();
  expect(data.text).toBe("It is eleven.");
  expect(await gateway.entry(client, response.headers.get("x-request-id"))).toMatchObject({ end: "complete", usage: { pieces: { audio_second: 5 } } });
  const error = await client.openai.audio.translations.create({ file: await toFile(sound, "a.mp3"), model: "deepgram/nova-3" }).catch((thrown: unknown) => thrown);
  expect((error as Error).message).toContain("no provider of it offers this endpoint (deepgram)");
});
