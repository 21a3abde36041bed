/**
 * `npm run uploads [-- --files 8 --megabytes 24]`: recordings uploaded at once, to a provider that reads them slowly. Says how much of them
 * stands between the clients and the provider at most (in the gateway and in the sockets before and behind it), and how far workerd's
 * memory grew, of which much is what nobody has collected yet: with the model before the file, which is sent on as it comes; behind it,
 * where it is held; and to a provider who takes it as base64 in JSON. Ends with 1 when more than `--most` MB of a file stand between, beside
 * the file itself where it is held; when the memory grew by more than the files in each form in which they must stand there whole, and
 * `--slack` MB; or when a byte is missing.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { rssMb, withWorkerd } from "../../bench/processes.ts";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { listen } from "../support/server.ts";

const { values: flags } = parseArgs({ options: { files: { type: "string", default: "8" }, megabytes: { type: "string", default: "24" }, most: { type: "string", default: "12" }, slack: { type: "string", default: "160" } } });
const [files, megabytes, most, slack] = [flags.files, flags.megabytes, flags.most, flags.slack].map(Number) as [number, number, number, number];
const MiB = 1024 * 1024;
const boundary = "----forge-uploads";
const file = Buffer.alloc(megabytes * MiB, "sound ");
const digest = createHash("sha256").update(file).digest("hex");

let received = 0;

/** Reads a request as slowly as a network lets it, and says what it had. */
const upstream = createServer(async (incoming, outgoing) => {
  if (incoming.url!.endsWith("/models")) return void outgoing.writeHead(200, { "content-type": "application/json" }).end('{"data":[]}');
  const pieces: Buffer[] = [];
  for await (const piece of incoming) {
    pieces.push(piece as Buffer);
    received += (piece as Buffer).length;
    await sleep(1);
  }
  const body = Buffer.concat(pieces);
  if (incoming.url!.includes(":generateContent")) return answerAsGemini(body, outgoing);
  const at = body.indexOf("\r\n\r\n", body.indexOf("filename=")) + 4;
  const isWhole = createHash("sha256").update(body.subarray(at, at + file.length)).digest("hex") === digest;
  outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ text: isWhole ? "whole" : "broken", usage: { type: "duration", seconds: 1 } }));
});

function answerAsGemini(body: Buffer, outgoing: ServerResponse): void {
  const at = body.indexOf('"data":"') + 8;
  const isWhole = createHash("sha256").update(Buffer.from(body.subarray(at, body.indexOf('"', at)).toString("latin1"), "base64")).digest("hex") === digest;
  const candidates = [{ index: 0, content: { role: "model", parts: [{ text: isWhole ? "whole" : "broken" }] }, finishReason: "STOP" }];
  outgoing.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ candidates, usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 }, modelVersion: "m", responseId: "r" }));
}

const origin = await listen(upstream);
const { started: gateway, pid } = await withWorkerd(() => startLocal({ port: 0, vars: { ...createKey.secrets, OPENAI_BASE_URL: `${origin}/v1`, OPENAI_API_KEY: "sk-uploads", GEMINI_BASE_URL: `${origin}/v1beta`, GEMINI_API_KEY: "sk-uploads", ALLOW_PRIVATE_UPSTREAMS: "true" } }));
const { secret } = await createKey(gateway.url, { limits: { requestsPerMinute: 1_000_000, concurrentRequests: 1_000 } });

const part = (name: string, value: string): Buffer => Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
const head = Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n`);
const end = Buffer.from(`\r\n--${boundary}--\r\n`);
/** `stands`: how often a file must stand in the gateway whole; as base64 it is a third longer. */
const orders: Readonly<Record<string, { pieces: readonly Buffer[]; stands: number }>> = {
  "model before the file": { pieces: [part("model", "openai/whisper-1"), head, file, end], stands: 0 },
  "model behind the file": { pieces: [head, file, Buffer.from("\r\n"), part("model", "openai/whisper-1"), Buffer.from(`--${boundary}--\r\n`)], stands: 1 },
  "to a provider that takes base64": { pieces: [part("model", "gemini/gemini-listens"), head, file, end], stands: 1 },
};

/** Its bytes as a client sends them, no faster than they are taken. */
function* cut(pieces: readonly Buffer[]): Generator<Buffer> {
  for (const piece of pieces) for (let at = 0; at < piece.length; at += 64 * 1024) yield piece.subarray(at, at + 64 * 1024);
}

const open = new Set<{ socket: Socket | null }>();

async function upload(pieces: readonly Buffer[]): Promise<{ status: number; text: string }> {
  const headers = { authorization: `Bearer ${secret}`, "content-type": `multipart/form-data; boundary=${boundary}`, "content-length": pieces.reduce((sum, { length }) => sum + length, 0) };
  const outgoing = request(`${gateway.url}/v1/audio/transcriptions`, { method: "POST", headers, agent: false });
  open.add(outgoing);
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  await pipeline(Readable.from(cut(pieces)), outgoing);
  const [incoming] = await answered;
  let text = "";
  for await (const piece of incoming.setEncoding("utf8")) text += String(piece);
  return { status: incoming.statusCode!, text };
}

/** What stood between at most, and how far workerd's memory grew, MiB. */
async function measure(pieces: readonly Buffer[]): Promise<{ between: number; grown: number; whole: boolean; seconds: number }> {
  const before = rssMb(pid) ?? 0;
  let [peak, between] = [before, 0];
  open.clear();
  received = 0;
  const timer = setInterval(() => {
    const sent = [...open].reduce((sum, { socket }) => sum + (socket?.bytesWritten ?? 0), 0);
    between = Math.max(between, sent - received);
    peak = Math.max(peak, rssMb(pid) ?? 0);
  }, 20);
  const began = performance.now();
  const answers = await Promise.all(Array.from({ length: files }, () => upload(pieces)));
  clearInterval(timer);
  const whole = answers.every(({ status, text }) => status === 200 && text.includes('"whole"'));
  if (!whole) console.log(answers.filter(({ text }) => !text.includes('"whole"')).slice(0, 2));
  return { between: between / MiB, grown: peak - before, whole, seconds: (performance.now() - began) / 1_000 };
}

await upload([part("model", "openai/whisper-1"), head, file.subarray(0, 1_000), Buffer.from(`\r\n--${boundary}--\r\n`)]);
let failed = false;
for (const [order, { pieces, stands }] of Object.entries(orders)) {
  const { between, grown, whole, seconds } = await measure(pieces);
  const [mostBetween, mostGrown] = [most + stands * megabytes, stands * files * megabytes + slack];
  failed ||= !whole || between > mostBetween * files || grown > mostGrown;
  console.log(`${order}: ${files} × ${megabytes} MiB in ${seconds.toFixed(1)} s, ${whole ? "every byte arrived" : "BYTES ARE MISSING"}, at most ${(between / files).toFixed(1)} MiB of each stood between (bound ${mostBetween}), workerd grew by ${Math.round(grown)} MB (bound ${mostGrown})`);
}
await gateway.stop();
upstream.close();
process.exit(failed ? 1 : 0);
