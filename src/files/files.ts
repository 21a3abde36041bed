/** The files of organisations: rows in D1, bytes in R2. A file is there once all its bytes are, and gone at once when it is deleted or expires. */
import { randomBase62 } from "../accounts/base62.ts";
import type { Masters } from "../accounts/credentials.ts";
import { GatewayError } from "../errors.ts";
import { Cipher, FileKeys } from "./cipher.ts";
import { fileColumns, fileOf, newFileId, storedId, type FileMeta, type FileRow, type StoredFile } from "./file.ts";
import { fileTooLarge, heldBytes, heldSql, storageFull } from "./held.ts";
import { Loose } from "./loose.ts";
import { Objects, type Segment } from "./objects.ts";
import { streamOf } from "./pieces.ts";
import { resealFiles } from "./resealing.ts";

/** Bytes that have been written for a file which is not there yet: `keep` makes it, `drop` removes them. Otherwise the night does. */
export type Written = { readonly organisationId: string; readonly id: string; readonly segment: Segment; readonly seal: string };

export type Range = { readonly offset: number; readonly length: number };
export type ListQuestion = { purpose?: string | undefined; after?: string | undefined; before?: string | undefined; ids?: readonly string[] | undefined; limit: number; order: "asc" | "desc" };

/** How many expired files go in one round of the night. */
const expiredAtOnce = 500;
const mostRounds = 20;

export class Files {
  readonly loose: Loose;
  readonly objects: Objects;
  readonly keys: FileKeys;
  /** What one organisation may hold. */
  readonly mostHeldBytes: number;
  private readonly db: D1Database;
  private readonly masters: Masters;

  constructor({ db, bucket, masters, mostHeldBytes }: { db: D1Database; bucket: R2Bucket; masters: Masters; mostHeldBytes: number }) {
    this.db = db;
    this.loose = new Loose(db, bucket);
    this.objects = new Objects(bucket, this.loose);
    this.keys = new FileKeys(masters);
    this.masters = masters;
    this.mostHeldBytes = mostHeldBytes;
  }

  /** The organisation's file of this id, written as any client would; undefined where there is none, or it has expired. */
  async find(organisationId: string, id: string, nowMs: number): Promise<StoredFile | undefined> {
    const file = await this.row(organisationId, id);
    return file?.expiresAtMs !== undefined && file.expiresAtMs <= nowMs ? undefined : file;
  }

  /** The file's bytes, or a range that lies within them. undefined: they are gone. What is not as it was written breaks the stream off. */
  async read(file: StoredFile, { offset, length }: Range = { offset: 0, length: file.bytes }): Promise<ReadableStream<Uint8Array> | undefined> {
    const { organisationId, id } = file;
    const row = await this.db.prepare("SELECT objects, seal FROM files WHERE id = ? AND organisation_id = ?").bind(id, organisationId).first<{ objects: string; seal: string }>();
    if (!row) return undefined;
    const key = await this.keys.open({ organisationId, id }, row.seal);
    const within = overlaps((JSON.parse(row.objects) as [string, number][]).map(([name, bytes]) => ({ name, bytes })), offset, length);
    const open = ({ segment, from, count }: Overlap) => this.objects.read(segment, new Cipher(key, segment.name), from, count);
    const opened = within.length === 0 ? none() : await open(within[0]!);
    return opened && streamOf(following(opened, within.slice(1), open));
  }

  /**
   * Stores a file whose bytes come one by one: the file, when all of them are there. With an `id` that there is already nothing is read
   * or changed: the answer is that file. Throws what `body` throws, `request_too_large` or `quota_exceeded`; then nothing stays.
   */
  async put(organisationId: string, meta: FileMeta, body: AsyncIterable<Uint8Array>, limits: { mostBytes: number }, nowMs: number): Promise<StoredFile> {
    const there = meta.id === undefined ? undefined : await this.row(organisationId, meta.id);
    if (there) return there;
    return this.keep(await this.write(organisationId, meta.id === undefined ? newFileId(nowMs) : storedId(meta.id), body, limits, nowMs), meta, nowMs);
  }

  /** The first half of `put`, for whoever learns what file it is after its bytes. */
  async write(organisationId: string, id: string, body: AsyncIterable<Uint8Array>, { mostBytes }: { mostBytes: number }, nowMs: number): Promise<Written> {
    const room = this.mostHeldBytes - (await heldBytes(this.db, organisationId, nowMs));
    const name = objectName(organisationId, id);
    const { key, seal } = await this.keys.create({ organisationId, id });
    const bytes = await this.objects.write(name, new Cipher(key, name), body, (taken) => {
      if (taken > mostBytes) throw fileTooLarge(mostBytes);
      if (taken > room) throw storageFull(this.mostHeldBytes);
    }, nowMs);
    return { organisationId, id, segment: { name, bytes }, seal };
  }

  /** The second half: the row, and with it the file, if the organisation still has room for it. */
  async keep(written: Written, { filename, purpose, type, expiresAtMs }: Omit<FileMeta, "id">, nowMs: number): Promise<StoredFile> {
    const { organisationId, id, segment: { name, bytes }, seal } = written;
    const [inserted] = await this.db.batch([
      this.db.prepare(`
        INSERT INTO files (id, organisation_id, filename, purpose, type, bytes, created_at, expires_at, objects, seal)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
        WHERE EXISTS (SELECT 1 FROM loose_objects WHERE name = ?11 AND since > 0) AND ${heldSql("?2", "?7")} + ?6 <= ?12
        ON CONFLICT (id) DO NOTHING RETURNING ${fileColumns}`,
      ).bind(id, organisationId, filename, purpose, type, bytes, nowMs, expiresAtMs ?? null, JSON.stringify([[name, bytes]]), seal, name, this.mostHeldBytes),
      this.db.prepare("DELETE FROM loose_objects WHERE name = ?1 AND EXISTS (SELECT 1 FROM files WHERE id = ?2 AND objects = ?3)").bind(name, id, JSON.stringify([[name, bytes]])),
    ]);
    const row = inserted!.results[0] as FileRow | undefined;
    if (row) return fileOf(row);
    await this.drop(written);
    const there = await this.row(organisationId, id);
    if (there) return there;
    if ((await heldBytes(this.db, organisationId, nowMs)) + bytes > this.mostHeldBytes) throw storageFull(this.mostHeldBytes);
    throw new GatewayError("conflict", "The file could not be kept: store it again.");
  }

  /** Bytes that shall be no file. */
  drop({ segment }: Written): Promise<void> {
    return this.loose.drop([segment.name]);
  }

  /** By id, which grows with time. `after` and `before` need not be there any more. */
  async list(organisationId: string, { purpose, after, before, ids, limit, order }: ListQuestion, nowMs: number): Promise<{ data: StoredFile[]; hasMore: boolean }> {
    const [low, high] = order === "asc" ? [after, before] : [before, after];
    // A page before an id is the one that ends there: read backwards, and turned.
    const backwards = before !== undefined && after === undefined;
    const direction = (order === "asc") !== backwards ? "ASC" : "DESC";
    const { results } = await this.db.prepare(`
      SELECT ${fileColumns} FROM files
      WHERE organisation_id = ?1 AND (expires_at IS NULL OR expires_at > ?2) AND (?3 IS NULL OR purpose = ?3) AND id > ?4 AND id < ?5
        AND (?7 IS NULL OR id IN (SELECT value FROM json_each(?7)))
      ORDER BY id ${direction} LIMIT ?6`,
    ).bind(organisationId, nowMs, purpose ?? null, low === undefined ? "" : storedId(low), high === undefined ? "~" : storedId(high), limit + 1, ids ? JSON.stringify(ids.map(storedId)) : null).all<FileRow>();
    const data = results.slice(0, limit).map(fileOf);
    return { data: backwards ? data.reverse() : data, hasMore: results.length > limit };
  }

  /** Whether there was one. It is gone at once; bytes that R2 does not delete now go by night. */
  async delete(organisationId: string, id: string): Promise<boolean> {
    const which = "files.id = ?1 AND files.organisation_id = ?2";
    const [loosened, deleted] = await this.db.batch([
      this.db.prepare(`${loosen} FROM files, json_each(files.objects) AS object WHERE ${which} RETURNING name`).bind(storedId(id), organisationId),
      this.db.prepare(`DELETE FROM files WHERE ${which}`).bind(storedId(id), organisationId),
    ]);
    await this.loose.sweep((loosened!.results as { name: string }[]).map(({ name }) => name));
    return deleted!.meta.changes > 0;
  }

  /** By night: expired files go, but for inputs of batches that have not ended, and objects that somebody left behind. */
  async tidy(nowMs: number): Promise<void> {
    const expired = `SELECT id FROM files WHERE expires_at <= ?1 AND id NOT IN (${openInputs}) ORDER BY expires_at, id LIMIT ?2`;
    for (let round = 0, gone = expiredAtOnce; gone === expiredAtOnce && round < mostRounds; round += 1) {
      const [, deleted] = await this.db.batch([
        this.db.prepare(`${loosen} FROM files, json_each(files.objects) AS object WHERE files.id IN (${expired})`).bind(nowMs, expiredAtOnce),
        this.db.prepare(`DELETE FROM files WHERE files.id IN (${expired})`).bind(nowMs, expiredAtOnce),
      ]);
      gone = deleted!.meta.changes;
    }
    await this.loose.tidy(nowMs);
  }

  /** Seals keys anew that the previous master secret sealed. Call it until nothing is left. */
  reseal(): Promise<{ resealed: number; left: number }> {
    return resealFiles(this.db, this.keys, this.masters.current);
  }

  private async row(organisationId: string, id: string): Promise<StoredFile | undefined> {
    const row = await this.db.prepare(`SELECT ${fileColumns} FROM files WHERE id = ? AND organisation_id = ?`).bind(storedId(id), organisationId).first<FileRow>();
    return row ? fileOf(row) : undefined;
  }
}

const openInputs = "SELECT input_file_id FROM batches WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling')";
const loosen = "INSERT OR REPLACE INTO loose_objects (name, multipart, since) SELECT object.value ->> 0, NULL, 0";

/** A new name for an object: no two are ever the same, so that writers of the same file cannot spoil each other's. */
const objectName = (organisationId: string, id: string): string => `${organisationId}/${id}/${randomBase62(14, 19)}`;

type Overlap = { readonly segment: Segment; readonly from: number; readonly count: number };

/** Which bytes of which objects a range of the file is. */
function overlaps(segments: readonly Segment[], offset: number, length: number): Overlap[] {
  let start = 0;
  return segments.flatMap((segment) => {
    const from = Math.max(0, offset - start);
    const count = Math.min(segment.bytes, offset + length - start) - from;
    start += segment.bytes;
    return count > 0 ? [{ segment, from, count }] : [];
  });
}

async function* none(): AsyncGenerator<Uint8Array, void> {}

async function* following(first: AsyncIterable<Uint8Array>, rest: readonly Overlap[], open: (one: Overlap) => Promise<AsyncIterable<Uint8Array> | undefined>): AsyncGenerator<Uint8Array, void> {
  yield* first;
  for (const one of rest) {
    const bytes = await open(one);
    if (!bytes) throw new Error(`The object ${one.segment.name} is gone.`);
    yield* bytes;
  }
}
