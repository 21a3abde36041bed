/** Which conversation a request belongs to, so that it can stay where its prompt is cached and its reasoning can be read. Pure. */
import type { RequestFacts } from "../protocols/protocol.ts";

/**
 * `ids`: how it may be remembered, the surest first: by the name that its client gave it, by its first answer, by how it opened. `begun`:
 * an answer is among its turns, or the client has named it; until then there is nothing to stay for.
 */
export type Session = { readonly ids: readonly [string, ...string[]]; readonly begun: boolean };

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

/** No protocol has text deeper in a turn. */
const deepest = 6;

/** What is said in a turn or in instructions. Nothing else: marks such as `cache_control` move from turn to turn as a conversation grows. */
function wordsIn(value: unknown, depth = 0): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null || depth > deepest) return "";
  if (Array.isArray(value)) return value.map((one) => wordsIn(one, depth + 1)).join("");
  const { text, content, parts } = value as Record<string, unknown>;
  return [text, content, parts].map((one) => wordsIn(one, depth + 1)).join("");
}

const cutText = (value: unknown): string => {
  const text = typeof value === "number" ? String(value) : wordsIn(value) || (JSON.stringify(value) ?? "");
  return `${text.length}:${text.slice(0, mostCharacters)}`;
};

const isTurn = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const roleOf = (turn: unknown): unknown => (turn as { role?: unknown } | null)?.role;
const isPreface = (turn: unknown): boolean => ["system", "developer"].includes(roleOf(turn) as string);

/** What a conversation begins with, in any protocol: its instructions and first turn, and its first answer. Later requests repeat both. */
function beginningOf(body: Record<string, unknown>): { opening: string; answer: string | undefined } | undefined {
  const turns = [body.messages, body.input, body.contents].find(Array.isArray) as unknown[] | undefined;
  // Texts to embed are no turns.
  if (!turns || !isTurn(turns[0])) return undefined;
  const first = turns.findIndex((turn) => !isPreface(turn));
  const length = (first < 0 ? turns.length : first) + 1;
  const { system, instructions, systemInstruction, tools } = body;
  const named = [system, instructions, systemInstruction].filter((value) => value !== undefined);
  const opening = [...named, Array.isArray(tools) ? tools.length : 0, ...turns.slice(0, length)].map(cutText).join("\n");
  return { opening, answer: turns.length > length ? cutText(turns[length]) : undefined };
}

/** A request's session, made out when somebody asks for it: where nothing is to choose, nobody does. */
export function sessionIn(json: unknown, facts: Pick<RequestFacts, "wish" | "model">, headers: Headers): () => Session | undefined {
  let known: { session: Session | undefined } | undefined;
  return () => (known ??= { session: sessionOf(json, facts, headers) }).session;
}

/**
 * The session that the request names (`session_id`, `X-Session-Id`), or the one that it continues by its beginning, under the model's name.
 * `prompt_cache_key` names none: applications give one to all their users.
 */
export function sessionOf(json: unknown, { wish, model }: Pick<RequestFacts, "wish" | "model">, headers: Headers): Session | undefined {
  const body = json as Record<string, unknown>;
  const named = wish?.session ?? headers.get("x-session-id");
  const id = (text: string): string => hashOf(`${model}\n${text}`);
  if (named) return { ids: [id(`named\n${named.slice(0, mostCharacters)}`)], begun: true };
  const beginning = beginningOf(body);
  if (!beginning) return undefined;
  const { opening, answer } = beginning;
  return answer === undefined ? { ids: [id(opening)], begun: false } : { ids: [id(`${opening}\n${answer}`), id(opening)], begun: true };
}

const ciphertext = '"\\s*:\\s*"(?!forge\\.|Zm9yZ2Uu)[^"]{16}';

/** Fields that hold ciphertext or a signature over thoughts, and what else must be there where the field may mean something else. */
const sealedIn: readonly { field: RegExp; beside?: RegExp }[] = [
  { field: new RegExp(`"(?:encrypted_content|thoughtSignature|thought_signature)${ciphertext}`) },
  { field: new RegExp(`"signature${ciphertext}`), beside: /"(?:thinking|reasoning\.text)"/ },
  { field: new RegExp(`"data${ciphertext}`), beside: /"(?:redacted_thinking|reasoning\.encrypted)"/ },
];

/** Whether a request holds what only its maker can read. What we have sealed says itself whose it is. */
export const holdsEncrypted = (text: string): boolean => sealedIn.some(({ field, beside }) => (!beside || beside.test(text)) && field.test(text));
