/** Vectors for want of a ranking: documents in the order of how near they are to the query. A loss, and declared as one. */
import { noUsage } from "../../chat/index.ts";
import { list, objects, type Json } from "../json.ts";
import type { Crossing, CrossingContext } from "../protocol.ts";
import { retellRanking } from "./ranker.ts";
import { rerankFields, rerankIn } from "./rerank-request.ts";
import { unsaid } from "./unsaid.ts";
import { cosine } from "./vectors.ts";

/** The query, then the documents, as a request for their vectors. */
function asEmbeddings(context: CrossingContext): CrossingContext {
  const { query, documents } = rerankIn(context.json);
  const pictured = documents.some(({ image }) => image !== undefined);
  const part = (text: string): object => ({ content: [{ type: "text", text }] });
  const input = pictured
    ? [part(query), ...documents.map(({ text, image }) => (image === undefined ? part(text) : { content: [{ type: "image_url", image_url: { url: image } }] }))]
    : [query, ...documents.map(({ text }) => text)];
  return { ...context, json: { model: context.facts.model, input, encoding_format: "float" } };
}

/** A way to ask for vectors, as a way to ask for a ranking. */
export const byVectors = ({ id, path, render, read }: Crossing): Crossing => ({
  id,
  kind: "embedding",
  path: (context) => path(asEmbeddings(context)),
  render(context) {
    const { body, losses } = render(asEmbeddings(context));
    return { body, losses: ["field:rerank", ...unsaid(context, rerankFields), ...losses] };
  },
  read(answer, context) {
    const told = read(answer, asEmbeddings(context));
    if ("error" in told) return told;
    const { body, seen } = told;
    const [query = [], ...documents] = objects((JSON.parse(body as string) as Json).data).map(({ embedding }) => list(embedding) as number[]);
    const ranks = documents.map((vector, index) => ({ index, score: cosine(query, vector) }));
    const retold = retellRanking({ ranks, usage: seen.usage ?? noUsage }, context);
    return { ...retold, seen: { ...seen } };
  },
});
