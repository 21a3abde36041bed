/**
 * `npm run test:python`: the official Python SDKs of OpenAI, Anthropic and Google read every kind of answer through the gateway, whole
 * and streamed, from scripted providers of four protocols; the seed documents' Python runs as printed, and LangChain and LlamaIndex do what
 * they are for. The providers are scripted; the SDKs, the gateway and the sockets are real.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startLocal } from "../../scripts/local.ts";
import { prepared } from "../support/script.ts";
import { createKey } from "../support/admin.ts";
import { World } from "../documents/world.ts";
import { startResources } from "./resources.ts";
import { playSnippets } from "./snippets.ts";
import { truth } from "./truth.ts";
import { Upstream } from "./upstream.ts";

const deadlineMs = 10 * 60_000;
const beside = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** A virtual environment with exactly the packages of a list, made once. Returns its Python. Throws when it cannot be made. */
function installPython(list: string): string {
  const requirements = beside(list);
  const digest = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 16);
  const venv = join(tmpdir(), `forge-python-${digest}`);
  const python = join(venv, "bin", "python");
  const complete = join(venv, "complete");
  if (existsSync(complete)) return python;
  console.log(`Installing ${readFileSync(requirements, "utf8").trim().replaceAll("\n", ", ")}`);
  for (const [command, ...args] of [["python3", "-m", "venv", "--clear", venv], [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]]) {
    const { status, error } = spawnSync(command!, args, { stdio: "inherit" });
    if (status !== 0) throw new Error(`The SDKs could not be installed: ${command} ${args.join(" ")} failed (${error?.message ?? status})`);
  }
  writeFileSync(complete, "");
  return python;
}

/** Runs the Python side with its output on ours, and nothing of our environment that could lead it elsewhere. Returns its exit code. */
async function drive(python: string, script: string, vars: Record<string, string>): Promise<number> {
  const child = spawn(python, ["-B", beside(script)], { env: { PATH: process.env.PATH, ...vars }, stdio: ["ignore", "inherit", "inherit"] });
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const code = await new Promise<number | null>((resolve, reject) => child.once("exit", resolve).once("error", reject));
  process.off("exit", kill);
  return code ?? 1;
}

// LlamaIndex wants an OpenAI SDK of its own time.
const { made: [python, older], done } = prepared(() => [installPython("requirements.txt"), installPython("requirements-llama-index.txt")] as const, deadlineMs);
const upstream = new Upstream();
const origin = await upstream.start();
const places = Object.entries(truth.upstreams).flatMap(([protocol, { provider }]) => [
  [`${provider.toUpperCase()}_BASE_URL`, `${origin}/${protocol}`], [`${provider.toUpperCase()}_API_KEY`, "sk-scripted"],
]);
const { mock, own: beyond, vars: scripted } = await startResources();
const own = { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true" };
const kept = await startLocal({ port: 0, vars: { ...own, ...scripted } });
const gateway = await startLocal({
  port: 0, vars: { ...createKey.secrets, ...Object.fromEntries(places) as Record<string, string>, ALLOW_PRIVATE_UPSTREAMS: "true", STREAM_HEARTBEAT_MS: "50" },
});
try {
  const [key, resourcesKey] = await Promise.all([gateway, kept].map(({ url }) => createKey(url, { limits: { requestsPerMinute: 100_000 } })));
  process.exitCode = await drive(python, "main.py", {
    FORGE_URL: gateway.url, FORGE_KEY: key!.secret, FORGE_RESOURCES_URL: kept.url, FORGE_RESOURCES_KEY: resourcesKey!.secret, FORGE_TRUTH: JSON.stringify(truth),
  });
} finally {
  await Promise.all([gateway.stop(), kept.stop()]);
  await mock.stop();
  beyond.stop();
  upstream.stop();
}
const world = await World.start();
try {
  const vars = { FORGE_URL: world.url, FORGE_KEY: await world.key("rrt-burst-") };
  const wrong = [await drive(python, "with_langchain.py", vars), await drive(older, "with_llama_index.py", vars), await playSnippets(python, world)];
  if (wrong.some((count) => count > 0)) process.exitCode = 1;
} finally {
  await world.stop();
  done();
}
