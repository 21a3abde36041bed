import { openaiLike } from "./provider.ts";

/** https://api-docs.deepseek.com */
export const deepseek = openaiLike("deepseek", "DeepSeek", "https://api.deepseek.com", { speaks: ["openai-chat"], requestIdHeader: "x-ds-trace-id" });
