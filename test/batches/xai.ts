/**
 * xAI's files and batches, in the shapes of its recorded answers: counts instead of a status, answers in pages. How many lines it has read, when they are done
 * and what came of each, the test says.
 */
export type Line = { custom_id: string; body: { model: string; [field: string]: unknown } };
export type Made = { id: string; name: string; file: string; createdMs: number; cancelled?: true };
type Played = { status: number; type: string; text: string };

export const completion = (text = "batched", usage: object = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }): object =>
  ({ id: "up", object: "chat.completion", created: 1, model: "grok-test", choices: [{ index: 0, message: { role: "assistant", content: text }, finish_reason: "stop" }], usage, service_tier: "default" });
export const succeeded = (body: object = completion()): object => ({ response: { chat_get_completion: body }, error: { code: 0, message: "" } });
export const errored = (code: number, message = "no"): object => ({ error: { code, message } });

const json = (body: object): Played => ({ status: 200, type: "application/json", text: JSON.stringify(body, null, 1) });
const broken = (status: number): Played => ({ status, type: "text/html", text: "" });

export class XaiBatches {
  /** `METHOD path` of every call, without its query. */
  readonly calls: string[] = [];
  readonly uploads: string[] = [];
  readonly made: Made[] = [];
  /** How many lines of a batch it has read; undefined: all. */
  read: number | undefined;
  done: (batch: Made) => boolean = () => false;
  /** Breaks the call that makes a batch, which is made all the same, or not. */
  breaks: "made" | "not made" | undefined;
  pageMost = 2;
  resultOf: (line: Line) => object = () => succeeded();

  /** Makes one. */
  add(name: string, file: string): Made {
    const batch: Made = { id: `batch_${this.made.length}`, name, file, createdMs: Date.now() };
    this.made.push(batch);
    return batch;
  }

  lines({ file }: Made): Line[] {
    const upload = this.uploads[Number(file.slice("file_".length))];
    return upload === undefined ? [] : upload.split("\r\n\r\n")[2]!.split("\r\n--")[0]!.trimEnd().split("\n").map((text) => JSON.parse(text) as Line);
  }

  /** `path`: behind the base URL, with its query. undefined: it is none of a batch. */
  play(method: string, path: string, body: string): Played | undefined {
    const [at, query] = path.split("?") as [string, string | undefined];
    this.calls.push(`${method} ${at}`);
    if (at === "/files") return json({ id: `file_${this.uploads.push(body) - 1}`, object: "file", purpose: "batch" });
    if (at === "/batches" && method === "POST") return this.create(body);
    if (at === "/batches") return this.paged("batches", this.made.toReversed().map((one) => this.face(one)), query);
    const [, id, act] = /^\/batches\/(\w+)([:/]\w+)?$/.exec(at) ?? [];
    const batch = this.made.find((one) => one.id === id);
    if (batch && act === ":cancel") batch.cancelled = true;
    if (batch && act === "/results") return this.paged("results", this.lines(batch).map((line) => ({ batch_request_id: line.custom_id, batch_result: this.resultOf(line) })), query);
    if (batch) return json(this.face(batch));
    return method === "DELETE" ? json({ deleted: true }) : undefined;
  }

  private create(body: string): Played {
    if (this.breaks === "not made") return broken(503);
    const { name, input_file_id: file } = JSON.parse(body) as { name: string; input_file_id: string };
    const batch = this.add(name, file);
    return this.breaks ? broken(502) : json(this.face(batch));
  }

  private paged(what: string, all: object[], query: string | undefined): Played {
    const asked = new URLSearchParams(query);
    const from = Number(asked.get("pagination_token")?.split("/")[1] ?? 0);
    const to = from + Math.min(this.pageMost, Number(asked.get("limit")));
    return json({ [what]: all.slice(from, to), pagination_token: to < all.length ? `at/${to}` : null });
  }

  private face(batch: Made): object {
    const { id, name, cancelled } = batch;
    const count = this.read ?? this.lines(batch).length;
    const waiting = this.done(batch) ? 0 : count;
    return {
      batch_id: id, name, create_time: "2026-11-22", expire_time: "2026-12-22", input_file_id: null, cancel_time: cancelled ? "2026-11-22" : null, cancel_by_xai_message: null,
      state: { num_requests: count, num_pending: waiting, num_success: count - waiting, num_error: 0, num_cancelled: 0 },
    };
  }
}
