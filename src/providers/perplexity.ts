import { openaiLike } from "./provider.ts";

/** Sends usage in every chunk by itself. https://docs.perplexity.ai/guides/chat-completions-guide */
export const perplexity = openaiLike("perplexity", "Perplexity", "https://api.perplexity.ai", {
  speaks: ["openai-chat"], streamOptions: "needless", dialect: { reasoning: "effort", jsonSchema: true },
});
