/** Whether an answer that breaks off may be gone on with, by whom, and what they are asked then. Pure. */
import type { ChatRequest } from "../chat/index.ts";
import type { Prefill, RequestFacts } from "../protocols/protocol.ts";
import type { Attempt, Plan } from "../router/index.ts";
import type { Asking } from "./planning.ts";
import { firm, leastEcho } from "./seam.ts";
import { isWish } from "./wish.ts";

/** English text: about four characters a token. */
const charactersPerToken = 4;

/** Whether the request, or else its alias, asks for it: `X-Forge-Continue`. Only a stream of one answer to a conversation can be. */
export function mayContinue(headers: Headers, { protocol, facts }: Pick<Asking, "protocol" | "facts">, plan: Pick<Plan, "attempts" | "continues">): boolean {
  const wanted = headers.get("x-forge-continue");
  const asked = wanted === null ? plan.continues === true : isWish(wanted);
  return asked && facts.stream && facts.choices === 1 && protocol.conversation !== undefined && plan.attempts.length > 1 && plan.attempts.some(goesOn);
}

/** Whether a deployment can go on with an answer at all. */
export const goesOn = ({ endpoint: { provider }, upstreamId, protocols }: Attempt): boolean => protocols.some((protocol) => provider.prefill?.(protocol, upstreamId));

/** Whether the model is free to say no more than text. */
const isFree = ({ toolChoice }: ChatRequest): boolean => toolChoice === undefined || toolChoice.type === "auto" || toolChoice.type === "none";

/** The protocols in which a deployment goes on with such a text, and how. Empty: it does not, or nobody says that it does. */
export function prefillsOf({ endpoint: { provider }, upstreamId, protocols }: Attempt, chat: ChatRequest, told: string): ReadonlyMap<string, Prefill> {
  return new Map(protocols.flatMap((protocol) => {
    const prefill = provider.prefill?.(protocol, upstreamId);
    const fits = prefill && (chat.tools.length === 0 || (prefill.withTools && isFree(chat))) && (!prefill.echoes || firm(told).length >= leastEcho);
    return fits ? [[protocol, prefill] as const] : [];
  }));
}

/**
 * The request to go on with `told`: the firm part of it is the last turn. Its writer does not think again, and may write as much as the
 * first has left. Undefined: what was asked for is no plain text, or the client itself had given the beginning of an answer.
 */
export function continuationOf(asked: ChatRequest, told: string): ChatRequest | undefined {
  const { turns, output, modalities, audio, maxOutputTokens } = asked;
  const isText = (output === undefined || output.type === "text") && audio === undefined && (modalities?.every((one) => one === "text") ?? true);
  if (!isText || turns.at(-1)?.role === "assistant") return undefined;
  const left = maxOutputTokens === undefined ? {} : { maxOutputTokens: Math.max(1, maxOutputTokens - Math.ceil(told.length / charactersPerToken)) };
  const chat = { ...asked };
  delete chat.reasoning;
  return { ...chat, ...left, turns: [...turns, { role: "assistant", parts: [{ type: "text", text: firm(told) }] }] };
}

/** What is known of the request once it has the text told so far as its last turn. */
export const withTold = (facts: RequestFacts, told: string): RequestFacts => ({ ...facts, likelyInputTokens: facts.likelyInputTokens + Math.ceil(told.length / charactersPerToken) });
