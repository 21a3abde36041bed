import { openaiLike } from "./provider.ts";

/** https://console.groq.com/docs/openai */
export const groq = openaiLike("groq", "Groq", "https://api.groq.com/openai/v1", { speaks: ["openai-chat", "openai-responses"], dialect: { reasoning: "effort", jsonSchema: true } });
