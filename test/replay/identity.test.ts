import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprintOf, idempotencyKeyOf } from "../../src/replay/index.ts";
import { nameOf } from "../../src/replay/identity.ts";
import { bytes } from "./stage.ts";

describe("a name", () => {
  /** As the runtime has it; its own Headers would complain of every odd value. */
  const read = (value: string | null): string => idempotencyKeyOf({ get: () => value } as unknown as Headers);
  const refused = expect.objectContaining({ code: "invalid_request", status: 400, detail: { param: "Idempotency-Key" } });

  test("is 1 to 255 printable ASCII characters, as they are", () => {
    const printable = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1, maxLength: 255 });
    fc.assert(fc.property(printable, (value) => read(value) === value));
  });

  test("anything else is refused", () => {
    const odd = fc.oneof(fc.integer({ max: 0x1f, min: 0 }), fc.integer({ min: 0x7f, max: 0xffff })).map((code) => String.fromCharCode(code));
    fc.assert(fc.property(fc.string({ maxLength: 100 }), odd, fc.string({ maxLength: 100 }), (before, one, after) => {
      expect(() => read(before + one + after)).toThrow(refused);
    }));
    for (const value of ["", null, "x".repeat(256), "x".repeat(10_000)]) expect(() => read(value)).toThrow(refused);
  });

  test("of one key is not that of another, however the two are put together", async () => {
    const names = await Promise.all([["key_a", "b"], ["key_a", "c"], ["key_ab", ""], ["key_", "ab"], ["key_b", "b"]].map(([id, value]) => nameOf(id!, value!)));
    expect(new Set(names).size).toBe(names.length);
    expect(names.every((name) => /^[0-9a-f]{64}$/.test(name))).toBe(true);
  });
});

describe("a fingerprint", () => {
  const url = "https://forge.example/v1/models/m:generateContent?alt=sse";
  const print = (of: { url?: string; method?: string; body?: string; headers?: Record<string, string> }): Promise<string> =>
    fingerprintOf(new Request(of.url ?? url, { method: of.method ?? "POST", headers: of.headers }), bytes(of.body ?? "{}"));

  test("is of method, path, query and body", async () => {
    const prints = await Promise.all([{}, { method: "PUT" }, { url: url.replace("alt", "alf") }, { url: url.replace("/m:", "/n:") }, { body: "{ }" }, { body: "" }].map(print));
    expect(new Set(prints).size).toBe(prints.length);
  });

  test("and of nothing else: hosts, headers and fragments may differ from try to try", async () => {
    const same = await Promise.all([{}, { url: url.replace("forge.example", "forge.example.org") }, { headers: { "x-stainless-retry-count": "2" } }, { url: `${url}#here` }].map(print));
    expect(new Set(same).size).toBe(1);
  });
});
