/**
 * 1,000 requests at once over 20 keys of one organisation with money for exactly 10, once as a budget and once as prepaid credits. First
 * undisturbed; then round after round with `kill -9` somewhere in the load, each time with money for 10 more than is spent and held.
 * At the end leases run out, and the account, the ledger and the provider must say the same.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { receiptsIn, verify } from "../../scripts/verify-receipts.ts";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { admin, createKey } from "../support/admin.ts";
import { counted, estimateOf, most, nanoUsdPerToken, rush, send } from "./crowd.ts";
import { expireLeases, readShared } from "./disk.ts";
import { addPricedModel, entries, start, type Key, type Running } from "./gateway.ts";
import type { Upstream } from "./upstream.ts";
import { check } from "./verdicts.ts";

const room = 10;
const keyCount = 20;
const models = ["gated", "fast-priced", "paced"];

/** Where its money comes from; `amount`: how much that is so far. */
type Organisation = { kind: "budget" | "credits"; id: string; keys: Key[]; amount: number };
type Pool = { limit: number; spent: number; held: number; free: number };

const tagOf = (kind: string, round: number) => (i: number) => `shared-${kind}-${String(round).padStart(3, "0")}-${String(i).padStart(4, "0")}`;
/** What one of these requests holds. */
const estimateFor = (kind: string): number => estimateOf(models[0]!, tagOf(kind, 0)(0));

async function open(url: string, kind: Organisation["kind"]): Promise<Organisation> {
  const limits = { requestsPerMinute: 1_000_000 };
  const { organisation, ...first } = await createKey(url, { limits });
  const others = await Promise.all(Array.from({ length: keyCount - 1 }, (_, i) => admin<Key>(url, "POST", "/keys", { organisation, name: `key ${i}`, policy: { limits } })));
  if (kind === "credits") await admin(url, "PATCH", `/organisations/${organisation}/account`, { prepaid: true });
  return { kind, id: organisation, keys: [first, ...others], amount: 0 };
}

/** Sees to it that there is money for exactly so many beside what is `used`. */
async function fund(url: string, organisation: Organisation, used: number): Promise<void> {
  const estimate = estimateFor(organisation.kind);
  const amount = used + room * estimate + estimate - 1;
  if (amount === organisation.amount) return; // it died before anything was used
  const path = `/organisations/${organisation.id}`;
  if (organisation.kind === "budget") await admin(url, "PUT", `${path}/budgets/all`, { window: "total", amount });
  else await admin(url, "POST", `${path}/credits`, { kind: "top_up", nanoUsd: amount - organisation.amount, reason: "chaos" });
  organisation.amount = amount;
}

const poolOf = async (url: string, { id }: Organisation): Promise<Pool> => (await admin<{ pools: Pool[] }>(url, "GET", `/organisations/${id}/account`)).pools[0]!;

/** Kills the gateway `rounds` times. Returns what is left to check once alarms have run: at most a minute later. */
export async function sharedMoney(origin: string, upstream: Upstream, stateDir: string, rounds: number): Promise<() => Promise<void>> {
  const organisations: Organisation[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const gateway = await start(origin, stateDir);
    if (round === 0) {
      for (const model of models) await addPricedModel(gateway, model, nanoUsdPerToken);
      for (const kind of ["budget", "credits"] as const) organisations.push(await open(gateway.url, kind));
      for (const organisation of organisations) {
        await fund(gateway.url, organisation, 0);
        await exactly(gateway, organisation, upstream, 0);
      }
      await gateway.stop();
      if (gateway.pid !== undefined) continue;
      check("kill -9, keys share money", "no /proc here, workerd cannot be found", "skipped", "skipped");
      return async () => {};
    } else {
      await loadAndKill(gateway, organisations[round % 2]!, upstream, round, stateDir);
    }
  }
  expireLeases(stateDir);
  const left = organisations.map(({ id }) => readShared(stateDir, id));
  const gateway = await start(origin, stateDir);
  return async () => {
    for (const [i, organisation] of organisations.entries()) await afterwards(gateway, organisation, upstream, left[i]!.reserved);
    for (const organisation of organisations) {
      await fund(gateway.url, organisation, (await poolOf(gateway.url, organisation)).spent);
      await exactly(gateway, organisation, upstream, rounds + 1);
    }
    await gateway.stop();
  };
}

async function exactly({ url }: Running, { kind, keys }: Organisation, upstream: Upstream, round: number): Promise<void> {
  const { answers } = await rush(url, keys, upstream, tagOf(kind, round), room);
  const scenario = `${keyCount} keys share ${kind}`;
  check(scenario, round === 0 ? "answers" : "answers after all kills", most(room, "402 insufficient_credits"), counted(answers));
  check(scenario, "requests that reached the provider", room, upstream.sums(`shared-${kind}-${String(round).padStart(3, "0")}`).requests);
  await sleep(500);
}

async function loadAndKill(gateway: Running, organisation: Organisation, upstream: Upstream, round: number, stateDir: string): Promise<void> {
  const { kind, keys, id } = organisation;
  const before = readShared(stateDir, id);
  await fund(gateway.url, organisation, before.spent + before.held);
  const { answers } = send(gateway.url, keys, (i) => models[i % models.length]!, tagOf(kind, round));
  const reachedOf = (): number => upstream.sums(tagOf(kind, round)(0).slice(0, -5)).requests;
  const enough = Math.floor(Math.random() * (room + 4));
  for (const deadline = Date.now() + 6_000; reachedOf() < enough && Date.now() < deadline; ) await sleep(2);
  await sleep(Math.random() ** 2 * 400);
  process.kill(gateway.pid!, "SIGKILL");
  await answers;
  await gateway.stop();
  upstream.open();
  await sleep(200);
  const { spent, held, open: left, out } = readShared(stateDir, id);
  const scenario = `kill -9, ${keyCount} keys share ${kind}`;
  check(scenario, `round ${round}: spent and held ≤ handed out ≤ there (${reachedOf()} at the provider, ${left} open when it died)`, `≤ ${organisation.amount}`, `${spent + held} ≤ ${out}`, spent + held <= out && out <= organisation.amount);
}

/** Nobody calls the gateway: alarms, which survived the kills, settle, report and roll up by themselves. */
async function afterwards(gateway: Running, organisation: Organisation, upstream: Upstream, reserved: number): Promise<void> {
  const { kind, keys } = organisation;
  const scenario = `kill -9, ${keyCount} keys share ${kind}`;
  const ledger = async (): Promise<LedgerEntry[]> => (await Promise.all(keys.map((key) => entries(gateway, key)))).flat();
  const cost = (found: LedgerEntry[]): number => found.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
  const sent = [...upstream.sent].filter(([tag]) => tag.startsWith(`shared-${kind}`));
  let [found, pool] = [await ledger(), await poolOf(gateway.url, organisation)];
  for (const deadline = Date.now() + 90_000; Date.now() < deadline && (found.length < reserved || pool.spent !== cost(found)); await sleep(500)) {
    [found, pool] = [await ledger(), await poolOf(gateway.url, organisation)];
  }
  const expired = found.filter(({ end }) => end === "lease_expired");
  const settled = found.filter(({ end }) => end !== "lease_expired");
  const named = new Set(settled.map(({ upstreamRequestId }) => upstreamRequestId));
  const truth = settled.reduce((sum, { upstreamRequestId }) => {
    const told = upstream.sent.get(upstreamRequestId ?? "");
    return sum + (told ? told.inputTokens + told.outputTokens : NaN) * nanoUsdPerToken;
  }, 0);
  check(scenario, "ledger entries = reservations on disk", reserved, found.length);
  check(scenario, "Σ ledger = Σ what the provider told + estimates of those that died", truth + expired.length * estimateFor(kind), cost(found));
  check(scenario, "kills met requests that ran", "> 0", expired.length, expired.length > 0);
  check(scenario, "those that died are marked as estimates", expired.length, expired.filter(({ estimated, costSource }) => estimated && costSource === "estimated").length);
  check(scenario, "provider's requests settled twice", 0, settled.length - named.size);
  const unnamed = sent.filter(([tag]) => !named.has(tag)).length;
  check(scenario, "provider's requests that were not settled ≤ estimates", `≤ ${expired.length}`, unnamed, unnamed <= expired.length);
  check(scenario, "the account's spent = Σ ledger", cost(found), pool.spent);
  check(scenario, "the account's spent + held + free = limit", organisation.amount, pool.spent + pool.held + pool.free);
  const { wrong, gaps, receipts, nanoUsd } = await receiptsOf(gateway, keys);
  check(scenario, "Σ receipts = Σ ledger", cost(found), nanoUsd);
  check(scenario, `${receipts} receipts: wrong signatures, hashes, sums and gaps in the chains`, 0, wrong.length + gaps);
  check(scenario, "nothing is overdrawn", "≥ 0", pool.free, pool.free >= 0);
}

/** Every receipt of these keys, checked as their owner would. */
async function receiptsOf({ url }: Running, keys: readonly Key[]): Promise<{ wrong: string[]; gaps: number; receipts: number; nanoUsd: number }> {
  const found: ReturnType<typeof receiptsIn> = [];
  for (const { secret } of keys) {
    for (let after: string | null = ""; after !== null; ) {
      const page = (await (await fetch(`${url}/v1/receipts?limit=500${after && `&after=${after}`}`, { headers: { authorization: `Bearer ${secret}` } })).json()) as { data: typeof found; next: string | null };
      found.push(...page.data);
      after = page.next;
    }
  }
  const verdict = await verify(found, (await (await fetch(`${url}/.well-known/forge-receipts.json`)).json()) as Parameters<typeof verify>[1]);
  return { ...verdict, nanoUsd: [...verdict.keys.values()].reduce((sum, { nanoUsd }) => sum + nanoUsd, 0) };
}
