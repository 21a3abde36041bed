/** A client's program: run in an environment of its own, ended with all that it has started. */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export type Ended = { code: number | null; stdout: string; stderr: string };
export type Running = { ended: Promise<Ended>; kill: () => void };

const patienceMs = 180_000;

/** Starts Node with `args`. `vars`: all of its environment beside the path. `shown`: its output is ours. */
export function startNode(args: string[], { vars, cwd, shown = false }: { vars: Record<string, string>; cwd: string; shown?: boolean }): Running {
  const child = spawn(process.execPath, args, { cwd, detached: true, env: { PATH: process.env.PATH, LANG: "C.UTF-8", ...vars }, stdio: ["ignore", shown ? "inherit" : "pipe", shown ? "inherit" : "pipe"] });
  const kill = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // all have ended by themselves
    }
  };
  const late = setTimeout(kill, patienceMs);
  process.once("exit", kill);
  const code = new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
  const ended = Promise.all([code.finally(kill), child.stdout ? text(child.stdout) : "", child.stderr ? text(child.stderr) : ""]).then(([how, stdout, stderr]) => ({ code: how, stdout, stderr }));
  return { ended: ended.finally(() => (clearTimeout(late), process.off("exit", kill))), kill };
}

export const runNode = (...how: Parameters<typeof startNode>): Promise<Ended> => startNode(...how).ended;
