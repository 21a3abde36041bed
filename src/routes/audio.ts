import { Hono } from "hono";
import { relay } from "../pipeline/index.ts";
import { openaiSpeech, openaiTranscriptions, openaiTranslations } from "../protocols/index.ts";
import { contextOf, type App } from "./context.ts";

/** POST /v1/audio/speech, /v1/audio/transcriptions and /v1/audio/translations */
export const audio = new Hono<App>()
  .post("/speech", (c) => relay(contextOf(c), openaiSpeech))
  .post("/transcriptions", (c) => relay(contextOf(c), openaiTranscriptions))
  .post("/translations", (c) => relay(contextOf(c), openaiTranslations));
