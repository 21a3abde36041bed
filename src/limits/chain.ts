/**
 * The links of a key's ledger entries, in its object's own SQLite. Entries are chained when they are rolled up, a page of them at a
 * time, one row each page: a link that was ever shown stays, whatever fails afterwards.
 */
import { linkAfter, noHead, type Chained, type Head, type Link } from "../receipts/chain.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS chain (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL, hash TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS links (page INTEGER PRIMARY KEY, json TEXT NOT NULL);`;

export class Chain {
  private head: Head;
  /** Links of entries that are still here, by id, with the page that each is written on. */
  private readonly links = new Map<string, Link & { page: number }>();
  private readonly left = new Map<number, number>();
  private sealing: Promise<void> = Promise.resolve();
  private readonly sql: SqlStorage;

  /** `here`: ids of entries that are here. A page stays until all of its entries have left, which some have before an object wakes. */
  constructor(sql: SqlStorage, here: ReadonlySet<string>) {
    this.sql = sql;
    sql.exec(schema);
    this.head = sql.exec<Head>("SELECT sequence, hash FROM chain").toArray()[0] ?? noHead;
    for (const { page, json } of sql.exec<{ page: number; json: string }>("SELECT page, json FROM links").toArray()) this.enter(page, JSON.parse(json) as [string, Link][]);
    this.drop([...this.links.keys()].filter((id) => !here.has(id)));
  }

  link(id: string): Link | undefined {
    const known = this.links.get(id);
    return known && { sequence: known.sequence, previous: known.previous, hash: known.hash };
  }

  /** Chains those of `entries` that are not yet, in their order. One page after the other, however many ask. */
  seal(entries: readonly Chained[]): Promise<void> {
    const sealing = this.sealing.then(() => this.sealPage(entries));
    this.sealing = sealing.catch(() => {});
    return sealing;
  }

  /** Forgets the links of entries that have left this object. */
  drop(ids: readonly string[]): void {
    for (const id of ids) {
      const link = this.links.get(id);
      if (!link) continue;
      this.links.delete(id);
      const left = this.left.get(link.page)! - 1;
      this.left.set(link.page, left);
      if (left > 0) continue;
      this.left.delete(link.page);
      this.sql.exec("DELETE FROM links WHERE page = ?", link.page);
    }
  }

  private async sealPage(entries: readonly Chained[]): Promise<void> {
    const page: [string, Link][] = [];
    let { head } = this;
    for (const entry of entries) {
      if (this.links.has(entry.id)) continue;
      const link = await linkAfter(head, entry);
      page.push([entry.id, link]);
      head = link;
    }
    if (page.length === 0) return;
    const { sequence, hash } = head;
    this.sql.exec("INSERT INTO links VALUES (?, ?)", sequence, JSON.stringify(page));
    this.sql.exec("INSERT INTO chain VALUES (1, ?1, ?2) ON CONFLICT (one) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash", sequence, hash);
    this.head = { sequence, hash };
    this.enter(sequence, page);
  }

  private enter(page: number, links: readonly [string, Link][]): void {
    this.left.set(page, links.length);
    for (const [id, link] of links) this.links.set(id, { ...link, page });
  }
}
