/** A batch: what it is, and the states that it goes through. Pure, the clock passed in. */
import { encodeBase62 } from "../accounts/base62.ts";
import type { Attempt } from "../router/index.ts";

/** How its requests come: as a file of lines (`/v1/batches`), or as messages (`/v1/messages/batches`). */
export type Shape = "file" | "messages";

/** OpenAI's words. https://platform.openai.com/docs/api-reference/batch/object#batch/object-status */
export type Status = "validating" | "failed" | "in_progress" | "finalizing" | "completed" | "expired" | "cancelling" | "cancelled";

/** What is wrong with the input. `line` counts from 1; null: it is about the whole file. */
export type InputError = { readonly code: string; readonly line: number | null; readonly message: string; readonly param: string | null };

/** What a batch ends as, once no more of its lines are begun. */
export type Ending = "completed" | "expired" | "cancelled";

/**
 * Where a provider's own batch does a batch's lines. `offered`: it is to be found out whether one does; `asked`: the provider may have made one;
 * `sent`: its `id` there; `over`: lines are run as ever, those whose answer came from there (`kept`: there are such) with that.
 */
export type Native = {
  readonly state: "offered" | "asked" | "sent" | "over";
  readonly provider?: string;
  /** Its deployment, and on whose account: what its health is known by. */
  readonly vital?: string;
  /** Where that is, and whether on the organisation's own account. Absent where it was asked for by an older version. */
  readonly at?: { readonly baseUrl: string; readonly own: boolean };
  /** As its lines were planned when they were handed over, with the prices that were in force: by that they are charged. Absent where it was asked for by an older version. */
  readonly attempt?: Omit<Attempt, "endpoint">;
  /** Where each line would be sent by itself. */
  readonly path?: string;
  readonly file?: string;
  readonly id?: string;
  /** For how many lines it was asked, and when; batches of as many lines there that are known to be another's. */
  readonly lines?: number;
  readonly askedAtMs?: number;
  readonly others?: readonly string[];
  /** Its cancelling was asked for. */
  readonly stopped?: boolean;
  /** The lease in which the money was held for it, as the request of line 0. */
  readonly hold?: number;
  readonly kept?: boolean;
  /** Lines of answers that have been read, where there are more than are read in one step. */
  readonly read?: number;
};

/** Times are Unix ms. */
export type Batch = {
  readonly id: string;
  readonly organisationId: string;
  /** In whose name its lines run. */
  readonly keyId: string;
  readonly shape: Shape;
  readonly endpoint: string;
  readonly inputFileId: string;
  /** Where it was made: addresses in answers begin with it. */
  readonly origin: string;
  /** Headers of the request that made it which each of its lines carries. */
  readonly headers: readonly (readonly [string, string])[];
  readonly metadata: Readonly<Record<string, string>> | null;
  /** How long its output lives. */
  readonly outputLivesMs: number;
  /** What its output is stored as, whoever writes it. */
  readonly files: { readonly output: string; readonly errors: string };
  readonly status: Status;
  readonly ending?: Ending;
  /** How many lines it has; 0 until that is known. */
  readonly total: number;
  /** The model of all lines, where it is one. */
  readonly model?: string;
  readonly errors?: readonly InputError[];
  readonly native?: Native;
  /** Which of `files` there are. */
  readonly written?: { readonly output: boolean; readonly errors: boolean };
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly inProgressAtMs?: number;
  readonly finalizingAtMs?: number;
  readonly completedAtMs?: number;
  readonly failedAtMs?: number;
  readonly expiredAtMs?: number;
  readonly cancellingAtMs?: number;
  readonly cancelledAtMs?: number;
};

/** How long a batch may take. */
export const windowMs = 24 * 3_600_000;
/** How long it is known after its end. */
export const keptMs = 30 * 86_400_000;

/** What happens to a batch. */
export type Event =
  | { readonly is: "planned"; readonly total: number; readonly model: string | undefined; readonly native: boolean }
  | { readonly is: "refused"; readonly errors: readonly InputError[] }
  | { readonly is: "cancel" }
  /** Every line has its result. */
  | { readonly is: "exhausted" }
  /** Its time is over. */
  | { readonly is: "late" }
  | { readonly is: "written"; readonly output: boolean; readonly errors: boolean };

const over: readonly Status[] = ["failed", "completed", "expired", "cancelled"];

export const isOver = ({ status }: Pick<Batch, "status">): boolean => over.includes(status);
/** Whether a provider's own batch may still do its lines. */
export const isNative = ({ native }: Pick<Batch, "native">): boolean => native !== undefined && native.state !== "over";
/** Whether lines of it may still be begun. */
export const runs = ({ status, ending }: Pick<Batch, "status" | "ending">): boolean => status === "in_progress" && ending === undefined;
/** When it ended. */
export const endedAtMs = ({ completedAtMs, failedAtMs, expiredAtMs, cancelledAtMs }: Batch): number | undefined => completedAtMs ?? failedAtMs ?? expiredAtMs ?? cancelledAtMs;

/** What becomes of a batch. The same batch where the event is none to it: everything may be told twice, late and out of order. */
export function advance(batch: Batch, event: Event, nowMs: number): Batch {
  const { status, ending } = batch;
  if (isOver(batch)) return batch;
  switch (event.is) {
    case "planned": return status === "validating" && ending === undefined ? { ...batch, status: "in_progress", inProgressAtMs: nowMs, total: event.total, ...(event.native && { native: { state: "offered" } }), ...(event.model !== undefined && { model: event.model }) } : batch;
    case "refused": return status === "validating" && ending === undefined ? { ...batch, status: "failed", failedAtMs: nowMs, errors: event.errors } : batch;
    case "cancel": return ending === undefined ? { ...batch, status: "cancelling", cancellingAtMs: nowMs, ending: "cancelled" } : batch;
    case "exhausted": return runs(batch) ? { ...batch, status: "finalizing", finalizingAtMs: nowMs, ending: "completed" } : batch;
    case "late": return ending === undefined && nowMs >= batch.expiresAtMs ? { ...batch, status: "finalizing", finalizingAtMs: nowMs, ending: "expired" } : batch;
    case "written": return ending === undefined ? batch : { ...batch, status: ending, [`${ending}AtMs`]: nowMs, written: { output: event.output, errors: event.errors } };
  }
}

const timeHexDigits = 12;
const randomHexDigits = 12;
const randomBytes = randomHexDigits / 2 + 8;

/** A new id: time and chance in hex, and as much again that nobody can guess; `bytes`: what stands for chance. Ids grow with time, which is how lists are ordered. */
export function newBatchId(shape: Shape, nowMs: number, bytes: Uint8Array = crypto.getRandomValues(new Uint8Array(randomBytes))): string {
  const [hex, rest] = [bytes.slice(0, randomHexDigits / 2).toHex(), bytes.slice(randomHexDigits / 2, randomBytes).toHex()];
  return `${prefixes[shape]}${nowMs.toString(16).padStart(timeHexDigits, "0")}${hex}${encodeBase62(BigInt(`0x${rest}`), 11)}`;
}

const prefixes: Readonly<Record<Shape, string>> = { file: "batch_", messages: "msgbatch_" };
const form = /^(batch|msgbatch)_([0-9a-f]{12})([0-9a-f]{12})[0-9A-Za-z]{11}$/;

/** Whether an id is one of ours, of this shape. */
export const isBatchId = (id: string, shape: Shape): boolean => form.test(id) && id.startsWith(prefixes[shape]);

/**
 * The id of the request that one line is, in one lease of its part (there are several where a lease lapsed, or a limit was met). It
 * can be told again by whoever must take the request back. Ids of a batch's requests lie together, by line.
 */
export function requestIdOf(batchId: string, line: number, lease: number): string {
  const [, , time, random] = form.exec(batchId)!;
  return `req_${time}${random}${line.toString(16).padStart(5, "0")}${lease.toString(16).padStart(3, "0")}`;
}

/** Leases that `requestIdOf` can tell apart. */
export const mostLeases = 16 ** 3 - 1;
/** The name of a batch's object: a batch of another organisation is another object, which is empty. */
export const nameOf = (organisationId: string, batchId: string): string => `${organisationId}/${batchId}`;
