/**
 * One run and one answer for all requests that say they are the same one (`Idempotency-Key`): who runs, who joins, and the answer's
 * bytes for a day, encrypted, in one Durable Object per API key and value. Does not belong here: what a request costs (ledger, limits), what
 * its bytes mean (protocols), when an answer is worth keeping (pipeline). Imports: errors.
 */
export { Calls } from "./calls.ts";
export { Cipher, sealed } from "./cipher.ts";
export { bodyOf, follow, opening } from "./follow.ts";
export { IdempotentCall } from "./idempotent-call.do.ts";
export { fingerprintOf, idempotencyKeyOf } from "./identity.ts";
export type { Call, Head, Standing } from "./page.ts";
export { Recorder } from "./recorder.ts";
export { Tail } from "./tail.ts";
