/** The client's form: its fields as an object, its files held once, in the pieces in which they came. */
import { GatewayError } from "../errors.ts";
import { Form } from "../form.ts";
import { SentFile, type FormValue } from "../protocols/crossing.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { isJsonType, readJson } from "./body.ts";
import { Digest } from "./digest.ts";

type Json = Record<string, unknown>;
type Took = { text: string; json: Json };

/** Reads a form, or the same as JSON where its protocol has that. `text` is empty: there is none to splice. Throws as `Form` and `readJson` do. */
export async function readForm(request: Request, { mostBytes, lists = [], fromJson }: NonNullable<Protocol["form"]>): Promise<Took> {
  if (fromJson && isJsonType(request.headers)) return { text: "", json: fromJson((await readJson(request)).json as Json) };
  try {
    return { text: "", json: await fieldsOf(request, mostBytes, lists) };
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "request_too_large") throw tooLarge(request.headers, mostBytes);
    throw thrown;
  }
}

async function fieldsOf(request: Request, mostBytes: number, lists: readonly string[]): Promise<Json> {
  const form = new Form(request, { mostBytes });
  const fields = new Map<string, FormValue[]>();
  for (let part = await form.next(); part; part = await form.next()) {
    const value = "value" in part ? part.value : new SentFile(part.filename, part.type, await Array.fromAsync(part.body));
    fields.set(part.name, [...(fields.get(part.name) ?? []), value]);
  }
  return Object.fromEntries([...fields].map(([name, values]) => [name, name.endsWith("[]") || (lists.includes(name) && values.length > 1) ? values : only(name, values)]));
}

/** What makes two forms the same one: their fields in order, and their files' digests. Boundaries are drawn anew for every try. */
export async function identified(fields: Json): Promise<Uint8Array> {
  const parts = await Promise.all(Object.entries(fields).flatMap(([name, value]) => [value].flat().map(async (one) => [name, one instanceof SentFile ? [one.filename, one.type, await digestOf(one)] : one])));
  return new TextEncoder().encode(JSON.stringify(parts));
}

async function digestOf({ pieces }: SentFile): Promise<string | null> {
  const digest = new Digest();
  for (const piece of pieces) digest.update(piece);
  return digest.end();
}

/** In OpenAI's words, which its clients know. */
function tooLarge(headers: Headers, mostBytes: number): GatewayError {
  const declared = headers.get("content-length");
  return new GatewayError("request_too_large", `Maximum content size limit (${mostBytes}) exceeded${declared === null ? "" : ` (${declared} bytes read)`}`);
}

/** What is no list stands once: parsers differ in which of two they believe. */
function only(name: string, values: readonly FormValue[]): FormValue | FormValue[] {
  const [first, ...more] = values;
  if (more.length > 0 && values.some((value) => typeof value === "string")) throw new GatewayError("invalid_request", `${name.slice(0, 100)}: stands twice in the form`, { param: name.slice(0, 100) });
  return more.length > 0 ? [...values] : first!;
}
