/**
 * Which deployments, in which order, and why. Pure over a list: nothing here fetches or waits.
 * Does not belong here: the call itself (upstream), prices (ledger), how deployments do (health). Imports: catalog, providers, errors,
 * price and protocol types.
 */
export { allows, namesModels } from "./against.ts";
export { callableModels, type CallableModel } from "./callable.ts";
export { providerNamed } from "./names.ts";
export { plan, stickTo, weigh } from "./plan.ts";
export type { Attempt, Exclusion, ExclusionReason, Plan, Question, Vital } from "./question.ts";
export { refusal, slipOf } from "./refusal.ts";
export { usualNeeds, type Needs } from "./needs.ts";
export { likelyCost } from "./rank.ts";
export { aliasOf, isWildcard, resolve, type Candidate, type Names } from "./resolve.ts";
