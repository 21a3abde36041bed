/** How a key's finished requests reach D1: chained, in pages, totals beside them. */
import type { Outcome } from "../ledger/entry.ts";
import { rollUp } from "../ledger/roll-up.ts";
import type { Link, Receipt } from "../receipts/index.ts";
import { minuteOf } from "./allowance.ts";
import type { Chain } from "./chain.ts";
import type { MeterStore } from "./meter-store.ts";
import type { Refusals } from "./refusals.ts";

/** Entries of one write to D1: a bound value holds 2 MB, and an entry with a long model name is some 4 kB. */
const exportAtOnce = 400;

type Owner = { keyId: string; organisationId: string };
type Finished = { id: string; at: number; outcome: string };

const chained = ({ keyId, organisationId }: Owner, { id, at, outcome }: Finished) => ({ id, at, keyId, organisationId, ...(JSON.parse(outcome) as Outcome) });

export class Export {
  private readonly store: MeterStore;
  private readonly chain: Chain;
  private readonly refusals: Refusals;
  private readonly db: () => D1Database;
  private running: Promise<unknown> = Promise.resolve();
  private next: Promise<void> | undefined;

  constructor({ store, chain, refusals }: { store: MeterStore; chain: Chain; refusals: Refusals }, db: () => D1Database) {
    this.store = store;
    this.chain = chain;
    this.refusals = refusals;
    this.db = db;
  }

  /**
   * Writes everything settled and refused to D1. Safe to repeat: totals are absolute, entries go by id. One at a time, and all who ask meanwhile share the
   * next one: of two totals with as many requests D1 cannot tell which is newer, for a correction is no request.
   */
  flush(owner: Owner): Promise<void> {
    if (this.next) return this.next;
    const next = this.running.then(() => {
      this.next = undefined;
      return this.write(owner);
    });
    this.running = next.catch(() => {});
    this.next = next;
    return next;
  }

  /** Entries and totals are read in one go, so that what is folded afterwards is in the totals that D1 has. */
  private async write(owner: Owner): Promise<void> {
    for (let after = ""; ; ) {
      const page = this.store.finished(after, exportAtOnce);
      if (page.length === 0) return this.refusals.rollUp(this.db(), owner);
      await this.seal(owner, page);
      const ids = page.map(({ id }) => id);
      await rollUp(this.db(), owner, this.store.totals(ids), page.map(({ id, at, outcome }) => withChain({ id, at, outcome }, this.chain.link(id)!)));
      this.chain.drop(this.store.fold(ids, minuteOf(Date.now())));
      after = page.at(-1)!.id;
    }
  }

  /** The receipt of a finished request that is still here. */
  async receipt(owner: Owner, id: string): Promise<Receipt | undefined> {
    const finished = this.store.finishedOne(id);
    if (!finished) return undefined;
    for (let after = ""; !this.chain.link(id); ) {
      const page = this.store.finished(after, exportAtOnce);
      if (page.length === 0) return undefined;
      await this.seal(owner, page);
      after = page.at(-1)!.id;
    }
    const chain = this.chain.link(id);
    return chain && { entry: chained(owner, finished), chain };
  }

  private seal(owner: Owner, page: readonly Finished[]): Promise<void> {
    return this.chain.seal(page.filter(({ id }) => !this.chain.link(id)).map((entry) => chained(owner, entry)));
  }
}

const withChain = ({ id, at, outcome }: Finished, link: Link): { id: string; at: number; sequence: number; outcome: string } =>
  ({ id, at, sequence: link.sequence, outcome: `${outcome.slice(0, -1)},"chain":${JSON.stringify(link)}}` });
