/** Forge as its user starts it, and what its owner asks it: keys, ledger entries, totals. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ownVars, readVars } from "../../scripts/vars.ts";
import { freePort, home, root, startProgram, type Program } from "./programs.ts";

export type Entry = {
  id: string;
  model: string;
  deployment: string;
  status: number;
  end: string;
  estimated: boolean;
  usage: { inputTokens: number; outputTokens: number };
  costNanoUsd: number;
  firstByteMs: number | null;
  totalMs: number;
  errorCode: string | null;
  reserved: { tokens: number; nanoUsd: number };
  legs?: { usage: { inputTokens: number; outputTokens: number }; costNanoUsd: number }[];
};
export type Report = { totals: { requests: number; inputTokens: number; outputTokens: number } };
export type Key = { id: string; secret: string };

export class Forge {
  readonly url: string;
  private readonly program: Program;
  private readonly adminSecret: string;
  private readonly state: string;

  private constructor(url: string, program: Program, adminSecret: string, state: string) {
    this.url = url;
    this.program = program;
    this.adminSecret = adminSecret;
    this.state = state;
  }

  /** `npm start` with a state of its own, in front of one self-hosted server. `more`: vars of other providers. */
  static async start(sovereignOrigin: string, more: Record<string, string> = {}): Promise<Forge> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const state = mkdtempSync(`${home}/state-`);
    const secret = (): string => randomBytes(32).toString("hex");
    const env: Record<string, string> = {
      PORT: String(port), FORGE_STATE: state, SOVEREIGN_ORIGIN: sovereignOrigin, ALLOW_PRIVATE_UPSTREAMS: "true",
      ADMIN_SECRET: secret(), KEY_PEPPER: secret(), CREDENTIALS_SECRET: secret(), ...more,
    };
    const { ADMIN_SECRET: adminSecret = "", SOVEREIGN_ORIGIN: origin } = ownVars(env, readVars(`${root}.dev.vars`));
    if (origin !== sovereignOrigin) throw new Error(".dev.vars has a SOVEREIGN_ORIGIN of its own; take it out for this test");
    const program = await startProgram("forge", "npm", ["start"], env, "Forge is ready", 120_000);
    return new Forge(url, program, adminSecret, state);
  }

  async stop(): Promise<void> {
    await this.program.stop();
    rmSync(this.state, { recursive: true, force: true });
  }

  log(): string {
    return this.program.log();
  }

  organisation(name: string): Promise<{ id: string }> {
    return this.admin("/admin/organisations", { name });
  }

  /** Has an organisation's `name` stand for one model. */
  alias(organisation: string, name: string, model: string): Promise<unknown> {
    return this.admin(`/admin/aliases/${name}`, { organisation, targets: [model] }, "PUT");
  }

  /** A request as it is, whatever comes of it. */
  post(key: Key, path: string, body: object): Promise<Response> {
    return fetch(this.url + path, { method: "POST", headers: { authorization: `Bearer ${key.secret}`, "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  key(organisation: string, name: string, policy: object): Promise<Key> {
    return this.admin("/admin/keys", { organisation, name, policy });
  }

  /** The ledger's entry of one request; undefined when there is none after a while. */
  async entry(key: Key, id: string, patienceMs = 5_000): Promise<Entry | undefined> {
    for (const end = Date.now() + patienceMs; ; await sleep(100)) {
      const answer = await this.get(key, `/dashboard/requests/${id}`);
      if (answer.ok) return (await answer.json()) as Entry;
      if (answer.status !== 404) throw new Error(`GET /dashboard/requests/${id}: ${answer.status} ${await answer.text()}`);
      await answer.body?.cancel();
      if (Date.now() > end) return undefined;
    }
  }

  /** Usage as the dashboard tells it. Asks again until it counts `requests`, since totals are rolled up in the background. */
  async usage(key: Key, requests: number, patienceMs = 20_000): Promise<Report> {
    for (const end = Date.now() + patienceMs; ; await sleep(250)) {
      const answer = await this.get(key, "/dashboard/usage");
      if (!answer.ok) throw new Error(`GET /dashboard/usage: ${answer.status} ${await answer.text()}`);
      const report = (await answer.json()) as Report;
      if (report.totals.requests >= requests || Date.now() > end) return report;
    }
  }

  private get(key: Key, path: string): Promise<Response> {
    return fetch(this.url + path, { headers: { authorization: `Bearer ${key.secret}`, accept: "application/json" } });
  }

  private async admin<T>(path: string, body: object, method: "POST" | "PUT" = "POST"): Promise<T> {
    const headers = { authorization: `Bearer ${this.adminSecret}`, "content-type": "application/json" };
    const answer = await fetch(this.url + path, { method, headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
}
