/**
 * A provider's own batches, as OpenAI has them: a file of lines goes there, and a file of answers comes back.
 * https://platform.openai.com/docs/api-reference/batch, https://console.groq.com/docs/batch
 */
import { GatewayError } from "../errors.ts";
import { authHeaders, type Endpoint } from "../providers/index.ts";
import { readBounded } from "./read.ts";

/** `over`: nothing more will come of it. */
export type ProviderBatch = { readonly id: string; readonly mark: string | undefined; readonly over: boolean; readonly files: readonly string[] };

const callMs = 60_000;
const transferMs = 10 * 60_000;
const answerLimit = 4 * 1024 * 1024;
const listed = 100;
const clocksDifferMs = 10 * 60_000;
/** The key of its metadata under which a batch bears our own name for it. */
const markField = "forge_batch";
const overStatuses = ["completed", "failed", "expired", "cancelled"];

type Json = Readonly<Record<string, unknown>>;

const batchOf = ({ id, status, metadata, output_file_id, error_file_id }: Json): ProviderBatch => ({
  id: String(id), mark: (metadata as Json | null | undefined)?.[markField] as string | undefined, over: overStatuses.includes(status as string),
  files: [output_file_id, error_file_id].filter((file): file is string => typeof file === "string" && file !== ""),
});

export class ProviderBatches {
  private readonly endpoint: Endpoint;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
  }

  /** Uploads lines of `bytes` together. Returns the file's id. */
  async upload(filename: string, bytes: number, lines: AsyncIterable<Uint8Array>): Promise<string> {
    const boundary = crypto.randomUUID();
    const encoder = new TextEncoder();
    const head = encoder.encode(
      `--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--${boundary}\r\n` +
      `content-disposition: form-data; name="file"; filename="${filename}"\r\ncontent-type: application/jsonl\r\n\r\n`);
    const tail = encoder.encode(`\r\n--${boundary}--\r\n`);
    const { readable, writable } = new FixedLengthStream(head.length + bytes + tail.length);
    const written = pour(writable, head, lines, tail);
    const [{ id }] = await Promise.all([this.json("POST", "/files", { body: readable, type: `multipart/form-data; boundary=${boundary}`, ms: transferMs }), written]);
    return String(id);
  }

  /** The batch that bears this mark, among those that were made since `sinceMs`. */
  async find(mark: string, sinceMs: number): Promise<ProviderBatch | undefined> {
    for (let after = ""; ; ) {
      const { data, has_more: more } = await this.json("GET", `/batches?limit=${listed}${after}`);
      const page = Array.isArray(data) ? (data as Json[]) : [];
      const found = page.map(batchOf).find((one) => one.mark === mark);
      const last = page.at(-1);
      if (found || more !== true || !last || Number(last.created_at) * 1_000 < sinceMs - clocksDifferMs) return found;
      after = `&after=${encodeURIComponent(String(last.id))}`;
    }
  }

  /** `path`: the endpoint, as its lines name it. */
  async create({ file, path, mark }: { file: string; path: string; mark: string }): Promise<ProviderBatch> {
    return batchOf(await this.json("POST", "/batches", { body: JSON.stringify({ input_file_id: file, endpoint: path, completion_window: "24h", metadata: { [markField]: mark } }), type: "application/json" }));
  }

  async get(id: string): Promise<ProviderBatch> {
    return batchOf(await this.json("GET", `/batches/${encodeURIComponent(id)}`));
  }

  async cancel(id: string): Promise<void> {
    await this.json("POST", `/batches/${encodeURIComponent(id)}/cancel`);
  }

  /** A file's bytes as they come. */
  async content(file: string): Promise<ReadableStream<Uint8Array>> {
    const response = await this.call("GET", `/files/${encodeURIComponent(file)}/content`, { ms: transferMs });
    return response.body!;
  }

  async remove(file: string): Promise<void> {
    await this.json("DELETE", `/files/${encodeURIComponent(file)}`);
  }

  private async json(method: string, path: string, sent: Sent = {}): Promise<Json> {
    const bytes = await readBounded((await this.call(method, path, sent)).body, answerLimit);
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Json;
    } catch {
      throw new GatewayError("upstream_error", `${this.endpoint.provider.name} did not answer with JSON.`);
    }
  }

  /** Throws `upstream_refused` where the provider refuses, `upstream_error` where it cannot be reached or may answer another time. */
  private async call(method: string, path: string, { body, type, ms = callMs }: Sent): Promise<Response> {
    const { endpoint } = this;
    const { name } = endpoint.provider;
    const init: RequestInit = { method, redirect: "manual", signal: AbortSignal.timeout(ms), headers: { "user-agent": "forge", ...authHeaders(endpoint, "batch"), ...(type !== undefined && { "content-type": type }) }, ...(body !== undefined && { body }) };
    const response = await (endpoint.dial ?? fetch)(endpoint.baseUrl + path, init).catch(() => {
      throw new GatewayError("upstream_error", `${name} could not be reached.`);
    });
    if (response.ok) return response;
    await response.body?.cancel();
    const passes = response.status >= 500 || response.status === 408 || response.status === 429;
    throw new GatewayError(passes ? "upstream_error" : "upstream_refused", `${name} answered ${response.status}.`, {}, passes ? undefined : response.status);
  }
}

type Sent = { readonly body?: BodyInit; readonly type?: string; readonly ms?: number };

async function pour(writable: WritableStream<Uint8Array>, head: Uint8Array, lines: AsyncIterable<Uint8Array>, tail: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  try {
    await writer.write(head);
    for await (const bytes of lines) await writer.write(bytes);
    await writer.write(tail);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
}
