/**
 * The one path a request takes. Does not belong here: URLs (routes), wire formats (protocols), hosts (providers).
 * Imports everything below it; imported by routes only.
 */
export { asGatewayError, relay } from "./relay.ts";
export { callerOf, look } from "./admit.ts";
export { answerHeaders, failure } from "./answer.ts";
export { newRequestId, type RequestContext } from "./context.ts";
export { isolateOf, type Isolate } from "./isolate.ts";
