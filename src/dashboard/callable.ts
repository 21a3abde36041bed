/** What this organisation can call, and what a name leads to now: asked of the router itself, as POST /v1/route asks it. */
import { principalOfOrganisation } from "../accounts/index.ts";
import { modelKinds, type Model, type ModelKind } from "../catalog/index.ts";
import { survey, type Survey } from "../pipeline/index.ts";
import { refusal, usualNeeds, weigh, type Attempt, type Exclusion, type ExclusionReason, type Plan } from "../router/index.ts";
import type { MemberVisit } from "./visit.ts";

/** What a key of the organisation that sets nothing of its own would be planned by. */
export async function surveyOf({ c, env, isolate, membership, nowMs }: MemberVisit): Promise<Survey> {
  const principal = await principalOfOrganisation(env.DB, isolate.masters, membership.organisationId, nowMs);
  return survey({ isolate, request: c.req.raw, startedAtMs: nowMs, waitUntil: (promise) => c.executionCtx.waitUntil(promise) }, principal);
}

/** What a plain request for a name comes to: who would be tried, in which order, why not the others. `error`: what it would be refused with. */
export type Lead = { kind: ModelKind; attempts: readonly Attempt[]; excluded: readonly Exclusion[]; pick: Plan["pick"]; error?: string };

/** What stands in for models of a kind: a conversation judges, vectors rank. */
const alsoKinds: Partial<Record<ModelKind, readonly ModelKind[]>> = { moderation: ["moderation", "chat"], rerank: ["rerank", "embedding"] };

/** What a name may be for, the likeliest first: of an alias, what its targets are for. */
function kindsOf({ catalog, principal: { organisationId } }: Survey, name: string): readonly ModelKind[] {
  const alias = catalog.aliases.get(`${organisationId}/${name}`) ?? catalog.aliases.get(`/${name}`);
  if (alias) return [...new Set([...alias.targets.flatMap((target) => catalog.models.get(target.name)?.kind ?? []), ...modelKinds])];
  const model = catalog.models.get(name) ?? catalog.byName.get(name)?.model;
  return model ? [model.kind] : modelKinds;
}

/** The first of what a name may be for that leads somewhere. */
export function leadOf(known: Survey, name: string): Lead {
  const kinds = kindsOf(known, name);
  const leadFor = (kind: ModelKind): Lead => {
    const question = { ...known, name, protocols: undefined, sovereign: known.principal.sovereign, kind, needs: () => ({ ...usualNeeds, kind, ...(alsoKinds[kind] && { alsoKinds: alsoKinds[kind] }) }) };
    const { attempts, excluded, pick } = weigh(question);
    return { kind, attempts, excluded, pick, ...(attempts.length === 0 && { error: refusal(question, excluded).message }) };
  };
  const first = leadFor(kinds[0]!);
  return first.error === undefined ? first : (kinds.slice(1).values().map(leadFor).find(({ error }) => error === undefined) ?? first);
}

/** One model under its public name. `model` undefined: only the owner's own server knows it. */
export type Listed = { id: string; model: Model | undefined; lead: Lead };

/** Every model of the catalog and of the owner's servers that `fits`, by id. */
export function listedModels(known: Survey, fits: (model: Model | undefined, id: string) => boolean): Listed[] {
  const { catalog: { models }, selfHostedModels } = known;
  const own = selfHostedModels.filter((id) => !models.has(id)).map((id): [string, undefined] => [id, undefined]);
  return [...models, ...own].filter(([id, model]) => fits(model, id)).map(([id, model]) => ({ id, model, lead: leadOf(known, id) })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Why a deployment is not among those that are tried. */
export const inWords: Record<ExclusionReason, string> = {
  unknown: "nobody knows it", not_configured: "its provider is not set up here", protocol: "it does not speak what was asked", not_native: "it cannot be told all of the request",
  not_self_hosted: "it is not on your own servers", taken_out: "who runs this gateway has taken it out", not_allowed: "your plan or your organisation does not include it", not_priced: "it has no price, and money is counted", free: "it is given away, which this alias leaves out",
  not_free: "it is not free", ignored: "the request ignores its provider", not_in_only: "the request names other providers", fallbacks_off: "only one deployment was named",
  trains: "it may train on prompts", retains: "it may keep prompts", quantization: "its quantization is not known", max_price: "it costs more than allowed",
  unhealthy: "it has failed too often just now", other_embedding: "its vectors cannot be compared with the first's", not_needed: "enough others are before it",
  kind: "it is for something else", context: "its context is too small", output_tokens: "it cannot say that much", output_modality: "it answers in another form",
  lacks_tools: "it has no tools", lacks_vision: "it sees no pictures", lacks_audio: "it hears no audio", lacks_video: "it sees no films", lacks_pdf: "it reads no PDFs",
  lacks_json_schema: "it keeps to no schema", lacks_reasoning: "it does not reason",
};
