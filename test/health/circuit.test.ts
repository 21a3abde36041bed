import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  adopt, failuresInRow, firstPauseMs, loneFailures, longestPauseMs, mayTry, newCircuit, observe, probeMs, stateAt, tell, windowFailures, windowMs,
  type Batch, type Circuit, type ToldCircuit,
} from "../../src/health/circuit.ts";

const start = Date.UTC(2026, 10, 21);
const ok: Batch = { answered: 1, failed: 0, run: 0 };
const bad: Batch = { answered: 0, failed: 1, run: 1 };
const limited = (retryAfterMs: number): Batch => ({ ...bad, retryAfterMs });

/** A circuit after one event a second, and what to ask of it. */
function after(events: Batch[], everyMs = 1_000): { circuit: Circuit; nowMs: number } {
  const circuit = newCircuit();
  let nowMs = start;
  for (const event of events) observe(circuit, event, (nowMs += everyMs));
  return { circuit, nowMs };
}
const stateAfter = (events: Batch[], everyMs?: number): string => {
  const { circuit, nowMs } = after(events, everyMs);
  return stateAt(circuit, nowMs);
};
const times = (n: number, event: Batch): Batch[] => Array.from({ length: n }, () => event);
const opened = () => after(times(loneFailures, bad));

describe("opens", () => {
  test("after three failures where nothing succeeds, and not before", () => {
    expect(stateAfter(times(loneFailures - 1, bad))).toBe("closed");
    expect(stateAfter(times(loneFailures, bad))).toBe("open");
    expect(stateAfter(times(20, bad), windowMs)).toBe("closed");
  });

  test("after six in a row under traffic", () => {
    const busy = times(200, ok);
    expect(stateAfter([...busy, ...times(failuresInRow - 1, bad)], 100)).toBe("closed");
    expect(stateAfter([...busy, ...times(failuresInRow, bad)], 100)).toBe("open");
  });

  test("also when answers of before the failures are told in between", () => {
    const { circuit, nowMs } = after(times(200, ok), 100);
    for (let i = 1; i <= failuresInRow; i += 1) {
      expect(stateAt(circuit, nowMs + i)).toBe("closed");
      observe(circuit, ok, nowMs - 100);
      observe(circuit, bad, nowMs + i);
    }
    expect(stateAt(circuit, nowMs + failuresInRow)).toBe("open");
  });

  test("when half of enough attempts fail", () => {
    const alternating = Array.from({ length: 2 * windowFailures }, (_, i) => (i % 2 ? bad : ok));
    expect(stateAfter(alternating)).toBe("open");
    expect(stateAfter(alternating.slice(0, -1))).toBe("closed");
    expect(stateAfter(Array.from({ length: 300 }, (_, i) => (i % 3 ? ok : bad)))).toBe("closed");
  });

  test("for as long as the provider asks, a minute at most", () => {
    for (const [asked, pause] of [[7_000, 7_000], [300, 300], [3_600_000, longestPauseMs]] as const) {
      const { circuit, nowMs } = after([ok, limited(asked)]);
      expect(stateAt(circuit, nowMs + pause - 1)).toBe("open");
      expect(stateAt(circuit, nowMs + pause)).toBe("half_open");
    }
    for (const nothing of [0, -5, NaN]) expect(stateAfter([ok, limited(nothing)])).toBe("closed");
  });
});

describe("half open", () => {
  test("lets one probe go, and another when that one does not report", () => {
    const { circuit, nowMs } = opened();
    expect(mayTry(circuit, nowMs)).toBe(false);
    const at = nowMs + firstPauseMs;
    expect([mayTry(circuit, at), mayTry(circuit, at), mayTry(circuit, at + probeMs - 1), mayTry(circuit, at + probeMs)]).toEqual([true, false, false, true]);
  });

  test("one answer closes and forgets the pauses", () => {
    const { circuit, nowMs } = opened();
    expect(observe(circuit, bad, nowMs + firstPauseMs)).toBe(true);
    expect(stateAt(circuit, nowMs + 3 * firstPauseMs - 1)).toBe("open");
    expect(observe(circuit, ok, nowMs + 3 * firstPauseMs)).toBe(true);
    expect(stateAt(circuit, nowMs + 3 * firstPauseMs)).toBe("closed");
    for (let i = 0; i < loneFailures; i += 1) observe(circuit, bad, nowMs + 60_000 + i);
    expect(stateAt(circuit, nowMs + 60_000 + 2 + firstPauseMs)).toBe("half_open");
  });

  test("pauses double up to a minute", () => {
    const { circuit, nowMs } = opened();
    const pauses = [firstPauseMs];
    for (let at = nowMs + firstPauseMs; pauses.length < 8; at = circuit.probeAtMs) {
      observe(circuit, bad, at);
      pauses.push(circuit.probeAtMs - at);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  test("what was sent before it opened neither closes it nor makes the pause longer", () => {
    const { circuit, nowMs } = opened();
    for (const event of [ok, bad, ok, bad]) expect(observe(circuit, event, nowMs + 500)).toBe(false);
    expect(stateAt(circuit, nowMs + firstPauseMs)).toBe("half_open");
    // A stream that began before: its first byte is older than the pause's end.
    expect(observe(circuit, ok, nowMs + 500)).toBe(false);
  });

  test("a failure that is older than the closing does not open it again", () => {
    const { circuit, nowMs } = opened();
    observe(circuit, ok, nowMs + firstPauseMs);
    expect(observe(circuit, { answered: 0, failed: 50, run: 50 }, nowMs + 1_000)).toBe(false);
    expect(stateAt(circuit, nowMs + firstPauseMs)).toBe("closed");
  });
});

describe("what another has seen", () => {
  const told = (over: Partial<ToldCircuit>): ToldCircuit => ({ open: true, agoMs: 0, probeInMs: 2_000, pauses: 1, asked: false, ...over });

  test("the later of open and closed counts", () => {
    const { circuit, nowMs } = opened();
    expect(adopt(circuit, told({ open: false, agoMs: 1 }), nowMs)).toBe(false);
    expect(adopt(circuit, told({ open: false }), nowMs + 1)).toBe(true);
    expect(adopt(circuit, told({ agoMs: 2 }), nowMs + 2)).toBe(false);
    expect(stateAt(circuit, nowMs + 2)).toBe("closed");
  });

  test("a probe that answers closes, though another's has failed meanwhile", () => {
    const { circuit, nowMs } = opened();
    const at = nowMs + firstPauseMs;
    mayTry(circuit, at);
    expect(adopt(circuit, told({ probeInMs: 4_000, pauses: 2 }), at + 10)).toBe(true);
    expect(stateAt(circuit, at + 20)).toBe("open");
    expect(observe(circuit, ok, at + 20)).toBe(true);
    expect(stateAt(circuit, at + 20)).toBe("closed");
  });

  test("a probe that failed is over: what was sent before does not close for it", () => {
    const { circuit, nowMs } = opened();
    const at = nowMs + firstPauseMs;
    mayTry(circuit, at);
    adopt(circuit, told({ probeInMs: 4_000, pauses: 2 }), at + 10);
    expect([observe(circuit, bad, at + 20), observe(circuit, ok, at + 30)]).toEqual([false, false]);
    expect(stateAt(circuit, at + 30)).toBe("open");
  });

  test("whoever hears the same ends up the same, in whichever order", () => {
    const one = fc.record({ open: fc.boolean(), agoMs: fc.nat(100_000), probeInMs: fc.integer({ min: -1_000, max: 60_000 }), pauses: fc.integer({ min: 1, max: 6 }), asked: fc.constant(false) });
    const tellings = fc.uniqueArray(one, { selector: ({ agoMs }) => agoMs, minLength: 1, maxLength: 6 });
    fc.assert(fc.property(tellings.chain((each) => fc.tuple(fc.constant(each), fc.shuffledSubarray(each, { minLength: each.length }))), (orders) => {
      const ends = orders.map((order) => {
        const circuit = newCircuit();
        for (const each of order) adopt(circuit, each, start);
        return { open: circuit.open, changedMs: circuit.changedMs };
      });
      expect(ends[0]).toEqual(ends[1]);
      const last = orders[0].toSorted((a, b) => a.agoMs - b.agoMs)[0]!;
      expect(ends[0]).toEqual({ open: last.open, changedMs: start - last.agoMs });
    }));
  });

  test("its own, told back, changes nothing", () => {
    for (const events of [times(3, bad), [...times(3, bad), limited(9_000)], times(3, ok)]) {
      const { circuit, nowMs } = after(events);
      const said = tell(circuit, nowMs + 700);
      const before = structuredClone(circuit);
      if (said) expect(adopt(circuit, said, nowMs + 700)).toBe(false);
      expect(circuit).toEqual(before);
    }
  });
});

/** Time passes, and attempts that may be made come to something. */
type Step = { afterMs: number; answers: boolean; retryAfterMs?: number | undefined };
const step = (answers: fc.Arbitrary<boolean>): fc.Arbitrary<Step> =>
  fc.record({ afterMs: fc.nat(8_000), answers, retryAfterMs: fc.option(fc.nat(200_000), { nil: undefined, freq: 8 }) });

function walk(steps: Step[]): { circuit: Circuit; nowMs: number } {
  const circuit = newCircuit();
  let nowMs = start;
  for (const { afterMs, answers, retryAfterMs } of steps) {
    nowMs += afterMs;
    if (mayTry(circuit, nowMs)) observe(circuit, answers ? ok : { ...bad, retryAfterMs }, nowMs);
  }
  return { circuit, nowMs };
}

describe("whatever happened before", () => {
  const past = fc.array(step(fc.boolean()), { maxLength: 60 });

  test("a deployment that died is skipped after six failures", () => {
    fc.assert(fc.property(past, fc.array(fc.nat(3_000), { minLength: failuresInRow, maxLength: failuresInRow }), (steps, gaps) => {
      const { circuit, nowMs } = walk(steps);
      let at = nowMs;
      let tried = 0;
      for (const gap of gaps) {
        at += gap;
        if (!mayTry(circuit, at)) continue;
        observe(circuit, bad, at);
        tried += 1;
      }
      expect(stateAt(circuit, at) === "open" || tried < failuresInRow).toBe(true);
      expect(tried).toBeLessThanOrEqual(failuresInRow);
    }));
  });

  test("with failures only it never stays closed: three within half a minute open it, and only an answer closes it", () => {
    fc.assert(fc.property(fc.array(step(fc.constant(false)), { maxLength: 60 }), (steps) => {
      const circuit = newCircuit();
      let nowMs = start;
      const failures: number[] = [];
      for (const { afterMs } of steps) {
        nowMs += afterMs;
        if (mayTry(circuit, nowMs)) {
          observe(circuit, bad, nowMs);
          failures.push(nowMs);
        }
        const third = failures.findIndex((at, i) => i >= 2 && at - failures[i - 2]! <= windowMs - 5_000);
        if (third >= 0) expect(stateAt(circuit, nowMs)).not.toBe("closed");
      }
    }));
  });

  test("it is probed again within a minute, and back with the first answer", () => {
    fc.assert(fc.property(past, (steps) => {
      const { circuit, nowMs } = walk(steps);
      const at = nowMs + longestPauseMs;
      expect(mayTry(circuit, at)).toBe(true);
      observe(circuit, ok, at);
      expect(stateAt(circuit, at)).toBe("closed");
    }));
  });

  test("at most one probe is under way", () => {
    fc.assert(fc.property(past, fc.integer({ min: 2, max: 20 }), (steps, crowd) => {
      const { circuit, nowMs } = walk(steps);
      if (stateAt(circuit, nowMs) === "closed") return;
      const at = nowMs + longestPauseMs;
      expect(Array.from({ length: crowd }, () => mayTry(circuit, at)).filter(Boolean)).toHaveLength(1);
    }));
  });
});
