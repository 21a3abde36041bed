/**
 * A provider's batches as xAI has them: OpenAI's file of lines goes there, and answers are told in pages. The batch bears our mark as its name, and has
 * counts where others have a status. Responses come back as chat completions, so only those are asked for. Nobody says in which order its list is.
 * https://docs.x.ai/docs/guides/batch-api
 */
import { GatewayError } from "../errors.ts";
import type { Json, ProviderCalls } from "../upstream/provider-batches.ts";
import { fields, rawItems, rawValue, splice } from "../upstream/splice.ts";
import { byFiles } from "./native-files.ts";
import { isAnswer, statusOfCode, type Kind, type Theirs } from "./native-kind.ts";

const listed = 100;
/** Answers in a page, and how large it may be. */
const answersPerPage = 20;
const pageBytes = 16 * 1024 * 1024;

const encoder = new TextEncoder();
const at = (id: string): string => `/batches/${encodeURIComponent(id)}`;
const following = (token: unknown): string | undefined => (typeof token === "string" && token !== "" ? `&pagination_token=${encodeURIComponent(token)}` : undefined);

/** It is over once as many lines as it was asked for have been read, or it was cancelled, and none is waiting. */
function theirs({ batch_id: id, state, cancel_time: cancelled }: Json, lines: number): Theirs {
  const { num_requests: read, num_pending: waiting } = state as Readonly<Record<string, number>>;
  const over = waiting === 0 && (read! >= lines || typeof cancelled === "string");
  return { id: String(id), over, answers: over && read! > 0 ? [String(id)] : [] };
}

async function* answersOf(calls: ProviderCalls, id: string): AsyncGenerator<Uint8Array, void> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page = await calls.text(`${at(id)}/results?limit=${answersPerPage}${after}`, pageBytes);
    const { results, pagination_token: token } = JSON.parse(page) as Json;
    if (!Array.isArray(results)) throw new GatewayError("upstream_error", "A page of answers is none.");
    for (const one of rawItems(rawValue(page, "results")!)) yield encoder.encode(`${one.replace(/[\r\n]+/g, " ")}\n`);
    after = results.length > 0 ? following(token) : undefined;
  }
}

export const named: Kind = {
  most: byFiles.most,
  between: byFiles.between,
  line: byFiles.line,
  stage: byFiles.stage!,
  ask: async (calls, { mark, lines }, input) => theirs(await calls.post("/batches", { name: mark, input_file_id: input }), lines),

  async find(calls, { mark, file, others }) {
    for (let after: string | undefined = ""; after !== undefined; ) {
      const { batches, pagination_token: token } = await calls.get(`/batches?limit=${listed}${after}`);
      if (!Array.isArray(batches)) throw new GatewayError("upstream_error", "A list of batches is none.");
      const found = (batches as Json[]).find((one) => one.name === mark || (file !== undefined && one.input_file_id === file));
      if (found) return { is: "ours", id: String(found.batch_id) };
      after = batches.length > 0 ? following(token) : undefined;
    }
    return { is: "none", others };
  },

  get: async (calls, { id, lines }) => theirs(await calls.get(at(id!)), lines!),
  cancel: (calls, { id }) => calls.post(`${at(id!)}:cancel`),
  content: (calls, _, place) => Promise.resolve(answersOf(calls, place)),

  answer(_, text) {
    const { batch_request_id: customId, batch_result: result } = JSON.parse(text) as { batch_request_id?: unknown; batch_result?: { error?: Json; response?: Readonly<Record<string, Json>> } };
    const line = Number(customId);
    if (typeof customId !== "string" || !Number.isInteger(line)) return undefined;
    const [[kind, said] = []] = Object.entries(result?.response ?? {});
    if (kind !== undefined && said) {
      const body = rawValue(rawValue(rawValue(text, "batch_result")!, "response")!, kind)!;
      return said.error === undefined && fields(body).length > 0 ? { line, status: 200, body: splice(body, { service_tier: '"batch"' }) } : undefined;
    }
    const status = statusOfCode(result?.error?.code);
    return result?.error && isAnswer(status) ? { line, status, body: JSON.stringify({ error: { message: result.error.message, type: "invalid_request_error", param: null, code: null } }) } : undefined;
  },

  /** What it answered is in no file. */
  remove: (calls, native) => byFiles.remove(calls, native, undefined),
};
