/** A region in small: isolates with traffic, a board that loses calls and its memory, a deployment that dies and comes back. */
import fc from "fast-check";
import { beforeEach, expect, test, vi } from "vitest";
import { Board, type Report, type Snapshot } from "../../src/health/board.ts";
import { failuresInRow, longestPauseMs } from "../../src/health/circuit.ts";
import { exchangeEveryMs, Health, type Boards } from "../../src/health/health.ts";

beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue());

const start = Date.UTC(2026, 10, 21);
const stepMs = 50;
const liveMs = 10_000;

type Setup = { isolates: number; everyMs: number[]; deadMs: number; answersMs: number; faults: number[]; skewMs: number[] };
type Attempt = { isolate: number; atMs: number; answered: boolean };

const setup: fc.Arbitrary<Setup> = fc.record({
  isolates: fc.integer({ min: 1, max: 5 }),
  everyMs: fc.array(fc.integer({ min: 50, max: 800 }), { minLength: 5, maxLength: 5 }),
  deadMs: fc.integer({ min: 3_000, max: 150_000 }),
  answersMs: fc.integer({ min: 10, max: 900 }),
  /** How each exchange goes, in turn: 0 lost, 1 its answer lost, 2 the board restarts first, above: well. */
  faults: fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }),
  skewMs: fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: 5, maxLength: 5 }),
});

/** Lives, is dead for a while, lives again for a minute and a half. Every attempt that was made, and when each isolate's circuit closed for good. */
async function run({ isolates, everyMs, deadMs, answersMs, faults, skewMs }: Setup) {
  let nowMs = 0;
  let board = new Board("0");
  let calls = 0;
  const boards: Boards = { getByName: () => ({ exchange: async (report: Report): Promise<Snapshot> => {
    const fault = faults[(calls += 1) % faults.length]!;
    if (fault === 2) board = new Board(String(calls));
    const snapshot = fault === 0 ? undefined : structuredClone(board.exchange(structuredClone(report), start + nowMs));
    if (fault < 2) throw new Error("Network connection lost.");
    return snapshot!;
  } }) };
  const healths = Array.from({ length: isolates }, () => new Health());
  const under: { isolate: number; atMs: number; answers: boolean; sentMs: number }[] = [];
  const attempts: Attempt[] = [];
  const notClosedMs: number[] = healths.map(() => 0);
  const alive = (): boolean => nowMs < liveMs || nowMs >= liveMs + deadMs;
  for (; nowMs < liveMs + deadMs + 90_000; nowMs += stepMs) {
    const begun: Promise<unknown>[] = [];
    for (const [i, health] of healths.entries()) {
      const clock = start + nowMs + skewMs[i]!;
      for (const one of under.filter(({ isolate, atMs }) => isolate === i && atMs <= nowMs)) {
        under.splice(under.indexOf(one), 1);
        health.note("p/m", one.answers ? { is: "answered", firstByteMs: answersMs } : { is: "failed" }, clock);
      }
      if (nowMs % everyMs[i]! < stepMs) {
        if (health.mayTry("p/m", clock)) {
          under.push({ isolate: i, atMs: nowMs + (alive() ? answersMs : 20), answers: alive(), sentMs: nowMs });
          attempts.push({ isolate: i, atMs: nowMs, answered: alive() });
        }
        health.sync(boards, "EU", clock, (promise) => void begun.push(promise));
      }
      if ((health.of("p/m", clock)?.state ?? "closed") !== "closed") notClosedMs[i] = nowMs;
    }
    await Promise.all(begun);
  }
  return { attempts, notClosedMs, backMs: liveMs + deadMs };
}

test("a dead deployment is skipped within seconds, probed sparingly, and back within a minute, whatever becomes of the exchanges", async () => {
  await fc.assert(fc.asyncProperty(setup, async (given) => {
    const { attempts, notClosedMs, backMs } = await run(given);
    const inVain = attempts.filter(({ answered }) => !answered);
    for (let i = 0; i < given.isolates; i += 1) {
      const own = inVain.filter(({ isolate }) => isolate === i);
      // What opens it, what was under way, and one probe for each of the pauses of 2, 4, 8, 16, 32, 60, 60 seconds.
      const underWay = Math.ceil(given.answersMs / given.everyMs[i]!) + 1;
      expect(own.length).toBeLessThanOrEqual(failuresInRow + underWay + 8);
      expect(notClosedMs[i]).toBeLessThan(backMs + longestPauseMs + given.answersMs + given.everyMs[i]! + exchangeEveryMs);
    }
  }), { numRuns: 40 });
}, 60_000);

test("with traffic, the rest of a region skips what one isolate found dead, and resumes what one found alive", async () => {
  const isolates = 5;
  const { attempts, notClosedMs, backMs } = await run({ isolates, everyMs: [100, 790, 790, 790, 790], deadMs: 20_000, answersMs: 100, faults: [9], skewMs: [0, 3_000, -3_000, 1, 0] });
  const inVain = attempts.filter(({ answered }) => !answered);
  expect(inVain.filter(({ atMs }) => atMs > liveMs + 5_000).length).toBeLessThanOrEqual(4 * isolates);
  // Each would have needed three to six failures for itself.
  for (let i = 1; i < isolates; i += 1) expect(inVain.filter(({ isolate, atMs }) => isolate === i && atMs < liveMs + 5_000).length).toBeLessThanOrEqual(5);
  expect(Math.max(...notClosedMs) - Math.min(...notClosedMs)).toBeLessThan(exchangeEveryMs + 800);
  expect(Math.max(...notClosedMs)).toBeLessThan(backMs + 32_000);
});
