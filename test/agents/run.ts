/**
 * `npm run test:agents [-- --only TEXT]`: Claude Code and Codex as they are published do a task with their own tools, through the gateway, with
 * models that speak other protocols than they do. The models are scripted; the agents, the gateway and the ledger are real.
 */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { claudeCode, codex, codexOverSocket, installAgents, type Agent, type Outcome } from "./agents.ts";
import { startGateway, upstreams, type Gateway, type Visit } from "./gateway.ts";
import { answers, missingLines, Script } from "./script.ts";
import type { Call, Upstream } from "./upstream.ts";
import { prepared } from "../support/script.ts";
import type { Tokens } from "./wire.ts";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });
const deadlineMs = 10 * 60_000;

/** `model`: what the agent calls it and takes it for. `target`: what the key's organisation has it mean. */
type Scenario = { agent: Agent; speaks: keyof typeof upstreams; model: string; target: string };

const scenarios = ([
  { agent: claudeCode, speaks: "chat", model: "claude-opus-5-5", target: "cerebras/gpt-oss-120b" },
  { agent: claudeCode, speaks: "responses", model: "claude-opus-5-5", target: "openai/gpt-5.5" },
  { agent: claudeCode, speaks: "messages", model: "claude-opus-5-5", target: "anthropic/claude-opus-5-5" },
  { agent: codex, speaks: "messages", model: "claude-sonnet-5", target: "anthropic/claude-sonnet-5" },
  { agent: codex, speaks: "messages", model: "gpt-5.5", target: "anthropic/claude-opus-5-5" },
  { agent: codex, speaks: "messages", model: "gpt-6.1-sol", target: "anthropic/claude-opus-5-5" },
  { agent: codex, speaks: "chat", model: "gpt-oss-120b", target: "cerebras/gpt-oss-120b" },
  { agent: codex, speaks: "chat", model: "gpt-5.5", target: "cerebras/gpt-oss-120b" },
  { agent: codex, speaks: "chat", model: "gpt-6.1-sol", target: "cerebras/gpt-oss-120b" },
  { agent: codex, speaks: "responses", model: "gpt-6.1-sol", target: "openai/gpt-6.1-sol" },
  { agent: codexOverSocket, speaks: "messages", model: "gpt-6.1-sol", target: "anthropic/claude-opus-5-5" },
] satisfies Scenario[]).filter(({ agent: { name }, target }) => `${name} ${target}`.includes(flags.only));

let failures = 0;

function check(name: string, ok: boolean, detail = ""): void {
  if (!ok) failures += 1;
  console.log(`  ${ok ? "ok  " : "FAIL"} ${name}${detail && ` (${detail})`}`);
}

function checkAgent({ code, stdout, stderr }: Outcome, script: Script): void {
  const said = stdout.trim().endsWith(script.sentence);
  check("it ends with 0 and the model's last sentence", code === 0 && said, `exit ${code}`);
  if (code !== 0 || !said) console.log(`${stdout}\n${stderr}`.slice(-3_000));
  check("the file has exactly the content", existsSync(script.path) && readFileSync(script.path, "utf8") === script.content);
}

const sameSet = (some: string[], others: string[]): boolean => some.toSorted().join() === others.toSorted().join();

/** What came back to the model: every result under the id of its call, and its own thoughts. */
function checkConversation({ calls, complaints }: Upstream, script: Script): void {
  const { results, secrets } = calls.at(-1)?.heard ?? { results: new Map<string, string>(), secrets: [] };
  const told = calls.flatMap(({ turn }) => turn.calls);
  check("the model got the results of its calls, by their ids", told.length > 2 && sameSet([...results.keys()], told.map(({ id }) => id)), [...results.keys()].join(", "));
  const unknown = told.filter(({ id, tool }) => !(results.get(id) ?? "").includes(answers[tool.name] ?? ""));
  check("the agent knew the tools that the model called", unknown.length === 0, unknown.map(({ id, tool }) => `${tool.name}: ${results.get(id)}`).join("; "));
  const missing = missingLines(script, results.get(script.ids.print) ?? "");
  check("the results say what is in the file", missing.length === 0, missing.join(" | "));
  const used = told.map(({ tool }) => tool.name);
  check("the model could answer all that it was asked", complaints.length === 0, complaints.join("; ") || `${calls.length} calls, used ${used.join(", ")}`);
  const thoughts = calls.slice(0, -1).filter(({ thinks }) => thinks).map(({ turn }) => turn.secret);
  check("its thoughts came back to it as they were", sameSet(secrets, thoughts), `${secrets.length} of ${thoughts.length}`);
}

const same = (entry: LedgerEntry, tokens: Tokens): boolean => (Object.keys(tokens) as (keyof Tokens)[]).every((key) => entry.usage[key] === tokens[key]);

function checkLedger(entries: LedgerEntry[], calls: Call[]): void {
  check("one ledger entry for each call", entries.length === calls.length && calls.length >= 3, `${entries.length} of ${calls.length}`);
  const wrong = calls.filter(({ id, tokens }) => {
    const entry = entries.find(({ upstreamRequestId }) => upstreamRequestId === id);
    return !entry || !same(entry, tokens) || entry.end !== "complete" || entry.estimated || entry.costSource !== "price";
  });
  const sum = (key: "inputTokens" | "outputTokens"): number => calls.reduce((total, { tokens }) => total + tokens[key], 0);
  check("each says what the model said, and has a price", wrong.length === 0, wrong.map(({ id }) => id).join(", ") || `${sum("inputTokens")} + ${sum("outputTokens")} tokens`);
}

/** What the gateway answered; which of the agent's requests are none to the model is only told. */
function checkVisits(visits: Visit[], { asks, sockets }: Agent, log: string[]): void {
  const asked = visits.filter(({ path }) => path.split("?")[0] === asks);
  const due = sockets ? 101 : 200;
  const bad = asked.filter(({ status }) => status !== due);
  check(`the gateway answered ${due} and logged nothing`, asked.length > 0 && bad.length === 0 && log.length === 0, [...bad.map(({ status }) => status), ...log].join(", ") || `${asked.length} requests`);
  for (const { method, path, status } of visits.filter((visit) => !asked.includes(visit))) console.log(`  note beside the task: ${method} ${path} ${status}`);
  const losses = new Set(asked.flatMap((visit) => visit.losses));
  console.log(`  note X-Forge-Losses: ${[...losses].join(", ") || "none"}`);
}

async function play({ agent, speaks, model, target }: Scenario, gateway: Gateway): Promise<void> {
  console.log(`\n${agent.name} asks for ${model}, which is ${target} and speaks ${speaks}`);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "forge-agent-work-")));
  try {
    const upstream = upstreams[speaks];
    const script = new Script(join(folder, "note.txt"), upstream.wire.idPrefix);
    const key = await gateway.keyFor(model, target);
    upstream.play(script);
    gateway.visits.length = gateway.log.length = 0;
    const started = Date.now();
    const outcome = await agent.run({ url: gateway.url, secret: key.secret, model, prompt: script.prompt, folder });
    console.log(`  note it took ${((Date.now() - started) / 1_000).toFixed(1)} s`);
    checkAgent(outcome, script);
    checkConversation(upstream, script);
    checkVisits(gateway.visits, agent, gateway.log);
    const { entries, totals } = await gateway.ledger(key, upstream.calls.length);
    checkLedger(entries, upstream.calls);
    check("the dashboard counts each request once", totals.requests === upstream.calls.length && totals.errors === 0, `${totals.requests} requests, ${totals.errors} errors`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { done } = prepared(installAgents, deadlineMs);
const gateway = await startGateway();
try {
  for (const scenario of scenarios) await play(scenario, gateway);
} finally {
  await gateway.stop();
  done();
}
console.log(`\n${scenarios.length} tasks, ${failures} checks failed`);
process.exitCode = failures > 0 ? 1 : 0;
