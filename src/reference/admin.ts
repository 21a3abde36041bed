/** The administrator's API. */
import { budgetSchema } from "../accounts/budgets.ts";
import { retentionSchema } from "../accounts/retention.ts";
import { tokenIssuerSchema } from "../accounts/token-issuers.ts";
import * as account from "../routes/admin/account.ts";
import { houseRulesSchema } from "../accounts/demands.ts";
import { newSchema as adjustment } from "../routes/admin/adjustments.ts";
import { alertsSchema } from "../routes/admin/alerts.ts";
import * as aliases from "../routes/admin/aliases.ts";
import * as applications from "../routes/admin/applications.ts";
import { listQuery as auditQuery } from "../routes/admin/audit.ts";
import { checkoutSchema, portalSchema } from "../routes/admin/checkout.ts";
import * as credentials from "../routes/admin/credentials.ts";
import * as deployments from "../routes/admin/deployments.ts";
import * as keys from "../routes/admin/keys.ts";
import { roleSchema } from "../routes/admin/members.ts";
import * as models from "../routes/admin/models.ts";
import * as organisations from "../routes/admin/organisations.ts";
import { linkSchema } from "../routes/admin/people.ts";
import { planSchema } from "../routes/admin/plans.ts";
import * as prices from "../routes/admin/prices.ts";
import { modelsSchema } from "../routes/admin/rules.ts";
import { issuerQuery } from "../routes/admin/token-issuers.ts";
import { adminQuery } from "../routes/admin/usage.ts";
import type { Family, Operation } from "./operation.ts";

const one = "/admin/organisations/{organisation_id}";
const gone = { status: 204, type: null } as const;

const operations = (): readonly Omit<Operation, "by">[] => [
  { on: "POST /admin/organisations", is: "Make an organisation", gives: "Organisation", json: organisations.newSchema, status: 201 },
  { on: "GET /admin/organisations", is: "List organisations", gives: "OrganisationPage", query: organisations.listQuery },
  { on: `GET ${one}`, is: "One organisation", gives: "Organisation" },
  { on: `PATCH ${one}`, is: "Change an organisation", gives: "Organisation", json: organisations.patchSchema },
  { on: `PUT ${one}/suspension`, is: "Suspend an organisation", gives: "Organisation", says: "From its keys' next requests on they are refused (403, `organisation_suspended`). What it has and owes stays as it is.", json: organisations.suspensionSchema },
  { on: `DELETE ${one}/suspension`, is: "Restore an organisation", gives: "Organisation" },
  { on: `GET ${one}/members`, is: "List members", gives: "MemberList" },
  { on: `PUT ${one}/members/{email}`, is: "Add a member, or change its role", gives: "Member", json: roleSchema },
  { on: `DELETE ${one}/members/{email}`, is: "Take a member out", ...gone },
  { on: `GET ${one}/credentials`, is: "List the organisation's own credentials at providers", gives: "CredentialList", says: "Their secrets are never shown." },
  { on: `PUT ${one}/credentials/{provider}`, is: "Store a credential", gives: "Credential", json: credentials.newSchema },
  { on: `PATCH ${one}/credentials/{provider}`, is: "Change whether it alone is used", gives: "Credential", json: credentials.patchSchema },
  { on: `DELETE ${one}/credentials/{provider}`, is: "Delete a credential", ...gone },
  { on: `GET ${one}/token-issuers`, is: "List who may hand out tokens for its users", gives: "TokenIssuerList" },
  { on: `PUT ${one}/token-issuers`, is: "Register an issuer of tokens", gives: "TokenIssuer", says: "One of `secret` and `jwksUrl`.", json: tokenIssuerSchema },
  { on: `DELETE ${one}/token-issuers`, is: "Take an issuer away", query: issuerQuery, ...gone },
  { on: `GET ${one}/rules`, is: "What it demands of every request", gives: "HouseRules" },
  { on: `PUT ${one}/rules`, is: "Say what it demands of every request", gives: "HouseRules", says: "All of it: what is absent is not demanded any more. A request may be stricter, never less strict.", json: houseRulesSchema },
  { on: `GET ${one}/models`, is: "Models and aliases that its keys may call", gives: "AllowedModels" },
  { on: `PUT ${one}/models`, is: "Say which models and aliases its keys may call", gives: "AllowedModels", says: "`*` at an end matches the rest; `null` is every model. Plan and key hold beside it.", json: modelsSchema },
  { on: `GET ${one}/retention`, is: "For how many days what is kept of it lasts", gives: "Retention" },
  { on: `PUT ${one}/retention`, is: "Say for how many days what is kept of it lasts", gives: "Retention", says: "All of it: what is absent is as the gateway has it, and bodies are not kept. It holds for what is made from then on; figures of requests are hidden at once.", json: retentionSchema },
  { on: `GET ${one}/alerts`, is: "Who hears what its budgets have come to", gives: "AlertTargets" },
  { on: `PUT ${one}/alerts`, is: "Say who hears what its budgets have come to", gives: "AlertTargets", json: alertsSchema },
  { on: `POST ${one}/alerts/secret`, is: "A new secret for the webhook", gives: "AlertSecret", says: "Shown this once. The one before signs beside it for a day.", status: 201 },
  { on: `POST ${one}/alerts/test`, is: "Call the webhook with an alert that means nothing", gives: "AlertTest" },
  { on: `GET ${one}/account`, is: "What its keys share and how much of it is left", gives: "Account" },
  { on: `PATCH ${one}/account`, is: "Prepayment, and the end of its subscription", gives: "AccountTerms", json: account.accountPatch },
  { on: `GET ${one}/budgets`, is: "List budgets", gives: "BudgetList" },
  { on: `PUT ${one}/budgets/{budget}`, is: "Set a budget", gives: "Budget", json: budgetSchema },
  { on: `DELETE ${one}/budgets/{budget}`, is: "Delete a budget", ...gone },
  { on: `GET ${one}/credits`, is: "Its credits", gives: "Credits" },
  { on: `POST ${one}/credits`, is: "Grant, top up, refund or adjust credits", gives: "CreditEntry", says: "With an `id` of your own a call may be repeated.", json: account.creditSchema, status: 201 },
  { on: `POST ${one}/checkout`, is: "A page of Stripe's where credits are paid", json: checkoutSchema, status: 201 },
  { on: `POST ${one}/portal`, is: "A page of Stripe's where its payer sees to cards and invoices", json: portalSchema, status: 201 },
  { on: "POST /admin/credentials/rotate", is: "Seal all credentials and file keys under the current master secret" },
  { on: "GET /admin/plans", is: "List plans", gives: "PlanList" },
  { on: "PUT /admin/plans/{plan}", is: "Set a plan", gives: "Plan", json: planSchema },
  { on: "POST /admin/keys", is: "Make a key", gives: "KeyWithSecret", says: "The secret is shown this once.", json: keys.newSchema, status: 201 },
  { on: "GET /admin/keys", is: "List keys", gives: "KeyPage", query: keys.listQuery },
  { on: "GET /admin/keys/{key_id}", is: "One key", gives: "Key" },
  { on: "PATCH /admin/keys/{key_id}", is: "Change a key", gives: "Key", says: "`policy` is a JSON merge patch: what is absent stays, `null` takes it away.", json: keys.patchSchema },
  { on: "POST /admin/keys/{key_id}/rotate", is: "A new secret for a key", gives: "KeyWithSecret", json: keys.rotateSchema, bodyOptional: true },
  { on: "POST /admin/keys/{key_id}/revoke", is: "Revoke a key at once", gives: "Key" },
  { on: "GET /admin/aliases", is: "List aliases", gives: "AliasList", query: aliases.organisationQuery },
  { on: "PUT /admin/aliases/{alias}", is: "Set an alias", gives: "Alias", says: "One of everyone's that is likely a slip (it leads nowhere, hides a model, or leads back to itself) is refused with the reasons (409) until it is sent with `confirm`.", json: aliases.aliasSchema },
  { on: "DELETE /admin/aliases/{alias}", is: "Delete an alias", query: aliases.removalQuery, ...gone },
  { on: "POST /admin/aliases/{alias}/restore", is: "Make one of everyone's aliases as it was published", gives: "Alias", says: "Also one that was deleted. 404 for one that was never published." },
  { on: "GET /admin/models", is: "List models", gives: "CatalogModelPage", says: "As they count here, whether or not they can be called, with their deployments.", query: models.listQuery },
  { on: "GET /admin/models/{model}", is: "One model", gives: "CatalogModel" },
  { on: "PUT /admin/models/{model}", is: "Make a model, or change its facts", gives: "EditedCatalogModel", says: "All its facts: they count in the place of the published ones, with later deployments too. What is likely a slip is refused with the reasons (409) until it is sent with `confirm`.", json: models.modelSchema },
  { on: "DELETE /admin/models/{model}", is: "Take the edit of a model back", says: "It is as the published catalog has it, or gone where that does not have it (409 while it has deployments).", ...gone },
  { on: "PUT /admin/deployments", is: "Make a deployment, change which model it serves, take it out or in", gives: "EditedDeployment", says: "A provider's address, key and whether it is self-hosted are the installation's: a deployment serves sovereign requests only where its provider is self-hosted. What is likely a slip (no price, the last of its model) is refused with the reasons (409) until it is sent with `confirm`.", json: deployments.deploymentSchema },
  { on: "DELETE /admin/deployments", is: "Take the edit of a deployment back", says: "It is as the published catalog has it, or gone where that does not have it.", query: deployments.deploymentQuery, ...gone },
  { on: "GET /admin/prices", is: "All prices a model has or had", gives: "PriceList", query: prices.listQuery },
  { on: "PUT /admin/prices", is: "Add a price", gives: "AddedPrice", says: "One of `picoUsd` (per token) and `usdPerMillion`. No row is ever changed.", json: prices.priceSchema },
  { on: "POST /admin/adjustments", is: "Correct what a request was charged", gives: "Adjustment", json: adjustment, status: 201 },
  { on: "GET /admin/applications", is: "Who asks to use this gateway through the dashboard", query: applications.listQuery },
  { on: "PUT /admin/applications/{email}", is: "Approve or decline an application", json: applications.decisionSchema },
  { on: "POST /admin/people/{email}/link", is: "A link by which somebody signs in, to hand over", json: linkSchema, bodyOptional: true, status: 201 },
  { on: "GET /admin/audit", is: "The audit trail", gives: "AuditPage", query: auditQuery },
  { on: "GET /admin/sovereign/selftest", is: "Try each way out of the sandbox of sovereign calls" },
  { on: "GET /admin/usage", is: "Any organisation's usage", gives: ["Usage", "GroupedUsage"], query: adminQuery },
];

export const adminFamily = (): Family => ({
  name: "Administration", about: "For whoever holds `ADMIN_SECRET`. A change that concerns a key holds from its next request on.", operations: operations().map((operation) => ({ ...operation, by: "admin" })),
});
