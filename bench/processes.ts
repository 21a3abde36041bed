/** The benchmark's processes: starting them, finding workerd, pinning to cores, and what the kernel says they used. */
import { execFileSync, fork, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Job, LoadResult } from "./load.ts";
import type { Tally } from "./upstream.ts";

const hasProc = existsSync("/proc/self/stat");
const tickMs = 10;

/** The upstream stub as a process. `url` has no trailing slash and no `/v1`. */
export type Upstream = { url: string; pid: number; stats: () => Promise<Record<string, Tally>>; stop: () => void };

/** The load generator as a process; one job at a time. */
export type Load = { pid: number; run: (job: Job) => Promise<LoadResult>; stop: () => void };

/** Starts bench/upstream.ts on a free port. */
export async function startUpstream(): Promise<Upstream> {
  const child = fork(fileURLToPath(new URL("upstream.ts", import.meta.url)));
  const { port } = await message<{ port: number }>(child);
  const url = `http://127.0.0.1:${port}`;
  const stats = async () => (await fetch(`${url}/__stats`)).json() as Promise<Record<string, Tally>>;
  return { url, pid: child.pid!, stats, stop: () => child.kill() };
}

/** Starts bench/load.ts. */
export function startLoad(): Load {
  const child = fork(fileURLToPath(new URL("load.ts", import.meta.url)));
  const run = (job: Job) => {
    const result = message<LoadResult>(child);
    child.send(job);
    return result;
  };
  return { pid: child.pid!, run, stop: () => child.kill() };
}

/** Runs `start` and says which workerd it brought up; undefined where there is no /proc. */
export async function withWorkerd<T>(start: () => Promise<T>): Promise<{ started: T; pid: number | undefined }> {
  const before = new Set(workerds());
  const started = await start();
  return { started, pid: workerds().find((pid) => !before.has(pid)) };
}

/** CPU time that a process has used, all threads, in microseconds; undefined where the kernel does not say. */
export function cpuMicros(pid: number | undefined): number | undefined {
  if (!hasProc || pid === undefined) return undefined;
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    return tasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]), 0) / 1000;
  } catch {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
    return (Number(fields[11]) + Number(fields[12])) * tickMs * 1000;
  }
}

/** Resident memory of a process in MB; undefined where there is no /proc. */
export function rssMb(pid: number | undefined): number | undefined {
  if (!hasProc || pid === undefined) return undefined;
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return kb ? Number(kb) / 1024 : undefined;
}

/** Puts every thread of each process on one core. Returns false where that is not possible (no `taskset`, one core). */
export function pin(pids: (number | undefined)[], core: number): boolean {
  if (availableParallelism() < 2) return false;
  try {
    for (const pid of pids) if (pid) execFileSync("taskset", ["-apc", String(core), String(pid)], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** workerd processes that this process started. */
function workerds(): number[] {
  if (!hasProc) return [];
  const found: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const [, comm, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8")) ?? [];
      if (comm === "workerd" && Number(parent) === process.pid) found.push(Number(name));
    } catch {
      continue; // it ended while we looked
    }
  }
  return found;
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const failed = (code: number | null) => reject(new Error(`benchmark process ended (${code})`));
    child.once("exit", failed);
    child.once("message", (value) => {
      child.off("exit", failed);
      resolve(value as T);
    });
  });
}
