import { openaiLike } from "./provider.ts";

/** A hosted Ollama: set OLLAMA_BASE_URL. https://docs.ollama.com/openai */
export const ollama = openaiLike("ollama", "Ollama", "https://ollama.com/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions"],
  data: { trains: false, source: "https://docs.ollama.com/cloud" },
  dialect: { reasoning: "effort", jsonSchema: true },
});
