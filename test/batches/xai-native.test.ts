import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { named } from "../../src/batches/native-named.ts";
import { answer, type Json } from "../security/stage.ts";
import { keyAt, nativeBatch, type Outcome, type StandIn } from "./native-contract.ts";
import { becomes, linesIn, linesUploaded, madeOf, over, playing, poll, soon, spent } from "./native-stage.ts";

const model = "xai/grok-test";
const big = "12345678901234567890123";

type Made = { id: string; name: string; file: string; cancelled?: true };

/** xAI's files and batches, in the shapes of its recorded answers: counts instead of a status, answers in pages. */
class Xai implements StandIn {
  readonly calls: string[] = [];
  uploads: string[] = [];
  batches: Made[] = [];
  live = 0;
  removed: string[] = [];
  /** How many lines it has read. */
  read: number | undefined;
  done = false;
  breaks: StandIn["breaks"];
  pageMost = 2;
  /** xAI itself tells what it cost, in 1e-10 USD; without, its prices do. */
  ticks: number | undefined;
  outcome: StandIn["outcome"] = () => "answered";

  constructor() {
    playing("api.x.ai", ({ url, body }, method) => {
      const { pathname, searchParams } = new URL(url);
      const path = pathname.slice("/v1".length);
      this.calls.push(`${method} ${path}`);
      if (path === "/files") {
        this.uploads.push(body);
        return Response.json({ id: `file_${this.uploads.length - 1}`, object: "file", purpose: "batch" });
      }
      if (path === "/batches" && method === "POST") return this.create(JSON.parse(body) as Json);
      if (path === "/batches") return this.paged("batches", this.batches.map((one) => this.face(one)), searchParams);
      const [, id, act] = /^\/batches\/(\w+)([:/]\w+)?$/.exec(path) ?? [];
      const batch = this.batches.find((one) => one.id === id);
      if (batch && act === ":cancel") batch.cancelled = true;
      if (batch && act === "/results") return this.paged("results", this.results(batch), searchParams);
      if (batch) return Response.json(this.face(batch));
      if (method === "DELETE") {
        this.removed.push(path.split("/").at(-1)!);
        return Response.json({ deleted: true });
      }
      this.live += 1;
      return answer();
    });
  }

  private called(what: RegExp): number {
    return this.calls.filter((one) => what.test(one)).length;
  }

  get asked(): number {
    return this.called(/^POST \/batches$/);
  }

  get looks(): number {
    return this.called(/^GET \/batches$/);
  }

  get cancelled(): number {
    return this.called(/:cancel$/);
  }

  end(): void {
    this.done = true;
  }

  addTheirs(): string {
    this.batches.unshift(...[1, 2, 3].map((i) => ({ id: `theirs_${i}`, name: "theirs", file: "file_0" })));
    return "theirs_1";
  }

  lines(): ReadonlyMap<number, Json> {
    return this.linesOf(this.batches.at(-1)!);
  }

  private linesOf({ file }: Made): ReadonlyMap<number, Json> {
    return linesUploaded(this.uploads[Number(file.slice("file_".length))]!);
  }

  private results(batch: Made): object[] {
    const body = { id: "up", object: "chat.completion", created: 1, model: "grok-test", choices: [{ index: 0, message: { role: "assistant", content: "batched" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5, ...(this.ticks !== undefined && { cost_in_usd_ticks: this.ticks }) }, service_tier: "default" };
    const told: Readonly<Record<Outcome, (line: number) => object | undefined>> = {
      answered: () => ({ response: { chat_get_completion: body }, error: { code: 0, message: "" } }), wrong: () => ({ error: { code: 3, message: "no" } }), none: () => undefined,
      passing: (line) => (line < 5 ? { error: { code: 8, message: "busy" } } : { response: { chat_get_completion: { error: "Model overloaded.", code: "overloaded" } } }),
    };
    return [...this.linesOf(batch).keys()].flatMap((line) => ((result) => (result ? [{ batch_request_id: String(line), batch_result: result }] : []))(told[this.outcome(line)](line)));
  }

  private create({ name, input_file_id }: Json): Response {
    if (this.breaks === "not made") return new Response("", { status: 503 });
    this.batches.push({ id: `batch_${this.batches.length}`, name, file: input_file_id });
    return this.breaks ? new Response("", { status: 502 }) : Response.json(this.face(this.batches.at(-1)!));
  }

  private paged(what: string, all: object[], query: URLSearchParams): Response {
    const from = Number(query.get("pagination_token")?.split("/")[1] ?? 0);
    const to = from + Math.min(this.pageMost, Number(query.get("limit")));
    return Response.json({ [what]: all.slice(from, to), pagination_token: to < all.length ? `at/${to}` : null });
  }

  private face(batch: Made): object {
    const { id, name, cancelled } = batch;
    const count = this.read ?? this.linesOf(batch).size;
    const waiting = this.done ? 0 : count;
    return {
      batch_id: id, name, create_time: "2026-11-22", expire_time: "2026-12-22", input_file_id: null, cancel_time: cancelled ? "2026-11-22" : null, cancel_by_xai_message: null,
      state: { num_requests: count, num_pending: waiting, num_success: count - waiting, num_error: 0, num_cancelled: 0 },
    };
  }
}

nativeBatch({ name: "xAI's", provider: "xai", upstreamId: "grok-test", stage: () => new Xai(), sent: { id: "batch_0", file: "file_0" }, left: ["file_0"] });

const line = (i: number): Json => ({ custom_id: `id-${i}`, body: { model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }] } });

let xai: Xai;
beforeEach(() => void (xai = new Xai()));
afterEach(() => void vi.restoreAllMocks());

describe("xAI's own batch", () => {
  test("bears our name, is over once all of its lines have been read, and tells its answers on several pages", async () => {
    xai.read = 3;
    xai.end();
    const key = await keyAt("xai");
    const id = await madeOf(key, "/v1/chat/completions", [0, 1, 2, 3, 4].map(line));
    await becomes(key, id, { state: "sent" });
    expect(xai.batches).toEqual([{ id: "batch_0", name: id, file: "file_0" }]);
    expect(xai.lines().get(1)).toMatchObject({ custom_id: "1", method: "POST", url: "/v1/chat/completions", body: { model: "grok-test" } });
    await poll(key, id, 61_000);
    await soon(() => expect(xai.calls.at(-1)).toBe("GET /batches/batch_0"));
    xai.read = undefined;
    await scheduler.wait(20);
    await poll(key, id, 125_000);
    const done = await over(key, id);
    expect([done.sums.completed, xai.live, xai.calls.filter((one) => one.endsWith("/results")).length]).toEqual([5, 0, 3]);
    expect((await linesIn(key, done))[0]).toMatchObject({ response: { body: { service_tier: "batch" } } });
  });

  test("that tells what it cost is charged that", async () => {
    xai.ticks = 41_230;
    xai.end();
    const key = await keyAt("xai");
    const id = await madeOf(key, "/v1/chat/completions", [0, 1].map(line));
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    expect((await over(key, id)).sums.completed).toBe(2);
    await spent(key, 2 * 4_123);
  });

  test("does responses where they are to be told as chat completions, and else not: they come back as those", async () => {
    xai.end();
    const key = await keyAt("xai");
    const responses = [{ custom_id: "a", body: { model, input: "hi", max_output_tokens: 10 } }];
    await over(key, await madeOf(key, "/v1/responses", responses));
    expect([xai.uploads, xai.live]).toEqual([[], 1]);
    const id = await madeOf(key, "/v1/responses", responses, {}, { "x-forge-protocol": "openai-chat" });
    await becomes(key, id, { state: "sent" });
    await poll(key, id, 61_000);
    expect((await linesIn(key, await over(key, id)))[0]).toMatchObject({ response: { status_code: 200, body: { object: "response", output: [{ content: [{ text: "batched" }] }] } } });
    expect(xai.live).toBe(1);
  });

  test("answers as it came, big numbers too", () => {
    const body = `{"id":"up","n":${big},"usage":{}}`;
    expect(named.answer("", `{"batch_request_id":"7","batch_result":{"response":{"chat_get_completion":${body}}}}`)).toEqual({ line: 7, status: 200, body: `{"id":"up","n":${big},"usage":{},"service_tier":"batch"}` });
    for (const none of ['{"batch_request_id":"x","batch_result":{"response":{"c":{"id":1}}}}', '{"batch_request_id":"7"}', '{"batch_request_id":"7","batch_result":{"response":null}}']) expect(named.answer("", none)).toBeUndefined();
  });
});
