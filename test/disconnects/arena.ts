/** The gateway and the upstream that trials are played on, and the ledger afterwards. */
import { setTimeout as sleep } from "node:timers/promises";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { createKey } from "../support/admin.ts";
import { closeMs, complaints, hangUpMs, modelOf, play, type Played } from "./play.ts";
import { Stalls } from "./stalls.ts";
import { policies, type Policy, type Trial } from "./trials.ts";
import { PacedUpstream } from "./upstream.ts";

/** `stallMs`: how long the machine kept the gateway from answering anything around the client's leaving; it is allowed for. */
export type Judged = { played: Played; stallMs: number; entries: readonly LedgerEntry[]; wrong: string[] };

export class Arena {
  readonly upstream = new PacedUpstream();
  stalls!: Stalls;
  private gateway!: LocalGateway;
  private readonly keys = new Map<Policy, { id: string; secret: string }>();

  static async open(vars: Record<string, string> = {}): Promise<Arena> {
    const arena = new Arena();
    const base = await arena.upstream.start();
    const providers = Object.fromEntries(["OPENAI", "ANTHROPIC", "GEMINI", "BEDROCK", "CEREBRAS"].flatMap((name) => [[`${name}_BASE_URL`, base], [`${name}_API_KEY`, "key"]]));
    arena.gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", AWS_REGION: "eu-west-1", ...providers, ...vars }, onLog: () => {} });
    for (const policy of policies) {
      arena.keys.set(policy, await createKey(arena.gateway.url, { limits: { requestsPerMinute: 1_000_000 }, ...(policy !== "absent" && { onDisconnect: policy }) }));
    }
    arena.stalls = new Stalls(arena.gateway.url);
    return arena;
  }

  get url(): string {
    return this.gateway.url;
  }

  secret(policy: Policy): string {
    return this.keys.get(policy)!.secret;
  }

  /** The ledger entries of one trial so far. */
  async entriesOf(trial: Trial): Promise<LedgerEntry[]> {
    return (await this.entries()).get(modelOf(trial)) ?? [];
  }

  async close(): Promise<void> {
    await this.stalls?.stop();
    this.upstream.stop();
    await this.gateway?.stop();
  }

  /** Plays trials, `atOnce` at a time, and judges all of them when the ledger is quiet. */
  async judge(trials: readonly Trial[], atOnce: number): Promise<Judged[]> {
    const left = [...trials];
    const all: Played[] = [];
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (let trial = left.shift(); trial; trial = left.shift()) all.push(await play(trial, this.upstream, this.url, this.secret(trial.policy)));
    }));
    const entries = await this.ledgerOf(trials);
    return all.map((played) => {
      const stallMs = played.leftMs === undefined ? 0 : this.stalls.longest(played.leftMs - hangUpMs, played.leftMs + Math.max(hangUpMs, closeMs(played) ?? 0));
      const own = entries.get(modelOf(played.trial)) ?? [];
      return { played, stallMs, entries: own, wrong: complaints(played, own, stallMs) };
    });
  }

  /** The ledger once every trial stands there, or after a while. */
  private async ledgerOf(trials: readonly Trial[]): Promise<Map<string, LedgerEntry[]>> {
    for (const deadline = Date.now() + 5_000; ; await sleep(100)) {
      const entries = await this.entries();
      if (trials.every((trial) => entries.has(modelOf(trial)) || !this.upstream.calls.has(trial.name)) || Date.now() > deadline) return entries;
    }
  }

  /** All ledger entries by the model that they name: each trial has its own. Asking for usage brings to D1 what is settled. */
  private async entries(): Promise<Map<string, LedgerEntry[]>> {
    for (const { secret } of this.keys.values()) await (await fetch(`${this.url}/dashboard/usage`, { headers: { authorization: `Bearer ${secret}` } })).text();
    const db = await this.gateway.mf.getD1Database("DB");
    const { results } = await db.prepare("SELECT entry FROM requests").all();
    return Map.groupBy((results as { entry: string }[]).map(({ entry }) => JSON.parse(entry) as LedgerEntry), ({ model }) => model);
  }
}
