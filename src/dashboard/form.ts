/** What people fill in: a form's fields checked by a schema, or what is wrong with each, so that the page can say it where it stands. */
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import type { Visit } from "./visit.ts";

const mostBytes = 64 * 1024;

export type Filled = Record<string, string>;
/** `values`: as typed, to fill the form again. `errors`: by field. */
export type Form<T> = { ok: true; data: T; values: Filled } | { ok: false; values: Filled; errors: Filled };

/** Reads a form of text fields; of a name that is there twice the last counts. Throws `request_too_large`, `unsupported_media_type`. */
export async function readForm<S extends z.ZodType>({ c }: Visit, schema: S): Promise<Form<z.output<S>>> {
  const request = c.req.raw;
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers.get("content-type") ?? "")) throw new GatewayError("unsupported_media_type", "Send the form as it is.");
  const length = Number(request.headers.get("content-length") ?? Infinity);
  if (length > mostBytes) throw new GatewayError("request_too_large", `The form is larger than ${mostBytes} bytes.`);
  const values = Object.fromEntries(new URLSearchParams(new TextDecoder().decode(await request.arrayBuffer())));
  const result = schema.safeParse(values);
  if (result.success) return { ok: true, data: result.data, values };
  const errors = Object.fromEntries(result.error.issues.toReversed().map(({ path, message }) => [String(path[0] ?? "form"), message]));
  return { ok: false, values, errors };
}

/** A name of something: one line without control characters. */
export const nameField = (most = 100) => z.string("Fill this in.").trim().min(1, "Fill this in.").max(most, `At most ${most} characters.`).regex(/^[^\p{Cc}]*$/u, "One line of text, please.");

export const emailField = z.string("Fill this in.").trim().toLowerCase().pipe(z.email("That does not look like an e-mail address.").max(254, "At most 254 characters."));

/** A path below /dashboard to go on to; anything else leads to the overview. */
export const nextField = z.string().catch("").transform((path) => (/^\/dashboard(?:[/?][\x21-\x7e]*)?$/.test(path) && !path.includes("\\") ? path.slice("/dashboard".length) : ""));
