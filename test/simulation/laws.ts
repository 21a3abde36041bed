/** What must hold at every moment, read from the disks: the objects' own arithmetic is not asked. */
import type { AccountPool } from "../../src/accounts/budgets.ts";
import { bucketAt } from "../../src/limits/windows.ts";
import type { Place } from "./world.ts";

/** One key's part of a pool's bucket. `granted` as the account has it, `returned` as the key has it. */
type Part = { granted: number; returned: number; heard: { returned: number; spent: number }; spent: number; held: number };
type Sum = Record<"nanoUsd" | "tokens", number>;

const columns = { nanoUsd: "cost_nano_usd", tokens: "input_tokens + output_tokens" } as const;

function demand(holds: boolean, what: string, evidence: unknown): void {
  if (!holds) throw new Error(`${what}: ${JSON.stringify(evidence)}`);
}

export class Laws {
  /** `pool bucket key` → its part. */
  private readonly parts = new Map<string, Part>();
  private readonly pools: readonly AccountPool[];
  /** How much of the first pool was in use, whenever that changed. */
  private readonly course: { atMs: number; used: number }[] = [];
  credits = 0;

  constructor(pools: readonly AccountPool[]) {
    this.pools = pools;
  }

  amountOf({ amount }: AccountPool): number {
    return amount ?? this.credits;
  }

  /** Looks at the disks that were written to, and demands what must hold. */
  look(touched: readonly Place[], nowMs: number): void {
    for (const place of touched) {
      if (place.kind === "account") this.lookAtAccount(place);
      else this.lookAtKey(place);
    }
    for (const pool of this.pools) {
      const { windowStartMs } = bucketAt(pool.window, nowMs);
      let [used, out] = [0, 0];
      for (const [name, part] of this.parts) {
        const [id, bucket, key] = name.split(" ");
        if (id !== pool.id) continue;
        const { granted, returned, heard, spent, held } = part;
        demand(spent + held <= granted - returned, `${key} has more of ${id} than it was handed`, part);
        demand(heard.returned <= returned && heard.spent <= spent, `the account believes of ${key} what never was`, part);
        if (Number(bucket) < windowStartMs) continue;
        used += spent + held;
        out += Math.max(granted - heard.returned, heard.spent);
      }
      demand(out <= this.amountOf(pool), `more of ${pool.id} is handed out than there is`, { out, amount: this.amountOf(pool) });
      demand(used <= out, `more of ${pool.id} is used than is handed out`, { used, out });
      if (pool === this.pools[0] && this.course.at(-1)?.used !== used) this.course.push({ atMs: nowMs, used });
    }
  }

  /** The most that was in use of the first pool at any moment since. */
  mostUsed(sinceMs: number): number {
    const before = this.course.findLastIndex(({ atMs }) => atMs <= sinceMs);
    return Math.max(0, ...this.course.slice(Math.max(0, before)).map(({ used }) => used));
  }

  private part(pool: string, bucket: number, key: string): Part {
    const name = `${pool} ${bucket} ${key}`;
    let part = this.parts.get(name);
    if (!part) this.parts.set(name, (part = { granted: 0, returned: 0, heard: { returned: 0, spent: 0 }, spent: 0, held: 0 }));
    return part;
  }

  private lookAtAccount({ disk }: Place): void {
    for (const part of this.parts.values()) Object.assign(part, { granted: 0, heard: { returned: 0, spent: 0 } }); // a crash takes rows back
    this.credits = disk.exec("SELECT coalesce(sum(nano_usd), 0) AS sum FROM credit").toArray()[0]!.sum as number;
    for (const row of disk.exec("SELECT * FROM handed").toArray() as { pool: string; bucket: number; key: string; granted: number; returned: number; spent: number }[]) {
      const part = this.part(row.pool, row.bucket, row.key);
      part.granted = row.granted;
      part.heard = { returned: row.returned, spent: row.spent };
    }
  }

  private lookAtKey(place: Place): void {
    for (const [name, part] of this.parts) if (name.endsWith(` ${place.name}`)) Object.assign(part, { returned: 0, spent: 0, held: 0 });
    for (const { json } of place.disk.exec("SELECT json FROM allotment").toArray()) {
      const { pool, bucketMs, endMs, returned } = JSON.parse(json as string) as { pool: AccountPool; bucketMs: number; endMs: number; returned: number };
      const { spent, held } = usedOf(place, bucketMs, endMs);
      Object.assign(this.part(pool.id, bucketMs, place.name), { returned, spent: spent[pool.unit], held: held[pool.unit] });
    }
  }
}

/** What a key's ledger says that it has spent and holds of requests from `fromMs` on and before `toMs`. */
export function usedOf({ disk }: Place, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER): { spent: Sum; held: Sum } {
  const sum = (where: string, unit: keyof Sum): number =>
    disk.exec(`SELECT total(${columns[unit]}) AS sum FROM entry WHERE lease IS ${where} AND at >= ?1 AND at < ?2`, fromMs, toMs).toArray()[0]!.sum as number;
  const folded = (unit: keyof Sum): number =>
    disk.exec(`SELECT total(${columns[unit]}) AS sum FROM hourly WHERE hour >= ?1 / 3600000 AND hour < ?2 / 3600000`, fromMs, toMs).toArray()[0]!.sum as number;
  return {
    spent: { nanoUsd: sum("NULL", "nanoUsd") + folded("nanoUsd"), tokens: sum("NULL", "tokens") + folded("tokens") },
    held: { nanoUsd: sum("NOT NULL", "nanoUsd"), tokens: sum("NOT NULL", "tokens") },
  };
}
