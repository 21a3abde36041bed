/**
 * Which deployments, in which order, and why. Pure over a list: nothing here fetches or waits.
 * Does not belong here: the call itself (upstream), prices (ledger). Imports: catalog, providers, errors, price types.
 */
export { callableModels, type CallableModel } from "./callable.ts";
export { plan, type Attempt, type Plan } from "./plan.ts";
export { resolve, type Candidate, type Names } from "./resolve.ts";
