/** Batches as a test of a provider's own makes them and looks into them. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { isolateOf } from "../../src/pipeline/index.ts";
import { call, outside, type Json, type Key, type Left } from "../security/stage.ts";

const encoder = new TextEncoder();
const realNow = Date.now;

/** A batch of such lines. Returns its id. */
export async function madeOf(key: Key, endpoint: string, lines: readonly Json[], more: Json = {}, headers: Record<string, string> = {}): Promise<string> {
  const body = (async function* () {
    yield encoder.encode(lines.map((line) => JSON.stringify({ method: "POST", url: endpoint, ...line })).join("\n"));
  })();
  const { id: input } = await isolateOf(env).files.put(key.organisation, { filename: "in.jsonl", purpose: "batch", type: "application/jsonl" }, body, { mostBytes: 1e9 }, Date.now());
  return (await (await call(key.secret, "POST", "/v1/batches", { input_file_id: input, endpoint, completion_window: "24h", ...more }, headers)).json<Json>()).id;
}

export const object = ({ organisation }: Key, id: string) => env.BATCH_RUN.getByName(`${organisation}/${id}`);
/** Waits for it, for as long as a machine that does much else may take. */
export const soon = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 12_000, interval: 20 });
export const native = async (key: Key, id: string): Promise<Json | undefined> => (await object(key, id).face())?.batch.native as Json | undefined;
export const becomes = (key: Key, id: string, wanted: Json): Promise<void> => soon(async () => expect(await native(key, id)).toMatchObject(wanted));
export const over = (key: Key, id: string, status = "completed"): Promise<Json> => soon(async () => {
  const face = (await object(key, id).face())!;
  expect(face.batch.status).toBe(status);
  return face;
});
export const spent = ({ id }: Key, nanoUsd: number): Promise<void> => soon(async () => {
  const { counters } = await env.KEY_METER.getByName(id).inspect();
  expect([counters.held.requests, counters.spentNanoUsd]).toEqual([0, nanoUsd]);
});
export const held = async ({ id }: Key): Promise<{ requests: number; nanoUsd: number; tokens: number }> => (await env.KEY_METER.getByName(id).inspect()).counters.held;

/** Writes into the catalog, and has it read anew. */
export async function catalogBecomes(...statements: D1PreparedStatement[]): Promise<void> {
  await env.DB.batch(statements);
  await isolateOf(env).catalog.refresh(Date.now());
}

/** The lines of its output. */
export async function linesIn(key: Key, { batch: { files } }: Json): Promise<Json[]> {
  const file = (await isolateOf(env).files.find(key.organisation, files.output, Date.now()))!;
  return (await new Response(await isolateOf(env).files.read(file)).text()).trimEnd().split("\n").map((one) => JSON.parse(one) as Json);
}

/** The lines of an uploaded file, by their numbers. */
export function linesUploaded(form: string): ReadonlyMap<number, Json> {
  const lines = form.split("\r\n\r\n")[2]!.split("\r\n--")[0]!.trimEnd().split("\n").map((text) => JSON.parse(text) as Json);
  return new Map(lines.map((one) => [Number(one.custom_id), one]));
}

/** The clock so much later than it is. */
export const later = (ms: number) => vi.spyOn(Date, "now").mockImplementation(() => realNow() + ms);

/** The next look at how the provider's batch stands. */
export async function poll(key: Key, id: string, afterMs: number): Promise<void> {
  later(afterMs);
  await runDurableObjectAlarm(object(key, id));
}

/** Puts a host outside; its own calls tell how they were made. All others are answered as everywhere. */
export function playing(host: string, play: (left: Left, method: string) => Response | Promise<Response>): void {
  const spied = vi.spyOn(globalThis, "fetch");
  outside();
  const plain = spied.getMockImplementation()!;
  spied.mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    if (new URL(request.url).host !== host) return plain(input, init);
    return play({ host, url: request.url, headers: request.headers, body: new TextDecoder().decode(await request.arrayBuffer()), signal: request.signal }, request.method);
  });
}

/** Prices of a model at a provider, pico-USD a token: live, and in its batches. */
export const price = (provider: string, id: string, prices: Readonly<Record<string, number>>): Promise<unknown> =>
  env.DB.batch(Object.entries(prices).map(([unit, pico]) => env.DB.prepare("INSERT INTO prices (provider, upstream_id, class, valid_from, pico_usd, source) VALUES (?, ?, ?, 1, ?, 'test')").bind(provider, id, unit, pico)));
