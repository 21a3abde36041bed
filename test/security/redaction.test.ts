import { afterEach, describe, expect, test, vi } from "vitest";
import { mintSecret } from "../../src/accounts/api-key.ts";
import { cutOut, log, redact } from "../../src/telemetry/log.ts";

afterEach(() => void vi.restoreAllMocks());

const secrets: [string, string][] = [
  ...["sk-forge-", "rrt-burst-", "fl_sk_live_", "sk-priyo-", "acme_", "Team42-"].map((prefix): [string, string] => [`our own key with ${prefix}`, mintSecret(prefix)]),
  ["OpenAI", "sk-proj-Ab1_cdEFghIJklMNopQRstUVwx"], ["Anthropic", "sk-ant-api03-aaaaBBBB1111-cc_dd"], ["OpenRouter", "sk-or-v1-0123456789abcdef0123456789abcdef"],
  ["Groq", "gsk_abcdefGHIJKL0123456789"], ["xAI", "xai-abcdef0123456789"], ["Perplexity", "pplx-abcdef0123456789"], ["Cerebras", "csk-abcdef0123456789"],
  ["Fireworks", "fw_abcdef0123456789"], ["Google", "AIzaSyA-1234567890abcdefghij"], ["Mistral", "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6"],
  ["Together", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"], ["Cloudflare", "cfut_abcdef0123456789abcdef"],
];

describe("redact", () => {
  test.each(secrets)("cuts out a key of %s, wherever it stands", (_, secret) => {
    for (const text of [secret, `Bearer ${secret}`, `key=${secret}&x=1`, `{"apiKey":"${secret}"}`, `("${secret}")`, `Error: bad ${secret}.\n    at x`, `https://x/?key=${secret}`]) {
      expect(redact(text)).not.toContain(secret);
      expect(redact(text)).toContain("[redacted]");
    }
  });

  test.each([
    "Authorization: Basic dXNlcjpwYXNz", "authorization: \"hunter2hunter2\"", "x-api-key: short-one-7", "api_key=abcdefg", "password: correcthorse", "client_secret=abcdefgh",
  ])("cuts out what a name gives away: %s", (text) => {
    expect(redact(text)).toMatch(/\[redacted\]$|\[redacted\]"$/);
    expect(redact(text)).not.toMatch(/dXNlc|hunter2|short-one|abcdefg|correcthorse/);
  });

  test.each([
    "req_01a1fc14f0c24f7197e97829141629f6", "key_0123456789abcdefABCDEF01", "org_02rQ9dploM0scEtLF2ZtTWGU", "Something went wrong at readJson (file:///worker.mjs:22903:37)",
    "Network connection lost.", "openai/gpt-4o-mini-2024-07-18", "The skateboarding flabbergasted keyholders", "D1_ERROR: no such table: api_keys: SQLITE_ERROR",
  ])("leaves %s", (text) => expect(redact(text)).toBe(text));

  test("takes linear time", () => {
    for (const text of ["a".repeat(200_000), "sk-".repeat(70_000), "Bearer ".repeat(30_000), "a1".repeat(100_000), "-".repeat(200_000), "secret=".repeat(30_000), `a${"-".repeat(200_000)}`]) {
      const from = performance.now();
      redact(text);
      expect(performance.now() - from).toBeLessThan(1_000);
    }
  });
});

describe("cutOut", () => {
  test("finds a secret as it is and as JSON writes it", () => {
    const secret = 'a/b"c\\d+e=12345';
    for (const text of [`x ${secret} y`, JSON.stringify({ message: secret }), JSON.stringify(secret).replaceAll("/", "\\/"), `${secret}${secret}`]) {
      expect(cutOut(text, secret)).toContain("[redacted]");
      expect(cutOut(text, secret)).not.toMatch(/12345/);
    }
  });

  test("leaves text without it, and is not fooled by a secret that is hardly one", () => {
    expect(cutOut("a plain message", "sk-abcdefgh")).toBe("a plain message");
    expect(cutOut("a plain message", "a")).toBe("a plain message");
    expect(cutOut(null, "sk-abcdefgh")).toBeNull();
    expect(cutOut("x", undefined)).toBe("x");
    expect(cutOut("the $& of it: sk-$&-12345", "sk-$&-12345")).toBe("the $& of it: [redacted]");
  });
});

test("a log line is one line of JSON without a secret", () => {
  const lines: string[] = [];
  vi.spyOn(console, "error").mockImplementation((line: string) => void lines.push(line));
  const secret = mintSecret("sk-forge-");
  log("error", "unexpected", { message: `bad ${secret}\nlevel: "error"\u2028{"forged":true}`, requestId: "req_01a1fc14f0c24f7197e97829141629f6", tries: 3, late: null });
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain("\n");
  expect(lines[0]).not.toContain(secret);
  expect(JSON.parse(lines[0]!)).toMatchObject({ level: "error", event: "unexpected", requestId: "req_01a1fc14f0c24f7197e97829141629f6", tries: 3, late: null });
});
