/**
 * The one path a request takes. Does not belong here: URLs (routes), wire formats (protocols), hosts (providers).
 * Imports everything below it; imported by routes and what stands beside them.
 */
export { adopt } from "./adopt.ts";
export { postCredit } from "./credit.ts";
export { editAlias, editDeployment, editModel, removeAlias, takeBackAlias, takeBackDeployment, takeBackModel } from "./catalog-edits.ts";
export { dryRun, type DryRun, type Seen } from "./dry-run.ts";
export { prepare, type Prepared } from "./prepared.ts";
export { survey, type Survey } from "./survey.ts";
export { relay, serve, type Serve } from "./relay.ts";
export { eachPrompt, withPrompts } from "./prompts.ts";
export { Requests } from "./requests.ts";
export { written, type Write } from "./written.ts";
export { Undertaking, type StepBound } from "./undertaking.ts";
export { asGatewayError, refusal } from "./refusal.ts";
export { callerOf, look } from "./admit.ts";
export { bearerOf } from "./bearer.ts";
export { checkedUrl as checkedUrlFor, unreachable } from "../providers/index.ts";
export { answerHeaders, failure, lossHeader, seal } from "./answer.ts";
export { dropRest, readJson } from "./body.ts";
export { checkShape } from "./shape.ts";
export { isWish } from "./wish.ts";
export { picturesAsBytes, retellPictures } from "./pictures.ts";
export { readForm } from "./form-body.ts";
export type { Bodies } from "../files/index.ts";
export { newRequestId, type RequestContext, type Settlement } from "./context.ts";
export { isolateOf, selftestOf, type Isolate } from "./isolate.ts";
