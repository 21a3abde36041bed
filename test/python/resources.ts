/** An upstream that has every resource beside conversations, by an independent mock of the vendors' APIs. What it answers resources.py knows. */
import { LLMock } from "@copilotkit/aimock";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { StandIn } from "../support/server.ts";

const picture = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const anything = /[^]*/;

const sound = Buffer.from("not really sound").toString("base64");
/** OpenAI's streams of media: https://platform.openai.com/docs/api-reference/audio/speech-audio-delta-event and those beside it. */
const streams: Readonly<Record<string, readonly { type: string; [field: string]: unknown }[]>> = {
  "/audio/speech": [...[sound.slice(0, 8), sound.slice(8)].map((audio) => ({ type: "speech.audio.delta", audio })), { type: "speech.audio.done", usage: { input_tokens: 2, output_tokens: 9, total_tokens: 11 } }],
  "/audio/transcriptions": [...["Hello ", "there."].map((delta) => ({ type: "transcript.text.delta", delta })), { type: "transcript.text.done", text: "Hello there.", usage: { type: "tokens", input_tokens: 5, output_tokens: 3, total_tokens: 8 } }],
  "/images/generations": [{ type: "image_generation.partial_image", partial_image_index: 0, b64_json: picture }, { type: "image_generation.completed", b64_json: picture, usage: { input_tokens: 3, output_tokens: 9, total_tokens: 12 } }],
};
/** Long enough to be told to stop. */
const slowMs = 2_000;

/** What the mock lacks: streams of media, variations, and conversations that take their time. */
class Own extends StandIn {
  protected async serve({ url, method }: IncomingMessage, text: string, response: ServerResponse): Promise<void> {
    const path = url!.replace("/v1", "");
    const events = /"stream(?:_format)?":\s*(?:true|"sse")|name="stream"/.test(text) ? streams[path] : undefined;
    response.setHeader("content-type", events ? "text/event-stream" : "application/json");
    if (events) return void response.end(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(""));
    if (path === "/images/variations") return void response.end(JSON.stringify({ created: 1, data: [{ b64_json: picture }] }));
    if (method !== "POST" || path !== "/chat/completions") return void response.writeHead(404).end("{}");
    await sleep(slowMs);
    response.end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "slow", choices: [{ index: 0, message: { role: "assistant", content: "At last." }, finish_reason: "stop" }], usage: { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 } }));
  }
}

/** Starts it. `vars`: what a gateway needs to reach it as five providers. */
export async function startResources(): Promise<{ mock: LLMock; own: StandIn; vars: Record<string, string> }> {
  const mock = new LLMock({ port: 0, host: "127.0.0.1" });
  mock.onMessage(anything, { content: "Hello there." });
  mock.onEmbedding(anything, { embedding: [0.5, -0.25, 0.125, 1] });
  mock.onImage(anything, { image: { b64Json: picture } });
  mock.onSpeech(anything, { audio: sound });
  mock.onTranscription({ transcription: { text: "Hello there.", duration: 1 } });
  mock.onTranslation({ transcription: { text: "Hello there.", duration: 1 } });
  mock.onVideo(anything, { video: { id: "video_scripted", status: "completed", b64: Buffer.from("not really a film").toString("base64"), duration: 4 } });
  mock.onRerank(anything, [{ index: 1, relevance_score: 0.9 }]);
  const scores = Object.fromEntries(["violence", "violence/graphic"].map((category) => [category, 0.01]));
  mock.onModerate(anything, { flagged: false, categories: Object.fromEntries(Object.keys(scores).map((category) => [category, false])), category_scores: scores });
  const url = await mock.start();
  const key = "sk-scripted";
  const own = new Own();
  const origin = await own.start();
  return { mock, own, vars: { SOVEREIGN_ORIGIN: `${origin}/v1`, OPENAI_BASE_URL: `${url}/v1`, ANTHROPIC_BASE_URL: url, COHERE_BASE_URL: url, OPENROUTER_BASE_URL: `${url}/api/v1`, OPENROUTER_API_KEY: key, OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key, COHERE_API_KEY: key } };
}
