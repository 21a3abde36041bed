/**
 * Anthropic's batches, in the shapes of its recorded answers: ids, counts and times as there, results in another order than the requests, the
 * list with the newest first and in pages. When one has ended, and what came of each request, the test says.
 */
export type Request = { custom_id: string; params: { model: string; [field: string]: unknown } };
export type Made = { id: string; requests: Request[]; createdMs: number; canceledMs?: number };
type Played = { status: number; type: string; text: string };

export const usage = { input_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 }, output_tokens: 2, service_tier: "batch", inference_geo: "not_available" };
export const messageOf = (text: string, used: object = usage): object =>
  ({ model: "claude-test", id: "msg_up", type: "message", role: "assistant", content: [{ type: "text", text }], stop_reason: "end_turn", stop_sequence: null, stop_details: null, usage: used });
export const succeeded = (text = "batched", used: object = usage): object => ({ type: "succeeded", message: messageOf(text, used) });
export const errored = (type: string, message = "refused"): object => ({ type: "errored", error: { type: "error", error: { details: null, type, message }, request_id: "req_up" } });

const json = (status: number, body: object): Played => ({ status, type: "application/json", text: JSON.stringify(body) });
const notFound = json(404, { type: "error", error: { type: "not_found_error", message: "Not found" } });

export class AnthropicBatches {
  readonly made: Made[] = [];
  /** `METHOD path` of every call. */
  readonly calls: string[] = [];
  readonly deleted: string[] = [];
  /** Breaks the call that makes a batch, which is taken all the same, or not. */
  breaks: "taken" | "not taken" | undefined;
  pageMost = 1_000;
  now: () => number = () => Date.now();
  ended: (batch: Made) => boolean = () => false;
  resultOf: (request: Request, batch: Made) => object = () => succeeded();

  /** Makes one for somebody else. */
  add(createdMs: number, requests: number, ids = (i: number): string => `their-${i}`): Made {
    const batch: Made = { id: `msgbatch_${String(this.made.length).padStart(4, "0")}`, createdMs, requests: Array.from({ length: requests }, (_, i) => ({ custom_id: ids(i), params: { model: "claude-test" } })) };
    this.made.push(batch);
    return batch;
  }

  /** `path`: behind `/v1/messages/batches`, with its query. */
  play(method: string, path: string, body: string): Played {
    this.calls.push(`${method} ${path}`);
    const [, id, act] = /^\/?([^/?]*)\/?([^/?]*)/.exec(path)!;
    if (!id && method === "POST") return this.create(body);
    if (!id) return this.list(new URLSearchParams(path.split("?")[1]));
    const batch = this.made.find((one) => one.id === id && !this.deleted.includes(id));
    if (!batch) return notFound;
    if (method === "DELETE") {
      this.deleted.push(id);
      return json(200, { id, type: "message_batch_deleted" });
    }
    if (act === "cancel") batch.canceledMs ??= this.now();
    return act === "results" ? this.results(batch) : json(200, this.face(batch));
  }

  private create(body: string): Played {
    if (this.breaks === "not taken") return json(529, { type: "error", error: { type: "overloaded_error", message: "Overloaded" } });
    const { requests } = JSON.parse(body) as { requests: Request[] };
    const batch = Object.assign(this.add(this.now(), 0), { requests });
    return this.breaks === "taken" ? { status: 502, type: "text/html", text: "bad gateway" } : json(200, this.face(batch));
  }

  private list(query: URLSearchParams): Played {
    const all = this.made.filter(({ id }) => !this.deleted.includes(id)).toSorted((a, b) => b.createdMs - a.createdMs);
    const from = query.has("after_id") ? all.findIndex(({ id }) => id === query.get("after_id")) + 1 : 0;
    const data = all.slice(from, from + Math.min(Number(query.get("limit") ?? 20), this.pageMost));
    return json(200, { data: data.map((one) => this.face(one)), has_more: from + data.length < all.length, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null });
  }

  private results(batch: Made): Played {
    if (!this.ended(batch)) return notFound;
    return { status: 200, type: "application/x-jsonl", text: batch.requests.toReversed().map((one) => `${JSON.stringify({ custom_id: one.custom_id, result: this.resultOf(one, batch) })}\n`).join("") };
  }

  private face(batch: Made): object {
    const { id, requests, createdMs, canceledMs } = batch;
    const ended = this.ended(batch);
    const count = (type: string): number => (ended ? requests.filter((one) => (this.resultOf(one, batch) as { type: string }).type === type).length : 0);
    const iso = (ms: number): string => new Date(ms).toISOString().replace("Z", "000+00:00");
    return {
      id, type: "message_batch", processing_status: ended ? "ended" : canceledMs === undefined ? "in_progress" : "canceling",
      request_counts: { processing: ended ? 0 : requests.length, succeeded: count("succeeded"), errored: count("errored"), canceled: count("canceled"), expired: count("expired") },
      ended_at: ended ? iso(this.now()) : null, created_at: iso(createdMs), expires_at: iso(createdMs + 86_400_000), archived_at: null,
      cancel_initiated_at: canceledMs === undefined ? null : iso(canceledMs), results_url: ended ? `https://api.anthropic.com/v1/messages/batches/${id}/results` : null,
    };
  }
}
