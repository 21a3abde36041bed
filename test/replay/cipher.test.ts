import fc from "fast-check";
import { expect, test } from "vitest";
import { Cipher } from "../../src/replay/index.ts";

const secret = "s".repeat(32);

test("what was written in any portions is read from any byte on (property)", async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.nat(100), fc.nat(100), async (bytes, cut, from) => {
    const cipher = new Cipher(secret, "key_1", "req_1");
    const at = Math.min(cut, bytes.length);
    const stored = [...(await cipher.at(0, bytes.subarray(0, at))), ...(await cipher.at(at, bytes.subarray(at)))];
    const start = Math.min(from, bytes.length);
    expect([...(await cipher.at(start, Uint8Array.from(stored.slice(start))))]).toEqual([...bytes.subarray(start)]);
  }), { numRuns: 50 });
});

test("no other run, key or installation reads it, and the same words look different in each", async () => {
  const words = new TextEncoder().encode("the treasure lies under the oak");
  const made = await Promise.all([[secret, "key_1", "req_1"], [secret, "key_1", "req_2"], [secret, "key_2", "req_1"], ["t".repeat(32), "key_1", "req_1"]].map(([master, owner, run]) => new Cipher(master!, owner!, run!).at(0, words)));
  expect(new Set([words, ...made].map((bytes) => [...bytes].join())).size).toBe(5);
});
