import { AwsClient } from "aws4fetch";
import { claudePrefill, invokedClaude } from "./claude.ts";
import type { Provider } from "./provider.ts";

/**
 * Amazon Bedrock in AWS_REGION. BEDROCK_API_KEY is a Bedrock API key, or `accessKeyId:secretAccessKey[:sessionToken]` with which calls are
 * signed. Claude is asked in its own protocol, embeddings and rankings as their makers have them, every other model by Converse. https://docs.aws.amazon.com/bedrock/latest/userguide/
 */
export const bedrock: Provider = {
  id: "bedrock",
  name: "Amazon Bedrock",
  baseUrl: "https://bedrock-runtime.{AWS_REGION}.amazonaws.com",
  speaks: ["bedrock-converse", "bedrock-embeddings", "bedrock-rerank", "bedrock-images"],
  speaksFor: (upstreamId) => invoked.find(([models]) => models.test(upstreamId))?.[1] ?? (isClaude(upstreamId) ? ["anthropic-messages", "bedrock-converse"] : ["bedrock-converse"]),
  pathFor: (protocol, upstreamId, stream) =>
    protocol === "anthropic-messages" ? `/model/${encodeURIComponent(upstreamId)}/invoke${stream ? "-with-response-stream" : ""}` : undefined,
  edits: (protocol) => (protocol === "anthropic-messages" ? invokedClaude("bedrock-2023-05-31", "model", "stream") : undefined),
  prefill: claudePrefill,
  async sign({ url, method, headers, body }, secret) {
    const [accessKeyId, secretAccessKey, sessionToken] = secret.split(":");
    if (!secretAccessKey) return { authorization: `Bearer ${secret}` };
    const client = new AwsClient({ accessKeyId: accessKeyId!, secretAccessKey, ...(sessionToken && { sessionToken }), service: "bedrock", retries: 0 });
    return Object.fromEntries((await client.sign(url, { method, headers, body })).headers);
  },
  alsoCalled: ["amazon-bedrock"],
  data: { trains: false, source: "https://docs.aws.amazon.com/bedrock/latest/userguide/data-protection.html" },
  requestIdHeader: "x-amzn-requestid",
};

/** Models that Converse does not know. */
const invoked: readonly [RegExp, readonly string[]][] = [[/nova-canvas|titan-image|(?:^|\.)stability\./, ["bedrock-images"]], [/rerank/, ["bedrock-rerank"]], [/embed/, ["bedrock-embeddings"]]];

const isClaude = (upstreamId: string): boolean => upstreamId.includes("anthropic.");
