/**
 * Who and where: one file and one screen per provider, and this table of them. Adding one is a file and a line.
 * Does not belong here: wire formats (protocols), calls (upstream), prices (catalog). Imports: errors.
 */
import { anthropic } from "./anthropic.ts";
import { azure } from "./azure.ts";
import { bedrock } from "./bedrock.ts";
import { bfl } from "./bfl.ts";
import { cerebras } from "./cerebras.ts";
import { cohere } from "./cohere.ts";
import { deepgram } from "./deepgram.ts";
import { deepseek } from "./deepseek.ts";
import { elevenlabs } from "./elevenlabs.ts";
import { fireworks } from "./fireworks.ts";
import { gemini } from "./gemini.ts";
import { groq } from "./groq.ts";
import { jina } from "./jina.ts";
import { mistral } from "./mistral.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { openrouter } from "./openrouter.ts";
import { perplexity } from "./perplexity.ts";
import { envName, type Endpoint, type Provider } from "./provider.ts";
import { selfHosted } from "./selfhosted.ts";
import { stability } from "./stability.ts";
import { together } from "./together.ts";
import { checkedUrl } from "./url.ts";
import { vertex } from "./vertex.ts";
import { voyage } from "./voyage.ts";
import { workersAi } from "./workers-ai.ts";
import { xai } from "./xai.ts";
import { zai } from "./zai.ts";

export { authHeaders, pathOf, type Endpoint, type Provider } from "./provider.ts";
export { selfHosted } from "./selfhosted.ts";
export { checkedUrl, unreachable } from "./url.ts";

/** Every provider, in the order in which equal deployments are tried. */
export const providers: readonly Provider[] = [
  selfHosted, openai, anthropic, gemini, bedrock, vertex, mistral, deepseek, xai, azure, groq, cerebras, together, fireworks, perplexity, zai,
  workersAi, cohere, voyage, jina, ollama, elevenlabs, deepgram, stability, bfl, openrouter,
];

const byId = new Map(providers.map((provider) => [provider.id, provider]));

/** The provider of this id, or undefined. */
export const providerOf = (id: string): Provider | undefined => byId.get(id);

/** What an installation gives the providers: its vars, and whether private hosts are allowed. */
export type ProviderVars = { readonly vars: Readonly<Record<string, unknown>>; readonly allowPrivate: boolean };

/** Where a provider is, from its var or its row; a comma between several places. Empty when the owner has not said where. Throws on a forbidden URL. */
export function baseUrlsOf(provider: Provider, { vars, allowPrivate }: ProviderVars): string[] {
  const set = vars[envName(provider.id, "BASE_URL")];
  const template = typeof set === "string" && set !== "" ? set : provider.baseUrl;
  let complete = template !== undefined;
  const filled = template?.replace(/\{([A-Z_]+)\}/g, (_, name: string) => {
    const value = vars[name];
    complete &&= typeof value === "string" && value !== "";
    return String(value);
  });
  if (filled === undefined || !complete) return [];
  return [...new Set(filled.split(",").map((text) => text.trim()).filter(Boolean).map((text) => {
    const url = checkedUrl(text, allowPrivate || provider.selfHosted === true, provider.id);
    const { host } = new URL(url);
    return url.replace(host, () => provider.hosts?.[host] ?? host);
  }))];
}

/** The installation's own key at a provider. */
export function secretOf(provider: Provider, { vars }: ProviderVars): string | undefined {
  const value = vars[envName(provider.id, "API_KEY")];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const refuse = (problem: string): void => {
  throw new Error(problem);
};

/** Vars with the ids of providers with which the installation has an agreement, and what is agreed. */
const agreements = { ZERO_RETENTION_PROVIDERS: { retains: false }, NO_TRAINING_PROVIDERS: { trains: false } } as const;

/** What is agreed with each provider. Throws on an id that is no provider's. */
function agreedWith({ vars }: ProviderVars): ReadonlyMap<string, Endpoint["agreed"]> {
  const agreed = new Map<string, Endpoint["agreed"]>();
  for (const [name, terms] of Object.entries(agreements)) {
    const ids = String(vars[name] ?? "").split(",").map((id) => id.trim()).filter(Boolean);
    for (const id of ids) {
      if (!byId.has(id)) throw new Error(`${name}: ${JSON.stringify(id)} is no provider. There are ${[...byId.keys()].join(", ")}`);
      agreed.set(id, { ...agreed.get(id), ...terms });
    }
  }
  return agreed;
}

/** What is published of a provider says nothing of whoever answers elsewhere in its name. */
const dataAt = ({ id, baseUrl, data }: Provider, { vars }: ProviderVars): Provider["data"] => (baseUrl !== undefined && vars[envName(id, "BASE_URL")] ? undefined : data);

/**
 * Every provider that is somewhere, and each place of it. A forbidden base URL throws, or is told to `onProblem`: then the others go on
 * without it. An agreement with nobody throws always.
 */
export function endpoints(vars: ProviderVars, onProblem = refuse): ReadonlyMap<string, readonly Endpoint[]> {
  const reachable = new Map<string, readonly Endpoint[]>();
  const agreed = agreedWith(vars);
  for (const provider of providers) {
    let baseUrls: string[] = [];
    try {
      baseUrls = baseUrlsOf(provider, vars);
    } catch (error) {
      onProblem((error as Error).message);
    }
    if (baseUrls.length === 0) continue;
    const one = { provider, secret: secretOf(provider, vars), allowPrivate: vars.allowPrivate, data: dataAt(provider, vars), agreed: agreed.get(provider.id) };
    reachable.set(provider.id, baseUrls.map((baseUrl, i) => ({ ...one, baseUrl, ...(baseUrls.length > 1 && { place: i + 1 }) })));
  }
  return reachable;
}

/** Whether calls may be made: a key is there, or none is needed. */
export const usable = (endpoint: Endpoint): boolean => endpoint.secret !== undefined || endpoint.provider.selfHosted === true;
