/** A file's bytes as an answer: whole or one range of them, for saving and never for running. */
import type { Context } from "hono";
import { GatewayError } from "../errors.ts";
import { dispositionOf, type Range, type StoredFile } from "../files/index.ts";
import { answerHeaders, failure, type RequestContext } from "../pipeline/index.ts";
import type { App } from "./context.ts";
import { renderErrorAt } from "./error-shape.ts";

/**
 * The range that a `Range` header asks for; "all" where it asks for several, for other units or for nothing that can be read, as RFC 9110 (14.2)
 * lets it be; undefined where none of it is there.
 */
export function rangeOf(header: string | undefined, bytes: number): Range | "all" | undefined {
  const [, from = "", to = ""] = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i.exec(header ?? "") ?? [];
  if (from === "" && to === "") return "all";
  if (from === "") return Number(to) === 0 || bytes === 0 ? undefined : { offset: Math.max(0, bytes - Number(to)), length: Math.min(bytes, Number(to)) };
  const [first, last] = [Number(from), to === "" ? bytes - 1 : Math.min(Number(to), bytes - 1)];
  if (to !== "" && Number(to) < first) return "all";
  return first >= bytes ? undefined : { offset: first, length: last - first + 1 };
}

/** Answers with a file's content. Throws `not_found` where its bytes have gone meanwhile. */
export async function answerContent(c: Context<App>, { isolate, requestId }: RequestContext, file: StoredFile, headers: Record<string, string>): Promise<Response> {
  // Whoever makes a range depend on a version gets the whole: what is here never changes, and has no versions.
  const asked = rangeOf(c.req.header("if-range") === undefined ? c.req.header("range") : undefined, file.bytes);
  if (asked === undefined) {
    const error = new GatewayError("range_not_satisfiable", `The file has ${file.bytes} bytes, and the range begins behind them.`);
    return failure(error, renderErrorAt(c.req.path, c.req.raw.headers)(error, requestId), requestId, undefined, { "content-range": `bytes */${file.bytes}` });
  }
  const range = asked === "all" ? { offset: 0, length: file.bytes } : asked;
  const bytes = c.req.raw.method === "HEAD" ? null : await isolate.files.read(file, range);
  if (bytes === undefined) throw new GatewayError("not_found", "The file has been deleted.");
  const answer = {
    ...headers,
    "content-type": answerHeaders(requestId, undefined, file.type)["content-type"]!,
    "content-disposition": dispositionOf(file.filename),
    "content-length": String(range.length),
    "accept-ranges": "bytes",
    ...(asked !== "all" && { "content-range": `bytes ${range.offset}-${range.offset + range.length - 1}/${file.bytes}` }),
  };
  return new Response(bytes && bytes.pipeThrough(new FixedLengthStream(range.length)), { status: asked === "all" ? 200 : 206, headers: answer });
}
