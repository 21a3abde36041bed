/** A provider's whole answer, as JSON. */
import { GatewayError } from "../../errors.ts";
import { objectIn, type Json } from "../json.ts";

const utf8 = new TextDecoder();

/** The object that an answer is. Throws `upstream_error` where it is none. */
export function answerIn(bytes: Uint8Array, provider: string): Json {
  const answer = objectIn(utf8.decode(bytes));
  if (!answer) throw new GatewayError("upstream_error", `${provider} did not answer with JSON.`);
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
