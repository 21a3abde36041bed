/** The client's form: its fields as an object, its files held once, in the pieces in which they came. */
import { GatewayError } from "../errors.ts";
import { Form } from "../form.ts";
import { SentFile, type FormValue } from "../protocols/crossing.ts";

/** Reads a form, or what was read of it before. `text` is empty: there is none to splice. Throws as `Form` does. */
export async function readForm(request: Request, mostBytes: number, body?: Uint8Array | ArrayBuffer): Promise<{ text: string; json: Record<string, FormValue | FormValue[]> }> {
  const source = body === undefined ? request : { headers: request.headers, body: new Response(body).body };
  const form = new Form(source, { mostBytes });
  const fields = new Map<string, FormValue[]>();
  for (let part = await form.next(); part; part = await form.next()) {
    const value = "value" in part ? part.value : new SentFile(part.filename, part.type, await Array.fromAsync(part.body));
    fields.set(part.name, [...(fields.get(part.name) ?? []), value]);
  }
  const json: Record<string, FormValue | FormValue[]> = Object.fromEntries([...fields].map(([name, values]) => [name, name.endsWith("[]") ? values : only(name, values)]));
  return { text: "", json };
}

/** What is no list stands once: parsers differ in which of two they believe. */
function only(name: string, values: readonly FormValue[]): FormValue | FormValue[] {
  const [first, ...more] = values;
  if (more.length > 0 && values.some((value) => typeof value === "string")) throw new GatewayError("invalid_request", `${name.slice(0, 100)}: stands twice in the form`, { param: name.slice(0, 100) });
  return more.length > 0 ? [...values] : first!;
}
