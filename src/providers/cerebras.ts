import { openaiLike } from "./provider.ts";

/** https://inference-docs.cerebras.ai/resources/openai */
export const cerebras = openaiLike("cerebras", "Cerebras", "https://api.cerebras.ai/v1", { speaks: ["openai-chat", "openai-completions"], dialect: { reasoning: "effort", jsonSchema: true } });
