/** Bodies of requests: kept only where an organisation wants it, sealed, for its people alone, and never of sovereign requests. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { addPricedModel, call, chatBody, eventStream, newKey, outside, settled, type Json, type Key } from "../security/stage.ts";
import { newMember } from "./stage.ts";

vi.setConfig({ testTimeout: 60_000 });

type Member = Awaited<ReturnType<typeof newMember>>;
let admin: Member;
let key: Key;
const model = "openai/bodies-test";
const dayMs = 86_400_000;

beforeEach(() => void outside());
beforeAll(async () => {
  await addPricedModel("bodies-test", { input: { picoUsd: 1_000_000, validFromMs: 7 }, output: { picoUsd: 2_000_000, validFromMs: 9 } });
  admin = await newMember("admin");
  key = await newKey({}, admin.organisationId);
});

const keep = (days: string): Promise<Response> => admin.post("/bodies", { days });
const objects = async (): Promise<string[]> => (await env.FILES.list({ prefix: "bodies/" })).objects.map(({ key: name }) => name);
async function asked(body: Json = {}, headers: Record<string, string> = {}, by = key, path = "/v1/chat/completions"): Promise<{ id: string; text: string; response: Response }> {
  const response = await call(by.secret, "POST", path, { ...chatBody, model, ...body }, headers);
  const text = await response.text();
  await settled(by);
  return { id: response.headers.get("x-request-id")!, text, response };
}
const kept = (id: string): Promise<void> => vi.waitFor(async () => expect((await objects()).some((name) => name.endsWith(id))).toBe(true));
const unescaped = (html: string): string => html.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&#39;", "'").replaceAll("&amp;", "&");
const page = async (id: string, member = admin): Promise<string> => unescaped(await (await member.get(`/requests/${id}`)).text());

test("nothing is kept unless the organisation wants it", async () => {
  const { id } = await asked();
  expect(await page(id)).toContain("Your organisation keeps no bodies.");
  expect(await objects()).toEqual([]);
});

describe("where it wants it", () => {
  beforeAll(async () => expect((await keep("7")).status).toBe(303));

  test("request and answer are there, as they were, and lie sealed", async () => {
    const { id, text } = await asked({ user: "canary-1" });
    await kept(id);
    const html = await page(id);
    expect(html).toContain(JSON.stringify({ ...chatBody, model, user: "canary-1" }));
    expect(html).toContain(text);
    const name = (await objects()).find((one) => one.endsWith(id))!;
    const bytes = new TextDecoder("latin1").decode(await (await env.FILES.get(name))!.arrayBuffer());
    expect(bytes).not.toContain("canary-1");
    expect(bytes).not.toContain("choices");
  });

  test("a stream passes untouched and is there, in its client's words", async () => {
    outside(() => eventStream('data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"canary-2"},"finish_reason":"stop"}]}\n\n', 'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n', "data: [DONE]\n\n"));
    for (const [path, end] of [["/v1/chat/completions", "data: [DONE]"], ["/v1/messages", "event: message_stop"]] as const) {
      const { id, text } = await asked({ stream: true, max_tokens: 10 }, {}, key, path);
      expect(text).toContain(end);
      await kept(id);
      expect((await isolateOf(env).bodies.find({ organisationId: admin.organisationId, id, days: 7 }, Date.now()))?.response).toEqual({ text, bytes: new TextEncoder().encode(text).length, whole: true, type: expect.stringContaining("text/event-stream") });
    }
  });

  test("a client that leaves has what it got kept, and its upstream is hung up on", async () => {
    let cancelled = false;
    const stream = new ReadableStream({
      type: "bytes",
      pull: (controller) => controller.enqueue(new TextEncoder().encode('data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"on"}}]}\n\n')),
      cancel: () => void (cancelled = true),
    });
    outside(() => new Response(stream, { headers: { "content-type": "text/event-stream" } }));
    const response = await call(key.secret, "POST", "/v1/chat/completions", { ...chatBody, model, stream: true });
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    await settled(key);
    await kept(response.headers.get("x-request-id")!);
    await vi.waitFor(() => expect(cancelled).toBe(true));
  });

  test("256 KiB of each are kept, and it says that there was more", async () => {
    const long = "ü".repeat(200_000);
    outside(() => Response.json({ ...JSON.parse('{"id":"c","object":"chat.completion","model":"m"}'), choices: [{ index: 0, message: { role: "assistant", content: long }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } }));
    const { id, text } = await asked({ messages: [{ role: "user", content: long }] });
    expect(text).toContain(long);
    await kept(id);
    const { request, response } = (await isolateOf(env).bodies.find({ organisationId: admin.organisationId, id, days: 7 }, Date.now()))!;
    expect([request.whole, response.whole]).toEqual([false, false]);
    expect(request.bytes).toBeGreaterThan(400_000);
    expect(response.bytes).toBe(new TextEncoder().encode(text).length);
    for (const { text: beginning } of [request, response]) {
      const length = new TextEncoder().encode(beginning!.replace(/\ufffd$/, "")).length;
      expect(length).toBeLessThanOrEqual(262_144);
      expect(length).toBeGreaterThan(262_140);
    }
    expect(await page(id)).toContain("the beginning of");
  });

  test("nothing of a sovereign request is kept, whoever asks for it to be one", async () => {
    const before = await objects();
    const sovereign = await newKey({ sovereign: true }, admin.organisationId);
    const ids = [await asked({ model: "local-test" }, { "x-sovereign": "true" }), await asked({ model: "local-test" }, {}, sovereign)];
    await env.DB.prepare("UPDATE organisations SET sovereign = 1 WHERE id = ?").bind(admin.organisationId).run();
    await keep("7");
    ids.push(await asked({ model: "local-test" }));
    await env.DB.prepare("UPDATE organisations SET sovereign = 0 WHERE id = ?").bind(admin.organisationId).run();
    await keep("7");
    const { id } = await asked();
    await kept(id);
    expect((await objects()).filter((name) => !before.includes(name)).map((name) => name.split("/").at(-1))).toEqual([id]);
    for (const { response } of ids) expect(response.status, "they were answered").toBe(200);
  });

  test("who may not read them does not, in the organisation and outside", async () => {
    const { id } = await asked({ user: "canary-3" });
    await kept(id);
    const [viewer, stranger] = [await newMember("viewer"), await newMember("owner")];
    await env.DB.prepare("INSERT INTO members (organisation_id, email, role, created_at) VALUES (?, ?, 'viewer', 0)").bind(admin.organisationId, viewer.email).run();
    viewer.cookies.set("__Host-forge-organisation", admin.organisationId);
    expect(await page(id, viewer)).toContain("Receipt");
    expect(await page(id, viewer)).not.toContain("canary-3");
    expect((await stranger.get(`/requests/${id}`)).status).toBe(404);
    expect(await isolateOf(env).bodies.find({ organisationId: stranger.organisationId, id, days: 7 }, Date.now())).toBeUndefined();
    expect((await viewer.post("/bodies", { days: "30" })).status).toBe(403);
  });

  test("their days over they are hidden, and gone in the night after", async () => {
    const { id } = await asked({ user: "canary-4" });
    await kept(id);
    const bodies = isolateOf(env).bodies;
    const find = (days: number, nowMs: number) => bodies.find({ organisationId: admin.organisationId, id, days }, nowMs);
    const now = Date.now();
    expect(await find(7, now + 7 * dayMs - 60_000)).toBeDefined();
    expect(await find(7, now + 7 * dayMs)).toBeUndefined();
    expect(await find(1, now), "a shorter time holds for what was kept before").toBeDefined();
    expect(await find(1, now + dayMs)).toBeUndefined();
    await bodies.tidy(now + 6 * dayMs);
    expect((await objects()).length).toBeGreaterThan(0);
    await bodies.tidy(now + 9 * dayMs);
    expect(await objects()).toEqual([]);
  });

  test("switched off, what was kept is hidden at once, and nothing more is", async () => {
    const { id } = await asked({ user: "canary-5" });
    await kept(id);
    expect((await keep("31")).status).toBe(422);
    await keep("0");
    expect(await page(id)).not.toContain("canary-5");
    const before = (await objects()).length;
    await asked();
    expect((await objects()).length).toBe(before);
  });
});
