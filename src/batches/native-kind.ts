/**
 * What providers' own batches have in common: lines go there together under our mark, stand under the provider's id, and have answers when they
 * are over. How they go and how they are found again is each kind's own.
 */
import { GatewayError } from "../errors.ts";
import type { Json, ProviderCalls } from "../upstream/provider-batches.ts";
import type { Native } from "./batch.ts";

/** A batch as its provider has it. `over`: nothing more will come of it; `answers`: where those that there are lie. */
export type Theirs = { readonly id: string; readonly over: boolean; readonly answers: readonly string[] };

/** An answer of the provider's to a line. `part`: it is to one of so many things that the line asks for. */
export type Answer = { readonly line: number; readonly status: number; readonly requestId?: string; readonly body: string; readonly part?: { readonly index: number; readonly of: number } };

/** Lines as they go there: `mark` is our own name for their batch, `path` where each would be sent by itself, `headers` with what. */
export type Load = {
  readonly mark: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly lines: number;
  /** A body of them between two texts. */
  readonly framed: (type: string, head: string, tail: string) => { readonly type: string; readonly bytes: number; readonly pieces: AsyncIterable<Uint8Array> };
};

/** What was asked for, of which it is not known whether the provider took it. `askMs`: how long it may take to be seen; `others`: batches that it is not. */
export type Asked = Required<Pick<Native, "path" | "lines" | "askedAtMs" | "others">> & Pick<Native, "file"> & { readonly mark: string; readonly askMs: number };

/** `unclear`: one there may be it, which cannot be told yet. */
export type Found = { readonly is: "ours"; readonly id: string } | { readonly is: "none" | "unclear"; readonly others: readonly string[] };

export type Kind = {
  /** The most that goes at once. */
  readonly most: { readonly lines: number; readonly bytes: number };
  /** What stands between two lines. */
  readonly between: string;
  /** A line as it goes there; undefined: it cannot. */
  line(mark: string, line: number, request: { path: string; body: string }): string | undefined;
  /** What may be done again and again before the provider is asked. Returns the file's id. */
  stage?(calls: ProviderCalls, load: Load): Promise<string>;
  /** Asks for it. Who does not hear the answer must not ask again before `find` says `none`. */
  ask(calls: ProviderCalls, load: Load, file: string | undefined): Promise<Theirs>;
  find(calls: ProviderCalls, asked: Asked): Promise<Found>;
  get(calls: ProviderCalls, native: Native): Promise<Theirs>;
  cancel(calls: ProviderCalls, native: Native): Promise<unknown>;
  /** Lines of answers, from one of the places where they lie. */
  content(calls: ProviderCalls, native: Native, place: string): Promise<AsyncIterable<Uint8Array>>;
  /** undefined: it is none that counts. May throw where it is not even a line. */
  answer(mark: string, text: string): Answer | undefined;
  /** The answer to all that a line asks for, of those to each. */
  join?(bodies: readonly string[]): string;
  /** Leaves nothing of it there, as far as that goes. */
  remove(calls: ProviderCalls, native: Native, theirs: Theirs | undefined): Promise<unknown>;
};

/** How far a provider's clock may be from ours. */
export const clocksDifferMs = 10 * 60_000;

const readyForMs = 2 * 60_000;
const looksEveryMs = 1_000;

/** Waits while a file that has come is still looked through there, as `seen` and each further look at it say. Throws what may be tried again where that takes too long. */
export async function ready(seen: Json, isReady: (seen: Json) => boolean, look: () => Promise<Json>): Promise<void> {
  for (const untilMs = Date.now() + readyForMs; !isReady(seen); seen = await look()) {
    if (Date.now() > untilMs) throw new GatewayError("upstream_error", "The file of a batch's lines was not taken in time.");
    await scheduler.wait(looksEveryMs);
  }
}

/** What another time may be answered otherwise is no answer: it is run here. */
const passing = [401, 402, 403, 407, 408, 409, 429];
export const isAnswer = (status: number): boolean => status >= 200 && status < 500 && !passing.includes(status);

/** Codes of `google.rpc.Code` that another time would be answered with too, in HTTP. https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto */
const lastingCodes: Readonly<Record<number, number>> = { 3: 400, 5: 404, 9: 400, 11: 400 };
/** What a code is in HTTP, which some say themselves. */
export const statusOfCode = (code: unknown): number => (typeof code === "number" && code >= 400 ? code : (lastingCodes[Number(code)] ?? 500));
