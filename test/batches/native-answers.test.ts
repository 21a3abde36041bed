import { expect, test } from "vitest";
import { piecesPerLine } from "../../src/batches/batch-rows.ts";
import type { Native } from "../../src/batches/batch.ts";
import type { Bench } from "../../src/batches/bench.ts";
import { keepAll } from "../../src/batches/native-answers.ts";
import type { Answer, Kind } from "../../src/batches/native-kind.ts";
import { BatchSeal } from "../../src/batches/seal.ts";
import type { Piece } from "../../src/batches/words.ts";
import type { ProviderCalls } from "../../src/upstream/provider-batches.ts";

const seal = new BatchSeal("x".repeat(32), { organisationId: "acme", id: "batch_1" });
const [encoder, decoder] = [new TextEncoder(), new TextDecoder()];

/** A provider whose answers lie in two places, those to two things each next to each other. */
const places: Readonly<Record<string, readonly Answer[]>> = {
  one: [1, 2, 3].flatMap((line) => [1, 0].map((index): Answer => ({ line, status: 200, body: `${line}.${index}`, part: { index, of: 2 } }))),
  two: [4, 5].map((line): Answer => ({ line, status: 400, body: `${line}` })),
};
const kind = {
  content: (_, __, place) => Promise.resolve((async function* () {
    yield encoder.encode(places[place]!.map((one) => `${JSON.stringify(one)}\n\n`).join(""));
  })()),
  answer: (_, text) => JSON.parse(text) as Answer,
  join: (bodies) => bodies.join("+"),
} satisfies Partial<Kind> as unknown as Kind;

/** One step of it. */
async function step(native: Partial<Native>, most?: number): Promise<{ kept: Awaited<ReturnType<typeof keepAll>>; answers: Answer[] }> {
  const pieces: Piece[] = [];
  const run = { keepAnswers: (_: number, some: readonly Piece[]) => Promise.resolve(Boolean(pieces.push(...some))) };
  const bench = { run, seal, work: { batch: { id: "batch_1", native }, part: { lease: 1 } } } as unknown as Bench;
  const kept = await keepAll(bench, { kind, calls: {} as ProviderCalls }, { answers: ["one", "two"] }, most);
  expect(pieces.every(({ key }) => key % piecesPerLine === 0)).toBe(true);
  return { kept, answers: await Promise.all(pieces.map(async ({ key, bytes }) => JSON.parse(decoder.decode(await seal.answerPiece(key, bytes))) as Answer)) };
}

const whole = [...[1, 2, 3].map((line) => ({ line, status: 200, body: `${line}.0+${line}.1` })), ...[4, 5].map((line) => ({ line, status: 400, body: `${line}` }))];

test("every answer is kept, those in parts as one", async () => {
  expect(await step({})).toEqual({ kept: { kept: true, read: undefined }, answers: whole });
});

test("where there are more than one step may read, the next one goes on behind them, and no line is torn", async () => {
  const reads: (number | undefined)[] = [];
  const all: Answer[] = [];
  let native: Partial<Native> = {};
  do {
    const { kept, answers } = await step(native, 60);
    all.push(...answers);
    reads.push(kept.read);
    native = { ...native, ...kept };
  } while (native.read !== undefined && reads.length < 20);
  expect(all).toEqual(whole);
  expect([reads, native.kept]).toEqual([[2, 4, 6, 8, undefined], true]);
});

test("that there was one is known to the end, whatever came last", async () => {
  expect((await step({ kept: true, read: 8 })).kept).toEqual({ kept: true, read: undefined });
  expect((await step({ read: 8 })).kept).toEqual({ kept: false, read: undefined });
});
