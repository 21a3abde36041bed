/** Tool inputs are JSON objects in Messages, and JSON text everywhere here. */
import { parseExact } from "../../chat/index.ts";
import { isObject, type Json } from "./words.ts";

/** The input as an object whose large integers `JSON.stringify` writes as they were. What is no object becomes `{input: text}`. */
export function inputObject(text: string, custom?: true): Json {
  if (custom) return { input: text };
  if (text.trim() === "") return {};
  try {
    const value = parseExact(text);
    return isObject(value) ? value : { input: text };
  } catch {
    return { input: text };
  }
}
