import { openaiLike } from "./provider.ts";

/** https://docs.fireworks.ai/tools-sdks/openai-compatibility */
export const fireworks = openaiLike("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions"],
  dialect: { jsonSchema: true },
});
