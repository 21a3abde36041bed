/** The words between the Worker and a thread's object, and what lies in it. Plain data: it crosses RPC. */
import type { Outcome } from "../ledger/entry.ts";
import type { Echo } from "./teller.ts";
import type { Opener } from "./vault.ts";

export type Status = "queued" | "in_progress" | "completed" | "incomplete" | "failed" | "cancelled";

/** One response. Everything that was said is sealed and lies beside it. */
export type Row = {
  readonly id: string;
  readonly parent: string | null;
  readonly status: Status;
  readonly background: boolean;
  readonly createdAtMs: number;
  /** Its events are kept. */
  readonly streams: boolean;
  /** Its runtime died: what it said until then is there. */
  readonly lost?: true;
  /** Nothing of it is left but its name, for those that follow it. */
  readonly deleted?: true;
};

/** A response as it lies there: its own input items, and the response object; of one that is not over the object it began with. */
export type Kept = { readonly row: Row; readonly input: Uint8Array; readonly response: Uint8Array };

/** Items that a finished response brings into its conversation. */
export type Turn = { readonly id: string; readonly bytes: Uint8Array };

/** A whole response to keep. `keepMs`: how long the thread lives from now on. */
export type Finished = Kept & { readonly turns: readonly Turn[]; readonly keepMs: number };

/** A response that the thread's object is to run. */
export type Order = {
  readonly id: string;
  readonly parent: string | null;
  readonly background: boolean;
  readonly opener: Opener;
  readonly request: { readonly url: string; readonly headers: readonly (readonly [string, string])[]; readonly region: string };
  readonly requestId: string;
  readonly startedAtMs: number;
  readonly keyId?: string;
  /** The body that is sent on. */
  readonly text: string;
  /** JSON text of the items that are its own. */
  readonly input: string;
  /** JSON text of the response as it begins. */
  readonly first: string;
  readonly echo: Echo;
  /** Ids of the request that were sent on otherwise, theirs → ours. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Its client sees what its maker alone can read. */
  readonly secrets: boolean;
};

/** How a run began: with the headers of its answer, or with a refusal, after which nothing is here. `changed`: what the caller may have stored has changed since it asked. */
export type Begun =
  | { readonly is: "begun"; readonly headers: readonly (readonly [string, string])[] }
  | { readonly is: "refused"; readonly status: number; readonly headers: readonly (readonly [string, string])[]; readonly body: Uint8Array; readonly changed?: true };

/** Events from `first` on, before `next`. */
export type Sealed = { readonly first: number; readonly next: number; readonly bytes: Uint8Array };

/** Events of a response, from the one that was asked for: sealed, then those that are not written yet. */
export type Page = {
  readonly sealed: readonly Sealed[];
  readonly fresh: { readonly first: number; readonly frames: readonly string[] };
  /** `lost`: its runtime died, and there are no more. */
  readonly standing: "running" | "over" | "lost" | "missing";
  readonly outcome?: Pick<Outcome, "end" | "usage" | "costNanoUsd">;
};

/** A response as it stands. `live`: what its run has made of it so far, as JSON text. */
export type Look = Kept & { readonly live?: string };

/** Where in a list to begin, and which way. */
export type Place = { readonly after?: string; readonly order: "asc" | "desc"; readonly limit: number };

/** What a request builds on, of one thread: a response and what came before it, the conversation, items by their ids. */
export type Wanted = { readonly previous?: string; readonly conversation: boolean; readonly items: readonly string[] };
/** `missing`: the response that is not there; `running`: it is not over; `vast`: all of it together is more than a request may be. */
export type Gathered =
  | { readonly is: "found"; readonly links: readonly Kept[]; readonly turns?: readonly Turn[]; readonly kept: readonly Kept[]; readonly loose: readonly Turn[] }
  | { readonly is: "missing" | "running"; readonly id: string }
  | { readonly is: "vast" };

/** Where a text was sealed for. */
export const placeOf = {
  input: (id: string): string => `${id}:input`,
  response: (id: string): string => `${id}:response`,
  events: (id: string, first: number): string => `${id}:events:${first}`,
  turn: (id: string): string => `turn:${id}`,
  metadata: "metadata",
} as const;

/** A thread's object as the Worker asks it. Everything that is asked may be asked twice. */
export type Thread = {
  begin(order: Order): Promise<Begun>;
  save(finished: Finished): Promise<void>;
  page(id: string, from: number): Promise<Page>;
  look(id: string): Promise<Look | undefined>;
  gather(wanted: Wanted): Promise<Gathered>;
  cancel(id: string): Promise<void>;
  remove(id: string): Promise<boolean>;
  open(metadata: Uint8Array, turns: readonly Turn[], createdAtMs: number, keepMs: number): Promise<void>;
  conversation(): Promise<{ readonly createdAtMs: number; readonly metadata: Uint8Array } | undefined>;
  describe(metadata: Uint8Array): Promise<void>;
  append(turns: readonly Turn[], keepMs: number): Promise<void>;
  turns(place: Place): Promise<{ turns: Turn[]; more: boolean } | undefined>;
  turn(id: string): Promise<Turn | undefined>;
  dropTurn(id: string): Promise<boolean>;
  dropConversation(): Promise<boolean>;
};
