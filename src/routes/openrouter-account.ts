import { Hono } from "hono";
import * as z from "zod";
import { getKey } from "../accounts/key-record.ts";
import { agreementOf } from "../accounts/organisation-budgets.ts";
import { GatewayError } from "../errors.ts";
import { findRequest, groupedUsage, spendingOf, spentByAll, type Viewer } from "../ledger/index.ts";
import type { AccountStanding } from "../limits/index.ts";
import { requestIdOf } from "../protocols/index.ts";
import { readQuery } from "./admin/input.ts";
import { iso } from "./admin/output.ts";
import { lookedUp, type App } from "./context.ts";
import { generationView } from "./openrouter-generation-view.ts";
import { limitOf, useView } from "./openrouter-key-view.ts";

const dayMs = 86_400_000;
/** Days of activity that are told: the last ones that are over. */
const activityDays = 30;
/** Rows of one answer. */
const mostRows = 20_000;
export const activityQuery = z.strictObject({ date: z.iso.date().optional() });
export const generationQuery = z.strictObject({ id: z.string().min(1).max(200) });

/** What of /api/v1 tells of the calling key and what it used. https://openrouter.ai/docs/api-reference/get-current-api-key */
export const openrouterAccount = new Hono<App>()
  .get("/key", async (c) => {
    const { context: { isolate }, principal, headers } = await lookedUp(c);
    const { keyId, organisationId, keyName, managesKeys = false, limits } = principal;
    await isolate.meters.of(keyId).flush();
    const [key, { budgets, prepaid }, spent] = await Promise.all([getKey(c.env.DB, keyId), agreementOf(c.env.DB, organisationId), spendingOf(c.env.DB, organisationId, [keyId], Date.now())]);
    const { requestsPerMinute } = limits;
    return c.json({
      data: {
        label: key?.secrets[0]?.hint ?? keyName, ...useView(limitOf(keyId, limits, budgets), spent.get(keyId)), expires_at: iso(key?.expiresAtMs ?? null),
        // What is free elsewhere is counted by nobody here: a key's own limit holds for all models.
        is_free_tier: false, free_model_daily_requests: { limit: 0, used: 0, remaining: 0 },
        is_management_key: managesKeys, is_provisioning_key: managesKeys, creator_user_id: null, organization_id: organisationId, workspace_id: organisationId,
        rate_limit: { requests: requestsPerMinute, interval: "1m", note: prepaid ? "Requests per minute of this key; its organisation pays in advance." : "Requests per minute of this key." },
        allowed_data_regions: [],
      },
    }, 200, headers);
  })
  .get("/credits", async (c) => {
    const { principal: { organisationId, usageScope, managesKeys }, headers } = await lookedUp(c);
    if (usageScope !== "organisation" && !managesKeys) throw new GatewayError("not_permitted", "This key sees its own usage only (GET /api/v1/key), not its organisation's credits.", { shouldRetry: false });
    const { prepaid } = await agreementOf(c.env.DB, organisationId);
    if (!prepaid) return c.json({ data: { total_credits: 0, total_usage: (await spentByAll(c.env.DB, organisationId)) / 1e9 } }, 200, headers);
    const { creditNanoUsd, credit } = (await c.env.ORG_ACCOUNT.getByName(organisationId).standing(Date.now())) as AccountStanding;
    return c.json({ data: { total_credits: creditNanoUsd / 1e9, total_usage: credit.spent / 1e9 } }, 200, headers);
  })
  .get("/generation", async (c) => {
    const { context: { isolate }, principal, headers } = await lookedUp(c);
    const { id } = readQuery(c, generationQuery);
    const requestId = requestIdOf(id);
    const entry = (await isolate.meters.of(principal.keyId).entry(requestId)) ?? (await findRequest(c.env.DB, principal, requestId));
    if (!entry) throw new GatewayError("not_found", `No finished generation ${JSON.stringify(id.slice(0, 100))} is known for this key.`);
    return c.json({ data: generationView(entry, principal.organisationId) }, 200, headers);
  })
  .get("/activity", async (c) => {
    const { principal, headers } = await lookedUp(c);
    const { date } = readQuery(c, activityQuery);
    const today = Math.floor(Date.now() / dayMs) * dayMs;
    const fromMs = date === undefined ? today - activityDays * dayMs : Date.parse(date);
    if (fromMs < today - activityDays * dayMs || fromMs >= today) throw new GatewayError("invalid_request", `date: must be one of the last ${activityDays} days that are over`, { param: "date" });
    const viewer: Viewer = principal.managesKeys ? { organisationId: principal.organisationId, usageScope: "organisation" } : principal;
    const { rows } = await groupedUsage(c.env.DB, viewer, today, { fromMs, toMs: date === undefined ? today : fromMs + dayMs }, { groupBy: ["day", "model"], limit: mostRows });
    return c.json({
      data: rows.map(({ day, model, requests, inputTokens, outputTokens, reasoningTokens, costUsd }) => ({
        date: day!, model: model!, model_permaslug: model!, endpoint_id: model!, provider_name: gatewayName, usage: costUsd, byok_usage_inference: 0, requests,
        prompt_tokens: inputTokens, completion_tokens: outputTokens, reasoning_tokens: reasoningTokens,
      })),
    }, 200, headers);
  });

/** Totals know which model was asked for, not who answered: that stands in each generation. */
const gatewayName = "Forge";
