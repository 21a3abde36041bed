/** Files and uploads through the real Worker on a socket, with OpenAI's SDK and both generations of Anthropic's. */
import Anthropic, { NotFoundError as AnthropicNotFound } from "@anthropic-ai/sdk";
import OldAnthropic from "anthropic-sdk-0";
import { createHash } from "node:crypto";
import { connect } from "node:net";
import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLocal, type LocalGateway } from "../../scripts/local.ts";
import { createKey } from "../support/admin.ts";

let gateway: LocalGateway;
let key: string;
let openai: OpenAI;

beforeAll(async () => {
  gateway = await startLocal({ port: 0, vars: { ...createKey.secrets, OPENAI_API_KEY: "sk-unused", FILES_MOST_BYTES: String(20 * 1024 * 1024) } });
  key = (await createKey(gateway.url, { limits: { requestsPerMinute: 1_000 } })).secret;
  openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 0 });
});
afterAll(() => gateway?.stop());

const bytesOf = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 255);
const bytesIn = async (response: Response): Promise<Uint8Array> => new Uint8Array(await response.arrayBuffer());

describe("OpenAI's SDK", () => {
  test("creates, retrieves, reads, lists and deletes files", async () => {
    const bytes = bytesOf(300_000);
    const file = await openai.files.create({ file: await toFile(bytes, "бумаги 文.bin"), purpose: "user_data", expires_after: { anchor: "created_at", seconds: 3_600 } });
    expect(file).toMatchObject({ object: "file", bytes: 300_000, filename: "бумаги 文.bin", purpose: "user_data", status: "processed", expires_at: file.created_at + 3_600 });
    expect(await openai.files.retrieve(file.id)).toEqual(file);
    const content = await openai.files.content(file.id);
    expect(content.headers.get("content-length")).toBe("300000");
    expect(await bytesIn(content)).toEqual(bytes);
    const part = await openai.files.content(file.id, { headers: { range: "bytes=65530-131080" } });
    expect([part.status, part.headers.get("content-range"), await bytesIn(part)]).toEqual([206, "bytes 65530-131080/300000", bytes.slice(65_530, 131_081)]);
    const others = await Promise.all([1, 2, 3].map(async (at) => openai.files.create({ file: await toFile(new Uint8Array(at), `${at}`), purpose: "evals" })));
    const turned = await Array.fromAsync(openai.files.list({ purpose: "evals", limit: 2 }));
    expect(turned.map(({ id }) => id).sort()).toEqual(others.map(({ id }) => id).sort());
    for (const { id } of [file, ...others]) expect(await openai.files.delete(id)).toEqual({ id, object: "file", deleted: true });
    await expect(openai.files.retrieve(file.id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(openai.files.create({ file: await toFile(new Uint8Array(1), "x"), purpose: "nonsense" as "evals" })).rejects.toBeInstanceOf(BadRequestError);
  });

  test("sends a file in parts", async () => {
    const bytes = bytesOf(900_000);
    const upload = await openai.uploads.create({ bytes: bytes.length, filename: "big.jsonl", mime_type: "application/jsonl", purpose: "batch" });
    const cuts = [0, 1, 400_000, 900_000];
    const parts = await Promise.all([1, 2, 3].map(async (at) => openai.uploads.parts.create(upload.id, { data: await toFile(bytes.slice(cuts[at - 1], cuts[at]), "part") })));
    expect(parts[0]).toMatchObject({ object: "upload.part", upload_id: upload.id });
    const done = await openai.uploads.complete(upload.id, { part_ids: parts.map(({ id }) => id), md5: createHash("md5").update(bytes).digest("hex") });
    expect(done).toMatchObject({ status: "completed", file: { bytes: 900_000, filename: "big.jsonl" } });
    expect(await bytesIn(await openai.files.content(done.file!.id))).toEqual(bytes);
    await openai.files.delete(done.file!.id);
    const other = await openai.uploads.create({ bytes: 1, filename: "a", mime_type: "text/plain", purpose: "assistants" });
    expect(await openai.uploads.cancel(other.id)).toMatchObject({ status: "cancelled" });
  });

  test("hears that its organisation has no more room, and does not try again", async () => {
    const trying = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: key, maxRetries: 2 });
    const before = Date.now();
    await expect(trying.uploads.create({ bytes: 21 * 1024 * 1024, filename: "a", mime_type: "text/plain", purpose: "assistants" })).rejects.toMatchObject({ status: 429, code: "quota_exceeded" });
    expect(Date.now() - before).toBeLessThan(1_000);
  });
});

describe.each([["1.11.0", Anthropic], ["0.137.0", OldAnthropic as unknown as typeof Anthropic]])("Anthropic's SDK %s", (_, Sdk) => {
  test.each(["", "/v1"])("uploads, reads, lists and deletes files at the base URL '%s'", async (base) => {
    const client = new Sdk({ apiKey: key, authToken: null, baseURL: gateway.url + base, maxRetries: 0 });
    const files = client.files ?? (client as unknown as { beta: { files: Anthropic["files"] } }).beta.files;
    const made = [];
    for (const at of [1, 2, 3]) made.unshift(await files.upload({ file: await toFile(new Uint8Array(at), `${at}.pdf`, { type: "application/pdf" }) }));
    expect(made[0]).toMatchObject({ type: "file", id: expect.stringMatching(/^file_/), filename: "3.pdf", mime_type: "application/pdf", size_bytes: 3 });
    expect(await files.retrieveMetadata(made[0]!.id)).toEqual(made[0]);
    expect(await bytesIn(await files.download(made[1]!.id))).toEqual(new Uint8Array(2));
    expect((await Array.fromAsync(files.list({ limit: 2 }))).map(({ id }) => id)).toEqual(made.map(({ id }) => id));
    expect((await files.list({ ids: [made[2]!.id, "file_none"] })).data).toEqual([made[2]]);
    expect(await openai.files.retrieve(made[0]!.id)).toMatchObject({ id: made[0]!.id.replace("_", "-"), bytes: 3 });
    for (const { id } of made) expect(await files.delete(id)).toEqual({ id, type: "file_deleted" });
    const gone = await files.retrieveMetadata(made[0]!.id).catch((error: unknown) => error);
    expect(gone).toMatchObject({ status: 404, requestID: expect.stringMatching(/^req_/) });
    if (Sdk === Anthropic) expect(gone).toBeInstanceOf(AnthropicNotFound);
  });
});

describe("on the wire", () => {
  const boundary = "xYzXyZ";
  const head = (length: number): string =>
    `POST /v1/files HTTP/1.1\r\nhost: forge\r\nauthorization: Bearer ${key}\r\ncontent-type: multipart/form-data; boundary=${boundary}\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n`;
  const form = `--${boundary}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nevals\r\n--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${"x".repeat(100_000)}`;

  /** What comes back over a plain socket; `cut`: it is closed when all is sent. */
  const exchange = (text: string, cut = false): Promise<string> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(gateway.url);
      const socket = connect(Number(port), hostname, () => socket.write(text, () => cut && setTimeout(() => socket.destroy(), 50)));
      let came = "";
      socket.on("data", (data) => (came += data.toString("latin1")));
      socket.on("close", () => resolve(came));
      socket.on("error", (error) => (cut ? resolve(came) : reject(error)));
    });
  const nothingKept = async (): Promise<void> => {
    const bucket = (await gateway.mf.getR2Bucket("FILES")) as unknown as { list(): Promise<{ objects: { key: string }[] }> };
    const { objects } = await bucket.list();
    const { results } = await (await gateway.mf.getD1Database("DB")).prepare("SELECT name FROM loose_objects UNION ALL SELECT id FROM files").all();
    expect([objects.map(({ key: name }) => name), results]).toEqual([[], []]);
  };

  /** Sent with the first test: the gateway waits a while for what a client that is refused may still have to say. */
  let early: Promise<string>;
  beforeAll(() => void (early = exchange(head(2 ** 31) + form.slice(0, 300))));

  test("a Content-Length of 2 GB is refused before anything of it is sent", async () => {
    const answer = await early;
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"request_too_large"');
  });

  test("a client that leaves in the middle of its file leaves nothing behind", async () => {
    await exchange(head(form.length + 500) + form, true);
    await expect.poll(nothingKept, { timeout: 5_000 }).toBeUndefined();
  });

  test("a body that is shorter than it says, ends its form in it, or has no end, is told apart", async () => {
    const end = `\r\n--${boundary}--\r\n`;
    expect(await exchange(head(form.length) + form)).toMatch(/^HTTP\/1\.1 400 /);
    const whole = await exchange(head(form.length + end.length) + form + end);
    expect(whole).toMatch(/^HTTP\/1\.1 200 /);
    await openai.files.delete(/"id":"(file-\w+)"/.exec(whole)![1]!);
    await nothingKept();
  });
});
