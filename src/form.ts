/** A multipart body as it comes, part by part, so that nobody has to hold a file to read the field behind it. */
import { decodeField, make, type MultipartError, type PartInfo } from "multipasta";
import { GatewayError } from "./errors.ts";
import { joined } from "./bytes.ts";

/**
 * One part. A field has its text in `value`; a file has `body`, which is read once, and before the next part is asked for: what is
 * left of it then is dropped. `filename` is what the client says, and nothing more.
 */
export type FormPart =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly filename: string; readonly type: string; readonly body: AsyncGenerator<Uint8Array, void> };

/** Most bytes of the whole body, of one file of it, and of one field's text. */
export type FormLimits = { readonly mostBytes: number; readonly mostFileBytes?: number; readonly mostFieldBytes?: number };

type Step = { is: "field"; info: PartInfo; value: Uint8Array } | { is: "file"; info: PartInfo } | { is: "bytes"; bytes: Uint8Array } | { is: "end" };

const mostParts = 256;
const mostFieldBytes = 1024 * 1024;
const MiB = 1024 * 1024;
/** How much of a refused form is read and dropped, and how long it may pause. */
const mostDropped = 100 * MiB;
const dropIdleMs = 2_000;

const invalid = (why: string): GatewayError => new GatewayError("invalid_request", `The multipart body ${why}.`);

const parameter = /\s*;\s*([\w*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))\s*/y;

/** Name and file name of a part. Clients write them in UTF-8, where the parser knows Latin-1 only and takes the whole header for none. */
function namesOf(info: PartInfo): { name: string; filename?: string | undefined } {
  if (info.name !== "") return info;
  const header = String(info.headers["content-disposition"] ?? "");
  const found: Record<string, string> = { name: "" };
  parameter.lastIndex = /^[^;]*/.exec(header)![0].length;
  while (parameter.lastIndex < header.length) {
    const [, name, quoted, plain = ""] = parameter.exec(header) ?? [];
    if (name === undefined) throw invalid("has a part with broken headers");
    found[name.toLowerCase()] = quoted ?? plain;
  }
  return { name: found.name!, filename: found.filename };
}

/** A part is a file when it has a file name, or says that it is bytes. */
const isFile = (info: PartInfo): boolean => namesOf(info).filename !== undefined || info.contentType === "application/octet-stream";

/** Whether a request carries a form. */
export const isForm = (headers: Headers): boolean => /^multipart\/form-data\s*;/i.test(headers.get("content-type") ?? "");

/** Reads a request's multipart body. What comes is read no faster than it is asked for. */
export class Form {
  private readonly steps: Step[] = [];
  private readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  private readonly parser: ReturnType<typeof make>;
  private held: Uint8Array = new Uint8Array(0);
  private fault: GatewayError | undefined;
  private over = false;
  private inFile = false;

  /** Throws `unsupported_media_type` where the request is no form, `request_too_large` where it says itself that it is too long. */
  constructor({ headers, body }: Pick<Request, "headers" | "body">, { mostBytes, mostFileBytes = mostBytes, mostFieldBytes: fieldBytes = mostFieldBytes }: FormLimits) {
    const type = headers.get("content-type") ?? "";
    if (!isForm(headers) || !body) throw new GatewayError("unsupported_media_type", `Send a form with content-type: multipart/form-data and its boundary, not ${JSON.stringify(type.slice(0, 100))}.`);
    const encoding = headers.get("content-encoding");
    if (encoding !== null && encoding !== "identity") throw new GatewayError("unsupported_media_type", "Send the request body without content-encoding.");
    if (Number(headers.get("content-length") ?? 0) > mostBytes) throw tooLarge(mostBytes);
    this.reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
    this.parser = make({
      headers: { "content-type": type },
      isFile, maxParts: mostParts, maxTotalSize: mostBytes, maxPartSize: mostFileBytes, maxFieldSize: fieldBytes,
      onField: (info, value) => this.steps.push({ is: "field", info, value }),
      onFile: (info) => {
        this.steps.push({ is: "file", info });
        return (bytes) => this.steps.push(bytes === null ? { is: "end" } : { is: "bytes", bytes });
      },
      onError: (error) => (this.fault ??= faultOf(error, { mostBytes, mostFileBytes })),
      onDone: () => (this.over = true),
    });
  }

  /** The next part; undefined behind the last one. Throws `invalid_request` or `request_too_large`, also while a file is read. */
  async next(): Promise<FormPart | undefined> {
    while (this.inFile) await this.bytes();
    const step = await this.step();
    if (!step) return undefined;
    if (step.is === "field") return { name: namesOf(step.info).name, value: decodeField(step.info, step.value) };
    if (step.is !== "file") return this.next();
    this.inFile = true;
    const { name, filename = name } = namesOf(step.info);
    return { name, filename, type: step.info.contentType, body: this.file() };
  }

  /** Gives the body back with what is left of it: whoever answers early may still have to let the client say all of it. */
  release(): void {
    this.reader.releaseLock();
  }

  /** Reads and drops what is left, as long as it keeps coming: a client that is cut off while it still sends never sees the answer. Never rejects. */
  async drop(): Promise<void> {
    for (let dropped = 0; dropped < mostDropped; ) {
      const idle = Promise.withResolvers<undefined>();
      const timer = setTimeout(idle.resolve, dropIdleMs);
      const read = await Promise.race([this.reader.read().catch(() => undefined), idle.promise]).finally(() => clearTimeout(timer));
      if (!read || read.done) return;
      dropped += read.value.byteLength;
    }
  }

  /** Ends the reading: what is left is not wanted. */
  async cancel(): Promise<void> {
    await this.reader.cancel().catch(() => {});
  }

  private async *file(): AsyncGenerator<Uint8Array, void> {
    for (let bytes = await this.bytes(); bytes; bytes = await this.bytes()) yield bytes;
  }

  /** The next bytes of the file that is open; undefined at its end. */
  private async bytes(): Promise<Uint8Array | undefined> {
    if (!this.inFile) return undefined;
    const step = await this.step();
    if (step?.is === "bytes") return step.bytes;
    this.inFile = false;
    return undefined;
  }

  private async step(): Promise<Step | undefined> {
    while (this.steps.length === 0 && !this.fault) {
      if (this.over) return undefined;
      const { done, value } = await this.reader.read().catch(() => {
        throw invalid("broke off");
      });
      this.write(done ? undefined : value);
      if (done && !this.over && this.steps.length === 0) this.fault ??= invalid("broke off before its last boundary");
    }
    if (this.fault) throw this.fault;
    return this.steps.shift();
  }

  /** The parser knows the last boundary by two dashes behind it, which it must see at once: those that end a piece wait for the next one. */
  private write(bytes: Uint8Array | undefined): void {
    try {
      const piece = bytes === undefined ? this.held : this.held.length === 0 ? bytes : joined([this.held, bytes]);
      const dashes = bytes === undefined || piece.at(-1) !== dash ? 0 : piece.at(-2) === dash ? 2 : 1;
      this.held = piece.subarray(piece.length - dashes);
      if (piece.length > dashes) this.parser.write(piece.subarray(0, piece.length - dashes));
      if (bytes === undefined && !this.over) this.parser.end();
    } catch {
      this.fault = invalid("has a part with broken headers");
    }
  }
}

const dash = 45;

const tooLarge = (bytes: number): GatewayError => new GatewayError("request_too_large", `The request body is larger than ${Math.floor(bytes / MiB)} MiB.`);

function faultOf(error: MultipartError, { mostBytes, mostFileBytes }: { mostBytes: number; mostFileBytes: number }): GatewayError {
  if (error._tag !== "ReachedLimit") return invalid({ InvalidBoundary: "has no boundary that could be one", BadHeaders: "has a part with broken headers", InvalidDisposition: "has a part without a name", EndNotReached: "broke off before its last boundary" }[error._tag]);
  if (error.limit === "MaxTotalSize") return tooLarge(mostBytes);
  if (error.limit === "MaxPartSize") return new GatewayError("request_too_large", `A file in the form is larger than ${Math.floor(mostFileBytes / MiB)} MiB.`);
  return invalid(error.limit === "MaxParts" ? `has more than ${mostParts} parts` : "has a field that is too long");
}
