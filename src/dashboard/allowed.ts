/** What a list of allowed models lets keys call now. Pure over what the router is asked with. */
import type { Survey } from "../pipeline/index.ts";
import { allows, resolve, type Candidate } from "../router/index.ts";

type Known = Pick<Survey, "catalog" | "selfHostedModels" | "endpoints" | "principal">;

/** What a name leads to at providers that are set up here, allowed or not. */
const ledTo = (name: string, { catalog, selfHostedModels, endpoints, principal: { organisationId } }: Known): readonly Candidate[] =>
  resolve(name, { organisationId, catalog, selfHostedModels }).filter(({ provider }) => endpoints.has(provider));

/** Everyone's aliases and the organisation's own, by name. */
const aliasesOf = ({ catalog, principal: { organisationId } }: Known): string[] =>
  [...new Set([...catalog.aliases.keys()].filter((key) => key.startsWith("/") || key.startsWith(`${organisationId}/`)).map((key) => key.slice(key.indexOf("/") + 1)))].sort();

/** One entry of a list: the deployments that it lets be called, and the aliases among its names. */
export type Match = { readonly entry: string; readonly deployments: readonly string[]; readonly aliases: readonly string[] };

/** What each entry stands for. An alias that it names is let through with all that it leads to, whatever that is called. */
export function matchesOf(entries: readonly string[], known: Known): Match[] {
  const here = known.catalog.deployments.filter(({ provider }) => known.endpoints.has(provider));
  const visible = aliasesOf(known);
  return entries.map((entry) => {
    const fits = (...names: readonly string[]): boolean => allows([entry], names);
    const aliases = visible.filter((name) => fits(name));
    const led = [...aliases, ...(entry.endsWith("*") ? [] : [entry])].flatMap((name) => ledTo(name, known));
    const own = known.selfHostedModels.flatMap((id) => ledTo(id, known).filter(({ name }) => fits(id, name)));
    const called = here.filter(({ name, model }) => fits(name, model.id));
    return { entry, aliases, deployments: [...new Set([...led, ...own, ...called].map(({ name }) => name))].sort() };
  });
}

/** Aliases of which a list lets only a part be called, or nothing. */
export const narrowedBy = (entries: readonly string[], known: Known): { alias: string; left: number; of: number }[] => aliasesOf(known).flatMap((alias) => {
  const all = ledTo(alias, known);
  const left = all.filter(({ name, model }) => allows(entries, [alias, name, ...(model ? [model.id] : [])])).length;
  return left < all.length ? [{ alias, left, of: all.length }] : [];
});
