/** What would become of a request: its plan, at what price, and why not the others. Nothing is sent, nothing is held. */
import type { Principal } from "../accounts/index.ts";
import { usdOf } from "../ledger/index.ts";
import type { RateState } from "../limits/index.ts";
import type { Protocol } from "../protocols/protocol.ts";
import { likelyCost, refusal, stickTo, weigh, type Attempt, type Exclusion, type Question } from "../router/index.ts";
import { bound, look } from "./admit.ts";
import { readJson } from "./body.ts";
import { reading } from "./chat.ts";
import type { RequestContext } from "./context.ts";
import { questionFor } from "./planning.ts";
import { factsOf } from "./relay.ts";
import { holdsEncrypted, sessionIn } from "./session.ts";

/** Prices in USD for a million tokens, costs in USD; times in milliseconds. */
export type DryRun = {
  object: "route";
  model: string;
  sovereign: boolean;
  /** How the order was found. */
  pick: string;
  session: { id: string; deployment: string | null } | null;
  needs: ReturnType<NonNullable<Question["needs"]>> | null;
  attempts: {
    deployment: string; model: string | null; protocol: string | null; own_key: boolean; foreign_reasoning_left_out: boolean;
    price: { input: number; cached_input: number; output: number; request: number } | null;
    estimated_cost: string | null; most_cost: string | null; context_length: number | null; max_output_tokens: number | null;
    health: { state: string; first_token_ms: { p50: number; p95: number | null } | null; tokens_per_second: number | null };
  }[];
  excluded: readonly Exclusion[];
  /** What the request would be refused with. */
  error: { code: string; message: string } | null;
};

const usdPerMillion = (pico: number): number => pico / 1e6;

/** What layers around the path make of a body: it is weighed as the first of these that has a plan. */
export type Seen = (body: object) => readonly object[];

/**
 * Weighs a request of `protocol` as it would be weighed if it were sent now. `sample` completes its body. Throws what is wrong with it or with its
 * caller.
 */
export async function dryRun(context: RequestContext, protocol: Protocol, caller: Principal, sample: object, seen: Seen = (body) => [body]): Promise<{ report: DryRun; rate: RateState }> {
  const { principal, rate } = await look(context, caller);
  const { text, json } = await readJson(context.request);
  const body = { ...sample, ...(json as object) };
  const weighings = seen(protocol.form?.fromJson?.(body) ?? body).map(async (whole) => {
    const facts = factsOf(protocol, text, whole);
    const read = reading(protocol, JSON.stringify(whole), facts.wish?.fields);
    const session = sessionIn(whole, facts, context.request.headers);
    const question = await questionFor(context, principal, { protocol, facts, read, session });
    return { facts, session, question, weighed: weigh(question) };
  });
  const all = await Promise.all(weighings);
  const { facts, session, question, weighed } = all.find(({ weighed: { attempts } }) => attempts.length > 0) ?? all.at(-1)!;
  const error = weighed.attempts.length > 0 ? null : refusal(question, weighed.excluded);
  const { attempts, excluded, pick } = stickTo(weighed, question.stuck, holdsEncrypted(text));
  return {
    rate,
    report: {
      object: "route", model: facts.model, sovereign: question.sovereign, pick: pick ?? "order",
      session: attempts.length > 1 && session() ? { id: session()!.ids[0], deployment: question.stuck ?? null } : null,
      needs: question.needs?.() ?? null,
      attempts: attempts.map((attempt) => view(attempt, question, facts, protocol)),
      excluded, error: error && { code: error.code, message: error.message },
    },
  };
}

function view(attempt: Attempt, question: Question, facts: Parameters<typeof bound>[1], protocol: Protocol): DryRun["attempts"][number] {
  const { deployment, vital, model, own, protocols, contextTokens, maxOutputTokens, endpoint, foreign } = attempt;
  const rates = question.catalog.byName.get(deployment)?.rates;
  const { state, firstByteMs, tokensPerSecond } = question.health?.(vital) ?? { state: "closed" };
  const { inputTokens, outputTokens } = question.needs?.() ?? { inputTokens: 0, outputTokens: undefined };
  const free = endpoint.provider.selfHosted === true;
  const likely = likelyCost({ rates, name: deployment, provider: endpoint.provider.id }, { inputTokens, outputTokens }, question.stuck);
  return {
    deployment, model: model ?? null, protocol: protocols[0] ?? null, own_key: own === true, foreign_reasoning_left_out: foreign === true,
    price: rates ? { input: usdPerMillion(rates.input), cached_input: usdPerMillion(rates.cachedInput), output: usdPerMillion(rates.output), request: rates.request / 1e12 } : null,
    estimated_cost: rates || free ? usdOf(Math.round(likely / 1_000)) : null,
    most_cost: rates || free ? usdOf(bound([attempt], facts, protocol.id, question.atMs).nanoUsd) : null,
    context_length: contextTokens ?? null, max_output_tokens: maxOutputTokens ?? null,
    health: { state, first_token_ms: firstByteMs ? { p50: firstByteMs.p50, p95: firstByteMs.p95 ?? null } : null, tokens_per_second: tokensPerSecond ?? null },
  };
}
