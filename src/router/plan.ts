/** Which deployments, in which order, and why not the others. Pure over a list. */
import type { PickBy } from "../catalog/index.ts";
import { providerOf, selfHosted, type Provider } from "../providers/index.ts";
import { against, protocolsOf, termsOf, waysFor, type Access, type Terms, type Ways } from "./against.ts";
import { asked, chanceOf } from "./names.ts";
import { usualNeeds, type Needs } from "./needs.ts";
import type { Attempt, Exclusion, ExclusionReason, Plan, Question } from "./question.ts";
import { leading, wished, type Ranking } from "./rank.ts";
import { refusal } from "./refusal.ts";
import { isWildcard, meaningOf, type Candidate, type Meaning } from "./resolve.ts";

/** As many deployments are tried for one name. */
const mostDeployments = 8;

/** A name as it was asked for, and what it turns out to mean. */
type Read = Meaning & { readonly name: string; readonly pick: PickBy | undefined; readonly free: boolean; readonly explicit: boolean };

const picksOf = { price: "cheapest", throughput: "throughput", latency: "fastest" } as const;

/** The provider that a name begins with. */
const providerIn = (name: string): Provider | undefined => (name.includes("/") ? providerOf(name.slice(0, name.indexOf("/"))) : undefined);

/**
 * What a name means to this caller. A suffix is only one where nothing bears the whole name, and `:free` where the model is known.
 * `provider/model` is that one deployment, unless the request says itself how to choose among providers: then it is the model, wherever. The
 * owner's own machines are never left for that.
 */
function readName(name: string, { principal: { organisationId }, catalog, selfHostedModels, wish }: Question): Read {
  const names = { organisationId, catalog, selfHostedModels };
  const sort = wish?.sort && picksOf[wish.sort];
  const plain = asked(name);
  const whole = meaningOf(name, names);
  const provider = providerIn(name);
  const everywhere = ({ alias, candidates }: Meaning): readonly Candidate[] => {
    const model = alias || provider === selfHosted ? undefined : candidates.find((one) => one.model)?.model;
    return model ? [...new Set([...candidates, ...(catalog.byModel.get(model.id) ?? [])])] : candidates;
  };
  const asIs = (): Read => {
    const named = whole.alias === undefined && provider !== undefined;
    const roams = wish !== undefined && [wish.sort, wish.order, wish.only, wish.ignore].some((said) => said !== undefined);
    const pick = sort ?? (whole.alias && whole.alias.pick !== "order" ? whole.alias.pick : undefined);
    return { ...whole, candidates: named && roams ? everywhere(whole) : whole.candidates, name, pick, free: false, explicit: named && !roams };
  };
  const borne = (one: Candidate): boolean => one.model !== undefined || (one.provider === selfHosted.id && selfHostedModels.includes(one.upstreamId));
  if (plain.name === name || whole.alias || whole.candidates.some(borne)) return asIs();
  const base = meaningOf(plain.name, names);
  const candidates = everywhere(base);
  if (!plain.free) return { ...base, candidates, name, pick: sort ?? plain.pick, free: false, explicit: false };
  if (!base.alias && !candidates.some(borne)) return asIs();
  const variants = candidates.flatMap((one) => catalog.byName.get(`${one.name}:free`) ?? []);
  return { ...base, candidates: [...new Set([...candidates, ...variants])], name, pick: sort ?? base.alias?.pick, free: true, explicit: false };
}

const isFree = ({ rates, upstreamId }: Candidate, { selfHosted: owned }: Access): boolean =>
  upstreamId.endsWith(":free") || owned || (rates !== undefined && rates.input + rates.output + rates.request === 0);

/** An alias of everything sends nobody to what is given away: only who is named by another target is meant. */
const isNamed = ({ name, model }: Candidate, { alias }: Read): boolean => alias?.targets.some((target) => target.name === name || target.name === model?.id) === true;

type Weighed = { attempts: Attempt[]; excluded: Exclusion[]; read: Read };

/** Of one deployment nobody asks which conversation it is. */
const alone: Pick<Question, "seed" | "stuck"> = {};

/** What speaks for and against every deployment of one name. */
function weighName(name: string, question: Question, ways: Ways): Weighed {
  const read = readName(name, question);
  const { wish, health } = question;
  const { pick = "order", weights, explicit } = read;
  const chooses = read.alias !== undefined || wish?.requireParameters === true;
  const needs = chooses || pick === "cheapest" ? question.needs?.() : undefined;
  const { fit, excluded } = roomy(read, ways, question, chooses ? needs : undefined);
  const { seed, stuck } = fit.length > 1 ? question : alone;
  const ranking: Ranking = { health, seed, stuck, wish, needs: needs ?? usualNeeds, weights };
  const meant = explicit ? cut(fit, 1, "fallbacks_off", excluded) : question.kind === "embedding" ? comparable(fit, pick, ranking, excluded) : fit;
  // Wishes for providers by name reorder what price or speed has ordered, so they need the whole of it.
  const most = wish?.order || wish?.leastThroughput || wish?.mostLatency ? Infinity : mostDeployments;
  const best = leading(meant, pick, ranking, {
    most,
    isDown: ({ provider, name: deployment }) => health !== undefined && ways.of(provider).list.every(({ suffix }) => isOpen(deployment + suffix, question)),
    drop: ({ name: deployment }, reason) => void excluded.push({ deployment, reason }),
  });
  const ordered = wished(best, ranking, (provider) => ways.of(provider).place);
  const kept = wish && !wish.allowFallbacks && !wish.order ? cut(ordered, 1, "fallbacks_off", excluded) : cut(ordered, mostDeployments, "not_needed", excluded);
  return { attempts: kept.flatMap((candidate) => attemptsOf(candidate, ways, question)), excluded, read };
}

type Fitting = { fit: readonly Candidate[]; excluded: Exclusion[] };

/**
 * The deployments of a name that can serve the request. A bound is no wish: agents allow as many output tokens as the model can say whose
 * name they know. Where nobody can say that many, whoever can read the request serves it.
 */
function roomy(read: Read, ways: Ways, question: Question, needs: Needs | undefined): Fitting {
  const all = fitting(read, termsOf(question, read.name, needs), ways);
  const bounded = all.fit.length === 0 && needs?.outputTokens !== undefined && all.excluded.some(({ reason }) => reason === "context" || reason === "output_tokens");
  return bounded ? fitting(read, termsOf(question, read.name, { ...needs, outputTokens: undefined }), ways) : all;
}

/** In order, those against which nothing speaks. */
function fitting(read: Read, terms: Terms, ways: Ways): Fitting {
  const { candidates, alias, free } = read;
  const excluded: Exclusion[] = [];
  const wild = alias?.targets.some(({ name }) => isWildcard(name)) === true;
  const fit: Candidate[] = [];
  // Long lists stand by provider.
  let provider: string | undefined;
  let access: Access = ways.of("");
  for (const candidate of candidates) {
    if (candidate.provider !== provider) access = ways.of((provider = candidate.provider));
    const reason = against(candidate, access, terms)
      ?? (free ? (isFree(candidate, access) ? undefined : "not_free") : wild && candidate.gift && !access.selfHosted && !isNamed(candidate, read) ? "free" : undefined);
    if (reason) excluded.push({ deployment: candidate.name, reason });
    else fit.push(candidate);
  }
  return { fit: speaking(fit, terms.question, ways, excluded), excluded };
}

/** Those that can be told of all that the request says, where it must be or there are such. */
function speaking(fit: readonly Candidate[], { nativeOnly, protocols, kinds }: Question, ways: Ways, excluded: Exclusion[]): readonly Candidate[] {
  if (!nativeOnly) return fit;
  const knows = (one: Candidate): boolean => toldIn(protocolsOf(ways.of(one.provider).list[0]!.endpoint, one, protocols, kinds), nativeOnly).length > 0;
  const able = fit.filter(knows);
  if (!nativeOnly.must && able.length === 0) return fit;
  for (const one of fit) if (!able.includes(one)) excluded.push({ deployment: one.name, reason: "not_native" });
  return able;
}

/** Of the protocols that are spoken, those in which all of the request can be said. */
const toldIn = (spoken: readonly string[], { protocol, also = [] }: NonNullable<Question["nativeOnly"]>): readonly string[] => spoken.filter((id) => id === protocol || also.includes(id));

const spokenOf = (spoken: readonly string[], { nativeOnly }: Question): readonly string[] => (nativeOnly?.must ? toldIn(spoken, nativeOnly) : spoken);

const isOpen = (vital: string, { health }: Question): boolean => health?.(vital)?.state === "open";

/** The first of a list; the others are excluded. */
function cut(list: readonly Candidate[], most: number, reason: ExclusionReason, excluded: Exclusion[]): readonly Candidate[] {
  for (let i = most; i < list.length; i += 1) excluded.push({ deployment: list[i]!.name, reason });
  return list.length > most ? list.slice(0, most) : list;
}

const idOf = ({ model, upstreamId }: Candidate): string => model?.id ?? upstreamId;

/** The deployments of one embedding model. Which one it is changes with neither the health nor the speed of its deployments, nor by chance. */
function comparable(fit: readonly Candidate[], pick: PickBy, ranking: Ranking, excluded: Exclusion[]): readonly Candidate[] {
  const [first] = pick === "cheapest" ? leading(fit, pick, { ...ranking, stuck: undefined }, { most: 1, isDown: () => false, drop: () => {} }) : fit;
  const same = fit.filter((one) => idOf(one) === idOf(first!));
  if (same.length < fit.length) for (const one of fit) if (idOf(one) !== idOf(first!)) excluded.push({ deployment: one.name, reason: "other_embedding" });
  return same;
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
    protocols: spokenOf(protocolsOf(endpoint, candidate, question.protocols, question.kinds), question),
    ...(endpoint.provider.sealsReasoning && model?.capabilities.includes("reasoning") && { seals: true as const }),
  }));
}

/** A provider that routes itself, asked by its own name, hears what the request wishes of providers and prices: that is about its own choice. */
function heard(name: string, question: Question): Question {
  const { wish } = question;
  if (!wish || !providerIn(name)?.routes) return question;
  const { models, allowFallbacks, requireParameters, noTraining, zeroRetention, fields, session } = wish;
  return { ...question, wish: { models, allowFallbacks, requireParameters, noTraining, zeroRetention, fields, ...(session !== undefined && { session }) } };
}

/** What speaks for and against every deployment of the names that were asked for, each once. Both lists are empty when nobody knows any. */
export function weigh(question: Question): Plan {
  const ways = waysFor(question);
  const weighOne = (name: string): Weighed => {
    const own = heard(name, question);
    return weighName(name, own, own === question ? ways : waysFor(own));
  };
  const { attempts, excluded, read: { alias, pick } } = weighOne(question.name);
  const others = question.wish?.models ?? [];
  const more = others.map((name) => ({ name, ...weighOne(name) }));
  const weighed: Pick<Plan, "attempts" | "excluded"> = more.length === 0 ? { attempts, excluded } : joined([
    { attempts, excluded }, ...more.map(({ name, read, ...one }) => (read.candidates.length === 0 ? { attempts: [], excluded: [{ deployment: name, reason: "unknown" as const }] } : one)),
  ]);
  return { ...weighed, ...(pick && { pick }), ...(question.wish?.order && { placed: true }), ...(alias?.hedges && { hedges: true }), ...(alias?.continues && { continues: true }) };
}

/** What several names come to. What one of them has tried is not excluded by another. */
function joined(all: readonly Pick<Plan, "attempts" | "excluded">[]): Pick<Plan, "attempts" | "excluded"> {
  const attempts = new Map<string, Attempt>();
  for (const attempt of all.flatMap((one) => one.attempts)) if (!attempts.has(attempt.vital)) attempts.set(attempt.vital, attempt);
  const told = new Set([...attempts.values()].map(({ deployment }) => deployment));
  const excluded = all.flatMap((one) => one.excluded).filter(({ deployment }) => !told.has(deployment) && told.add(deployment));
  return { attempts: [...attempts.values()], excluded };
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
 * The plan once it is known where its conversation ran: that deployment first, if it is still in it and the request has not said itself
 * whom to try first. `sealed`: it holds what only its maker can read, which goes there before all, and everybody else is called without.
 */
export function stickTo(planned: Plan, stuck: string | undefined, sealed: boolean): Plan {
  const { attempts, placed } = planned;
  const at = stuck === undefined ? -1 : attempts.findIndex(({ vital }) => vital === stuck);
  const ordered = at > 0 && (sealed || !placed) ? [attempts[at]!, ...attempts.slice(0, at), ...attempts.slice(at + 1)] : attempts;
  if (!sealed) return ordered === attempts ? planned : { ...planned, attempts: ordered };
  return { ...planned, attempts: ordered.map((attempt, i) => (i === 0 && (at >= 0 || stuck === undefined) ? attempt : { ...attempt, foreign: true })) };
}
