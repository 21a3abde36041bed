/**
 * What an operator sees: logs, with secrets cut out. Does not belong here: the ledger, which is what customers see.
 * Imports: nothing.
 */
export { log, redact } from "./log.ts";
