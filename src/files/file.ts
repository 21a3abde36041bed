/** A file as the rest of the house knows it, and its name. */
import { encodeBase62, randomBase62 } from "../accounts/base62.ts";

/** `type`: its content type, as the client said it. Times are Unix ms. A file is there when all its bytes are, so it has no state. */
export type StoredFile = {
  readonly id: string;
  readonly organisationId: string;
  readonly filename: string;
  readonly purpose: string;
  readonly type: string;
  readonly bytes: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | undefined;
};

/** What is said of a file. `id`: made before by `newFileId`, by a writer that may run again after a crash. */
export type FileMeta = Pick<StoredFile, "filename" | "purpose" | "type"> & { readonly id?: string; readonly expiresAtMs?: number | undefined };

const timeDigits = 8;
const randomDigits = 19;

/** Digits in the order of time, then 112 random bits. Longer than ids that providers give, so that theirs are never taken for ours. */
export const newDigits = (nowMs: number): string => encodeBase62(BigInt(nowMs), timeDigits) + randomBase62(14, randomDigits);

/** A new id: `file-` and 27 digits that grow with time, which is how lists are ordered. */
export const newFileId = (nowMs: number): string => `file-${newDigits(nowMs)}`;

const form = /^file[-_]([0-9A-Za-z]{27})$/;

/** Whether an id is one of ours. Clients of Anthropic's write it with `_`. */
export const isFileId = (id: string): boolean => form.test(id);

/** The id as it is stored, where it is one of ours. */
export const storedId = (id: string): string => id.replace(form, "file-$1");

export type FileRow = { id: string; organisation_id: string; filename: string; purpose: string; type: string; bytes: number; created_at: number; expires_at: number | null };

export const fileColumns = "id, organisation_id, filename, purpose, type, bytes, created_at, expires_at";

export const fileOf = (row: FileRow): StoredFile => ({
  id: row.id, organisationId: row.organisation_id, filename: row.filename, purpose: row.purpose, type: row.type, bytes: row.bytes,
  createdAtMs: row.created_at, expiresAtMs: row.expires_at ?? undefined,
});
