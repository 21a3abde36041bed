/** One trial over sockets: the client leaves, and what came of it is held against the rule. */
import { request, type ClientRequest } from "node:http";
import type { LedgerEntry } from "../../src/ledger/entry.ts";
import { anthropicMessages, gemini, openaiChat, openaiCompletions, openaiResponses, type Protocol } from "../../src/protocols/index.ts";
import { charactersIn, clients, type ClientId } from "./clients.ts";
import { due, dueWithin, isOf, type Due } from "./rule.ts";
import { streamOf, texts, wholeOf, type Piece, type UpstreamId } from "./tellers.ts";
import type { Trial } from "./trials.ts";
import type { Call, PacedUpstream, Script } from "./upstream.ts";

/** The promise of `cancel`. */
export const hangUpMs = 250;
/** What had been sent so long before the client left has reached the gateway. */
const underWayMs = 100;

/** `leftMs` undefined: the client stayed to the end, for its event never came. */
export type Played = { trial: Trial; pieces: readonly Piece[]; inputEstimate: number; received: string; leftMs: number | undefined; calls: readonly Call[] };

const providerOf: Readonly<Record<UpstreamId, string>> = {
  "openai-chat": "openai", "openai-completions": "cerebras", "openai-responses": "openai", "anthropic-messages": "anthropic", "gemini-generate": "gemini", "bedrock-converse": "bedrock",
};
const reads = (client: ClientId, model: string): Protocol =>
  ({ "openai-chat": openaiChat, "openai-completions": openaiCompletions, "openai-responses": openaiResponses, "anthropic-messages": anthropicMessages, "gemini-generate": gemini(model, "generateContent", false)! })[client];

/** Input that nobody counted is posted as it is estimated from the request. */
const inputEstimateOf = (client: ClientId, model: string, body: unknown): number => reads(client, model).parse(body).likelyInputTokens;

export const modelOf = ({ upstream, name }: Trial): string => `${providerOf[upstream]}/${name}`;

/** Plays a trial; resolves once the upstream's connection is over too. `pace`: other times than usual. */
export async function play(trial: Trial, upstream: PacedUpstream, gatewayUrl: string, secret: string, pace: Partial<Script> = {}): Promise<Played> {
  const { name, client, stream, leaves, shape, usageAsked, abrupt } = trial;
  const seed = Number(name.slice(6));
  const counts = shape === "zero" ? { input: 0, output: 0 } : { input: 10_000 + seed, output: 20_000 + seed };
  const model = modelOf(trial);
  const body = clients[client].body(model, stream, usageAsked);
  const halves = wholeOf(trial.upstream, shape, counts);
  const pieces = stream
    ? streamOf(trial.upstream, shape, counts)
    : [{ bytes: halves[0], characters: 0 }, { bytes: halves[1], characters: texts.join("").length, over: true as const, ...(shape !== "untold" && { said: counts }) }];
  const type = !stream ? "application/json" : trial.upstream === "bedrock-converse" ? "application/vnd.amazon.eventstream" : "text/event-stream";
  let leave = (): void => {};
  upstream.scripts.set(name, {
    pieces, type, headersAfterMs: leaves === "asked" ? 400 : leaves === "sooner" ? 50 : 0, firstAfterMs: leaves === "headers" ? 400 : 0, paceMs: stream ? (seed % 7 === 0 ? 1 : 15) : leaves === "half" ? 400 : 5,
    ...(leaves === "silence" && { silence: { behind: 6, ms: 500 } }),
    at: (moment) => void (moment === leaves && (!stream || moment !== "headers") && setTimeout(() => leave(), moment === "silence" ? 100 : 20)),
    breaks: shape === "breaks",
    ...pace,
  });
  const { received, leftMs } = await visit();
  const calls = upstream.calls.get(name) ?? [];
  await Promise.all(calls.map((call) => call.over));
  upstream.scripts.delete(name);
  return { trial, pieces, inputEstimate: inputEstimateOf(client, model, body), received, leftMs, calls };

  function visit(): Promise<{ received: string; leftMs: number | undefined }> {
    return new Promise((resolve) => {
      let received = "";
      const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json", "x-forge-protocol": trial.upstream };
      const call: ClientRequest = request(gatewayUrl + clients[client].path(model, stream), { method: "POST", agent: false, headers });
      const marker = stream ? clients[client].events[leaves] : undefined;
      leave = () => {
        resolve({ received, leftMs: performance.now() });
        if (abrupt) call.socket?.resetAndDestroy();
        else call.socket?.destroy();
      };
      call.on("error", () => resolve({ received, leftMs: undefined })).on("response", (response) => {
        if (stream && leaves === "headers") return leave();
        response.setEncoding("utf8").on("error", () => {}).on("data", (text: string) => {
          received += text;
          if (marker?.test(received)) leave();
        }).on("end", () => resolve({ received, leftMs: undefined }));
      });
      call.end(JSON.stringify(body));
      if (leaves === "sooner") setTimeout(() => leave(), seed % 12);
    });
  }
}

const sentBy = (call: Call, ms: number): number => call.sentMs.filter((at) => at <= ms).length;

/** How many pieces a client that received this must have caused to be read. */
function piecesBehind({ trial: { client }, pieces, received }: Played): number {
  const characters = charactersIn(client, received);
  let sum = 0;
  let least = 0;
  for (const [i, piece] of pieces.entries()) {
    if (sum >= characters && !(piece.said?.output && piece.over && received.includes(String(piece.said.output)))) continue;
    sum += piece.characters;
    least = i + 1;
  }
  return least;
}

/** Milliseconds from the client's leaving to the upstream's close; undefined where the upstream was finished by then or was to be. */
export const closeMs = ({ leftMs, calls }: Played): number | undefined =>
  leftMs === undefined || calls[0]?.closedMs === undefined ? undefined : calls[0].closedMs - leftMs;

export const cancels = ({ policy, stream }: Trial): boolean => policy === "cancel" || (policy === "absent" && stream);

/** What is wrong with a trial, given its ledger entries and how long the machine stood still. */
export function complaints(played: Played, entries: readonly LedgerEntry[], stallMs: number): string[] {
  const { trial, pieces, inputEstimate, leftMs, calls } = played;
  const [call] = calls;
  if (trial.leaves === "sooner" && calls.length === 0) return entries.flatMap((entry) => unheard(entry, inputEstimate));
  if (!call || calls.length !== 1) return [`${calls.length} calls upstream`];
  const [entry] = entries;
  if (!entry || entries.length !== 1) return [`${entries.length} ledger entries`];
  const wrong: string[] = [];
  const found: Due = { input: entry.usage.inputTokens, output: entry.usage.outputTokens, estimated: entry.estimated };
  const isWhole = call.finishedMs !== undefined;
  const allowed = isWhole ? [due(pieces, trial.shape === "breaks", inputEstimate)] : [];
  if (leftMs !== undefined && cancels(trial)) {
    const most = sentBy(call, call.closedMs ?? Infinity);
    const least = Math.min(most, Math.max(piecesBehind(played), sentBy(call, leftMs - underWayMs - stallMs)));
    // Of an answer that comes whole nothing is seen before its end.
    allowed.push(...(trial.stream ? dueWithin(pieces, least, most, inputEstimate) : [due([], true, inputEstimate)]));
    const late = (call.closedMs ?? call.finishedMs!) - leftMs;
    if (late > hangUpMs + stallMs) wrong.push(`the upstream ${isWhole ? "was read to its end" : "was hung up on"} ${Math.round(late)} ms after the client had left`);
  } else if (!isWhole) wrong.push("the upstream was hung up on");
  if (!isOf(found, allowed)) wrong.push(`posted ${JSON.stringify(found)}, due ${JSON.stringify(allowed)}`);
  const until = call.closedMs ?? call.finishedMs!;
  const ends = leftMs !== undefined && until > leftMs + hangUpMs + stallMs ? ["client_gone"] : leftMs === undefined ? [naturalEnd(trial)] : ["client_gone", naturalEnd(trial)];
  if (!isWhole && entry.end !== "client_gone" || !ends.includes(entry.end)) wrong.push(`end: ${entry.end}, not ${ends.join(" or ")}`);
  return wrong;
}

/** A call of which the upstream knows nothing was never made, or ended on its way there: then nobody can say whether the prompt arrives. */
function unheard({ end, estimated, usage }: LedgerEntry, inputEstimate: number): string[] {
  const found = { input: usage.inputTokens, output: usage.outputTokens, estimated };
  const fits = end === "client_gone" && isOf(found, [{ input: 0, output: 0, estimated: false }, due([], true, inputEstimate)]);
  return fits ? [] : [`${end} ${JSON.stringify(found)} for a call that never arrived`];
}

const naturalEnd = ({ shape }: Trial): string => (shape === "fails" || shape === "breaks" ? "upstream_error" : shape === "open" ? "unterminated" : "complete");
