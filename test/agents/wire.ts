/** What the scripted upstream needs of a protocol: reading what it is asked, writing what it answers. */
import type { Heard, Turn } from "./script.ts";

export type Json = Record<string, unknown>;

/** Tokens that the upstream reports; the same words as the ledger's. */
export type Tokens = { inputTokens: number; cachedTokens: number; outputTokens: number; reasoningTokens: number };

export type Wire = {
  /** Path of the only URL that is answered. */
  path: string;
  /** How the vendor's call ids begin. */
  idPrefix: string;
  /** Whether the model thinks when it is asked so, and wants its thoughts back in a form that only it can read. */
  thinks(body: Json): boolean;
  hear(body: Json): Heard;
  /** The whole stream. */
  tell(turn: Turn, tokens: Tokens, id: string, body: Json): string;
};

export const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

/** Text of a string, or of parts that have one. */
export const textIn = (value: unknown): string => (typeof value === "string" ? value : list(value).map(({ text }) => text ?? "").join(""));

/** Names of a JSON schema's properties. */
export const fieldsOf = (schema: unknown): string[] => Object.keys((schema as { properties?: object } | undefined)?.properties ?? {});

/** A text in the pieces that a model would stream it in. */
export function pieces(text: string): string[] {
  const letters = Array.from(text);
  return Array.from({ length: Math.ceil(letters.length / 7) }, (_, i) => letters.slice(i * 7, i * 7 + 7).join(""));
}

/** A server-sent event; named by its type where the protocol does so. */
export const event = (data: Json): string => (typeof data.type === "string" ? `event: ${data.type}\n` : "") + `data: ${JSON.stringify(data)}\n\n`;
