import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { runOf } from "../../src/batches/index.ts";
import { isolateOf } from "../../src/pipeline/index.ts";
import { addPricedModel, call, newKey, outside, type Json, type Key } from "../security/stage.ts";

const model = "openai/batch-test";
const encoder = new TextEncoder();

/** A file of this organisation, as an upload leaves it. */
async function upload({ organisation }: Key, text: string, purpose = "batch"): Promise<string> {
  const body = (async function* () {
    yield encoder.encode(text);
  })();
  const { id } = await isolateOf(env).files.put(organisation, { filename: "in.jsonl", purpose, type: "application/jsonl" }, body, { mostBytes: 1e9 }, Date.now());
  return id;
}

const line = (i: number, body: Json = {}, more: Json = {}): string =>
  JSON.stringify({ custom_id: `id-${i}`, method: "POST", url: "/v1/chat/completions", body: { model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }], ...body }, ...more });

async function made(key: Key, lines: readonly string[], more: Json = {}): Promise<Json> {
  const input = await upload(key, lines.join("\n"));
  const response = await call(key.secret, "POST", "/v1/batches", { input_file_id: input, endpoint: "/v1/chat/completions", completion_window: "24h", ...more });
  const body = await response.json<Json>();
  expect([response.status, body]).toEqual([200, expect.objectContaining({ object: "batch", status: "validating", input_file_id: input })]);
  return body;
}

const get = async (key: Key, id: string): Promise<Json> => (await call(key.secret, "GET", `/v1/batches/${id}`)).json<Json>();

/** Asks the object itself while it runs: vitest's workerd runs without `handle_cross_request_promise_resolution`, so requests must not group with its lines. */
async function over(key: Key, id: string, status = "completed"): Promise<Json> {
  await vi.waitFor(async () => expect((await runOf(env.BATCH_RUN, key.organisation, id).face())?.batch.status).toBe(status), { timeout: 12_000, interval: 20 });
  return get(key, id);
}

async function linesOf({ organisation }: Key, id: string): Promise<Json[]> {
  const { files } = isolateOf(env);
  const file = await files.find(organisation, id, Date.now());
  const text = await new Response(await files.read(file!)).text();
  expect(text.endsWith("\n")).toBe(true);
  return text.trimEnd().split("\n").map((one) => JSON.parse(one) as Json);
}

beforeAll(() => addPricedModel("batch-test", { input: { picoUsd: 1_000_000, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } }));
afterEach(() => void vi.restoreAllMocks());

describe("a batch", () => {
  test("runs each line once as its key's own request, and what it costs is what its lines cost", async () => {
    const left = outside();
    const key = await newKey();
    const { id } = await made(key, Array.from({ length: 70 }, (_, i) => line(i)), { metadata: { job: "nightly" } });
    const batch = await over(key, id);
    expect(batch).toMatchObject({ request_counts: { total: 70, completed: 70, failed: 0 }, error_file_id: null, model, metadata: { job: "nightly" }, usage: { input_tokens: 210, output_tokens: 140, total_tokens: 350 } });
    const output = await linesOf(key, batch.output_file_id);
    expect(new Set(output.map(({ custom_id }) => custom_id))).toEqual(new Set(Array.from({ length: 70 }, (_, i) => `id-${i}`)));
    expect(output[0]).toEqual({ id: expect.stringMatching(/^batch_req_/), custom_id: "id-0", response: { status_code: 200, request_id: expect.stringMatching(/^req_[0-9a-f]{32}$/), body: expect.objectContaining({ object: "chat.completion" }) }, error: null });
    expect(left.filter(({ url }) => url.endsWith("/chat/completions"))).toHaveLength(70);
    const { counters } = await vi.waitFor(async () => {
      const seen = await env.KEY_METER.getByName(key.id).inspect();
      expect(seen.counters.held.requests).toBe(0);
      return seen;
    });
    expect(counters.spentNanoUsd).toBe(70 * 7_000);
  });
});
