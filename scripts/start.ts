/** `npm start`: Forge on this machine with an organisation and a key to try it with. Options: --port, --state. */
import { createHash } from "node:crypto";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import { fileURLToPath } from "node:url";
import { startDemoUpstream } from "./demo-upstream.ts";
import { developmentKey, exampleModel } from "./development-key.ts";
import { startLocal } from "./local.ts";
import { checkVars, hasProvider, keptSecrets, ownVars, readVars, type Vars } from "./vars.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const defaultPort = 8787;
/** On its owner's machine anybody may sign up, and e-mails are printed. */
const signUp: Vars = { DASHBOARD_SIGN_UP: "open", DASHBOARD_MAIL: "console" };

/** Ends the process with one line on the console. */
class Refusal extends Error {}

type Options = { port: number; stateDir: string };

/** Port and state folder from `--port` and `--state`, else PORT and FORGE_STATE. */
function options(): Options {
  const { values } = parsed();
  const port = Number(values.port ?? (process.env.PORT || defaultPort));
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Refusal(`The port must be a number from 0 to 65535 (0 = any free one).`);
  return { port, stateDir: resolve(root, values.state ?? (process.env.FORGE_STATE || ".forge")) };
}

function parsed() {
  try {
    return parseArgs({ options: { port: { type: "string" }, state: { type: "string" } } });
  } catch (error) {
    throw new Refusal(`${(error as Error).message.split(". ")[0]}. Known: --port <number>, --state <folder>.`);
  }
}

async function start(): Promise<void> {
  const { port, stateDir } = options();
  const shown = relative(root, stateDir).startsWith("..") ? stateDir : relative(root, stateDir);
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  await refuseTakenPort(port);
  await lockState(stateDir, shown);

  const own = ownVars(process.env, readVars(`${root}.dev.vars`));
  const secrets = keptSecrets(`${stateDir}/secrets.env`);
  const demo = hasProvider(own) ? undefined : await startDemoUpstream();
  const vars = { ...signUp, ...secrets, ...own, ...demo?.vars };
  refuseBadVars(vars);
  const gateway = await startLocal({ port, stateDir: `${stateDir}/storage`, vars });
  stopOnSignal(async () => {
    await gateway.stop();
    await demo?.stop();
  });

  const key = await developmentKey({ url: gateway.url, adminSecret: vars.ADMIN_SECRET!, path: `${stateDir}/development-key` });
  const model = await exampleModel(gateway.url, key, "gpt-4o-mini");
  const adminFile = own.ADMIN_SECRET ? "your own (.dev.vars or environment)" : `ADMIN_SECRET in ${shown}/secrets.env`;
  console.log(greeting({ url: gateway.url, key, model, adminFile, demo: demo !== undefined }));
}

type Greeting = { url: string; key: string; model: string; adminFile: string; demo: boolean };

function greeting({ url, key, model, adminFile, demo }: Greeting): string {
  const bold = (text: string) => styleText("bold", text);
  const body = JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hello from Forge" }] });
  const seconds = (performance.now() / 1000).toFixed(1);
  return [
    "",
    `${bold("Forge is ready")} (${seconds} s)`,
    "",
    `  Dashboard     ${url}/dashboard`,
    `  Guides        ${url}/docs`,
    `  Base URL      ${url}/v1`,
    `  API key       ${key}`,
    `  Admin secret  ${adminFile}`,
    ...(demo
      ? ["", styleText("yellow", "  DEMO: no provider key is set, so answers come from a stand-in on this machine, not from a model."),
         styleText("yellow", "  For real answers copy .dev.vars.example to .dev.vars and put a key in.")]
      : []),
    "",
    `  Python        OpenAI(base_url="${url}/v1", api_key="${key}")`,
    `  Node          new OpenAI({ baseURL: "${url}/v1", apiKey: "${key}" })`,
    "",
    `  curl -N ${url}/v1/chat/completions -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' -d '${body}'`,
    "",
    "Ctrl-C stops it.",
  ].join("\n");
}

function refuseBadVars(vars: Vars): void {
  try {
    checkVars(vars);
  } catch (error) {
    throw new Refusal((error as Error).message);
  }
}

/** Fails early and in one line where the runtime would fail late and in many. */
async function refuseTakenPort(port: number): Promise<void> {
  const probe = createServer();
  const problem = await new Promise<NodeJS.ErrnoException | undefined>((done) => {
    probe.once("error", done).listen(port, "127.0.0.1", () => probe.close(() => done(undefined)));
  });
  if (!problem) return;
  const hint = `Choose another, with a state folder of its own: PORT=${port + 1} FORGE_STATE=.forge/${port + 1} npm start`;
  throw new Refusal(problem.code === "EADDRINUSE" ? `Port ${port} is taken. ${hint}` : `Port ${port} cannot be used (${problem.code}). ${hint}`);
}

/** Two gateways must not write to one set of databases. The lock is a socket, so that it never outlives its process. */
async function lockState(stateDir: string, shown: string): Promise<void> {
  const name = `forge-${createHash("sha256").update(realpathSync(stateDir)).digest("hex").slice(0, 16)}`;
  const path = process.platform === "win32" ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
  const held = await new Promise<boolean>((done) => {
    const socket = connect(path, () => done(true)).once("error", () => done(false));
    socket.once("connect", () => socket.destroy());
  });
  if (held) throw new Refusal(`Another gateway uses the state folder ${shown}. Give this one its own: FORGE_STATE=<folder>`);
  rmSync(path, { force: true });
  createServer().listen(path).unref();
}

/** Stops in order: the runtime's own listeners, which would end the process at once, are taken off. */
function stopOnSignal(stop: () => Promise<void>): void {
  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.removeAllListeners(signal).on(signal, () => {
      if (stopping) process.exit(1);
      stopping = true;
      stop().finally(() => process.exit(0));
    });
  }
}

start().catch((error: unknown) => {
  console.error(error instanceof Refusal ? error.message : error);
  process.exit(1);
});
