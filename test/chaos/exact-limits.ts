/** 1,000 requests at once over HTTP against a key with room for 100. */
import { setTimeout as sleep } from "node:timers/promises";
import { createKey } from "../support/admin.ts";
import { answerOf, counted, crowd, estimateOf, maxTokens, most, nanoUsdPerToken, rush, send } from "./crowd.ts";
import { addPricedModel, chat, usageOnceQuiet, type Key, type Running } from "./gateway.ts";
import type { Upstream } from "./upstream.ts";
import { check } from "./verdicts.ts";

const room = 100;
const plenty = 1_000_000;

const newKey = async (url: string, limits: Record<string, number>): Promise<Key> => createKey(url, { limits: { requestsPerMinute: plenty, ...limits } });

/** Waits until enough of the minute is left for a rush. */
async function minuteWithRoom(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000);
  if (left < 12_000) await sleep(left + 50);
}

export async function exactLimits(gateway: Running, upstream: Upstream): Promise<void> {
  const { url } = gateway;
  for (const model of ["gated", "fast-priced"]) await addPricedModel(gateway, model, nanoUsdPerToken);
  await rate(url, upstream);
  await concurrency(url, upstream);
  await money(url, upstream);
}

async function rate(url: string, upstream: Upstream): Promise<void> {
  const key = await newKey(url, { requestsPerMinute: room });
  await minuteWithRoom();
  const answers = await send(url, [key], () => "fast", (i) => `rate${i}`).answers;
  check("rate", "answers", most(room, "429 rate_limit_exceeded"), counted(answers));
  const refused = answers.filter(({ status }) => status === 429);
  check("rate", "X-RateLimit-Remaining of the admitted", "99…0, each once", distinct(answers.filter(({ status }) => status === 200).map(({ remaining }) => remaining)));
  check("rate", "headers of the refused", refused.length, refused.filter(({ limit, remaining, retryAfter }) => limit === String(room) && remaining === 0 && retryAfter >= 1 && retryAfter <= 60).length);
  check("rate", "requests that reached the provider", room, upstream.sums("rate").requests);
}

const distinct = (numbers: number[]): string =>
  numbers.toSorted((a, b) => a - b).every((n, i) => n === i) ? `${numbers.length - 1}…0, each once` : numbers.toSorted((a, b) => b - a).join(" ");

async function concurrency(url: string, upstream: Upstream): Promise<void> {
  const key = await newKey(url, { concurrentRequests: room });
  const { answers, peak } = await rush(url, [key], upstream, (i) => `concurrent${i}`, room);
  check("concurrency", "answers", most(room, "429 concurrency_limit_exceeded"), counted(answers));
  check("concurrency", "in flight at the provider at most", room, peak);
  check("concurrency", "Retry-After: 1", crowd - room, answers.filter(({ retryAfter }) => retryAfter === 1).length);
  const { requests } = await usageOnceQuiet(url, key, room);
  check("concurrency", "ledger entries", room, requests);
  const again = await chat(url, key, { model: "fast", tag: "concurrent-after" });
  check("concurrency", "a request once they are done", 200, again.status);
}

async function money(url: string, upstream: Upstream): Promise<void> {
  const tagOf = (wave: number) => (i: number) => `money-${String(wave).padStart(2, "0")}-${String(i).padStart(4, "0")}`;
  const estimate = estimateOf("gated", tagOf(0)(0));
  const budgetNanoUsd = room * estimate + estimate - 1;
  const key = await newKey(url, { budgetNanoUsd });
  const { answers } = await rush(url, [key], upstream, tagOf(0), room);
  check("budget", "answers", most(room, "402 insufficient_credits"), counted(answers));
  check("budget", "refused while others hold the money", "come again in 1 s", answers.filter(({ status }) => status === 402).every(({ retryAfter, shouldRetry }) => retryAfter === 1 && shouldRetry === "true") ? "come again in 1 s" : "otherwise");
  // A refusal while others still hold the money is not the end of it.
  for (let wave = 1; wave < 40; wave += 1) {
    await sleep(50);
    const next = await send(url, [key], () => "fast-priced", tagOf(wave), 300).answers;
    if (next.every(({ status, shouldRetry }) => status === 402 && shouldRetry === "false")) break;
  }
  const sums = upstream.sums("money");
  const { requests, costNanoUsd } = await usageOnceQuiet(url, key, sums.requests);
  check("budget", "ledger entries = requests at the provider", sums.requests, requests);
  check("budget", "cost = the provider's tokens × price", (sums.inputTokens + sums.outputTokens) * nanoUsdPerToken, costNanoUsd);
  const least = budgetNanoUsd - estimate + 1;
  check("budget", "spent, to within one request", `${least}…${budgetNanoUsd}`, costNanoUsd, costNanoUsd <= budgetNanoUsd && costNanoUsd >= least);
  const last = await answerOf(await chat(url, key, { model: "fast-priced", tag: tagOf(40)(9999), maxTokens }));
  check("budget", "when it is spent", "402, x-should-retry: false, no Retry-After", `${last.status}, x-should-retry: ${last.shouldRetry}, ${Number.isNaN(last.retryAfter) ? "no " : ""}Retry-After`);
}
