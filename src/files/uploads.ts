/** Files that come in parts, in any order: each part is an object of its own, and completing an upload says which ones are the file, without moving a byte. */
import { GatewayError } from "../errors.ts";
import { Cipher } from "./cipher.ts";
import { newDigits, newFileId, type FileMeta, type StoredFile } from "./file.ts";
import type { Files } from "./files.ts";
import { fileTooLarge, heldBytes, heldSql, storageFull } from "./held.ts";

export type Upload = {
  readonly id: string;
  readonly organisationId: string;
  readonly fileId: string;
  readonly filename: string;
  readonly purpose: string;
  readonly type: string;
  /** What the file will have. */
  readonly bytes: number;
  readonly status: "pending" | "completed" | "cancelled" | "expired";
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
};
export type NewUpload = Omit<FileMeta, "id" | "expiresAtMs"> & { readonly bytes: number; readonly fileLivesMs?: number | undefined };

/** One hour to send all parts, as OpenAI has it. */
const livesMs = 3_600_000;
/** How long an upload that is over is known. */
const knownForMs = 30 * 86_400_000;
export const mostParts = 2_000;
const expiredAtOnce = 200;
const mostRounds = 20;

type Row = {
  id: string; organisation_id: string; file_id: string; filename: string; purpose: string; type: string; bytes: number; status: Upload["status"]; created_at: number; expires_at: number; seal: string;
};
type Part = { id: string; name: string; bytes: number };

const uploadOf = (row: Row, nowMs: number): Upload => ({
  id: row.id, organisationId: row.organisation_id, fileId: row.file_id, filename: row.filename, purpose: row.purpose, type: row.type, bytes: row.bytes,
  status: row.status === "pending" && row.expires_at <= nowMs ? "expired" : row.status, createdAtMs: row.created_at, expiresAtMs: row.expires_at,
});

const invalid = (message: string, param?: string): GatewayError => new GatewayError("invalid_request", message, param === undefined ? {} : { param });
const noSuchUpload = (id: string): GatewayError => new GatewayError("not_found", `There is no upload ${JSON.stringify(id.slice(0, 100))}.`);
const over = ({ status }: Pick<Upload, "status">): GatewayError => invalid(`This upload is ${status}.`);

/** Everything here that names an upload throws `not_found` where the organisation has none of that id, and `invalid_request` where it is over. */
export class Uploads {
  private readonly db: D1Database;
  private readonly files: Files;

  constructor(db: D1Database, files: Files) {
    this.db = db;
    this.files = files;
  }

  /** Opens an upload, for whose bytes there is room from then on. Throws `quota_exceeded`. */
  async create(organisationId: string, { filename, purpose, type, bytes, fileLivesMs }: NewUpload, nowMs: number): Promise<Upload> {
    const [id, fileId] = [`upload_${newDigits(nowMs)}`, newFileId(nowMs)];
    const { seal } = await this.files.keys.create({ organisationId, id: fileId });
    const row = await this.db.prepare(`
      INSERT INTO uploads (id, organisation_id, file_id, filename, purpose, type, bytes, status, created_at, expires_at, file_lives_ms, seal)
      SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8, ?9, ?10, ?11 WHERE ${heldSql("?2", "?8")} + ?7 <= ?12 RETURNING *`,
    ).bind(id, organisationId, fileId, filename, purpose, type, bytes, nowMs, nowMs + livesMs, fileLivesMs ?? null, seal, this.files.mostHeldBytes).first<Row>();
    if (!row) throw storageFull(this.files.mostHeldBytes);
    return uploadOf(row, nowMs);
  }

  async find(organisationId: string, id: string, nowMs: number): Promise<Upload> {
    return uploadOf(await this.row(organisationId, id), nowMs);
  }

  /** Takes a part. Returns its id. */
  async add(organisationId: string, id: string, body: AsyncIterable<Uint8Array>, { mostBytes }: { mostBytes: number }, nowMs: number): Promise<string> {
    const row = await this.pending(organisationId, id, nowMs);
    const key = await this.files.keys.open({ organisationId, id: row.file_id }, row.seal);
    const partId = `part_${newDigits(nowMs)}`;
    const name = `${organisationId}/${id}/${partId}`;
    const bytes = await this.files.objects.write(name, new Cipher(key, name), body, (taken) => {
      if (taken > mostBytes) throw fileTooLarge(mostBytes, "data");
      if (taken > row.bytes) throw invalid(`data: is more than the ${row.bytes} bytes of the whole upload`, "data");
    }, nowMs);
    if (bytes === 0) {
      await this.files.loose.drop([name]);
      throw invalid("data: is empty", "data");
    }
    // Parts that are left out in the end have to be held until then, so they count beside what the upload was opened for.
    const [inserted] = await this.db.batch([
      this.db.prepare(`
        INSERT INTO upload_parts (upload_id, id, name, bytes)
        SELECT ?1, ?2, ?3, ?4 FROM uploads AS u
        WHERE u.id = ?1 AND u.status = 'pending' AND u.expires_at > ?5 AND EXISTS (SELECT 1 FROM loose_objects WHERE name = ?3 AND since > 0)
          AND (SELECT count(*) FROM upload_parts WHERE upload_id = ?1) < ?6
          AND (u.taken_bytes + ?4 <= u.bytes OR ${heldSql("?7", "?5")} + ?4 <= ?8)`,
      ).bind(id, partId, name, bytes, nowMs, mostParts, organisationId, this.files.mostHeldBytes),
      this.db.prepare("UPDATE uploads SET taken_bytes = taken_bytes + ?3 WHERE id = ?1 AND EXISTS (SELECT 1 FROM upload_parts WHERE upload_id = ?1 AND id = ?2)").bind(id, partId, bytes),
      this.db.prepare("DELETE FROM loose_objects WHERE name = ?3 AND EXISTS (SELECT 1 FROM upload_parts WHERE upload_id = ?1 AND id = ?2)").bind(id, partId, name),
    ]);
    if (inserted!.meta.changes > 0) return partId;
    await this.files.loose.drop([name]);
    await this.pending(organisationId, id, nowMs);
    if ((await heldBytes(this.db, organisationId, nowMs)) + bytes > this.files.mostHeldBytes) throw storageFull(this.files.mostHeldBytes);
    throw invalid(`An upload has at most ${mostParts} parts.`);
  }

  /**
   * Makes the file of these parts, in their order. Asked again it answers the same. `md5`: of the whole file, in hex; it is read to see.
   * The file is undefined where it has been deleted since, or has expired.
   */
  async complete(organisationId: string, id: string, partIds: readonly string[], md5: string | undefined, nowMs: number): Promise<{ upload: Upload; file: StoredFile | undefined }> {
    const row = await this.row(organisationId, id);
    if (row.status !== "completed") {
      const upload = uploadOf(row, nowMs);
      if (upload.status !== "pending") throw over(upload);
      const parts = await this.chosen(row, partIds);
      if (md5 !== undefined && (await this.md5Of(row, parts)) !== md5.toLowerCase()) throw invalid("md5: is not that of the bytes that were sent", "md5");
      await this.take(row, parts, nowMs);
    }
    const upload = await this.find(organisationId, id, nowMs);
    if (upload.status !== "completed") throw over(upload);
    return { upload, file: await this.files.find(organisationId, upload.fileId, nowMs) };
  }

  /** Its parts are gone. Asked again it answers the same. */
  async cancel(organisationId: string, id: string, nowMs: number): Promise<Upload> {
    const open = "status = 'pending' AND expires_at > ?3";
    await this.end(`id = ?1 AND organisation_id = ?2 AND ${open}`, "cancelled", [id, organisationId, nowMs]);
    const upload = await this.find(organisationId, id, nowMs);
    if (upload.status !== "cancelled") throw over(upload);
    return upload;
  }

  /** By night: uploads that nobody completed lose their parts, and those that are long over are forgotten. */
  async tidy(nowMs: number): Promise<void> {
    for (let round = 0; round < mostRounds; round += 1) {
      const ended = await this.end(`id IN (SELECT id FROM uploads WHERE status = 'pending' AND expires_at <= ?1 ORDER BY id LIMIT ?2)`, "expired", [nowMs, expiredAtOnce]);
      if (ended < expiredAtOnce) break;
    }
    await this.db.prepare("DELETE FROM uploads WHERE status != 'pending' AND expires_at <= ?").bind(nowMs - knownForMs).run();
  }

  /** Ends the uploads that `which` names, and loosens their parts. Returns how many they were. */
  private async end(which: string, status: "cancelled" | "expired", values: readonly (string | number)[]): Promise<number> {
    const those = `SELECT id FROM uploads WHERE ${which}`;
    const [loosened, , ended] = await this.db.batch([
      this.db.prepare(`INSERT OR REPLACE INTO loose_objects (name, multipart, since) SELECT name, NULL, 0 FROM upload_parts WHERE upload_id IN (${those}) RETURNING name`).bind(...values),
      this.db.prepare(`DELETE FROM upload_parts WHERE upload_id IN (${those})`).bind(...values),
      this.db.prepare(`UPDATE uploads SET status = '${status}' WHERE id IN (${those})`).bind(...values),
    ]);
    await this.files.loose.sweep((loosened!.results as { name: string }[]).map(({ name }) => name));
    return ended!.meta.changes;
  }

  /** The parts that shall be the file. Throws `invalid_request` where one is not the upload's, is named twice, or all together have another length. */
  private async chosen({ id, bytes }: Row, partIds: readonly string[]): Promise<Part[]> {
    const { results } = await this.db.prepare("SELECT id, name, bytes FROM upload_parts WHERE upload_id = ?").bind(id).all<Part>();
    const known = new Map(results.map((part) => [part.id, part]));
    const parts = partIds.map((partId, at) => {
      const part = known.get(partId);
      if (!part) throw invalid(`part_ids[${at}]: is no part of this upload`, `part_ids[${at}]`);
      return part;
    });
    if (new Set(partIds).size < partIds.length) throw invalid("part_ids: names a part twice", "part_ids");
    const sum = parts.reduce((total, part) => total + part.bytes, 0);
    if (sum !== bytes) throw invalid(`part_ids: have ${sum} bytes in all, and the upload was opened for ${bytes}`, "part_ids");
    return parts;
  }

  private async md5Of({ organisation_id: organisationId, file_id: id, seal }: Row, parts: readonly Part[]): Promise<string> {
    const digest = new crypto.DigestStream("MD5");
    const writer = digest.getWriter();
    const key = await this.files.keys.open({ organisationId, id }, seal);
    try {
      for (const part of parts) {
        const bytes = await this.files.objects.read(part, new Cipher(key, part.name), 0, part.bytes);
        if (!bytes) throw new GatewayError("conflict", `The part ${part.id} is gone: was the upload ended meanwhile?`);
        for await (const chunk of bytes) await writer.write(chunk);
      }
      await writer.close();
    } catch (thrown) {
      digest.digest.catch(() => {});
      await writer.abort(thrown).catch(() => {});
      throw thrown;
    }
    return new Uint8Array(await digest.digest).toHex();
  }

  /** In one transaction: the file is there, parts that it does not have are loose, the upload is over. Whoever comes second changes nothing. */
  private async take({ id, organisation_id: organisationId }: Row, parts: readonly Part[], nowMs: number): Promise<void> {
    const open = "EXISTS (SELECT 1 FROM uploads WHERE id = ?1 AND status = 'pending' AND expires_at > ?2)";
    const [, loosened] = await this.db.batch([
      this.db.prepare(`
        INSERT INTO files (id, organisation_id, filename, purpose, type, bytes, created_at, expires_at, objects, seal)
        SELECT file_id, organisation_id, filename, purpose, type, bytes, ?2, ?2 + file_lives_ms, ?3, seal FROM uploads
        WHERE id = ?1 AND organisation_id = ?4 AND status = 'pending' AND expires_at > ?2`,
      ).bind(id, nowMs, JSON.stringify(parts.map(({ name, bytes }) => [name, bytes])), organisationId),
      this.db.prepare(`
        INSERT OR REPLACE INTO loose_objects (name, multipart, since) SELECT name, NULL, 0 FROM upload_parts
        WHERE upload_id = ?1 AND id NOT IN (SELECT value FROM json_each(?3)) AND ${open} RETURNING name`,
      ).bind(id, nowMs, JSON.stringify(parts.map((part) => part.id))),
      this.db.prepare(`DELETE FROM upload_parts WHERE upload_id = ?1 AND ${open}`).bind(id, nowMs),
      this.db.prepare("UPDATE uploads SET status = 'completed' WHERE id = ?1 AND status = 'pending' AND expires_at > ?2").bind(id, nowMs),
    ]);
    await this.files.loose.sweep((loosened!.results as { name: string }[]).map(({ name }) => name));
  }

  private async row(organisationId: string, id: string): Promise<Row> {
    const row = await this.db.prepare("SELECT * FROM uploads WHERE id = ? AND organisation_id = ?").bind(id, organisationId).first<Row>();
    if (!row) throw noSuchUpload(id);
    return row;
  }

  private async pending(organisationId: string, id: string, nowMs: number): Promise<Row> {
    const row = await this.row(organisationId, id);
    const upload = uploadOf(row, nowMs);
    if (upload.status !== "pending") throw over(upload);
    return row;
  }
}
