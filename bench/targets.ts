/** What is measured: the upstream itself, the bare Worker, Forge with everything on, and Portkey's Worker when asked for. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocal } from "../scripts/local.ts";
import { startBare } from "./bare.ts";
import type { Job } from "./load.ts";
import { portkeyHeaders, startPortkey } from "./portkey.ts";
import { withWorkerd, type Upstream } from "./processes.ts";
import { bodyOf, type Scenario, type Wire } from "./scenarios.ts";
import type { Tally } from "./upstream.ts";

/** Something that is asked. `who` is the first segment of its calls to the upstream; `pid` is its workerd. */
export type Target = {
  name: string;
  who: string;
  /** The protocol in which a scenario is asked here: chat completions, or the upstream's own of what only passes on. */
  speaks: (scenario: Scenario) => Wire;
  ask: (scenario: Scenario) => Pick<Job, "url" | "headers" | "body">;
  pid: number | undefined;
  /** What its own books say was used, where it keeps any. */
  ledger?: () => Promise<Tally>;
  stop: () => Promise<void>;
};

const paths: Record<Wire, string> = { chat: "/v1/chat/completions", messages: "/v1/messages" };
const passesOn = (scenario: Scenario): Wire => scenario.upstream;
const translates = (): Wire => "chat";

function asking(base: string, speaks: Target["speaks"], headers: (scenario: Scenario) => Record<string, string>, prefix: (scenario: Scenario) => string) {
  return {
    speaks,
    ask: (scenario: Scenario) => {
      const wire = speaks(scenario);
      return { url: base + paths[wire], headers: headers(scenario), body: bodyOf(scenario, wire, prefix(scenario)) };
    },
  };
}

/** The upstream with nothing between: shows that stub and load generator are not the bottleneck. */
export function directTarget(upstream: Upstream): Target {
  const asks = asking(`${upstream.url}/direct`, passesOn, () => ({ authorization: "Bearer direct" }), () => "");
  return { name: "direct", who: "direct", ...asks, pid: undefined, stop: async () => undefined };
}

/** The bare Worker. */
export async function bareTarget(upstream: Upstream): Promise<Target> {
  const { started, pid } = await withWorkerd(() => startBare(`${upstream.url}/bare`));
  const asks = asking(started.url, passesOn, () => ({ authorization: "Bearer bare" }), () => "");
  return { name: "bare Worker", who: "bare", ...asks, pid, stop: started.stop };
}

/** Portkey's Worker build from a checkout in `folder`: no key, no limits, no books; it only translates and passes on. */
export async function portkeyTarget(upstream: Upstream, folder: string): Promise<Target> {
  const { started, pid } = await withWorkerd(() => startPortkey(folder));
  const provider = (scenario: Scenario) => (scenario.upstream === "chat" ? "openai" : "anthropic");
  const asks = asking(started.url, translates, (scenario) => portkeyHeaders(provider(scenario), `${upstream.url}/portkey/v1`), () => "");
  return { name: "Portkey's Worker", who: "portkey", ...asks, pid, stop: started.stop };
}

/** Forge from this working folder: a fresh state folder, one organisation, one key whose limits are never reached. */
export async function forgeTarget(upstream: Upstream): Promise<Target> {
  const stateDir = mkdtempSync(join(tmpdir(), "forge-bench-"));
  const adminSecret = "bench-admin-secret-".padEnd(40, "a");
  const { started, pid } = await withWorkerd(() => startLocal({
    port: 0,
    stateDir,
    vars: {
      KEY_PEPPER: "bench-key-pepper-".padEnd(40, "p"),
      ADMIN_SECRET: adminSecret,
      CREDENTIALS_SECRET: "bench-credentials-secret-".padEnd(40, "c"),
      OPENAI_API_KEY: "sk-upstream",
      OPENAI_BASE_URL: `${upstream.url}/forge/v1`,
      ANTHROPIC_API_KEY: "sk-upstream",
      ANTHROPIC_BASE_URL: `${upstream.url}/forge`,
      ALLOW_PRIVATE_UPSTREAMS: "true",
    },
  }));
  const stop = async () => {
    await started.stop();
    rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    const organisation = await create<{ id: string }>(`${started.url}/admin/organisations`, adminSecret, { name: "Bench" });
    const key = await create<{ secret: string }>(`${started.url}/admin/keys`, adminSecret, {
      organisation: organisation.id,
      name: "bench",
      policy: { limits: { requestsPerMinute: 100_000_000, tokensPerMinute: 1_000_000_000_000 }, usageScope: "organisation" },
    });
    const headers = { authorization: `Bearer ${key.secret}` };
    const ledger = () => readLedger(`${started.url}/dashboard/usage`, headers);
    const asks = asking(started.url, translates, () => headers, ({ upstream: wire }) => (wire === "chat" ? "openai/" : "anthropic/"));
    return { name: "Forge", who: "forge", ...asks, pid, ledger, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function create<T>(url: string, secret: string, body: unknown): Promise<T> {
  const response = await fetch(url, { method: "POST", headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`POST ${new URL(url).pathname} answered ${response.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

async function readLedger(url: string, headers: Record<string, string>): Promise<Tally> {
  const response = await fetch(url, { headers: { ...headers, accept: "application/json" } });
  const text = await response.text();
  const totals = response.ok ? (JSON.parse(text) as { totals?: Tally }).totals : undefined;
  if (!totals) throw new Error(`GET /dashboard/usage answered ${response.status} without totals: ${text.slice(0, 300)}`);
  return { requests: totals.requests, inputTokens: totals.inputTokens, outputTokens: totals.outputTokens };
}
