/**
 * Gemini's files and batches, in the shapes of its recorded answers and its documentation: a batch is an operation whose `metadata` has its state, the
 * list has others' answers in it, errors bear codes of gRPC. When one is over, and what came of each request, the test says.
 */
export type Request = { key: string; request: { contents: { parts: { text: string }[] }[]; content?: { parts: { text: string }[] }; [field: string]: unknown } };
export type Made = { name: string; displayName: string; model: string; file: string; createdMs: number; cancelled?: true; inlined?: string };
type Played = { status: number; type: string; text: string };

export const answerOf = (text: string, used: object = { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5 }): object =>
  ({ candidates: [{ content: { parts: [{ text }], role: "model" }, finishReason: "STOP", index: 0 }], usageMetadata: { ...used, serviceTier: "standard" }, modelVersion: "gemini-test", responseId: "up" });
export const succeeded = (text = "batched", used?: object): object => ({ response: answerOf(text, used) });
/** A vector's. */
export const embedded = (values: readonly number[], told: object = {}): object => ({ response: { embedding: { values }, ...told } });
export const errored = (code: number, message = "refused"): object => ({ error: { code, message } });

const json = (status: number, body: object): Played => ({ status, type: "application/json; charset=UTF-8", text: JSON.stringify(body, null, 2) });
const notFound = json(404, { error: { code: 404, message: "Requested entity was not found.", status: "NOT_FOUND" } });

export class GeminiBatches {
  readonly made: Made[] = [];
  readonly files = new Map<string, string>();
  /** `METHOD path` of every call. */
  readonly calls: string[] = [];
  readonly deleted: string[] = [];
  /** Breaks the call that makes a batch, which is taken all the same, or not. */
  breaks: "taken" | "not taken" | undefined;
  pageMost = 100;
  /** How many looks a file is looked through for. */
  processing = 0;
  over: (batch: Made) => boolean = () => false;
  resultOf: (request: Request, batch: Made) => object | undefined = () => succeeded();

  /** Makes one for somebody else, with answers in its operation. */
  add(displayName: string): Made {
    const batch: Made = { name: `batches/b${this.made.length}`, displayName, model: "models/gemini-test", file: "", createdMs: Date.now(), inlined: `{"name": "batches/no", "displayName": "${displayName}"}` };
    this.made.push(batch);
    return batch;
  }

  requests({ file }: Made): Request[] {
    return this.files.get(file)!.trimEnd().split("\n").map((line) => JSON.parse(line) as Request);
  }

  /** `path`: behind the host, with its query. */
  play(method: string, path: string, body: string): Played {
    this.calls.push(`${method} ${path}`);
    const [at, query] = path.split("?") as [string, string | undefined];
    if (at === "/upload/v1beta/files") return this.upload(body);
    const download = /^\/download\/v1beta\/(files\/[\w-]+):download$/.exec(at)?.[1];
    if (download) return this.answers(download);
    const model = /^\/v1beta\/(models\/[\w.-]+):(?:batchGenerateContent|asyncBatchEmbedContent)$/.exec(at)?.[1];
    if (model) return this.create(model, body);
    if (at === "/v1beta/batches") return this.list(new URLSearchParams(query));
    const [, name, act] = /^\/v1beta\/((?:files|batches)\/[\w-]+)(?::(\w+))?$/.exec(at) ?? [];
    if (name === undefined || this.deleted.includes(name)) return notFound;
    if (method === "DELETE") {
      this.deleted.push(name);
      return json(200, {});
    }
    if (name.startsWith("files/")) return json(200, this.file(name));
    const batch = this.made.find((one) => one.name === name);
    if (!batch) return notFound;
    if (act === "cancel") batch.cancelled = true;
    return json(200, act === "cancel" ? {} : this.face(batch));
  }

  private upload(body: string): Played {
    const [, meta, content] = body.split("\r\n\r\n") as [string, string, string];
    const { file } = JSON.parse(meta.split("\r\n--")[0]!) as { file: { displayName: string } };
    const name = `files/in-${this.files.size}`;
    this.files.set(name, content.split("\r\n--")[0]!);
    return json(200, { file: { ...this.file(name), ...file } });
  }

  private file(name: string): object {
    return { name, mimeType: "application/jsonl", sizeBytes: "1", state: (this.processing -= 1) < 0 ? "ACTIVE" : "PROCESSING", source: "UPLOADED" };
  }

  private create(model: string, body: string): Played {
    if (this.breaks === "not taken") return json(503, { error: { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" } });
    const { batch: { displayName, inputConfig } } = JSON.parse(body) as { batch: { displayName: string; inputConfig: { fileName: string } } };
    const batch: Made = { name: `batches/b${this.made.length}`, displayName, model, file: inputConfig.fileName, createdMs: Date.now() };
    this.made.push(batch);
    return this.breaks === "taken" ? { status: 502, type: "text/html", text: "bad gateway" } : json(200, this.face(batch));
  }

  private list(query: URLSearchParams): Played {
    const from = Number(query.get("pageToken")?.slice("from ".length) ?? 0);
    const to = from + Math.min(Number(query.get("pageSize")), this.pageMost);
    return json(200, { ...(this.made.length > 0 && { operations: this.made.slice(from, to).map((one) => this.face(one)) }), ...(to < this.made.length && { nextPageToken: `from ${to}` }) });
  }

  private answers(file: string): Played {
    const batch = this.made.find(({ name }) => file === `files/${name.replace("batches/", "batch-")}`);
    if (!batch || !this.over(batch)) return notFound;
    const lines = this.requests(batch).flatMap((one) => ((result) => (result ? [`${JSON.stringify({ ...result, key: one.key })}\n`] : []))(this.resultOf(one, batch)));
    return { status: 200, type: "application/octet-stream", text: lines.toReversed().join("") };
  }

  private face(batch: Made): object {
    const { name, displayName, model, file, createdMs, cancelled, inlined } = batch;
    const over = this.over(batch);
    const output = inlined !== undefined ? { inlinedResponses: { inlinedResponses: [{ response: answerOf(inlined) }] } } : { responsesFile: `files/${name.replace("batches/", "batch-")}` };
    return {
      name,
      metadata: {
        "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch", model, displayName, ...(file && { inputConfig: { fileName: file } }), ...(over && { output }),
        createTime: new Date(createdMs).toISOString(), batchStats: { requestCount: "2" }, state: over ? (cancelled ? "BATCH_STATE_CANCELLED" : "BATCH_STATE_SUCCEEDED") : "BATCH_STATE_RUNNING", name,
      },
      ...(over && (cancelled ? { done: true, error: { code: 1, message: "The operation was cancelled." } } : { done: true, response: { "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatchOutput", ...output } })),
    };
  }
}
