/** Forms that make something once, however often they are sent. */
import * as z from "zod";
import { encodeBase62, randomBase62 } from "../accounts/base62.ts";
import type { PersonVisit } from "./visit.ts";

const form = /^[0-9a-f]{12}[0-9A-Za-z]{22}$/;

/** A form's own name: when it was made, in hex, and what nobody can guess. */
export const newFormId = (nowMs = Date.now()): string => nowMs.toString(16).padStart(12, "0") + randomBase62(16, 22);

/** The name in a form that was sent; one without is a form by itself. */
export const onceField = z.string().regex(form).catch(() => newFormId());

/** When the form was made, as it says itself. */
export const madeAtMs = (once: string): number => Number.parseInt(once.slice(0, 12), 16);

/** 32 bytes after which is named what a form makes. Another person's form, or another kind of thing, leads elsewhere, whatever it says of itself. */
export async function namedAfter({ person, membership }: PersonVisit, kind: string, once: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(["once", kind, person.id, membership?.organisationId ?? "", once].join("\n"))));
}

/** The same as the digits of an id (`newId`). */
export const digitsAfter = async (visit: PersonVisit, kind: string, once: string): Promise<string> => encodeBase62(BigInt(`0x${(await namedAfter(visit, kind, once)).slice(0, 17).toHex()}`), 24);
