/** Plays what is printed as its reader would: in a folder of his, with the real curl or Node. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Told = { status: number; headers: Headers; text: string; json: any };

const patienceMs = 60_000;

/** A folder for snippets and the files that they name. */
export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), "forge-desk-"));
  private readonly vars: Record<string, string>;

  /** `vars`: the environment that the documents speak of; nothing else of ours is in it. */
  constructor(vars: Record<string, string>) {
    this.vars = { PATH: process.env.PATH!, HOME: this.folder, LANG: "C.UTF-8", ...vars };
    symlinkSync(fileURLToPath(new URL("../../node_modules", import.meta.url)), join(this.folder, "node_modules"));
    this.write("package.json", '{"type":"module"}');
    // As curl's user has set it, so that the command stays as printed.
    this.write(".curlrc", `silent\nshow-error\ndump-header = "${join(this.folder, "head")}"\n`);
  }

  clear(): void {
    rmSync(this.folder, { recursive: true });
  }

  write(name: string, content: string | Buffer): void {
    writeFileSync(join(this.folder, name), content);
  }

  read(name: string): Buffer {
    return readFileSync(join(this.folder, name));
  }

  /** A shell runs `command`, which is one call of curl. */
  async curl(command: string): Promise<Told> {
    const text = await this.run("bash", ["-c", command]);
    const [first, ...lines] = this.read("head").toString().trim().split("\r\n");
    const headers = new Headers(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
    return { status: Number(first!.split(" ")[1]), headers, text, get json() { return JSON.parse(text) as unknown; } };
  }

  /** Node runs `source`, TypeScript as it is. Returns what it writes. */
  async node(source: string): Promise<string> {
    this.write("main.ts", source);
    return this.run(process.execPath, ["--env-file-if-exists=.env", "main.ts"]);
  }

  private run(command: string, args: string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(command, args, { cwd: this.folder, env: this.vars, timeout: patienceMs }, (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stdout}\n${stderr}`)) : resolve(stdout)));
    });
  }
}

/** Where an answer has not what the example has: fields, and their kinds. Elements of lists are told apart by their `id`, else the first counts. */
export function missing(answer: any, example: unknown, at = "answer"): string[] {
  if (Array.isArray(example)) {
    if (!Array.isArray(answer) || (example.length > 0 && answer.length === 0)) return [`${at}: no list`];
    return example.flatMap((one: any, i) => missing(answer.find((other: any) => one?.id !== undefined && other?.id === one.id) ?? answer[0], one, `${at}[${i}]`));
  }
  if (typeof example !== "object" || example === null) return typeof answer === typeof example ? [] : [`${at}: ${JSON.stringify(answer)}, not as ${JSON.stringify(example)}`];
  return Object.entries(example).flatMap(([name, value]) => missing(answer?.[name], value, `${at}.${name}`));
}
