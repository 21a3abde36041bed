import { noUsage } from "../../src/chat/usage.ts";
import { postingOf, type MeterOperation } from "../../src/limits/index.ts";

/** A finished request that used `tokens` and cost `costNanoUsd`. */
export const settling = (id: string, tokens: number, costNanoUsd: number): Extract<MeterOperation, { do: "settle" }> => ({
  do: "settle", id,
  posting: postingOf({
    model: "m", deployment: "openai/m", protocol: "openai-chat", stream: false, status: 200, end: "complete", usage: { ...noUsage, inputTokens: tokens }, costNanoUsd,
    costSource: "price", serviceTier: null, estimated: false, firstByteMs: 1, totalMs: 2, way: "buffered", attempts: 1, upstreamRequestId: null, errorCode: null,
    reserved: { tokens, nanoUsd: costNanoUsd }, lines: [], pricesFromMs: null, refused: [], responseHash: null,
  }),
});
