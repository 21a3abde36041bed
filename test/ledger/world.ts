/** The whole path of a request inside the runtime, with upstreams that the test plays: what came of it stands in the key's ledger. */
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import type { RequestContext } from "../../src/pipeline/context.ts";
import { isolateOf, newRequestId, relay } from "../../src/pipeline/index.ts";
import { anthropicMessages, gemini, openaiChat, openaiCompletions, openaiResponses, type Protocol } from "../../src/protocols/index.ts";
import { admin, newKey, type Json, type Key } from "../security/stage.ts";
import { shapes, type Frame } from "./told.ts";

export const hosts = { openai: "api.openai.com", groq: "api.groq.com", anthropic: "api.anthropic.com", gemini: "generativelanguage.googleapis.com" };

/** Models with the price list of Claude Sonnet, at a provider of each protocol that passes through. */
export async function fillWorld(): Promise<void> {
  const rows = Object.keys(hosts).flatMap((provider) => [
    env.DB.prepare("INSERT INTO models VALUES (?, 'test', 'chat', '[\"text\"]', '[\"text\"]', '[\"text\"]', 100000, 1000, 0)").bind(`${provider}-model`),
    env.DB.prepare("INSERT INTO deployments VALUES (?1, 'm', ?1 || '-model')").bind(provider),
    ...Object.entries({ input: 3, cached_input: 0.3, cache_write: 3.75, output: 15 }).map(([of, dollars]) => env.DB.prepare("INSERT INTO prices VALUES (?, 'm', ?, 0, 0, ?, 'test')").bind(provider, of, dollars * 1e6)),
  ]);
  await env.DB.batch(rows);
}

/** A key whose organisation has an account at every provider. */
export async function newCustomer(policy: Json = {}): Promise<Key> {
  const key = await newKey(policy);
  for (const provider of Object.keys(hosts)) await admin("PUT", `/organisations/${key.organisation}/credentials/${provider}`, { secret: `sk-${provider}-of-a-customer` });
  return key;
}

type Speech = { protocol: (stream: boolean) => Protocol; body: (model: string, stream: boolean) => Json };
const said = [{ role: "user", content: "Hi" }];
/** How a client asks in each protocol. */
export const speeches: Readonly<Record<string, Speech>> = {
  "openai-chat": { protocol: () => openaiChat, body: (model, stream) => ({ model, stream, messages: said, ...(stream && { stream_options: { include_usage: true } }) }) },
  "openai-completions": { protocol: () => openaiCompletions, body: (model, stream) => ({ model, stream, prompt: "Hi", ...(stream && { stream_options: { include_usage: true } }) }) },
  "openai-responses": { protocol: () => openaiResponses, body: (model, stream) => ({ model, stream, input: "Hi" }) },
  "anthropic-messages": { protocol: () => anthropicMessages, body: (model, stream) => ({ model, stream, max_tokens: 100, messages: said }) },
  "gemini-generate": { protocol: (stream) => gemini("", stream ? "streamGenerateContent" : "generateContent", true)!, body: () => ({ contents: [{ role: "user", parts: [{ text: "Hi" }] }] }) },
};

export type Asked = { response: Response; request: Request; id: string; leave: () => void };

/** Sends a request through the gateway; its client can leave at any time, also before there is an answer (`given` gets how). */
export async function ask({ secret }: Key, speech: string, model: string, stream: boolean, headers: Record<string, string> = {}, given?: (leave: () => void) => void): Promise<Asked> {
  const controller = new AbortController();
  const leave = (): void => controller.abort();
  given?.(leave);
  const { protocol, body } = speeches[speech]!;
  const spoken = speech === "gemini-generate" ? gemini(model, stream ? "streamGenerateContent" : "generateContent", true)! : protocol(stream);
  const context: RequestContext = {
    request: new Request("https://forge.example/", {
      method: "POST", signal: controller.signal, headers: { authorization: `Bearer ${secret}`, "content-type": "application/json", ...headers }, body: JSON.stringify(body(model, stream)),
    }),
    isolate: isolateOf(env), requestId: newRequestId(), startedAtMs: Date.now(), waitUntil: () => {},
  };
  return { response: await relay(context, spoken), request: context.request, id: context.requestId, leave };
}

/** What the key's ledger has of a request, once it is settled. */
export async function entryIn({ id: keyId }: Key, id: string): Promise<LedgerEntry> {
  return vi.waitFor(async () => {
    const entry = await env.KEY_METER.getByName(keyId).entry(id);
    expect(entry).toBeDefined();
    return entry!;
  }, { timeout: 5_000, interval: 5 });
}

export const countersOf = async ({ id }: Key) => (await env.KEY_METER.getByName(id).inspect()).counters;

export const textOf = ({ event, data }: Frame): string => `${event === undefined ? "" : `event: ${event}\n`}data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
/** The frames of an answer of 1,000 and 40 tokens in a protocol. */
export const framesOf = (protocol: string): string[] => shapes[protocol]!.stream(shapes[protocol]!.usage(1_000, 40)).map(textOf);

const encoder = new TextEncoder();
/**
 * A stream that sends `frames` and then closes, or stays open with a comment now and then. A body made by JavaScript learns that nobody reads
 * it with the next piece, unlike one from the network (test/conformance has those). Says whether it was cancelled.
 */
export function streaming(frames: readonly string[], then: "open" | "close" = "close"): { response: () => Response; cancelled: () => boolean } {
  let cancelled = false;
  const body = (): ReadableStream<Uint8Array> => {
    const left = [...frames];
    return new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const next = left.shift();
        if (next !== undefined) return controller.enqueue(encoder.encode(next));
        if (then === "open" && !cancelled) {
          await scheduler.wait(5);
          return controller.enqueue(encoder.encode(": still here\n\n"));
        }
        controller.close();
        controller.byobRequest?.respond(0);
      },
      cancel() {
        cancelled = true;
      },
    });
  };
  return { response: () => new Response(body(), { headers: { "content-type": "text/event-stream" } }), cancelled: () => cancelled };
}

/** Plays the outside: each call to a provider gets what `play` says. Returns the calls' hosts. */
export function outside(play: (host: string, signal: AbortSignal | undefined, call: number) => Response | Promise<Response>): string[] {
  const calls: string[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input));
    if (url.pathname.endsWith("/models")) return Response.json({ data: [] });
    calls.push(url.host);
    return play(url.host, init?.signal ?? (input instanceof Request ? input.signal : undefined), calls.length);
  });
  return calls;
}
