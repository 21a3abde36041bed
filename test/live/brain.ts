/**
 * ForgeLab's brain mode on the real model: whatever 135 million parameters plan is answered, as is what a planner of the script's says; tasks
 * that need nothing of each other run side by side on the model. Each is one entry, and never above what was reserved.
 */
import { createServer, type Server } from "node:http";
import { hangUp, listen } from "../support/server.ts";
import type { Entry, Forge, Key } from "./forge.ts";

type Check = (name: string, ok: boolean, detail?: string) => void;
type Step = { step: string; deployment: string; status: number; started_ms: number; ended_ms: number; prompt_tokens: number; completion_tokens: number; cost: number };
type Answer = {
  object: string; model: string; choices: { index: number; message: { role: string; content: string }; finish_reason: string }[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number; cost_flt: number }; trace?: Step[];
};

const aliases = ["auto", "fast", "reasoning"];
const fltPerUsd = 25_000;
/** A model of this size may write on until its window is full. */
export const thinkingMs = 20_000;
/** What the scripted planner is asked as: its price is the catalog's. */
const scripted = "groq/llama-3.1-8b-instant";
const task = (id: string, instruction: string, needs: string[] = []): object => ({ id, kind: "general", instruction, needs });
const bees = "Write one short sentence about bees.";
const ants = "Write one short sentence about ants.";
const plan = JSON.stringify({ split: true, tasks: [task("both", "Name one thing that both have in common.", ["bees", "ants"]), task("bees", bees), task("ants", ants)] });
const garbage = ["Sure! First, the bees.", plan.slice(0, -30), `{"split":true,"tasks":[{"id":"a","needs":["a"]},{"id":"a"}]}`, " \n".repeat(20_000)];

/** Plans and reviews as it is told. Its usage is what it says. */
export class Planner {
  says = plan;
  calls = 0;
  private readonly server: Server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (part: string) => (text += part)).on("end", () => {
      this.calls += 1;
      const content = text.includes("You check results") ? '{"ok":true,"again":[]}' : this.says;
      const usage = { prompt_tokens: Math.ceil(text.length / 4), completion_tokens: 40, total_tokens: Math.ceil(text.length / 4) + 40 };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "c", object: "chat.completion", created: 1, model: "m", choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage }));
    });
  });

  start(): Promise<string> {
    return listen(this.server);
  }

  stop(): void {
    hangUp(this.server);
  }
}

export class Brain {
  private readonly forge: Forge;
  private readonly model: string;
  private readonly planner: Planner;
  private readonly check: Check;

  constructor(forge: Forge, model: string, planner: Planner, check: Check) {
    this.forge = forge;
    this.model = `selfhosted/${model}`;
    this.planner = planner;
    this.check = check;
  }

  async run(): Promise<void> {
    const own = await this.caller("brain", Object.fromEntries(aliases.map((alias) => [alias, this.model])));
    for (const message of ["Write one sentence about bees and one about ants.", "Plan a birthday party: a menu, a list of guests and an invitation.", "Hello!"]) await this.one(`brain, all live: ${message}`, own, message);
    const planned = await this.caller("brain, planned", { auto: this.model, reasoning: this.model, fast: scripted });
    await this.sideBySide(planned);
    for (const [index, says] of garbage.entries()) {
      this.planner.says = says;
      const { trace = [] } = (await this.one(`brain, nonsense ${index + 1}`, planned, "Hello!")) ?? {};
      this.check(`brain, nonsense ${index + 1}: answered directly`, trace.length === 1, trace.map(({ step }) => step).join(", "));
    }
  }

  private async caller(name: string, models: Record<string, string>): Promise<Key> {
    const { id } = await this.forge.organisation(name);
    for (const [alias, model] of Object.entries(models)) await this.forge.alias(id, alias, model);
    return this.forge.key(id, name, { limits: { requestsPerMinute: 600, budgetNanoUsd: 5_000_000_000 } });
  }

  /** One request: its shape, its trace, its bill. */
  private async one(name: string, key: Key, message: string): Promise<Answer | undefined> {
    const response = await this.forge.post(key, "/api/v1/chat/completions", { message, mode: "brain", max_tokens: 48, trace: true });
    const text = await response.text();
    if (response.status !== 200) return void this.check(`${name}: answered`, false, `${response.status} ${text.slice(0, 300)}`);
    const answer = JSON.parse(text) as Answer;
    const { usage, trace, choices: [choice] } = answer;
    console.log(`\n${name}\n  < ${choice?.message.content.replace(/\s+/g, " ").trim().slice(0, 160)}`);
    for (const { step, deployment, status, started_ms, ended_ms, prompt_tokens, completion_tokens } of trace ?? []) console.log(`  ${step}: ${deployment} ${status}, ${started_ms - trace![0]!.started_ms} to ${ended_ms - trace![0]!.started_ms} ms, ${prompt_tokens} + ${completion_tokens} tokens`);
    const [begun, over] = [Math.min(...(trace ?? []).map((step) => step.started_ms)), Math.max(...(trace ?? []).map((step) => step.ended_ms))];
    this.check(`${name}: ForgeLab's shape`, answer.object === "chat.completion" && choice?.index === 0 && choice.message.role === "assistant" && typeof choice.message.content === "string" && typeof choice.finish_reason === "string" && usage.total_tokens === usage.prompt_tokens + usage.completion_tokens, answer.model);
    this.check(`${name}: a trace, as long as it may think`, Array.isArray(trace) && trace[0]?.step === "plan" && over - begun < thinkingMs + 2_000, `${trace?.length} steps before the answer, ${over - begun} ms`);
    const entry = await this.forge.entry(key, response.headers.get("x-request-id") ?? "");
    this.check(`${name}: one bill, and never above what was reserved`, entry !== undefined && this.billed(entry, usage), entry && `${entry.usage.inputTokens} + ${entry.usage.outputTokens} of ${entry.reserved.tokens} tokens, ${entry.costNanoUsd} of ${entry.reserved.nanoUsd} nano-USD, ${usage.cost_flt} FLT`);
    return answer;
  }

  private billed(entry: Entry, told: Answer["usage"]): boolean {
    const { usage, costNanoUsd, reserved, legs = [entry] } = entry;
    const sum = (of: (leg: { usage: Entry["usage"]; costNanoUsd: number }) => number): number => legs.reduce((total, leg) => total + of(leg), 0);
    return usage.inputTokens === told.prompt_tokens && usage.outputTokens === told.completion_tokens && sum((leg) => leg.usage.inputTokens) === usage.inputTokens && sum((leg) => leg.usage.outputTokens) === usage.outputTokens
      && sum((leg) => leg.costNanoUsd) === costNanoUsd && Math.round((costNanoUsd / 1e9) * fltPerUsd * 1e6) / 1e6 === told.cost_flt
      && usage.inputTokens + usage.outputTokens <= reserved.tokens && costNanoUsd <= reserved.nanoUsd;
  }

  private async sideBySide(key: Key): Promise<void> {
    this.planner.says = plan;
    const answer = await this.one("brain, planned", key, "Write about bees and ants.");
    const of = (id: string): Step | undefined => answer?.trace?.find(({ step }) => step === `task: ${id}`);
    const [one, other, both] = [of("bees"), of("ants"), of("both")];
    if (!one || !other || !both) return this.check("brain, planned: three tasks", false, answer?.trace?.map(({ step }) => step).join(", "));
    this.check("brain, planned: tasks on the live model", [one, other, both].every(({ deployment, status, completion_tokens }) => deployment === this.model && status === 200 && completion_tokens > 0));
    const overlapMs = Math.min(one.ended_ms, other.ended_ms) - Math.max(one.started_ms, other.started_ms);
    this.check("brain, planned: two tasks side by side", overlapMs > 0, `${overlapMs} ms of ${one.ended_ms - one.started_ms} and ${other.ended_ms - other.started_ms} ms`);
    this.check("brain, planned: what needs both behind both", both.started_ms >= Math.max(one.ended_ms, other.ended_ms));
    this.check("brain, planned: the planner has its price, the model its machine", answer!.usage.cost_flt > 0 && [one, other, both].every(({ cost }) => cost === 0), `${answer!.usage.cost_flt} FLT`);
  }
}
