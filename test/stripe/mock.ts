/** stripe-mock, Stripe's own stand-in for its API: it checks every request against the published OpenAPI document and keeps nothing. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const version = "v0.203.0";
const folder = fileURLToPath(new URL(`../../.forge/stripe-mock-${version}`, import.meta.url));
const program = join(folder, "stripe-mock");

/** Builds it with Go unless that was done before. Throws when that fails. */
export function installMock(): void {
  if (existsSync(program)) return;
  console.log(`Installing stripe-mock ${version} …`);
  const { status, error } = spawnSync("go", ["install", `github.com/stripe/stripe-mock@${version}`], { env: { ...process.env, GOBIN: folder }, stdio: ["ignore", "ignore", "inherit"] });
  if (error || status !== 0) throw new Error("stripe-mock cannot be installed: this script needs Go, and the network on its first run.");
}

export type Mock = { origin: string; stop: () => void };

/** Starts it on a free port. */
export async function startMock(): Promise<Mock> {
  const child: ChildProcess = spawn(program, ["-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  process.once("exit", () => child.kill());
  for await (const line of createInterface({ input: child.stdout! })) {
    const address = /HTTP at address: (\S+)/.exec(line)?.[1];
    if (address) return { origin: `http://${address}`, stop: () => void child.kill() };
  }
  throw new Error("stripe-mock ended before it listened.");
}
