/** An idempotent call's object on a stage. */
import { env } from "cloudflare:workers";
import type { Call, Head, Portion } from "../../src/replay/page.ts";
import type { IdempotentCall } from "../../src/replay/index.ts";

/** Far in the future, so that the runtime never runs an alarm by itself. */
export const noon = Date.UTC(2040, 5, 15, 12, 0, 10);

export const head: Head = { status: 200, headers: [["content-type", "text/event-stream"]] };
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (of: Uint8Array): string => new TextDecoder().decode(of);

let made = 0;

/** A name that nobody used yet. */
export function newCall(): { stub: DurableObjectStub<IdempotentCall>; call: Call } {
  const stub = env.IDEMPOTENT_CALL.getByName(`call-${(made += 1)}`);
  return { stub, call: stub as unknown as Call };
}

export const portion = (run: string, from: number, said: string, rest: Partial<Portion> = {}): Portion => ({ run, from, bytes: bytes(said), standing: "running", ...rest });
