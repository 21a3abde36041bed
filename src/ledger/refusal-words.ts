/** Why a request was refused before any provider was asked, and what helps, in words: by code, as no request's own words are kept. */
import { statusOf, type ErrorCode } from "../errors.ts";

export type RefusalWords = { reason: string; remedy: string };

const limits = "Wait as long as Retry-After says, or raise the key's limits.";
const money = "Raise the budget, buy credits, or wait until the month is over where the budget is monthly.";
const access = "Ask for another model, or have it allowed.";
const body = "The message of the answer names the field. Change the request.";

const words: Partial<Record<ErrorCode, RefusalWords>> = {
  model_not_found: { reason: "No model has this name here.", remedy: "Use a name from the list of models (GET /v1/models), or \"auto\"." },
  model_not_allowed: { reason: "The key, the plan or the organisation does not allow this model.", remedy: access },
  model_not_priced: { reason: "A budget is in force, and this model has no price.", remedy: "Ask for a model with a price, or call without a budget." },
  plan_required: { reason: "The plan does not include this.", remedy: "Ask whoever runs the gateway for another plan." },
  header_credentials_not_allowed: { reason: "The organisation does not allow provider keys in a header.", remedy: "Leave the header out, or have it allowed." },
  not_permitted: { reason: "The key may not do this.", remedy: "Use a key that may." },
  organisation_suspended: { reason: "The organisation is suspended.", remedy: "The overview says why." },
  insufficient_credits: { reason: "A budget or the credits do not cover the request.", remedy: "Raise the budget, or buy credits." },
  subscription_expired: { reason: "The subscription has ended.", remedy: "Renew it." },
  quota_exceeded: { reason: "A budget or a quota is used up.", remedy: money },
  rate_limit_exceeded: { reason: "The key has made all the requests it may make in a minute.", remedy: limits },
  token_rate_limit_exceeded: { reason: "The request would exceed the key's tokens a minute.", remedy: `${limits} A smaller max_tokens helps too.` },
  concurrency_limit_exceeded: { reason: "The key has as many requests running as it may.", remedy: "Wait for one to end, or raise the key's limit." },
  invalid_json: { reason: "The body is not JSON.", remedy: "Send JSON in UTF-8." },
  invalid_request: { reason: "The request is not valid.", remedy: body },
  previous_response_not_found: { reason: "There is no such previous response.", remedy: "Send the conversation again, or store it." },
  request_too_large: { reason: "The body is too large.", remedy: "Send less, or upload a file." },
  unsupported_media_type: { reason: "The Content-Type is not one that this URL takes.", remedy: "Send application/json." },
  sovereign_unavailable: { reason: "The request is sovereign, and no self-hosted model can take it.", remedy: "Set up or start a self-hosted server, or ask for a model it has." },
  no_provider: { reason: "No provider that is set up here serves the model.", remedy: "Ask for another model, or set up a provider." },
  limiter_unavailable: { reason: "The limits could not be checked.", remedy: "Ask again." },
  idempotency_conflict: { reason: "The Idempotency-Key was used for another request.", remedy: "Send a new one." },
  internal_error: { reason: "Something went wrong in the gateway.", remedy: "Tell whoever runs it the X-Request-ID." },
};

/** In words. A code that is not here is told by its status. */
export const refusalWords = (code: ErrorCode): RefusalWords =>
  words[code] ?? (statusOf[code] >= 500 ? { reason: "The gateway could not take the request.", remedy: "Ask again." } : { reason: "The request is not valid.", remedy: body });
