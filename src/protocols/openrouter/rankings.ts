/** Rankings as OpenRouter's clients want them: each with its document, asked for or not. https://openrouter.ai/docs/api-reference/rerank */
import { saying } from "../crossing.ts";
import { rerank } from "../media/rerank.ts";

export const rankings = { ...rerank, crossings: rerank.crossings!.map((crossing) => saying(crossing, (json) => ({ ...json, return_documents: true }))) };
