/**
 * What a Worker pays for each thing that Forge does to a whole answer beside keys, limits and ledger: translators of one pair of
 * protocols, each doing one thing more than the one before it. For `--parts`.
 */
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { startWorker } from "./bare.ts";
import { withWorkerd, type Upstream } from "./processes.ts";
import { bodyOf } from "./scenarios.ts";
import type { Target } from "./targets.ts";

type Parts = { name: string; strict?: true; ends?: true; routed?: true; metered?: true };

/** The least that tells a Messages answer to a chat client, then what nobody who serves strangers can do without. */
const ladder: readonly Parts[] = [
  { name: "reads and rewrites both bodies" },
  { name: "+ bodies bounded, strict UTF-8", strict: true },
  { name: "+ a deadline, and the client's leaving", strict: true, ends: true },
  { name: "+ Hono", strict: true, ends: true, routed: true },
  { name: "+ one row reserved on disk before the call, one settled after it", strict: true, ends: true, routed: true, metered: true },
];

/**
 * The least meter: no key, no policy, no price, no allotment; a reserve and a settle that outlive the process. What is asked while a call
 * is under way goes in the next one, which is the cheapest way there is to write for many requests.
 */
const meter = `
  import { DurableObject } from "cloudflare:workers";
  export class Meter extends DurableObject {
    constructor(ctx, env) {
      super(ctx, env);
      ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS hold (id TEXT PRIMARY KEY, amount INTEGER NOT NULL, settled INTEGER) WITHOUT ROWID");
    }
    apply(operations) {
      for (const { id, amount, settles } of operations) {
        if (settles) this.ctx.storage.sql.exec("UPDATE hold SET amount = ?, settled = 1 WHERE id = ? AND settled IS NULL", amount, id);
        else this.ctx.storage.sql.exec("INSERT OR IGNORE INTO hold (id, amount) VALUES (?, ?)", id, amount);
      }
    }
  }
  let waiting = [], calling = false;
  async function metered(env, operation) {
    const mine = { operation, answered: false, ...Promise.withResolvers() };
    waiting.push(mine);
    if (calling) await mine.promise;
    if (mine.answered) return;
    const group = waiting;
    waiting = [];
    calling = true;
    await env.METER.getByName("key").apply(group.map(({ operation }) => operation));
    calling = false;
    for (const one of group) { one.answered = true; one.resolve(); }
    waiting[0]?.resolve();
  }`;

const source = ({ strict, ends, routed, metered }: Parts): string => `
  ${routed ? 'import { Hono } from "hono";' : ""}
  ${metered ? meter : ""}
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  async function bounded(body) {
    const reader = body.getReader({ mode: "byob" });
    const pieces = [];
    for (;;) {
      const { value, done } = await reader.readAtLeast(16384, new Uint8Array(16384));
      if (value) pieces.push(value);
      if (done || value.byteLength < 16384) return pieces.length === 1 ? pieces[0] : new Uint8Array(await new Blob(pieces).arrayBuffer());
    }
  }
  async function handle(request, env, ctx) {
    let settled;
    ${ends ? "ctx.waitUntil(new Promise((resolve) => (settled = resolve)));" : ""}
    const asked = ${strict ? "JSON.parse(utf8.decode(await request.arrayBuffer()))" : "await request.json()"};
    ${ends ? `const controller = new AbortController();
    const leave = () => controller.abort();
    const timer = setTimeout(leave, 60000);
    request.signal.addEventListener("abort", leave, { once: true });` : ""}
    const { model, messages, max_tokens, temperature } = asked;
    const system = messages.filter(({ role }) => role === "system").map(({ content }) => content).join("\\n\\n");
    ${metered ? `const held = crypto.randomUUID();
    await metered(env, { id: held, amount: 1000 });` : ""}
    const answer = await fetch(env.UPSTREAM + "/v1/messages", {
      method: "POST", headers: { "content-type": "application/json", "x-api-key": "sk-upstream", "anthropic-version": "2023-06-01" },
      body: JSON.stringify({ model, max_tokens, temperature, system, messages: messages.filter(({ role }) => role !== "system") }),
      ${ends ? "signal: controller.signal," : ""}
    });
    const { id, model: told, content, stop_reason, usage } = ${strict ? "JSON.parse(utf8.decode(await bounded(answer.body)))" : "await answer.json()"};
    ${ends ? 'clearTimeout(timer); request.signal.removeEventListener("abort", leave); settled();' : ""}
    ${metered ? "ctx.waitUntil(metered(env, { id: held, amount: usage.output_tokens, settles: true }));" : ""}
    return new Response(JSON.stringify({
      id, object: "chat.completion", created: Math.floor(Date.now() / 1000), model: told,
      choices: [{ index: 0, message: { role: "assistant", content: content.map(({ text }) => text).join("") }, finish_reason: stop_reason === "end_turn" ? "stop" : "length" }],
      usage: { prompt_tokens: usage.input_tokens, completion_tokens: usage.output_tokens, total_tokens: usage.input_tokens + usage.output_tokens },
    }), { headers: { "content-type": "application/json" } });
  }
  ${routed ? 'const app = new Hono(); app.post("/v1/chat/completions", (c) => handle(c.req.raw, c.env, c.executionCtx)); export default app;' : "export default { fetch: handle };"}`;

async function startPart(upstream: Upstream, parts: Parts): Promise<Target> {
  const bundle = await build({ stdin: { contents: source(parts), resolveDir: fileURLToPath(new URL("..", import.meta.url)) }, bundle: true, write: false, format: "esm", external: ["cloudflare:workers"] });
  const { started, pid } = await withWorkerd(() => startWorker({ script: bundle.outputFiles[0]!.text, bindings: { UPSTREAM: `${upstream.url}/part` }, ...(parts.metered && { durableObjects: { METER: "Meter" } }) }));
  return {
    name: parts.name, who: "part", pid, stop: started.stop,
    speaks: () => "chat", ask: (scenario) => ({ url: `${started.url}/v1/chat/completions`, headers: {}, body: bodyOf(scenario, "chat", "") }),
  };
}

/** Starts them all. */
export async function partTargets(upstream: Upstream): Promise<Target[]> {
  const targets: Target[] = [];
  for (const parts of ladder) targets.push(await startPart(upstream, parts));
  return targets;
}
