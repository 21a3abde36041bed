/** Clients that leave: what is charged follows one rule, whenever and whatever the protocols; `npm run disconnects` plays all of them. */
import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Arena } from "../disconnects/arena.ts";
import { closeMs, play } from "../disconnects/play.ts";
import { allTrials, type Trial } from "../disconnects/trials.ts";
import { admin, createKey } from "../support/admin.ts";

const drainMs = 1_000;
/** Less than from one beginning of `drainMs` to a later one. */
const lateMs = 700;
const patientMs = 25_000;
let arena: Arena;
let hasty: Arena;

beforeAll(async () => {
  arena = await Arena.open({ DRAIN_TIMEOUT_MS: String(patientMs) });
  hasty = await Arena.open({ DRAIN_TIMEOUT_MS: String(drainMs) });
});
afterAll(async () => {
  await arena?.close();
  await hasty?.close();
});

test("a sample of all that leave", async () => {
  const every = 59;
  const judged = await arena.judge(allTrials().filter((_, i) => i % every === 7), 12);
  expect(judged.length).toBeGreaterThan(60);
  expect(judged.filter(({ wrong }) => wrong.length > 0).map(({ played: { trial }, wrong }) => ({ trial, wrong }))).toEqual([]);
  expect(judged.filter(({ played }) => played.leftMs !== undefined).length).toBeGreaterThan(judged.length * 0.75);
}, 60_000);

const slow: Trial = { name: "", policy: "drain", client: "openai-chat", upstream: "openai-chat", stream: true, leaves: "text", usageAsked: true, shape: "plain", abrupt: true };

test.concurrent.for<[string, Partial<Trial>]>([
  ["piped by the runtime", { name: "trial-1000001" }], ["passed on by JavaScript", { name: "trial-1000002", usageAsked: false }], ["told anew from a binary stream", { name: "trial-1000003", upstream: "bedrock-converse" }],
  ["that has not begun", { name: "trial-1000004", leaves: "asked" }], ["that comes whole", { name: "trial-1000005", stream: false, leaves: "asked" }],
])("an answer %s is drained no longer than the runtime allows, however late its headers came", async ([, over], { expect }) => {
  const trial: Trial = { ...slow, ...over };
  const played = await play(trial, hasty.upstream, hasty.url, hasty.secret("drain"), { headersAfterMs: trial.stream ? (trial.leaves === "asked" ? 900 : 0) : 5_000, paceMs: 200 });
  const ms = closeMs(played);
  expect(ms).toBeGreaterThan(drainMs - 50);
  expect(ms).toBeLessThan(drainMs + lateMs);
  await expect.poll(() => hasty.entriesOf(trial)).toMatchObject([{ end: "client_gone", estimated: true }]);
});

test("once its client has left a request goes to no further deployment, and what was refused costs nothing", async () => {
  await admin(arena.url, "PUT", "/aliases/anywhere", { targets: ["anthropic/first", "openai/second"] });
  const { secret } = await createKey(arena.url, { onDisconnect: "drain" });
  const refused = async (name: string, leaves: boolean): Promise<void> => {
    const asked = Promise.withResolvers<void>();
    arena.upstream.scripts.set(name, { pieces: [], status: 503, type: "application/json", headersAfterMs: 200, firstAfterMs: 0, paceMs: 0, at: (moment) => void (moment === "asked" && asked.resolve()) });
    const call = request(`${arena.url}/v1/messages`, { method: "POST", agent: false, headers: { "x-api-key": secret, "content-type": "application/json" } });
    call.on("error", () => {}).on("response", (response) => response.resume()).end(JSON.stringify({ model: "anywhere", max_tokens: 9, messages: [{ role: "user", content: name }] }));
    await asked.promise;
    if (leaves) call.socket!.resetAndDestroy();
  };
  const totals = async (): Promise<unknown> => ((await (await fetch(`${arena.url}/dashboard/usage`, { headers: { authorization: `Bearer ${secret}` } })).json()) as { totals: unknown }).totals;
  await refused("trial-2000000", true);
  await refused("trial-2000001", false);
  await expect.poll(totals, { timeout: 5_000 }).toMatchObject({ requests: 2, inputTokens: 0, outputTokens: 0, costNanoUsd: 0 });
  expect(arena.upstream.calls.get("trial-2000000")).toHaveLength(1);
  expect(arena.upstream.calls.get("trial-2000001")).toHaveLength(2);
});
