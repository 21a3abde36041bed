/** The client's body: bounded, JSON, strict UTF-8. */
import { GatewayError } from "../errors.ts";
import { decodeUtf8, readBounded } from "../upstream/index.ts";

/** Largest request body. An isolate has 128 MB, and a body stands in it as bytes, as text and as JSON. */
const bodyLimit = 20 * 1024 * 1024;

const tooLarge = (): GatewayError => new GatewayError("request_too_large", `The request body is larger than ${bodyLimit / 1024 / 1024} MiB.`);

/** Reads a JSON body. Throws `unsupported_media_type`, `request_too_large` or `invalid_json`. */
export async function readJson(request: Request): Promise<{ text: string; json: unknown }> {
  const type = request.headers.get("content-type");
  if (type !== null && !/^application\/(.+\+)?json\b/i.test(type)) {
    throw new GatewayError("unsupported_media_type", `Send JSON with content-type: application/json, not ${JSON.stringify(type.slice(0, 100))}.`);
  }
  const encoding = request.headers.get("content-encoding");
  if (encoding !== null && encoding !== "identity") throw new GatewayError("unsupported_media_type", "Send the request body without content-encoding.");
  const declared = request.headers.get("content-length");
  if (declared !== null && Number(declared) > bodyLimit) throw tooLarge();
  const bytes = declared !== null ? await request.arrayBuffer() : await readBounded(request.body, bodyLimit);
  if (!bytes) throw tooLarge();
  const text = decodeUtf8(bytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new GatewayError("invalid_json", `The request body is not valid JSON: ${(error as Error).message.slice(0, 120)}`);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw new GatewayError("invalid_json", "The request body must be a JSON object.");
  return { text, json };
}
