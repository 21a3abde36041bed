import { Hono, type Context } from "hono";
import { secretFromRequest, type Principal } from "../accounts/index.ts";
import { rotateKey } from "../accounts/keys.ts";
import { GatewayError } from "../errors.ts";
import { usageReport } from "../ledger/index.ts";
import { answerHeaders, bearerOf, callerOf, look, refusal, relay, serve, type RequestContext, type Serve } from "../pipeline/index.ts";
import { insforgeChat, insforgeImages, openaiEmbeddings, renderInsforgeError, type Protocol } from "../protocols/index.ts";
import { callableModels, type CallableModel } from "../router/index.ts";
import { adopt } from "./admin/adopt.ts";
import { contextOf, type App } from "./context.ts";

const graceMs = 24 * 3_600_000;
const dayMs = 86_400_000;

/** /api/ai: InsForge's legacy AI proxy. Its keys are ours (`ik_…` for a project, `anon_…` for whoever visits it), and tokens of its users. */
export const insforge = new Hono<App>()
  .post("/chat/completion", async (c) => relay(await bearerOf(contextOf(c)), insforgeChat))
  .post("/image/generation", async (c) => relay(await bearerOf(contextOf(c)), insforgeImages))
  .post("/embeddings", async (c) => relay(await bearerOf(contextOf(c)), { ...openaiEmbeddings, renderError: renderInsforgeError }, embedding))
  .get("/models", async (c) => {
    const { context, principal, headers } = await administrator(c);
    const { isolate, startedAtMs, waitUntil } = context;
    const catalog = await isolate.catalog.get(startedAtMs, waitUntil);
    const { models: selfHostedModels } = await isolate.selfHosted.get(startedAtMs, waitUntil);
    const list = callableModels({ principal, catalog, atMs: startedAtMs, selfHostedModels, endpoints: isolate.endpoints });
    return c.json(list.map((one) => modelOf(one, catalog.byModel.get(one.id)?.[0]?.rates)), 200, headers);
  })
  .get("/overview", async (c) => {
    const { principal, headers } = await administrator(c);
    return c.json(await overviewOf(c.env.DB, principal), 200, headers);
  })
  .get("/config", async (c) => {
    const { secret, headers } = await administrator(c);
    return c.json({ apiKey: { configured: true, maskedKey: masked(secret) }, managementKey: { configured: false, maskedKey: null } }, 200, headers);
  })
  .get("/openrouter/api-key", async (c) => {
    const { secret, headers } = await administrator(c);
    return c.json({ apiKey: secret, maskedKey: masked(secret) }, 200, headers);
  })
  .post("/openrouter/api-key/rotate", async (c) => {
    const { context, principal, headers } = await administrator(c);
    const by = { actor: `key:${principal.keyId}`, nowMs: context.startedAtMs };
    const { secret, standings } = await rotateKey(c.env.DB, by, context.isolate.settings.KEY_PEPPER, { id: principal.keyId, graceMs });
    await adopt(c.env, standings);
    return c.json({ apiKey: secret, maskedKey: masked(secret) }, 200, headers);
  });

const masked = (secret: string): string => `${secret.slice(0, 6)}…${secret.slice(-4)}`;

/** A caller with a project's own key, which may see what visitors may not. Throws `model_not_allowed`, in whose place its clients hear that they are not allowed. */
async function administrator(c: Context<App>): Promise<{ context: RequestContext; principal: Principal; secret: string; headers: Record<string, string> }> {
  const context = contextOf(c);
  const secret = secretFromRequest(c.req.raw);
  const { principal, rate } = await look(context, await callerOf(context));
  if (!secret?.startsWith("ik_")) throw new GatewayError("plan_required", "Only a project's own key (ik_…) may see this.", { shouldRetry: false });
  return { context, principal, secret, headers: answerHeaders(context.requestId, rate, "application/json") };
}

type Embedded = { data: unknown; model: string; usage?: { prompt_tokens: number; total_tokens: number } };

/** What was embedded as OpenAI has it, with its usage where InsForge has it. */
const embedding: Serve = async (context, protocol: Protocol) => {
  const response = await serve(context, protocol);
  if (!response.ok) return response;
  const answer = await response.json<Embedded>().catch(() => undefined);
  if (!answer) return refusal(context, protocol, undefined, new GatewayError("upstream_error", "The provider's answer was no JSON."));
  const { data, model, usage } = answer;
  const metadata = { model, ...(usage && { usage: { promptTokens: usage.prompt_tokens, totalTokens: usage.total_tokens } }) };
  return new Response(JSON.stringify({ object: "list", data, metadata }), { status: response.status, headers: response.headers });
};

const perMillion = (pico: number): number => pico / 1e6;

const modelOf = ({ id, owner, createdAtMs, model }: CallableModel, rates: { input: number; output: number } | undefined): object => ({
  id, modelId: id, provider: owner, ...(createdAtMs > 0 && { created: Math.floor(createdAtMs / 1_000) }),
  inputModality: model?.inputModalities ?? ["text"], outputModality: model?.outputModalities ?? ["text"],
  ...(rates && { inputPrice: perMillion(rates.input), outputPrice: perMillion(rates.output) }),
});

/** What the key may spend and has spent, USD, and how it came about by day and model. */
async function overviewOf(db: D1Database, { keyId, keyName, organisationId, limits }: Principal): Promise<object> {
  const nowMs = Date.now();
  const viewer = { organisationId, keyId, usageScope: "key" } as const;
  const startOfDay = Math.floor(nowMs / dayMs) * dayMs;
  const [month, week, day, ever] = await Promise.all([
    usageReport(db, viewer, nowMs),
    ...[startOfDay - 6 * dayMs, startOfDay, 0].map((fromMs) => usageReport(db, viewer, nowMs, { fromMs, toMs: startOfDay + dayMs })),
  ]) as [Awaited<ReturnType<typeof usageReport>>, ...Awaited<ReturnType<typeof usageReport>>[]];
  const limit = limits.budgetNanoUsd === undefined ? null : limits.budgetNanoUsd / 1e9;
  const chart = (of: "costUsd" | "requests" | "tokens"): object[] =>
    month.byDay.map((one) => ({ label: one.day, value: of === "tokens" ? one.inputTokens + one.outputTokens : one[of] }));
  return {
    key: {
      label: keyName, limit, limitRemaining: limit === null ? null : Math.max(0, limit - ever!.totals.costUsd), usage: ever!.totals.costUsd,
      usageDaily: day!.totals.costUsd, usageWeekly: week!.totals.costUsd, usageMonthly: month.totals.costUsd, observabilityAvailable: true,
    },
    charts: { spend: chart("costUsd"), requests: chart("requests"), tokens: chart("tokens") },
    modelUsage: month.byModel.map(({ model, requests, costUsd, inputTokens, outputTokens }) => ({ model, requests, spend: costUsd, tokens: inputTokens + outputTokens })),
  };
}
