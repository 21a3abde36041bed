import { openaiLike } from "./provider.ts";

/** Sends usage in every chunk by itself. https://docs.perplexity.ai/guides/chat-completions-guide */
export const perplexity = openaiLike("perplexity", "Perplexity", "https://api.perplexity.ai", {
  data: { trains: false, retains: false, source: "https://docs.perplexity.ai/docs/resources/privacy-security" },
  speaks: ["openai-chat", "perplexity-embeddings"], streamOptions: "needless", dialect: { reasoning: "effort", jsonSchema: true },
});
