import { Hono } from "hono";
import { account } from "./admin/account.ts";
import { adjustments } from "./admin/adjustments.ts";
import { alerts } from "./admin/alerts.ts";
import { aliases } from "./admin/aliases.ts";
import { adminOnly, neverStored } from "./admin/access.ts";
import { applications } from "./admin/applications.ts";
import { audit } from "./admin/audit.ts";
import { checkout } from "./admin/checkout.ts";
import { allCredentials, credentials } from "./admin/credentials.ts";
import { deployments } from "./admin/deployments.ts";
import { keys } from "./admin/keys.ts";
import { members } from "./admin/members.ts";
import { models } from "./admin/models.ts";
import { organisations } from "./admin/organisations.ts";
import { people } from "./admin/people.ts";
import { plans } from "./admin/plans.ts";
import { prices } from "./admin/prices.ts";
import { rules } from "./admin/rules.ts";
import { sovereign } from "./admin/sovereign.ts";
import { tokenIssuers } from "./admin/token-issuers.ts";
import { usage } from "./admin/usage.ts";
import type { App } from "./context.ts";

/**
 * /admin: organisations, their rules and alerts, people, applications, plans, keys, credentials, models, deployments, aliases, prices, corrections, audit trail, usage, sovereign mode, for whoever holds ADMIN_SECRET. A change
 * that concerns a key has reached the key's Durable Object when the call answers.
 */
export const admin = new Hono<App>()
  .use(neverStored)
  .use(adminOnly)
  .route("/organisations", organisations)
  .route("/organisations/:id/members", members)
  .route("/organisations/:id/credentials", credentials)
  .route("/organisations/:id/token-issuers", tokenIssuers)
  .route("/organisations/:id/alerts", alerts)
  .route("/organisations/:id", rules)
  .route("/organisations/:id", account)
  .route("/organisations/:id", checkout)
  .route("/credentials", allCredentials)
  .route("/people", people)
  .route("/plans", plans)
  .route("/keys", keys)
  .route("/applications", applications)
  .route("/aliases", aliases)
  .route("/models", models)
  .route("/deployments", deployments)
  .route("/prices", prices)
  .route("/adjustments", adjustments)
  .route("/audit", audit)
  .route("/sovereign", sovereign)
  .route("/usage", usage);
