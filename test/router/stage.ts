/** A small world to route in. */
import type { Principal } from "../../src/accounts/index.ts";
import { buildCatalog, type Catalog } from "../../src/catalog/index.ts";
import { endpoints, type Endpoint } from "../../src/providers/index.ts";
import type { Question } from "../../src/router/plan.ts";

type Aliases = Record<string, string[]>;

/** `models`: public name → its deployments as `provider/upstream id`; one with a `!` at its end has no price. Aliases by `organisation/name`. */
export function catalogOf(models: Record<string, string[]>, aliases: Aliases = {}): Catalog {
  const deployments = Object.entries(models).flatMap(([model_id, names]) => names.map((name) => {
    const bare = name.replace(/!$/, "");
    const slash = bare.indexOf("/");
    return { provider: bare.slice(0, slash), upstream_id: bare.slice(slash + 1), model_id, priced: bare === name };
  }));
  return buildCatalog(
    Object.keys(models).map((id) => ({
      id, owner: `${id}-owner`, kind: "chat" as const, input_modalities: "[]", output_modalities: "[]", capabilities: "[]",
      context_tokens: null, max_output_tokens: 4096, released_at: 1_700_000_000_000,
    })),
    deployments,
    deployments.filter(({ priced }) => priced).flatMap(({ provider, upstream_id }) => (["input", "output"] as const).map((unit) => (
      { provider, upstream_id, class: unit, above_tokens: 0, valid_from: 0, pico_usd: 1_000_000 }
    ))),
    Object.entries(aliases).flatMap(([key, targets]) => {
      const [organisation_id, name] = key.split("/") as [string, string];
      return targets.map((target) => ({ organisation_id, name, target }));
    }),
  );
}

/** An organisation's own credentials, provider → secret. */
export const ownAt = (secrets: Record<string, string>, only = true): Principal["credentials"] =>
  new Map(Object.entries(secrets).map(([provider, secret]) => [provider, { secret, only }]));

export const principalOf = (over: Partial<Principal> = {}): Principal => ({
  keyId: "key_1", keyName: "test", organisationId: "acme", version: 1, limits: { requestsPerMinute: 600 }, models: undefined,
  sovereign: false, usageScope: "key", expiresAtMs: undefined, credentials: new Map(), ...over,
});

/** What an installation with keys at these providers can reach. */
export const reach = (...keys: string[]): ReadonlyMap<string, Endpoint> => endpoints({
  vars: { SOVEREIGN_ORIGIN: "http://10.0.0.1/v1", ...Object.fromEntries(keys.map((id) => [`${id.toUpperCase().replaceAll("-", "_")}_API_KEY`, `sk-${id}`])) },
  allowPrivate: false,
});

export const ask = (name: string, catalog: Catalog, over: Partial<Question> = {}): Question => ({
  name, protocols: ["openai-chat", "anthropic-messages"], principal: principalOf(), sovereign: false, catalog, atMs: Date.UTC(2026, 10, 21), selfHostedModels: [], endpoints: reach("openai", "groq", "mistral", "openrouter"), ...over,
});
