/** How closely a picture or a document is to be looked at, in the words of those who take some of them. */
import type { FilePart, Loss } from "../chat/index.ts";

/** What OpenAI and those like it know of every file. */
const usual: readonly string[] = ["auto", "low", "high"];

/** The `detail` of a file where there is a word for it, else a declared loss. */
export function renderDetail({ detail }: FilePart, lose: (loss: Loss) => void, words = usual): { detail?: string } {
  if (detail === undefined) return {};
  if (words.includes(detail)) return { detail };
  lose("image_detail");
  return {};
}
