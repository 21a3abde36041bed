/** The making of a batch: what its client may ask for, and what is written down before the first line is looked at. */
import { GatewayError } from "../errors.ts";
import { newFileId, type StoredFile } from "../files/index.ts";
import type { Isolate } from "../pipeline/index.ts";
import { newBatchId, windowMs, type Batch, type Shape } from "./batch.ts";
import { runOf } from "./bench.ts";
import { list } from "./listing.ts";
import { mostInputBytes } from "./read-input.ts";
import type { Face } from "./words.ts";

/** Who makes it, and what their request says of all its lines. */
export type Maker = { readonly organisationId: string; readonly keyId: string; readonly request: Request };

/** What of a request that makes a batch goes for each of its lines too. */
const carried = ["anthropic-version", "anthropic-beta", "openai-beta", "x-sovereign", "x-forge-strict", "x-forge-protocol", "x-forge-batch"];
const broughtKeys = "x-provider-api-keys";

/** Throws where the request says what a batch cannot keep to. */
function headersOf({ headers }: Request): [string, string][] {
  if (headers.has(broughtKeys)) throw new GatewayError("invalid_request", "X-Provider-API-Keys: a batch runs on when its request is over, and keeps no secrets. Store the key with your organisation.", { param: "X-Provider-API-Keys" });
  return carried.flatMap((name) => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as [string, string]];
  });
}

/** The input of a batch, if it can be one. Throws `not_found` or `invalid_request`. */
export async function inputOf({ files }: Isolate, organisationId: string, id: string): Promise<StoredFile> {
  const file = await files.find(organisationId, id, Date.now());
  if (!file) throw new GatewayError("not_found", `No such File object: ${id.slice(0, 100)}`, { param: "input_file_id" });
  if (file.purpose !== "batch") throw new GatewayError("invalid_request", `input_file_id: must be a file with the purpose 'batch', not '${file.purpose}'`, { param: "input_file_id" });
  if (file.bytes > mostInputBytes) throw new GatewayError("invalid_request", `input_file_id: a batch's input may have ${mostInputBytes / 1024 / 1024} MiB`, { param: "input_file_id" });
  return file;
}

export type Wanted = { readonly shape: Shape; readonly endpoint: string; readonly inputFileId: string; readonly metadata: Record<string, string> | null; readonly outputLivesMs: number; readonly id?: string; readonly total?: number };

/** Makes a batch. It is listed first and runs then: what runs can be found. */
export async function create({ env }: Isolate, { organisationId, keyId, request }: Maker, { shape, endpoint, inputFileId, metadata, outputLivesMs, total = 0, id }: Wanted): Promise<Face> {
  const now = Date.now();
  const batch: Batch = {
    id: id ?? newBatchId(shape, now), organisationId, keyId, shape, endpoint, inputFileId, origin: new URL(request.url).origin, headers: headersOf(request), metadata, outputLivesMs,
    files: { output: newFileId(now), errors: newFileId(now) }, status: "validating", total, createdAtMs: now, expiresAtMs: now + windowMs,
  };
  await list(env.DB, batch);
  return runOf(env.BATCH_RUN, organisationId, batch.id).create(batch);
}
