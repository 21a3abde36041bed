/** A key's meter as it lies on disk while no process has it open: what a crash has left. */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export type Meter = {
  /** Requests that were ever reserved: open, settled, and folded into hours. */
  reserved: number;
  open: number;
  ids: Set<string>;
  /** Highest request number of a calendar minute: what the rate window goes on from. */
  numberIn: (minute: number) => number;
};

/** The folder of the only meter that a state folder has, and its file. */
function fileOf(stateDir: string): { folder: string; file: string } {
  const folder = join(stateDir, "do", "forge-KeyMeter");
  const file = readdirSync(folder).find((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");
  if (!file) throw new Error(`no meter in ${folder}`);
  return { folder, file };
}

/** Reads the meter from a copy: SQLite's recovery of the write-ahead log must stay the gateway's own. */
export function readMeter(stateDir: string): Meter {
  const { folder, file } = fileOf(stateDir);
  const copy = mkdtempSync(join(tmpdir(), "forge-meter-"));
  try {
    cpSync(folder, copy, { recursive: true });
    const db = new DatabaseSync(join(copy, file));
    const rows = db.prepare("SELECT id, minute, requests, lease FROM entry").all() as { id: string; minute: number; requests: number; lease: number | null }[];
    const { folded } = db.prepare("SELECT coalesce(sum(requests), 0) AS folded FROM hourly").get() as { folded: number };
    db.close();
    return {
      reserved: rows.length + folded,
      open: rows.filter(({ lease }) => lease !== null).length,
      ids: new Set(rows.map(({ id }) => id)),
      numberIn: (minute) => Math.max(0, ...rows.filter((row) => row.minute === minute).map(({ requests }) => requests)),
    };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Makes every lease run out, as if ten minutes had passed. Only while no process has the meter open. */
export function expireLeases(stateDir: string): void {
  const { folder, file } = fileOf(stateDir);
  const db = new DatabaseSync(join(folder, file));
  db.exec("UPDATE entry SET lease = lease - 600000 WHERE lease IS NOT NULL");
  db.close();
}
