import { describe, expect, test } from "vitest";
import { noUsage } from "../../src/chat/usage.ts";
import { postingOf } from "../../src/limits/index.ts";
import { openMeter, outcomeOf } from "./stage.ts";

test("carries every class, and the outcome word for word", () => {
  const usage = { inputTokens: 1, cachedTokens: 2, cacheWriteTokens: 3, outputTokens: 4, reasoningTokens: 5, inputAudioTokens: 6, outputAudioTokens: 7, cacheWrite1hTokens: 1, inputImageTokens: 0, outputImageTokens: 0, searches: 2 };
  const outcome = outcomeOf({ usage, nanoUsd: 8 });
  expect(postingOf(outcome)).toEqual({
    model: "m", failed: false, inputTokens: 1, cachedTokens: 2, cacheWriteTokens: 3, outputTokens: 4, reasoningTokens: 5, nanoUsd: 8, outcome: JSON.stringify(outcome),
  });
});

test("an error is what the client did not get: not its own leaving", () => {
  const failed = (over: Parameters<typeof outcomeOf>[0]) => postingOf(outcomeOf(over)).failed;
  expect(failed({})).toBe(false);
  expect(failed({ end: "client_gone" })).toBe(false);
  for (const end of ["upstream_error", "upstream_timeout", "unterminated", "lease_expired"] as const) expect(failed({ end })).toBe(true);
  expect(failed({ status: 400 })).toBe(true);
});

describe("figures that cannot be", () => {
  test("do not brick the key: its roll-up goes on", async () => {
    const { reserve, stub, counters } = await openMeter();
    for (const [i, nanoUsd] of [Infinity, NaN, -5, 2.4].entries()) {
      const id = `odd${i}`;
      await reserve(id);
      const usage = { ...noUsage, inputTokens: nanoUsd, outputTokens: 1 };
      await stub.apply([{ do: "settle", id, posting: postingOf(outcomeOf({ usage, nanoUsd: i === 0 ? 7 : nanoUsd })) }]);
    }
    expect((await counters()).spentNanoUsd).toBe(7 + 0 + 0 + 2);
    await stub.flush();
  });

  test("are bounded by what a number can hold exactly", () => {
    expect(postingOf(outcomeOf({ nanoUsd: Infinity })).nanoUsd).toBe(Number.MAX_SAFE_INTEGER);
    expect(postingOf(outcomeOf({ usage: { ...noUsage, inputTokens: 1e300 } })).inputTokens).toBe(Number.MAX_SAFE_INTEGER);
  });
});
