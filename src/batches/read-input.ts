/** The reading of a batch's input: every line is looked at, and the parts are found in which they are run. */
import type { Batch, InputError } from "./batch.ts";
import type { Bench } from "./bench.ts";
import { inputBytes } from "./input.ts";
import { readLine } from "./input-line.ts";
import { linesOf } from "./lines.ts";
import type { Planned, Read } from "./words.ts";

/** The longest line, as the longest request. */
export const mostLineBytes = 20 * 1024 * 1024;
export const mostInputBytes = 200 * 1024 * 1024;
/** OpenAI: https://platform.openai.com/docs/api-reference/batch/create. Anthropic: https://docs.anthropic.com/en/api/creating-message-batches */
export const mostLines = { file: 50_000, messages: 100_000 } as const;
const mostErrors = 100;
/** A part is a message's work: so many lines, of so many bytes together. */
const linesPerPart = 32;
const bytesPerPart = 4 * 1024 * 1024;
const partsAtOnce = 64;

const fault = (code: string, line: number | null, message: string, param: string | null = null): InputError => ({ code, line, message, param });

/** Whoever wants a batch at once says so. */
const mayBeNative = ({ headers, metadata }: Batch): boolean => metadata?.forge_batch !== "live" && !headers.some(([name, value]) => name === "x-forge-batch" && value === "live");

/** Reads the input of the bench's batch to its end, or until it is no more wanted. */
export async function readInput(bench: Bench): Promise<void> {
  const { run, work: { part: { lease } } } = bench;
  const read = await reading(bench);
  if (read) await run.planned(lease, read);
}

/** undefined: it is no more wanted. */
async function reading(bench: Bench): Promise<Read | undefined> {
  const { run, seal, work: { batch: { shape, endpoint }, part: { lease } } } = bench;
  const body = await inputBytes(bench);
  if (!body) return { errors: [fault("file_not_found", null, "The input file is not there any more.", "input_file_id")] };
  const errors: InputError[] = [];
  const seen = new Map<string, number>();
  const models = new Set<string>();
  let planned: Planned[] = [];
  let ids: string[] = [];
  let part = { number: 0, first: 0, start: 0, end: 0, last: 0 };
  let total = 0;

  const closePart = async (): Promise<void> => {
    if (ids.length === 0) return;
    const { number, first, start, end, last } = part;
    planned.push({ part: number, first, start, end, lines: last - first + 1, ids: await seal.ids(number, ids) });
    ids = [];
    if (planned.length >= partsAtOnce) await sendParts();
  };
  const sendParts = async (): Promise<void> => {
    if (planned.length > 0) bench.heard(await run.plan(lease, planned));
    planned = [];
  };

  for await (const { number, start, end, text, tooLong } of linesOf(body, mostLineBytes)) {
    if (!bench.wanted) return undefined;
    const line = tooLong ? { fault: { code: "line_too_long", message: `This line is longer than ${mostLineBytes / 1024 / 1024} MiB.`, param: null } }
      : text === null ? { fault: { code: "invalid_json_line", message: "This line is not valid UTF-8.", param: null } } : readLine(text, shape, endpoint);
    total += 1;
    if (total > mostLines[shape]) return { errors: [fault("too_many_tasks", null, `The batch has more than ${mostLines[shape]} requests.`)] };
    if ("fault" in line) {
      errors.push({ ...line.fault, line: number });
    } else {
      const { customId, model } = line;
      const before = seen.get(customId);
      if (before !== undefined) errors.push(fault("duplicate_custom_id", number, `The custom_id of this request is that of line ${before} too. It must be unique for each request in a batch.`, "custom_id"));
      seen.set(customId, number);
      if (models.size < 2) models.add(model);
      // Lines are counted on, blank ones left out: a part's are those that its bytes hold.
      if (ids.length === linesPerPart || (ids.length > 0 && end - part.start > bytesPerPart)) await closePart();
      if (ids.length === 0) part = { number: part.number + 1, first: total, start, end, last: total };
      ids.push(customId);
      part = { ...part, end, last: total };
    }
    if (errors.length >= mostErrors) break;
  }
  if (errors.length > 0) return { errors };
  if (total === 0) return { errors: [fault("empty_file", null, "The input file holds no request.")] };
  await closePart();
  await sendParts();
  const model = models.size === 1 ? [...models][0] || undefined : undefined;
  return bench.wanted ? { total, model, native: model !== undefined && mayBeNative(bench.work.batch) } : undefined;
}
