/** package-lock.json installs on every platform and from whatever registry npm is set to. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

type Lock = { packages: Record<string, { resolved?: string; version?: string }> };

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as Lock;
const folder = mkdtempSync(join(tmpdir(), "forge-lock-"));
afterAll(() => rmSync(folder, { recursive: true }));

function check(edit: (lock: Lock) => void) {
  const path = join(folder, "package-lock.json");
  const copy = structuredClone(lock);
  edit(copy);
  writeFileSync(path, JSON.stringify(copy));
  const { status, stderr } = spawnSync(process.execPath, ["scripts/lockcheck.mjs", path], { encoding: "utf8" });
  return { status, stderr };
}

test("our lock has no problem", () => {
  expect(check(() => undefined)).toEqual({ status: 0, stderr: "" });
});

test("a platform's package that is missing is named", () => {
  const { status, stderr } = check(({ packages }) => delete packages["node_modules/@cloudflare/workerd-darwin-arm64"]);
  expect(status).toBe(1);
  expect(stderr).toContain("@cloudflare/workerd-darwin-arm64@");
});

test("a platform's package of another version is named", () => {
  const { status, stderr } = check(({ packages }) => (packages["node_modules/@cloudflare/workerd-linux-64"]!.version = "1.0.0"));
  expect(status).toBe(1);
  expect(stderr).toContain("@cloudflare/workerd-linux-64 is 1.0.0");
});

test("a package tied to a download address is named, the address is not", () => {
  const { status, stderr } = check(({ packages }) => (packages["node_modules/hono"]!.resolved = "https://npm.internal.example/hono.tgz"));
  expect(status).toBe(1);
  expect(stderr).toContain("node_modules/hono is tied to one download address\n");
  expect(stderr).not.toContain("internal.example");
});
