import { openaiLike } from "./provider.ts";

/** https://openrouter.ai/docs/api-reference/overview */
export const openrouter = openaiLike("openrouter", "OpenRouter", "https://openrouter.ai/api/v1", { requestIdHeader: "x-generation-id" });
