/** OpenAI's speech: text in, sound out, as bytes or as events. https://platform.openai.com/docs/api-reference/audio/createSpeech */
import { record } from "../json.ts";
import { openaiChat } from "../openai-chat/index.ts";
import type { Protocol } from "../protocol.ts";
import { deepgramSpeech } from "./deepgram-speech.ts";
import { elevenlabsSpeech } from "./elevenlabs-speech.ts";
import { geminiSpeech } from "./gemini-speech.ts";
import { mistralSpeech } from "./mistral-speech.ts";
import { SpeechEvents, SpeechObserver } from "./speech-events.ts";
import { formatOf, parseSpeech, spoken } from "./speech-request.ts";
import { workersAiSpeech } from "./workers-ai-speech.ts";
import { xaiSpeech } from "./xai-speech.ts";

const { conversation: _, ...plain } = openaiChat;

export const openaiSpeech: Protocol = {
  ...plain,
  id: "openai-speech",
  kind: "speech",
  path: "/audio/speech",
  parse: parseSpeech,
  edits: () => ({}),
  /** JSON is no speech: it says why there is none. */
  observe: (body) => ({ usage: undefined, reportedNanoUsd: undefined, error: JSON.stringify(record(body).error ?? "The answer is no sound."), terminated: true, outputCharacters: 0 }),
  observeBytes: ({ contentType, length }, facts) => spoken(facts, formatOf(contentType), length),
  telling: (contentType, { facts }) => (facts.stream ? new SpeechEvents((bytes) => spoken(facts, formatOf(contentType), bytes)) : undefined),
  watch: () => new SpeechObserver(),
  crossings: [elevenlabsSpeech, deepgramSpeech, geminiSpeech, mistralSpeech, xaiSpeech, workersAiSpeech],
};
