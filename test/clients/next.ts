/** The documents' Next.js routes as printed, built by Next.js (which checks their types) and served by it. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ours, printed, replaced } from "../documents/snippets.ts";
import type { World } from "../documents/world.ts";
import { freePort } from "../live/programs.ts";
import { installed } from "./install.ts";
import { runNode, startNode } from "./program.ts";

const site = join(installed, "site");
const next = join(installed, "node_modules/next/dist/bin/next");
const sessions = { "declare function verifySessionToken(token: string): Promise<boolean>;": 'const verifySessionToken = async (token: string): Promise<boolean> => token === "ours";' };
const layout = 'export default function Layout({ children }: { children: React.ReactNode }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n';

type Check = (name: string, ok: boolean, detail?: string) => void;

export async function playNext(world: World, check: Check): Promise<void> {
  const key = await world.key("rrt-burst-");
  const vars = { NEXT_TELEMETRY_DISABLED: "1", FORGE_API_KEY: key, OPENROUTER_API_KEY: key };
  rmSync(site, { recursive: true, force: true });
  for (const path of ["app/api/chat", "app/api/summary"]) mkdirSync(join(site, path), { recursive: true });
  const files = {
    "package.json": '{"private":true}', "next.config.mjs": `export default ${JSON.stringify({ turbopack: { root: installed }, outputFileTracingRoot: installed })};\n`, "app/layout.tsx": layout,
    "app/api/chat/route.ts": ours(printed("000-135.ts"), world.url, ""), "app/api/summary/route.ts": replaced(ours(printed("004-178.ts"), world.url, ""), sessions),
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(join(site, path), text);
  const built = await runNode([next, "build"], { cwd: site, vars });
  check("next: 000-135.ts and 004-178.ts build, types and all", built.code === 0, built.code === 0 ? "" : `${built.stdout}\n${built.stderr}`.slice(-2_000));
  if (built.code !== 0) return;
  const port = await freePort();
  const served = startNode([next, "start", "-H", "127.0.0.1", "-p", String(port)], { cwd: site, vars });
  const post = (path: string, body: object, headers = {}): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body: JSON.stringify(body), headers });
  try {
    for (let tries = 0; tries < 100 && !(await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)); tries += 1) await sleep(100);
    const streamed = await post("/api/chat", { messages: [{ role: "user", content: "Explain machine learning in 3 paragraphs" }] });
    const chunks = (await streamed.text()).trim().split("\n").map((line) => (JSON.parse(line) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? "");
    check("next: 000-135.ts streams", streamed.headers.get("content-type") === "text/event-stream" && chunks.join("").startsWith("First it learns.\n\n") && chunks.length > 3, `${chunks.length} chunks`);
    const told = await post("/api/summary", { prompt: "What is the capital of France?" }, { authorization: "Bearer ours" });
    check("next: 004-178.ts answers", (await told.text()) === '{"text":"Paris."}');
    check("next: 004-178.ts refuses whom it does not know", (await post("/api/summary", { prompt: "x" })).status === 401);
  } finally {
    served.kill();
    await served.ended;
  }
}
