/**
 * An object's SQLite and its alarm. Writes between two waits are one transaction; it is durable a while later, and a crash loses any
 * number of the newest that were not. What an object tells others leaves when all it has written so far is durable (the output gate).
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";

type Value = string | number | null;

export class Disk {
  /** Whether it was written to since somebody last set this to false. */
  touched = false;
  private readonly db = new DatabaseSync(":memory:");
  private readonly statements = new Map<string, StatementSync>();
  /** Transactions are numbered: the newest, the newest that is durable, and the first of those kept as savepoints. */
  private newest = 0;
  private durable = 0;
  private first = 0;
  private isOpen = false;
  private waiting: { until: number; go: () => void }[] = [];

  constructor() {
    this.db.exec("CREATE TABLE alarm_ (one INTEGER PRIMARY KEY, at INTEGER NOT NULL)");
  }

  exec(query: string, ...values: Value[]): { toArray: () => Record<string, unknown>[]; rowsWritten: number } {
    const writes = !/^\s*(?:SELECT|WITH)\b/.test(query);
    if (writes) this.write();
    if (/^\s*CREATE/.test(query)) {
      this.db.exec(query);
      return { toArray: () => [], rowsWritten: 0 };
    }
    let statement = this.statements.get(query);
    if (!statement) this.statements.set(query, (statement = this.db.prepare(query)));
    if (writes && !/\bRETURNING\b/.test(query)) {
      const { changes } = statement.run(...values);
      return { toArray: () => [], rowsWritten: changes };
    }
    const rows = statement.all(...values);
    return { toArray: () => rows, rowsWritten: writes ? rows.length : 0 };
  }

  get alarm(): number | null {
    return (this.exec("SELECT at FROM alarm_").toArray()[0]?.at as number | undefined) ?? null;
  }

  set alarm(ms: number | null) {
    if (ms === null) this.exec("DELETE FROM alarm_");
    else this.exec("INSERT INTO alarm_ VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET at = ?1", ms);
  }

  private write(): void {
    this.touched = true;
    if (this.isOpen) return;
    this.isOpen = true;
    this.newest += 1;
    if (this.first === 0) this.first = this.newest;
    this.db.exec(`SAVEPOINT t${this.newest}`);
  }

  /** Ends the transaction that this turn has begun. Returns its number, or undefined when there was none. */
  endTurn(): number | undefined {
    if (!this.isOpen) return undefined;
    this.isOpen = false;
    return this.newest;
  }

  /** Everything up to this transaction is durable. */
  confirm(transaction: number): void {
    if (transaction <= this.durable || transaction > this.newest) return;
    this.durable = transaction;
    if (this.durable === this.newest && !this.isOpen) this.commit();
    const gone = this.waiting.filter(({ until }) => until <= transaction);
    this.waiting = this.waiting.filter(({ until }) => until > transaction);
    for (const { go } of gone) go();
  }

  /** Runs `go` once everything written so far is durable. Never, when a crash comes first. */
  whenDurable(go: () => void): void {
    if (this.durable === this.newest) go();
    else this.waiting.push({ until: this.newest, go });
  }

  /** The process dies. `share` (0…1) of the transactions that were not durable yet are there all the same. */
  crash(share: number): void {
    this.waiting = [];
    const kept = this.durable + Math.floor(share * (this.newest - this.durable + 1));
    if (kept < this.newest) this.db.exec(`ROLLBACK TO t${kept + 1}`);
    this.isOpen = false;
    this.commit();
    this.touched = true;
    this.newest += 1; // confirmations still under way mean what is gone
    this.durable = this.newest;
  }

  private commit(): void {
    if (this.first > 0) this.db.exec(`RELEASE t${this.first}`);
    this.first = 0;
  }

  close(): void {
    this.db.close();
  }
}
