/** What a key can call on this installation. Pure. */
import type { Question } from "./plan.ts";
import { allows } from "./plan.ts";
import { usable } from "../providers/index.ts";

/** One public name. `createdAtMs` is 0 when nobody knows. */
export type CallableModel = { id: string; owner: string; createdAtMs: number };

/**
 * Every name that would be planned for this principal: aliases, models by bare id and by `provider/id`, the self-hosted
 * server's own. Sorted by id, each once.
 */
export function callableModels({ principal, catalog, selfHostedModels, endpoints }: Pick<Question, "principal" | "catalog" | "selfHostedModels" | "endpoints">): CallableModel[] {
  const found = new Map<string, CallableModel>();
  const add = (id: string, owner: string, createdAtMs: number): void => void (found.has(id) || found.set(id, { id, owner, createdAtMs }));
  for (const name of selfHostedModels) {
    const full = `selfhosted/${name}`;
    if (!allows(principal.models, [name, full])) continue;
    add(name, "selfhosted", 0);
    add(full, "selfhosted", 0);
  }
  for (const [name, { provider, model }] of principal.sovereign ? [] : catalog.byName) {
    const endpoint = endpoints.get(provider);
    const reachable = endpoint !== undefined && (principal.credentials.has(provider) || usable(endpoint));
    if (!reachable || !allows(principal.models, [name, model.id])) continue;
    add(model.id, model.owner, model.releasedAt ?? 0);
    add(name, model.owner, model.releasedAt ?? 0);
  }
  for (const [key, targets] of catalog.aliases) {
    const [organisation, name] = [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)];
    const reachable = targets.some((target) => found.has(target));
    if ((organisation === "" || organisation === principal.organisationId) && reachable) add(name, "forge", 0);
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}
