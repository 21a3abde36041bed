/** The shape of a request's JSON text, looked at before anything is made of it. */
import { GatewayError } from "../errors.ts";

/** An empty object is two bytes of text and some fifty of memory, and what is nested deep exhausts the stack of whoever reads it. */
const mostValues = 500_000;
const deepest = 128;

const quote = 34, backslash = 92, comma = 44, openBracket = 91, closeBracket = 93, openBrace = 123, closeBrace = 125;

/**
 * Walks over JSON text before it is parsed. Throws when it is nested too deep, holds too many values, or has a top-level
 * field twice: parsers differ in which of the two they believe, and what we check must be what the provider reads. Text
 * that is no JSON passes, and so does what stands behind the value: the parser tells what is wrong with it.
 */
export function checkShape(text: string): void {
  const isObject = /^\s*\{/.test(text);
  const keys = new Set<string>();
  let depth = 0;
  let values = 0;
  let keyNext = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case quote: {
        const end = closingQuote(text, at);
        if (keyNext) addKey(keys, text.slice(at, end + 1));
        keyNext = false;
        at = end;
        break;
      }
      case openBrace:
      case openBracket:
        depth += 1;
        values += 1;
        keyNext = isObject && depth === 1;
        break;
      case comma:
        values += 1;
        keyNext = isObject && depth === 1;
        break;
      case closeBrace:
      case closeBracket:
        depth -= 1;
        if (depth <= 0) return;
        break;
    }
    if (depth > deepest) throw new GatewayError("invalid_json", `The request body is nested deeper than ${deepest} levels.`);
    if (values > mostValues) throw new GatewayError("invalid_json", `The request body holds more than ${mostValues} values.`);
  }
}

/** Adds a top-level field by its quoted name. Throws when it was there before. */
function addKey(keys: Set<string>, quoted: string): void {
  const key = quoted.includes("\\") ? unescaped(quoted) : quoted.slice(1, -1);
  if (keys.has(key)) throw new GatewayError("invalid_request", `${key.slice(0, 100)}: stands twice in the request`, { param: key.slice(0, 100) });
  keys.add(key);
}

function unescaped(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted;
  }
}

/** Index of the quote that ends the string at `from`; the text's length when none does. */
function closingQuote(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return text.length;
}
