/** A small world to route in. */
import type { Principal } from "../../src/accounts/index.ts";
import { buildCatalog, type Catalog, type ModelKind, type PickBy } from "../../src/catalog/index.ts";
import { endpoints, type Endpoint } from "../../src/providers/index.ts";
import type { Question } from "../../src/router/index.ts";

/** Targets, with a weight behind `*` where it is not 1; the way to pick stands first where it is not their order: `"cheapest:"`. */
type Aliases = Record<string, string[]>;
type Known = Partial<{ kind: ModelKind; capabilities: string[]; outputModalities: string[]; contextTokens: number; maxOutputTokens: number | null; input: number; output: number; cached: number }>;

/**
 * `models`: public name → its deployments as `provider/upstream id`; one with a `!` at its end has no price. Aliases by
 * `organisation/name`. `known`: what else there is to know of a model, or of a deployment what it costs (micro-USD a token).
 */
export function catalogOf(models: Record<string, string[]>, aliases: Aliases = {}, known: Record<string, Known> = {}): Catalog {
  const deployments = Object.entries(models).flatMap(([model_id, names]) => names.map((name) => {
    const bare = name.replace(/!$/, "");
    const slash = bare.indexOf("/");
    return { provider: bare.slice(0, slash), upstream_id: bare.slice(slash + 1), model_id, priced: bare === name };
  }));
  const aliasRows = Object.entries(aliases).flatMap(([key, all]) => {
    const [organisation_id, name] = key.split("/") as [string, string];
    const pick = (all[0]?.endsWith(":") ? all[0].slice(0, -1) : "order") as PickBy;
    const targets = all.filter((target) => !target.endsWith(":")).map((text) => ({ target: text.replace(/\*\d+$/, ""), weight: Number(/\*(\d+)$/.exec(text)?.[1] ?? 1) }));
    return { rule: { organisation_id, name, pick, hedges: 0, continues: 0 }, targets: targets.map((target) => ({ organisation_id, name, ...target })) };
  });
  return buildCatalog({
    models: Object.keys(models).map((id) => ({
      id, owner: `${id}-owner`, kind: known[id]?.kind ?? "chat", input_modalities: "[]", output_modalities: JSON.stringify(known[id]?.outputModalities ?? []),
      capabilities: JSON.stringify(known[id]?.capabilities ?? []), context_tokens: known[id]?.contextTokens ?? null,
      max_output_tokens: known[id]?.maxOutputTokens === undefined ? 4096 : known[id].maxOutputTokens, released_at: 1_700_000_000_000,
    })),
    deployments,
    prices: deployments.filter(({ priced }) => priced).flatMap(({ provider, upstream_id, model_id }) => {
      const { input = 1, output = 1, cached } = known[`${provider}/${upstream_id}`] ?? known[model_id] ?? {};
      return ([["input", input], ["output", output], ["cached_input", cached]] as const).flatMap(([unit, microUsd]) =>
        microUsd === undefined ? [] : [{ provider, upstream_id, class: unit, above_tokens: 0, valid_from: 0, pico_usd: Math.round(microUsd * 1_000_000) }]);
    }),
    aliases: aliasRows.flatMap(({ targets }) => targets),
    aliasRules: aliasRows.map(({ rule }) => rule),
  }, 1);
}

/** An organisation's own credentials, provider → secret. */
export const ownAt = (secrets: Record<string, string>, only = true): Principal["credentials"] =>
  new Map(Object.entries(secrets).map(([provider, secret]) => [provider, { secret, only }]));

export const principalOf = (over: Partial<Principal> = {}): Principal => ({
  keyId: "key_1", keyName: "test", organisationId: "acme", version: 1, limits: { requestsPerMinute: 600 }, models: undefined,
  sovereign: false, usageScope: "key", expiresAtMs: undefined, credentials: new Map(), ...over,
});

/** What an installation with keys at these providers can reach. */
export const reach = (...keys: string[]): ReadonlyMap<string, readonly Endpoint[]> => endpoints({
  vars: { SOVEREIGN_ORIGIN: "http://10.0.0.1/v1", ...Object.fromEntries(keys.map((id) => [`${id.toUpperCase().replaceAll("-", "_")}_API_KEY`, `sk-${id}`])) },
  allowPrivate: false,
});

export const ask = (name: string, catalog: Catalog, over: Partial<Question> = {}): Question => ({
  name, protocols: ["openai-chat", "anthropic-messages"], principal: principalOf(), sovereign: false, catalog, atMs: Date.UTC(2026, 10, 21), selfHostedModels: [], endpoints: reach("openai", "groq", "mistral", "openrouter"), ...over,
});
