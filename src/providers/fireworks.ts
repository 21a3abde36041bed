import { openaiLike } from "./provider.ts";

/** Keeps only Responses that are not sent with `store: false`, as ours always are. https://docs.fireworks.ai/tools-sdks/openai-compatibility */
export const fireworks = openaiLike("fireworks", "Fireworks AI", "https://api.fireworks.ai/inference/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "openai-completions", "jina-rerank", "fireworks-images"],
  dialect: { jsonSchema: true },
  data: { trains: false, retains: false, source: "https://docs.fireworks.ai/guides/security_compliance/data_handling" },
});
