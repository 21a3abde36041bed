import { claudePrefill } from "./claude.ts";
import { openaiLike } from "./provider.ts";

/** Messages. Its endpoint that is like OpenAI's loses what Messages can say, so chat completions cross. https://docs.anthropic.com/en/api/messages */
export const anthropic = openaiLike("anthropic", "Anthropic", "https://api.anthropic.com", {
  speaks: ["anthropic-messages", "anthropic-count-tokens"],
  auth: (secret) => ({ "x-api-key": secret, "anthropic-version": "2023-06-01" }),
  dialect: { webSearch: true },
  data: { trains: false, source: "https://support.anthropic.com/en/articles/7996868-is-my-data-used-for-model-training" },
  prefill: claudePrefill,
  batches: { by: "inline" },
  requestIdHeader: "request-id",
});
