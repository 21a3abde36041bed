/**
 * The HTTP call and the bytes of its answer: send, splice, pump. Does not belong here: what bytes mean (protocols), where
 * to (providers), what it costs (ledger). Imports: provider and protocol types, errors.
 */
export { pump, type StreamEnd } from "./pump.ts";
export { decodeUtf8, readBounded } from "./read.ts";
export { send, upstreamRequestId } from "./send.ts";
export { rawValue, splice } from "./splice.ts";
