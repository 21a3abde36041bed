import type { Provider } from "./provider.ts";

/** Vectors and rankings. https://docs.voyageai.com/reference */
export const voyage: Provider = { id: "voyage", name: "Voyage AI", baseUrl: "https://api.voyageai.com/v1", speaks: ["voyage-embeddings", "voyage-rerank"] };
