/**
 * Brain mode: a request that is thought about before it is answered. Does not belong here: how one step is planned, sent, priced
 * (pipeline), how the request looks (protocols/forgelab). Imported by routes only.
 */
export { brain } from "./brain.ts";
