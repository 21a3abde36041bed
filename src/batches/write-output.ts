/** The writing of a batch's output, from its object's rows into files, page by page. Whoever writes it again finds what is there already. */
import type { FileMeta } from "../files/index.ts";
import { requestIdOf } from "./batch.ts";
import type { Bench } from "./bench.ts";
import { gapLine } from "./output-line.ts";

/** More than any batch can come to. */
const mostBytes = 100 * 1024 ** 3;
const encoder = new TextEncoder();

/** Writes the files that the batch has something for, and says so. */
export async function writeOutput(bench: Bench): Promise<void> {
  const { run, work: { batch, part: { lease } } } = bench;
  const { shape, total, files } = batch;
  const { sums: { completed } } = (await run.face())!;
  const wants = shape === "messages" ? { output: total > 0, errors: false } : { output: completed > 0, errors: completed < total };
  if (wants.output) await put(bench, files.output, "output", answers(bench, shape === "messages" ? undefined : false));
  if (wants.errors) await put(bench, files.errors, "errors", answers(bench, true));
  await run.written(lease, wants);
}

async function put({ isolate, work: { batch } }: Bench, id: string, what: string, lines: AsyncIterable<Uint8Array>): Promise<void> {
  const now = Date.now();
  const meta: FileMeta = { id, filename: `${batch.id}_${what}.jsonl`, purpose: "batch_output", type: "application/jsonl", expiresAtMs: now + batch.outputLivesMs };
  await isolate.files.put(batch.organisationId, meta, lines, { mostBytes }, now);
}

/** The answers of lines that failed, that did not, or (undefined) of both; and with those that failed, lines that have none. */
async function* answers({ run, seal, work: { batch } }: Bench, failed: boolean | undefined): AsyncGenerator<Uint8Array, void> {
  for (let from: number | undefined = 0; from !== undefined; ) {
    const page: Awaited<ReturnType<typeof run.pieces>> = await run.pieces(from, failed);
    for (const { key, bytes } of page.pieces) yield await seal.piece(key, bytes);
    from = page.next;
  }
  if (failed === false) return;
  for (let from: number | undefined = 1; from !== undefined; ) {
    const page: Awaited<ReturnType<typeof run.gaps>> = await run.gaps(from);
    for (const { part, first, ids, lines } of page.gaps) {
      const customIds = await seal.openIds(part, ids);
      yield encoder.encode(lines.map(({ line, code }) => gapLine(batch.shape, customIds[line - first]!, requestIdOf(batch.id, line, 0), code, batch.ending!)).join(""));
    }
    from = page.next;
  }
}
