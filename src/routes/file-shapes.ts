/**
 * Files as each kind of client knows them: what it may say of one, how it asks for a list, what it is told.
 * https://platform.openai.com/docs/api-reference/files · https://docs.anthropic.com/en/api/files-create
 */
import type { Context } from "hono";
import * as z from "zod";
import { GatewayError } from "../errors.ts";
import { livesOf, purposes, type Files, type StoredFile } from "../files/index.ts";
import { readQuery } from "./admin/input.ts";
import type { App } from "./context.ts";
import { fromAnthropic } from "./error-shape.ts";

export { purposes };
type Question = Parameters<Files["list"]>[1];
type Page = Awaited<ReturnType<Files["list"]>>;
/** The fields of an upload's form but the file, by name. */
export type Fields = ReadonlyMap<string, string>;

export type FileShape = {
  /** Fields of the form that are read. */
  readonly fields: readonly string[];
  /** What is said of the file; `all`: no more fields come. Throws `invalid_request`. */
  meant(fields: Fields, all: boolean): { purpose: string; livesMs: number | undefined };
  list(c: Context<App>): { question: Question; view: (page: Page) => object };
  view(file: StoredFile): object;
  deleted(id: string): object;
};

const seconds = (ms: number): number => Math.floor(ms / 1000);

const least = 3_600;
const mostOfOpenai = 30 * 86_400;
const mostOfAnthropic = 90 * 86_400;

const invalid = (param: string, why: string): GatewayError => new GatewayError("invalid_request", `${param}: ${why}`, { param });

/** A purpose, checked. */
export function purposeOf(said: unknown): string {
  const known = purposes.find((purpose) => purpose === said);
  if (known === undefined) throw invalid("purpose", `must be one of ${purposes.join(", ")}`);
  return known;
}

export const expiresAfterSchema = z.strictObject({ anchor: z.literal("created_at"), seconds: z.number().int().min(least).max(mostOfOpenai) });

function secondsIn(fields: Fields, name: string, most: number): number | undefined {
  const said = fields.get(name);
  if (said === undefined) return undefined;
  const value = /^\d{1,9}$/.test(said) ? Number(said) : 0;
  if (value < least || value > most) throw invalid(name, `must be a whole number from ${least} to ${most}`);
  return value;
}

const [anchor, after] = ["expires_after[anchor]", "expires_after[seconds]"];

export const openaiQuery = z.object({
  purpose: z.string().max(100).optional(), after: z.string().max(100).optional(), order: z.enum(["asc", "desc"]).default("desc"), limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
});

export const openaiFiles: FileShape = {
  fields: ["purpose", anchor, after],
  meant(fields, all) {
    const lives = secondsIn(fields, after, mostOfOpenai);
    if (fields.has(anchor) && fields.get(anchor) !== "created_at") throw invalid(anchor, "must be created_at");
    if (all && lives !== undefined && !fields.has(anchor)) throw invalid(anchor, "goes with expires_after[seconds], and must be created_at");
    if (all && lives === undefined && fields.has(anchor)) throw invalid(after, "goes with expires_after[anchor]");
    const purpose = all || fields.has("purpose") ? purposeOf(fields.get("purpose")) : "";
    return { purpose, livesMs: livesOf(purpose, lives) };
  },
  list: (c) => ({
    question: readQuery(c, openaiQuery),
    view: ({ data, hasMore }) => ({ object: "list", data: data.map(openaiFiles.view), has_more: hasMore, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }),
  }),
  view: ({ id, bytes, createdAtMs, filename, purpose, expiresAtMs }) => ({
    id, object: "file", bytes, created_at: seconds(createdAtMs), filename, purpose, status: "processed", expires_at: expiresAtMs === undefined ? null : seconds(expiresAtMs), status_details: null,
  }),
  deleted: (id) => ({ id, object: "file", deleted: true }),
};

const cursor = z.string().min(1).max(100).optional();
const idsSchema = z.array(z.string().max(100)).max(100).optional();
export const anthropicQuery = z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(20), page: cursor, after_id: cursor, before_id: cursor, ids: idsSchema, "ids[]": idsSchema });

/** An id as Anthropic's clients know it. */
const theirs = (id: string): string => id.replace(/^file-/, "file_");

const anthropicFiles: FileShape = {
  fields: ["expires_in_seconds"],
  meant(fields) {
    const lives = secondsIn(fields, "expires_in_seconds", mostOfAnthropic);
    return { purpose: "user_data", livesMs: lives === undefined ? undefined : lives * 1000 };
  },
  list(c) {
    const { limit, page, after_id, before_id, ids, "ids[]": more } = readQuery(c, anthropicQuery, ["ids", "ids[]"]);
    const asked = ids || more ? [...(ids ?? []), ...(more ?? [])] : undefined;
    return {
      question: asked ? { order: "desc", ids: asked, limit: 200 } : { order: "desc", limit, after: page ?? after_id, before: before_id },
      view({ data, hasMore }) {
        const [first, last] = [data[0], data.at(-1)].map((file) => (file ? theirs(file.id) : null));
        return { data: data.map(anthropicFiles.view), next_page: hasMore && before_id === undefined ? last : null, has_more: hasMore, first_id: first, last_id: last };
      },
    };
  },
  view: ({ id, filename, type, bytes, createdAtMs, expiresAtMs }) => ({
    id: theirs(id), type: "file", filename, mime_type: type, size_bytes: bytes, created_at: new Date(createdAtMs).toISOString(), downloadable: true,
    expires_at: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
  }),
  deleted: (id) => ({ id: theirs(id), type: "file_deleted" }),
};

export const shapeFor = (headers: Headers): FileShape => (fromAnthropic(headers) ? anthropicFiles : openaiFiles);
