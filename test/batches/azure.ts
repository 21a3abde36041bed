/**
 * Azure OpenAI's files and batches in the words of its documentation: capitals, times as text, files that are looked through for a while, files of errors
 * without any, metadata that is not told again. When one is over, and what came of each line, the test says.
 */
export type Line = { custom_id: string; url: string; body: { model: string; [field: string]: unknown } };
export type Made = { id: string; input_file_id: string; endpoint: string; created_at: string; createdMs: number };
type Played = { status: number; type: string; text: string };

export const completion = (text = "batched", usage: object = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }): object => ({
  id: "chatcmpl-1", object: "chat.completion", created: 1, model: "gpt-azure-2026-01-01", prompt_filter_results: [{ prompt_index: 0, content_filter_results: {} }],
  choices: [{ index: 0, content_filter_results: {}, finish_reason: "stop", logprobs: null, message: { role: "assistant", content: text } }], usage,
});
export const succeeded = (body: object = completion()): object => ({ status_code: 200, body });

const json = (body: object, status = 200): Played => ({ status, type: "application/json", text: JSON.stringify(body) });
const text = (lines: string, status = 200): Played => ({ status, type: "application/octet-stream", text: lines });

export class AzureBatches {
  /** `METHOD path` of every call. */
  readonly calls: string[] = [];
  readonly uploads: string[] = [];
  readonly made: Made[] = [];
  /** How many looks a file is looked through for. */
  pending = 1;
  over: (batch: Made) => boolean = () => false;
  /** Which deployments do batches. */
  deployments = ["gpt-azure-batch"];
  /** Breaks the call that makes a batch, which is made all the same, or not. */
  breaks: "made" | "not made" | undefined;
  /** The response to a line; undefined: it has none. */
  resultOf: (line: Line) => object | undefined = () => succeeded();

  /** Makes one. */
  add(input: string, endpoint = "/v1/chat/completions"): Made {
    const now = new Date();
    const batch: Made = { id: `batch_${this.made.length}`, input_file_id: input, endpoint, created_at: now.toISOString().replace("Z", "1382+00:00"), createdMs: now.getTime() };
    this.made.push(batch);
    return batch;
  }

  lines({ input_file_id: input }: Pick<Made, "input_file_id">): Line[] {
    const upload = this.uploads[Number(input.slice("file-".length))];
    return upload === undefined ? [] : upload.split("\r\n\r\n")[2]!.split("\r\n--")[0]!.trimEnd().split("\n").map((line) => JSON.parse(line) as Line);
  }

  /** `asked`: the path behind the base URL, with its query. undefined: it is none of a batch. */
  play(method: string, asked: string, body: string): Played | undefined {
    const [path] = asked.split("?") as [string];
    this.calls.push(`${method} ${path}`);
    if (path === "/files") return json(this.file(`file-${this.uploads.push(body) - 1}`));
    if (path === "/batches" && method === "POST") return this.create(body);
    if (path === "/batches") return json({ object: "list", data: this.made.toReversed().map((one) => this.face(one)), first_id: null, last_id: null, has_more: false });
    const [, what, id, act] = path.split("/");
    const batch = this.made.find((one) => one.id === id || `out-${one.id}` === id || `err-${one.id}` === id);
    if (what === "batches") return batch && json(this.face(batch));
    if (what !== "files") return undefined;
    if (method === "DELETE") return json({ deleted: true });
    if (act !== "content") return json(this.file(id!));
    if (!batch || !this.serves(batch)) return json({ error: { code: "NotFound", message: "Resource not found" } }, 404);
    return text(id!.startsWith("err-") ? "" : this.output(batch));
  }

  private create(body: string): Played {
    if (this.breaks === "not made") return text("", 500);
    const { input_file_id: input, endpoint } = JSON.parse(body) as { input_file_id: string; endpoint: string };
    const batch = this.add(input, endpoint);
    return this.breaks ? text("", 502) : json({ ...this.face(batch), status: "Validating" });
  }

  private output(batch: Made): string {
    return this.lines(batch).flatMap((line) => {
      const response = this.resultOf(line);
      return response ? [`${JSON.stringify({ custom_id: line.custom_id, error: null, response: { request_id: `up-${line.custom_id}`, ...response } })}\n`] : [];
    }).join("");
  }

  private face(batch: Made): object {
    const { createdMs: _, ...told } = batch;
    const [over, serves] = [this.over(batch), this.serves(batch)];
    return {
      ...told, object: "batch", metadata: null, status: over ? (serves ? "Completed" : "failed") : "in_progress", output_file_id: over ? `out-${batch.id}` : "", error_file_id: over ? `err-${batch.id}` : "",
      errors: serves ? null : { object: "list", data: [{ code: "model_not_found" }] },
    };
  }

  private file(id: string): object {
    return { id, object: "file", purpose: "batch", status: (this.pending -= 1) < 0 ? "processed" : "pending" };
  }

  private serves(batch: Made): boolean {
    return this.lines(batch).every(({ body }) => this.deployments.includes(body.model));
  }
}
