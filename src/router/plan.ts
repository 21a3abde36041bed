/** Which deployments, in which order, and why not the others. Pure over a list. */
import { distance } from "fastest-levenshtein";
import { countsMoney, type Principal } from "../accounts/policy.ts";
import type { Catalog } from "../catalog/index.ts";
import { GatewayError } from "../errors.ts";
import { isPriced, isSurcharged, type Price, type PriceClass, type Tier } from "../ledger/price.ts";
import { providerOf, usable, type Endpoint } from "../providers/index.ts";
import { nameOf, resolve, type Candidate } from "./resolve.ts";

/** One try on one deployment. */
export type Attempt = {
  readonly endpoint: Endpoint;
  /** What the provider calls the model. */
  readonly upstreamId: string;
  /** `provider/upstream id`, for ledger and headers. */
  readonly deployment: string;
  readonly prices: readonly Price[];
  /** Most tokens that the model can read at once, as the catalog knows it. */
  readonly contextTokens?: number | undefined;
  /** Most output tokens of one answer, as the catalog knows it. */
  readonly maxOutputTokens: number | undefined;
  /** In which of the asked protocols it can be called, the first asked one first, then as its provider prefers. */
  readonly protocols: readonly string[];
};

export type Exclusion = { readonly deployment: string; readonly reason: ExclusionReason };
export type ExclusionReason = "not_configured" | "protocol" | "not_self_hosted" | "not_allowed" | "not_priced";
export type Plan = { readonly attempts: readonly Attempt[]; readonly excluded: readonly Exclusion[] };

export type Question = {
  name: string;
  /** Protocols in which the request can be made, the client's own first. undefined: whichever a provider speaks. */
  protocols: readonly string[] | undefined;
  principal: Principal;
  /** The request or its key asks for self-hosted models only. */
  sovereign: boolean;
  /** The protocol in which a provider is asked to search the web, which has a price of its own: told in another, it is not asked. */
  searches?: string | undefined;
  /** The service tier that was asked for, where it has prices of its own. */
  tier?: Tier | undefined;
  catalog: Catalog;
  /** When it is asked: prices have dates. */
  atMs: number;
  selfHostedModels: readonly string[];
  endpoints: ReadonlyMap<string, Endpoint>;
};

/** Whether a key's allow-list lets it call a model under any of its names. `*` at an end matches the rest. */
export function allows(models: readonly string[] | undefined, names: readonly string[]): boolean {
  if (!models) return true;
  return models.some((pattern) =>
    names.some((name) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern)),
  );
}

/** Every public name that leads to a candidate. */
export const namesOf = (asked: string, candidate: Candidate): string[] =>
  [asked, nameOf(candidate), ...(candidate.model ? [candidate.model.id] : [])];

/** The endpoint with the organisation's own credential, where it brought one. */
function endpointFor(provider: string, { endpoints, principal }: Question): Endpoint | undefined {
  const endpoint = endpoints.get(provider);
  const own = principal.credentials.get(provider);
  return endpoint && own ? { ...endpoint, secret: own.secret } : endpoint;
}

/** What a deployment speaks of what was asked for. */
function protocolsOf({ provider }: Endpoint, { upstreamId }: Candidate, { protocols }: Question): readonly string[] {
  const spoken = provider.speaksFor?.(upstreamId) ?? provider.speaks;
  if (!protocols) return spoken;
  const own = protocols[0]!;
  return [...(spoken.includes(own) ? [own] : []), ...spoken.filter((id) => id !== own && protocols.includes(id))];
}

/** The first reason against a candidate, or undefined. */
function against(candidate: Candidate, endpoint: Endpoint | undefined, question: Question): ExclusionReason | undefined {
  const { principal, sovereign, name } = question;
  const selfHosted = endpoint?.provider.selfHosted === true;
  if (sovereign && !selfHosted) return "not_self_hosted";
  const names = namesOf(name, candidate);
  if (!allows(principal.models, names) || !allows(principal.planModels, names)) return "not_allowed";
  if (!endpoint || !usable(endpoint)) return "not_configured";
  const [protocol] = protocolsOf(endpoint, candidate, question);
  if (protocol === undefined) return "protocol";
  if (countsMoney(principal) && !selfHosted && !isPriced(candidate.prices, classesOf(candidate, protocol, question), question.atMs)) return "not_priced";
  return undefined;
}

/** What a request to a candidate will be charged for. */
function classesOf({ model }: Candidate, protocol: string, { searches, tier }: Question): PriceClass[] {
  const tokens = model?.kind === "embedding" ? (["input"] as const) : (["input", "output"] as const);
  // Flex and batch cost no more than the standard; what the others cost is known only where it is listed.
  return [...tokens, ...(isSurcharged(tier) ? tokens.map((unit) => `${unit}:${tier}` as const) : []), ...(searches === protocol ? ["web_search" as const] : [])];
}

/** What speaks for and against every deployment of a name. Both lists are empty when nobody knows the name. */
export function weigh(question: Question): Plan {
  const { name, principal, catalog, selfHostedModels } = question;
  const attempts: Attempt[] = [];
  const excluded: Exclusion[] = [];
  for (const candidate of resolve(name, { organisationId: principal.organisationId, catalog, selfHostedModels })) {
    const endpoint = endpointFor(candidate.provider, question);
    const deployment = nameOf(candidate);
    const reason = against(candidate, endpoint, question);
    if (reason) excluded.push({ deployment, reason });
    else attempts.push({
      endpoint: endpoint!, deployment, upstreamId: candidate.upstreamId, prices: candidate.prices,
      contextTokens: candidate.model?.contextTokens ?? undefined, maxOutputTokens: candidate.model?.maxOutputTokens ?? undefined,
      protocols: protocolsOf(endpoint!, candidate, question),
    });
  }
  return { attempts, excluded };
}

/**
 * The plan for one request. Throws when nothing is left: `model_not_found` (with near matches), `model_not_allowed`,
 * `model_not_priced`, `sovereign_unavailable` or `no_provider`.
 */
export function plan(question: Question): Plan {
  const { attempts, excluded } = weigh(question);
  if (attempts.length === 0) throw excluded.length === 0 ? notFound(question) : nothingLeft(question, excluded);
  const { name } = question;
  const explicit = providerOf(name.split("/")[0]!) !== undefined && name.includes("/");
  return { attempts: explicit ? attempts.slice(0, 1) : attempts, excluded };
}

function notFound({ name, principal, catalog, sovereign }: Question): GatewayError {
  if (sovereign) return unavailable();
  const near = nearMatches(name, [...catalog.models.keys()].filter((id) => allows(principal.models, [id]) && allows(principal.planModels, [id])));
  const hint = near.length > 0 ? ` Did you mean ${near.join(", ")}?` : " GET /v1/models lists what this key can call.";
  return new GatewayError("model_not_found", `The model ${JSON.stringify(name)} does not exist.${hint}`, { param: "model" });
}

const unavailable = (): GatewayError =>
  new GatewayError("sovereign_unavailable", "This request may only run on self-hosted models, and none is available for it.", { shouldRetry: false });

function nothingLeft({ name, sovereign }: Question, excluded: readonly Exclusion[]): GatewayError {
  if (sovereign) return unavailable();
  const reasons = new Set(excluded.map((exclusion) => exclusion.reason));
  if (reasons.has("not_priced")) {
    return new GatewayError("model_not_priced", `The model ${JSON.stringify(name)} has no price yet, and this key has a budget.`, { param: "model" });
  }
  if (reasons.has("not_configured") || reasons.has("protocol")) {
    const wanted = excluded.filter(({ reason }) => reason !== "not_allowed").map(({ deployment }) => deployment.split("/")[0]);
    const why = reasons.has("not_configured") ? "no provider of it is set up here" : "no provider of it offers this endpoint";
    return new GatewayError("no_provider", `The model ${JSON.stringify(name)} cannot be called: ${why} (${[...new Set(wanted)].join(", ")}).`, { param: "model", shouldRetry: false });
  }
  return new GatewayError("model_not_allowed", `This API key may not call the model ${JSON.stringify(name)}.`, { param: "model" });
}

/** Up to three ids that look like `name`, nearest first. */
export function nearMatches(name: string, ids: readonly string[]): string[] {
  const wanted = name.slice(0, 64).toLowerCase();
  return ids
    .map((id) => ({ id, far: distance(wanted, id.toLowerCase()) }))
    .filter(({ id, far }) => far <= Math.max(2, Math.floor(id.length / 3)))
    .sort((a, b) => a.far - b.far || a.id.localeCompare(b.id))
    .slice(0, 3)
    .map(({ id }) => id);
}
