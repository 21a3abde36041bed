import type { Provider } from "./provider.ts";

/** Vectors and rankings. https://api.jina.ai/redoc */
export const jina: Provider = { id: "jina", name: "Jina AI", baseUrl: "https://api.jina.ai/v1", speaks: ["jina-embeddings", "jina-rerank"] };
