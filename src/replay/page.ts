/** The words between a Worker and an idempotent call's object. Plain data: it crosses RPC. */

/** Status and headers of an answer, as they were first given. */
export type Head = { readonly status: number; readonly headers: readonly (readonly [string, string])[] };

/**
 * How a run stands. `kept`: its answer is here for a day. `refused`: nothing was spent, so the next request runs anew and only
 * those who had joined hear of it. `lost`: it may have been charged and its answer is not whole here; nothing runs in its place.
 */
export type Standing = "running" | "kept" | "refused" | "lost";

/** `run`: the request id of the one that runs or ran. */
export type Claim = { is: "lead" } | { is: "join"; run: string } | { is: "conflict" };

/** What a run adds to its answer. `from`: how many bytes came before these. A portion that came before changes nothing. */
export type Portion = { readonly run: string; readonly from: number; readonly bytes: Uint8Array; readonly head?: Head; readonly standing: Standing };

/** `followed`: somebody reads along. `gone`: this run is over or forgotten, nothing more is taken. */
export type Taken = { is: "taken"; followed: boolean } | { is: "gone" };

/** Where a reader of a run has come to. */
export type Place = { readonly run: string; readonly from: number; readonly headKnown: boolean };

/** Bytes of an answer. `standing` is `running` until the last of them are in a page. */
export type Page = { readonly head?: Head; readonly bytes: Uint8Array; readonly standing: Standing };

/** A call's object as the Worker asks it. */
export type Call = {
  claim(fingerprint: string, run: string): Promise<Claim>;
  write(portion: Portion): Promise<Taken>;
  read(place: Place): Promise<Page>;
};

export const noBytes = new Uint8Array();

/** Most bytes in one portion, one row and, but for one row more, one page: a row holds 2 MB. */
export const pieceBytes = 1024 * 1024;
