import { openaiLike, openaiPictures } from "./provider.ts";

/**
 * The owner's own server at SOVEREIGN_ORIGIN: Ollama, vLLM, llama.cpp, anything that speaks OpenAI. The three take efforts and schemas, and go
 * on with a last message of the assistant's: vLLM if it is asked to (https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html),
 * llama.cpp by itself (https://github.com/ggml-org/llama.cpp/pull/13174), Ollama by its models' templates.
 * Rankings are asked as Jina has them, which vLLM, llama.cpp, LocalAI and Infinity took over.
 */
export const selfHosted = openaiLike("selfhosted", "Self-hosted", "{SOVEREIGN_ORIGIN}", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions", "jina-rerank", "openai-speech", "openai-transcriptions", "openai-translations", ...openaiPictures, "openai-videos"],
  dialect: { reasoning: "effort", jsonSchema: true },
  prefill: (protocol) => (protocol === "openai-chat" ? { body: { continue_final_message: true, add_generation_prompt: false } } : undefined),
  selfHosted: true,
});
