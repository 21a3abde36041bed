/**
 * The body of `POST /v1/messages/batches`, `{"requests": […]}`, as lines of a batch's input: it is walked over as it comes, one request at a
 * time, so that nobody holds more than one of them.
 */
import { GatewayError } from "../errors.ts";
import { readLine } from "./input-line.ts";
import { joined } from "../bytes.ts";
import { mostLineBytes, mostLines } from "./read-input.ts";

/** What stands around the requests. */
const mostAroundBytes = 64 * 1024;

const [quote, backslash, comma, colon, openBracket, closeBracket, openBrace, closeBrace] = [34, 92, 44, 58, 91, 93, 123, 125] as const;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const encoder = new TextEncoder();

const broken = (why: string): GatewayError => new GatewayError("invalid_json", `The request body is not valid JSON: ${why}.`);

/** Bytes that are gathered up to a bound. */
class Gathered {
  private parts: Uint8Array[] = [];
  private length = 0;
  private readonly most: number;
  private readonly tooMany: () => GatewayError;

  constructor(most: number, tooMany: () => GatewayError) {
    this.most = most;
    this.tooMany = tooMany;
  }

  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (this.length > this.most) throw this.tooMany();
    if (bytes.length > 0) this.parts.push(bytes.slice());
  }

  /** The text so far, and begins anew. */
  take(): string {
    const whole = joined(this.parts);
    this.parts = [];
    this.length = 0;
    try {
      return decoder.decode(whole);
    } catch {
      throw broken("it is not UTF-8");
    }
  }
}

/** The requests' own texts, one after the other. Throws `invalid_json` or `request_too_large`. */
async function* requestTexts(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const around = new Gathered(mostAroundBytes, () => new GatewayError("invalid_request", "requests: nothing else belongs in the request", { param: "requests" }));
  const request = new Gathered(mostLineBytes, () => new GatewayError("request_too_large", `A request of the batch is larger than ${mostLineBytes / 1024 / 1024} MiB.`));
  let [depth, inString, escaped, inRequests, seen, count] = [0, false, false, false, false, 0];
  let key = "";
  let isKey = true;
  for await (const bytes of body) {
    let from = 0;
    const cut = (to: number): void => {
      (inRequests ? request : around).push(bytes.subarray(from, to));
      from = to;
    };
    for (let at = 0; at < bytes.length; at += 1) {
      const byte = bytes[at]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
        if (depth === 1 && isKey && inString && key.length < 16) key += String.fromCharCode(byte);
        continue;
      }
      switch (byte) {
        case quote:
          inString = true;
          if (depth === 1 && isKey) key = "";
          break;
        case colon:
          if (depth === 1) isKey = false;
          break;
        case openBrace:
        case openBracket:
          depth += 1;
          if (depth !== 2 || byte !== openBracket || isKey || key !== "requests") break;
          if (seen) throw new GatewayError("invalid_request", "requests: stands twice in the request", { param: "requests" });
          cut(at + 1);
          inRequests = seen = true;
          break;
        case closeBrace:
        case closeBracket:
          depth -= 1;
          if (!inRequests || depth > 1) break;
          cut(at);
          inRequests = false;
          const last = request.take();
          if (last.trim() !== "" || count > 0) yield last;
          break;
        case comma:
          if (depth === 1) isKey = true;
          if (!inRequests || depth !== 2) break;
          cut(at);
          from = at + 1;
          count += 1;
          yield request.take();
      }
    }
    cut(bytes.length);
  }
  const outside = parsed(around.take());
  if (typeof outside !== "object" || outside === null || Array.isArray(outside)) throw broken("it must be an object");
  if (!seen) throw new GatewayError("invalid_request", "requests: must be a list of requests", { param: "requests" });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw broken("its end is missing, or something in it is misplaced");
  }
}

/** The lines of the input that the body is. `counted` hears how many they are so far. Throws what `requestTexts` does, or `invalid_request` with the request at fault. */
export async function* requestLines(body: AsyncIterable<Uint8Array>, counted: (total: number) => void): AsyncGenerator<Uint8Array, void> {
  const seen = new Set<string>();
  const refuse = (where: string, why: string): GatewayError => new GatewayError("invalid_request", `${where}: ${why}`, { param: where });
  for await (const text of requestTexts(body)) {
    const index = seen.size;
    const line = readLine(text, "messages", "");
    if ("fault" in line) throw refuse(`requests.${index}${line.fault.param ? `.${line.fault.param}` : ""}`, line.fault.message);
    if (seen.has(line.customId)) throw refuse(`requests.${index}.custom_id`, "must be unique among the requests of a batch");
    seen.add(line.customId);
    if (seen.size > mostLines.messages) throw refuse("requests", `a batch may have ${mostLines.messages} requests`);
    counted(seen.size);
    yield encoder.encode(`${text.replace(/[\r\n]+/g, " ")}\n`);
  }
  if (seen.size === 0) throw refuse("requests", "must hold at least one request");
}
