import { drawn, openaiLike } from "./provider.ts";

/**
 * Azure OpenAI's v1 API: set AZURE_BASE_URL to `https://<resource>.openai.azure.com/openai/v1`; the model is the deployment's
 * name. Its batches are done by deployments of a type of their own (Global Batch, Data Zone Batch): that of a deployment `x` is called `x-batch`.
 * https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle, https://learn.microsoft.com/azure/ai-foundry/openai/how-to/batch
 */
export const azure = openaiLike("azure", "Azure OpenAI", undefined, {
  dialect: { maxTokensField: "max_completion_tokens", developerRole: true, reasoning: "effort", jsonSchema: true },
  speaks: ["openai-responses", "openai-chat", "openai-embeddings", "openai-completions", "openai-speech", "openai-transcriptions", "openai-translations", "openai-images", "openai-image-edits", "openai-videos"],
  edits: drawn,
  auth: (secret) => ({ "api-key": secret }),
  sealsReasoning: true,
  batches: { by: "files", takes: /^\/(?:chat\/completions|responses)$/, model: (upstreamId) => `${upstreamId}-batch` },
  data: { trains: false, source: "https://learn.microsoft.com/en-us/legal/cognitive-services/openai/data-privacy" },
  requestIdHeader: "apim-request-id",
});
