/** Batches to every path that OpenAI lists for them, through the official SDK, to their end: on a socket, the real Queue and R2, and a provider that takes each. */
import OpenAI, { toFile } from "openai";
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { StandIn } from "../support/server.ts";

type Json = Record<string, any>;
/** The paths as the source has them: imported, it would bring all of the Worker to Node. */
const paths = [...readFileSync(new URL("../../src/batches/endpoints.ts", import.meta.url), "utf8").matchAll(/^ {4}"(\/v1\/\S+)": /gm)].map(([, path]) => path!);
/** `body`: of a line. `answer`: of its provider to it. `kept`: what of the answer stands in the output, where not all of it. */
type Case = { body: Json; answer: Json; kept?: (body: Json) => void };

const png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const tokens = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
const pictures = { created: 1, data: [{ b64_json: png.slice(22) }], usage: { input_tokens: 5, output_tokens: 9, total_tokens: 14, input_tokens_details: { text_tokens: 5, image_tokens: 0 } } };
const film = { id: "video_1", object: "video", model: "sora-2", status: "completed", progress: 100, created_at: 1, completed_at: 2, seconds: "4", size: "720x1280" };

const cases: Readonly<Record<string, Case>> = {
  "/v1/chat/completions": { body: { model: "openai/gpt-4o-mini", messages: [{ role: "user", content: "a" }] }, answer: { id: "c", object: "chat.completion", created: 1, model: "gpt-4o-mini", choices: [{ index: 0, message: { role: "assistant", content: "said" }, finish_reason: "stop" }], usage: tokens } },
  "/v1/responses": {
    body: { model: "openai/gpt-4o-mini", input: "a", store: false },
    answer: { id: "resp_1", object: "response", created_at: 1, status: "completed", model: "gpt-4o-mini", output: [{ id: "msg_1", type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "said", annotations: [] }] }], usage: { input_tokens: 5, output_tokens: 2, total_tokens: 7 } },
  },
  "/v1/embeddings": { body: { model: "openai/text-embedding-3-small", input: ["a", "b"] }, answer: { object: "list", model: "text-embedding-3-small", data: [0, 1].map((index) => ({ object: "embedding", index, embedding: [0.5, -0.25] })), usage: { prompt_tokens: 2, total_tokens: 2 } } },
  "/v1/moderations": { body: { model: "openai/omni-moderation-latest", input: "a" }, answer: { id: "modr-1", model: "omni-moderation-latest", results: [{ flagged: false, categories: { violence: false }, category_scores: { violence: 0.1 } }] } },
  "/v1/completions": { body: { model: "openai/gpt-3.5-turbo-instruct", prompt: "a" }, answer: { id: "cmpl-1", object: "text_completion", created: 1, model: "gpt-3.5-turbo-instruct", choices: [{ index: 0, text: "said", finish_reason: "stop", logprobs: null }], usage: tokens } },
  "/v1/images/generations": { body: { model: "openai/gpt-image-test", prompt: "a" }, answer: pictures },
  "/v1/images/edits": { body: { model: "openai/gpt-image-test", prompt: "a", images: [{ image_url: png }] }, answer: pictures },
  "/v1/videos": { body: { model: "openai/sora-2", prompt: "a", seconds: "4" }, answer: film, kept: (body) => expect(body).toMatchObject({ object: "video", model: expect.stringContaining("sora-2"), seconds: "4", id: expect.stringMatching(/^video_/) }) },
};

class Provider extends StandIn {
  readonly asked: { path: string; type: string; body: Json }[] = [];

  protected serve({ method, url, headers }: IncomingMessage, text: string, response: ServerResponse): void {
    response.setHeader("content-type", "application/json");
    const one = cases[url!];
    if (method === "GET" && url!.startsWith("/v1/videos/")) return void response.end(JSON.stringify(film));
    const body = method === "POST" && headers["content-type"] === "application/json" ? (JSON.parse(text) as Json) : {};
    if (method === "POST") this.asked.push({ path: url!, type: headers["content-type"] ?? "", body });
    if (method !== "POST" || !one) return void response.writeHead(404).end("{}");
    if (body.user === "refused") return void response.writeHead(400).end(JSON.stringify({ error: { message: "Not this one.", type: "invalid_request_error", param: "user", code: "refused" } }));
    response.end(JSON.stringify(one.answer));
  }
}

const provider = new Provider();
let gateway: LocalGateway;
let openai: OpenAI;

beforeAll(async () => {
  const origin = await provider.start();
  gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", OPENAI_API_KEY: "sk-upstream", OPENAI_BASE_URL: `${origin}/v1` } });
  const { secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 100_000 } });
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: secret, maxRetries: 0 });
});
afterAll(async () => {
  provider.stop();
  await gateway?.stop();
});
beforeEach(() => void (provider.asked.length = 0));

/** Its end, whatever that is. */
async function run(endpoint: string, lines: readonly string[]): Promise<OpenAI.Batch> {
  const file = await openai.files.create({ purpose: "batch", file: await toFile(Buffer.from(lines.join("\n")), "b.jsonl") });
  const { id } = await openai.batches.create({ input_file_id: file.id, endpoint: endpoint as "/v1/embeddings", completion_window: "24h", metadata: { forge_batch: "live" } });
  for (const deadline = Date.now() + 25_000; ; await sleep(50)) {
    const batch = await openai.batches.retrieve(id);
    if (["completed", "failed", "expired", "cancelled"].includes(batch.status) || Date.now() > deadline) return batch;
  }
}

const linesIn = async (file: string | null | undefined): Promise<Json[]> => (file ? (await (await openai.files.content(file)).text()).trimEnd().split("\n").map((line) => JSON.parse(line) as Json) : []);

test("there is a case for every path", () => expect(Object.keys(cases).toSorted()).toEqual(paths.toSorted()));

test.each(paths)("%s: lines are asked as they are and answered as they were, one that is refused is told of", async (url) => {
  const { body, answer, kept } = cases[url]!;
  const bodies = [body, body, { ...body, user: "refused" }];
  const batch = await run(url, bodies.map((one, i) => JSON.stringify({ custom_id: `id-${i}`, method: "POST", url, body: one })));
  expect(batch).toMatchObject({ status: "completed", endpoint: url, errors: null, request_counts: { total: 3, completed: 2, failed: 1 } });
  const output = await linesIn(batch.output_file_id);
  expect(output.map(({ custom_id, error, response }) => [custom_id, error, response.status_code]).toSorted()).toEqual([["id-0", null, 200], ["id-1", null, 200]]);
  for (const { response } of output) {
    if (kept) kept(response.body);
    else expect(response.body).toEqual(answer);
  }
  expect(await linesIn(batch.error_file_id)).toMatchObject([{ custom_id: "id-2", response: { status_code: 400, body: { error: { message: expect.stringContaining("Not this one.") } } } }]);
  const { model: _, ...rest } = body;
  const asked = provider.asked.filter(({ body: { user } }) => user !== "refused");
  expect(asked.map(({ path, type }) => [path, type])).toEqual([[url, "application/json"], [url, "application/json"]]);
  for (const one of asked) expect(one.body).toEqual({ ...rest, model: String(body.model).slice("openai/".length) });
});

test("a film that a line began is the caller's, and comes to its end", async () => {
  const batch = await run("/v1/videos", [JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/videos", body: cases["/v1/videos"]!.body })]);
  const [line] = await linesIn(batch.output_file_id);
  const id = (line!.response as Json).body.id as string;
  for (const deadline = Date.now() + 20_000; (await openai.videos.retrieve(id)).status !== "completed" && Date.now() < deadline; ) await sleep(100);
  expect(await openai.videos.retrieve(id)).toMatchObject({ id, status: "completed", progress: 100, error: null });
});

test("50,000 lines are taken, one more fails the batch before any is asked", async () => {
  const lines = Array.from({ length: 50_001 }, (_, i) => `{"custom_id":"${i}","method":"POST","url":"/v1/embeddings","body":{"model":"openai/none-such","input":"x"}}`);
  const batch = await run("/v1/embeddings", lines);
  expect(batch).toMatchObject({ status: "failed", errors: { data: [{ code: "too_many_tasks", line: null, message: "The batch has more than 50000 requests." }] }, output_file_id: null });
  expect(provider.asked).toEqual([]);
});
