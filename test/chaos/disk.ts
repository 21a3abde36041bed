/** Meters and accounts as they lie on disk while no process has them open: what a crash has left. */
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

/** What keys of one organisation have used, and what its account has handed out, in nano-USD. `reserved`: requests that were, ever; `open`: of these, still. */
export type Shared = { spent: number; held: number; reserved: number; open: number; out: number };

type ObjectClass = "KeyMeter" | "OrgAccount";
const folderOf = (stateDir: string, object: ObjectClass): string => join(stateDir, "do", `forge-${object}`);
const filesIn = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite");

/** Reads every object of a class from a copy: SQLite's recovery of the write-ahead log must stay the gateway's own. */
function readAll<T>(stateDir: string, object: ObjectClass, read: (db: DatabaseSync) => T): T[] {
  const folder = folderOf(stateDir, object);
  const copy = mkdtempSync(join(tmpdir(), "forge-meter-"));
  try {
    cpSync(folder, copy, { recursive: true });
    return filesIn(copy).map((file) => {
      const db = new DatabaseSync(join(copy, file));
      try {
        return read(db);
      } finally {
        db.close();
      }
    });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Reads the only meter that a state folder has. */
export function readMeter(stateDir: string): Meter {
  const [meter] = readAll(stateDir, "KeyMeter", (db) => {
    const rows = db.prepare("SELECT id, minute, requests, lease FROM entry").all() as { id: string; minute: number; requests: number; lease: number | null }[];
    const { folded } = db.prepare("SELECT coalesce(sum(requests), 0) AS folded FROM hourly").get() as { folded: number };
    return {
      reserved: rows.length + folded,
      open: rows.filter(({ lease }) => lease !== null).length,
      ids: new Set(rows.map(({ id }) => id)),
      numberIn: (minute: number) => Math.max(0, ...rows.filter((row) => row.minute === minute).map(({ requests }) => requests)),
    };
  });
  if (!meter) throw new Error(`no meter in ${stateDir}`);
  return meter;
}

const isOf = (db: DatabaseSync, organisation: string): boolean =>
  (db.prepare("SELECT json ->> 'organisationId' AS id FROM policy").get() as { id: string } | undefined)?.id === organisation;

/** Reads what an organisation's keys and its account have on disk. */
export function readShared(stateDir: string, organisation: string): Shared {
  const shared: Shared = { spent: 0, held: 0, reserved: 0, open: 0, out: 0 };
  readAll(stateDir, "KeyMeter", (db) => {
    if (!isOf(db, organisation)) return;
    const row = db.prepare(`SELECT (SELECT total(cost_nano_usd) FROM entry WHERE lease IS NULL) + (SELECT total(cost_nano_usd) FROM hourly) AS spent,
      (SELECT total(cost_nano_usd) FROM entry WHERE lease IS NOT NULL) AS held,
      (SELECT count(*) FROM entry WHERE lease IS NOT NULL) AS open, (SELECT count(*) FROM entry) + (SELECT total(requests) FROM hourly) AS reserved`).get() as Record<keyof Shared, number>;
    for (const part of ["spent", "held", "open", "reserved"] as const) shared[part] += row[part];
  });
  readAll(stateDir, "OrgAccount", (db) => {
    if (isOf(db, organisation)) shared.out += (db.prepare("SELECT total(max(granted - returned, spent)) AS out FROM handed").get() as { out: number }).out;
  });
  return shared;
}

/** Makes every lease run out, as if ten minutes had passed. Only while no process has the meters open. */
export function expireLeases(stateDir: string): void {
  const folder = folderOf(stateDir, "KeyMeter");
  for (const file of filesIn(folder)) {
    const db = new DatabaseSync(join(folder, file));
    db.exec("UPDATE entry SET lease = lease - 600000 WHERE lease IS NOT NULL");
    db.close();
  }
}
