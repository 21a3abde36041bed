import { drawn, openaiLike, openaiPictures } from "./provider.ts";

const converses = [
  "openai-responses", "openai-chat", "openai-embeddings", "openai-input-tokens", "openai-moderations", "openai-speech", "openai-transcriptions", "openai-translations",
  ...openaiPictures, "openai-videos",
];
/** Models that complete texts, and do nothing else; no other does. https://platform.openai.com/docs/models/gpt-3.5-turbo-instruct */
const completes = /instruct|davinci-002|babbage-002/;

/** `prompt_cache_breakpoint`: GPT-5.6 and later. */
const breakpoints = /^gpt-(?:5\.(?:[6-9]|\d\d)|[6-9]\b)/;

/** https://platform.openai.com/docs/api-reference */
export const openai = openaiLike("openai", "OpenAI", "https://api.openai.com/v1", {
  dialect: { maxTokensField: "max_completion_tokens", developerRole: true, reasoning: "effort", jsonSchema: true, webSearch: true, breakpoints, refuses: ["top_k", "min_p", "repetition_penalty"] },
  speaks: [...converses, "openai-completions"],
  speaksFor: (upstreamId) => (completes.test(upstreamId) ? ["openai-completions"] : converses),
  sealsReasoning: true,
  batches: { by: "files" },
  edits: drawn,
  data: { trains: false, source: "https://developers.openai.com/api/docs/guides/your-data" },
});
