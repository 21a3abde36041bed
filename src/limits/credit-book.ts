/** The credit ledger of one organisation, and what is left of each piece of it. No waiting in here. */
import { creditPool } from "../accounts/budgets.ts";
import type { AccountBook } from "./account-book.ts";
import type { AccountStore } from "./account-store.ts";
import { giveBack, takeFrom, type CreditEntry } from "./credits.ts";

export class CreditBook {
  private readonly store: AccountStore;
  private readonly book: AccountBook;

  constructor(store: AccountStore, book: AccountBook) {
    this.store = store;
    this.book = book;
  }

  /** Credits that are neither spent nor handed out, nano-USD. */
  free(): number {
    return this.book.standing(creditPool, 0).free;
  }

  post(entry: CreditEntry): void {
    this.attribute();
    if (entry.nanoUsd < 0) this.take(-entry.nanoUsd);
    this.store.addCredit(entry);
    this.book.addCredits(entry.nanoUsd);
  }

  /** Takes out what is left of entries that have expired, but for what running requests hold. */
  expire(nowMs: number): void {
    this.attribute();
    for (const { id, nanoUsd, expiresAtMs } of this.store.remaining()) {
      const gone = expiresAtMs === null || expiresAtMs > nowMs ? 0 : Math.min(nanoUsd, this.free());
      if (gone <= 0) continue;
      this.store.saveRemaining({ id, nanoUsd: nanoUsd - gone, expiresAtMs });
      const reason = `What was left of ${id} has expired.`;
      this.store.addCredit({ id: `${id}.expired.${nowMs}`, atMs: nowMs, kind: "expire", nanoUsd: -gone, reason, expiresAtMs: null });
      this.book.addCredits(-gone);
    }
  }

  /** Takes what was spent since the last time out of what is left of each entry: what expires first is spent first. */
  private attribute(): void {
    const before = this.store.attributed();
    const spent = this.book.standing(creditPool, 0).spent - before;
    const left = this.store.remaining();
    if (spent > 0) this.move(before, takeFrom(left, spent));
    if (spent < 0) this.move(before, giveBack(left, -spent));
  }

  /** What is not there to be taken stands as spent and not attributed yet: it comes out of the next money. */
  private take(nanoUsd: number): void {
    const { changed, moved } = takeFrom(this.store.remaining(), nanoUsd);
    for (const piece of changed) this.store.saveRemaining(piece);
    if (moved < nanoUsd) this.store.saveAttributed(this.store.attributed() - (nanoUsd - moved));
  }

  private move(before: number, { changed, moved }: ReturnType<typeof takeFrom>): void {
    for (const piece of changed) this.store.saveRemaining(piece);
    if (moved !== 0) this.store.saveAttributed(before + moved);
  }
}
