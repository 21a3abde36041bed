/** What holds of every provider's own batch, whichever form it has. A provider's suite gives its stand-in, and says beside it only what is its own. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { admin, call, newKey, type Json, type Key } from "../security/stage.ts";
import { becomes, held, linesIn, madeOf, object, over, poll, price, soon, spent } from "./native-stage.ts";

/** What comes of a line there: an answer, an error that would come here too, one that passes, or nothing. */
export type Outcome = "answered" | "wrong" | "passing" | "none";

/** A provider as it is called: its batches, and everything else at once. Every answer is `batched` there and takes 3 tokens to read and 2 to write. */
export interface StandIn {
  /** How often it was asked for a batch, for the list of them, and for an answer at once. */
  readonly asked: number;
  readonly looks: number;
  readonly live: number;
  /** How often a batch was called back, and what was deleted. */
  readonly cancelled: number;
  readonly removed: readonly string[];
  /** Breaks the call that makes a batch, which is made all the same, or not. */
  breaks: "made" | "not made" | undefined;
  outcome: (line: number) => Outcome;
  /** Ends every batch. */
  end(): void;
  /** Makes one of so many lines for somebody else. Returns its id. */
  addTheirs(lines: number): string;
  /** What was handed over last: requests by the number of their line. */
  lines(): ReadonlyMap<number, Json>;
}

/** Batches that are played by themselves, as the proof of `kill -9` has them too. */
type Played = { readonly calls: readonly string[]; readonly deleted: readonly string[]; breaks: "taken" | "not taken" | undefined };

/** What a stand-in says of batches that are played by themselves. `asks`, `looksFor` and `callsBack`: how the calls are written that do so. */
export abstract class OverPlayed<B extends Played> {
  readonly batches: B;
  private readonly ways: { readonly asks: RegExp; readonly looksFor: RegExp; readonly callsBack: RegExp };

  constructor(batches: B, ways: OverPlayed<B>["ways"]) {
    this.batches = batches;
    this.ways = ways;
  }

  private called(what: RegExp): number {
    return this.batches.calls.filter((one) => what.test(one)).length;
  }

  get asked(): number {
    return this.called(this.ways.asks);
  }

  get looks(): number {
    return this.called(this.ways.looksFor);
  }

  get cancelled(): number {
    return this.called(this.ways.callsBack);
  }

  get removed(): readonly string[] {
    return this.batches.deleted;
  }

  get breaks(): StandIn["breaks"] {
    return this.batches.breaks === "taken" ? "made" : this.batches.breaks && "not made";
  }

  set breaks(how: StandIn["breaks"]) {
    this.batches.breaks = how === "made" ? "taken" : how && "not taken";
  }
}

/** `sent`: how the first batch is known once it is made; `left`: what is deleted in the end, sorted. */
export type Case = { readonly name: string; readonly provider: string; readonly upstreamId: string; readonly stage: () => StandIn; readonly sent: Json; readonly left: readonly string[] };

export const askMs = 900_000;
export const batchNanoUsd = 3 * 500 + 2 * 1_000;
export const liveNanoUsd = 2 * batchNanoUsd;

/** A key whose organisation has an account of its own there. */
export async function keyAt(provider: string): Promise<Key> {
  const key = await newKey();
  await admin("PUT", `/organisations/${key.organisation}/credentials/${provider}`, { secret: `${provider}-own` });
  return key;
}

/** A model that costs half in batches. */
export async function addHalved(provider: string, id: string, kind = "chat", output = "text"): Promise<void> {
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES (?, 'test', ?, '[\"text\"]', ?, '[\"text\",\"tools\"]', 1000, 100, 0)").bind(id, kind, JSON.stringify([output])),
    env.DB.prepare("INSERT INTO deployments (provider, upstream_id, model_id) VALUES (?1, ?2, ?2)").bind(provider, id),
  ]);
  await price(provider, id, { input: 1_000_000, output: 2_000_000, "input:batch": 500_000, "output:batch": 1_000_000 });
}

export function nativeBatch({ name, provider, upstreamId, stage, sent, left }: Case): void {
  const made = (key: Key, count: number): Promise<string> =>
    madeOf(key, "/v1/chat/completions", Array.from({ length: count }, (_, i) => ({ custom_id: `id-${i}`, body: { model: `${provider}/${upstreamId}`, max_tokens: 10, messages: [{ role: "user", content: `number ${i}` }] } })));
  const keyThere = (): Promise<Key> => keyAt(provider);

  describe(`${name} own batch, as all are,`, () => {
    beforeAll(() => addHalved(provider, upstreamId));
    afterEach(() => void vi.restoreAllMocks());

    test("does lines for less: what they can use is held, each is charged at the batch's price and told as if it had run here, and nothing is left there", async () => {
      const there = stage();
      const key = await keyThere();
      const id = await made(key, 40);
      await becomes(key, id, { state: "sent", ...sent });
      expect([...there.lines()].map(([line, request]) => [line, JSON.stringify(request).includes(`"number ${line - 1}"`)])).toEqual(Array.from({ length: 40 }, (_, i) => [i + 1, true]));
      const { requests, nanoUsd, tokens } = await held(key);
      expect([requests, nanoUsd]).toEqual([1, (tokens - 40 * 10) * 500 + 40 * 10 * 1_000]);
      await poll(key, id, 61_000);
      await soon(async () => expect((await object(key, id).face())!.batch.status).toBe("in_progress"));
      there.end();
      await scheduler.wait(20);
      await poll(key, id, 125_000);
      const done = await over(key, id);
      expect([done.sums.completed, there.live, there.asked]).toEqual([40, 0, 1]);
      await spent(key, 40 * batchNanoUsd);
      expect((await linesIn(key, done))[0]).toMatchObject({ custom_id: "id-0", response: { status_code: 200, body: { object: "chat.completion", choices: [{ message: { content: "batched" } }] } } });
      await soon(() => expect(there.removed.toSorted()).toEqual(left));
    });

    test("leaves what went wrong there as an error where it would go wrong here, and free; what passes, and what it did not come to, runs here at the price of here", async () => {
      const there = stage();
      there.outcome = (line) => (["wrong", "none", "passing", "answered"] as const)[(line - 1) % 4]!;
      there.end();
      const key = await keyThere();
      const id = await made(key, 8);
      await becomes(key, id, { state: "sent" });
      await poll(key, id, 61_000);
      const { sums } = await over(key, id);
      expect([sums.completed, sums.failed, there.live]).toEqual([6, 2, 4]);
      await spent(key, 2 * batchNanoUsd + 4 * liveNanoUsd);
    });

    test("that was made while nobody heard of it is found among others', and not asked for again", async () => {
      const there = stage();
      there.breaks = "made";
      const key = await keyThere();
      const id = await made(key, 3);
      await becomes(key, id, { state: "asked" });
      await soon(() => expect(there.asked).toBe(1));
      const theirs = there.addTheirs(3);
      there.breaks = undefined;
      there.end();
      await scheduler.wait(20);
      await poll(key, id, askMs + 61_000);
      await becomes(key, id, { state: "sent", ...sent });
      await scheduler.wait(20);
      await poll(key, id, askMs + 180_000);
      expect([(await over(key, id)).sums.completed, there.live, there.asked]).toEqual([3, 0, 1]);
      await spent(key, 3 * batchNanoUsd);
      await soon(() => expect(there.removed.toSorted()).toEqual(left));
      expect([there.cancelled, there.removed.includes(theirs)]).toEqual([0, false]);
    });

    test("that was not made is asked for again, once it cannot be under way any more", async () => {
      const there = stage();
      there.breaks = "not made";
      const key = await keyThere();
      const id = await made(key, 2);
      await becomes(key, id, { state: "asked" });
      await soon(() => expect(there.asked).toBe(1));
      there.breaks = undefined;
      there.end();
      await scheduler.wait(20);
      await poll(key, id, askMs - 60_000);
      await soon(() => expect(there.looks).toBe(1));
      expect(there.asked).toBe(1);
      await scheduler.wait(20);
      await poll(key, id, askMs + 61_000);
      await becomes(key, id, { state: "sent" });
      expect([(await held(key)).requests, there.asked]).toEqual([1, 2]);
      await scheduler.wait(20);
      await poll(key, id, askMs + 180_000);
      expect([(await over(key, id)).sums.completed, there.live]).toEqual([2, 0]);
      await spent(key, 2 * batchNanoUsd);
    });

    test("is called back when its batch is cancelled, and what it answered is kept and charged", async () => {
      const there = stage();
      there.outcome = (line) => (line === 1 ? "answered" : "none");
      const key = await keyThere();
      const id = await made(key, 3);
      await becomes(key, id, { state: "sent" });
      await call(key.secret, "POST", `/v1/batches/${id}/cancel`);
      await scheduler.wait(20);
      await poll(key, id, 61_000);
      await soon(() => expect(there.cancelled).toBe(1));
      there.end();
      await scheduler.wait(20);
      await poll(key, id, 200_000);
      expect([(await over(key, id, "cancelled")).sums.completed, there.live]).toEqual([1, 0]);
      await spent(key, batchNanoUsd);
    });
  });
}
