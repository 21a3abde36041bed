/** Which conversation a request belongs to, so that it can stay where its prompt is cached and its reasoning can be read. Pure. */
import type { RequestFacts } from "../protocols/protocol.ts";

/** `begun`: an answer is among its turns, or the client has named it; until then there is nothing to stay for. */
export type Session = { readonly id: string; readonly begun: boolean };

/** So much of a turn tells it from others. */
const mostCharacters = 2_048;

/** Two FNV-1a hashes side by side: 64 bits are enough for one key's conversations of a day, and a clash costs only a cache. */
function hashOf(text: string): string {
  let a = 0x811c9dc5;
  let b = 0xc9dc5811;
  for (let i = 0; i < text.length; i += 1) {
    a = Math.imul(a ^ text.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ text.charCodeAt(i), 0x01000193) ^ (b >>> 15);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

const cutText = (value: unknown): string => {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return `${text.length}:${text.slice(0, mostCharacters)}`;
};

const roleOf = (turn: unknown): unknown => (turn as { role?: unknown } | null)?.role;
const isPreface = (turn: unknown): boolean => ["system", "developer"].includes(roleOf(turn) as string);

/** What a conversation begins with, in any protocol: its instructions and its first turn, which later requests repeat. */
function openingOf(body: Record<string, unknown>): { text: string; begun: boolean } | undefined {
  const turns = [body.messages, body.input, body.contents].find(Array.isArray) as unknown[] | undefined;
  if (!turns || turns.length === 0) return undefined;
  const first = turns.findIndex((turn) => !isPreface(turn));
  const opening = turns.slice(0, (first < 0 ? turns.length : first) + 1);
  const { system, instructions, systemInstruction, tools } = body;
  const named = [system, instructions, systemInstruction].filter((value) => value !== undefined);
  return { text: [...named, Array.isArray(tools) ? tools.length : 0, ...opening].map(cutText).join("\n"), begun: turns.length > opening.length };
}

/** The session that the request names (`session_id`, `X-Session-Id`, `prompt_cache_key`), or the one that it continues by its beginning. */
export function sessionOf(json: unknown, { wish }: Pick<RequestFacts, "wish">, headers: Headers): Session | undefined {
  const body = json as Record<string, unknown>;
  const named = wish?.session ?? headers.get("x-session-id") ?? (typeof body.prompt_cache_key === "string" ? body.prompt_cache_key : undefined);
  if (named) return { id: hashOf(`named\n${named.slice(0, mostCharacters)}`), begun: true };
  const opening = openingOf(body);
  return opening && { id: hashOf(opening.text), begun: opening.begun };
}

/** Whether a request holds what only its maker can read: ciphertext, or a signature over its thoughts. What we have sealed says itself whose it is. */
export const holdsEncrypted = (text: string): boolean =>
  /"(?:encrypted_content|signature|thoughtSignature|thought_signature|data)"\s*:\s*"(?!forge\.|Zm9yZ2Uu)[^"]{16}/.test(text)
  && /"(?:encrypted_content|thinking|redacted_thinking|thoughtSignature|thought_signature|reasoning\.encrypted|reasoning_details)"/.test(text);
