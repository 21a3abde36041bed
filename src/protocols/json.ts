/** Reading JSON that may have any shape: what is not what it should be reads as nothing. */
import { parseExact } from "../chat/json.ts";

export type Json = Record<string, unknown>;

/** An object. A list is none, nor is a number that came exact (`parseExact`), which has no prototype. */
export const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value) && Object.getPrototypeOf(value) !== null;
/** The value if it is an object, else an empty one. */
export const record = (value: unknown): Json => (isObject(value) ? value : {});
/** The value if it is a list, else an empty one. */
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** The objects in a list. */
export const objects = (value: unknown): Json[] => list(value).filter(isObject);
/** The value if it is a string. */
export const stringIn = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
/** The value if it is a string that says something. */
export const filled = (value: unknown): string | undefined => stringIn(value) || undefined;

/** The object that a text says, its large integers as they are; undefined where it says none. */
export function objectIn(text: string): Json | undefined {
  try {
    const value = parseExact(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether one of a usage's figures is there. Null, words and what is below nothing are "missing", which is not zero. */
export const isTold = (...figures: unknown[]): boolean => figures.some((figure) => typeof figure === "number" && figure >= 0 && figure < Infinity);
