/**
 * The HTTP call and the bytes of its answer: send, splice, pass on. Does not belong here: what bytes mean (protocols), where
 * to (providers), what it costs (ledger). Imports: provider and protocol types, errors.
 */
export { ask, notIts, ownerOf } from "./ask.ts";
export { claimsOf, issuerIn } from "./jwks.ts";
export { withAccess } from "./google-token.ts";
export { decodeUtf8, readBounded } from "./read.ts";
export { notify } from "./notify.ts";
export { flow } from "./flow.ts";
export { send, upstreamRequestId } from "./send.ts";
export { rawValue, splice } from "./splice.ts";
export { Opening, type Opened } from "./opening.ts";
export { retryAfterMs } from "./retry-after.ts";
export { eventStreamOf, passOn, type Body, type StreamEnd } from "./stream.ts";
