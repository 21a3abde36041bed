/** A deployment that always fails: how many requests still ask it and for how long, and when it is asked again once it is well. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Arena } from "./arena.ts";
import { Clients } from "./clients.ts";

const everyMs = 20;
const deadForMs = 3_000;
/** What is asked within the first pause (2 s) of the circuit, less what a busy machine delays. */
const firstPauseMs = 1_900;
/** The pause that runs when it becomes well: it failed, then its first probe did. */
const secondPauseMs = 4_000;
const mostMs = 20_000;

/** `triedMs`: when each request that was sent while it was dead asked it, from the first on; `backMs`: from its recovery to its next answer. */
export type Outage = { readonly requests: number; readonly failures: number; readonly triedMs: readonly number[]; readonly untilSkippedMs: number; readonly triedAtFirst: number; readonly probes: number; readonly backMs: number; readonly wrong: readonly string[] };

export async function outage(arena: Arena): Promise<Outage> {
  const clients = new Clients(arena.url, arena.keys[0]!.secret);
  const { first } = arena;
  let n = 9_000_000;
  let failures = 0;
  let requests = 0;
  const open = new Set<Promise<void>>();
  const from = n;
  const ask = (): void => {
    requests += 1;
    const asked = clients.ask("openai", { model: "dead", tag: `failover-${n++}`, stream: n % 2 === 0, usageAsked: false }).then(({ error }) => {
      if (error !== undefined) failures += 1;
    }).finally(() => open.delete(asked));
    open.add(asked);
  };
  const asked = (): { tag: string; atMs: number; failed: boolean }[] => [...first.calls].flatMap(([tag, calls]) => (Number(tag.slice(9)) >= from ? calls.map(({ atMs, fault }) => ({ tag, atMs, failed: fault !== undefined })) : [])).toSorted((a, b) => a.atMs - b.atMs);

  first.down = { kind: "500", variant: 0 };
  const beganMs = performance.now();
  while (performance.now() - beganMs < deadForMs) {
    ask();
    await sleep(everyMs);
  }
  first.down = undefined;
  const wellMs = performance.now();
  const back = (): number | undefined => asked().find(({ failed }) => !failed)?.atMs;
  while (back() === undefined && performance.now() - wellMs < mostMs) {
    ask();
    await sleep(everyMs);
  }
  await Promise.all(open);
  const tried = asked().filter(({ failed }) => failed).map(({ atMs }) => atMs - beganMs);
  const backMs = (back() ?? Infinity) - wellMs;
  const early = tried.filter((ms) => ms < firstPauseMs);
  // Once it has answered it has its place again.
  const again = n;
  for (let i = 0; i < 10; i += 1) await clients.ask("openai", { model: "dead", tag: `failover-${n++}`, stream: false, usageAsked: false });
  const hasPlace = asked().filter(({ tag }) => Number(tag.slice(9)) >= again).length;
  const wrong = [
    ...(failures > 0 ? [`${failures} clients saw the outage`] : []),
    ...((early.at(-1) ?? 0) > 1_000 ? [`still asked after ${Math.round(early.at(-1)!)} ms`] : []),
    ...(tried.length - early.length > 2 ? [`${tried.length - early.length} probes in ${deadForMs} ms`] : []),
    ...(backMs > secondPauseMs + 500 ? [`asked again ${Math.round(backMs)} ms after it was well`] : []),
    ...(hasPlace < 10 ? [`only ${hasPlace} of 10 requests came to it afterwards`] : []),
  ];
  return { requests, failures, triedMs: tried, untilSkippedMs: early.at(-1) ?? 0, triedAtFirst: early.length, probes: tried.length - early.length, backMs, wrong };
}
