/** OpenAI's embeddings, and the same asked of whoever has another format for them. https://platform.openai.com/docs/api-reference/embeddings */
import * as z from "zod";
import { boundParts, boundTexts } from "../bound.ts";
import { isObject } from "../json.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { modelField, readFields, textsField } from "../openai-chat/request.ts";
import type { Crossing, Protocol, RequestFacts } from "../protocol.ts";
import { bedrockEmbedder, cohereEmbedder } from "./embed-cohere.ts";
import { geminiEmbedder, vertexEmbedder } from "./embed-gemini.ts";
import { jinaEmbedder, mistralEmbedder, openaiEmbedder, perplexityEmbedder, voyageEmbedder, workersEmbedder } from "./embed-openai.ts";
import { embedding } from "./embedder.ts";
import { partsField } from "./embeddings-request.ts";

/** Every way to ask for vectors, by the request that `openaiEmbeddings` reads. */
export const embedders: readonly Crossing[] = [
  openaiEmbedder, mistralEmbedder, workersEmbedder, perplexityEmbedder, voyageEmbedder, jinaEmbedder, embedding(cohereEmbedder), embedding(bedrockEmbedder), embedding(geminiEmbedder), embedding(vertexEmbedder),
];

export const requestSchema = z.object({ model: modelField, input: z.union([textsField, partsField], "must be a string, an array of strings, or token arrays") });

function parse(body: unknown): RequestFacts {
  const { model, input } = readFields(requestSchema, body);
  const readings = Array.isArray(input) && typeof input[0] !== "number" ? input.length : 1;
  const bounds = Array.isArray(input) && isObject(input[0]) ? boundParts(input) : boundTexts(input);
  return { model, stream: false, usageAsked: false, ...bounds, readings, outputTokens: 0, choices: 1 };
}

const { conversation: _, ...plain } = openaiChat;

export const openaiEmbeddings: Protocol = {
  ...plain, id: "openai-embeddings", kind: "embedding", path: "/embeddings", parse, edits: () => ({}), crossings: embedders.filter(({ id }) => id !== "openai-embeddings"),
};
