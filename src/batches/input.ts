/** A batch's input, as whoever does a part of it reads it. */
import type { Range } from "../files/index.ts";
import type { Bench } from "./bench.ts";

/** Its bytes, or a range of them, whether or not it has expired since the batch was made. undefined: they are gone. */
export async function inputBytes({ isolate: { files }, work: { batch: { organisationId, inputFileId, createdAtMs } } }: Bench, range?: Range): Promise<ReadableStream<Uint8Array> | undefined> {
  const file = await files.find(organisationId, inputFileId, createdAtMs);
  return file && files.read(file, range);
}
