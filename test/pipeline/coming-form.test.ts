/** A long form whose model stands before its file is sent on while it still comes; every other one is held. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { Form } from "../../src/form.ts";
import { bearer, fillCatalog, newKey, send, settled, type Key } from "../security/stage.ts";

let key: Key;
beforeAll(async () => {
  await fillCatalog();
  await env.DB.batch([
    env.DB.prepare("INSERT INTO models VALUES ('listener', 'test', 'transcription', '[\"audio\"]', '[\"text\"]', '[]', NULL, NULL, 0)"),
    ...["openai", "groq"].flatMap((provider) => [
      env.DB.prepare("INSERT INTO deployments VALUES (?, 'listener', 'listener')").bind(provider),
      env.DB.prepare("INSERT INTO prices VALUES (?, 'listener', 'audio_second', 0, 0, 100000000, 'test')").bind(provider),
    ]),
  ]);
  key = await newKey();
});
afterEach(() => void vi.restoreAllMocks());

const MiB = 1024 * 1024;
const boundary = "xYz";
const encoder = new TextEncoder();
const field = (name: string, value: string): Uint8Array => encoder.encode(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
const fileHead = encoder.encode(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n`);
const end = encoder.encode(`\r\n--${boundary}--\r\n`);

/** An upload that says how much of it was asked for. `behind`: fields behind the file; `breaks`: it never comes to its end. */
function upload(before: readonly Uint8Array[], behind: readonly Uint8Array[], megabytes: number, breaks = false) {
  const seen = { sent: 0 };
  const file = Array.from({ length: megabytes * 16 }, (_, i) => new Uint8Array(64 * 1024).fill(i % 251));
  const pieces = [...before, fileHead, ...file, ...(behind.length > 0 ? [encoder.encode("\r\n"), ...behind, end.subarray(2)] : [end])];
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (!piece || (breaks && pieces.length < 5)) return breaks ? controller.error(new Error("gone")) : controller.close();
      seen.sent += piece.length;
      controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  return { body, length, seen };
}

const ask = ({ body, length }: ReturnType<typeof upload>, headers: Record<string, string> = {}): Promise<Response> =>
  send("/v1/audio/transcriptions", { method: "POST", headers: { ...bearer(key.secret), "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": String(length), ...headers }, body });

type Met = { host: string; fields: Record<string, string>; bytes: number };

/** The provider: reads the form as it comes, and says after `early` bytes of the file what has been sent by then. */
function provider(play: (met: Met) => Response | Promise<Response>, during?: () => void): Met[] {
  const met: Met[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input as RequestInfo, init as RequestInit);
    const { host, pathname } = new URL(request.url);
    if (pathname.endsWith("/models")) return Response.json({ data: [] });
    const one: Met = { host, fields: {}, bytes: 0 };
    const form = new Form(request, { mostBytes: 64 * MiB });
    for (let part = await form.next(); part; part = await form.next()) {
      if ("value" in part) one.fields[part.name] = part.value;
      else for await (const piece of part.body) {
        if (one.bytes === 0) during?.();
        one.bytes += piece.length;
      }
    }
    met.push(one);
    return play(one);
  });
  return met;
}

const answer = (): Response => Response.json({ text: "hi", usage: { type: "duration", seconds: 7 } });
const entryOf = async (response: Response): Promise<any> => {
  await settled(key);
  return vi.waitFor(async () => {
    const told = await send(`/dashboard/requests/${response.headers.get("x-request-id")}`, { headers: bearer(key.secret) });
    expect(told.status).toBe(200);
    return told.json<any>();
  });
};

test("it leaves while it comes, and what stands behind the file follows", async () => {
  const sending = upload([field("model", "openai/listener")], [field("response_format", "json"), field("language", "en")], 8);
  let atFirst = 0;
  const met = provider(answer, () => (atFirst = sending.seen.sent));
  const response = await ask(sending);
  expect([response.status, await response.json()]).toEqual([200, { text: "hi", usage: { type: "duration", seconds: 7 } }]);
  expect(met).toEqual([{ host: "api.openai.com", fields: { model: "listener", response_format: "json", language: "en" }, bytes: 8 * MiB }]);
  expect(atFirst).toBeLessThan(MiB);
  expect(await entryOf(response)).toMatchObject({ end: "complete", estimated: false, usage: { pieces: { audio_second: 7 } }, costNanoUsd: 700_000 });
});

test.each<[string, ReturnType<typeof upload>, Record<string, string>, string[]]>([
  ["where the model stands behind the file", upload([], [field("model", "openai/listener")], 2), {}, ["api.openai.com"]],
  ["where it is short", upload([field("model", "openai/listener")], [], 0.5), {}, ["api.openai.com"]],
  ["where all of it must be known", upload([field("model", "groq/listener")], [field("response_format", "srt")], 2), {}, ["api.groq.com"]],
  ["where it has a name", upload([field("model", "openai/listener")], [], 2), { "idempotency-key": "one" }, ["api.openai.com"]],
  ["where another deployment may have to be asked, which then is", upload([field("model", "listener")], [], 2), {}, ["api.openai.com", "api.groq.com"]],
])("it is held %s", async (_, sending, headers, hosts) => {
  const already: number[] = [];
  const met = provider(({ host }) => (hosts.length > 1 && host === "api.openai.com" ? Response.json({ error: { message: "no" } }, { status: 500 }) : Response.json({ text: "hi", duration: 3, segments: [{ start: 0, end: 1, text: "hi" }] })), () => already.push(sending.seen.sent));
  const response = await ask(sending, headers);
  expect(response.status).toBe(200);
  expect(met.map(({ host }) => host)).toEqual(hosts);
  expect(already).toEqual(hosts.map(() => sending.length));
  expect(new Set(met.map(({ bytes }) => bytes)).size).toBe(1);
  await response.body?.cancel();
});

test("a stream that is asked for behind the file is one in the ledger too", async () => {
  provider(() => new Response('data: {"type":"transcript.text.done","text":"hi","usage":{"type":"duration","seconds":2}}\n\ndata: [DONE]\n\n', { headers: { "content-type": "text/event-stream" } }));
  const response = await ask(upload([field("model", "openai/listener")], [field("stream", "true")], 2));
  expect(await response.text()).toContain("transcript.text.done");
  expect(await entryOf(response)).toMatchObject({ stream: true, end: "complete", usage: { pieces: { audio_second: 2 } } });
});

test.each<[string, readonly Uint8Array[], string]>([
  ["says the model again", [field("model", "openai/other")], "model"],
  ["is wrong", [field("response_format", "xml")], "response_format"],
])("a field behind the file that %s ends it, and costs nothing", async (_, behind, param) => {
  const met = provider(answer);
  const response = await ask(upload([field("model", "openai/listener")], behind, 2));
  expect([response.status, (await response.json<any>()).error]).toMatchObject([400, { code: "invalid_request", param }]);
  expect(met).toEqual([]);
  await settled(key);
});

test("a client that breaks off is no fault of the provider's, and owes nothing", async () => {
  const met = provider(answer);
  const response = await ask(upload([field("model", "openai/listener")], [], 4, true));
  expect([response.status, (await response.json<any>()).error]).toMatchObject([400, { code: "invalid_request", message: expect.stringMatching(/broke off/) as unknown }]);
  expect(met).toEqual([]);
  expect(await entryOf(response)).toMatchObject({ status: 400, costNanoUsd: 0 });
  expect((await ask(upload([field("model", "openai/listener")], [], 2))).status).toBe(200);
});

test("a provider that answers before it has all of it is heard, and the rest is read for the client's sake", async () => {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => (String((input as Request).url ?? input).endsWith("/models") ? Response.json({ data: [] }) : Response.json({ error: { message: "too busy", type: "rate_limit", param: null, code: null } }, { status: 429 })));
  const sending = upload([field("model", "openai/listener")], [], 4);
  const response = await ask(sending);
  expect([response.status, await response.json()]).toMatchObject([429, { error: { message: "too busy" } }]);
  await vi.waitFor(() => expect(sending.seen.sent).toBe(sending.length));
});
