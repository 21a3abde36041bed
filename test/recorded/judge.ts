/** What a client got of one recorded exchange, held against what the provider said. The marks are named as the recordings' checker names them. */
import { isDeepStrictEqual } from "node:util";
import { audioIn, isObject, valueIn, type Answer, type Call, type Column, type Exchange, type Expected, type Finish, type Frame, type Mark, type RecordedUsage, type RuleName } from "./column.ts";

/** What came over the wire. */
export type Wire = { status: number; type: string; text: string };
/** What the SDK threw. */
export type Thrown = { status?: number | undefined; message: string };
/** `schema` names what a value breaks of a vendor's schema. */
export type Tools = { frames(text: string): Frame[]; schema(spec: string, name: string, value: unknown): string[] };
export type Verdict = { checks: Record<string, Mark>; detail: Record<string, string>; rules: RuleName[] };

class Judge implements Verdict {
  readonly checks: Record<string, Mark> = {};
  readonly detail: Record<string, string> = {};
  readonly rules: RuleName[] = [];

  /** Notes a mark, and what was wrong. */
  set(name: string, mark: Mark, why: string): void {
    this.checks[name] = mark;
    if (mark !== true) this.detail[name] = why.slice(0, 400);
  }
}

const bare = (text: string): string => text.replace(/\s+/g, "");
/** Equal, or equal but for blanks. */
const sameText = (wanted: string, got: string): Mark => wanted === got || (bare(wanted) === bare(got) && "soft");
const shown = (text: string): string => `${JSON.stringify(text.slice(0, 120))}(${text.length})`;

/** Judges one exchange: what the SDK read or threw, and the bytes. */
export function judge(column: Column, exchange: Exchange, outcome: Answer | Thrown, wire: Wire, tools: Tools): Verdict {
  const said = new Judge();
  const expected = exchange.expected ?? {};
  const thrown = "message" in outcome ? outcome : undefined;
  const finish = "message" in outcome ? undefined : outcome.finish;
  if (exchange.status >= 400) judgeError(said, column, exchange, thrown, wire);
  else if (expected.error) said.set("stream_error_surfaced", thrown !== undefined || !finish, `ended as ${finish}`);
  else if ("message" in outcome) said.set("parses", false, JSON.stringify(outcome));
  else {
    said.set("parses", true, "");
    judgeTexts(said, column, expected, outcome);
    judgeCalls(said, column, expected.tool_calls ?? [], outcome.calls);
    judgeFinish(said, column, expected, outcome);
    judgeUsage(said, column, expected, outcome);
    judgeForm(said, column, exchange, wire, tools);
  }
  return said;
}

/** Judges a stream whose provider died: the client must come to know, and soon. */
export function judgeCut(outcome: Answer | Thrown, wire: Wire, tookMs: number): Verdict {
  const said = new Judge();
  const isThrown = "message" in outcome;
  said.set("no_hang", tookMs < 15_000, `${tookMs} ms`);
  said.set("not_reported_as_success", isThrown || (!outcome.finish && (wire.text.includes('"error"') || "soft")), `ended as ${isThrown ? "" : outcome.finish}`);
  return said;
}

function judgeError(said: Judge, column: Column, { status, expected }: Exchange, thrown: Thrown | undefined, wire: Wire): void {
  said.set("error_thrown", thrown !== undefined, "no exception");
  if (!thrown) return;
  const body = valueIn(wire.text);
  const got = thrown.status ?? 0;
  // A refusal of the gateway's own account is the gateway's fault.
  const own = [401, 403].includes(status) && [401, 403, 500, 502].includes(got);
  said.set("error_status", got === status || (status >= 500 && got >= 500) || (own && "soft"), `${status} -> ${got}`);
  said.set("error_shape", column.errorShape(body), wire.text.slice(0, 200));
  const message = (body as { error?: { message?: string } } | undefined)?.error?.message ?? thrown.message;
  const wanted = expected?.error?.message;
  if (wanted) said.set("error_message", message.includes(String(wanted).slice(0, 60)) || "soft", `${wanted} -> ${message}`);
}

function judgeTexts(said: Judge, column: Column, { text, refusal, reasoning }: Expected, got: Answer): void {
  const wanted = text ?? "";
  const refused = refusal && column.narrowed.includes("refusal is text") ? refusal : "";
  if (refused) said.rules.push("refusal is text");
  said.set("text", sameText(wanted + refused, got.text), `want ${shown(wanted + refused)} got ${shown(got.text)}`);
  if (!reasoning) return;
  if (column.narrowed.includes("no reasoning")) said.rules.push("no reasoning");
  else said.set("reasoning", sameText(reasoning, got.reasoning), `want ${shown(reasoning)} got ${shown(got.reasoning)}`);
}

function judgeCalls(said: Judge, column: Column, wanted: readonly Call[], got: readonly Call[]): void {
  if (wanted.length === 0 && got.length === 0) return;
  const wraps = column.narrowed.includes("input wrapped");
  const wrapped = wanted.some(({ args }) => wraps && !isObject(valueIn(args || "{}")));
  if (wrapped) said.rules.push("input wrapped");
  const input = ({ args }: Call): unknown => {
    const value = valueIn(args || "{}");
    return isObject(value) ? value : wraps ? { input: args } : args;
  };
  const ids = got.map(({ id }) => id);
  const list = (calls: readonly Call[], key: keyof Call): string => JSON.stringify(calls.map((call) => call[key]));
  said.set("tool_count", wanted.length === got.length, `${wanted.length} -> ${got.length}`);
  said.set("tool_names", wanted.every(({ name }, i) => name === got[i]?.name), `${list(wanted, "name")} -> ${list(got, "name")}`);
  said.set("tool_args", wanted.every((call, i) => isDeepStrictEqual(input(call), got[i] && input(got[i]))), `${list(wanted, "args").slice(0, 190)} -> ${list(got, "args").slice(0, 190)}`);
  const none = got.length > 0 && [...wanted, ...got].every(({ id }) => id == null) && column.narrowed.includes("no ids");
  if (none) said.rules.push("no ids");
  said.set("tool_ids", none || (ids.every((id) => typeof id === "string" && id !== "") && new Set(ids).size === ids.length), list(got, "id"));
  if (wanted.every(({ id }) => id)) said.set("tool_ids_kept", wanted.every(({ id }, i) => id === ids[i]) || "soft", `${list(wanted, "id")} -> ${list(got, "id")}`);
}

/** The words for a finish; a protocol without a word for calls has the calls themselves. */
function judgeFinish(said: Judge, { finishes, narrowed }: Column, { finish, finish_norm, tool_calls }: Expected, got: Answer): void {
  if (!finish_norm || !(finish_norm in finishes)) return;
  const silent = finish_norm === "tool_calls" && narrowed.includes("no finish for calls");
  if (silent) said.rules.push("no finish for calls");
  const words = [...finishes[finish_norm as Finish], ...(finish_norm === "stop" && tool_calls?.length ? finishes.tool_calls : [])];
  said.set("finish", words.includes(got.finish ?? "") && (!silent || got.calls.length > 0), `${finish}(${finish_norm}) -> ${got.finish}`);
}

/** Tokens of audio as a provider tells them in either direction. */
const heard = ({ prompt_tokens_details: before, completion_tokens_details: after, promptTokensDetails, candidatesTokensDetails }: RecordedUsage) => ({
  audio_in: (before?.audio_tokens ?? 0) + audioIn(promptTokensDetails), audio_out: (after?.audio_tokens ?? 0) + audioIn(candidatesTokensDetails),
});

function judgeUsage(said: Judge, { narrowed }: Column, { usage, usage_norm: wanted }: Expected, { usage: got }: Answer): void {
  if (wanted?.input == null) return;
  said.set("usage_present", got !== undefined, "no usage");
  if (!got) return;
  const { input, input_alt, output, cached, cache_write: written, reasoning, total } = wanted;
  const beside = reasoning != null && got.output === (output ?? 0) + reasoning;
  said.set("usage_in", got.input === input || (input_alt != null && got.input === input_alt && "soft"), `${input} -> ${got.input}`);
  said.set("usage_out", got.output === output || (beside && "soft"), `${output} -> ${got.output}`);
  if (cached) said.set("usage_cached", got.cached === cached, `${cached} -> ${got.cached}`);
  if (written && narrowed.includes("writes are input")) said.rules.push("writes are input");
  else if (written) said.set("usage_cache_write", got.cache_write === written, `${written} -> ${got.cache_write}`);
  if (reasoning) said.set("usage_reasoning", got.reasoning === reasoning, `${reasoning} -> ${got.reasoning}`);
  const { audio_in, audio_out } = heard(usage ?? {});
  if (audio_in + audio_out > 0) said.set("usage_audio", got.audio_in === audio_in && got.audio_out === audio_out, `${audio_in}+${audio_out} -> ${got.audio_in}+${got.audio_out}`);
  said.set("usage_sum", got.total === (got.input ?? 0) + (got.output ?? 0) || got.total === total, `${got.input}+${got.output} != ${got.total}`);
}

function judgeForm(said: Judge, column: Column, { stream, expected }: Exchange, wire: Wire, tools: Tools): void {
  const { spec, whole, event } = column.schema;
  const broken = (name: string, value: unknown): string => tools.schema(spec, name, value).slice(0, 3).join("; ");
  if (!stream) {
    const wrong = broken(whole, valueIn(wire.text));
    return said.set("schema", wrong === "" || "soft", wrong);
  }
  const frames = tools.frames(wire.text);
  const faults = column.grammar(frames, Boolean(expected?.usage));
  said.set("stream_ct", wire.type.includes("text/event-stream"), wire.type);
  said.set("stream_grammar", faults.length === 0, faults.join(" | "));
  if (event === undefined) return;
  const wrong = frames.map(({ data }) => valueIn(data)).filter(isObject).map((value) => broken(event, value)).find(Boolean) ?? "";
  said.set("schema", wrong === "" || "soft", wrong);
}
