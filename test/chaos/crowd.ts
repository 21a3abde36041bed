/** A thousand requests at once over HTTP, and how they were answered. */
import { setTimeout as sleep } from "node:timers/promises";
import { openaiChat } from "../../src/protocols/index.ts";
import { bodyOf, chat, type Key } from "./gateway.ts";
import type { Upstream } from "./upstream.ts";

export const crowd = 1_000;
export const nanoUsdPerToken = 1_000;
/** Most of what a request may use, so that a budget is spent in a few waves. */
export const maxTokens = 1_000;

/** `status` 0: the gateway died over it. */
export type Answer = { status: number; code: string | undefined; limit: string | null; remaining: number; retryAfter: number; shouldRetry: string | null };

export async function answerOf(response: Response): Promise<Answer> {
  const { headers, status } = response;
  const body = (await response.json()) as { error?: { code: string } };
  return {
    status, code: body.error?.code, limit: headers.get("x-ratelimit-limit"), remaining: Number(headers.get("x-ratelimit-remaining") ?? NaN),
    retryAfter: Number(headers.get("retry-after") ?? NaN), shouldRetry: headers.get("x-should-retry"),
  };
}

const died: Answer = { status: 0, code: "died", limit: null, remaining: NaN, retryAfter: NaN, shouldRetry: null };

/** Sends `count` requests at once, each key's in turn; `refused` grows with each answer that is not 200. */
export function send(url: string, keys: readonly Key[], modelOf: (i: number) => string, tagOf: (i: number) => string, count = crowd): { answers: Promise<Answer[]>; refused: () => number } {
  let refused = 0;
  const answers = Array.from({ length: count }, async (_, i) => {
    const answer = await chat(url, keys[i % keys.length]!, { model: modelOf(i), tag: tagOf(i), maxTokens }).then(answerOf).catch(() => died);
    if (answer.status !== 200) refused += 1;
    return answer;
  });
  return { answers: Promise.all(answers), refused: () => refused };
}

/** Sends the crowd to a gated model, and opens the gate when all that can be refused are, or after a while. */
export async function rush(url: string, keys: readonly Key[], upstream: Upstream, tagOf: (i: number) => string, room: number): Promise<{ answers: Answer[]; peak: number }> {
  const { answers, refused } = send(url, keys, () => "gated", tagOf);
  for (const deadline = Date.now() + 15_000; refused() < crowd - room && Date.now() < deadline; ) await sleep(20);
  await sleep(100);
  const { peak } = upstream;
  upstream.open();
  return { answers: await answers, peak };
}

export const counted = (answers: Answer[]): string => {
  const counts = Map.groupBy(answers, ({ status, code }) => (code ? `${status} ${code}` : String(status)));
  return [...counts].map(([word, group]) => `${group.length}×${word}`).toSorted().join(", ");
};

/** How a crowd is answered of which `room` find some. */
export const most = (room: number, word: string): string => [`${room}×200`, `${crowd - room}×${word}`].toSorted().join(", ");

/** What a request reserves, nano-USD. */
export const estimateOf = (model: string, tag: string): number => (openaiChat.parse(bodyOf({ model, tag, maxTokens })).inputTokens + maxTokens) * nanoUsdPerToken;
