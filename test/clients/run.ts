/**
 * `npm run test:clients`: frameworks and agents as they are published, unmodified, on the real Worker: LangChain and Vercel's AI SDK, Atlassian's
 * SDK, Next.js with the documents' routes, and OpenClaw. The providers are scripted; the clients, the gateway and the sockets are real.
 */
import { World } from "../documents/world.ts";
import { prepared } from "../support/script.ts";
import { installClients, installed } from "./install.ts";
import { playNext } from "./next.ts";
import { playOpenClaw } from "./openclaw.ts";
import { runNode } from "./program.ts";

const deadlineMs = 15 * 60_000;
let failures = 0;

function check(name: string, ok: boolean, detail = ""): void {
  if (!ok) failures += 1;
  console.log(`  ${ok ? "ok  " : "FAIL"} ${name}${detail && ` (${detail})`}`);
}

const { done } = prepared(installClients, deadlineMs);
const world = await World.start();
try {
  const vars = { FORGE_URL: world.url, FORGE_KEY: await world.key("rrt-burst-"), FORGE_APP_KEY: await world.key("fa-", { installations: true }) };
  for (const program of ["langchain.mjs", "ai-sdk.mjs", "atlassian.mjs"]) {
    const { code } = await runNode([program], { cwd: installed, vars, shown: true });
    if (code !== 0) failures += code ?? 1;
  }
  await playNext(world, check);
  await playOpenClaw(world, check);
} finally {
  await world.stop();
  done();
}
console.log(failures === 0 ? "\nall passed" : `\n${failures} failed`);
process.exitCode = failures > 0 ? 1 : 0;
