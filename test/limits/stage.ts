/** A key's Durable Object on a stage: short words for what the Worker asks of it. */
import { env } from "cloudflare:workers";
import { noUsage } from "../../src/chat/usage.ts";
import type { Outcome } from "../../src/ledger/entry.ts";
import type { Counters } from "../../src/limits/allowance.ts";
import { postingOf, type KeyMeter, type MeterOperation, type MeterPolicy, type MeterReply } from "../../src/limits/index.ts";

export type Limits = Partial<MeterPolicy["limits"]>;

/** Far in the future, so that the runtime never runs an alarm by itself; ten seconds into a minute, an hour and a month. */
export const noon = Date.UTC(2040, 5, 15, 12, 0, 10);

export const unlimited = 1_000_000_000;

let made = 0;

export const policyOf = (limits: Limits = {}, over: Partial<MeterPolicy> = {}): MeterPolicy => ({
  keyId: `key_${(made += 1)}`, organisationId: "org_1", version: 1, enabled: true, limits: { requestsPerMinute: unlimited, ...limits }, ...over,
});

/** A finished request that used `tokens` (a third of them output) and cost `nanoUsd`. */
export function outcomeOf({ tokens = 0, nanoUsd = 0, ...over }: { tokens?: number; nanoUsd?: number } & Partial<Outcome>): Outcome {
  const outputTokens = Math.floor(tokens / 3);
  return {
    model: "m", deployment: "openai/m", protocol: "openai-chat", stream: false, status: 200, end: "complete",
    usage: { ...noUsage, inputTokens: tokens - outputTokens, outputTokens }, costNanoUsd: nanoUsd, costSource: "price", serviceTier: null, estimated: false,
    firstByteMs: 1, totalMs: 2, way: "buffered", attempts: 1, upstreamRequestId: null, errorCode: null,
    reserved: { tokens, nanoUsd }, lines: [], pricesFromMs: null, refused: [], responseHash: null, ...over,
  };
}

export const reserving = (id: string, { tokens = 0, nanoUsd = 0, model = "m", version = 1 } = {}): MeterOperation =>
  ({ do: "reserve", id, version, estimate: { tokens, nanoUsd }, model });

export const settling = (id: string, used: Parameters<typeof outcomeOf>[0] = {}): MeterOperation => ({ do: "settle", id, posting: postingOf(outcomeOf(used)) });

export type Meter = {
  policy: MeterPolicy;
  stub: DurableObjectStub<KeyMeter>;
  ask: (operation: MeterOperation) => Promise<MeterReply>;
  reserve: (id: string, estimate?: { tokens?: number; nanoUsd?: number; model?: string; version?: number }) => Promise<MeterReply>;
  settle: (id: string, used?: Parameters<typeof outcomeOf>[0]) => Promise<MeterReply>;
  counters: () => Promise<Counters>;
  rowsWritten: () => Promise<number>;
};

/** A fresh key's object that knows its policy. */
export async function openMeter(limits: Limits = {}, over: Partial<MeterPolicy> = {}): Promise<Meter> {
  const policy = policyOf(limits, over);
  const stub = env.KEY_METER.getByName(policy.keyId);
  await stub.adopt(policy);
  const ask = async (operation: MeterOperation): Promise<MeterReply> => (await stub.apply([operation]))[0] as MeterReply;
  return {
    policy, stub, ask,
    reserve: (id, estimate) => ask(reserving(id, estimate)),
    settle: (id, used) => ask(settling(id, used)),
    counters: async () => (await stub.inspect()).counters,
    rowsWritten: async () => (await stub.inspect()).rowsWritten,
  };
}

/** `granted`, `done`, … or the code of the refusal. */
export const word = (reply: MeterReply): string => (reply.is === "refused" ? reply.refusal.code : reply.is);

/** How often each word came. */
export function tally(replies: MeterReply[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const reply of replies) counts[word(reply)] = (counts[word(reply)] ?? 0) + 1;
  return counts;
}
