import { creditPosted } from "../accounts/credit-audit.ts";
import type { By } from "../accounts/audit.ts";
import { agreementOf } from "../accounts/organisation-budgets.ts";
import { GatewayError } from "../errors.ts";
import type { CreditEntry, Posted } from "../limits/index.ts";

/**
 * Posts an entry to an organisation's credits, with who did. The same entry again changes nothing, and is written down where it was not.
 * Throws `not_found`, or `invalid_request` for credits that are over before they begin.
 */
export async function postCredit(env: Cloudflare.Env, by: By, organisationId: string, entry: CreditEntry): Promise<Posted> {
  await agreementOf(env.DB, organisationId);
  if (entry.expiresAtMs !== null && entry.expiresAtMs <= by.nowMs) throw new GatewayError("invalid_request", "expiresAt: lies in the past", { param: "expiresAt" });
  const posted = await env.ORG_ACCOUNT.getByName(organisationId).post(entry);
  if (posted.is === "posted" || posted.is === "known") await creditPosted(env.DB, by, organisationId, entry);
  return posted;
}
