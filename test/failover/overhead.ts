/** What a second deployment costs while nothing fails: the same request to an alias of one and to an alias of two, in pairs, one at a time. */
import { Agent, request } from "node:http";
import type { Arena } from "./arena.ts";

export type Times = { readonly firstByteMs: number; readonly totalMs: number };
/** Medians over pairs; `addedMs`: the median of the differences. */
export type Added = { readonly what: string; readonly pairs: number; readonly oneMs: number; readonly twoMs: number; readonly addedMs: number };

const warmUp = 100;
const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

export async function overhead(arena: Arena, pairs: number): Promise<Added[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let n = 8_000_000;
  const ask = (model: string, stream: boolean): Promise<Times> => {
    // Not divisible by four: the provider sends its whole answer at once.
    n += n % 4 === 3 ? 2 : 1;
    const body = JSON.stringify({ model, stream, messages: [{ role: "user", content: `failover-${n}` }] });
    return new Promise((resolve, reject) => {
      const beganMs = performance.now();
      let firstByteMs = 0;
      request(`${arena.url}/v1/chat/completions`, { agent, method: "POST", headers: { authorization: `Bearer ${arena.keys[1]!.secret}`, "content-type": "application/json", "content-length": Buffer.byteLength(body) } }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${model}: ${response.statusCode}`));
        response.on("data", () => (firstByteMs ||= performance.now() - beganMs)).on("end", () => resolve({ firstByteMs, totalMs: performance.now() - beganMs }));
      }).on("error", reject).end(body);
    });
  };
  const measured: Added[] = [];
  for (const stream of [false, true]) {
    const [one, two]: [Times[], Times[]] = [[], []];
    for (let i = -warmUp; i < pairs; i += 1) {
      // Each is as often the first of its pair.
      const swapped = i % 2 === 0;
      const before = await ask(swapped ? "two" : "one", stream);
      const after = await ask(swapped ? "one" : "two", stream);
      if (i < 0) continue;
      one.push(swapped ? after : before);
      two.push(swapped ? before : after);
    }
    const added = (what: string, of: keyof Times): void => void measured.push({ what, pairs, oneMs: median(one.map((times) => times[of])), twoMs: median(two.map((times) => times[of])), addedMs: median(two.map((times, i) => times[of] - one[i]![of])) });
    if (stream) added("stream, to its first byte", "firstByteMs");
    added(stream ? "stream, to its end" : "whole answer", "totalMs");
  }
  agent.destroy();
  return measured;
}
