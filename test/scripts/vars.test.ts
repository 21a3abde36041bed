/** What of this machine reaches the Worker, and the secrets it makes up. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkVars, hasProvider, keptSecrets, knownNames, ownSecrets, ownVars, readVars } from "../../scripts/vars.ts";

const folder = mkdtempSync(join(tmpdir(), "forge-vars-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("only names the Worker reads are taken from the environment", () => {
  const environment = { OPENAI_API_KEY: "sk-1", SOVEREIGN_ORIGIN: "http://box", WORKERS_AI_BASE_URL: "https://x.example", CLOUDFLARE_ACCOUNT_ID: "acc",
    AWS_SECRET_ACCESS_KEY: "no", STRIPE_API_KEY: "no", PATH: "/bin", CLOUDFLARE_API_TOKEN: "no", GROQ_API_KEY: "" };
  expect(ownVars(environment, {})).toEqual({ OPENAI_API_KEY: "sk-1", SOVEREIGN_ORIGIN: "http://box", WORKERS_AI_BASE_URL: "https://x.example", CLOUDFLARE_ACCOUNT_ID: "acc" });
});

test(".dev.vars wins over the environment and may hold any name", () => {
  expect(ownVars({ OPENAI_API_KEY: "env" }, { OPENAI_API_KEY: "file", MY_OWN: "1" })).toEqual({ OPENAI_API_KEY: "file", MY_OWN: "1" });
});

test("settings of src/env.ts are known", () => {
  for (const name of ["KEY_PEPPER", "ALLOW_PRIVATE_UPSTREAMS", "STREAM_HEARTBEAT_MS"]) expect(knownNames).toContain(name);
});

test.each([
  [{ GEMINI_API_KEY: "k" }, true],
  [{ OPENAI_BASE_URL: "http://127.0.0.1:1/v1" }, true],
  [{ SOVEREIGN_ORIGIN: "http://127.0.0.1:11434/v1" }, true],
  [{ ALLOW_PRIVATE_UPSTREAMS: "true", CLOUDFLARE_ACCOUNT_ID: "acc", KEY_PREFIX: "x-" }, false],
  [{ OPENAI_API_KEY: "" }, false],
])("%j names a provider: %s", (vars, expected) => {
  expect(hasProvider(vars as Record<string, string>)).toBe(expected);
});

test("secrets are made once, differ, suffice for the Worker, and only their owner can read them", () => {
  const path = join(folder, "secrets.env");
  const made = keptSecrets(path);
  expect(keptSecrets(path)).toEqual(made);
  expect(Object.keys(made).sort()).toEqual([...ownSecrets].sort());
  expect(new Set(Object.values(made)).size).toBe(3);
  expect(() => checkVars(made)).not.toThrow();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a bad environment is named without its value", () => {
  const secrets = keptSecrets(join(folder, "secrets.env"));
  expect(() => checkVars({ ...secrets, ADMIN_SECRET: "short-one" })).toThrow(/^Bad environment\. ADMIN_SECRET(?!.*short-one)/);
});

test("a dotenv file is read as Node reads it, and its absence is no vars", () => {
  writeFileSync(join(folder, ".dev.vars"), "# comment\nA=1\nB=\"two words\" # why\nexport C='$HOME'\n");
  expect(readVars(join(folder, ".dev.vars"))).toEqual({ A: "1", B: "two words", C: "$HOME" });
  expect(readVars(join(folder, "none"))).toEqual({});
});
