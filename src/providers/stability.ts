import type { Provider } from "./provider.ts";

/** https://platform.stability.ai/docs/api-reference */
export const stability: Provider = { id: "stability", name: "Stability AI", baseUrl: "https://api.stability.ai", speaks: ["stability-images"], alsoCalled: ["stabilityai"] };
