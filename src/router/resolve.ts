/** From a public name to deployments. Pure. */
import type { Catalog, Deployment, Model } from "../catalog/index.ts";
import { providerOf, providers } from "../providers/index.ts";

/** A deployment that may serve the request; `model` is missing when the catalog does not know the id yet. */
export type Candidate = { provider: string; upstreamId: string; model: Model | undefined; prices: Deployment["prices"] };

const rank = new Map(providers.map((provider, i) => [provider.id, i]));
const byRank = (a: Candidate, b: Candidate): number => (rank.get(a.provider) ?? providers.length) - (rank.get(b.provider) ?? providers.length);
const known = ({ provider, upstreamId, model, prices }: Deployment): Candidate => ({ provider, upstreamId, model, prices });

/**
 * Every deployment that `name` can mean, in this order: an alias (the organisation's own first), a model id, `provider/any-id`,
 * an id that some provider uses (`meta-llama/…` on OpenRouter), a model of the self-hosted server. Empty = nobody knows it.
 */
export function resolve(name: string, organisationId: string, catalog: Catalog, selfHostedModels: readonly string[], depth = 0): Candidate[] {
  const targets = catalog.aliases.get(`${organisationId}/${name}`) ?? catalog.aliases.get(`/${name}`);
  if (targets && depth < 4) return targets.flatMap((target) => resolve(target, organisationId, catalog, selfHostedModels, depth + 1));
  const model = catalog.byModel.get(name);
  const own = selfHostedModels.includes(name) ? [{ provider: "selfhosted", upstreamId: name, model: catalog.models.get(name), prices: [] }] : [];
  if (model || own.length > 0) return [...own, ...(model ?? []).map(known)].sort(byRank);
  const slash = name.indexOf("/");
  const provider = slash > 0 ? providerOf(name.slice(0, slash)) : undefined;
  const upstreamId = name.slice(slash + 1);
  const direct = catalog.byName.get(name);
  const sameId = (catalog.byUpstreamId.get(name) ?? []).map(known);
  if (!provider || upstreamId === "") return sameId;
  return [direct ? known(direct) : { provider: provider.id, upstreamId, model: catalog.models.get(upstreamId), prices: [] }, ...sameId];
}
