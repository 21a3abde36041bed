/** Which deployments, in which order, and why not the others. Pure over a list. */
import type { PickBy } from "../catalog/index.ts";
import { providerOf } from "../providers/index.ts";
import { against, protocolsOf, termsOf, waysFor, type Ways } from "./against.ts";
import { asked, chanceOf } from "./names.ts";
import { noNeeds } from "./needs.ts";
import type { Attempt, Exclusion, Plan, Question } from "./question.ts";
import { leading, wished, type Ranking } from "./rank.ts";
import { refusal } from "./refusal.ts";
import { meaningOf, type Candidate, type Meaning } from "./resolve.ts";

/** As many deployments are tried for one name. */
const mostDeployments = 8;

/** A name as it was asked for, and what it turns out to mean. */
type Read = Meaning & { readonly name: string; readonly pick: PickBy | undefined; readonly free: boolean; readonly explicit: boolean };

const picksOf = { price: "cheapest", throughput: "throughput", latency: "fastest" } as const;

/** What a name means to this caller. A suffix is only one where nothing bears the whole name. */
function read(name: string, { principal: { organisationId }, catalog, selfHostedModels, wish }: Question): Read {
  const names = { organisationId, catalog, selfHostedModels };
  const sort = wish?.sort && picksOf[wish.sort];
  const plain = asked(name);
  const whole = meaningOf(name, names);
  const known = whole.alias !== undefined || whole.candidates.some(({ model, provider }) => model !== undefined || (plain.name === name && provider !== ""));
  if (plain.name === name || known) {
    const explicit = !whole.alias && name.includes("/") && providerOf(name.slice(0, name.indexOf("/"))) !== undefined;
    return { ...whole, name, pick: sort ?? (whole.alias && whole.alias.pick !== "order" ? whole.alias.pick : undefined), free: false, explicit: explicit && sort === undefined };
  }
  const base = meaningOf(plain.name, names);
  // A suffix speaks of the model, whoever's deployment it was named by.
  const { model } = base.candidates[0] ?? {};
  const everywhere = base.alias || !model ? base.candidates : [...new Set([...base.candidates, ...(catalog.byModel.get(model.id) ?? [])])];
  if (plain.free && everywhere.length === 0) return { ...whole, name, pick: sort, free: false, explicit: false };
  return { ...base, candidates: everywhere, name, pick: sort ?? plain.pick, free: plain.free === true, explicit: false };
}

const isFree = ({ rates, upstreamId }: Candidate, way: { endpoint: { provider: { selfHosted?: boolean } } } | undefined): boolean =>
  upstreamId.endsWith(":free") || way?.endpoint.provider.selfHosted === true || (rates !== undefined && rates.input + rates.output + rates.request === 0);

type Weighed = { attempts: Attempt[]; excluded: Exclusion[]; read: Read };

/** What speaks for and against every deployment of one name. */
function weighName(name: string, question: Question, ways: Ways): Weighed {
  const meaning = read(name, question);
  const { candidates, alias, pick } = meaning;
  const { wish, stuck, health, seed } = question;
  const chooses = alias !== undefined || wish?.requireParameters === true;
  const needs = chooses ? question.needs?.() : undefined;
  const terms = termsOf(question, name, needs);
  const excluded: Exclusion[] = [];
  const fit: Candidate[] = [];
  for (const candidate of candidates) {
    const access = ways.of(candidate.provider);
    const reason = against(candidate, access, terms) ?? (meaning.free && !isFree(candidate, access.list[0]) ? "not_free" : undefined);
    if (reason) excluded.push({ deployment: candidate.name, reason });
    else fit.push(candidate);
  }
  const ranking: Ranking = { health, seed, stuck, wish, needs: needs ?? noNeeds, weights: meaning.weights };
  const well = health ? inHealth(fit, ways, question, excluded) : fit;
  const notNeeded = ({ name: deployment }: Candidate): void => void excluded.push({ deployment, reason: "not_needed" });
  // Wishes for providers by name reorder what price or speed has ordered, so they need the whole of it.
  const most = wish?.order || wish?.leastThroughput || wish?.mostLatency ? Infinity : mostDeployments;
  const ordered = wished(pick === undefined ? well : leading(well, pick, ranking, most, notNeeded), ranking);
  const kept = keep(ordered, fit, meaning, question, excluded);
  return { attempts: kept.flatMap((candidate) => attemptsOf(candidate, ways, question)), excluded, read: meaning };
}

const isOpen = (vital: string, { health }: Question): boolean => health?.(vital)?.state === "open";

/** Without those that are known to be down, unless all are: then the answer is for them to give. */
function inHealth(fit: Candidate[], ways: Ways, question: Question, excluded: Exclusion[]): Candidate[] {
  const down: Candidate[] = [];
  for (const candidate of fit) {
    const { list } = ways.of(candidate.provider);
    if (list.length === 1 ? isOpen(candidate.name + list[0]!.suffix, question) : list.every(({ suffix }) => isOpen(candidate.name + suffix, question))) down.push(candidate);
  }
  if (down.length === 0 || down.length === fit.length) return fit;
  for (const { name: deployment } of down) excluded.push({ deployment, reason: "unhealthy" });
  return fit.filter((candidate) => !down.includes(candidate));
}

/** What of an order may be tried: as many as make sense, one where one was asked for, and vectors of one model. */
function keep(ordered: readonly Candidate[], fit: readonly Candidate[], { explicit, alias }: Read, { wish, kind }: Question, excluded: Exclusion[]): readonly Candidate[] {
  const exclude = (from: readonly Candidate[], reason: Exclusion["reason"]): void => void excluded.push(...from.map(({ name: deployment }) => ({ deployment, reason })));
  if (explicit || (wish && !wish.allowFallbacks && !wish.order)) {
    exclude(ordered.slice(1), "fallbacks_off");
    return ordered.slice(0, 1);
  }
  const idOf = ({ model, upstreamId }: Candidate): string => model?.id ?? upstreamId;
  // Which one it is must not change with the health of its deployments.
  const first = kind === "embedding" && alias?.pick === "order" ? fit[0] : ordered[0];
  const comparable = kind === "embedding" && first ? ordered.filter((one) => idOf(one) === idOf(first)) : ordered;
  if (comparable.length < ordered.length) exclude(ordered.filter((one) => !comparable.includes(one)), "other_embedding");
  exclude(comparable.slice(mostDeployments), "not_needed");
  return comparable.slice(0, mostDeployments);
}

/** A deployment on the organisation's account and on the installation's, at each place that has it: the seed says which place is first. */
function attemptsOf(candidate: Candidate, ways: Ways, question: Question): Attempt[] {
  const { name: deployment, upstreamId, model, prices } = candidate;
  const places = question.servedAt?.get(upstreamId);
  const all = ways.of(candidate.provider).list;
  const serving = all.filter(({ endpoint: { place, baseUrl } }) => place === undefined || !places || places.includes(baseUrl));
  const well = serving.filter(({ suffix }) => !isOpen(deployment + suffix, question));
  const spread = (suffix: string): number => chanceOf(question.seed ?? "", deployment, suffix);
  const chosen = well.length > 0 ? well : serving;
  return (chosen.length < 2 ? chosen : chosen.toSorted((a, b) => Number(b.own) - Number(a.own) || spread(a.suffix) - spread(b.suffix))).map(({ endpoint, own, suffix }) => ({
    endpoint, deployment, vital: deployment + suffix, upstreamId, model: model?.id, own, prices,
    contextTokens: model?.contextTokens ?? undefined, maxOutputTokens: model?.maxOutputTokens ?? undefined,
    protocols: protocolsOf(endpoint, candidate, question.protocols),
  }));
}

/** What speaks for and against every deployment of the names that were asked for. Both lists are empty when nobody knows any. */
export function weigh(question: Question): Plan {
  const ways = waysFor(question);
  const others = question.wish?.models ?? [];
  const { attempts, excluded, read: { alias, pick } } = weighName(question.name, question, ways);
  for (const name of others) {
    const { attempts: more, excluded: against, read: { candidates } } = weighName(name, question, ways);
    attempts.push(...more.filter(({ vital }) => !attempts.some((one) => one.vital === vital)));
    excluded.push(...(candidates.length === 0 ? [{ deployment: name, reason: "unknown" as const }] : against));
  }
  return { attempts, excluded, ...(pick && { pick }), ...(alias?.hedges && { hedges: true }), ...(alias?.continues && { continues: true }) };
}

/**
 * The plan for one request. Throws when nothing is left: `model_not_found` (with near matches), `model_not_allowed`,
 * `model_not_priced`, `sovereign_unavailable` or `no_provider`.
 */
export function plan(question: Question): Plan {
  const planned = weigh(question);
  if (planned.attempts.length === 0) throw refusal(question, planned.excluded);
  return planned;
}

/**
 * The plan once it is known where its conversation ran: that deployment first, if it is still in it. `sealed`: the request holds what
 * only its maker can read, which everybody else is called without.
 */
export function stickTo(planned: Plan, stuck: string | undefined, sealed: boolean): Plan {
  const { attempts } = planned;
  const at = stuck === undefined ? -1 : attempts.findIndex(({ vital }) => vital === stuck);
  const ordered = at > 0 ? [attempts[at]!, ...attempts.slice(0, at), ...attempts.slice(at + 1)] : attempts;
  if (!sealed || attempts.length < 2) return ordered === attempts ? planned : { ...planned, attempts: ordered };
  return { ...planned, attempts: ordered.map((attempt, i) => (i === 0 && (at >= 0 || stuck === undefined) ? attempt : { ...attempt, foreign: true })) };
}
