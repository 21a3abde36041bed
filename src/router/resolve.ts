/** From a public name to deployments. Pure. */
import type { Alias, Catalog, Deployment, Model } from "../catalog/index.ts";
import { providerOf, providers, selfHosted } from "../providers/index.ts";
import { undated } from "./names.ts";

/** A deployment that may serve the request; `model` is missing when the catalog does not know the id yet. `name`: `provider/upstream id`. */
export type Candidate = { readonly provider: string; readonly upstreamId: string; readonly name: string; readonly model: Model | undefined; readonly prices: Deployment["prices"]; readonly rates: Deployment["rates"]; readonly pricedFromMs: number | undefined; readonly gift: boolean; readonly out?: true };

/** What a name stands for: deployments, each once, in order; the alias that it is; each one's weight in it where that is not 1. */
export type Meaning = { readonly candidates: readonly Candidate[]; readonly alias?: Alias | undefined; readonly weights?: ReadonlyMap<Candidate, number> };

const rank = new Map(providers.map((provider, i) => [provider.id, i]));
/** In the order in which equal deployments are tried. */
export const byRank = (a: Candidate, b: Candidate): number => (rank.get(a.provider) ?? providers.length) - (rank.get(b.provider) ?? providers.length);

/** `provider/upstream id`, as ledger, headers and clients know a deployment. */
export const nameOf = ({ provider, upstreamId }: Pick<Candidate, "provider" | "upstreamId">): string => `${provider}/${upstreamId}`;

/** Where names are looked up. */
export type Names = { organisationId: string; catalog: Catalog; selfHostedModels: readonly string[] };

/** The alias of a name: the organisation's own before everyone's. */
export const aliasOf = (name: string, { organisationId, catalog }: Pick<Names, "organisationId" | "catalog">): Alias | undefined =>
  catalog.aliases.get(`${organisationId}/${name}`) ?? catalog.aliases.get(`/${name}`);

/**
 * Every deployment that `name` can mean, each once, in this order: an alias (the organisation's own first), a model id,
 * `provider/any-id`, an id that some provider uses (`meta-llama/…` on OpenRouter), an id with a date of a model that is known without.
 */
export function meaningOf(name: string, names: Names): Meaning {
  const alias = aliasOf(name, names);
  if (!alias) return { candidates: unique(deploymentsOf(name, names)) };
  const weights = new Map<Candidate, number>();
  const followed = new Set([name]);
  const [only] = alias.targets;
  if (alias.targets.length === 1 && isWildcard(only!.name)) return { candidates: wildcard(only!.name, names), alias };
  const found = alias.targets.flatMap(({ name: target, weight }) => {
    const candidates = plainNames(target, names, new Set([name]), followed).flatMap((plain) => deploymentsOf(plain, names));
    if (alias.pick === "weighted") for (const candidate of candidates) if (!weights.has(candidate)) weights.set(candidate, weight);
    return candidates;
  });
  return { candidates: unique(found), alias, ...(weights.size > 0 && { weights }) };
}

/** The deployments of a name, in order. Empty = nobody knows it. */
export const resolve = (name: string, names: Names): readonly Candidate[] => meaningOf(name, names).candidates;

function unique(candidates: readonly Candidate[]): readonly Candidate[] {
  if (candidates.length < 2) return candidates;
  const found = new Map<string, Candidate>();
  for (const candidate of candidates) if (!found.has(candidate.name)) found.set(candidate.name, candidate);
  return found.size === candidates.length ? candidates : [...found.values()];
}

/**
 * Follows aliases to names that are none. An alias met again on its own way means the model of that name: `gpt-4o` may stand
 * for `gpt-4o`, then `claude-…`. One met again elsewhere has nothing new to say.
 */
function plainNames(name: string, names: Names, way: Set<string>, followed: Set<string>): string[] {
  const targets = way.has(name) ? undefined : aliasOf(name, names)?.targets;
  if (!targets) return [name];
  if (followed.has(name)) return [];
  followed.add(name);
  way.add(name);
  const plain = targets.flatMap((target) => plainNames(target.name, names, way, followed));
  way.delete(name);
  return plain;
}

/** A model of the owner's servers: as the catalog has it, where it does. */
const owned = (upstreamId: string, catalog: Catalog): Candidate => catalog.byName.get(nameOf({ provider: selfHosted.id, upstreamId }))
  ?? ({ provider: selfHosted.id, upstreamId, name: nameOf({ provider: selfHosted.id, upstreamId }), model: catalog.models.get(upstreamId), prices: [], rates: undefined, pricedFromMs: undefined, gift: false });

/** Everything, or all that one provider has. */
function wildcard(name: string, { catalog, selfHostedModels }: Names): readonly Candidate[] {
  const provider = name === "*" ? undefined : name.slice(0, -2);
  const own = provider === undefined || provider === selfHosted.id ? selfHostedModels.filter((id) => !catalog.byName.has(nameOf({ provider: selfHosted.id, upstreamId: id }))).map((id) => owned(id, catalog)) : [];
  const listed = listedOf(catalog, provider);
  return own.length > 0 ? [...own, ...listed] : listed;
}

export const isWildcard = (name: string): boolean => name === "*" || name.endsWith("/*");

/** What wildcards mean in a catalog, found once for each. */
const found = new WeakMap<Catalog, Map<string | undefined, readonly Candidate[]>>();

function listedOf(catalog: Catalog, provider: string | undefined): readonly Candidate[] {
  let lists = found.get(catalog);
  if (!lists) found.set(catalog, (lists = new Map()));
  let list = lists.get(provider);
  if (!list) lists.set(provider, (list = catalog.deployments.filter((one) => (provider === undefined || one.provider === provider)).sort(byRank)));
  return list;
}

function deploymentsOf(name: string, names: Names): readonly Candidate[] {
  if (isWildcard(name)) return wildcard(name, names);
  const { catalog, selfHostedModels } = names;
  const model = catalog.byModel.get(name);
  const own = selfHostedModels.includes(name) ? [owned(name, catalog)] : [];
  if (model || own.length > 0) return [...own, ...(model ?? [])].sort(byRank);
  const slash = name.indexOf("/");
  const provider = slash > 0 ? providerOf(name.slice(0, slash)) : undefined;
  const upstreamId = name.slice(slash + 1);
  const direct = catalog.byName.get(name);
  const sameId = catalog.byUpstreamId.get(name) ?? [];
  // Who calls a model so and who has it under another id have the same model: `anthropic/claude-haiku-4.5` is one of Anthropic's too.
  if (!direct && sameId.length > 0) return [...ofProvider(provider?.id, sameId, catalog), ...sameId, ...sameId.flatMap((one) => (catalog.byModel.get(one.model.id) ?? []).toSorted(byRank))];
  if (!provider || upstreamId === "") return dated(name, catalog);
  return [direct ?? { provider: provider.id, upstreamId, name, model: catalog.models.get(upstreamId), prices: [], rates: undefined, pricedFromMs: undefined, gift: false }, ...sameId];
}

/** What a provider has of the models that others call so. */
const ofProvider = (provider: string | undefined, others: readonly Deployment[], catalog: Catalog): readonly Deployment[] =>
  others.flatMap(({ model }) => (catalog.byModel.get(model.id) ?? []).filter((one) => one.provider === provider));

/** A dated id that the catalog does not list is its model's maker's; others name their deployments otherwise. */
function dated(name: string, catalog: Catalog): Candidate[] {
  const known = undated(name);
  return (known === undefined ? [] : (catalog.byModel.get(known) ?? [])).flatMap((one) =>
    one.upstreamId === known ? [{ ...one, upstreamId: name, name: nameOf({ provider: one.provider, upstreamId: name }) }] : []).sort(byRank);
}
