/** What is measured: the upstream itself, the bare Worker, and Forge with everything on. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocal } from "../scripts/local.ts";
import { startBare } from "./bare.ts";
import { withWorkerd, type Upstream } from "./processes.ts";
import type { Tally } from "./upstream.ts";

/** Something that answers chat completions. `path` is where its requests arrive at the upstream; `pid` is its workerd. */
export type Target = {
  name: string;
  url: string;
  headers: Record<string, string>;
  modelPrefix: string;
  path: string;
  pid: number | undefined;
  /** What its own books say was used, where it keeps any. */
  ledger?: () => Promise<Tally>;
  stop: () => Promise<void>;
};

const chat = "/v1/chat/completions";

/** The upstream with nothing between: shows that stub and load generator are not the bottleneck. */
export function directTarget(upstream: Upstream): Target {
  const path = `/direct${chat}`;
  return { name: "direct", url: upstream.url + path, headers: { authorization: "Bearer direct" }, modelPrefix: "", path, pid: undefined, stop: async () => undefined };
}

/** The bare Worker. */
export async function bareTarget(upstream: Upstream): Promise<Target> {
  const path = `/bare${chat}`;
  const { started, pid } = await withWorkerd(() => startBare(upstream.url + path));
  return { name: "bare Worker", url: started.url + chat, headers: { authorization: "Bearer bare" }, modelPrefix: "", path, pid, stop: started.stop };
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
      OPENAI_BASE_URL: `${upstream.url}/v1`,
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
    return { name: "Forge", url: started.url + chat, headers, modelPrefix: "openai/", path: chat, pid, ledger, stop };
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
