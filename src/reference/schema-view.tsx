/** Schemas and texts of the document, as people read them. */
import type { Child } from "hono/jsx";
import type { Book, Schema } from "./told.ts";

/** So deep fields stand in each other; what lies deeper the document has. */
const deepest = 6;
/** So many words of an enum are listed. */
const mostWords = 60;

const inline = /`([^`]+)`|\[([^\]]+)\]\(([^)\s]+)\)/g;

/** A line of Markdown: code, and links that stay in the house or are https. */
export function Line({ text }: { text: string }) {
  const parts: Child[] = [];
  let at = 0;
  for (const { 0: all, 1: code, 2: label, 3: href, index } of text.matchAll(inline)) {
    parts.push(text.slice(at, index));
    parts.push(code !== undefined ? <code>{code}</code> : /^(?:\/|https:)/.test(href!) ? <a href={href}>{label}</a> : label);
    at = index + all.length;
  }
  return <>{...parts}{text.slice(at)}</>;
}

/** Paragraphs and lists. */
export const Text = ({ text }: { text: string }) => (
  <>{text.split(/\n{2,}/).map((block) => (block.startsWith("* ")
    ? <ul class="facts">{block.split("\n").map((line) => <li><Line text={line.slice(2)} /></li>)}</ul>
    : <p><Line text={block.replaceAll("\n", " ")} /></p>))}</>
);

const isNull = ({ type }: Schema): boolean => type === "null";

/** Both ends of a range, where there are any. */
function range(least: number | undefined, most: number | undefined, unit: string): string | undefined {
  if (least === undefined && most === undefined) return undefined;
  const told = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 9 });
  const [from, to] = [least || undefined, most];
  return from !== undefined && to !== undefined ? (from === to ? `${told(from)}${unit}` : `${told(from)} to ${told(to)}${unit}`) : to !== undefined ? `at most ${told(to)}${unit}` : from !== undefined ? `at least ${told(from)}${unit}` : undefined;
}

/** What a value may be, in a few words. */
export function wordsOf(schema: Schema, follow: Book["follow"], depth = 0): string {
  const { type, format, items, anyOf, oneOf, const: only, enum: some, minimum, exclusiveMinimum, maximum, minLength, maxLength, minItems, maxItems } = follow<Schema>(schema);
  if (only !== undefined) return JSON.stringify(only);
  if (some) return `one of ${some.slice(0, mostWords).map((one) => JSON.stringify(one)).join(", ")}${some.length > mostWords ? ", …" : ""}`;
  const choices = anyOf ?? oneOf;
  if (choices) return [...new Set(choices.map((one) => wordsOf(one, follow, depth + 1)))].join(" or ");
  const kinds = [type].flat().filter((kind) => kind !== undefined).map((kind) => (kind === "array" && items && depth < 2 && Object.keys(follow<Schema>(items)).length > 0 ? `list of ${wordsOf(items, follow, depth + 1)}` : kind === "array" ? "list" : kind));
  const bounds = [
    format && format !== "binary" ? format : undefined, exclusiveMinimum !== undefined ? `more than ${exclusiveMinimum}` : undefined, range(minimum, maximum, ""), range(minLength, maxLength, " characters"), range(minItems, maxItems, " items"),
  ].filter((bound) => bound !== undefined);
  return [format === "binary" ? "file" : kinds.join(" or ") || "anything", ...bounds].join(", ");
}

/** The objects inside a schema whose fields are worth a look. */
function insideOf(schema: Schema, follow: Book["follow"]): readonly Schema[] {
  const { properties, items, anyOf, oneOf, allOf, additionalProperties } = follow<Schema>(schema);
  const own = properties && Object.keys(properties).length > 0 ? [follow<Schema>(schema)] : [];
  const kept = typeof additionalProperties === "object" ? insideOf(additionalProperties, follow) : [];
  return [...own, ...[...(anyOf ?? []), ...(oneOf ?? []), ...(allOf ?? [])].filter((one) => !isNull(one)).flatMap((one) => insideOf(one, follow)), ...(items ? insideOf(items, follow) : []), ...(own.length === 0 ? kept : [])];
}

type Props = { of: Schema; follow: Book["follow"]; depth?: number };

/** The fields of an object, each with what it may be and what it means. */
function Fields({ of: { properties = {}, required = [] }, follow, depth = 0 }: Props) {
  return (
    <dl class="fields-told">{Object.entries(properties).map(([name, field]) => {
      const whole = follow<Schema>(field);
      const inside = depth < deepest ? insideOf(field, follow) : [];
      return (
        <div>
          <dt><code>{name}</code>{required.includes(name) && <span class="badge accent">required</span>}<span class="note">{wordsOf(field, follow)}</span></dt>
          <dd>
            {whole.description !== undefined && <p><Line text={whole.description} /></p>}
            {whole.default !== undefined && <p class="note">Unless it says otherwise: <code>{JSON.stringify(whole.default)}</code></p>}
            {inside.length > 0 && <details class="more"><summary>{inside.length === 1 ? `Fields of ${name}` : `${inside.length} kinds of ${name}`}</summary><div>{inside.map((one) => <Fields of={one} follow={follow} depth={depth + 1} />)}</div></details>}
          </dd>
        </div>
      );
    })}</dl>
  );
}

/** A schema as a whole. */
export function SchemaView({ of, follow }: Props) {
  const inside = insideOf(of, follow);
  return inside.length === 0 ? <p class="note">{wordsOf(of, follow)}</p> : <>{inside.map((one, i) => <>{i > 0 && <p class="divider">or</p>}<Fields of={one} follow={follow} /></>)}</>;
}
