/**
 * Fields within a request's messages and tools that nobody here reads. The canonical conversation has no place for them, so each is a loss
 * wherever the request is told anew. Each protocol says in a table what it reads; what it does not read at the top it keeps (`rest`).
 */
import type { ChatRequest, Loss } from "../chat/index.ts";
import { isObject, type Json } from "./json.ts";

/** What is read of an object, by field. `*`: of all other fields. */
export type Fields = { readonly [field: string]: Reading };
/** `whole`: everything. A list is read as each of its objects is. A function says by the object what is read of it. */
export type Reading = "whole" | Fields | ((value: Json) => Reading);

/** So many are told; one is enough for a request to be refused. */
const most = 16;
const longestName = 64;

/** Fields that say nothing which is not said elsewhere: answers have them, and clients give answers back as they came. */
const silent: ReadonlySet<string> = new Set(["type", "id", "object", "status", "index", "logprobs", "parsed", "parsed_arguments", "created_by"]);

/** `{a: "whole", b: "whole"}` of `a` and `b`. */
export const whole = <F extends string>(...names: F[]): Readonly<Record<F, "whole">> => Object.fromEntries(names.map((name) => [name, "whole"])) as Record<F, "whole">;

/** An object's reading by its `type`, `usual` where it has none; those of other types are kept as they are. */
export const byType = (readings: Readonly<Record<string, Reading>>, usual?: string) => ({ type = usual }: Json): Reading =>
  typeof type === "string" && Object.hasOwn(readings, type) ? readings[type]! : "whole";

/** Null and what is empty say nothing. */
function isSaid(value: unknown): boolean {
  if (value === null || value === undefined || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isObject(value) || Object.keys(value).length > 0;
}

const same = (name: string): string => name;

function visit(value: unknown, reading: Reading, path: string, spell: typeof same, found: Set<string>): void {
  if (Array.isArray(value)) {
    for (const one of value) if (isObject(one)) visit(one, reading, path, spell, found);
    return;
  }
  if (!isObject(value) || found.size >= most) return;
  const fields = typeof reading === "function" ? reading(value) : reading;
  if (fields === "whole") return;
  if (typeof fields === "function") return visit(value, fields, path, spell, found);
  for (const key of Object.keys(value)) {
    const name = spell(key);
    const known = Object.hasOwn(fields, name) ? fields[name]! : fields["*"];
    const inner = value[key];
    if (known === undefined) {
      if (isSaid(inner) && !silent.has(name)) found.add(`${path}.${name.replace(/[^\w.-]/g, "?").slice(0, longestName)}`);
    } else if (known !== "whole" && typeof inner === "object") visit(inner, known, `${path}.${name}`, spell, found);
  }
}

/** The losses among the fields of `body` that `readings` names, as `field:messages.content.x`. `spell`: how a field's name is spelled in the table. */
export function unreadIn(body: Json, readings: Fields, spell = same): Pick<ChatRequest, "unread"> {
  const found = new Set<string>();
  for (const [name, reading] of Object.entries(readings)) visit(body[name], reading, name, spell, found);
  return found.size > 0 ? { unread: [...found].slice(0, most).map((path): Loss => `field:${path}`) } : {};
}
