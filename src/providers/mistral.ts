import { openaiLike } from "./provider.ts";

/** Refuses `stream_options`, sends usage in the last chunk by itself. https://docs.mistral.ai/api */
export const mistral = openaiLike("mistral", "Mistral", "https://api.mistral.ai/v1", {
  streamOptions: "refused", dialect: { jsonSchema: true }, requestIdHeader: "mistral-correlation-id",
});
