/** The queries of lists and of what is kept, as OpenAI's clients write them. */
import type { Context } from "hono";
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { readJson } from "../pipeline/index.ts";

/** Which page of a list. */
export const pageQuery = z.object({
  after: z.string().max(200).optional(),
  order: z.enum(["asc", "desc"], "must be asc or desc").default("desc"),
  limit: z.coerce.number("must be a number").int("must be an integer").min(1, "must be 1 to 100").max(100, "must be 1 to 100").default(20),
});

/** Pairs that say something of what is kept. */
export const metadata = z.record(z.string().max(64, "has a key of more than 64 characters"), z.string("must be an object of strings").max(512, "has a value of more than 512 characters"), "must be an object of strings")
  .refine((value) => Object.keys(value).length <= 16, "has more than 16 keys");
/** A body that replaces them. */
export const metadataBody = z.object({ metadata: metadata.nullable().transform((value) => value ?? {}) });

/** The query's fields that `schema` knows; others are left alone, as SDKs send more. Throws `invalid_request`. */
export function readPage<S extends z.ZodType>(c: Context, schema: S): z.output<S> {
  return checked(schema, c.req.query());
}

/** The JSON body; none counts as `{}`. Throws as `readJson`, and `invalid_request`. */
export async function readKept<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  return checked(schema, c.req.raw.body === null ? {} : (await readJson(c.req.raw)).json);
}

function checked<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const [{ path, message }] = read.error.issues as [z.core.$ZodIssue];
  throw new GatewayError("invalid_request", `${path.join(".")}: ${message}`, { param: path.join(".") });
}

/** Whether reasoning is asked for that only its maker can read: `include[]` or `include`, once or more often. */
export const wantsSecrets = (c: Context): boolean =>
  [...(c.req.queries("include[]") ?? []), ...(c.req.queries("include") ?? [])].some((word) => word.split(",").includes("reasoning.encrypted_content"));
