import { openaiLike } from "./provider.ts";

/** Sends usage in the last chunk by itself. https://docs.mistral.ai/api */
export const mistral = openaiLike("mistral", "Mistral", "https://api.mistral.ai/v1", { streamOptions: false, requestIdHeader: "mistral-correlation-id" });
