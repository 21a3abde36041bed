/** The client's form: its fields as an object, its files held once, in the pieces in which they came. */
import { GatewayError } from "../errors.ts";
import { Form } from "../form.ts";
import { SentFile, type FormValue } from "../protocols/crossing.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { isJsonType, readJson } from "./body.ts";
import { ComingForm, type Fields } from "./coming-form.ts";
import { Digest } from "./digest.ts";

type Json = Record<string, unknown>;
/** `coming`: its file is still on its way. */
export type Took = { readonly text: string; readonly json: Json; readonly coming?: ComingForm };

/** Text in a form: the longest prompt that anybody takes has 32,000 characters. */
export const mostFieldBytes = 256 * 1024;
/** What is shorter is held: then another deployment can be tried. */
const leastComing = 1024 * 1024;

/**
 * Reads a form, or the same as JSON where its protocol has that. `text` is empty: there is none to splice. `onTheWay`: a long file need not
 * have come, if the model stands before it. Throws as `Form` and `readJson` do.
 */
export async function readForm(request: Request, { mostBytes, lists = [], fromJson }: NonNullable<Protocol["form"]>, onTheWay = false): Promise<Took> {
  if (fromJson && isJsonType(request.headers)) return { text: "", json: fromJson((await readJson(request)).json as Json) };
  try {
    return { text: "", ...(await fieldsOf(request, mostBytes, lists, onTheWay)) };
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === "request_too_large") throw tooLarge(request.headers, mostBytes);
    throw thrown;
  }
}

async function fieldsOf(request: Request, mostBytes: number, lists: readonly string[], onTheWay: boolean): Promise<Omit<Took, "text">> {
  const form = new Form(request, { mostBytes, mostFieldBytes });
  try {
    return await taken(form, request, lists, onTheWay ? mostBytes : undefined);
  } catch (thrown) {
    await form.drop();
    throw thrown;
  }
}

/** `mostBytes`: a long file need not have come; the most that there can be. */
async function taken(form: Form, request: Request, lists: readonly string[], mostBytes: number | undefined): Promise<Omit<Took, "text">> {
  const fields: Fields = new Map();
  const declared = Number(request.headers.get("content-length") ?? mostBytes ?? 0);
  for (let part = await form.next(); part; part = await form.next()) {
    if ("body" in part && mostBytes !== undefined && declared > leastComing && fields.has("model")) {
      const coming = await ComingForm.begin(form, part, fields, declared);
      return { json: asJson(fields, lists), coming };
    }
    const value = "value" in part ? part.value : new SentFile(part.filename, part.type, await Array.fromAsync(part.body));
    fields.set(part.name, [...(fields.get(part.name) ?? []), value]);
  }
  return { json: asJson(fields, lists) };
}

/** A form's fields as an object. Throws where one stands twice that is no list. */
export const asJson = (fields: Fields, lists: readonly string[] = []): Json =>
  Object.fromEntries([...fields].map(([name, values]) => [name, name.endsWith("[]") || (lists.includes(name) && values.length > 1) ? values : only(name, values)]));

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
