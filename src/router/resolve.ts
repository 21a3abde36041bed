/** From a public name to deployments. Pure. */
import type { Catalog, Deployment, Model } from "../catalog/index.ts";
import { providerOf, providers, selfHosted } from "../providers/index.ts";

/** A deployment that may serve the request; `model` is missing when the catalog does not know the id yet. */
export type Candidate = { provider: string; upstreamId: string; model: Model | undefined; prices: Deployment["prices"] };

const rank = new Map(providers.map((provider, i) => [provider.id, i]));
const byRank = (a: Candidate, b: Candidate): number => (rank.get(a.provider) ?? providers.length) - (rank.get(b.provider) ?? providers.length);
const known = ({ provider, upstreamId, model, prices }: Deployment): Candidate => ({ provider, upstreamId, model, prices });

/** `provider/upstream id`, as ledger, headers and clients know a deployment. */
export const nameOf = ({ provider, upstreamId }: Pick<Candidate, "provider" | "upstreamId">): string => `${provider}/${upstreamId}`;

/** Where names are looked up. */
export type Names = { organisationId: string; catalog: Catalog; selfHostedModels: readonly string[] };

/** What an alias stands for: the organisation's own before everyone's. */
const targetsOf = (name: string, { organisationId, catalog }: Names): readonly string[] | undefined =>
  catalog.aliases.get(`${organisationId}/${name}`) ?? catalog.aliases.get(`/${name}`);

/**
 * Every deployment that `name` can mean, each once, in this order: an alias (the organisation's own first), a model id,
 * `provider/any-id`, an id that some provider uses (`meta-llama/…` on OpenRouter). Empty = nobody knows it.
 */
export function resolve(name: string, names: Names): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const plain of plainNames(name, names)) {
    for (const candidate of deploymentsOf(plain, names)) if (!found.has(nameOf(candidate))) found.set(nameOf(candidate), candidate);
  }
  return [...found.values()];
}

/**
 * Follows aliases to names that are none. An alias met again on its own way means the model of that name: `gpt-4o` may stand
 * for `gpt-4o`, then `claude-…`. One met again elsewhere has nothing new to say.
 */
function plainNames(name: string, names: Names, way = new Set<string>(), followed = new Set<string>()): string[] {
  const targets = way.has(name) ? undefined : targetsOf(name, names);
  if (!targets) return [name];
  if (followed.has(name)) return [];
  followed.add(name);
  way.add(name);
  const plain = targets.flatMap((target) => plainNames(target, names, way, followed));
  way.delete(name);
  return plain;
}

function deploymentsOf(name: string, { catalog, selfHostedModels }: Names): Candidate[] {
  const model = catalog.byModel.get(name);
  const own = selfHostedModels.includes(name) ? [{ provider: selfHosted.id, upstreamId: name, model: catalog.models.get(name), prices: [] }] : [];
  if (model || own.length > 0) return [...own, ...(model ?? []).map(known)].sort(byRank);
  const slash = name.indexOf("/");
  const provider = slash > 0 ? providerOf(name.slice(0, slash)) : undefined;
  const upstreamId = name.slice(slash + 1);
  const direct = catalog.byName.get(name);
  const sameId = (catalog.byUpstreamId.get(name) ?? []).map(known);
  if (!provider || upstreamId === "") return sameId;
  return [direct ? known(direct) : { provider: provider.id, upstreamId, model: catalog.models.get(upstreamId), prices: [] }, ...sameId];
}
