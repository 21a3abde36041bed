/** OpenAI's embeddings. https://platform.openai.com/docs/api-reference/embeddings */
import { z } from "zod";
import { boundTexts } from "../bound.ts";
import { openaiChat } from "../openai-chat/index.ts";
import { modelField, readFields, textsField } from "../openai-chat/request.ts";
import type { Protocol, RequestFacts } from "../protocol.ts";

const requestSchema = z.object({ model: modelField, input: textsField });

function parse(body: unknown): RequestFacts {
  const { model, input } = readFields(requestSchema, body);
  const readings = Array.isArray(input) && typeof input[0] !== "number" ? input.length : 1;
  return { model, stream: false, usageAsked: false, ...boundTexts(input), readings, outputTokens: 0, choices: 1 };
}

const { conversation: _, ...plain } = openaiChat;

export const openaiEmbeddings: Protocol = { ...plain, id: "openai-embeddings", kind: "embedding", path: "/embeddings", parse, edits: () => ({}) };
