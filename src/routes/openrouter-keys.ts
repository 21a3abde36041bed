import { Hono, type Context } from "hono";
import * as z from "zod";
import { getKey, listLiveKeys, type KeyRecord } from "../accounts/key-record.ts";
import { createKey, noSuchKey, revokeKey, updateKey } from "../accounts/keys.ts";
import { agreementOf, deleteBudget, putBudget } from "../accounts/organisation-budgets.ts";
import type { KeyPolicy, Principal } from "../accounts/index.ts";
import { GatewayError } from "../errors.ts";
import { spendingOf } from "../ledger/index.ts";
import { isolateOf } from "../pipeline/index.ts";
import { adopt } from "./admin/adopt.ts";
import { nameSchema, readBody, readQuery, timeSchema } from "./admin/input.ts";
import { lookedUp, type App } from "./context.ts";
import { keyView, limitId, resets, scopeOf, windows, type Reset } from "./openrouter-key-view.ts";

const usdSchema = z.number("must be a number").positive("must be above 0").max(1e6).transform((usd) => Math.max(1, Math.round(usd * 1e9)));
const limitFields = { limit: usdSchema.nullish(), limit_reset: z.enum(resets).nullish(), include_byok_in_limit: z.boolean().nullish() };
export const newSchema = z.strictObject({ name: nameSchema, ...limitFields, expires_at: timeSchema.nullish(), creator_user_id: z.string().nullish(), workspace_id: z.string().nullish() });
export const patchSchema = z.strictObject({ name: nameSchema.optional(), disabled: z.boolean().optional(), ...limitFields });
export const listQuery = z.strictObject({ offset: z.coerce.number().int().min(0).default(0), include_disabled: z.enum(["true", "false"]).optional(), workspace_id: z.string().optional() });
const keysOnPage = 100;

type Manager = { principal: Principal; policy: KeyPolicy; headers: Record<string, string>; by: { actor: string; nowMs: number } };

/** The caller, if its key may manage others. */
async function managerOf(c: Context<App>): Promise<Manager> {
  const { principal, headers } = await lookedUp(c);
  const own = principal.managesKeys ? await getKey(c.env.DB, principal.keyId) : undefined;
  if (!own) throw new GatewayError("not_permitted", "This key does not manage keys. Whoever administers this gateway can make one that does: its policy says {\"managesKeys\": true}.", { shouldRetry: false });
  return { principal, policy: own.policy, headers, by: { actor: `key:${principal.keyId}`, nowMs: Date.now() } };
}

/** A key that the manager may see: one of its organisation's, of its project's if it has one. A foreign one is not there. */
async function keyOf(c: Context<App>, { principal, policy }: Manager): Promise<KeyRecord> {
  const hash = c.req.param("hash")!.slice(0, 100);
  const key = await getKey(c.env.DB, hash);
  if (!key || key.organisationId !== principal.organisationId || key.revokedAtMs !== null || (policy.project !== undefined && key.policy.project !== policy.project)) throw noSuchKey(hash);
  return key;
}

async function views(c: Context<App>, { principal: { organisationId } }: Manager, keys: readonly KeyRecord[]) {
  const [{ budgets }, spent] = await Promise.all([agreementOf(c.env.DB, organisationId), spendingOf(c.env.DB, organisationId, keys.map(({ id }) => id), Date.now())]);
  return keys.map((key) => keyView(key, budgets, spent.get(key.id)));
}
const view = async (c: Context<App>, manager: Manager, key: KeyRecord) => (await views(c, manager, [key]))[0]!;

/** A key's own limits on money: what it is given, but never more than its manager may spend itself. */
function moneyLimits({ policy: { limits } }: Manager, nanoUsd: number | null, reset: Reset): { budgetNanoUsd: number | null; monthlyNanoUsd: number | null } {
  const within = (own: number | undefined, wanted: number | null): number | null => {
    if (own !== undefined && wanted !== null && wanted > own) throw new GatewayError("not_permitted", `limit: this key itself may spend ${own / 1e9} USD.`, { param: "limit" });
    return wanted ?? own ?? null;
  };
  return { budgetNanoUsd: within(limits.budgetNanoUsd, reset === null ? nanoUsd : null), monthlyNanoUsd: within(limits.monthlyNanoUsd, reset === "monthly" ? nanoUsd : null) };
}

/** A day's or a week's limit is a budget that only this key draws on. One that is no more is taken away. */
async function setBudget(c: Context<App>, { principal: { organisationId }, by }: Manager, keyId: string, nanoUsd: number | null, reset: Reset): Promise<void> {
  const { budgets } = await agreementOf(c.env.DB, organisationId);
  const id = limitId(keyId);
  const old = budgets.find((budget) => budget.id === id);
  const window = reset === "daily" || reset === "weekly" ? windows[reset] : undefined;
  const wanted = nanoUsd !== null && window ? { id, scope: scopeOf(keyId), unit: "nanoUsd" as const, window, rolling: false, amount: nanoUsd, soft: [] } : undefined;
  if (old && old.window !== wanted?.window) {
    const { accounts, standings } = await deleteBudget(c.env.DB, by, organisationId, id);
    await adopt(c.env, standings, accounts);
  }
  if (!wanted) return;
  const { accounts, standings } = await putBudget(c.env.DB, by, organisationId, wanted);
  await adopt(c.env, standings, accounts);
}

const given = (limits: object): object => Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== null));

/** /api/v1/keys: keys made and ended by a key. https://openrouter.ai/docs/features/provisioning-api-keys */
export const openrouterKeys = new Hono<App>()
  .post("/", async (c) => {
    const manager = await managerOf(c);
    const { name, limit = null, limit_reset: reset = null, expires_at: expiresAtMs = null } = await readBody(c, newSchema);
    const { principal: { organisationId }, policy: { limits, models, sovereign, project, member, tags, onDisconnect }, by } = manager;
    if (expiresAtMs !== null && expiresAtMs <= by.nowMs) throw new GatewayError("invalid_request", "expires_at: lies in the past", { param: "expires_at" });
    const inherited = Object.fromEntries(Object.entries({ models, project, member, tags, onDisconnect }).filter(([, value]) => value !== undefined));
    const policy: KeyPolicy = { ...inherited, sovereign, usageScope: "key", limits: { ...limits, ...given(moneyLimits(manager, limit, reset)) } };
    const { KEY_PEPPER: pepper, KEY_PREFIX: prefix } = isolateOf(c.env).settings;
    const { key, secret } = await createKey(c.env.DB, by, pepper, { organisationId, name, policy, expiresAtMs, prefix });
    await setBudget(c, manager, key.id, limit, reset);
    return c.json({ data: await view(c, manager, key), key: secret }, 201, manager.headers);
  })
  .get("/", async (c) => {
    const manager = await managerOf(c);
    const { offset, include_disabled } = readQuery(c, listQuery);
    const { principal: { organisationId }, policy: { project }, headers } = manager;
    const keys = await listLiveKeys(c.env.DB, { organisationId, project, disabled: include_disabled === "true" }, { offset, limit: keysOnPage });
    return c.json({ data: await views(c, manager, keys) }, 200, headers);
  })
  .get("/:hash", async (c) => {
    const manager = await managerOf(c);
    return c.json({ data: await view(c, manager, await keyOf(c, manager)) }, 200, manager.headers);
  })
  .patch("/:hash", async (c) => {
    const manager = await managerOf(c);
    const old = await keyOf(c, manager);
    const { name, disabled, limit, limit_reset } = await readBody(c, patchSchema);
    const now = await view(c, manager, old);
    const reset = limit_reset === undefined ? (now.limit_reset as Reset) : limit_reset;
    const nanoUsd = limit === undefined ? (now.limit === null ? null : Math.round(now.limit * 1e9)) : limit;
    const changesLimit = limit !== undefined || limit_reset !== undefined;
    const { key, standings } = await updateKey(c.env.DB, manager.by, old.id, {
      ...(name !== undefined && { name }), policy: { ...(disabled !== undefined && { disabled: disabled || null }), ...(changesLimit && { limits: moneyLimits(manager, nanoUsd, reset) }) },
    });
    await adopt(c.env, standings);
    if (changesLimit) await setBudget(c, manager, key.id, nanoUsd, reset);
    return c.json({ data: await view(c, manager, key) }, 200, manager.headers);
  })
  .delete("/:hash", async (c) => {
    const manager = await managerOf(c);
    const { id } = await keyOf(c, manager);
    const { standings } = await revokeKey(c.env.DB, manager.by, id);
    await adopt(c.env, standings);
    await setBudget(c, manager, id, null, null);
    return c.json({ deleted: true }, 200, manager.headers);
  });
