import { openaiLike } from "./provider.ts";

/** The owner's own server at SOVEREIGN_ORIGIN: Ollama, vLLM, llama.cpp, anything that speaks OpenAI. The three take efforts and schemas. */
export const selfHosted = openaiLike("selfhosted", "Self-hosted", "{SOVEREIGN_ORIGIN}", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions"],
  dialect: { reasoning: "effort", jsonSchema: true },
  selfHosted: true,
});
