/** What is known of a film, and what is asked of its object. Plain data: it is stored, and crosses RPC. */
import type { Loss } from "../chat/index.ts";
import { GatewayError, type ErrorCode, type ErrorDetail } from "../errors.ts";
import type { Outcome, Refused } from "../ledger/entry.ts";
import type { Price } from "../ledger/price.ts";
import type { Estimate, MeterPolicy, RateState } from "../limits/index.ts";
import type { Video, VideoStatus } from "../protocols/index.ts";
import { SentFile, type FormValue } from "../protocols/crossing.ts";
import type { Derivation } from "../protocols/job.ts";

/** A file of a form, as it crosses RPC. */
type PlainFile = { readonly file: { readonly filename: string; readonly type: string; readonly pieces: readonly Uint8Array[] } };

/** What a client asks for. `url` and `headers` are its request's, without its secret; `from`: one of its own films, and how that is used. */
export type Order = {
  readonly id: string;
  readonly organisationId: string;
  readonly keyId: string;
  readonly requestId: string;
  readonly createdAtMs: number;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly fields: Readonly<Record<string, unknown>>;
  /** Of a request with a name: what must be the same when it comes again. */
  readonly fingerprint?: string;
  /** Where its end is to be told, and the address under which films are asked after. */
  readonly callback?: { readonly url: string; readonly videosUrl: string };
  readonly from?: { readonly id: string; readonly how: Derivation; readonly at: Deployed; readonly ref: string; readonly film: string | undefined };
};

/** Who is told of its end: the address sealed, how often it was tried, and when it is again. `done`: it has heard, or was told often enough. */
export type Callback = { readonly url: string; readonly videosUrl: string; readonly tries: number; readonly nextAtMs: number; readonly done: boolean };

/** Where a film is made, in whose account, at which prices. */
export type Deployed = {
  readonly provider: string; readonly baseUrl: string; readonly deployment: string; readonly upstreamId: string; readonly protocol: string;
  readonly own: boolean; readonly prices: readonly Price[];
  /** The header with which the client brought keys, sealed. */
  readonly brought?: string | undefined;
};

/**
 * How it stands. `reserving`: nothing was sent yet; `submitting`: it may have been; `running`: the provider knows it, by `ref`. Behind these
 * it has ended, and what is left is to post what it came to and to keep what will not lie for long.
 */
export type Standing = "reserving" | "submitting" | "running" | "completed" | "failed" | "cancelled" | "expired";

export type Job = {
  readonly id: string;
  readonly organisationId: string;
  readonly keyId: string;
  readonly requestId: string;
  readonly createdAtMs: number;
  readonly fingerprint?: string | undefined;
  readonly standing: Standing;
  readonly model: string;
  readonly seconds: number | undefined;
  readonly size: string | undefined;
  /** For how many days its organisation has what is made for it, where it says so. */
  readonly keptDays?: number | undefined;
  /** Sealed; a sovereign request's is not kept. */
  readonly prompt: string | undefined;
  readonly madeFrom: string | undefined;
  readonly losses: readonly Loss[];
  readonly policy?: MeterPolicy;
  readonly reserved: Estimate;
  readonly renewedAtMs: number;
  readonly refused: readonly Refused[];
  readonly at?: Deployed;
  readonly ref?: string;
  readonly begun: boolean;
  readonly percent: number;
  readonly polls: number;
  /** Questions in a row that nobody answered. */
  readonly unanswered: number;
  readonly endedAtMs?: number;
  readonly error?: { readonly code: string; readonly message: string };
  readonly film?: string | undefined;
  readonly filmEndsAtS?: number | undefined;
  /** Where it is kept here, once it is; before, whether it shall be. */
  readonly keeping?: { readonly fileId: string; readonly done: boolean; readonly tries: number } | undefined;
  readonly callback?: Callback | undefined;
  readonly outcome?: Outcome;
  readonly posted: boolean;
  /** Its client has deleted it: it goes on only until it is posted. */
  readonly deleted: boolean;
};

export type Plain = { readonly code: ErrorCode; readonly message: string; readonly detail: ErrorDetail; readonly status: number };
export const plainOf = ({ code, message, detail, status }: GatewayError): Plain => ({ code, message, detail, status });
export const errorOf = ({ code, message, detail, status }: Plain): GatewayError => new GatewayError(code, message, detail, status);

export type Created = { readonly is: "made"; readonly video: Video; readonly losses: readonly Loss[]; readonly rate: RateState | undefined } | { readonly is: "refused"; readonly error: Plain; readonly rate: RateState | undefined };

/** Where a part of a film is. */
export type Place = { readonly is: "there"; readonly at: Deployed; readonly url: string } | { readonly is: "kept"; readonly fileId: string } | { readonly is: "not"; readonly error: Plain };

const isFile = (value: unknown): value is PlainFile => typeof value === "object" && value !== null && "file" in value;
const overRpc = (value: unknown): unknown => (value instanceof SentFile ? { file: { filename: value.filename, type: value.type, pieces: value.pieces } } : value);
const fromRpc = (value: unknown): unknown => (isFile(value) ? new SentFile(value.file.filename, value.file.type, value.file.pieces) : value);
const each = (fields: Order["fields"], change: (value: unknown) => unknown): Record<string, unknown> => Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, Array.isArray(value) ? (value as FormValue[]).map(change) : change(value)]));

/** Fields as they cross RPC, and as they were. */
export const fieldsOverRpc = (fields: Order["fields"]): Order["fields"] => each(fields, overRpc);
export const fieldsFromRpc = (fields: Order["fields"]): Record<string, unknown> => each(fields, fromRpc);

/** It is made, and its provider gives it with its answer only: it is there when it is kept here, or when that has failed for good. */
export const isComing = ({ standing, film, keeping }: Job): boolean => standing === "completed" && film === undefined && keeping !== undefined && !keeping.done && keeping.tries < mostKeepTries;
export const mostKeepTries = 5;

const statuses: Readonly<Record<Standing, VideoStatus>> = { reserving: "queued", submitting: "queued", running: "queued", completed: "completed", failed: "failed", cancelled: "cancelled", expired: "expired" };

/** What its client sees of it. `prompt`: opened. */
export const videoOf = (job: Job, prompt: string | undefined): Video => {
  const { id, requestId, model, standing, begun, percent, createdAtMs, endedAtMs, filmEndsAtS, seconds, size, error, madeFrom, outcome, at } = job;
  const coming = isComing(job);
  return {
    id, requestId, model, percent: coming ? 99 : percent, seconds, size, prompt, madeFrom, error,
    status: coming || (standing === "running" && begun) ? "in_progress" : statuses[standing],
    createdAtS: Math.floor(createdAtMs / 1_000),
    completedAtS: standing === "completed" && !coming ? Math.floor(endedAtMs! / 1_000) : undefined,
    expiresAtS: filmEndsAtS,
    costUsd: outcome && outcome.costSource !== "unpriced" ? outcome.costNanoUsd / 1e9 : undefined,
    isOwnKey: at?.own === true,
  };
};
