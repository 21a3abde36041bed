/** The programs of a live run: started with their output in a file, and stopped with all they have started. */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const home = `${root}.forge/live`;
const here = fileURLToPath(new URL(".", import.meta.url));

/** Path of a file beside this one. */
export const beside = (name: string): string => here + name;

/** `kill`: ends it and all it has started at once, as a machine that fails would. */
export type Program = { name: string; log: () => string; stop: () => Promise<void>; kill: () => Promise<void> };

/** A port nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server and returns once its output has `ready` in it. */
export async function startProgram(
  name: string, command: string, args: string[], env: Record<string, string>, ready: string, patienceMs: number,
): Promise<Program> {
  const path = `${home}/${name}.log`;
  mkdirSync(dirname(path), { recursive: true });
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const file = createWriteStream(path);
  await new Promise((resolve) => file.once("open", resolve));
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  const killAtExit = (): void => signalGroup(child, "SIGKILL");
  process.once("exit", killAtExit);
  const program = {
    name,
    log: () => readFileSync(path, "utf8"),
    stop: () => stop(child).finally(() => process.off("exit", killAtExit)),
    kill: () => kill(child).finally(() => process.off("exit", killAtExit)),
  };
  const end = Date.now() + patienceMs;
  for (;;) {
    if (program.log().includes(ready)) return program;
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > end) {
      await program.stop();
      throw new Error(`${name} did not come up (exit ${child.exitCode ?? child.signalCode ?? "none"})\n${program.log().slice(-3_000)}`);
    }
    await sleep(200);
  }
}

/** Ends the program and its children: politely, then not. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  signalGroup(child, "SIGTERM");
  await Promise.race([gone, sleep(10_000)]);
  signalGroup(child, "SIGKILL");
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  signalGroup(child, "SIGKILL");
  await gone;
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // the group has ended by itself
  }
}

/** Runs a command to its end with its output on ours. Throws when it fails. */
export async function run(command: string, args: string[]): Promise<void> {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const code = await new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} failed (${code})`);
}

/** Runs a driver and hands over each line it prints. Throws when it fails. */
export async function eachLine(command: string, args: string[], env: Record<string, string>, onLine: (line: string) => void): Promise<void> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
  const code = new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
  for await (const line of createInterface({ input: child.stdout })) onLine(line);
  if ((await code) !== 0) throw new Error(`${command} ${args.join(" ")} failed (${await code})`);
}
