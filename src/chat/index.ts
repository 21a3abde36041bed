/**
 * The canonical conversation: plain types and pure folds over them. Does not belong here: how any wire writes it (protocols).
 * Imports nothing; imported by protocols and pipeline.
 */
export type * from "./conversation.ts";
export { efforts } from "./conversation.ts";
export { collect, defined, eventsOf, fold, type ChatEvent, type Place } from "./events.ts";
export { flatNames, flatTools, functionTools, toolsOf, type FunctionRequest, type FunctionTool } from "./flat-tools.ts";
export { parseExact } from "./json.ts";
export { lossNames, type Loss } from "./losses.ts";
export { OwnCalls } from "./own-calls.ts";
export { budgetOf, effortOf, isFrom, textOf } from "./reasoning.ts";
export { holdsSealed, seal, unseal, type Spot } from "./seal.ts";
export { noUsage, together, type Usage } from "./usage.ts";
export { searchAs, searchOf, webSearchTool, type WebSearch } from "./web-search.ts";
