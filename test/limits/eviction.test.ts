/**
 * Random sequences against a model that forgets nothing: it keeps every request for ever and counts from scratch. The
 * object folds, rolls up, is evicted and loses D1 in between; its counters and D1's totals must be the model's.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { minuteOf, monthStart, type Counters } from "../../src/limits/allowance.ts";
import { leaseMs, type MeterOperation, type MeterReply } from "../../src/limits/index.ts";
import { failingD1, withD1 } from "./failing-d1.ts";
import { openMeter, settling, word, type Limits, type Meter } from "./stage.ts";

type Step =
  | { step: "reserve"; tokens: number; nanoUsd: number; model: string }
  /** Any request so far, also one that is settled: `pick` modulo their number. */
  | { step: "again" | "renew"; pick: number }
  /** `duringFlush`: while the object waits for D1. */
  | { step: "settle"; pick: number; tokens: number; nanoUsd: number; duringFlush: boolean }
  | { step: "wait"; ms: number }
  | { step: "evict" | "alarm" | "flush" }
  | { step: "flush without D1"; when: "before" | "after" };

type Request = {
  id: string; at: number; lease: number; model: string; held: { tokens: number; nanoUsd: number };
  posted?: { tokens: number; nanoUsd: number; estimated: boolean };
};

const limits = { requestsPerMinute: 6, tokensPerMinute: 300, concurrentRequests: 4, monthlyTokens: 900, monthlyNanoUsd: 900, budgetNanoUsd: 1_500 } satisfies Limits;
const start = Date.UTC(2041, 2, 31, 23, 50, 40);

class Model {
  readonly requests: Request[] = [];
  now = start;

  open = () => this.requests.filter(({ posted }) => !posted);
  closed = () => this.requests.filter(({ posted }) => posted);

  counters(): Counters {
    const inMinute = this.requests.filter(({ at }) => minuteOf(at) === minuteOf(this.now));
    const inMonth = this.closed().filter(({ at }) => at >= monthStart(this.now));
    return {
      minute: { window: minuteOf(this.now), requests: inMinute.length, tokens: sum(inMinute, ({ posted, held }) => (posted ?? held).tokens) },
      month: { start: monthStart(this.now), tokens: sum(inMonth, ({ posted }) => posted!.tokens), nanoUsd: sum(inMonth, ({ posted }) => posted!.nanoUsd) },
      spentNanoUsd: sum(this.closed(), ({ posted }) => posted!.nanoUsd),
      held: { requests: this.open().length, tokens: sum(this.open(), ({ held }) => held.tokens), nanoUsd: sum(this.open(), ({ held }) => held.nanoUsd) },
    };
  }

  /** Every refusal that would be right now. */
  refusals({ tokens, nanoUsd }: { tokens: number; nanoUsd: number }): string[] {
    const { minute, month, spentNanoUsd, held } = this.counters();
    return [
      ...(spentNanoUsd + held.nanoUsd + nanoUsd > limits.budgetNanoUsd ? ["insufficient_credits"] : []),
      ...(month.nanoUsd + held.nanoUsd + nanoUsd > limits.monthlyNanoUsd || month.tokens + held.tokens + tokens > limits.monthlyTokens ? ["quota_exceeded"] : []),
      ...(held.requests + 1 > limits.concurrentRequests ? ["concurrency_limit_exceeded"] : []),
      ...(minute.requests + 1 > limits.requestsPerMinute ? ["rate_limit_exceeded"] : []),
      ...(minute.tokens + tokens > limits.tokensPerMinute ? ["token_rate_limit_exceeded"] : []),
    ];
  }

  expire(): void {
    for (const request of this.open()) if (request.lease <= this.now) request.posted = { ...request.held, estimated: true };
  }
}

const sum = <T>(items: T[], of: (item: T) => number): number => items.reduce((total, item) => total + of(item), 0);

const amount = fc.integer({ min: 0, max: 120 });
const pick = fc.nat(50);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ step: fc.constant("reserve" as const), tokens: amount, nanoUsd: amount, model: fc.constantFrom("m", "n") }) },
    { weight: 5, arbitrary: fc.record({ step: fc.constant("settle" as const), pick, tokens: fc.integer({ min: 0, max: 200 }), nanoUsd: fc.integer({ min: 0, max: 200 }), duringFlush: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ step: fc.constantFrom("again" as const, "renew" as const), pick }) },
    { weight: 3, arbitrary: fc.record({ step: fc.constant("wait" as const), ms: fc.oneof(fc.integer({ min: 1, max: 60_000 }), fc.constantFrom(1, 19_999, 20_000, 60_000, leaseMs - 1, leaseMs, 3_600_000)) }) },
    { weight: 4, arbitrary: fc.record({ step: fc.constantFrom("evict" as const, "alarm" as const, "flush" as const) }) },
    { weight: 1, arbitrary: fc.record({ step: fc.constant("flush without D1" as const), when: fc.constantFrom("before" as const, "after" as const) }) },
  ),
  { minLength: 1, maxLength: 40 },
);

async function perform(step: Step, model: Model, meter: Meter): Promise<void> {
  switch (step.step) {
    case "reserve": {
      const id = `${meter.policy.keyId}_${String(model.requests.length).padStart(4, "0")}`;
      const expected = model.refusals(step);
      const reply = await meter.reserve(id, step);
      expect(expected.length === 0 ? ["granted"] : expected).toContain(word(reply));
      if (expected.length === 0) model.requests.push({ id, at: model.now, lease: model.now + leaseMs, model: step.model, held: { tokens: step.tokens, nanoUsd: step.nanoUsd } });
      return;
    }
    case "again": {
      const request = model.requests[step.pick % model.requests.length];
      if (!request || (request.posted && minuteOf(request.at) !== minuteOf(model.now))) return; // after its minute the object may forget a settled id
      const reply = await meter.reserve(request.id, { ...request.held, model: request.model });
      if (!request.posted) expect(reply.is).toBe("granted");
      return;
    }
    case "renew": {
      const request = model.requests[step.pick % model.requests.length];
      if (!request) return;
      expect(await meter.ask({ do: "renew", id: request.id })).toEqual({ is: "done", changed: !request.posted });
      if (!request.posted) request.lease = model.now + leaseMs;
      return;
    }
    case "settle": {
      const request = model.requests[step.pick % model.requests.length];
      if (!request) return;
      const operation = settling(request.id, { tokens: step.tokens, nanoUsd: step.nanoUsd, model: request.model });
      const reply = await (step.duringFlush ? duringFlush(meter, operation) : meter.ask(operation));
      expect(reply).toEqual({ is: "done", changed: !request.posted });
      request.posted ??= { tokens: step.tokens, nanoUsd: step.nanoUsd, estimated: false };
      return;
    }
    case "wait": return void vi.setSystemTime((model.now += step.ms));
    case "evict": return evictDurableObject(meter.stub);
    case "flush": return meter.stub.flush();
    case "alarm": {
      const ran = await runDurableObjectAlarm(meter.stub);
      if (model.open().length > 0) expect(ran, "an open hold is watched by an alarm").toBe(true);
      if (ran) model.expire();
      return;
    }
    case "flush without D1": return runInDurableObject(meter.stub, async (object) => {
      const restore = failingD1(object, step.when);
      await object.flush().catch(() => {});
      restore();
    });
  }
}

/** Applies `operation` between what a flush reads and its first write; at once when there is nothing to write. */
function duringFlush({ stub }: Meter, operation: MeterOperation): Promise<MeterReply> {
  return runInDurableObject(stub, async (object) => {
    let reply: MeterReply | undefined;
    const restore = withD1(object, (go) => {
      reply ??= (object.apply([operation]) as MeterReply[])[0]!;
      return go();
    });
    await object.flush();
    restore();
    return reply ?? (object.apply([operation]) as MeterReply[])[0]!;
  });
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("eviction, expiry, roll-up and a failing D1 at any point lose nothing and double nothing", { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const model = new Model();
      vi.setSystemTime(start);
      const meter = await openMeter(limits);
      for (const step of sequence) {
        await perform(step, model, meter);
        expect(await meter.counters(), step.step).toEqual(model.counters());
      }
      await evictDurableObject(meter.stub);
      await meter.stub.flush();
      expect(await meter.counters()).toEqual(model.counters());
      await expectInD1(meter, model);
    }),
    { numRuns: 80 },
  );
});

/** D1 has every settled request once, and hours that add up to them. */
async function expectInD1({ policy: { keyId } }: Meter, model: Model): Promise<void> {
  const { results: entries } = await env.DB.prepare("SELECT id, at, entry FROM requests WHERE key_id = ? ORDER BY id").bind(keyId).all<{ id: string; at: number; entry: string }>();
  expect(entries.map(({ id, at, entry }) => {
    const { usage, costNanoUsd, estimated, model: name } = JSON.parse(entry);
    return { id, at, tokens: usage.inputTokens + usage.outputTokens, nanoUsd: costNanoUsd, estimated, model: name };
  })).toEqual(model.closed().map(({ id, at, posted, model: name }) => ({ id, at, ...posted, model: name })));
  const { results: hours } = await env.DB
    .prepare("SELECT hour, model, requests, input_tokens + output_tokens AS tokens, cost_nano_usd AS nanoUsd FROM usage_hourly WHERE key_id = ? ORDER BY hour, model")
    .bind(keyId).all();
  const groups = Map.groupBy(model.closed(), ({ at, model: name }) => `${Math.floor(at / 3_600_000)} ${name}`);
  expect(hours).toEqual([...groups].map(([key, requests]) => ({
    hour: Number(key.split(" ")[0]), model: key.split(" ")[1], requests: requests.length,
    tokens: sum(requests, ({ posted }) => posted!.tokens), nanoUsd: sum(requests, ({ posted }) => posted!.nanoUsd),
  })).toSorted((a, b) => a.hour - b.hour || (a.model! < b.model! ? -1 : 1)));
}
