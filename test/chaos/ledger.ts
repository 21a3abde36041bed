/** After quiet the ledger equals what the provider said it sent, to the token. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { createKey } from "../support/admin.ts";
import { chat, entries, usageOnceQuiet, type Running } from "./gateway.ts";
import type { Upstream } from "./upstream.ts";
import { check } from "./verdicts.ts";

const plenty = { limits: { requestsPerMinute: 1_000_000 } };
const atOnce = 40;

/** Runs `count` jobs, `atOnce` at a time. */
async function crowd(count: number, job: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) await job(next++);
  }));
}

export async function ledger(gateway: Running, upstream: Upstream): Promise<void> {
  await undisturbed(gateway, upstream);
  await impatient(gateway, upstream);
}

/** Clients that read to the end: totals equal the provider's counters. */
async function undisturbed(gateway: Running, upstream: Upstream): Promise<void> {
  const key = await createKey(gateway.url, plenty);
  const count = 1_000;
  await crowd(count, async (i) => {
    const stream = i % 2 === 0;
    const response = await chat(gateway.url, key, { model: i % 5 === 0 ? "paced" : "fast", tag: `calm${i}`, stream });
    await response.text();
  });
  const told = upstream.sums("calm");
  const totals = await usageOnceQuiet(gateway.url, key, count);
  for (const field of ["requests", "inputTokens", "cachedTokens", "outputTokens"] as const) check("ledger", field, told[field], totals[field]);
  check("ledger", "errors", 0, totals.errors);
  check("ledger", "entries equal to what the provider told, one by one", count, exact(await entries(gateway, key), upstream));
}

/** Entries whose figures are those of the request that they name. */
const exact = (found: LedgerEntry[], { sent }: Upstream): number =>
  found.filter(({ upstreamRequestId, usage, estimated }) => {
    const told = sent.get(upstreamRequestId ?? "");
    return told && !estimated && told.inputTokens === usage.inputTokens && told.cachedTokens === usage.cachedTokens && told.outputTokens === usage.outputTokens;
  }).length;

/** Clients that leave at random: each request that reached the provider has one entry, and it says what it knows. */
async function impatient(gateway: Running, upstream: Upstream): Promise<void> {
  const key = await createKey(gateway.url, plenty);
  const count = 600;
  let left = 0;
  await crowd(count, async (i) => {
    const stream = i % 3 !== 0;
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), Math.random() * 90);
    try {
      const response = await chat(gateway.url, key, { model: "paced", tag: `rush${i}`, stream, signal: controller.signal });
      await response.text();
    } catch {
      left += 1;
    } finally {
      clearTimeout(timer);
    }
  });
  await sleep(1_000);
  const reached = upstream.sums("rush").requests;
  const totals = await usageOnceQuiet(gateway.url, key, reached);
  const found = await entries(gateway, key);
  const byTag = Map.groupBy(found, ({ upstreamRequestId }) => upstreamRequestId);
  const unnamed = byTag.get(null)?.length ?? 0;
  const gone = found.filter(({ end }) => end === "client_gone");
  const answeredGone = gone.filter(({ upstreamRequestId }) => upstreamRequestId !== null);
  const finished = found.filter(({ end }) => end === "complete");
  check("clients leave", `entries (${left} of ${count} clients left, ${reached} requests reached the provider)`, reached, found.length, found.length >= reached && found.length <= count);
  check("clients leave", "totals' requests", found.length, totals.requests);
  check("clients leave", "provider's requests named by more than one entry", 0, [...byTag].filter(([tag, group]) => tag !== null && group.length > 1).length);
  check("clients leave", "provider's requests without an entry", 0, Math.max(0, reached - found.length), reached - (byTag.size - (unnamed > 0 ? 1 : 0)) <= unnamed);
  check("clients leave", "ends other than complete and client_gone", 0, found.length - gone.length - finished.length);
  check("clients leave", "complete entries are exact", finished.length, exact(finished, upstream));
  const estimated = answeredGone.filter((entry) => entry.estimated).length;
  check("clients leave", `left in the middle: marked estimated (${estimated}), or exact where usage had come`, answeredGone.length, estimated + exact(answeredGone, upstream));
  check("clients leave", "left before an answer: client_gone, no tokens", unnamed, gone.filter(({ upstreamRequestId, usage }) => upstreamRequestId === null && usage.outputTokens === 0).length);
}
