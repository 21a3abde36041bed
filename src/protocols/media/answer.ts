/** A provider's whole answer, as JSON. */
import { GatewayError } from "../../errors.ts";
import { list, objectIn, type Json } from "../json.ts";
import { errorMessage } from "../openai-chat/stream.ts";

const utf8 = new TextDecoder();

/** The object that an answer is. Throws `upstream_error` where it is none, or an error in an answer's place. */
export function answerIn(bytes: Uint8Array, provider: string): Json {
  const answer = objectIn(utf8.decode(bytes));
  if (!answer) throw new GatewayError("upstream_error", `${provider} did not answer with JSON.`);
  const error = answer.error ?? (answer.success === false ? (list(answer.errors)[0] ?? "it did not succeed") : undefined);
  if (error) throw new GatewayError("upstream_error", `${provider}: ${errorMessage(error).slice(0, 2_000)}`);
  return answer;
}

/** Bytes that stand in an answer as base64. Throws `upstream_error` where they are none. */
export function bytesIn(value: unknown, provider: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(value as string);
  } catch {
    throw new GatewayError("upstream_error", `${provider} did not answer with base64.`);
  }
}
