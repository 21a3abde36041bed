import { openaiLike } from "./provider.ts";

/** Goes on with a last message of the assistant's (https://console.groq.com/docs/prefilling); of models that think nobody says so. https://console.groq.com/docs/openai */
export const groq = openaiLike("groq", "Groq", "https://api.groq.com/openai/v1", {
  speaks: ["openai-chat", "openai-responses", "openai-speech", "segmented-transcriptions", "segmented-translations"], dialect: { reasoning: "effort", jsonSchema: true },
  prefill: (protocol, upstreamId) => (protocol === "openai-chat" && /llama-[34]/.test(upstreamId) ? {} : undefined),
});
