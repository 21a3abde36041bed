/** The gateway on a socket, with three providers of which the first fails, aliases over them, and the ledger afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { admin, createKey } from "../support/admin.ts";
import type { Second } from "./faults.ts";
import { Upstream } from "./upstream.ts";

/** Each has a first deployment of its own: what one circuit sees is not the other's. */
export const lanes = 64;
const keyCount = 4;
/** How long the gateway waits for headers, and then for a first event, while it has another deployment: longer than this machine stands still. */
const waitMs = 2_500;

export const providerOf: Readonly<Record<Second, string>> = { "openai-chat": "groq", "anthropic-messages": "anthropic" };
export type Key = { id: string; secret: string };

export class Arena {
  readonly first = new Upstream("first");
  readonly second = new Upstream("second");
  readonly third = new Upstream("third");
  readonly keys: Key[] = [];
  private gateway!: LocalGateway;
  private organisation!: string;

  static async open(): Promise<Arena> {
    const arena = new Arena();
    const [first, second, third] = await Promise.all([arena.first.start(), arena.second.start(), arena.third.start()]);
    arena.gateway = await startLocal({
      port: 0,
      vars: {
        ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", UPSTREAM_CONNECT_TIMEOUT_MS: String(waitMs), UPSTREAM_FIRST_BYTE_TIMEOUT_MS: String(waitMs),
        TOGETHER_BASE_URL: first, TOGETHER_API_KEY: "key", GROQ_BASE_URL: second, GROQ_API_KEY: "key", ANTHROPIC_BASE_URL: third, ANTHROPIC_API_KEY: "key",
      },
      onLog: () => {},
    });
    await arena.prepare();
    return arena;
  }

  get url(): string {
    return this.gateway.url;
  }

  /** The provider behind a second deployment. */
  behind(second: Second): Upstream {
    return second === "openai-chat" ? this.second : this.third;
  }

  /** An alias of these deployments, in order. */
  async alias(name: string, targets: readonly string[]): Promise<void> {
    await admin(this.url, "PUT", `/aliases/${name}`, { organisation: this.organisation, targets });
  }

  async close(): Promise<void> {
    for (const upstream of [this.first, this.second, this.third]) upstream.stop();
    await this.gateway?.stop();
  }

  /** The ledger's entries by request id, once so many are there, or after a while. */
  async ledger(expected: number, withinMs = 20_000): Promise<Map<string, LedgerEntry>> {
    const db = await this.gateway.mf.getD1Database("DB");
    for (const deadline = Date.now() + withinMs; ; await sleep(250)) {
      // Asking for usage brings to D1 what is settled.
      for (const { secret } of this.keys) await (await fetch(`${this.url}/dashboard/usage`, { headers: { authorization: `Bearer ${secret}` } })).text();
      const { results } = (await db.prepare("SELECT count(*) AS n FROM requests").all()) as { results: { n: number }[] };
      if (results[0]!.n < expected && Date.now() < deadline) continue;
      const rows = (await db.prepare("SELECT id, entry FROM requests").all()).results as { id: string; entry: string }[];
      return new Map(rows.map(({ id, entry }) => [id, JSON.parse(entry) as LedgerEntry]));
    }
  }

  private async prepare(): Promise<void> {
    const { organisation, ...key } = await createKey(this.url, { limits: { requestsPerMinute: 10_000_000 } });
    this.organisation = organisation;
    this.keys.push(key);
    for (let i = 1; i < keyCount; i += 1) this.keys.push(await admin<Key>(this.url, "POST", "/keys", { organisation, name: `client ${i}`, policy: { limits: { requestsPerMinute: 10_000_000 } } }));
    for (let lane = 0; lane < lanes; lane += 1) {
      for (const second of ["openai-chat", "anthropic-messages"] as const) await this.alias(aliasOf(second, lane), [firstOf(second, lane), secondOf(second, lane)]);
    }
    await this.alias("dead", ["together/dead", "groq/alive"]);
    await this.alias("one", ["together/only"]);
    await this.alias("two", ["together/before", "groq/behind"]);
  }
}

export const aliasOf = (second: Second, lane: number): string => `${second}-${lane}`;
/** Its provider speaks chat completions and no other protocol of conversations. */
export const firstOf = (second: Second, lane: number): string => `together/flaky-${second}-${lane}`;
export const secondOf = (second: Second, lane: number): string => `${providerOf[second]}/steady-${lane}`;
