/** Which request meets which fault at the first deployment. The same seed gives the same faults. */

/**
 * `500`, `429` (with Retry-After), `malformed`: what comes is no JSON, `cut`: the connection breaks before a word was said, `slow`: the
 * first byte comes too late, `error`: an error in the answer's place, under status 200, `opened`: a stream that breaks behind its first
 * event, which names the role and says no word. `midway`: one that breaks behind its first words. What has been passed on cannot be taken
 * back, so a client may see these two; they are counted apart, and must end with the error of its protocol.
 */
export type FaultKind = "500" | "429" | "malformed" | "cut" | "slow" | "error" | "opened" | "midway";
/** `variant`: each kind comes in several. */
export type Fault = { readonly kind: FaultKind; readonly variant: number };

export const faultShare = 0.3;
const ofWholes: readonly FaultKind[] = ["500", "429", "malformed", "cut", "slow", "error"];
const ofStreams: readonly FaultKind[] = [...ofWholes, "opened", "midway"];

export type Client = "openai" | "anthropic";
export type Second = "openai-chat" | "anthropic-messages";

/** One request: who asks, how, and what it meets. */
export type Trial = { readonly n: number; readonly tag: string; readonly client: Client; readonly stream: boolean; readonly second: Second; readonly usageAsked: boolean; readonly fault: Fault | undefined };

/** Numbers between 0 and 1 that a seed decides (mulberry32). */
export function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many streams, and one whole answer for each four of them. */
export function trialsOf(streams: number, seed: number): Trial[] {
  const chance = chances(seed);
  const count = streams + Math.ceil(streams / 4);
  return Array.from({ length: count }, (_, n) => {
    const stream = n % 5 !== 4;
    const kinds = stream ? ofStreams : ofWholes;
    const fault = chance() < faultShare ? { kind: kinds[Math.floor(chance() * kinds.length)]!, variant: Math.floor(chance() * 12) } : undefined;
    return { n, tag: `failover-${n}`, client: chance() < 0.5 ? "openai" : "anthropic", stream, second: chance() < 0.5 ? "openai-chat" : "anthropic-messages", usageAsked: chance() < 0.5, fault };
  });
}

/** Another deployment answers instead of one with this fault. Of a stream that has opened none has to. A slow answer that comes whole is only slow: nothing tells it from one that thinks. */
export const failsOver = (fault: Fault | undefined, stream: boolean): boolean => fault !== undefined && fault.kind !== "midway" && fault.kind !== "opened" && (stream || fault.kind !== "slow");
