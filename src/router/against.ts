/** What speaks against a deployment for a request. Pure. */
import { countsMoney, type Principal } from "../accounts/policy.ts";
import { isPriced, isSurcharged, type PriceClass } from "../ledger/price.ts";
import { usable, type Endpoint } from "../providers/index.ts";
import type { RoutingWish } from "../protocols/protocol.ts";
import { lackOf, needBits, type NeedBits, type Needs } from "./needs.ts";
import type { ExclusionReason, Question } from "./question.ts";
import { isCalled } from "./rank.ts";
import { nameOf, type Candidate } from "./resolve.ts";

/** One way to call a provider: where, and on whose account. `suffix` tells its health from the others', behind a space, which no name has. */
export type Way = { readonly endpoint: Endpoint; readonly own: boolean; readonly suffix: string };

/** The ways to a provider, best first, and whether what was asked is spoken there; undefined: its models differ. */
export type Access = { readonly list: readonly Way[]; readonly speaks: boolean | undefined };
export type Ways = { readonly of: (provider: string) => Access };

/** The ways to every provider, each looked up once while a plan is made. */
export function waysFor({ endpoints, principal, protocols }: Pick<Question, "endpoints" | "principal" | "protocols">): Ways {
  const known = new Map<string, Access>();
  function look(provider: string): Access {
    const own = principal.credentials.get(provider);
    const found = (endpoints.get(provider) ?? []).flatMap((endpoint): Way[] => {
      const place = endpoint.place === undefined ? "" : ` @${endpoint.place}`;
      const ours: Way = { endpoint, own: false, suffix: place };
      if (!own) return [ours];
      const theirs: Way = { endpoint: { ...endpoint, secret: own.secret }, own: true, suffix: `${place} #${principal.organisationId}` };
      return own.only ? [theirs] : [theirs, ours];
    }).filter(({ endpoint }) => usable(endpoint));
    const row = found[0]?.endpoint.provider;
    const access = { list: found, speaks: !row || row.speaksFor ? undefined : !protocols || row.speaks.some((id) => protocols.includes(id)) };
    known.set(provider, access);
    return access;
  }
  // Long lists stand by provider, so the last one asked for is nearly always the next.
  let last = "";
  let access: Access | undefined;
  return {
    of(provider) {
      if (access && provider === last) return access;
      last = provider;
      return (access = known.get(provider) ?? look(provider));
    },
  };
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

const allowed = ({ models, planModels }: Principal, asked: string, candidate: Candidate): boolean => {
  const names = namesOf(asked, candidate);
  return allows(models, names) && allows(planModels, names);
};

/** What a deployment speaks of what was asked for, the client's own first, then as its provider prefers. */
export function protocolsOf({ provider }: Endpoint, { upstreamId, model }: Candidate, protocols: readonly string[] | undefined): readonly string[] {
  const known = provider.speaksFor?.(upstreamId) ?? provider.speaks;
  const spoken = model?.responsesOnly && known.includes("openai-responses") ? ["openai-responses"] : known;
  if (!protocols) return spoken;
  const own = protocols[0]!;
  return [...(spoken.includes(own) ? [own] : []), ...spoken.filter((id) => id !== own && protocols.includes(id))];
}

/** Whether any of it is spoken: as `protocolsOf`, without the list where that is the same for all of a provider's models. */
const speaks = ({ list, speaks: spoken }: Access, candidate: Candidate, protocols: readonly string[] | undefined): boolean =>
  spoken !== undefined && candidate.model?.responsesOnly !== true ? spoken : protocolsOf(list[0]!.endpoint, candidate, protocols).length > 0;

/** What a request to a candidate will be charged for. */
function classesOf({ model }: Candidate, protocol: string | undefined, { searches, tier }: Question): PriceClass[] {
  const tokens = model?.kind === "embedding" ? (["input"] as const) : (["input", "output"] as const);
  // Flex and batch cost no more than the standard; what the others cost is known only where it is listed.
  return [...tokens, ...(isSurcharged(tier) ? tokens.map((unit) => `${unit}:${tier}` as const) : []), ...(searches !== undefined && searches === protocol ? ["web_search" as const] : [])];
}

const picoPerUsd = 1e12;
const perMillion = 1e6;

/** The first thing in which a candidate is not as the request wishes it to be routed. */
function unwished({ provider, rates }: Candidate, { endpoint }: Way, wish: RoutingWish): ExclusionReason | undefined {
  const { ignore, only, order, allowFallbacks, noTraining, zeroRetention, quantizations, maxPrice } = wish;
  const { data, routes, selfHosted } = endpoint.provider;
  if (ignore && isCalled(provider, ignore)) return "ignored";
  if (only && !isCalled(provider, only)) return "not_in_only";
  if (order && !allowFallbacks && !isCalled(provider, order)) return "fallbacks_off";
  // A provider that routes itself is told these three with the request.
  if (noTraining && !selfHosted && !routes && data?.trains !== false) return "trains";
  if (zeroRetention && !selfHosted && !routes && data?.retains !== false) return "retains";
  if (quantizations && !routes) return "quantization";
  if (!maxPrice || selfHosted) return undefined;
  const { prompt = Infinity, completion = Infinity, request = Infinity } = maxPrice;
  const above = !rates || (rates.input * perMillion) / picoPerUsd > prompt || (rates.output * perMillion) / picoPerUsd > completion || rates.request / picoPerUsd > request;
  return above ? "max_price" : undefined;
}

/** A question as far as it is the same for all deployments of a name. `needs`: only where a model is chosen for the request. */
export type Terms = { readonly question: Question; readonly asked: string; readonly needs: NeedBits | undefined; readonly listed: boolean; readonly money: boolean };

export const termsOf = (question: Question, asked: string, needs: Needs | undefined): Terms => ({
  question, asked, needs: needs && needBits(needs), money: countsMoney(question.principal),
  listed: question.principal.models !== undefined || question.principal.planModels !== undefined,
});

/** The first reason against a candidate, or undefined. */
export function against(candidate: Candidate, access: Access, { question, asked, needs, listed, money }: Terms): ExclusionReason | undefined {
  const way = access.list[0];
  const selfHosted = way !== undefined && way.endpoint.provider.selfHosted === true;
  if (question.sovereign && !selfHosted) return "not_self_hosted";
  if (listed && !allowed(question.principal, asked, candidate)) return "not_allowed";
  if (!way) return "not_configured";
  if (!speaks(access, candidate, question.protocols)) return "protocol";
  if (money && !selfHosted && !priced(candidate, way, question)) return "not_priced";
  return (question.wish && unwished(candidate, way, question.wish)) ?? (needs && lackOf(candidate.upstreamId, candidate.model, needs));
}

function priced(candidate: Candidate, { endpoint }: Way, question: Question): boolean {
  const protocol = question.searches === undefined ? undefined : protocolsOf(endpoint, candidate, question.protocols)[0];
  return isPriced(candidate.prices, classesOf(candidate, protocol, question), question.atMs);
}
