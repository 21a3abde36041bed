/**
 * A provider's batches as Anthropic has them: the lines go in the call that makes the batch, whose answers lie under its id. Nothing that is told of
 * a batch before it has ended is ours to choose, so the mark stands in the custom ids, and one whose making was not heard is found by elimination:
 * of the batches of as many lines that were made at the time, ours is the one whose answers bear the mark.
 * https://docs.anthropic.com/en/api/creating-message-batches
 */
import { GatewayError } from "../errors.ts";
import { anthropicErrorOf } from "../protocols/index.ts";
import type { Json, ProviderCalls } from "../upstream/provider-batches.ts";
import { rawValue, splice } from "../upstream/splice.ts";
import { linesOf } from "./lines.ts";
import { clocksDifferMs, isAnswer, type Asked, type Kind, type Theirs } from "./native-kind.ts";
import { mostAnswerBytes } from "./seal.ts";

const listed = 1_000;
/** So many batches' answers are looked into in one step. */
const lookedInto = 50;

const theirs = ({ id, processing_status: status, results_url: results }: Json): Theirs =>
  ({ id: String(id), over: status === "ended", answers: status === "ended" && typeof results === "string" ? [String(id)] : [] });

const at = (path: string, id: string): string => `${path}/batches/${encodeURIComponent(id)}`;
const answersAt = (path: string, id: string): string => `${at(path, id)}/results`;
const totalOf = ({ request_counts: counts }: Json): number => Object.values((counts ?? {}) as Record<string, number>).reduce((sum, count) => sum + count, 0);

/** Batches that may be the one that was asked for. The list begins with the newest. */
async function* candidates(calls: ProviderCalls, { path, lines, askedAtMs, askMs, others }: Asked): AsyncGenerator<Theirs, void> {
  for (let after = ""; ; ) {
    const { data, has_more: more, last_id: lastId } = await calls.get(`${path}/batches?limit=${listed}${after}`);
    for (const one of Array.isArray(data) ? (data as Json[]) : []) {
      const madeMs = Date.parse(String(one.created_at));
      if (madeMs < askedAtMs - clocksDifferMs) return;
      if (!(madeMs > askedAtMs + askMs + clocksDifferMs) && totalOf(one) === lines && !others.includes(String(one.id))) yield theirs(one);
    }
    if (more !== true || typeof lastId !== "string") return;
    after = `&after_id=${encodeURIComponent(lastId)}`;
  }
}

/** Whether the answers of a batch that has ended bear the mark; undefined: they cannot be read now. */
async function bears(calls: ProviderCalls, { path, mark }: Asked, id: string): Promise<boolean | undefined> {
  try {
    for await (const { text } of linesOf(await calls.content(answersAt(path, id)), mostAnswerBytes)) {
      if (text !== null) return lineIn(mark, (JSON.parse(text) as Json).custom_id) !== undefined;
    }
  } catch (error) {
    if (!(error instanceof GatewayError) && !(error instanceof SyntaxError)) throw error;
  }
  return undefined;
}

/** The line that a custom id stands for; undefined: it is not ours. */
function lineIn(mark: string, customId: unknown): number | undefined {
  const line = typeof customId === "string" && customId.startsWith(`${mark}-`) ? Number(customId.slice(mark.length + 1)) : NaN;
  return Number.isInteger(line) ? line : undefined;
}

export const inline: Kind = {
  most: { lines: 100_000, bytes: 255_000_000 },
  between: ",",
  line: (mark, line, { body }) => `{"custom_id":"${mark}-${line}","params":${body}}`,
  ask: async (calls, { path, headers, framed }) => theirs(await calls.send(`${path}/batches`, { ...framed("application/json", '{"requests":[', "]}"), headers })),

  async find(calls, asked) {
    const others = [...asked.others];
    let [unclear, looked] = [false, 0];
    for await (const { id, over } of candidates(calls, asked)) {
      const ours = over && looked < lookedInto ? await bears(calls, asked, id) : undefined;
      looked += Number(over);
      if (ours) return { is: "ours", id };
      if (ours === false) others.push(id);
      else unclear = true;
    }
    return { is: unclear ? "unclear" : "none", others };
  },

  get: async (calls, { path, id }) => theirs(await calls.get(at(path!, id!))),
  cancel: (calls, { path, id }) => calls.post(`${at(path!, id!)}/cancel`),
  content: (calls, { path }, place) => calls.content(answersAt(path!, place)),

  answer(mark, text) {
    const { custom_id: customId, result } = JSON.parse(text) as { custom_id?: unknown; result?: { type?: unknown; error?: Json } };
    const line = lineIn(mark, customId);
    if (line === undefined) return undefined;
    const raw = rawValue(text, "result")!;
    if (result?.type === "succeeded") {
      const message = rawValue(raw, "message")!;
      const usage = rawValue(message, "usage");
      return { line, status: 200, body: usage?.startsWith("{") ? splice(message, { usage: splice(usage, { service_tier: '"batch"' }) }) : message };
    }
    if (result?.type !== "errored") return undefined;
    const { status } = anthropicErrorOf(result.error?.error ?? result.error);
    const requestId = result.error?.request_id;
    return isAnswer(status) ? { line, status, ...(typeof requestId === "string" && { requestId }), body: rawValue(raw, "error")! } : undefined;
  },

  remove: (calls, { path, id }) => (path !== undefined && id !== undefined ? calls.remove(at(path, id)).catch(() => {}) : Promise.resolve()),
};
