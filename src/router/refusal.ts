/** Why a request has no plan, as its client is told. */
import { distance } from "fastest-levenshtein";
import { GatewayError } from "../errors.ts";
import { allAllow, allows } from "./against.ts";
import { asked } from "./names.ts";
import type { Exclusion, ExclusionReason, Question } from "./question.ts";

/** Seconds after which a server that was down may be back. */
const retrySoonSeconds = 5;
/** So many deployments are named in a refusal. */
const mostNamed = 5;

/** The error for a plan in which nothing is left. */
export function refusal(question: Question, excluded: readonly Exclusion[]): GatewayError {
  if (excluded.some(({ reason }) => reason === "not_native")) return cannotBeTold(question, excluded);
  if (question.sovereign) return unavailable();
  return excluded.every(({ reason }) => reason === "unknown") ? notFound(question) : nothingLeft(question, excluded);
}

export const unavailable = (): GatewayError =>
  new GatewayError("sovereign_unavailable", "This request may only run on self-hosted models, and none is available for it.", { shouldRetry: false, retryAfterSeconds: retrySoonSeconds });

function notFound({ name, principal, catalog }: Question): GatewayError {
  const near = nearMatches(asked(name).name, [...catalog.models.keys()].filter((id) => allAllow(principal, [id])));
  const hint = near.length > 0 ? ` Did you mean ${near.join(", ")}?` : " GET /v1/models lists what this key can call.";
  return new GatewayError("model_not_found", `The model ${JSON.stringify(name)} does not exist.${hint}`, { param: "model" });
}

/** What the request itself rules out, in words. */
const inWords: Partial<Record<ExclusionReason, string>> = {
  not_free: "none of them is free", ignored: "provider.ignore", not_in_only: "provider.only", fallbacks_off: "provider.order without fallbacks",
  trains: "provider.data_collection: deny", retains: "provider.zdr", quantization: "provider.quantizations", max_price: "provider.max_price",
  kind: "a model of another kind", context: "the request is longer than the context window", output_tokens: "fewer output tokens than asked", output_modality: "other output than asked",
};

/** Who would have been asked, could they be told of it. */
function cannotBeTold({ nativeOnly }: Question, excluded: readonly Exclusion[]): GatewayError {
  const { param, what, protocol } = nativeOnly!;
  const who = excluded.filter(({ reason }) => reason === "not_native").map(({ deployment }) => deployment);
  const more = who.length > mostNamed ? ` and ${who.length - mostNamed} more` : "";
  return new GatewayError("invalid_request", `${param}: ${what.join(", ")} can only be told in ${protocol}, which is not spoken by ${who.slice(0, mostNamed).join(", ")}${more}. Ask for a model whose provider does.`, { param, shouldRetry: false });
}

/** What the organisation rules out where the request itself does not, in words. */
const ruledOut = ({ wish, principal: { rules } }: Question): Partial<Record<ExclusionReason, string>> => ({
  ...(rules?.noTraining && !wish?.noTraining && { trains: "your organisation's rule: no training" }),
  ...(rules?.zeroRetention && !wish?.zeroRetention && { retains: "your organisation's rule: zero retention" }),
  ...(rules?.maxPrice && !wish?.maxPrice && { max_price: "your organisation's rule: a highest price" }),
});

const modelAt = ({ catalog }: Question, deployment: string): readonly string[] => {
  const id = catalog.byName.get(deployment)?.model.id;
  return id === undefined ? [] : [id];
};

function nothingLeft(question: Question, excluded: readonly Exclusion[]): GatewayError {
  const reasons = new Set(excluded.map(({ reason }) => reason));
  const model = JSON.stringify(question.name);
  const words = { ...inWords, ...ruledOut(question) };
  if (reasons.has("not_priced")) return new GatewayError("model_not_priced", `The model ${model} has no price yet, and this key has a budget.`, { param: "model" });
  const unfit = [...reasons].flatMap((reason) => words[reason] ?? (reason.startsWith("lacks_") ? `no ${reason.slice(6).replace("_", " ")}` : []));
  if (unfit.length > 0) return new GatewayError("no_provider", `No deployment of ${model} can do what this request asks (${unfit.join("; ")}). POST /v1/route says why for each.`, { param: "model", shouldRetry: false }, 404);
  if (reasons.has("not_configured") || reasons.has("protocol")) {
    const wanted = excluded.filter(({ reason }) => reason !== "not_allowed").map(({ deployment }) => deployment.split("/")[0]);
    const why = reasons.has("not_configured") ? "no provider of it is set up here" : "no provider of it offers this endpoint";
    return new GatewayError("no_provider", `The model ${model} cannot be called: ${why} (${[...new Set(wanted)].slice(0, 10).join(", ")}).`, { param: "model", shouldRetry: false });
  }
  if (reasons.has("taken_out") && !reasons.has("not_allowed")) return new GatewayError("no_provider", `The model ${model} cannot be called: who runs this gateway has taken it out.`, { param: "model", shouldRetry: false }, 404);
  const byOrganisation = excluded.every(({ deployment }) => !allows(question.principal.organisationModels, [question.name, deployment, ...modelAt(question, deployment)]));
  if (byOrganisation) return new GatewayError("model_not_allowed", `Your organisation does not allow the model ${model}.`, { param: "model" });
  return new GatewayError("model_not_allowed", `This API key may not call the model ${model}.`, { param: "model" });
}

/** The id that `name` differs from by a letter or two, where it is long enough for that to be a slip. */
export function slipOf(name: string, ids: readonly string[]): string | undefined {
  const nearest = name.length < 8 ? undefined : nearMatches(name, ids)[0];
  return nearest !== undefined && distance(name.toLowerCase(), nearest.toLowerCase()) <= 2 ? nearest : undefined;
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
