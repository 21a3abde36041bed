/**
 * The runtime dies by `kill -9` under load and starts again on the same folder. The promise: what was acknowledged is
 * there. A request may only reach the provider after its reservation was acknowledged, so after each kill
 *
 *   requests at the provider ≤ reservations on disk ≤ requests that clients sent
 *
 * and each id that a client was told (X-Request-ID) is on disk. At the end leases run out and every reservation becomes
 * one ledger entry: exact where the gateway lived to settle it, else its estimate, which covers what the provider told.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createKey } from "../support/admin.ts";
import { expireLeases, readMeter, type Meter } from "./disk.ts";
import { chat, entries, start, usage, type Key, type Running } from "./gateway.ts";
import type { Upstream } from "./upstream.ts";
import { check } from "./verdicts.ts";

const limit = 1_000_000;
const atOnce = 60;
const scenario = "kill -9";

/** What clients did, over all rounds. */
type Clients = { sent: number; told: Set<string> };

/** Kills the gateway `rounds` times. Returns what is left to check once its alarm has run: at most a minute later. */
export async function kills(origin: string, upstream: Upstream, stateDir: string, rounds: number): Promise<() => Promise<void>> {
  const clients: Clients = { sent: 0, told: new Set() };
  let key: Key | undefined;
  let before: Meter | undefined;
  for (let round = 1; round <= rounds; round += 1) {
    const gateway = await start(origin, stateDir);
    if (gateway.pid === undefined) {
      check(scenario, "no /proc here, workerd cannot be found", "skipped", "skipped");
      await gateway.stop();
      return async () => {};
    }
    key ??= await createKey(gateway.url, { limits: { requestsPerMinute: limit } });
    if (before) await rateWindowGoesOn(gateway, key, clients, before, round);
    await loadAndKill(gateway, key, clients);
    before = readMeter(stateDir);
    const reached = upstream.sums("kill").requests;
    const { reserved, open } = before;
    check(scenario, `round ${round}: ≥ ${reached} at the provider, ≤ ${clients.sent} sent (${open} open when it died)`, `${reached}…${clients.sent}`, reserved, reserved >= reached && reserved <= clients.sent);
  }
  expireLeases(stateDir);
  const gateway = await start(origin, stateDir);
  return () => afterExpiry(gateway, key!, upstream, clients, before!);
}

/** The first request after a start gets the number after the last one on disk. */
async function rateWindowGoesOn({ url }: Running, key: Key, clients: Clients, before: Meter, round: number): Promise<void> {
  const minute = Math.floor(Date.now() / 60_000);
  clients.sent += 1;
  const response = await chat(url, key, { model: "fast", tag: `kill-first-${round}` });
  await response.text();
  if (Math.floor(Date.now() / 60_000) !== minute) return;
  clients.told.add(response.headers.get("x-request-id")!);
  check(scenario, `round ${round}: X-RateLimit-Remaining goes on`, limit - before.numberIn(minute) - 1, Number(response.headers.get("x-ratelimit-remaining")));
}

async function loadAndKill(gateway: Running, key: Key, clients: Clients): Promise<void> {
  let alive = true;
  const load = Array.from({ length: atOnce }, async () => {
    while (alive) {
      clients.sent += 1;
      try {
        const response = await chat(gateway.url, key, { model: "paced", tag: `kill-${clients.sent}`, stream: Math.random() < 0.5 });
        clients.told.add(response.headers.get("x-request-id")!);
        await response.text();
      } catch {
        if (alive) await sleep(5);
      }
    }
  });
  await sleep(1_000 + Math.random() * 1_500);
  process.kill(gateway.pid!, "SIGKILL");
  alive = false;
  await Promise.all(load);
  await gateway.stop();
  await sleep(200);
}

/** Nobody calls the gateway: its alarm, which survived the kill, settles and rolls up by itself. */
async function afterExpiry(gateway: Running, key: Key, upstream: Upstream, clients: Clients, left: Meter): Promise<void> {
  let found = await entries(gateway, key);
  for (const deadline = Date.now() + 70_000; found.length < left.reserved && Date.now() < deadline; found = await entries(gateway, key)) await sleep(500);
  check(scenario, "ledger entries after the alarm = reservations on disk", left.reserved, found.length);
  const ids = new Set(found.map(({ id }) => id));
  check(scenario, "ids told to clients that the ledger lacks", 0, [...clients.told].filter((id) => !ids.has(id)).length);
  const expired = found.filter(({ end }) => end === "lease_expired");
  const settled = found.filter(({ end }) => end !== "lease_expired");
  const named = new Set(settled.map(({ upstreamRequestId }) => upstreamRequestId));
  check(scenario, "provider's requests settled twice", 0, settled.length - named.size);
  check(scenario, "settled before the kill: exact", settled.length, settled.filter(({ upstreamRequestId, usage: used, estimated }) => {
    const told = upstream.sent.get(upstreamRequestId ?? "");
    return told && !estimated && told.inputTokens === used.inputTokens && told.outputTokens === used.outputTokens;
  }).length);
  check(scenario, "not settled: charged by estimate, marked", expired.length, expired.filter(({ estimated, costSource }) => estimated && costSource === "estimated").length);
  const unnamed = [...upstream.sent.keys()].filter((tag) => tag.startsWith("kill") && !named.has(tag)).length;
  check(scenario, "provider's requests without an entry of their own ≤ estimates", `≤ ${expired.length}`, unnamed, unnamed <= expired.length);
  const told = upstream.sums("kill");
  const totals = await usage(gateway.url, key);
  check(scenario, "totals = entries", found.length, totals.requests);
  const charged = totals.inputTokens + totals.outputTokens;
  check(scenario, "tokens charged cover the tokens told", `≥ ${told.inputTokens + told.outputTokens}`, charged, charged >= told.inputTokens + told.outputTokens);
  check(scenario, "tokens charged = sum of entries", found.reduce((sum, { usage: used }) => sum + used.inputTokens + used.outputTokens, 0), charged);
  await gateway.stop();
}
