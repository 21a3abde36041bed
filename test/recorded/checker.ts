/** The recordings' own checker as a process: it runs from a copy, and must be ended when it has said its last. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The checker's folder; it needs packages of its own beside it. */
export function checkerFolder(shared: string): string {
  const folder = join(tmpdir(), "forge-recordings", "recordings");
  if (existsSync(join(folder, "node_modules"))) return folder;
  mkdirSync(join(folder, ".."), { recursive: true });
  cpSync(`${shared}recordings`, folder, { recursive: true });
  symlinkSync(`${shared}specs`, join(folder, "..", "specs"));
  spawnSync("npm", ["install", "--prefix", folder], { stdio: "inherit" });
  return folder;
}

/** The last line: clean of all, and those that do not apply. */
const lastLine = /^TOTAL \d+\/(\d+) clean .*, (\d+) n\/a .*\n/m;

/** Until the file holds every line that was promised: the checker's last ones are written after it has told its total. */
async function flushed(file: string, lines: number): Promise<void> {
  for (let tries = 0; tries < 100 && readFileSync(file, "utf8").split("\n").length <= lines; tries += 1) await sleep(50);
}

/** Runs the checker to its last line, for its open connections would keep it alive. false: it did not come so far; what it judged is in `out`. */
export function runChecker(folder: string, args: readonly string[], out: string, stop: AbortSignal): Promise<boolean> {
  const child = spawn(process.execPath, [join(folder, "tools/check.mjs"), ...args, "--out", out], { stdio: ["ignore", "pipe", "ignore"], signal: stop });
  return new Promise((resolve) => {
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      const isOver = lastLine.test(said);
      process.stdout.write(part);
      said += part;
      const [line, judged, beside] = lastLine.exec(said) ?? [];
      if (line && !isOver) void flushed(out, Number(judged) + Number(beside)).then(() => child.kill());
    });
    child.once("error", () => resolve(false));
    child.once("close", () => resolve(lastLine.test(said)));
  });
}
