/**
 * Work at a provider that goes on when its request is over: it is begun, asked after until it has come to its end, and what it made is
 * fetched. The client's words are OpenAI's for videos; each maker is one provider's half.
 */
import type { Loss } from "../chat/index.ts";
import type { SentBody } from "./crossing.ts";
import { filled, type Json } from "./json.ts";
import type { VideoWish } from "./media/video-wish.ts";

/** A call: a path under the base URL, or a whole URL of the provider's. `body`: JSON that is posted. */
export type JobCall = { readonly at: string; readonly body?: string };

/** How far it is. `film`: where what it made is, `bytes`: or itself, as base64. `seconds`: how long it is. */
export type Progress =
  | { readonly is: "running"; readonly begun: boolean; readonly percent: number | undefined }
  | {
    readonly is: "done"; readonly film?: string | undefined; readonly bytes?: string | undefined; readonly seconds?: number | undefined; readonly films?: number | undefined;
    readonly reportedNanoUsd?: number | undefined; readonly expiresAtS?: number | undefined; readonly size?: string | undefined;
  }
  | { readonly is: "failed"; readonly code: string; readonly message: string };

/** What a film is begun from: another that this provider has made. */
export type Source = { readonly ref: string; readonly film: string | undefined };
export const derivations = ["remix", "edits", "extensions"] as const;
export type Derivation = (typeof derivations)[number];

export type Begin = { readonly path: string; readonly body: SentBody; readonly losses: readonly Loss[] };
export const variants = ["video", "thumbnail", "spritesheet"] as const;
export type Variant = (typeof variants)[number];

export type JobMaker = {
  /** Protocol id, as a provider's `speaks` names it. */
  readonly id: string;
  /** How long a film is where the client does not say. */
  readonly usualSeconds: number;
  /** Throws `invalid_request` for what it can never say; what it leaves out it declares. */
  begin(wish: VideoWish, upstreamId: string): Begin;
  /** The same from a film that it has made. Absent: it cannot. undefined: not in this way. */
  derive?(how: Derivation, source: Source, wish: VideoWish, upstreamId: string): Begin | undefined;
  /** What the provider calls it; undefined: it was not begun. */
  begun(answer: Json): string | undefined;
  poll(ref: string, upstreamId: string): JobCall;
  progress(answer: Json, status: number): Progress;
  /** Where a part of what was made is; undefined: there is none. */
  content(ref: string, film: string | undefined, variant: Variant): string | undefined;
  /** What ends it, or removes what it made. Absent: nothing does. */
  readonly remove?: (ref: string) => string;
  /** Where it lies it does not lie for long. */
  readonly fleeting?: true;
};

/** What a provider calls its work, as it can stand in a path: no name leads out of it. */
export const refIn = (value: unknown): string | undefined => {
  const name = filled(value);
  return name !== undefined && name.length <= 1_000 && !/(?:^|\/)\.{0,2}(?:\/|$)|[\\?#]/.test(name) ? name : undefined;
};
