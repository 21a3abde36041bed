/** What speaks against a deployment for a request. Pure. */
import { countsMoney, type Principal } from "../accounts/policy.ts";
import { chargedFromMs, tokensOf, type ModelKind } from "../catalog/index.ts";
import { isPriced, isSurcharged, type PriceClass } from "../ledger/price.ts";
import { usable, type Endpoint } from "../providers/index.ts";
import type { RoutingWish } from "../protocols/protocol.ts";
import { kindByName, lackOf, needBits, type NeedBits, type Needs } from "./needs.ts";
import type { ExclusionReason, Question } from "./question.ts";
import { isCalled, wishedPlace } from "./rank.ts";
import { nameOf, type Candidate } from "./resolve.ts";

/** One way to call a provider: where, and on whose account. `suffix` tells its health from the others', behind a space, which no name has. */
export type Way = { readonly endpoint: Endpoint; readonly own: boolean; readonly suffix: string };

/**
 * The ways to a provider, best first; whether they lead to the owner's machines; whether what was asked is spoken there (undefined: its
 * models differ); what of the request's wishes speaks against all it has; and its place in the order that was wished.
 */
export type Access = {
  readonly list: readonly Way[]; readonly selfHosted: boolean; readonly speaks: boolean | undefined;
  readonly unwished: ExclusionReason | undefined; readonly place: number;
};
export type Ways = { readonly of: (provider: string) => Access };

/** The ways to every provider, each looked up once while a plan is made. */
export function waysFor({ endpoints, principal, protocols, wish }: Pick<Question, "endpoints" | "principal" | "protocols" | "wish">): Ways {
  const known = new Map<string, Access>();
  function look(provider: string): Access {
    const own = principal.credentials.get(provider);
    const all = (endpoints.get(provider) ?? []).flatMap((endpoint): Way[] => {
      const place = endpoint.place === undefined ? "" : ` @${endpoint.place}`;
      const ours: Way = { endpoint, own: false, suffix: place };
      if (!own) return [ours];
      const theirs: Way = { endpoint: { ...endpoint, secret: own.secret }, own: true, suffix: `${place} #${principal.organisationId}` };
      return own.only ? [theirs] : [theirs, ours];
    }).filter(({ endpoint }) => usable(endpoint));
    const { rules } = principal;
    const discreet = wish || rules ? all.filter((way) => !tells(way, wish, rules)) : all;
    const first = all[0];
    const row = first?.endpoint.provider;
    const access: Access = {
      list: discreet.length > 0 ? discreet : all,
      selfHosted: row?.selfHosted === true,
      speaks: !row || row.speaksFor ? undefined : !protocols || row.speaks.some((id) => protocols.includes(id)),
      unwished: first && ((wish && unwished(provider, first, wish)) ?? (discreet.length > 0 ? undefined : tells(first, wish, rules))),
      place: wish?.order ? wishedPlace(provider, wish.order) : 0,
    };
    known.set(provider, access);
    return access;
  }
  return { of: (provider) => known.get(provider) ?? look(provider) };
}

/** Whether a key's allow-list lets it call a model under any of its names. `*` at an end matches the rest. */
export function allows(models: readonly string[] | undefined, names: readonly string[]): boolean {
  if (!models) return true;
  return models.some((pattern) =>
    names.some((name) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern)),
  );
}

/** Every public name that leads to a candidate. */
export const namesOf = (asked: string, candidate: Candidate): string[] =>
  [asked, nameOf(candidate), ...(candidate.model ? [candidate.model.id] : [])];

type Lists = Pick<Principal, "models" | "planModels" | "organisationModels">;

/** Whether a key, its plan and its organisation each let a model be called under one of its names. */
export const allAllow = ({ models, planModels, organisationModels }: Lists, names: readonly string[]): boolean =>
  allows(models, names) && allows(planModels, names) && allows(organisationModels, names);

/** Whether any of them says which models. */
export const namesModels = ({ models, planModels, organisationModels }: Lists): boolean => models !== undefined || planModels !== undefined || organisationModels !== undefined;

/** What a deployment speaks of what was asked for: what its model is for first, the client's own, then as its provider prefers. */
export function protocolsOf({ provider }: Endpoint, { upstreamId, model }: Candidate, protocols: readonly string[] | undefined, kinds?: Question["kinds"]): readonly string[] {
  const known = provider.speaksFor?.(upstreamId) ?? provider.speaks;
  const spoken = model?.responsesOnly && known.includes("openai-responses") ? ["openai-responses"] : known;
  if (!protocols) return spoken;
  const own = protocols[0]!;
  const reachable = [...(spoken.includes(own) ? [own] : []), ...spoken.filter((id) => id !== own && protocols.includes(id))];
  // A model is asked for what it is for before all else.
  const kind = model?.kind ?? kindByName(upstreamId) ?? kinds?.get(own);
  return kinds ? reachable.toSorted((a, b) => Number(kinds.get(b) === kind) - Number(kinds.get(a) === kind)) : reachable;
}

/** Whether any of it is spoken: as `protocolsOf`, without the list where that is the same for all of a provider's models. */
const speaks = ({ list, speaks: spoken }: Access, candidate: Candidate, protocols: readonly string[] | undefined): boolean =>
  spoken !== undefined && candidate.model?.responsesOnly !== true ? spoken : protocolsOf(list[0]!.endpoint, candidate, protocols).length > 0;

/** What a request to a candidate will be charged for beside the tokens of the standard tier. */
function extrasOf({ model }: Candidate, protocol: string | undefined, { searches, tier }: Question): PriceClass[] {
  // Flex and batch cost no more than the standard; what the others cost is known only where it is listed.
  const surcharges = isSurcharged(tier) ? tokensOf(model?.kind ?? "chat").map((unit) => `${unit}:${tier}` as const) : [];
  return [...surcharges, ...(searches !== undefined && (searches === "any" || searches === protocol) ? ["web_search" as const] : [])];
}

const picoPerUsd = 1e12;
const perMillion = 1e6;

/** The first thing in which nothing that a provider has is as the request wishes it to be routed. */
function unwished(provider: string, { endpoint }: Way, { ignore, only, order, allowFallbacks, quantizations }: RoutingWish): ExclusionReason | undefined {
  if (ignore && isCalled(provider, ignore)) return "ignored";
  if (only && !isCalled(provider, only)) return "not_in_only";
  if (order && !allowFallbacks && !isCalled(provider, order)) return "fallbacks_off";
  return quantizations && !endpoint.provider.routes ? "quantization" : undefined;
}

/**
 * What a request, or its organisation, does not want done with what it says. What the installation has agreed with a provider does not hold for an
 * account of somebody else's. A provider that routes itself is told a request's own wishes with it, but not the organisation's rules.
 */
function tells({ endpoint: { provider, data, agreed }, own }: Way, wish: RoutingWish | undefined, rules: Principal["rules"]): ExclusionReason | undefined {
  if (provider.selfHosted) return undefined;
  const ours = own ? undefined : agreed;
  const matters = (what: "noTraining" | "zeroRetention"): boolean => (wish?.[what] ? !provider.routes : rules?.[what] === true);
  if (matters("noTraining") && data?.trains !== false && ours?.trains !== false) return "trains";
  return matters("zeroRetention") && data?.retains !== false && ours?.retains !== false ? "retains" : undefined;
}

/** The lower of what the request and its organisation would pay. */
function mostPaid(wished: RoutingWish["maxPrice"], ruled: NonNullable<Principal["rules"]>["maxPrice"]): RoutingWish["maxPrice"] {
  if (!ruled) return wished;
  const lower = (unit: "prompt" | "completion"): number => Math.min(wished?.[unit] ?? Infinity, ruled[unit] ?? Infinity);
  return { ...wished, prompt: lower("prompt"), completion: lower("completion") };
}

/** Whether a candidate costs more than the request wishes, or nobody knows. */
function tooDear({ rates }: Candidate, { prompt = Infinity, completion = Infinity, request = Infinity }: NonNullable<RoutingWish["maxPrice"]>): boolean {
  return !rates || (rates.input * perMillion) / picoPerUsd > prompt || (rates.output * perMillion) / picoPerUsd > completion || rates.request / picoPerUsd > request;
}

/** A question as far as it is the same for all deployments of a name. `needs`: only where a model is chosen for the request. */
export type Terms = {
  readonly question: Question; readonly asked: string; readonly needs: NeedBits | undefined; readonly listed: boolean; readonly money: boolean;
  readonly maxPrice: RoutingWish["maxPrice"];
  /** Nothing is charged beside tokens at their standard price. */
  readonly plain: boolean;
};

export const termsOf = (question: Question, asked: string, needs: Needs | undefined): Terms => ({
  question, asked, needs: needs && needBits(needs), money: countsMoney(question.principal), plain: question.searches === undefined && !isSurcharged(question.tier), maxPrice: mostPaid(question.wish?.maxPrice, question.principal.rules?.maxPrice),
  listed: namesModels(question.principal),
});

/** The first reason against a candidate, or undefined. */
export function against(candidate: Candidate, access: Access, terms: Terms): ExclusionReason | undefined {
  const { question, asked, needs, listed, money, maxPrice } = terms;
  const { list, selfHosted } = access;
  if (question.sovereign && !selfHosted) return "not_self_hosted";
  if (candidate.out) return "taken_out";
  if (listed && !allAllow(question.principal, namesOf(asked, candidate))) return "not_allowed";
  if (list.length === 0) return "not_configured";
  if (!speaks(access, candidate, question.protocols)) return "protocol";
  if (question.kinds && candidate.model && !isAsked(candidate.model.kind, question)) return "kind";
  if (money && !selfHosted && !(isListed(candidate, list[0]!, question) && (terms.plain || priced(candidate, list[0]!, question)))) return "not_priced";
  if (access.unwished) return access.unwished;
  if (maxPrice && !selfHosted && tooDear(candidate, maxPrice)) return "max_price";
  return needs && lackOf(candidate.upstreamId, candidate.model, needs);
}

const isAsked = (kind: ModelKind, { kind: own, kinds }: Question): boolean => kind === own || kinds!.values().some((one) => one === kind);

/** Whether what it is asked for has a price by now: a speaker is charged by the character, but not for a conversation. */
function isListed(candidate: Candidate, { endpoint }: Way, { kind, kinds, protocols, atMs }: Question): boolean {
  const { model, prices, pricedFromMs } = candidate;
  const asked = (kinds && kinds.get(protocolsOf(endpoint, candidate, protocols, kinds)[0]!)) ?? kind;
  const fromMs = !model || !asked || asked === model.kind ? pricedFromMs : chargedFromMs(prices, asked);
  return fromMs !== undefined && fromMs <= atMs;
}

/** Whether what is charged beside tokens at their standard price has one too. */
function priced(candidate: Candidate, { endpoint }: Way, question: Question): boolean {
  const { searches, atMs, protocols } = question;
  const protocol = searches === undefined ? undefined : protocolsOf(endpoint, candidate, protocols)[0];
  return isPriced(candidate.prices, extrasOf(candidate, protocol, question), atMs);
}
