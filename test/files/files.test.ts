/** The store of files, over the real R2 and D1. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { Files, newFileId, type FileMeta } from "../../src/files/index.ts";

const now = Date.UTC(2026, 10, 21);
const hour = 3_600_000;
const most = { mostBytes: 64 * 1024 * 1024 };
const masters = { current: "a".repeat(32) };
const filesOf = (over: Partial<ConstructorParameters<typeof Files>[0]> = {}) => new Files({ db: env.DB, bucket: env.FILES, masters, mostHeldBytes: 1e9, ...over });
const files = filesOf();
const meta = (over: Partial<FileMeta> = {}): FileMeta => ({ filename: "a.bin", purpose: "user_data", type: "text/plain", ...over });

let organisations = 0;
async function organisation(): Promise<string> {
  const id = `org_files${organisations++}`;
  await env.DB.prepare("INSERT INTO organisations (id, name, created_at) VALUES (?, 'F', 0)").bind(id).run();
  return id;
}

/** Bytes that differ from place to place. */
const bytesOf = (length: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0, value = seed; at < length; at++) bytes[at] = (value = (value * 1_103_515_245 + 12_345) >>> 0) >>> 16;
  return bytes;
};
async function* coming(bytes: Uint8Array, size = 50_000, fails?: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) {
    if (fails !== undefined && at >= fails) throw new Error("broke off");
    yield bytes.subarray(at, at + size);
  }
}
const whole = async (stream: ReadableStream<Uint8Array> | undefined): Promise<Uint8Array> => new Uint8Array(await new Response(stream).arrayBuffer());
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && crypto.subtle.timingSafeEqual(a, b);
const left = async (organisationId: string) => ({
  objects: (await env.FILES.list({ prefix: `${organisationId}/` })).objects.map(({ key }) => key),
  loose: (await env.DB.prepare("SELECT name FROM loose_objects WHERE name LIKE ? || '/%'").bind(organisationId).all()).results,
});
const nothing = { objects: [], loose: [] };

let mine: string;
let theirs: string;
beforeAll(async () => {
  [mine, theirs] = [await organisation(), await organisation()];
});

describe("a file", () => {
  test.each([0, 1, 65_535, 65_536, 65_537, 80 * 65_536, 81 * 65_536 + 7])("of %i bytes comes back as it went in", async (length) => {
    const bytes = bytesOf(length);
    const file = await files.put(mine, meta(), coming(bytes, 77_777), most, now);
    expect(file).toEqual({ id: expect.stringMatching(/^file-[0-9A-Za-z]{27}$/), organisationId: mine, filename: "a.bin", purpose: "user_data", type: "text/plain", bytes: length, createdAtMs: now, expiresAtMs: undefined });
    expect(await files.find(mine, file.id, now)).toEqual(file);
    expect(await files.find(mine, file.id.replace("-", "_"), now)).toEqual(file);
    expect(same(await whole(await files.read(file)), bytes)).toBe(true);
    expect((await left(mine)).loose).toEqual([]);
    await files.delete(mine, file.id);
  });

  test("is read in any range", async () => {
    const bytes = bytesOf(4 * 65_536 + 100);
    const file = await files.put(mine, meta(), coming(bytes), most, now);
    const edge = fc.oneof(fc.integer({ min: 0, max: bytes.length }), fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: -1, max: 1 })).map(([chunk, by]) => Math.max(0, chunk * 65_536 + by)));
    await fc.assert(fc.asyncProperty(edge, edge, async (a, b) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      expect(same(await whole(await files.read(file, { offset: from, length: to - from })), bytes.subarray(from, to))).toBe(true);
    }), { numRuns: 40 });
  });

  test("lies in R2 sealed, and bytes that were changed, cut, swapped or put elsewhere are noticed", async () => {
    const text = new TextEncoder().encode("a secret of theirs ".repeat(10_000));
    const [one, other] = [await files.put(theirs, meta(), coming(text), most, now), await files.put(theirs, meta(), coming(text), most, now)];
    const keyOf = async (id: string): Promise<string> => (await env.FILES.list({ prefix: `${theirs}/${id}/` })).objects[0]!.key;
    const [key, otherKey] = [await keyOf(one.id), await keyOf(other.id)];
    const sealed = new Uint8Array(await (await env.FILES.get(key))!.arrayBuffer());
    expect(new TextDecoder("latin1").decode(sealed)).not.toContain("secret");
    expect(same(sealed, new Uint8Array(await (await env.FILES.get(otherKey))!.arrayBuffer()))).toBe(false);
    const chunk = 65_536 + 16;
    const flipped = sealed.slice();
    flipped[chunk + 5]! ^= 1;
    const swapped = sealed.slice();
    swapped.set(sealed.subarray(chunk, 2 * chunk), 0);
    swapped.set(sealed.subarray(0, chunk), chunk);
    for (const [name, bytes] of [["flipped", flipped], ["swapped", swapped], ["cut", sealed.subarray(0, 2 * chunk)], ["cut inside", sealed.subarray(0, sealed.length - 1)]] as const) {
      await env.FILES.put(key, bytes);
      await expect(whole(await files.read(one)), name).rejects.toThrow();
    }
    await env.FILES.put(otherKey, sealed);
    await expect(whole(await files.read(other))).rejects.toThrow();
    await env.FILES.delete(key);
    expect(await files.read(one)).toBeUndefined();
  });

  test("of another organisation is not there", async () => {
    const file = await files.put(theirs, meta(), coming(bytesOf(10)), most, now);
    expect(await files.find(mine, file.id, now)).toBeUndefined();
    expect(await files.read({ ...file, organisationId: mine })).toBeUndefined();
    expect(await files.delete(mine, file.id)).toBe(false);
    expect((await files.list(mine, { limit: 100, order: "desc" }, now)).data.map(({ id }) => id)).not.toContain(file.id);
    expect(await files.find(theirs, file.id, now)).toEqual(file);
    await expect(files.put(mine, meta({ id: file.id }), coming(bytesOf(10)), most, now)).rejects.toMatchObject({ code: "conflict" });
  });

  test("that expires is gone at that moment, and its bytes by night", async () => {
    const own = await organisation();
    const file = await files.put(own, meta({ expiresAtMs: now + hour }), coming(bytesOf(10)), most, now);
    const kept = await files.put(own, meta(), coming(bytesOf(10)), most, now);
    expect(await files.find(own, file.id, now + hour - 1)).toEqual(file);
    expect(await files.find(own, file.id, now + hour)).toBeUndefined();
    expect((await files.list(own, { limit: 9, order: "asc" }, now + hour)).data).toEqual([kept]);
    await files.tidy(now + hour);
    expect((await left(own)).objects).toHaveLength(1);
    expect(same(await whole(await files.read(kept)), bytesOf(10))).toBe(true);
  });
});

describe("a writer", () => {
  test("that breaks off leaves nothing behind, wherever it does", async () => {
    const own = await organisation();
    const long = new Uint8Array(5_500_000);
    for (const fails of [0, 70_000, 5_400_000]) {
      await expect(files.put(own, meta(), coming(long, 50_000, fails), most, now)).rejects.toThrow("broke off");
      await expect(files.put(own, meta(), coming(long), { mostBytes: fails }, now)).rejects.toMatchObject({ code: "request_too_large" });
    }
    expect(await left(own)).toEqual(nothing);
    expect((await files.list(own, { limit: 9, order: "asc" }, now)).data).toEqual([]);
  });

  test("that dies without a word is tidied up after by night, and its bytes are no file any more", async () => {
    const own = await organisation();
    const written = await files.write(own, newFileId(now), coming(new Uint8Array(5_500_000)), most, now);
    await files.tidy(now + hour);
    expect((await left(own)).objects).toHaveLength(1);
    await files.tidy(now + 25 * hour);
    expect(await left(own)).toEqual(nothing);
    await expect(files.keep(written, meta(), now + 25 * hour)).rejects.toMatchObject({ code: "conflict" });
  });

  test("that runs twice, or beside itself, ends with one file", async () => {
    const own = await organisation();
    const id = newFileId(now);
    const both = await Promise.all([1, 2].map((seed) => files.put(own, meta({ id }), coming(bytesOf(100_000, seed)), most, now)));
    expect(both[0]).toEqual(both[1]);
    expect(await files.put(own, meta({ id, filename: "b" }), coming(bytesOf(1)), most, now + 1)).toEqual(both[0]);
    const found = await left(own);
    expect(found).toEqual({ objects: [expect.any(String)], loose: [] });
    const bytes = await whole(await files.read(both[0]!));
    expect([1, 2].some((seed) => same(bytes, bytesOf(100_000, seed)))).toBe(true);
  });

  test("gets no more than its organisation has room for, not by being quick either", async () => {
    const own = await organisation();
    const small = filesOf({ mostHeldBytes: 100_000 });
    const tried = await Promise.allSettled(Array.from({ length: 6 }, () => small.put(own, meta(), coming(bytesOf(40_000)), most, now)));
    expect(tried.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    for (const one of tried) if (one.status === "rejected") expect(one.reason).toMatchObject({ code: "quota_exceeded", detail: { shouldRetry: false } });
    expect((await left(own)).objects).toHaveLength(2);
    await expect(small.put(own, meta(), coming(bytesOf(20_001)), most, now)).rejects.toMatchObject({ code: "quota_exceeded" });
    await small.put(own, meta({ expiresAtMs: now + 1 }), coming(bytesOf(20_000)), most, now);
    await small.put(own, meta(), coming(bytesOf(20_000)), most, now + 1);
    expect((await left(own)).loose).toEqual([]);
  });
});

describe("a list", () => {
  test("is paged in both directions, by purpose, also past what was deleted", async () => {
    const own = await organisation();
    const made: string[] = [];
    for (let at = 0; at < 7; at++) made.push((await files.put(own, meta({ purpose: at % 2 ? "batch" : "vision" }), coming(bytesOf(1)), most, now + at)).id);
    const ids = async (question: Parameters<typeof files.list>[1]) => {
      const { data, hasMore } = await files.list(own, question, now + 10);
      return [data.map(({ id }) => made.indexOf(id)), hasMore];
    };
    expect(await ids({ limit: 3, order: "desc" })).toEqual([[6, 5, 4], true]);
    expect(await ids({ limit: 4, order: "desc", after: made[4]! })).toEqual([[3, 2, 1, 0], false]);
    expect(await ids({ limit: 2, order: "asc", after: made[1]! })).toEqual([[2, 3], true]);
    expect(await ids({ limit: 2, order: "desc", before: made[3]! })).toEqual([[5, 4], true]);
    expect(await ids({ limit: 9, order: "desc", purpose: "batch" })).toEqual([[5, 3, 1], false]);
    expect(await files.delete(own, made[4]!)).toBe(true);
    expect(await files.delete(own, made[4]!)).toBe(false);
    expect(await ids({ limit: 2, order: "desc", after: made[4]! })).toEqual([[3, 2], true]);
  });
});

test("a changed master secret opens what the previous one sealed, and seals it anew", async () => {
  const file = await files.put(mine, meta(), coming(bytesOf(100)), most, now);
  const later = filesOf({ masters: { current: "b".repeat(32), previous: masters.current } });
  const alone = filesOf({ masters: { current: "b".repeat(32) } });
  expect(same(await whole(await later.read(file)), bytesOf(100))).toBe(true);
  await expect(alone.read(file)).rejects.toThrow();
  const { resealed, left } = await later.reseal();
  expect([resealed > 0, left]).toEqual([true, 0]);
  expect(same(await whole(await alone.read(file)), bytesOf(100))).toBe(true);
  expect(await later.reseal()).toEqual({ resealed: 0, left: 0 });
});
