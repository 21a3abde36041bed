/** The client's body: bounded, JSON, strict UTF-8. */
import { GatewayError } from "../errors.ts";
import { decodeUtf8, readBounded } from "../upstream/index.ts";
import { checkShape } from "./shape.ts";

/** Largest request body. An isolate has 128 MB, and a body stands in it as bytes, as text and as JSON. */
export const bodyLimit = 20 * 1024 * 1024;
/** How much of a refused body is read and dropped, and how long it may pause. */
const mostDropped = 100 * 1024 * 1024;
const dropIdleMs = 2_000;

export const tooLarge = (): GatewayError => new GatewayError("request_too_large", `The request body is larger than ${bodyLimit / 1024 / 1024} MiB.`);

/** Reads a JSON body, or what was read of it before. Throws `unsupported_media_type`, `request_too_large`, `invalid_json` or, for a field that stands twice, `invalid_request`. */
export async function readJson(request: Request, body?: Uint8Array | ArrayBuffer): Promise<{ text: string; json: unknown }> {
  checkHeaders(request.headers);
  const text = decodeUtf8(body ?? (await readBytes(request)));
  checkShape(text);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new GatewayError("invalid_json", `The request body is not valid JSON: ${(error as Error).message.slice(0, 120)}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new GatewayError("invalid_json", "The request body must be a JSON object.");
  return { text, json };
}

/** Whether a request says that it carries JSON. */
export const isJsonType = (headers: Headers): boolean => /^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(headers.get("content-type") ?? "");

function checkHeaders(headers: Headers): void {
  const type = headers.get("content-type") ?? "application/json";
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(type)?.[1] ?? "utf-8";
  if (!(isJsonType(headers) || !headers.has("content-type")) || !/^(?:utf-?8|us-ascii)$/i.test(charset)) {
    throw new GatewayError("unsupported_media_type", `Send JSON in UTF-8 with content-type: application/json, not ${JSON.stringify(type.slice(0, 100))}.`);
  }
  const encoding = headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") throw new GatewayError("unsupported_media_type", "Send the request body without content-encoding.");
}

/** The body's bytes. Throws when there are too many, or when they end before they should. */
export async function readBytes(request: Request): Promise<ArrayBuffer | Uint8Array> {
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > bodyLimit) throw tooLarge();
  try {
    const bytes = declared !== null ? await request.arrayBuffer() : await readBounded(request.body, bodyLimit);
    if (bytes) return bytes;
  } catch {
    throw new GatewayError("invalid_request", "The request body broke off.");
  }
  throw tooLarge();
}

/** Reads and drops what an early refusal left of a body: a client that is cut off while it still sends never sees the answer. */
export async function dropRest({ body }: Request): Promise<void> {
  if (!body || body.locked) return;
  const reader = body.getReader();
  try {
    for (let dropped = 0; dropped < mostDropped; ) {
      const idle = Promise.withResolvers<undefined>();
      const timer = setTimeout(idle.resolve, dropIdleMs);
      const read = await Promise.race([reader.read(), idle.promise]).finally(() => clearTimeout(timer));
      if (!read || read.done) return;
      dropped += read.value.byteLength;
    }
  } catch {
    // It broke off: nobody waits for an answer.
  }
}
