import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32, hashSecret, hintOf, looksLikeSecret, mintSecret, secretFromHeaders, secretFromRequest } from "../../src/accounts/api-key.ts";
import { encodeBase62 } from "../../src/accounts/base62.ts";

const prefixes = ["sk-forge-", "rrt-burst-", "fl_sk_live_", "sk-priyo-"];

describe.each(prefixes)("a secret that starts with %s", (prefix) => {
  const secret = mintSecret(prefix);

  test("has 43 random digits and 6 of checksum, all base62", () => {
    expect(secret.slice(0, prefix.length)).toBe(prefix);
    expect(secret.slice(prefix.length)).toMatch(/^[0-9A-Za-z]{49}$/);
    expect(looksLikeSecret(secret)).toBe(true);
  });

  test("shows its prefix and last four characters only", () => {
    expect(hintOf(secret)).toBe(`${prefix}…${secret.slice(-4)}`);
  });

  test("is refused with any one character changed, dropped or added", () => {
    const printable = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
    fc.assert(fc.property(fc.nat(secret.length - 1), fc.oneof(printable, fc.string({ minLength: 1, maxLength: 1, unit: "binary" })), (at, character) => {
      fc.pre(character !== secret[at]);
      expect(looksLikeSecret(secret.slice(0, at) + character + secret.slice(at + 1))).toBe(false);
      expect(looksLikeSecret(secret.slice(0, at) + secret.slice(at + 1))).toBe(false);
      expect(looksLikeSecret(secret.slice(0, at) + character + secret.slice(at))).toBe(false);
    }), { numRuns: 1000 });
  });

  test("is refused with two neighbours swapped", () => {
    for (let i = 0; i + 1 < secret.length; i++) {
      const swapped = secret.slice(0, i) + secret[i + 1] + secret[i] + secret.slice(i + 2);
      expect(looksLikeSecret(swapped)).toBe(swapped === secret);
    }
  });
});

test("garbage of any kind and length is no secret", () => {
  fc.assert(fc.property(fc.string({ maxLength: 300, unit: "binary" }), (text) => {
    expect(looksLikeSecret(text)).toBe(false);
  }));
  expect(looksLikeSecret("sk-forge-".repeat(1_000_000))).toBe(false);
});

test("no two secrets are alike, and small numbers keep their width", () => {
  expect(new Set(Array.from({ length: 1000 }, () => mintSecret("sk-forge-"))).size).toBe(1000);
  expect(encodeBase62(0n, 43)).toBe("0".repeat(43));
  expect(encodeBase62(2n ** 256n - 1n, 43)).toHaveLength(43);
  expect(encodeBase62(61n, 2)).toBe("0z");
});

test("a prefix that could not be told from the rest is not minted", () => {
  for (const prefix of ["", "sk", "sk forge-", "1k-", `${"a".repeat(40)}-`]) expect(() => mintSecret(prefix)).toThrow("prefix");
});

test("CRC-32 is the IEEE one", () => {
  expect(crc32("123456789")).toBe(0xcbf43926);
});

test("hashes are HMAC-SHA-256 and depend on the pepper (RFC 4231, case 2)", async () => {
  expect(await hashSecret("Jefe", "what do ya want for nothing?")).toBe("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  expect(await hashSecret("other", "what do ya want for nothing?")).not.toMatch(/^5bdcc146/);
  expect(await hashSecret("Jefe", "what do ya want for nothing?")).toMatch(/^5bdcc146/);
});

test.each<[string, Record<string, string>, string | undefined]>([
  ["nothing", {}, undefined],
  ["Bearer", { authorization: "Bearer abc" }, "abc"],
  ["the scheme in any case", { authorization: "bEaReR   abc" }, "abc"],
  ["an empty bearer", { authorization: "Bearer " }, undefined],
  ["x-api-key", { "x-api-key": "abc" }, "abc"],
  ["api-key", { "api-key": "abc" }, "abc"],
  ["x-goog-api-key", { "x-goog-api-key": "abc" }, "abc"],
  ["bearer before x-goog-api-key", { authorization: "Bearer one", "x-goog-api-key": "two" }, "one"],
  ["another scheme beside x-api-key", { authorization: "Basic Zm9v", "x-api-key": "abc" }, "abc"],
  ["bearer before x-api-key", { authorization: "Bearer one", "x-api-key": "two" }, "one"],
])("headers with %s", (_, headers, secret) => {
  expect(secretFromHeaders(new Headers(headers))).toBe(secret);
});

test.each<[string, Record<string, string>, string | undefined]>([
  ["/v1beta/models/m:generateContent?key=abc", {}, "abc"],
  ["/v1beta/models?pageSize=7&key=a%62c", {}, "abc"],
  ["/v1beta/models?key=abc", { "x-goog-api-key": "one" }, "one"],
  ["/v1beta/models?key=&other=abc", {}, undefined],
  ["/v1beta/models", {}, undefined],
  ["/v1beta?key=abc", {}, undefined],
  ["/v1/models?key=abc", {}, undefined],
  ["/admin/keys?key=abc&x=/v1beta/", {}, undefined],
  ["/v1beta/../admin/keys?key=abc", {}, undefined],
])("%s with %j", (path, headers, secret) => {
  expect(secretFromRequest(new Request(`https://forge.example${path}`, { headers }))).toBe(secret);
});

test("an endless key in a query is cut", () => {
  expect(secretFromRequest(new Request(`https://forge.example/v1beta/models?key=${"a".repeat(10_000)}`))!.length).toBeLessThan(300);
});

test("an endless header is cut", () => {
  expect(secretFromHeaders(new Headers({ authorization: `Bearer ${"a".repeat(100_000)}` }))!.length).toBeLessThan(300);
  expect(secretFromHeaders(new Headers({ "x-api-key": "a".repeat(100_000) }))!.length).toBeLessThan(300);
});
