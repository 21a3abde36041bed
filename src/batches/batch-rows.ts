/** A batch's rows in its object's own SQLite. What clients sent and models answered stands in them only sealed. */
import type { Batch } from "./batch.ts";
import type { Due, Gap, LineUsage, Piece, Planned, Result, Sums } from "./words.ts";
import { newPart, type Part } from "./part.ts";

/**
 * `part`: `ids`: its lines' custom ids, sealed; the rest of the columns as `Part`, and sums over its results. `result`: one row for each
 * piece of a line's answer, `key` = line × 32 + piece; `code` instead of bytes: why it has none. `answer`: what a provider's own batch said to
 * a line, in pieces likewise, until the line's result is made of it. `due`: what is still to be said to the
 * key's meter; `settle` null: that the request is taken back.
 */
const schema = `
  CREATE TABLE IF NOT EXISTS batch (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS part (
    part INTEGER PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL, first INTEGER NOT NULL, lines INTEGER NOT NULL, ids BLOB,
    lease INTEGER NOT NULL DEFAULT 0, leased_until INTEGER, not_before INTEGER NOT NULL DEFAULT 0, waits INTEGER NOT NULL DEFAULT 0,
    strikes INTEGER NOT NULL DEFAULT 0, completed INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,
    input_tokens INTEGER NOT NULL DEFAULT 0, cached_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0, cost_nano_usd INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE IF NOT EXISTS result (key INTEGER PRIMARY KEY, failed INTEGER NOT NULL, code TEXT, bytes BLOB);
  CREATE TABLE IF NOT EXISTS answer (key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
  CREATE TABLE IF NOT EXISTS due (id TEXT PRIMARY KEY, settle TEXT) WITHOUT ROWID;`;

export const piecesPerLine = 32;
/** What a page of results holds at most before its last piece. */
const pageBytes = 4 * 1024 * 1024;
const gapsPerPage = 64;

type Row = Record<string, SqlStorageValue>;

const partOf = (row: Row): Part => ({
  part: row.part as number, start: row.start as number, end: row.end as number, first: row.first as number, lines: row.lines as number,
  answered: (row.completed as number) + (row.failed as number), lease: row.lease as number, leasedUntilMs: (row.leased_until as number | null) ?? undefined,
  notBeforeMs: row.not_before as number, waits: row.waits as number, strikes: row.strikes as number,
});

const sumColumns = ["completed", "failed", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_nano_usd"];

export class BatchRows {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
  }

  private run(query: string, ...values: SqlStorageValue[]): Row[] {
    return this.sql.exec<Row>(query, ...values).toArray();
  }

  /** Makes the tables. An object that is asked for and has no batch stays without. */
  create(): void {
    this.sql.exec(schema);
  }

  /** undefined: there is none; then there are no tables either. */
  batch(): Batch | undefined {
    if (this.run("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'batch'").length === 0) return undefined;
    const row = this.run("SELECT json FROM batch")[0];
    return row && (JSON.parse(row.json as string) as Batch);
  }

  saveBatch(batch: Batch): void {
    this.run("INSERT INTO batch VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json", JSON.stringify(batch));
  }

  /** Parts that are not done, in order. */
  openParts(): Part[] {
    return this.run("SELECT part, start, end, first, lines, lease, leased_until, not_before, waits, strikes, completed, failed FROM part WHERE lines = 0 OR completed + failed < lines ORDER BY part").map(partOf);
  }

  addPart({ part, start, end, first, lines }: Part, ids: Uint8Array | null): void {
    this.run("INSERT OR REPLACE INTO part (part, start, end, first, lines, ids) VALUES (?, ?, ?, ?, ?, ?)", part, start, end, first, lines, ids as ArrayBuffer | null);
  }

  dropPart(part: number): void {
    this.run("DELETE FROM part WHERE part = ?", part);
  }

  /** Parts of lines, where the reading begins anew. */
  dropPlan(): void {
    this.run("DELETE FROM part WHERE lines > 0");
  }

  savePart({ part, lease, leasedUntilMs, notBeforeMs, waits, strikes }: Part): void {
    this.run("UPDATE part SET lease = ?, leased_until = ?, not_before = ?, waits = ?, strikes = ? WHERE part = ?", lease, leasedUntilMs ?? null, notBeforeMs, waits, strikes, part);
  }

  ids(part: number): Uint8Array | null {
    const bytes = this.run("SELECT ids FROM part WHERE part = ?", part)[0]?.ids as ArrayBuffer | null | undefined;
    return bytes ? new Uint8Array(bytes) : null;
  }

  /** Lines of a part that have results. */
  answered({ first, lines }: Pick<Part, "first" | "lines">): Set<number> {
    const rows = this.run("SELECT key / ?3 AS line FROM result WHERE key >= ?1 * ?3 AND key < ?2 * ?3 AND key % ?3 = 0", first, first + lines, piecesPerLine);
    return new Set(rows.map(({ line }) => line as number));
  }

  /** Lines of a part that have none. */
  openLines(part: Pick<Part, "first" | "lines">): number[] {
    const answered = this.answered(part);
    return Array.from({ length: part.lines }, (_, i) => part.first + i).filter((line) => !answered.has(line));
  }

  /** Writes a line's result, with what is to be posted for it. The first one stays: false where there is one. */
  addResult({ line, failed, code, pieces, settles }: Result): boolean {
    const cursor = this.sql.exec("INSERT OR IGNORE INTO result VALUES (?, ?, ?, ?)", line * piecesPerLine, failed ? 1 : 0, code ?? null, (pieces[0] ?? null) as SqlStorageValue);
    cursor.toArray();
    if (cursor.rowsWritten === 0) return false;
    pieces.slice(1).forEach((bytes, i) => this.run("INSERT INTO result VALUES (?, ?, NULL, ?)", line * piecesPerLine + i + 1, failed ? 1 : 0, bytes as unknown as ArrayBuffer));
    for (const [id, settle] of settles) this.run("INSERT OR IGNORE INTO due VALUES (?, ?)", id, settle);
    return true;
  }

  addToSums(part: number, { completed, failed, usage: { inputTokens, cachedTokens, outputTokens, reasoningTokens, costNanoUsd } }: Sums): void {
    this.run(
      `UPDATE part SET ${sumColumns.map((column) => `${column} = ${column} + ?`).join(", ")} WHERE part = ?`,
      completed, failed, inputTokens, cachedTokens, outputTokens, reasoningTokens, costNanoUsd, part,
    );
  }

  sums(): Sums {
    const row = this.run(`SELECT ${sumColumns.map((column) => `total(${column}) AS ${column}`).join(", ")} FROM part`)[0]! as Record<string, number>;
    const usage: LineUsage = { inputTokens: row.input_tokens!, cachedTokens: row.cached_tokens!, outputTokens: row.output_tokens!, reasoningTokens: row.reasoning_tokens!, costNanoUsd: row.cost_nano_usd! };
    return { completed: row.completed!, failed: row.failed!, usage };
  }

  takeBack(ids: readonly string[]): void {
    for (const id of ids) this.run("INSERT OR IGNORE INTO due VALUES (?, NULL)", id);
  }

  dues(limit: number): Due[] {
    return this.run("SELECT id, settle FROM due ORDER BY id LIMIT ?", limit).map(({ id, settle }) => ({ id: id as string, settle: (settle as string | null) ?? undefined }));
  }

  dropDues(ids: readonly string[]): void {
    this.run("DELETE FROM due WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(ids));
  }

  addAnswers(answers: readonly Piece[]): void {
    for (const { key, bytes } of answers) this.run("INSERT OR IGNORE INTO answer VALUES (?, ?)", key, bytes as unknown as ArrayBuffer);
  }

  dropAnswer(line: number): void {
    this.run("DELETE FROM answer WHERE key >= ?1 * ?2 AND key < (?1 + 1) * ?2", line, piecesPerLine);
  }

  /** A provider's answers to a part's lines, from `from` on. */
  answersOf({ first, lines }: Pick<Part, "first" | "lines">, from: number): { pieces: Piece[]; next: number | undefined } {
    return this.page("SELECT key, bytes FROM answer WHERE key >= ? AND key < ? ORDER BY key", Math.max(from, first * piecesPerLine), (first + lines) * piecesPerLine);
  }

  /** Pieces of answers from `from` on, of lines that failed, that did not, or (undefined) of both. */
  pieces(from: number, failed: boolean | undefined): { pieces: Piece[]; next: number | undefined } {
    return this.page("SELECT key, bytes FROM result WHERE key >= ? AND bytes IS NOT NULL AND (?2 IS NULL OR failed = ?2) ORDER BY key", from, failed === undefined ? null : Number(failed));
  }

  private page(query: string, ...values: SqlStorageValue[]): { pieces: Piece[]; next: number | undefined } {
    const pieces: Piece[] = [];
    let bytes = 0;
    for (const row of this.sql.exec<Row>(query, ...values)) {
      if (bytes >= pageBytes) return { pieces, next: row.key as number };
      const piece = new Uint8Array(row.bytes as ArrayBuffer);
      bytes += piece.length;
      pieces.push({ key: row.key as number, bytes: piece });
    }
    return { pieces, next: undefined };
  }

  /** Lines that have no answer, by part, from part `from` on. */
  gaps(from: number): { gaps: Gap[]; next: number | undefined } {
    const rows = this.run(
      `SELECT part, first, lines, ids FROM part WHERE part >= ?1 AND lines > 0 AND
         (completed + failed < lines OR EXISTS (SELECT 1 FROM result WHERE code IS NOT NULL AND key >= first * ?3 AND key < (first + lines) * ?3)) ORDER BY part LIMIT ?2`,
      from, gapsPerPage + 1, piecesPerLine,
    );
    const gaps = rows.slice(0, gapsPerPage).map((row): Gap => {
      const [first, lines] = [row.first as number, row.lines as number];
      const codes = new Map(this.run("SELECT key / ?3 AS line, code FROM result WHERE key >= ?1 * ?3 AND key < ?2 * ?3", first, first + lines, piecesPerLine).map(({ line, code }) => [line as number, code as string | null]));
      const without = Array.from({ length: lines }, (_, i) => first + i).filter((line) => codes.get(line) !== null);
      return { part: row.part as number, first, ids: new Uint8Array(row.ids as ArrayBuffer), lines: without.map((line) => ({ line, code: codes.get(line) ?? undefined })) };
    });
    return { gaps, next: rows[gapsPerPage]?.part as number | undefined };
  }

  /** The output is written: what it was made of goes. */
  dropLines(): void {
    this.run("DELETE FROM result");
    this.run("DELETE FROM answer");
    this.run("UPDATE part SET ids = NULL");
  }

  plan(parts: readonly Planned[]): void {
    for (const { ids, ...range } of parts) this.addPart(newPart(range.part, range), ids);
  }
}
