/** What a batch's object and those who work for it say to each other. Plain data: it crosses RPC. */
import type { Batch, InputError } from "./batch.ts";
import type { Part } from "./part.ts";

/** A Queue message: there is a part to be done. */
export type Word = { readonly organisationId: string; readonly batchId: string; readonly part: number };

/** What one line, or many together, used. */
export type LineUsage = { readonly inputTokens: number; readonly cachedTokens: number; readonly outputTokens: number; readonly reasoningTokens: number; readonly costNanoUsd: number };
export const noLineUsage: LineUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0, costNanoUsd: 0 };

export const together = (one: LineUsage, other: LineUsage): LineUsage => ({
  inputTokens: one.inputTokens + other.inputTokens, cachedTokens: one.cachedTokens + other.cachedTokens, outputTokens: one.outputTokens + other.outputTokens,
  reasoningTokens: one.reasoningTokens + other.reasoningTokens, costNanoUsd: one.costNanoUsd + other.costNanoUsd,
});

export type Sums = { readonly completed: number; readonly failed: number; readonly usage: LineUsage };

/** A part as the reading finds it. `ids`: JSON of its lines' custom ids, sealed. */
export type Planned = Pick<Part, "part" | "start" | "end" | "first" | "lines"> & { readonly ids: Uint8Array };

/** What the reading comes to. `model`: the one of all lines; `native`: a provider's own batch may do them. */
export type Read = { readonly total: number; readonly model: string | undefined; readonly native: boolean } | { readonly errors: readonly InputError[] };

/**
 * What came of a line. `pieces`: its line of the output, sealed; none where there is a `code` instead. `settles`:
 * JSON of what is to be posted for it (`Settlement`), by the ids of the requests that it was, as far as they came to a reservation.
 */
export type Result = {
  readonly line: number;
  readonly failed: boolean;
  readonly code?: string;
  readonly pieces: readonly Uint8Array[];
  readonly usage: LineUsage;
  readonly settles: readonly (readonly [id: string, settle: string])[];
};

/** What the meter must still hear of a request: `settle` as in `Result`; undefined: that it is taken back. */
export type Due = { readonly id: string; readonly settle: string | undefined };

/** Work that was claimed. `answered`: lines that have results; `alone`: one line at a time, something in it kills whoever runs it. */
export type Work = { readonly batch: Batch; readonly part: Part; readonly ids: Uint8Array | null; readonly answered: readonly number[]; readonly alone: boolean };

/** How a part is left: lines that were begun and have no result (absent: nobody knows which); `unread`: lines whose answer by the provider is none; how long to wait, and whether for the key's own limits, or (`again`) because all is well. */
export type Leaving = { readonly begun?: readonly number[]; readonly unread?: readonly number[]; readonly waitMs?: number; readonly ownLimit?: boolean; readonly again?: boolean };

export type Piece = { readonly key: number; readonly bytes: Uint8Array };
/** Lines of a part that have no answer, and why where that is not the batch's ending. */
export type Gap = { readonly part: number; readonly first: number; readonly ids: Uint8Array; readonly lines: readonly { readonly line: number; readonly code: string | undefined }[] };

/** A batch as it stands. */
export type Face = { readonly batch: Batch; readonly sums: Sums };
