import { openaiLike } from "./provider.ts";

const all = ["openai-chat", "mistral-embeddings", "mistral-moderations", "mistral-speech", "mistral-transcriptions"];
/** Of its models these complete text. https://docs.mistral.ai/capabilities/code_generation */
const completes = /^codestral-(?!embed|mamba)/;

/**
 * Refuses `stream_options`, sends usage in the last chunk by itself. Goes on with a message marked as a `prefix`, and says it again first,
 * in streams too (https://github.com/vercel/ai/pull/3256); of Magistral, which thinks, nobody says so. https://docs.mistral.ai/api
 */
export const mistral = openaiLike("mistral", "Mistral", "https://api.mistral.ai/v1", {
  speaks: [...all, "mistral-fim"], speaksFor: (upstreamId) => (completes.test(upstreamId) ? [...all, "mistral-fim"] : all), streamOptions: "refused", dialect: { jsonSchema: true },
  prefill: (protocol, upstreamId) => (protocol === "openai-chat" && !upstreamId.includes("magistral") ? { message: { prefix: true }, echoes: true } : undefined),
  requestIdHeader: "mistral-correlation-id",
});
