import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { durationMs, retryAfterMs } from "../../src/upstream/retry-after.ts";

const now = Date.UTC(2026, 10, 21, 12, 0, 0);
const day = 86_400_000;
const asked = (headers: Record<string, string>, body?: string) => retryAfterMs(new Headers(headers), body, now);

describe("a duration", () => {
  test.each([
    ["6m0s", 360_000], ["1.5s", 1_500], ["20ms", 20], ["1h2m3.5s", 3_723_500], ["0s", 0], ["2d", day], ["0.4ms", 1],
    ["", undefined], ["s", undefined], ["5", undefined], ["5 s", undefined], ["1s,", undefined], ["-1s", undefined], ["1sx", undefined], ["1S", undefined],
  ])("%j is %s ms", (text, ms) => expect(durationMs(text)).toBe(ms));
});

describe("Retry-After", () => {
  test.each([
    ["3", 3_000], ["0", 0], ["0.25", 250], [" 7 ", 7_000], ["30s", 30_000], ["1m30s", 90_000],
    ["Sat, 21 Nov 2026 12:00:10 GMT", 10_000], ["Saturday, 21-Nov-26 12:00:10 GMT", 10_000], ["Sat Nov 21 12:00:10 2026", 10_000], ["2026-11-21T12:00:10Z", 10_000], ["Sat, 21 Nov 2026 11:00:00 GMT", 0],
    ["999999999999", day], ["Sat, 21 Nov 2096 12:00:00 GMT", day],
    ["", undefined], ["soon", undefined], ["-1", undefined], ["-5 seconds", undefined], ["5 seconds", undefined], ["1e3", undefined], ["NaN", undefined], ["Infinity", undefined], ["1.2.3", undefined], ["2026", 2_026_000],
  ])("%j is %s ms", (text, ms) => expect(asked({ "retry-after": text })).toBe(ms));

  test("in milliseconds goes before the one in seconds, if it is one", () => {
    expect(asked({ "retry-after-ms": "1234.5", "retry-after": "2" })).toBe(1_235);
    expect(asked({ "retry-after-ms": "later", "retry-after": "2" })).toBe(2_000);
  });
  test("goes before counters and the body", () => {
    expect(asked({ "retry-after": "2", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9s" }, "Please try again in 8s.")).toBe(2_000);
    expect(asked({ "retry-after": "later", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9s" }, "Please try again in 8s.")).toBe(9_000);
  });
});

describe("counters", () => {
  test("that are used up say when they are full, the last of them counts", () => {
    expect(asked({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "6m0s" })).toBe(360_000);
    expect(asked({ "anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "2026-11-21T12:00:20Z" })).toBe(20_000);
    expect(asked({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now + 5_000) })).toBe(5_000);
    expect(asked({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(now / 1_000 + 5) })).toBe(5_000);
    expect(asked({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": "30" })).toBe(30_000);
  });
  test("that are not say nothing", () => {
    expect(asked({ "x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "1s" })).toBeUndefined();
    expect(asked({ "x-ratelimit-remaining-requests": "0" })).toBeUndefined();
    expect(asked({ "x-ratelimit-reset-requests": "1s" })).toBeUndefined();
    expect(asked({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon" })).toBeUndefined();
  });
});

describe("an error's text", () => {
  test.each([
    ['{"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.074824224s"}]}}', 34_075], ['{"retryDelay": "7s"}', 7_000],
    ["Rate limit reached for gpt-4o. Please try again in 1.305s. Visit …", 1_305], ["Please try again in 6m0s.", 360_000], ["Please try again in 20ms.", 20], ["please try again in 1h2m3s", 3_723_000],
    ["Please retry after 26 seconds.", 26_000], ["Please retry after 1 second.", 1_000], ["Please retry in 3.5s.", 3_500],
    ["Please try again later.", undefined], ["Please try again in a moment", undefined], ["", undefined], ['{"retryDelay":"soon"}', undefined],
  ])("%s says %s ms", (body, ms) => expect(asked({}, body)).toBe(ms));
  test("may be missing", () => expect(asked({})).toBeUndefined());
});

test("whatever a provider says, the wait is a whole number of milliseconds from none to a day, or nothing (property)", () => {
  const header = fc.constantFrom("retry-after", "retry-after-ms", "x-ratelimit-reset", "x-ratelimit-reset-requests", "anthropic-ratelimit-tokens-reset");
  const text = fc.oneof(fc.string({ unit: fc.constantFrom(..."0123456789.smhd:-T ZGM") }), fc.double().map(String), fc.integer().map(String), fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()));
  fc.assert(fc.property(header, text, text, (name, value, body) => {
    const ms = asked({ [name]: value, "x-ratelimit-remaining": "0", "x-ratelimit-remaining-requests": "0", "anthropic-ratelimit-tokens-remaining": "0" }, `Please try again in ${body}`);
    if (ms !== undefined) expect(Number.isInteger(ms) && ms >= 0 && ms <= day).toBe(true);
  }), { numRuns: 500 });
});
