/** Rankings as OpenRouter's clients want them: each with its document, asked for or not. https://openrouter.ai/docs/api-reference/rerank */
import { rerank } from "../media/rerank.ts";
import type { Crossing, CrossingContext } from "../protocol.ts";

const wanting = (context: CrossingContext): CrossingContext => ({ ...context, json: { ...context.json, return_documents: true } });

const withDocuments = (crossing: Crossing): Crossing => ({
  ...crossing,
  path: (context) => crossing.path(wanting(context)),
  render: (context) => crossing.render(wanting(context)),
  read: (answer, context) => crossing.read(answer, wanting(context)),
});

export const rankings = { ...rerank, crossings: rerank.crossings!.map(withDocuments) };
