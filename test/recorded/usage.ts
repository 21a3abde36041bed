/** What the provider of a recording said it used, read as the gateway reads it. */
import { noUsage, type Usage } from "../../src/chat/usage.ts";
import { anthropicMessages, gemini, openaiChat, openaiCompletions, openaiEmbeddings, openaiResponses, type Protocol } from "../../src/protocols/index.ts";
import type { Recording } from "./compare.ts";

const byEndpoint: Readonly<Record<string, Protocol>> = {
  chat: openaiChat, responses: openaiResponses, completions: openaiCompletions, messages: anthropicMessages, embeddings: openaiEmbeddings,
};

/** The protocol in which clients call a recorded endpoint; undefined: only providers speak it. */
export const protocolFor = (endpoint: string, model: string, stream: boolean): Protocol | undefined =>
  endpoint === "generate_content" ? gemini(model, stream ? "streamGenerateContent" : "generateContent", true) : byEndpoint[endpoint];

/** undefined: it did not say. */
export function usageIn({ endpoint, model }: { endpoint: string; model: string | null }, { stream, format, response, expected }: Recording): Usage | undefined {
  const told = expected?.usage_norm;
  if (!told) return undefined;
  const read = readBy(protocolFor(endpoint, model ?? "recorded", stream), format, response.body_text ?? "");
  return read ?? { ...noUsage, inputTokens: told.input ?? 0, outputTokens: told.output ?? 0 };
}

function readBy(protocol: Protocol | undefined, format: string, text: string): Usage | undefined {
  if (!protocol || text === "") return undefined;
  if (format !== "sse") return protocol.observe(JSON.parse(text)).usage;
  const observer = protocol.watch(false);
  observer.push(`${text.trimEnd()}\n\n`);
  return observer.seen.usage;
}
