import { openaiLike } from "./provider.ts";

/** Some of its models refuse `reasoning_effort`. https://docs.x.ai/docs/api-reference */
export const xai = openaiLike("xai", "xAI", "https://api.x.ai/v1", {
  speaks: ["openai-chat", "openai-embeddings", "openai-responses", "xai-speech", "xai-transcriptions", "openai-images", "openai-image-edits-json", "xai-videos"], fileHosts: ["imgen.x.ai", "vidgen.x.ai"], dialect: { jsonSchema: true },
  alsoCalled: ["x-ai"],
  sealsReasoning: true,
  batches: { by: "named", takes: /^\/chat\/completions$/ },
  data: { trains: false, source: "https://docs.x.ai/docs/faq/security" },
});
