/** The gateway as chaos needs it: on a state folder that survives, with a process that can be killed, and its ledger. */
import { setTimeout as sleep } from "node:timers/promises";
import { withWorkerd } from "../../bench/processes.ts";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { createKey } from "../support/admin.ts";
import type { Sums } from "./upstream.ts";

export type Key = { id: string; secret: string };
export type Running = LocalGateway & { /** workerd; undefined where there is no /proc. */ pid: number | undefined };

/** Starts the gateway with the stub as its self-hosted provider. */
export async function start(origin: string, stateDir: string): Promise<Running> {
  const vars = { ...createKey.secrets, ALLOW_PRIVATE_UPSTREAMS: "true", SOVEREIGN_ORIGIN: origin };
  const { started, pid } = await withWorkerd(() => startLocal({ port: 0, stateDir, vars, onLog: () => {} }));
  return { ...started, pid };
}

/** A model of the stub whose every token costs `nanoUsd`. Must be there before the isolate reads its catalog. */
export async function addPricedModel({ mf }: Running, model: string, nanoUsd: number): Promise<void> {
  const db = await mf.getD1Database("DB");
  await db.batch([
    db.prepare(`INSERT OR IGNORE INTO models (id, owner, kind, input_modalities, output_modalities, capabilities, context_tokens, max_output_tokens)
      VALUES (?1, 'chaos', 'chat', '["text"]', '["text"]', '["text"]', 100000, 10000)`).bind(model),
    db.prepare("INSERT OR IGNORE INTO deployments (provider, upstream_id, model_id) VALUES ('selfhosted', ?1, ?1)").bind(model),
    db.prepare(`INSERT OR IGNORE INTO prices (provider, upstream_id, class, pico_usd, source)
      VALUES ('selfhosted', ?1, 'input', ?2, 'chaos'), ('selfhosted', ?1, 'output', ?2, 'chaos')`).bind(model, nanoUsd * 1000),
  ]);
}

/** `name`: the request's Idempotency-Key. */
export type Ask = { model: string; tag: string; stream?: boolean; maxTokens?: number; name?: string; signal?: AbortSignal };

/** The body of one chat request. */
export const bodyOf = ({ model, tag, stream = false, maxTokens = 20 }: Omit<Ask, "name" | "signal">): object =>
  ({ model: `selfhosted/${model}`, max_tokens: maxTokens, stream, messages: [{ role: "user", content: tag }] });

/** Sends one chat request. */
export function chat(url: string, { secret }: Key, { name, signal, ...ask }: Ask): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", ...(name !== undefined && { "idempotency-key": name }) },
    body: JSON.stringify(bodyOf(ask)),
    signal,
  });
}

export type Totals = Sums & { errors: number; costNanoUsd: number };

/** The key's totals of this month, as its owner sees them. Everything settled so far is in D1 afterwards. */
export async function usage(url: string, { secret }: Key): Promise<Totals> {
  const response = await fetch(`${url}/dashboard/usage`, { headers: { authorization: `Bearer ${secret}` } });
  const { totals } = (await response.json()) as { totals: Totals };
  return totals;
}

/** Every ledger entry of a key that is in D1. */
export async function entries({ mf }: Running, { id }: Key): Promise<LedgerEntry[]> {
  const db = await mf.getD1Database("DB");
  const { results } = await db.prepare("SELECT id, at, entry FROM requests WHERE key_id = ?").bind(id).all();
  return (results as { id: string; at: number; entry: string }[]).map(({ entry, ...row }) => ({ ...row, ...(JSON.parse(entry) as Omit<LedgerEntry, "id" | "at">) }));
}

/** Asks for usage until `expected` requests are in, or for `withinMs`: settling runs on behind the answers. */
export async function usageOnceQuiet(url: string, key: Key, expected: number, withinMs = 5_000): Promise<Totals> {
  for (const deadline = Date.now() + withinMs; ; await sleep(100)) {
    const totals = await usage(url, key);
    if (totals.requests >= expected || Date.now() > deadline) return totals;
  }
}
