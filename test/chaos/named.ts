/**
 * Requests with an `Idempotency-Key` whose gateway dies by `kill -9`. The promise: whatever a client then asks again under the same
 * name, the provider is called once. An answer that was kept is given again; of any other nobody can tell whether it was charged.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { createKey } from "../support/admin.ts";
import { chat, start, type Ask } from "./gateway.ts";
import type { Upstream } from "./upstream.ts";
import { check } from "./verdicts.ts";

const scenario = "kill -9, named requests";

/** Kills the gateway while some requests are answered, some stream and some wait, and asks for all of them again. */
export async function named(origin: string, upstream: Upstream, stateDir: string): Promise<void> {
  const first = await start(origin, stateDir);
  if (first.pid === undefined) return void (await first.stop());
  const key = await createKey(first.url, { limits: { requestsPerMinute: 1_000_000 } });
  const asks = ["fast", "paced", "gated"].flatMap((model) => Array.from({ length: 20 }, (_, i): Ask => ({
    model, tag: `named-${model}-${i}`, name: `name ${model} ${i}`, stream: i % 2 === 0, maxTokens: model === "paced" ? 5_000 : 20,
  })));
  const told = new Map<string, string>();
  const running = asks.map((ask) => chat(first.url, key, ask).then((answer) => answer.text()).then((text) => void told.set(ask.tag, text), () => {}));
  for (const until = Date.now() + 10_000; upstream.sums("named").requests < asks.length && Date.now() < until; ) await sleep(20);
  await sleep(1_500);
  process.kill(first.pid, "SIGKILL");
  await Promise.all(running);
  await first.stop();
  upstream.open();

  const second = await start(origin, stateDir);
  const again = await Promise.all(asks.map(async (ask) => {
    const answer = await chat(second.url, key, ask);
    return { ask, status: answer.status, text: await answer.text() };
  }));
  const finished = again.filter(({ ask }) => told.has(ask.tag));
  check(scenario, "answered before it died: given again, byte for byte", finished.length, finished.filter(({ ask, text }) => text === told.get(ask.tag)).length);
  check(scenario, "answered before it died: all that answer at once", 20, finished.filter(({ ask }) => ask.model === "fast").length);
  const rest = again.filter(({ ask }) => !told.has(ask.tag));
  check(scenario, "not answered: told that nobody knows", rest.length, rest.filter(({ text }) => text.includes("idempotency_unknown")).length);
  check(scenario, "called at the provider more than once", 0, [...upstream.sent].filter(([tag, { times }]) => tag.startsWith("named") && times > 1).length);
  await second.stop();
}
