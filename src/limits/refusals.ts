/**
 * What a key was refused before any provider was asked: how often by hour and code, and the last ones by their ids. One row holds all of it and is written
 * at most once a second behind the answers, so that who hammers writes no more than who errs once; a crash takes the last second with it.
 */
import { statusOf } from "../errors.ts";
import { refusalsKept, rollUpRefusals, type RefusedHour, type RefusedRequest } from "../ledger/refusals.ts";

const schema = "CREATE TABLE IF NOT EXISTS refusals (one INTEGER PRIMARY KEY CHECK (one = 1), json TEXT NOT NULL);";
const writeEveryMs = 1_000;
const hourMs = 3_600_000;
/** How long one that comes again is known by its id. */
const knownMs = 60_000;

/** `recent`: the last ones that D1 may lack, or that may come again; `counts`: absolute, of hours that may still come to more, or that D1 lacks; `untold`: it lacks something. */
type Book = { recent: RefusedRequest[]; counts: RefusedHour[]; untold: boolean };

export class Refusals {
  private readonly sql: SqlStorage;
  private read: Book | undefined;
  private noted = 0;
  private writtenMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sql: SqlStorage) {
    this.sql = sql;
  }

  /** Most keys are refused nothing: the table is there from the first look on. */
  private get book(): Book {
    if (this.read) return this.read;
    this.sql.exec(schema);
    const row = this.sql.exec<{ json: string }>("SELECT json FROM refusals").toArray()[0];
    return (this.read = row ? (JSON.parse(row.json) as Book) : { recent: [], counts: [], untold: false });
  }

  /** Counts one, once by its id as long as that is kept. Nobody waits for its row. */
  note(refused: Omit<RefusedRequest, "at">, nowMs: number): void {
    const { book } = this;
    if (book.recent.some(({ id }) => id === refused.id)) return;
    book.recent = [...book.recent.slice(1 - refusalsKept), { ...refused, at: nowMs }];
    const hour = Math.floor(nowMs / hourMs);
    const row = book.counts.find((one) => one.hour === hour && one.code === refused.code);
    if (row) row.requests += 1;
    else book.counts.push({ hour, code: refused.code, requests: 1 });
    book.untold = true;
    this.noted += 1;
    this.timer ??= setTimeout(() => this.write(), Math.max(0, this.writtenMs + writeEveryMs - nowMs));
  }

  /** Counts what the key's own limits refuse; a key that opens nothing is nobody's. */
  noteOwn(refused: Omit<RefusedRequest, "at" | "status">, nowMs: number): void {
    const status = statusOf[refused.code];
    if (status !== 401) this.note({ ...refused, status }, nowMs);
  }

  /** Whether D1 has yet to hear of something. */
  busy(): boolean {
    return this.book.untold;
  }

  private write(): void {
    clearTimeout(this.timer ?? null);
    this.timer = undefined;
    this.writtenMs = Date.now();
    this.sql.exec("INSERT INTO refusals VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET json = excluded.json", JSON.stringify(this.book));
  }

  /** Tells D1. Safe to repeat: counts are absolute, and on disk here before D1 has them. Throws when D1 does. */
  async rollUp(db: D1Database, owner: { keyId: string; organisationId: string }): Promise<void> {
    const { book, noted } = this;
    if (!book.untold) return;
    this.write();
    const [told, recent] = [book.counts.map((row) => ({ ...row })), new Set(book.recent)];
    await rollUpRefusals(db, owner, told, book.recent);
    const now = Date.now();
    book.recent = book.recent.filter((one) => !recent.has(one) || one.at > now - knownMs);
    // A clock that is set back finds the last hour's count still here.
    const before = Math.floor(now / hourMs) - 1;
    book.counts = book.counts.filter((row) => row.hour >= before || row.requests !== told.find(({ hour, code }) => hour === row.hour && code === row.code)?.requests);
    book.untold = this.noted !== noted;
    this.write();
  }
}
