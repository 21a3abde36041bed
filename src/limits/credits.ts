/** Prepaid money: what came in, what was taken back, and what is left of each piece that can expire. Pure. */

export const creditKinds = ["grant", "top_up", "refund", "adjustment", "expire", "chargeback"] as const;

/**
 * One line of an organisation's credit ledger, never changed. `nanoUsd` below zero takes money back; `expiresAtMs`: when what is
 * left of it is gone. `id` is the caller's: the same id again changes nothing. `chargeback`: what a payer's bank took back, and above zero what
 * it gave up again.
 */
export type CreditEntry = { id: string; atMs: number; kind: (typeof creditKinds)[number]; nanoUsd: number; reason: string; expiresAtMs: number | null };

/** Whether a line says what another of the same id says. */
export const sameEntry = (a: CreditEntry, b: CreditEntry): boolean => a.kind === b.kind && a.nanoUsd === b.nanoUsd && a.reason === b.reason && a.expiresAtMs === b.expiresAtMs;

/** What is left of an entry that brought money. */
export type Remaining = { id: string; nanoUsd: number; expiresAtMs: number | null };

const soonestFirst = (a: Remaining, b: Remaining): number => (a.expiresAtMs ?? Infinity) - (b.expiresAtMs ?? Infinity);

/** Pieces that have changed, and by how much together: above zero was taken, below given back. */
type Moved = { changed: Remaining[]; moved: number };

/** Takes `nanoUsd` out of what is left, what expires first first, as far as it is there. */
export function takeFrom(left: readonly Remaining[], nanoUsd: number): Moved {
  let open = nanoUsd;
  const changed: Remaining[] = [];
  for (const piece of left.toSorted(soonestFirst)) {
    const part = Math.min(piece.nanoUsd, open);
    if (part <= 0) continue;
    open -= part;
    changed.push({ ...piece, nanoUsd: piece.nanoUsd - part });
  }
  return { changed, moved: nanoUsd - open };
}

/** The same the other way round: a correction brings money back to the piece that lasts longest. */
export function giveBack(left: readonly Remaining[], nanoUsd: number): Moved {
  const last = left.toSorted(soonestFirst).at(-1);
  return last ? { changed: [{ ...last, nanoUsd: last.nanoUsd + nanoUsd }], moved: -nanoUsd } : { changed: [], moved: 0 };
}
