/**
 * Reasoning of any provider in the one slot that Responses has for what a client gives back unread. The slot cannot tell a
 * signature from a ciphertext, so the sealed value says which it is: `s.` signature, `e.` ciphertext, `t.` neither, only the
 * origin of the text.
 */
import { defined, seal, unseal, type Origin, type ReasoningPart } from "../../chat/index.ts";

import { protocolId } from "./words.ts";

type Secret = Pick<ReasoningPart, "signature" | "encrypted" | "origin">;

/** `encrypted_content` of a reasoning item. */
export function sealOf({ signature, encrypted, origin }: { signature?: string; encrypted?: string; origin: Origin }): string {
  if (signature !== undefined) return seal(`s.${signature}`, origin);
  return seal(encrypted === undefined ? "t." : `e.${encrypted}`, origin);
}

/** Undoes `sealOf`. `own`: a ciphertext that a provider of this protocol gave the client itself, or that went through here. */
export function openSeal(text: string): Secret & { own: boolean } {
  const { value, origin } = unseal(text, protocolId);
  const own = origin.protocol === protocolId;
  if (value === text) return { own, encrypted: value, origin };
  const [kind, secret] = [value.slice(0, 2), value.slice(2)];
  return { own, origin, ...defined({ signature: kind === "s." ? secret : undefined, encrypted: kind === "e." ? secret : undefined }) };
}

