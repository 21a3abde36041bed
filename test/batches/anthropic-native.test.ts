import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { admin, newKey, call, type Json, type Key } from "../security/stage.ts";
import { AnthropicBatches, errored, messageOf, succeeded, type Request } from "./anthropic.ts";
import { addHalved, askMs, batchNanoUsd, keyAt, liveNanoUsd, nativeBatch, OverPlayed, type Outcome, type StandIn } from "./native-contract.ts";
import { becomes, held, later, linesIn, madeOf, native, object, over, playing, poll, soon, spent } from "./native-stage.ts";

const model = "anthropic/claude-test";
const big = "12345678901234567890123";

const results: Readonly<Record<Outcome, object>> = { answered: succeeded(), wrong: errored("invalid_request_error"), passing: errored("overloaded_error"), none: { type: "expired" } };

/** The provider as it is called: its batches, and everything else at once. */
class Claude extends OverPlayed<AnthropicBatches> implements StandIn {
  readonly headers: Headers[] = [];
  live = 0;
  outcome: StandIn["outcome"] = () => "answered";

  constructor() {
    super(new AnthropicBatches(), { asks: /^POST $/, looksFor: /^GET \?/, callsBack: /\/cancel$/ });
    this.batches.resultOf = (one) => results[this.outcome(lineOf(one))];
    playing("api.anthropic.com", ({ url, headers, body }, method) => {
      const path = url.slice("https://api.anthropic.com/v1/messages".length);
      if (path.startsWith("/batches")) {
        this.headers.push(headers);
        const { status, type, text } = this.batches.play(method, path.slice("/batches".length), body);
        return new Response(text, { status, headers: { "content-type": type } });
      }
      this.live += 1;
      return Response.json(messageOf("live", { input_tokens: 3, output_tokens: 2, service_tier: "standard" }));
    });
  }

  end(): void {
    this.batches.ended = () => true;
  }

  addTheirs(lines: number): string {
    return this.batches.add(Date.now(), lines).id;
  }

  lines(): ReadonlyMap<number, Json> {
    return new Map(this.batches.made.at(-1)!.requests.map((one) => [lineOf(one), one.params]));
  }
}

const keyThere = (): Promise<Key> => keyAt("anthropic");

const body = (i: number): Json => ({ model, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }] });
const messages = async (key: Key, count: number, headers: Record<string, string> = {}): Promise<string> =>
  (await (await call(key.secret, "POST", "/v1/messages/batches", { requests: Array.from({ length: count }, (_, i) => ({ custom_id: `id-${i}`, params: body(i) })) }, headers)).json<Json>()).id;
const lineOf = ({ custom_id: id }: Request): number => Number(id.split("-").at(-1));
const sentAs = (key: Key, id: string, their: string) => becomes(key, id, { state: "sent", id: their });

nativeBatch({ name: "Anthropic's", provider: "anthropic", upstreamId: "claude-test", stage: () => new Claude(), sent: { id: "msgbatch_0000" }, left: ["msgbatch_0000"] });

let claude: Claude;
beforeAll(() => addHalved("anthropic", "claude-dear"));
beforeEach(() => void (claude = new Claude()));
afterEach(() => void vi.restoreAllMocks());

describe("Anthropic's own batch", () => {
  test("does no line whose fallbacks nobody could hold to its key's limits", async () => {
    const key = await newKey({ limits: { requestsPerMinute: 100_000, concurrentRequests: 1_000, budgetNanoUsd: 1_000_000_000 } });
    await admin("PUT", `/organisations/${key.organisation}/credentials/anthropic`, { secret: "sk-ant-own" });
    const requests = [{ custom_id: "plain", params: body(0) }, { custom_id: "falls", params: { ...body(1), fallbacks: [{ model: "claude-dear" }] } }];
    const { id } = await (await call(key.secret, "POST", "/v1/messages/batches", { requests })).json<Json>();
    await sentAs(key, id, "msgbatch_0000");
    expect(claude.batches.made.map((one) => one.requests.map(lineOf))).toEqual([[1]]);
    claude.end();
    await poll(key, id, 61_000);
    const told = await linesIn(key, await over(key, id));
    expect(told.find(({ custom_id }) => custom_id === "falls")).toMatchObject({ result: { type: "errored", error: { error: { message: expect.stringContaining("fallbacks") } } } });
    expect(claude.live).toBe(0);
    await spent(key, batchNanoUsd);
  });

  test("does messages as they came, and tells them so", async () => {
    claude.end();
    const key = await keyThere();
    const id = await messages(key, 2, { "anthropic-beta": "some-beta-2026" });
    await sentAs(key, id, "msgbatch_0000");
    const [made] = claude.batches.made;
    expect(made!.requests).toEqual([0, 1].map((i) => ({ custom_id: `${id}-${i + 1}`, params: { ...body(i), model: "claude-test" } })));
    expect(["x-api-key", "anthropic-version", "anthropic-beta", "authorization"].map((name) => claude.headers[0]!.get(name))).toEqual(["anthropic-own", "2023-06-01", "some-beta-2026", null]);
    await poll(key, id, 61_000);
    const [first] = await linesIn(key, await over(key, id));
    expect(first).toMatchObject({ custom_id: "id-0", result: { type: "succeeded", message: { id: "msg_up", content: [{ type: "text", text: "batched" }], usage: { service_tier: "batch" } } } });
    await spent(key, 2 * batchNanoUsd);
  });

  test("does chat completions and responses that are told in its words, and answers come back in theirs, big numbers too", async () => {
    const raw = JSON.stringify({ ...messageOf(""), content: [{ type: "tool_use", id: "toolu_1", name: "count", input: { n: 1 } }], stop_reason: "tool_use" }).replace('{"n":1}', `{"n":${big}}`);
    const play = claude.batches.play.bind(claude.batches);
    claude.batches.resultOf = () => ({ type: "succeeded", message: "RAW" });
    claude.batches.play = (...args) => ((played) => ({ ...played, text: played.text.replaceAll('"RAW"', raw) }))(play(...args));
    claude.end();
    const key = await keyThere();
    const tool = { name: "count", description: "counts", parameters: { type: "object", properties: { n: { type: "integer" } } } };
    const chat = await madeOf(key, "/v1/chat/completions", [{ custom_id: "a", body: { ...body(0), tools: [{ type: "function", function: tool }] } }]);
    await sentAs(key, chat, "msgbatch_0000");
    expect(claude.batches.made[0]!.requests).toMatchObject([{ custom_id: `${chat}-1`, params: { model: "claude-test", max_tokens: 10, tools: [{ name: "count" }] } }]);
    const responses = await madeOf(key, "/v1/responses", [{ custom_id: "b", body: { model, input: "count", max_output_tokens: 10, tools: [{ type: "function", ...tool }] } }]);
    await sentAs(key, responses, "msgbatch_0001");
    await poll(key, chat, 61_000);
    await poll(key, responses, 61_000);
    const [answered] = await linesIn(key, await over(key, chat));
    expect(answered).toMatchObject({ custom_id: "a", response: { status_code: 200, body: { object: "chat.completion", choices: [{ message: { tool_calls: [{ function: { name: "count", arguments: `{"n":${big}}` } }] } }] } } });
    const [response] = await linesIn(key, await over(key, responses));
    expect(response).toMatchObject({ custom_id: "b", response: { status_code: 200, body: { object: "response", output: [{ type: "function_call", name: "count", arguments: `{"n":${big}}` }] } } });
    expect([claude.live, claude.asked]).toEqual([0, 2]);
    await spent(key, 2 * batchNanoUsd);
  });

  test("leaves what went wrong there as an error of the provider's own words", async () => {
    claude.outcome = (line) => (line === 1 ? "wrong" : "answered");
    claude.end();
    const key = await keyThere();
    const id = await messages(key, 2);
    await sentAs(key, id, "msgbatch_0000");
    await poll(key, id, 61_000);
    expect((await linesIn(key, await over(key, id))).map(({ custom_id, result }) => [custom_id, result.type, result.error?.error.type])).toEqual([["id-0", "errored", "invalid_request_error"], ["id-1", "succeeded", undefined]]);
  });

  test("that was made while nobody heard of it is not asked for again: it is waited for, and known from another's by its answers", async () => {
    claude.batches.breaks = "taken";
    claude.batches.add(Date.now() - 1_000, 3);
    const key = await keyThere();
    const id = await messages(key, 3);
    await becomes(key, id, { state: "asked", lines: 3 });
    await soon(() => expect(claude.asked).toBe(1));
    claude.batches.breaks = undefined;
    await scheduler.wait(20);
    await poll(key, id, askMs + 61_000);
    await soon(() => expect(claude.batches.calls.at(-1)).toMatch(/^GET \?limit/));
    claude.batches.ended = ({ id: their }) => their === "msgbatch_0000";
    await scheduler.wait(20);
    await poll(key, id, askMs + 300_000);
    await becomes(key, id, { state: "asked", others: ["msgbatch_0000"] });
    expect([(await held(key)).requests, claude.asked]).toEqual([1, 1]);
    claude.end();
    await scheduler.wait(20);
    await poll(key, id, askMs + 600_000);
    await sentAs(key, id, "msgbatch_0001");
    await scheduler.wait(20);
    await poll(key, id, askMs + 900_000);
    expect([(await over(key, id)).sums.completed, claude.live, claude.asked]).toEqual([3, 0, 1]);
    await spent(key, 3 * batchNanoUsd);
    await soon(() => expect(claude.batches.deleted).toEqual(["msgbatch_0001"]));
  });

  test("is called back when its batch is cancelled; one that is not known yet is waited for, and what it answered is kept and charged", async () => {
    const key = await keyThere();
    const sent = await messages(key, 2);
    await sentAs(key, sent, "msgbatch_0000");
    claude.batches.breaks = "taken";
    const asked = await messages(key, 4);
    await soon(() => expect(claude.asked).toBe(2));
    await becomes(key, asked, { state: "asked" });
    for (const id of [sent, asked]) await call(key.secret, "POST", `/v1/messages/batches/${id}/cancel`);
    await scheduler.wait(20);
    await poll(key, sent, 61_000);
    await soon(() => expect(claude.batches.calls).toContain("POST /msgbatch_0000/cancel"));
    claude.batches.resultOf = (one, { canceledMs }) => (canceledMs !== undefined || lineOf(one) > 1 ? { type: "canceled" } : succeeded());
    claude.end();
    await scheduler.wait(20);
    await poll(key, sent, 200_000);
    expect((await over(key, sent, "cancelled")).sums).toMatchObject({ completed: 0, failed: 0 });
    await poll(key, asked, 260_000);
    await sentAs(key, asked, "msgbatch_0001");
    await scheduler.wait(20);
    await poll(key, asked, 400_000);
    expect((await over(key, asked, "cancelled")).sums.completed).toBe(1);
    expect([claude.live, claude.asked, claude.batches.calls.filter((one) => one.endsWith("/cancel"))]).toEqual([0, 2, ["POST /msgbatch_0000/cancel"]]);
    await spent(key, batchNanoUsd);
  });

  test("is followed to its end although its lines would go elsewhere by now, and although its account is refused for a while", async () => {
    const key = await keyThere();
    const id = await madeOf(key, "/v1/chat/completions", [{ custom_id: "a", body: { ...body(0), model: "anthropic/claude-dear" } }]);
    await sentAs(key, id, "msgbatch_0000");
    await env.DB.prepare("UPDATE prices SET pico_usd = 2000000 WHERE upstream_id = 'claude-dear' AND class LIKE '%:batch'").run();
    const play = claude.batches.play.bind(claude.batches);
    let refused = 0;
    claude.batches.play = (method, path, sent) => (method === "GET" && (refused += 1) <= 2 ? { status: 403, type: "application/json", text: "{}" } : play(method, path, sent));
    for (const afterMs of [3_000_000, 3_200_000, 3_400_000]) {
      await poll(key, id, afterMs);
      await soon(() => expect(refused).toBeGreaterThan((afterMs - 3_000_000) / 200_000));
      expect(await native(key, id)).toMatchObject({ state: "sent" });
      await scheduler.wait(20);
    }
    claude.end();
    await poll(key, id, 3_600_000);
    expect([(await over(key, id)).sums.completed, claude.live, claude.asked]).toEqual([1, 0, 1]);
    await spent(key, batchNanoUsd);
  });

  test("is not asked where something would be lost that may not be", async () => {
    const key = await keyThere();
    const id = await madeOf(key, "/v1/chat/completions", [{ custom_id: "a", body: { ...body(0), seed: 7 } }], {}, { "x-forge-strict": "true" });
    await soon(async () => expect((await object(key, id).face())!.batch.status).toBe("completed"));
    expect(claude.asked).toBe(0);
  });

  test("that kills whoever asks for it, eight times, is given up: lines run here", async () => {
    let [asks, dead] = [0, 0];
    playing("api.anthropic.com", async ({ url }, method) => {
      if (method !== "POST") return Response.json({ data: [], has_more: false, first_id: null, last_id: null });
      if (url.endsWith("/messages")) return Response.json(messageOf("live", { input_tokens: 3, output_tokens: 2, service_tier: "standard" }));
      asks += 1;
      while (dead < asks) await scheduler.wait(10);
      return new Response("", { status: 502 });
    });
    const key = await keyThere();
    const id = await messages(key, 2);
    for (let i = 1; i <= 8; i += 1) {
      await soon(() => expect(asks).toBe(i));
      await poll(key, id, i * (askMs + 100_000));
      // Its lease has run out: whoever held it is as good as dead. The queue brings the next word when it is gone.
      dead = i;
    }
    expect((await over(key, id)).sums.completed).toBe(2);
    expect(asks).toBe(8);
    await spent(key, 2 * liveNanoUsd);
  });

  test("of which nobody ever knows does not keep its batch from its end, and is never asked for again", async () => {
    claude.batches.breaks = "taken";
    const key = await keyThere();
    const id = await messages(key, 2);
    await soon(() => expect(claude.asked).toBe(1));
    await becomes(key, id, { state: "asked" });
    await scheduler.wait(20);
    const day = 24 * 3_600_000;
    await poll(key, id, day + 1_800_000);
    await soon(async () => expect((await object(key, id).face())!.batch.ending).toBe("expired"));
    expect(await native(key, id)).toMatchObject({ state: "asked" });
    await scheduler.wait(20);
    await poll(key, id, day + 3_700_000);
    expect((await over(key, id, "expired")).sums).toMatchObject({ completed: 0, failed: 0 });
    expect([claude.live, claude.asked]).toEqual([0, 1]);
    later(day + 3_700_000);
    await spent(key, 0);
  });
});
