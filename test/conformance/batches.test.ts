/** Batches through the official SDKs, over sockets, on the real Queue and R2. */
import Anthropic from "@anthropic-ai/sdk";
import AnthropicOld from "anthropic-sdk-0";
import { toFile } from "openai";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Gateway, type Client } from "./gateway.ts";

let gateway: Gateway;
let client: Client;

beforeAll(async () => {
  gateway = await Gateway.start();
  gateway.mock.onMessage(/^line/, { content: "done" });
  client = await gateway.client();
});
afterAll(() => gateway.stop());

const line = (i: number, url = "/v1/chat/completions"): string =>
  JSON.stringify({ custom_id: `id-${i}`, method: "POST", url, body: { model: "openai/gpt-4o-mini", messages: [{ role: "user", content: `line ${i}` }] } });

async function until<T>(ask: () => Promise<T>, is: (found: T) => boolean): Promise<T> {
  for (const deadline = Date.now() + 15_000; ; await sleep(50)) {
    const found = await ask();
    if (is(found) || Date.now() > deadline) return found;
  }
}

describe("OpenAI's SDK", () => {
  test.each([["here", "done", undefined], ["in a batch of the provider's own", "Mock batch completion", "batch"]])("uploads lines, makes a batch, waits for it, and reads what came of it: %s", async (where, said, tier) => {
    const { openai } = client;
    const metadata: Record<string, string> = where === "here" ? { forge_batch: "live" } : { a: "b" };
    const file = await openai.files.create({ purpose: "batch", file: await toFile(Buffer.from(Array.from({ length: 40 }, (_, i) => line(i)).join("\n")), "b.jsonl") });
    const made = await openai.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h", metadata, output_expires_after: { anchor: "created_at", seconds: 7_200 } });
    const batch = await until(() => openai.batches.retrieve(made.id), ({ status }) => status === "completed");
    expect(batch).toMatchObject({ status: "completed", request_counts: { total: 40, completed: 40, failed: 0 }, metadata, errors: null });
    const output = await openai.files.retrieve(batch.output_file_id!);
    expect([output.purpose, output.expires_at! - output.created_at]).toEqual(["batch_output", 7_200]);
    const lines = (await (await openai.files.content(batch.output_file_id!)).text()).trimEnd().split("\n").map((one) => JSON.parse(one) as { custom_id: string; response: { body: { service_tier?: string; choices: { message: { content: string } }[] } } });
    expect(lines.map(({ custom_id }) => custom_id).sort()).toEqual(Array.from({ length: 40 }, (_, i) => `id-${i}`).sort());
    expect(new Set(lines.map(({ response }) => response.body.choices[0]!.message.content))).toEqual(new Set([said]));
    expect(new Set(lines.map(({ response }) => response.body.service_tier))).toEqual(new Set([tier]));
    const listed = [];
    for await (const one of openai.batches.list({ limit: 1 })) listed.push(one.id);
    expect(listed[0]).toBe(made.id);
    await openai.files.delete(file.id);
    await openai.files.delete(batch.output_file_id!);
    expect((await openai.batches.retrieve(made.id)).status).toBe("completed");
  });

  test("hears what is wrong with its input, by line", async () => {
    const { openai } = client;
    const file = await openai.files.create({ purpose: "batch", file: await toFile(Buffer.from([line(0), line(1, "/v1/embeddings"), line(0)].join("\n")), "b.jsonl") });
    const { id } = await openai.batches.create({ input_file_id: file.id, endpoint: "/v1/chat/completions", completion_window: "24h" });
    const { errors, status } = await until(() => openai.batches.retrieve(id), (batch) => batch.status === "failed");
    expect([status, errors?.data?.map(({ line: at, code }) => [at, code])]).toEqual(["failed", [[2, "url_mismatch"], [3, "duplicate_custom_id"]]]);
    await expect(openai.batches.cancel(id)).rejects.toMatchObject({ status: 409 });
    await expect(openai.batches.retrieve("batch_none")).rejects.toMatchObject({ status: 404 });
  });
});

describe.each([["1.x", Anthropic], ["0.x", AnthropicOld as unknown as typeof Anthropic]])("Anthropic's SDK %s", (_, Sdk) => {
  test.each([["", "live", "done"], ["/v1", "", "Mock batch completion"]])("makes message batches, waits for them, and reads their results (base URL …%s, %j)", async (path, at, said) => {
    const anthropic = new Sdk({ baseURL: gateway.url + path, apiKey: client.key, maxRetries: 0, defaultHeaders: { "x-forge-batch": at } });
    const params = (i: number) => ({ model: "openai/gpt-4o-mini", max_tokens: 10, messages: [{ role: "user" as const, content: `line ${i}` }] });
    const made = await anthropic.messages.batches.create({ requests: [0, 1].map((i) => ({ custom_id: `r${i}`, params: params(i) })) });
    expect(made).toMatchObject({ type: "message_batch", processing_status: "in_progress", request_counts: { processing: 2 } });
    const batch = await until(() => anthropic.messages.batches.retrieve(made.id), ({ processing_status: status }) => status === "ended");
    expect(batch).toMatchObject({ processing_status: "ended", request_counts: { succeeded: 2, errored: 0 } });
    const results = [];
    for await (const one of await anthropic.messages.batches.results(made.id)) results.push([one.custom_id, one.result.type === "succeeded" && one.result.message.content]);
    expect(results.sort()).toEqual([0, 1].map((i) => [`r${i}`, [expect.objectContaining({ type: "text", text: said })]]));
    const listed = [];
    for await (const one of anthropic.messages.batches.list({ limit: 1 })) listed.push(one.id);
    expect(listed).toContain(made.id);
    expect(await anthropic.messages.batches.delete(made.id)).toEqual({ id: made.id, type: "message_batch_deleted" });
    await expect(anthropic.messages.batches.retrieve(made.id)).rejects.toMatchObject({ status: 404 });
  });
});

test("10,000 requests of messages are taken as they come", async () => {
  const requests = Array.from({ length: 10_000 }, (_, i) => ({ custom_id: `r${i}`, params: { model: "openai/gpt-4o-mini", max_tokens: 1, messages: [{ role: "user", content: "x" }] } }));
  const headers = { authorization: `Bearer ${client.key}`, "content-type": "application/json" };
  const answer = await fetch(`${gateway.url}/v1/messages/batches`, { method: "POST", headers, body: JSON.stringify({ requests }) });
  const { id, request_counts: counts } = (await answer.json()) as { id: string; request_counts: object };
  expect([answer.status, counts]).toEqual([200, { processing: 10_000, succeeded: 0, errored: 0, canceled: 0, expired: 0 }]);
  const canceled = await fetch(`${gateway.url}/v1/messages/batches/${id}/cancel`, { method: "POST", headers });
  expect(await canceled.json()).toMatchObject({ processing_status: "canceling", cancel_initiated_at: expect.any(String) });
});
