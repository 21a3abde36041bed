/** Files and uploads over HTTP: both shapes, ranges, tenants, and what hostile clients send. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { dispositionOf } from "../../src/files/index.ts";
import { rangeOf } from "../../src/routes/file-content.ts";
import { call, expectRefusal, expectSealed, fillCatalog, newKey, outside, prompts, send, bearer, type Json, type Key } from "../security/stage.ts";

let mine: Key;
let theirs: Key;
const anthropic = { "anthropic-version": "2023-06-01" };
const now = Date.now();

beforeAll(async () => {
  outside();
  await fillCatalog();
  [mine, theirs] = [await newKey(), await newKey()];
});
beforeEach(() => void outside());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const bytesOf = (length: number, seed = 1): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, at) => (at * 31 + seed * 7 + (at >> 8)) & 255);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
type Bytes = string | Uint8Array<ArrayBuffer>;

type Given = Record<string, string | Blob | readonly (string | Blob)[]>;
function formOf(given: Given): FormData {
  const form = new FormData();
  for (const [name, values] of Object.entries(given)) for (const value of [values].flat() as (string | Blob)[]) form.append(name, value as string);
  return form;
}
const fileOf = (content: Bytes = "hello", name = "notes.txt", type = ""): File => new File([content], name, { type });
const post = (key: Key, path: string, given: Given, headers: Record<string, string> = {}): Promise<Response> => send(path, { method: "POST", headers: { ...bearer(key.secret), ...headers }, body: formOf(given) });
/** A body as it is, under a content type. */
const raw = (key: Key, body: BodyInit, headers: Record<string, string>, path = "/v1/files"): Promise<Response> => send(path, { method: "POST", headers: { ...bearer(key.secret), ...headers }, body });

async function json(answer: Promise<Response>): Promise<Json> {
  const response = await answer;
  const body = await response.text();
  expect(response.status, body).toBe(200);
  expectSealed(response);
  return JSON.parse(body) as Json;
}
const upload = (key: Key, given: Given = {}, headers: Record<string, string> = {}): Promise<Json> => json(post(key, "/v1/files", { file: fileOf(), purpose: "user_data", ...given }, headers));
const content = async (key: Key, id: string, headers: Record<string, string> = {}) => {
  const response = await call(key.secret, "GET", `/v1/files/${id}/content`, undefined, headers);
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
};
const kept = async ({ organisation }: Key) => ({
  objects: (await env.FILES.list({ prefix: `${organisation}/` })).objects.length,
  loose: (await env.DB.prepare("SELECT count(*) AS n FROM loose_objects WHERE name LIKE ? || '/%'").bind(organisation).first<number>("n")),
  rows: (await env.DB.prepare("SELECT count(*) AS n FROM files WHERE organisation_id = ?").bind(organisation).first<number>("n")),
});

describe("a file", () => {
  test("lives from upload to deletion, in OpenAI's shape", async () => {
    const file = await upload(mine, { file: fileOf("one\ntwo", "lines.jsonl"), purpose: "batch" });
    expect(file).toEqual({
      id: expect.stringMatching(/^file-[0-9A-Za-z]{27}$/), object: "file", bytes: 7, created_at: expect.any(Number), filename: "lines.jsonl", purpose: "batch", status: "processed", status_details: null,
      expires_at: file.created_at + 30 * 86_400,
    });
    expect(await json(call(mine.secret, "GET", `/v1/files/${file.id}`))).toEqual(file);
    const { response, bytes } = await content(mine, file.id);
    expect(bytes).toEqual(text("one\ntwo"));
    expect(Object.fromEntries(["content-type", "content-length", "content-disposition", "x-content-type-options"].map((name) => [name, response.headers.get(name)]))).toEqual({
      "content-type": "application/octet-stream", "content-length": "7", "content-disposition": "attachment; filename=\"lines.jsonl\"; filename*=UTF-8''lines.jsonl", "x-content-type-options": "nosniff",
    });
    const head = await call(mine.secret, "HEAD", `/v1/files/${file.id}/content`);
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "7", ""]);
    expect(await json(call(mine.secret, "DELETE", `/v1/files/${file.id}`))).toEqual({ id: file.id, object: "file", deleted: true });
    for (const [method, path] of [["GET", ""], ["GET", "/content"], ["DELETE", ""]]) await expectRefusal(await call(mine.secret, method!, `/v1/files/${file.id}${path}`), 404, "not_found");
    expect(await kept(mine)).toEqual({ objects: 0, loose: 0, rows: 0 });
  });

  test("lives the same in Anthropic's shape, also under /v1/v1, and is the same file in both", async () => {
    const file = await json(post(mine, "/v1/v1/files?beta=true", { file: fileOf("%PDF-1", "a.pdf"), expires_in_seconds: "7200" }, anthropic));
    expect(file).toEqual({ id: expect.stringMatching(/^file_[0-9A-Za-z]{27}$/), type: "file", filename: "a.pdf", mime_type: "application/pdf", size_bytes: 6, created_at: expect.any(String), downloadable: true, expires_at: expect.any(String) });
    expect(Date.parse(file.expires_at) - Date.parse(file.created_at)).toBe(7_200_000);
    const id = file.id.replace("_", "-");
    expect(await json(call(mine.secret, "GET", `/v1/files/${file.id}`))).toMatchObject({ id, object: "file", purpose: "user_data", bytes: 6 });
    expect(await json(call(mine.secret, "GET", `/v1/files/${id}`, undefined, { "anthropic-beta": "files-api-2025-04-14" }))).toEqual(file);
    expect((await content(mine, file.id, anthropic)).bytes).toEqual(text("%PDF-1"));
    await expectRefusal(await call(mine.secret, "GET", "/v1/files/file_none", undefined, anthropic), 404, "not_found", "anthropic");
    expect(await json(call(mine.secret, "DELETE", `/v1/v1/files/${file.id}?beta=true`, undefined, anthropic))).toEqual({ id: file.id, type: "file_deleted" });
  });

  test("is listed page by page as each SDK turns them", async () => {
    const own = await newKey();
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) {
      vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(now + at);
      ids.unshift((await upload(own, { purpose: at % 2 ? "vision" : "evals" })).id);
    }
    const list = (query: string, headers = {}): Promise<Json> => json(call(own.secret, "GET", `/v1/files${query}`, undefined, headers));
    const of = ({ data }: Json): string[] => data.map(({ id }: Json) => id.replace("_", "-"));
    expect(await list("?limit=2")).toMatchObject({ object: "list", has_more: true, first_id: ids[0], last_id: ids[1] });
    expect(of(await list(`?limit=9&after=${ids[1]}`))).toEqual(ids.slice(2));
    expect(of(await list("?order=asc&limit=3"))).toEqual(ids.toReversed().slice(0, 3));
    expect(of(await list("?purpose=vision"))).toEqual([ids[1], ids[3]]);
    const page = await list("?limit=2&beta=true", anthropic);
    expect(page).toMatchObject({ has_more: true, next_page: page.data[1].id, last_id: page.data[1].id });
    expect(of(await list(`?limit=3&page=${page.next_page}`, anthropic))).toEqual(ids.slice(2));
    expect(of(await list(`?limit=3&after_id=${page.last_id}`, anthropic))).toEqual(ids.slice(2));
    expect(of(await list(`?limit=1&before_id=${ids[2]}`, anthropic))).toEqual([ids[1]]);
    expect(await list(`?ids[]=${ids[4]}&ids[]=${ids[0]}&ids[]=file_none`, anthropic)).toMatchObject({ data: [{ size_bytes: 5 }, { size_bytes: 5 }], next_page: null, has_more: false });
    for (const query of ["?limit=0", "?limit=10001", "?limit=x", "?order=up", "?limit=1&limit=2"]) await expectRefusal(await call(own.secret, "GET", `/v1/files${query}`), 400, "invalid_request");
  });

  test("expires when it was told to, and not later", async () => {
    const file = await upload(mine, { "expires_after[anchor]": "created_at", "expires_after[seconds]": "3600" });
    expect(file.expires_at - file.created_at).toBe(3_600);
    vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(Date.now() + 3_601_000);
    for (const path of ["", "/content"]) await expectRefusal(await call(mine.secret, "GET", `/v1/files/${file.id}${path}`), 404, "not_found");
    expect((await json(call(mine.secret, "GET", "/v1/files"))).data.map(({ id }: Json) => id)).not.toContain(file.id);
  });

  test("is nobody else's, by any URL", async () => {
    const file = await upload(theirs);
    for (const [method, path] of [["GET", ""], ["GET", "/content"], ["DELETE", ""]]) {
      await expectRefusal(await call(mine.secret, method!, `/v1/files/${file.id}${path}`), 404, "not_found");
      await expectRefusal(await call(mine.secret, method!, `/v1/files/${file.id.replace("-", "_")}${path}`, undefined, anthropic), 404, "not_found", "anthropic");
    }
    expect((await json(call(mine.secret, "GET", `/v1/files?after=${file.id}&order=asc`))).data.map(({ id }: Json) => id)).not.toContain(file.id);
    expect((await json(call(mine.secret, "GET", `/v1/files?ids[]=${file.id}`, undefined, anthropic))).data).toEqual([]);
    expect((await content(theirs, file.id)).bytes).toEqual(text("hello"));
  });
});

describe("a range", () => {
  test("is exactly that slice, whatever is asked", async () => {
    const bytes = bytesOf(200_000);
    const { id } = await upload(mine, { file: fileOf(bytes, "a.bin") });
    await fc.assert(fc.asyncProperty(fc.nat(200_100), fc.nat(200_100), fc.constantFrom("both", "from", "suffix"), async (a, b, kind) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const asked = kind === "both" ? `bytes=${from}-${to}` : kind === "from" ? `bytes=${from}-` : `bytes=-${from}`;
      const slice = kind === "suffix" ? bytes.subarray(Math.max(0, bytes.length - from)) : bytes.subarray(from, kind === "both" ? to + 1 : undefined);
      const { response, bytes: came } = await content(mine, id, { range: asked });
      if (slice.length === 0) {
        expect([response.status, response.headers.get("content-range")]).toEqual([416, "bytes */200000"]);
        return;
      }
      expect([response.status, came.length, came.every((byte, at) => byte === slice[at])]).toEqual([206, slice.length, true]);
      expect(response.headers.get("content-range")).toBe(`bytes ${slice.byteOffset}-${slice.byteOffset + slice.length - 1}/200000`);
    }), { numRuns: 30 });
    const behind = await content(mine, id, { range: "bytes=200000-", ...anthropic });
    expect(JSON.parse(new TextDecoder().decode(behind.bytes))).toMatchObject({ type: "error", error: { type: "invalid_request_error", details: { error_code: "range_not_satisfiable" } } });
    expect((await content(mine, id, { range: "bytes=5-9", "if-range": "\"x\"" })).response.status).toBe(200);
  });

  test.each<[string | undefined, ReturnType<typeof rangeOf>]>([
    [undefined, "all"], ["bytes=0-0", { offset: 0, length: 1 }], ["Bytes = 5 - ", { offset: 5, length: 5 }], ["bytes=5-99", { offset: 5, length: 5 }], ["bytes=-3", { offset: 7, length: 3 }], ["bytes=-99", { offset: 0, length: 10 }],
    ["bytes=10-", undefined], ["bytes=-0", undefined], ["bytes=3-2", "all"], ["bytes=0-1,3-4", "all"], ["lines=0-1", "all"], ["bytes=-", "all"], ["bytes=a-b", "all"], ["bytes=0x1-2", "all"], [`bytes=${"9".repeat(40)}-`, "all"], ["", "all"],
  ])("%s of ten bytes", (header, range) => expect(rangeOf(header, 10)).toEqual(range));
});

describe("hostile uploads", () => {
  const boundary = "xYzXyZ";
  const type = { "content-type": `multipart/form-data; boundary=${boundary}` };
  const part = (name: string, value: string, more = ""): string => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
  const end = `--${boundary}--\r\n`;
  const purpose = part("purpose", "user_data");
  const file = (name = "a.txt", value = "x"): string => part("file", value, `; filename="${name}"`);

  test("leave nothing, and hear clearly what was wrong", async () => {
    const own = await newKey();
    const refused: [what: string, answer: () => Promise<Response>, status: number, code: string][] = [
      ["no form", () => raw(own, "{}", { "content-type": "application/json" }), 415, "unsupported_media_type"],
      ["no boundary", () => raw(own, file() + end, { "content-type": "multipart/form-data" }), 415, "unsupported_media_type"],
      ["a boundary that is not there", () => raw(own, file() + end, { "content-type": "multipart/form-data; boundary=other" }), 400, "invalid_request"],
      ["nothing", () => raw(own, end, type), 400, "invalid_request"],
      ["no end", () => raw(own, purpose + file(), type), 400, "invalid_request"],
      ["a file that breaks off", () => raw(own, (purpose + file("a", "y".repeat(300_000))).slice(0, -50), type), 400, "invalid_request"],
      ["a part without a name", () => raw(own, `--${boundary}\r\nContent-Disposition: form-data\r\n\r\nx\r\n${end}`, type), 400, "invalid_request"],
      ["a name with a NUL", () => raw(own, purpose + file("a\u0000.txt") + end, type), 400, "invalid_request"],
      ["a name that ends its header", () => raw(own, purpose + file("a\r\nX: y") + end, type), 400, "invalid_request"],
      ["gzip", () => raw(own, purpose + file() + end, { ...type, "content-encoding": "gzip" }), 415, "unsupported_media_type"],
      ["two files", () => raw(own, purpose + file() + file() + end, type), 400, "invalid_request"],
      ["two purposes", () => raw(own, file() + purpose + purpose + end, type), 400, "invalid_request"],
      ["no purpose", () => raw(own, file() + end, type), 400, "invalid_request"],
      ["a purpose nobody knows, after the file", () => raw(own, file() + part("purpose", "batch_output") + end, type), 400, "invalid_request"],
      ["a purpose that is a file", () => raw(own, file() + part("purpose", "x", "; filename=\"p\"") + end, type), 400, "invalid_request"],
      ["a file that is text", () => raw(own, purpose + part("file", "x") + end, type), 400, "invalid_request"],
      ["no file", () => raw(own, purpose + end, type), 400, "invalid_request"],
      ["a field of 100 kB", () => raw(own, part("purpose", "y".repeat(100_000)) + file() + end, type), 400, "invalid_request"],
      ["300 fields", () => raw(own, Array.from({ length: 300 }, (_, at) => part(`f${at}`, "x")).join("") + purpose + file() + end, type), 400, "invalid_request"],
      ["an expiry without its anchor", () => raw(own, purpose + file() + part("expires_after[seconds]", "3600") + end, type), 400, "invalid_request"],
      ["an anchor without an expiry", () => raw(own, purpose + file() + part("expires_after[anchor]", "created_at") + end, type), 400, "invalid_request"],
      ["another anchor", () => raw(own, purpose + part("expires_after[anchor]", "last_active_at") + file() + end, type), 400, "invalid_request"],
      ...["3599", "2592001", "1e4", "-1", "NaN", "3600.5"].map((value): (typeof refused)[number] => [`an expiry of ${value}`, () => raw(own, purpose + file() + part("expires_after[seconds]", value) + part("expires_after[anchor]", "created_at") + end, type), 400, "invalid_request"]),
    ];
    for (const [what, answer, status, code] of refused) {
      const response = await answer();
      expect([what, response.status]).toEqual([what, status]);
      await expectRefusal(response, status, code);
    }
    const named = await expectRefusal(await raw(own, part("purpose", "fun") + file() + end, type), 400, "invalid_request");
    expect(named).toEqual({ ...named, param: "purpose", message: expect.stringContaining("assistants, batch, fine-tune, vision, user_data, evals") });
    await expectRefusal(await raw(own, file() + part("expires_in_seconds", "60") + end, { ...type, ...anthropic }), 400, "invalid_request", "anthropic");
    expect(await kept(own)).toEqual({ objects: 0, loose: 0, rows: 0 });
  });

  test("that claim to be 2 GB are refused before they are read", async () => {
    let pulled = 0;
    const body = new ReadableStream({ pull: (controller) => void (pulled++ < 3 ? controller.enqueue(text(purpose)) : controller.close()) }, { highWaterMark: 0 });
    await expectRefusal(await raw(mine, body, { ...type, "content-length": String(2 ** 31) }), 413, "request_too_large");
  });

  test("of bytes that explode when they are unpacked are bytes", async () => {
    const zeros = new Response(new Blob([new Uint8Array(1_000_000)]).stream().pipeThrough(new CompressionStream("gzip")));
    const bomb = new Uint8Array(await zeros.arrayBuffer());
    const { id, bytes } = await upload(mine, { file: fileOf(bomb, "bomb.zip", "application/zip") });
    expect(bytes).toBe(bomb.length);
    expect((await content(mine, id)).bytes).toEqual(bomb);
  });

  test.each<[said: string, stored: string]>([
    ["../../etc/passwd", "passwd"], ["..\\..\\boot.ini", "boot.ini"], ["..", "unnamed"], ["", "unnamed"], ["/", "unnamed"], ["a\u0085b.txt", "ab.txt"], ["Ünïcödé 文件 🗂.txt", "Ünïcödé 文件 🗂.txt"],
    ["evil\u202egnp.exe", "evilgnp.exe"], ["x".repeat(10_000), "x".repeat(255)], ["<script>alert(1)<.html", "<script>alert(1)<.html"], ["a;b=c.txt", "a;b=c.txt"], ["a\r\nset-cookie: b=1", "a%0Aset-cookie: b=1"],
  ])("a file called %j is stored as %j, and its name does no harm", async (said, stored) => {
    const answer = await upload(mine, { file: fileOf("<script>", said, "text/html") });
    expect(answer.filename).toBe(stored);
    const { response } = await content(mine, answer.id);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="[^"\\]*"; filename\*=UTF-8''[\w%.!#$&+^`|~-]*$/);
    expect(response.headers.get("set-cookie")).toBeNull();
  });

  test("a disposition says any name back, on one line of ASCII", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => {
      const header = dispositionOf(name);
      expect(header).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeURIComponent(header.split("''")[1]!)).toBe(name.toWellFormed());
    }), { numRuns: 30 });
  });

  test("fields may come after the file, and others are passed over", async () => {
    const answer = await json(raw(mine, file("a.csv", "1,2") + part("user", "me") + part("expires_after[seconds]", "3600") + part("expires_after[anchor]", "created_at") + part("purpose", "assistants") + end, type));
    expect(answer).toMatchObject({ purpose: "assistants", bytes: 3, expires_at: answer.created_at + 3_600 });
  });
});

describe("an upload in parts", () => {
  const open = (key: Key, bytes: number, more: Json = {}): Promise<Json> => json(call(key.secret, "POST", "/v1/uploads", { filename: "big.jsonl", purpose: "batch", bytes, mime_type: "text/jsonl", ...more }));
  const add = (key: Key, id: string, bytes: Bytes): Promise<Response> => post(key, `/v1/uploads/${id}/parts`, { data: new Blob([bytes]) });
  const added = async (key: Key, id: string, bytes: Bytes): Promise<string> => (await json(add(key, id, bytes))).id;
  const complete = (key: Key, id: string, body: Json): Promise<Response> => call(key.secret, "POST", `/v1/uploads/${id}/complete`, body);
  const md5 = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> => new Uint8Array(await crypto.subtle.digest("MD5", bytes)).toHex();

  test("becomes a file in the order of its part_ids, and ranges go across parts", async () => {
    const own = await newKey();
    const bytes = bytesOf(200_000);
    const cuts = [0, 70_000, 70_001, 150_000, 200_000];
    const pieces = cuts.slice(1).map((to, at) => bytes.slice(cuts[at], to));
    const upload = await open(own, bytes.length, { expires_after: { anchor: "created_at", seconds: 3_600 } });
    expect(upload).toEqual({ id: expect.stringMatching(/^upload_/), object: "upload", bytes: 200_000, filename: "big.jsonl", purpose: "batch", status: "pending", created_at: expect.any(Number), expires_at: upload.created_at + 3_600, file: null });
    const ids: string[] = [];
    for (const at of [2, 0, 3, 1]) ids[at] = await added(own, upload.id, pieces[at]!);
    await added(own, upload.id, "sent twice, and left out");
    const wrong = await expectRefusal(await complete(own, upload.id, { part_ids: ids, md5: "0".repeat(32) }), 400, "invalid_request");
    expect(wrong.param).toBe("md5");
    const done = await json(complete(own, upload.id, { part_ids: ids, md5: (await md5(bytes)).toUpperCase() }));
    expect(done).toMatchObject({ id: upload.id, status: "completed", file: { object: "file", bytes: 200_000, filename: "big.jsonl", purpose: "batch", expires_at: expect.any(Number) } });
    expect(await json(complete(own, upload.id, { part_ids: ids }))).toEqual(done);
    const came = await content(own, done.file.id);
    expect([came.bytes.length, await md5(came.bytes)]).toEqual([200_000, await md5(bytes)]);
    for (const [from, to] of [[69_999, 70_001], [0, 199_999], [149_998, 150_001], [70_000, 70_000]] as const) {
      const { bytes: slice } = await content(own, done.file.id, { range: `bytes=${from}-${to}` });
      expect(slice).toEqual(bytes.slice(from, to + 1));
    }
    expect(await kept(own)).toEqual({ objects: 4, loose: 0, rows: 1 });
    await expectRefusal(await add(own, upload.id, "late"), 400, "invalid_request");
    await expectRefusal(await call(own.secret, "POST", `/v1/uploads/${upload.id}/cancel`), 400, "invalid_request");
    await call(own.secret, "DELETE", `/v1/files/${done.file.id}`);
    expect(await kept(own)).toEqual({ objects: 0, loose: 0, rows: 0 });
    expect(await json(complete(own, upload.id, { part_ids: ids }))).toEqual({ ...done, file: null });
  });

  test("completed twice at once is one file", async () => {
    const upload = await open(mine, 3);
    const part = await added(mine, upload.id, "abc");
    const both = await Promise.all([1, 2].map(() => json(complete(mine, upload.id, { part_ids: [part] }))));
    expect(both[0]).toEqual(both[1]);
    expect((await content(mine, both[0]!.file.id)).bytes).toEqual(text("abc"));
  });

  test("is refused what is not its own, or not right", async () => {
    const [upload, other, foreign] = [await open(mine, 6), await open(mine, 6), await open(theirs, 6)];
    const [part, elsewhere, abroad] = [await added(mine, upload.id, "abc"), await added(mine, other.id, "def"), await added(theirs, foreign.id, "abcdef")];
    for (const part_ids of [[part, elsewhere], [part, abroad], [part, part], [part], ["part_none"], []]) await expectRefusal(await complete(mine, upload.id, { part_ids }), 400, "invalid_request");
    for (const what of ["complete", "cancel"]) await expectRefusal(await call(mine.secret, "POST", `/v1/uploads/${foreign.id}/${what}`, { part_ids: [abroad] }), 404, "not_found");
    await expectRefusal(await add(mine, foreign.id, "x"), 404, "not_found");
    await expectRefusal(await add(mine, upload.id, "more than six"), 400, "invalid_request");
    await expectRefusal(await add(mine, upload.id, ""), 400, "invalid_request");
    for (const given of [{ file: new Blob(["x"]) }, { data: "text" }, { data: [new Blob(["x"]), new Blob(["y"])] }] as Given[]) await expectRefusal(await post(mine, `/v1/uploads/${other.id}/parts`, given), 400, "invalid_request");
    for (const body of [{ bytes: 0 }, { bytes: 8 * 1024 ** 3 + 1 }, { bytes: 1.5 }, { bytes: "1" }, { purpose: "fun" }, { filename: "" }, { expires_after: { anchor: "x", seconds: 3_600 } }]) {
      await expectRefusal(await call(mine.secret, "POST", "/v1/uploads", { filename: "a", purpose: "batch", bytes: 1, mime_type: "text/plain", ...body }), 400, "invalid_request");
    }
    await expectRefusal(await complete(mine, upload.id, { part_ids: [part], md5: "x" }), 400, "invalid_request");
    expect(await json(complete(theirs, foreign.id, { part_ids: [abroad] }))).toMatchObject({ status: "completed" });
  });

  test("that is cancelled, or takes longer than an hour, leaves nothing", async () => {
    const own = await newKey();
    const [one, other] = [await open(own, 3), await open(own, 3)];
    const part = await added(own, other.id, "abc");
    await added(own, one.id, "abc");
    for (let again = 0; again < 2; again++) expect(await json(call(own.secret, "POST", `/v1/uploads/${one.id}/cancel`))).toMatchObject({ id: one.id, status: "cancelled", file: null });
    await expectRefusal(await add(own, one.id, "abc"), 400, "invalid_request");
    vi.useFakeTimers({ toFake: ["Date"] }).setSystemTime(Date.now() + 3_600_001);
    const late = await expectRefusal(await complete(own, other.id, { part_ids: [part] }), 400, "invalid_request");
    expect(late.message).toContain("expired");
    await expectRefusal(await add(own, other.id, "abc"), 400, "invalid_request");
    const { tidy } = await import("../../src/pipeline/tidy.ts");
    await tidy(env, Date.now());
    expect(await kept(own)).toEqual({ objects: 0, loose: 0, rows: 0 });
  });
});

describe("a request that names a file", () => {
  const model = "openai/gpt-test";
  const chat = (...content: Json[]): Json => ({ model, big: 12345678901234567890n, messages: [{ role: "user", content: [{ type: "text", text: "read" }, ...content] }] });
  const exactly = (body: Json): string => JSON.stringify(body, (_, value: unknown) => (typeof value === "bigint" ? JSON.rawJSON(String(value)) : value));
  const ask = (key: Key, path: string, body: Json, headers: Record<string, string> = {}): Promise<Response> =>
    send(path, { method: "POST", headers: { ...bearer(key.secret), "content-type": "application/json", ...headers }, body: exactly(body) });
  const base64 = (value: string): string => btoa(value);
  /** What the provider was sent. */
  async function told(key: Key, path: string, body: Json, headers: Record<string, string> = {}): Promise<Json> {
    const left = outside();
    const response = await ask(key, path, body, headers);
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
    expect(prompts(left)).toHaveLength(1);
    return JSON.parse(prompts(left)[0]!.body) as Json;
  }

  let pdf: Json;
  let png: Json;
  let csv: Json;
  beforeAll(async () => {
    outside();
    [pdf, png, csv] = [await upload(mine, { file: fileOf("%PDF", "a.pdf") }), await upload(mine, { file: fileOf("\x89PNG", "b.png") }), await upload(mine, { file: fileOf("1,2", "c.csv") })];
  });

  test("of chat completions takes its bytes along, and everything else as it was", async () => {
    const sent = outside();
    await (await ask(mine, "/v1/chat/completions", chat({ type: "file", file: { file_id: pdf.id } }, { type: "file", file: { file_id: png.id.replace("-", "_") } }, { type: "file", file: { file_id: "file-theirProvidersOwn" } }))).text();
    const { body } = prompts(sent)[0]!;
    expect(body).toContain("12345678901234567890");
    expect(JSON.parse(body).messages[0].content.slice(1)).toEqual([
      { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${base64("%PDF")}` } },
      { type: "image_url", image_url: { url: `data:image/png;base64,${btoa("\u00c2\u0089PNG")}` } },
      { type: "file", file: { file_id: "file-theirProvidersOwn" } },
    ]);
  });

  test("of Responses and of Messages is told to a model of another protocol", async () => {
    const input = [{ role: "user", content: [{ type: "input_text", text: "read" }, { type: "input_file", file_id: csv.id }, { type: "input_image", file_id: png.id, detail: "low" }] }];
    const groq = (left: Json): Json[] => left.messages[0].content;
    const responded = await told(mine, "/v1/responses", { model: "groq/gpt-test", input });
    expect(JSON.stringify(responded)).toContain(base64("1,2"));
    expect(JSON.stringify(responded)).not.toContain("file_id");
    const content = [{ type: "document", source: { type: "file", file_id: pdf.id.replace("-", "_") } }, { type: "image", source: { type: "file", file_id: png.id } }, { type: "document", source: { type: "file", file_id: csv.id } }];
    const messaged = groq(await told(mine, "/v1/messages", { model, max_tokens: 9, messages: [{ role: "user", content }] }, anthropic));
    expect(JSON.stringify(messaged)).toContain(base64("%PDF"));
    expect(JSON.stringify(messaged)).toContain("1,2");
    expect(JSON.stringify(messaged)).not.toContain("file_id");
  });

  test("is refused where there is none of that id for this organisation", async () => {
    const left = outside();
    const foreign = await upload(theirs);
    for (const id of [foreign.id, `file-${"0".repeat(27)}`]) {
      const refused = await expectRefusal(await ask(mine, "/v1/chat/completions", chat({ type: "file", file: { file_id: id } })), 404, "not_found");
      expect(refused.param).toBe("messages[0].content[1].file.file_id");
      await expectRefusal(await ask(mine, "/v1/messages", { model, max_tokens: 9, messages: [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: id } }] }] }, anthropic), 404, "not_found", "anthropic");
    }
    expect(prompts(left)).toEqual([]);
  });

  test("is refused where the protocol has no words for the file, or it is too much for one request", async () => {
    const zip = await upload(mine, { file: fileOf("PK", "d.zip") });
    await expectRefusal(await ask(mine, "/v1/messages", { model, max_tokens: 9, messages: [{ role: "user", content: [{ type: "document", source: { type: "file", file_id: zip.id } }] }] }, anthropic), 400, "invalid_request", "anthropic");
    const big = await upload(mine, { file: fileOf(new Uint8Array(4_000_000), "e.pdf") });
    const often = Array.from({ length: 4 }, () => ({ type: "file", file: { file_id: big.id } }));
    await expectRefusal(await ask(mine, "/v1/chat/completions", chat(...often)), 413, "request_too_large");
  });

  test("elsewhere than in content is left alone", async () => {
    const body = await told(mine, "/v1/chat/completions", { ...chat(), big: 1, metadata: { type: "file", file_id: pdf.id }, tools: [{ type: "function", function: { name: "f", parameters: { type: "input_file", file_id: pdf.id } } }] });
    expect(body).toMatchObject({ metadata: { file_id: pdf.id }, tools: [{ function: { parameters: { file_id: pdf.id } } }] });
  });
});
