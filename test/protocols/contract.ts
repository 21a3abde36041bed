/** The laws that hold for every protocol's stream, however it looks and wherever the network cuts it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Observation, Protocol } from "../../src/protocols/protocol.ts";
import { bytesOf, drive } from "../upstream/drive.ts";

export type Case = {
  /** The upstream's stream, in full. */
  stream: string;
  /** What the client gets when the usage event is ours alone; absent: the same. */
  shown?: string;
  seen: Partial<Observation>;
};

/** Whole frames pushed one by one, as text. */
export function observe(protocol: Protocol, stream: string, hideUsage = true): { shown: string; seen: Observation } {
  const observer = protocol.watch(hideUsage);
  return { shown: observer.push(stream), seen: observer.seen };
}

const silently = { settleMs: 0, words: () => "" };

export function testStreams(protocol: Protocol, cases: Record<string, Case>): void {
  describe.each(Object.entries(cases))("%s", (_, { stream, shown = stream, seen }) => {
    test("is read", () => {
      expect(observe(protocol, stream).seen).toMatchObject(seen);
    });

    test("loses our usage event and not a byte beside it", () => {
      expect(observe(protocol, stream, true).shown).toBe(shown);
    });

    test("loses nothing when the client asked for usage", () => {
      expect(observe(protocol, stream, false)).toEqual({ shown: stream, seen: observe(protocol, stream).seen });
    });

    test("is read the same, cut at every byte", async () => {
      const bytes = bytesOf(stream);
      const whole = observe(protocol, stream).seen;
      for (let at = 1; at < bytes.length; at += 1) {
        const observer = protocol.watch(true);
        const { text } = await drive([bytes.subarray(0, at), bytes.subarray(at)], { observer, ...silently });
        if (text !== shown) expect(text, `cut at ${at}`).toBe(shown);
        if (at % 16 === 0) expect(observer.seen, `cut at ${at}`).toEqual(whole);
      }
    });

    test("is read the same, cut anywhere (property)", async () => {
      const bytes = bytesOf(stream);
      const whole = observe(protocol, stream).seen;
      await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: bytes.length - 1 }), { maxLength: 20 }), fc.boolean(), async (cuts, hideUsage) => {
        const borders = [0, ...[...new Set(cuts)].sort((a, b) => a - b), bytes.length];
        const observer = protocol.watch(hideUsage);
        const { text, end } = await drive(borders.slice(1).map((to, i) => bytes.subarray(borders[i], to)), { observer, ...silently });
        expect(text).toBe(hideUsage ? shown : stream);
        expect(end).toBe("done");
        expect(observer.seen).toEqual(whole);
      }), { numRuns: 25 });
    });
  });
}
