/** Corrects what a request was charged, by an entry of its own. */
import type { LedgerEntry } from "../ledger/entry.ts";
import type { Counters } from "./allowance.ts";
import type { Allotments } from "./allotments.ts";
import type { MeterStore } from "./meter-store.ts";
import { adjustmentOf, type Adjusted, type Adjustment } from "./posting.ts";

/** What of a key's object a correction changes. `counters` stand in the minute and month of `now`. */
type Books = { store: MeterStore; counters: Counters; allotments: Allotments };

/** The same correction again changes nothing. */
export function adjust({ store, counters, allotments }: Books, { id, request, nanoUsd, reason }: Adjustment, original: LedgerEntry, now: number): Adjusted {
  const known = store.adjustment(id);
  if (known) return { is: known.request === request && known.nanoUsd === nanoUsd ? "known" : "conflict" };
  const charged = original.costNanoUsd + store.adjusted(request);
  if (charged + nanoUsd < 0) return { is: "too_much", charged };
  const { minute, month } = counters;
  store.adjust({ id, request, at: now, minute: minute.window, requests: minute.requests, nanoUsd, outcome: adjustmentOf(original, { request, nanoUsd, reason }) });
  month.nanoUsd += nanoUsd;
  counters.spentNanoUsd += nanoUsd;
  allotments.adjust(nanoUsd, now);
  return { is: "posted" };
}
