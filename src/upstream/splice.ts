/**
 * Edits top-level fields of a JSON object in its text: everything else keeps its bytes, so key order, big integers,
 * number spelling and unknown fields survive. The text must be valid JSON with an object at its top (parse it first).
 */

/** Where one `key: value` of the top-level object stands in the text. */
export type Field = { key: string; keyStart: number; valueStart: number; valueEnd: number };

/** Index just after the string literal that starts at `from` (which holds its opening quote). */
function stringEnd(text: string, from: number): number {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

/** Index just after the value that starts at `from`. */
function valueEnd(text: string, from: number): number {
  const first = text[from];
  if (first === '"') return stringEnd(text, from);
  if (first !== "{" && first !== "[") {
    const scalar = /[^\s,}\]]*/y;
    scalar.lastIndex = from;
    scalar.exec(text);
    return scalar.lastIndex;
  }
  const mark = /["{}[\]]/g;
  mark.lastIndex = from;
  for (let depth = 0; ; ) {
    const found = mark.exec(text)!;
    if (found[0] === '"') mark.lastIndex = stringEnd(text, found.index);
    else if (found[0] === "{" || found[0] === "[") depth += 1;
    else if (--depth === 0) return mark.lastIndex;
  }
}

const space = /\s*/y;

function afterSpace(text: string, from: number): number {
  space.lastIndex = from;
  space.exec(text);
  return space.lastIndex;
}

/** Every field of the top-level object in order, duplicates included. */
export function fields(text: string): Field[] {
  const found: Field[] = [];
  const skip = (from: number): number => afterSpace(text, from);
  for (let at = skip(skip(0) + 1); text[at] !== "}"; ) {
    const keyStart = at;
    const keyEnd = stringEnd(text, at);
    const valueStart = skip(skip(keyEnd) + 1);
    const end = valueEnd(text, valueStart);
    found.push({ key: JSON.parse(text.slice(keyStart, keyEnd)) as string, keyStart, valueStart, valueEnd: end });
    at = skip(end);
    if (text[at] === ",") at = skip(at + 1);
  }
  return found;
}

/**
 * Sets top-level fields to raw JSON values, and takes those of `without` out. A field that stands twice is set in both places
 * (parsers differ in which one they believe); one that is missing goes to the end.
 */
export function splice(text: string, edits: Readonly<Record<string, string>>, without: readonly string[] = []): string {
  if (without.length > 0) return splice(cut(text, without), edits);
  const all = fields(text);
  let result = "";
  let from = 0;
  for (const field of all) {
    if (!Object.hasOwn(edits, field.key)) continue;
    result += text.slice(from, field.valueStart) + edits[field.key];
    from = field.valueEnd;
  }
  const missing = Object.keys(edits).filter((key) => !all.some((field) => field.key === key));
  if (missing.length === 0) return result + text.slice(from);
  const end = all.length > 0 ? all.at(-1)!.valueEnd : text.indexOf("{") + 1;
  const added = missing.map((key) => `${JSON.stringify(key)}:${edits[key]}`).join(",");
  return result + text.slice(from, end) + (all.length > 0 ? "," : "") + added + text.slice(end);
}

/** The text without these top-level fields, and without the commas that held them. */
function cut(text: string, without: readonly string[]): string {
  const all = fields(text);
  const kept = all.filter(({ key }) => !without.includes(key));
  if (kept.length === all.length) return text;
  const inner = kept.map(({ keyStart, valueEnd }) => text.slice(keyStart, valueEnd)).join(",");
  return text.slice(0, all[0]!.keyStart) + inner + text.slice(all.at(-1)!.valueEnd);
}

/** The raw text of a top-level field's value, the last one when it stands twice (as `JSON.parse` has it). */
export function rawValue(text: string, key: string): string | undefined {
  const field = fields(text).findLast((candidate) => candidate.key === key);
  return field && text.slice(field.valueStart, field.valueEnd);
}

/** The raw text of each item of a list. The text must be valid JSON with a list at its top. */
export function rawItems(text: string): string[] {
  const items: string[] = [];
  for (let at = afterSpace(text, text.indexOf("[") + 1); text[at] !== "]"; ) {
    const end = valueEnd(text, at);
    items.push(text.slice(at, end));
    at = afterSpace(text, end);
    if (text[at] === ",") at = afterSpace(text, at + 1);
  }
  return items;
}
