import { openaiLike } from "./provider.ts";

/** https://docs.cohere.com/reference/about. Its chat's preambles have 500 to 1,450 tokens, in `tokens` but not in `billed_units`. */
export const cohere = openaiLike("cohere", "Cohere", "https://api.cohere.com", { speaks: ["cohere-chat", "cohere-embeddings", "cohere-rerank", "cohere-transcriptions"], templateTokens: 1_500 });
