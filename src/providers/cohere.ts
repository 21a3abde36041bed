import { openaiLike } from "./provider.ts";

/** https://docs.cohere.com/reference/chat */
export const cohere = openaiLike("cohere", "Cohere", "https://api.cohere.com", { speaks: ["cohere-chat"] });
