/** OpenClaw, with Forge as a provider in its own configuration: an agent's turn with a tool of its own, by each of the protocols it can be told to speak. */
import type { ChatCompletionRequest } from "@copilotkit/aimock";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { World } from "../documents/world.ts";
import { installed } from "./install.ts";
import { runNode } from "./program.ts";

/** `base`: where this adapter of OpenClaw's wants its provider. */
const adapters = [
  { api: "openai-completions", base: "/v1", model: "auto" },
  { api: "openai-responses", base: "/v1", model: "gpt-5" },
  { api: "anthropic-messages", base: "", model: "claude-sonnet-4-6" },
];

type Check = (name: string, ok: boolean, detail?: string) => void;

/** https://docs.openclaw.ai/gateway/config-tools/custom-providers */
const configuration = (url: string, { api, base, model }: (typeof adapters)[number]): object => {
  const models = [{ id: model, name: "Forge", reasoning: false, input: ["text"], cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 }, contextWindow: 128_000, maxTokens: 8_192 }];
  return { models: { mode: "replace", providers: { forge: { baseUrl: url + base, apiKey: "${FORGE_API_KEY}", api, models } } } };
};

const toolResult = ({ messages }: ChatCompletionRequest): string | undefined => {
  const last = messages.findLast(({ role }) => role === "tool");
  return last && JSON.stringify(last.content);
};
const isAsked = (request: ChatCompletionRequest): boolean => JSON.stringify(request.messages).includes("note.txt");

/** The model reads the file with the agent's own tool, and says what it was told. */
function script(world: World): void {
  for (const mock of [world.vendors, world.own]) {
    mock.prependFixture({ match: { predicate: (request) => isAsked(request) && toolResult(request) === undefined }, response: { toolCalls: [{ id: "call_read", name: "read", arguments: '{"path":"note.txt"}' }] } });
    mock.prependFixture({ match: { predicate: (request) => isAsked(request) && toolResult(request) !== undefined }, response: (request) => ({ content: `It says ${/secret-[0-9a-f]+/.exec(toolResult(request)!)?.[0]}.` }) });
  }
}

export async function playOpenClaw(world: World, check: Check): Promise<void> {
  script(world);
  for (const adapter of adapters) {
    const folder = mkdtempSync(join(tmpdir(), "forge-openclaw-"));
    const [work, config] = [join(folder, "work"), join(folder, "openclaw.json")];
    const secret = `secret-${randomBytes(6).toString("hex")}`;
    try {
      mkdirSync(work);
      writeFileSync(join(work, "note.txt"), secret);
      writeFileSync(config, JSON.stringify(configuration(world.url, adapter)));
      const key = await world.key("rrt-burst-");
      const vars = { HOME: folder, FORGE_API_KEY: key, OPENCLAW_OFFLINE: "1", OPENCLAW_NO_AUTO_UPDATE: "1", DO_NOT_TRACK: "1" };
      const args = ["agent", "exec", "What does note.txt say?", "--config", config, "--model", `forge/${adapter.model}`, "--cwd", work, "--json"];
      const { code, stdout, stderr } = await runNode([join(installed, "node_modules/openclaw/openclaw.mjs"), ...args], { cwd: work, vars });
      const said = code === 0 && (JSON.parse(stdout) as { final: string }).final === `It says ${secret}.`;
      check(`openclaw: ${adapter.api}, ${adapter.model}: the agent reads a file and says what is in it`, said, said ? "" : `${stdout}\n${stderr}`.slice(-2_000));
      const requests = await requestsOf(world.url, key, 2);
      check(`openclaw: ${adapter.api}: each turn is in the ledger once`, requests === 2, `${requests} requests`);
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

/** What the dashboard says once it says `expected`, or at last. */
async function requestsOf(url: string, key: string, expected: number): Promise<number> {
  for (let tries = 0; ; tries += 1) {
    const { totals } = (await (await fetch(`${url}/dashboard/usage`, { headers: { authorization: `Bearer ${key}` } })).json()) as { totals: { requests: number } };
    if (totals.requests === expected || tries === 50) return totals.requests;
    await sleep(100);
  }
}
