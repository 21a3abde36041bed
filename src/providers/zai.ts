import { openaiLike } from "./provider.ts";

/** https://docs.z.ai/guides/develop/openai/introduction */
export const zai = openaiLike("zai", "Z.ai", "https://api.z.ai/api/paas/v4", { speaks: ["openai-chat"], alsoCalled: ["z-ai"] });
