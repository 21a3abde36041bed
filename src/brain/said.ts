/** What a model's answer says, and how much of it is read. Pure. */
import { textBound } from "../protocols/index.ts";

/** Bytes of a result that others read: as many tokens of English as a step may write. */
export const mostBytes = 16_384;

/** The beginning of a text, at most so many bytes by `textBound`, and whole characters. */
export function cut(text: string, most: number): string {
  let left = text.toWellFormed();
  for (let bytes = textBound(left); bytes > most; bytes = textBound(left)) left = left.slice(0, Math.floor((left.length * most) / bytes)).replace(/[\ud800-\udbff]$/, "");
  return left;
}

type Content = string | null | readonly ({ readonly type?: unknown; readonly text?: unknown } | null)[];

/** The text of a chat completion; undefined: it says nothing, or is none. Where it is a list of parts, its text parts. */
export function said(completion: string): string | undefined {
  try {
    const { choices } = JSON.parse(completion) as { choices?: { message?: { content?: Content } | null }[] };
    const content = choices?.[0]?.message?.content;
    const parts = Array.isArray(content) ? content.flatMap((part) => (part?.type === "text" && typeof part.text === "string" ? part.text : [])).join("") : content;
    return typeof parts === "string" ? parts : undefined;
  } catch {
    return undefined;
  }
}
