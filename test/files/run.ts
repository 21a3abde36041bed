/**
 * `npm run test:files`: a file of 512 MiB, and one in parts, through the real Worker on a socket, while the memory of its isolate is watched; both are
 * read back, whole and in ranges, and must be what was sent. Ends with 1 when anything differs. `-- --megabytes N`, `-- --in-parts N`.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startLocal } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";
import { IsolateMemory } from "../support/isolate-memory.ts";

const { values: flags } = parseArgs({ options: { megabytes: { type: "string", default: "512" }, "in-parts": { type: "string", default: "384" } } });
const MiB = 1024 * 1024;
const partBytes = 64 * MiB;
/** What the Worker's isolate may have at any time, whatever the size of a file. Most of it is garbage, which the runtime lets lie to some 64 MiB where nothing presses it. */
const allowedMiB = 160;
const boundary = "forgeForgeForge";
const encoder = new TextEncoder();

/** Bytes of a file that nobody holds: each MiB of it is another. */
const pattern = randomBytes(MiB);
function block(number: number): Buffer {
  const bytes = Buffer.from(pattern);
  for (let at = 0; at < MiB; at += 4_096) bytes.writeUInt32LE(number, at);
  return bytes;
}

function* blocks(from: number, to: number): Generator<Buffer> {
  for (let number = from; number < to; number += 1) yield block(number);
}

/** SHA-256 and MD5 of the file, hex. */
function digests(megabytes: number): { sha256: string; md5: string } {
  const [sha256, md5] = [createHash("sha256"), createHash("md5")];
  for (const bytes of blocks(0, megabytes)) {
    sha256.update(bytes);
    md5.update(bytes);
  }
  return { sha256: sha256.digest("hex"), md5: md5.digest("hex") };
}

type Answer = { status: number; headers: Record<string, string | string[] | undefined>; text: string };

const folder = mkdtempSync(join(tmpdir(), "forge-files-"));
const gateway = await startLocal({ port: 0, stateDir: folder, inspected: true, vars: { ...createKey.secrets, OPENAI_API_KEY: "sk-unused" } });
const memory = await IsolateMemory.of(gateway);
let failures = 0;

/** One request; its body is taken no faster than it is sent, its answer's bytes go to `hear`. */
function ask(key: string, method: string, path: string, given: { headers?: Record<string, string>; body?: Iterable<Uint8Array>; bytes?: number; hear?: (bytes: Buffer) => void } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = given.bytes === undefined ? {} : { "content-length": String(given.bytes) };
    const sent = request(gateway.url + path, { method, headers: { authorization: `Bearer ${key}`, ...length, ...given.headers } }, (answer) => {
      let text = "";
      answer.on("data", (bytes: Buffer) => (given.hear ? given.hear(bytes) : void (text += bytes.toString())));
      answer.on("end", () => resolve({ status: answer.statusCode!, headers: answer.headers, text }));
      answer.on("error", reject);
    });
    sent.on("error", reject);
    void (async () => {
      for (const bytes of given.body ?? []) if (!sent.write(bytes)) await new Promise((ready) => sent.once("drain", ready));
      sent.end();
    })();
  });
}

/** A form with one file, and fields before it. */
function formOf(name: string, fields: Record<string, string>, megabytes: readonly [from: number, to: number], trailing = 0): { headers: Record<string, string>; body: Iterable<Uint8Array>; bytes: number } {
  const before = Object.entries(fields).map(([field, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${field}"\r\n\r\n${value}\r\n`).join("");
  const head = encoder.encode(`${before}--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="proof.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`);
  const tail = encoder.encode(`${"x".repeat(trailing)}\r\n--${boundary}--\r\n`);
  const [from, to] = megabytes;
  return {
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    bytes: head.length + (to - from) * MiB + tail.length,
    body: (function* () {
      yield head;
      yield* blocks(from, to);
      yield tail;
    })(),
  };
}

const said: string[][] = [];
/** Does something, and says how long it took and how much the Worker held at most meanwhile. */
async function watched<T>(what: string, megabytes: number, act: () => Promise<T>): Promise<T> {
  let most = 0;
  let over = false;
  const watching = (async () => {
    for (; !over; await sleep(20)) most = Math.max(most, await memory.mebibytes());
  })();
  const began = performance.now();
  try {
    return await act();
  } finally {
    over = true;
    await watching;
    const seconds = (performance.now() - began) / 1000;
    said.push([what, `${seconds.toFixed(1)} s`, megabytes ? `${(megabytes / seconds).toFixed(0)} MiB/s` : "", `${most.toFixed(0)} MiB`]);
    if (most > allowedMiB) check(`${what}: memory stays below ${allowedMiB} MiB`, most, "less");
  }
}

function check(what: string, found: unknown, wanted: unknown): void {
  if (found === wanted) return;
  failures += 1;
  console.error(`WRONG ${what}: ${String(found)}, not ${String(wanted)}`);
}

const json = ({ text }: Answer) => JSON.parse(text) as { id: string; bytes: number; status: string; file?: { id: string; bytes: number } };

/** Reads a file whole and in ranges. */
async function verify(key: string, id: string, megabytes: number, sha256: string): Promise<void> {
  const digest = createHash("sha256");
  const whole = await watched(`read ${megabytes} MiB`, megabytes, () => ask(key, "GET", `/v1/files/${id}/content`, { hear: (bytes) => void digest.update(bytes) }));
  check("status", whole.status, 200);
  check("content-length", whole.headers["content-length"], String(megabytes * MiB));
  check("SHA-256", digest.digest("hex"), sha256);
  await watched("100 ranges", 0, async () => {
    for (let turn = 0; turn < 100; turn += 1) {
      const from = turn % 4 === 0 ? Math.floor(Math.random() * megabytes) * MiB - (turn % 8 ? 3 : 0) : Math.floor(Math.random() * megabytes * MiB);
      const first = Math.max(0, from);
      const last = Math.min(megabytes * MiB - 1, first + Math.floor(Math.random() * 200_000));
      const came: Buffer[] = [];
      const { status } = await ask(key, "GET", `/v1/files/${id}/content`, { headers: { range: `bytes=${first}-${last}` }, hear: (bytes) => void came.push(bytes) });
      const number = Math.floor(first / MiB);
      const wanted = Buffer.concat([...blocks(number, Math.floor(last / MiB) + 1)]).subarray(first - number * MiB, last - number * MiB + 1);
      if (status !== 206 || !Buffer.concat(came).equals(wanted)) check(`range ${first}-${last}`, status, "206 with its bytes");
    }
  });
}

try {
  const { secret: key, organisation } = await createKey(gateway.url, { limits: { requestsPerMinute: 10_000 } });
  const [megabytes, inParts] = [Number(flags.megabytes), Number(flags["in-parts"])];
  // Before anything is asked: while this thread digests, an idle connection is closed at its other end.
  const [{ sha256 }, whole] = [digests(megabytes), digests(inParts)];
  const file = await watched(`upload ${megabytes} MiB`, megabytes, () => ask(key, "POST", "/v1/files", formOf("file", { purpose: "user_data" }, [0, megabytes])));
  check("upload", file.status, 200);
  check("bytes", json(file).bytes, megabytes * MiB);
  await verify(key, json(file).id, megabytes, sha256);

  if (megabytes === 512) {
    const over = await watched("one byte more", megabytes, () => ask(key, "POST", "/v1/files", formOf("file", { purpose: "user_data" }, [0, megabytes], 1)));
    check("one byte more", over.status, 413);
  }

  const upload = json(await ask(key, "POST", "/v1/uploads", { headers: { "content-type": "application/json" }, body: [encoder.encode(JSON.stringify({ bytes: inParts * MiB, filename: "big.bin", mime_type: "text/plain", purpose: "user_data" }))] }));
  const starts = Array.from({ length: Math.ceil(inParts / (partBytes / MiB)) }, (_, at) => at * (partBytes / MiB));
  const ids: string[] = [];
  await watched(`${starts.length} parts of 64 MiB, three at once, last first`, inParts, async () => {
    const waiting = [...starts.keys()].toReversed();
    await Promise.all([1, 2, 3].map(async () => {
      for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
        const part = await ask(key, "POST", `/v1/uploads/${upload.id}/parts`, formOf("data", {}, [starts[at]!, Math.min(inParts, starts[at]! + partBytes / MiB)]));
        check("part", part.status, 200);
        ids[at] = json(part).id;
      }
    }));
  });
  const complete = (body: object): Promise<Answer> => ask(key, "POST", `/v1/uploads/${upload.id}/complete`, { headers: { "content-type": "application/json" }, body: [encoder.encode(JSON.stringify(body))] });
  check("wrong MD5", (await watched("complete with a wrong MD5", inParts, () => complete({ part_ids: ids, md5: "0".repeat(32) }))).status, 400);
  const done = json(await watched("complete with MD5", inParts, () => complete({ part_ids: ids, md5: whole.md5 })));
  check("completed", done.status, "completed");
  await verify(key, done.file!.id, inParts, whole.sha256);

  for (const id of [json(file).id, done.file!.id]) check("deleted", (await ask(key, "DELETE", `/v1/files/${id}`)).status, 200);
  const bucket = (await gateway.mf.getR2Bucket("FILES")) as unknown as { list(options: { prefix: string }): Promise<{ objects: unknown[] }> };
  check("objects left in R2", (await bucket.list({ prefix: organisation })).objects.length, 0);
} finally {
  memory.close();
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
}

const widths = [0, 1, 2, 3].map((column) => Math.max(...said.map((row) => row[column]!.length)));
for (const row of said) console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "));
console.log(failures === 0 ? "\nEverything came back as it was sent, and nothing is left." : `\n${failures} WRONG.`);
process.exit(failures === 0 ? 0 : 1);
