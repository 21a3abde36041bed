/** What administrators send: bodies, queries and ids, checked. */
import type { Context } from "hono";
import * as z from "zod";
import { GatewayError } from "../../errors.ts";

const bodyLimit = 64 * 1024;

/** The JSON body, of at most `limit` bytes. Throws `unsupported_media_type`, `request_too_large`, `invalid_json` or `invalid_request`. */
export async function readBody<S extends z.ZodType>(c: Context, schema: S, limit = bodyLimit): Promise<z.output<S>> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header("content-type") ?? "")) {
    throw new GatewayError("unsupported_media_type", "Send JSON with content-type: application/json.");
  }
  return checked(schema, parseJson(await readText(c.req.raw, limit)));
}

/** As `readBody`, but a request without a body counts as `{}`. */
export async function readOptionalBody<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  return c.req.raw.body === null ? checked(schema, {}) : readBody(c, schema);
}

/** The query parameters, each once, but for the names in `lists`, which are arrays. Throws `invalid_request`. */
export function readQuery<S extends z.ZodType>(c: Context, schema: S, lists: readonly string[] = []): z.output<S> {
  const all = Object.entries(c.req.queries());
  const twice = all.find(([name, values]) => values.length > 1 && !lists.includes(name))?.[0].slice(0, 100);
  if (twice !== undefined) throw new GatewayError("invalid_request", `${twice}: is given more than once`, { param: twice });
  return checked(schema, Object.fromEntries(all.map(([name, values]) => [name, lists.includes(name) ? values : values[0]])));
}

/** A path parameter. Throws `invalid_request`. */
export function readParam<S extends z.ZodType>(c: Context, name: string, schema: S): z.output<S> {
  return checked(z.object({ [name]: schema }), { [name]: c.req.param(name) })[name] as z.output<S>;
}

/** A body of at most `limit` bytes. Throws `request_too_large`, or `invalid_json` when it is not UTF-8. */
export async function readText(request: Request, limit: number): Promise<string> {
  const tooLarge = new GatewayError("request_too_large", `The request body is larger than ${limit} bytes.`);
  if (Number(request.headers.get("content-length")) > limit) throw tooLarge;
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  let bytes = 0;
  for await (const chunk of (request.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > limit) throw tooLarge;
    text += decoded(() => decoder.decode(chunk, { stream: true }));
  }
  return text + decoded(() => decoder.decode());
}

function decoded(decode: () => string): string {
  try {
    return decode();
  } catch {
    throw new GatewayError("invalid_json", "The request body is not UTF-8.");
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new GatewayError("invalid_json", "The request body is not valid JSON.");
  }
}

function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const param = issue.path.map((step) => (typeof step === "number" ? `[${step}]` : `.${String(step)}`)).join("").replace(/^\./, "");
  throw new GatewayError("invalid_request", param ? `${param}: ${issue.message}` : issue.message, param ? { param } : {});
}

/** Ids that administrators may choose. No `/` and no `|`: ids stand in object names and in what credentials are bound to. */
export const idSchema = z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}$/, "1 to 64 letters, digits, - and _, beginning with a letter or digit");
export const nameSchema = z.string().trim().min(1).max(200);
export const limitQuery = z.coerce.number().int().min(1).max(100).default(20);

/** A point in time as ISO 8601 with an offset → Unix ms. */
export const timeSchema = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** Where a page of a list ordered by time begins. */
export const placeSchema = z.string().regex(/^\d{1,15}\.[a-zA-Z0-9_]{1,64}$/, "not a cursor of this list").transform((text) => {
  const dot = text.indexOf(".");
  return { atMs: Number(text.slice(0, dot)), id: text.slice(dot + 1) };
});
