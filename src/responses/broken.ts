/** What a failure in the middle of a response says. Pure. */
import { isObject, type Json } from "./teller.ts";

const word = (value: unknown, otherwise: string): string => (typeof value === "string" && value !== "" ? value : otherwise);

/** What an `error` event says, flat or nested. */
export function errorOf(event: Json): { code: string; message: string } {
  const { code, message } = isObject(event.error) ? event.error : event;
  return { code: word(code, "server_error"), message: word(message, "The answer broke off.") };
}

/** What a refusal says, to a client that was already told that its response is queued. */
export function brokenBy(body: string): { code: string; message: string } {
  try {
    return errorOf(JSON.parse(body) as Json);
  } catch {
    return { code: "server_error", message: "The answer broke off." };
  }
}
