/**
 * Objects in R2 that no file has, or not yet: each is written down before its first byte and struck out in the transaction that gives
 * it to a file, so that whatever breaks off leaves a row by which it is found.
 */
import { log } from "../telemetry/index.ts";

/** How long something may be written before it counts as left behind. */
const writtenForMs = 86_400_000;
/** What R2 deletes in one call. */
const atOnce = 1_000;
const mostRounds = 20;
/** `since` of what nobody writes any more and nobody may take. */
export const doomed = 0;

type Row = { name: string; multipart: string | null };

export class Loose {
  private readonly db: D1Database;
  private readonly bucket: R2Bucket;

  constructor(db: D1Database, bucket: R2Bucket) {
    this.db = db;
    this.bucket = bucket;
  }

  /** Something will be written under this name. */
  async add(name: string, multipart: string | null, nowMs: number): Promise<void> {
    await this.db.prepare("INSERT INTO loose_objects (name, multipart, since) VALUES (?, ?, ?)").bind(name, multipart, nowMs).run();
  }

  /** Deletes those of the named objects that are still loose; nobody can take them from here on. What R2 does not delete now goes by night. */
  async drop(names: readonly string[]): Promise<void> {
    await this.db.prepare("UPDATE loose_objects SET since = ?2 WHERE name IN (SELECT value FROM json_each(?1))").bind(JSON.stringify(names), doomed).run();
    await this.sweep(names);
  }

  /** Deletes the doomed ones among these. */
  async sweep(names: readonly string[]): Promise<void> {
    const { results } = await this.db.prepare("SELECT name, multipart FROM loose_objects WHERE since = ?2 AND name IN (SELECT value FROM json_each(?1))").bind(JSON.stringify(names), doomed).all<Row>();
    await this.remove(results).catch((error) => log("warn", "objects_left_behind", { count: results.length, message: String(error) }));
  }

  /** Deletes what was left behind, whoever left it. */
  async tidy(nowMs: number): Promise<void> {
    await this.db.prepare("UPDATE loose_objects SET since = ?2 WHERE since <= ?1").bind(nowMs - writtenForMs, doomed).run();
    for (let round = 0; round < mostRounds; round += 1) {
      const { results } = await this.db.prepare("SELECT name, multipart FROM loose_objects WHERE since = ? LIMIT ?").bind(doomed, atOnce).all<Row>();
      if (results.length === 0) return;
      await this.remove(results);
    }
  }

  private async remove(rows: readonly Row[]): Promise<void> {
    for (const { name, multipart } of rows) if (multipart !== null) await this.bucket.resumeMultipartUpload(name, multipart).abort().catch(() => {});
    for (let at = 0; at < rows.length; at += atOnce) {
      const names = rows.slice(at, at + atOnce).map(({ name }) => name);
      await this.bucket.delete(names);
      await this.db.prepare("DELETE FROM loose_objects WHERE name IN (SELECT value FROM json_each(?))").bind(JSON.stringify(names)).run();
    }
  }
}
